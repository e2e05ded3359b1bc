//! Which repositories are swept, and in which order: as an App those of each installation, with a token those that the
//! allow-list names. A run goes once around at most, from where the last one stopped.

use eco_coder_github::{ApiError, Caller, GitHub, Page, Seen};
use eco_coder_shared::ids::RepoName;
use serde::{Deserialize, Serialize};

use super::Reconciler;
use super::meter::{Halt, Meter};
use super::notes::{FleetNote, KnownPage};
use super::summary::Summary;

/// Pages of a hundred installations, and of a hundred repositories of one, that are read.
const MAX_PAGES: usize = 50;

/// A page to read: where it is, and what it was.
struct At {
    next: Option<String>,
    tag: Option<String>,
}

/// How far a run came: after this repository of this installation (0: a token's).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cursor {
    installation: u64,
    /// Lower case; none: before the first.
    after: Option<String>,
}

/// A part of the way around.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leg {
    installation: u64,
    after: Option<String>,
    /// This one included.
    until: Option<String>,
}

/// Once around these, from the cursor: the installation where it stands comes last again, up to there.
fn around(mut installations: Vec<u64>, cursor: &Cursor) -> Vec<Leg> {
    installations.sort_unstable();
    installations.dedup();
    let at = installations.partition_point(|id| *id < cursor.installation);
    installations.rotate_left(at);
    let stands_in = installations.first() == Some(&cursor.installation) && cursor.after.is_some();
    let mut legs: Vec<Leg> =
        installations.into_iter().map(|installation| Leg { installation, after: None, until: None }).collect();
    if stands_in && let Some(first) = legs.first_mut() {
        first.after.clone_from(&cursor.after);
        let rest = Leg { installation: first.installation, after: None, until: cursor.after.clone() };
        legs.push(rest);
    }
    legs
}

/// Those of a leg, by name.
fn along(leg: &Leg, mut repositories: Vec<RepoName>) -> Vec<RepoName> {
    let lower = |repo: &RepoName| repo.as_str().to_ascii_lowercase();
    repositories.retain(|repo| {
        let name = lower(repo);
        leg.after.as_ref().is_none_or(|after| name > *after) && leg.until.as_ref().is_none_or(|until| name <= *until)
    });
    repositories.sort_by_key(lower);
    repositories
}

impl Reconciler {
    /// Sweeps every repository that may be, and leaves the cursor behind each.
    pub(super) async fn sweep_all(
        &self,
        meter: &mut Meter<'_>,
        note: &mut FleetNote,
        cursor: &mut Cursor,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let installations = if self.github.is_app() { self.installations(meter, note).await? } else { vec![0] };
        for leg in around(installations, cursor) {
            *cursor = Cursor { installation: leg.installation, after: leg.after.clone() };
            match self.sweep_leg(meter, &leg, cursor, summary).await {
                // This installation's alone.
                Err(halt @ (Halt::Low { .. } | Halt::GitHub(_))) => {
                    let what = if leg.installation == 0 {
                        "repositories".to_owned()
                    } else {
                        format!("installation {}", leg.installation)
                    };
                    summary.skip(&what, &halt);
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn sweep_leg(
        &self,
        meter: &mut Meter<'_>,
        leg: &Leg,
        cursor: &mut Cursor,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let repositories = match leg.installation {
            0 => self.policy.named(),
            id => self.repositories(meter, id).await?,
        };
        for repo in along(leg, repositories) {
            if self.policy.admits(&repo).is_ok() {
                match self.sweep(meter, &repo, summary).await {
                    // This repository's alone: it is gone, or the token may not see it.
                    Err(Halt::GitHub(error)) => summary.skip(repo.as_str(), &error),
                    other => other?,
                }
            }
            cursor.after = Some(repo.as_str().to_ascii_lowercase());
        }
        Ok(())
    }

    async fn installations(&self, meter: &mut Meter<'_>, note: &mut FleetNote) -> Result<Vec<u64>, Halt> {
        let known = std::mem::take(&mut note.installations);
        let ask = |github: GitHub, At { next, tag }| async move {
            Ok(match github.installations(next.as_deref(), tag.as_deref()).await? {
                Seen::Unchanged => Seen::Unchanged,
                Seen::Fresh(page) => {
                    let active = page.items.iter().filter(|it| !it.suspended).map(|it| it.id).collect();
                    Seen::Fresh(Page { items: active, tag: page.tag, next: page.next })
                }
            })
        };
        note.installations = self.list(meter, &Caller::App, known, ask).await?;
        Ok(note.installations.iter().flat_map(|page| page.items.iter().copied()).collect())
    }

    async fn repositories(&self, meter: &mut Meter<'_>, id: u64) -> Result<Vec<RepoName>, Halt> {
        let name = format!("reconcile/installation/{id}");
        let known: Vec<KnownPage<RepoName>> = self.noted(&name).await?.unwrap_or_default();
        let tags: Vec<Option<String>> = known.iter().map(|page| page.tag.clone()).collect();
        let ask = |github: GitHub, At { next, tag }| async move {
            github.installation_repositories(id, next.as_deref(), tag.as_deref()).await
        };
        let pages = self.list(meter, &Caller::Installation(id), known, ask).await?;
        if pages.iter().map(|page| &page.tag).ne(&tags) {
            self.put_note(&name, &pages).await?;
        }
        let repositories: Vec<RepoName> = pages.into_iter().flat_map(|page| page.items).collect();
        self.github.remember_installed(&repositories, id);
        Ok(repositories)
    }

    /// Reads a list, of which some pages are known.
    async fn list<T, F>(
        &self,
        meter: &mut Meter<'_>,
        caller: &Caller,
        known: Vec<KnownPage<T>>,
        ask: impl Fn(GitHub, At) -> F,
    ) -> Result<Vec<KnownPage<T>>, Halt>
    where
        F: Future<Output = Result<Seen<Page<T>>, ApiError>>,
    {
        let mut known = known.into_iter();
        let mut pages = Vec::new();
        let mut at: Option<String> = None;
        while pages.len() < MAX_PAGES {
            let before = known.next().filter(|page| page.at == at);
            let tag = before.as_ref().and_then(|page| page.tag.clone());
            let asked = ask(self.github.clone(), At { next: at.clone(), tag });
            let page = match (meter.look(caller, asked).await?, before) {
                (Seen::Fresh(page), _) => {
                    KnownPage { at: at.take(), tag: page.tag, items: page.items, next: page.next }
                }
                (Seen::Unchanged, Some(before)) => before,
                // Nobody asked for that.
                (Seen::Unchanged, None) => break,
            };
            at.clone_from(&page.next);
            pages.push(page);
            if at.is_none() {
                break;
            }
        }
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(installation: u64, after: Option<&str>, until: Option<&str>) -> Leg {
        Leg { installation, after: after.map(str::to_owned), until: until.map(str::to_owned) }
    }

    #[test]
    fn a_run_goes_once_around_from_where_the_last_one_stopped() {
        let at = |installation, after: Option<&str>| Cursor { installation, after: after.map(str::to_owned) };
        let all = || vec![9, 3, 5];
        assert_eq!(around(all(), &at(0, None)), [leg(3, None, None), leg(5, None, None), leg(9, None, None)]);
        assert_eq!(
            around(all(), &at(5, Some("a/m"))),
            [leg(5, Some("a/m"), None), leg(9, None, None), leg(3, None, None), leg(5, None, Some("a/m"))]
        );
        // That installation is gone.
        assert_eq!(around(all(), &at(6, Some("a/m"))), [leg(9, None, None), leg(3, None, None), leg(5, None, None)]);
        assert_eq!(around(vec![0], &at(0, Some("a/m"))), [leg(0, Some("a/m"), None), leg(0, None, Some("a/m"))]);
        assert_eq!(around(Vec::new(), &at(5, None)), []);
    }

    #[test]
    fn the_legs_of_one_installation_have_each_repository_once() {
        let names = |leg: &Leg| {
            let all = ["b/z", "A/m", "a/b", "a/N"].map(|name| name.parse::<RepoName>().unwrap());
            along(leg, all.into()).into_iter().map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&leg(1, Some("a/m"), None)), ["a/N", "b/z"]);
        assert_eq!(names(&leg(1, None, Some("a/m"))), ["a/b", "A/m"]);
        assert_eq!(names(&leg(1, None, None)), ["a/b", "A/m", "a/N", "b/z"]);
    }
}
