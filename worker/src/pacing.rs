//! Writes to GitHub that all workers make as one installation, counted in the store: so many in a minute, so many in an
//! hour, as GitHub bears it. Whoever finds none left is told when there are more, and its job waits in the queue, for free.
//!
//! Each write costs a conditional write of the store. The windows are fixed ones: at the border between two, twice as many
//! can come in a row; the pause between two writes of each worker stays.
//! Source: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eco_coder_github::Pace;
use eco_coder_shared::env::{SharedEnv, Timestamp};

use crate::config::tables::GitHubTable;
use crate::store::Store;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Counts in the store.
pub struct SharedPace {
    store: Arc<dyn Store>,
    env: SharedEnv,
    /// Length of the window, and writes in it.
    windows: Vec<(Duration, u64)>,
}

impl SharedPace {
    /// As the settings say; none if nothing is to be counted.
    pub fn configured(github: &GitHubTable, store: &Arc<dyn Store>, env: &SharedEnv) -> Option<Arc<dyn Pace>> {
        let windows = [(MINUTE, github.writes_per_minute), (HOUR, github.writes_per_hour)];
        let windows: Vec<_> = windows.into_iter().filter(|(_, most)| *most > 0).collect();
        let pace = Self { store: Arc::clone(store), env: Arc::clone(env), windows };
        if pace.windows.is_empty() { None } else { Some(Arc::new(pace)) }
    }
}

#[async_trait]
impl Pace for SharedPace {
    async fn take(&self, identity: &str, now: Timestamp) -> Result<(), Timestamp> {
        for (length, most) in &self.windows {
            let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
            let start = Timestamp(now.0.div_euclid(millis) * millis);
            let end = start + *length;
            let name = format!("writes-{identity}-{}-{}", length.as_secs(), start.0);
            match self.store.spend(&name, 1, *most, end + *length).await {
                Ok(true) => {}
                // Not all at once when the next one begins.
                Ok(false) => return Err(end + self.env.between(Duration::ZERO, *length / 10)),
                Err(error) => {
                    // The worker's own pause between two writes holds, and GitHub's answers do.
                    tracing::warn!(component = "pacing", %error, "writes of all workers can't be counted");
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::env::ManualEnv;

    use super::*;
    use crate::store::sqlite::SqliteStore;

    fn pace(store: &Arc<dyn Store>, per_minute: u64, per_hour: u64) -> Option<Arc<dyn Pace>> {
        let env: SharedEnv = Arc::new(ManualEnv::new(Timestamp(0), 1));
        let table = GitHubTable { writes_per_minute: per_minute, writes_per_hour: per_hour, ..GitHubTable::default() };
        SharedPace::configured(&table, store, &env)
    }

    #[tokio::test]
    async fn all_workers_together_write_no_more_in_a_minute_and_an_hour_than_github_bears() {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().unwrap());
        let (one, two) = (pace(&store, 3, 5).unwrap(), pace(&store, 3, 5).unwrap());
        let at = |seconds: i64| Timestamp::from_seconds(1_699_999_200 + seconds);
        for pace in [&one, &two, &one] {
            pace.take("installation-1", at(10)).await.unwrap();
        }
        let until = two.take("installation-1", at(11)).await.unwrap_err();
        assert!((at(60)..=at(66)).contains(&until), "{until}");
        two.take("installation-2", at(11)).await.unwrap();
        for _ in 0..2 {
            two.take("installation-1", at(61)).await.unwrap();
        }
        let until = one.take("installation-1", at(130)).await.unwrap_err();
        assert!((at(3600)..=at(3960)).contains(&until), "the hour is spent: {until}");
        one.take("installation-1", at(3600)).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_to_be_counted_costs_nothing() {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().unwrap());
        assert!(pace(&store, 0, 0).is_none());
        let hourly = pace(&store, 0, 1).unwrap();
        hourly.take("token", Timestamp(0)).await.unwrap();
        assert!(hourly.take("token", Timestamp(1)).await.is_err());
    }
}
