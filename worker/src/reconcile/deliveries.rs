//! The App's webhooks that did not arrive: which ones, and asking GitHub for them again. A webhook that arrived in the end
//! needs nothing; one that fails again and again is given up after a bounded number of times.

use std::collections::HashSet;
use std::time::Duration;

use eco_coder_github::{ApiError, Caller, HookDelivery, Seen};
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::telemetry::audit::{self, EventType};
use metrics::counter;

use super::Reconciler;
use super::meter::{Halt, Meter};
use super::notes::{Asked, DeliveriesNote, LookingBack};
use super::standing::LOOK_BACK;
use super::summary::Summary;

/// The events that jobs are made of. Others are no loss.
const EVENTS: [&str; 3] = ["pull_request", "workflow_run", "check_run"];
/// How often a webhook is asked for.
pub(super) const MAX_TIMES: u8 = 3;
/// Pages of a hundred that one run reads; the next goes on there.
pub(super) const MAX_PAGES: usize = 20;
/// Deliveries still to be asked for that are remembered.
const MAX_PENDING: usize = 2_000;
/// GitHub's list may show one a moment late, below one that is newer.
const OVERLAP: Duration = Duration::from_mins(2);

/// Which of these, the newest first, are to be asked for again: the last try of each webhook that no try has brought.
fn missed(deliveries: &[HookDelivery], note: &DeliveriesNote) -> Vec<(u64, String)> {
    let mut settled: HashSet<&str> = HashSet::new();
    let mut again = Vec::new();
    for delivery in deliveries {
        let is_first = settled.insert(&delivery.guid);
        if delivery.is_ok() {
            // An earlier try that failed is made good; a later one is in the list already.
            again.retain(|(_, guid)| *guid != delivery.guid);
            continue;
        }
        let open = match note.asked.get(&delivery.guid) {
            None => true,
            // What was asked for has its own entry once it was tried.
            Some(asked) => asked.times < MAX_TIMES && delivery.delivered_at >= seconds(asked.at),
        };
        if is_first && open && EVENTS.contains(&delivery.event.as_str()) {
            again.push((delivery.id, delivery.guid.clone()));
        }
    }
    again
}

/// GitHub's times are whole seconds.
fn seconds(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(1000) * 1000)
}

impl Reconciler {
    /// Looks back to the last run's mark, three days at most, and asks for what was missed.
    pub(super) async fn redeliver(
        &self,
        meter: &mut Meter<'_>,
        note: &mut DeliveriesNote,
        summary: &mut Summary,
    ) -> Result<(), Halt> {
        let now = self.env.now();
        // GitHub has forgotten them by then.
        note.asked.retain(|_, asked| now < asked.at + LOOK_BACK + LOOK_BACK);
        if note.pending.is_empty() {
            self.look_back(meter, note, now).await?;
        }
        // The oldest first: it is nearest to being forgotten.
        while let Some((id, guid)) = note.pending.last().cloned() {
            if !self.settings.dry_run {
                match meter.call(&Caller::App, self.github.redeliver(id)).await {
                    Ok(()) => {}
                    // Too old, or gone: the sweep finds what it was about.
                    Err(Halt::GitHub(ApiError::NotFound | ApiError::Gone | ApiError::Validation { .. })) => {
                        note.pending.pop();
                        continue;
                    }
                    Err(halt) => return Err(halt),
                }
                counter!("ReconcileRedeliveries").increment(1);
                let parameters = serde_json::json!({ "delivery": id, "guid": guid });
                audit::record(EventType::Reconcile, "", "redeliver", &parameters, "asked", Duration::ZERO);
            }
            note.pending.pop();
            summary.redelivery(&guid);
            let times = note.asked.get(&guid).map_or(0, |asked| asked.times);
            note.asked.insert(guid, Asked { times: times + 1, at: now });
        }
        Ok(())
    }

    /// What was read is judged whether or not the reading came to its end.
    async fn look_back(&self, meter: &mut Meter<'_>, note: &mut DeliveriesNote, now: Timestamp) -> Result<(), Halt> {
        let mut all = Vec::new();
        let read = self.read_back(meter, note, now, &mut all).await;
        note.pending = missed(&all, note);
        note.pending.truncate(MAX_PENDING);
        read
    }

    async fn read_back(
        &self,
        meter: &mut Meter<'_>,
        note: &mut DeliveriesNote,
        now: Timestamp,
        all: &mut Vec<HookDelivery>,
    ) -> Result<(), Halt> {
        let until = (note.mark - OVERLAP).max(now - LOOK_BACK);
        for _ in 0..MAX_PAGES {
            let (next, tag) = match &note.under_way {
                Some(looking) => (Some(looking.next.clone()), None),
                None => (None, note.tag.clone()),
            };
            let page = self.github.hook_deliveries(next.as_deref(), tag.as_deref());
            let page = match meter.look(&Caller::App, page).await {
                Ok(Seen::Fresh(page)) => page,
                Ok(Seen::Unchanged) => return Ok(()),
                Err(halt) => {
                    if matches!(halt, Halt::GitHub(_)) {
                        // A place that can't be gone on from: the next run begins at the newest.
                        note.under_way = None;
                    }
                    return Err(halt);
                }
            };
            let (newest, tag) = match note.under_way.take() {
                Some(looking) => (looking.newest, looking.tag),
                None => (page.items.first().map_or(note.mark, |newest| newest.delivered_at), page.tag),
            };
            let is_far_enough = page.items.iter().any(|delivery| delivery.delivered_at < until);
            all.extend(page.items.into_iter().filter(|delivery| delivery.delivered_at >= until));
            let Some(next) = page.next.filter(|_| !is_far_enough) else {
                (note.mark, note.tag) = (newest, tag);
                return Ok(());
            };
            note.under_way = Some(LookingBack { next, newest, tag });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: u64, guid: &str, at: i64, status_code: u16, event: &str) -> HookDelivery {
        HookDelivery {
            id,
            guid: guid.to_owned(),
            delivered_at: Timestamp::from_seconds(at),
            status_code,
            event: event.to_owned(),
        }
    }

    fn ids(deliveries: &[HookDelivery], note: &DeliveriesNote) -> Vec<u64> {
        missed(deliveries, note).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn what_no_try_has_brought_is_asked_for_by_its_last_try() {
        let list = [
            delivery(9, "brought", 90, 202, "pull_request"),
            delivery(8, "twice", 80, 503, "pull_request"),
            delivery(7, "silent", 70, 0, "workflow_run"),
            delivery(6, "other", 60, 500, "push"),
            delivery(5, "brought", 50, 500, "pull_request"),
            delivery(4, "twice", 40, 500, "pull_request"),
            delivery(3, "fine", 30, 202, "pull_request"),
            delivery(2, "failed-after", 20, 500, "pull_request"),
            delivery(1, "failed-after", 10, 202, "pull_request"),
        ];
        assert_eq!(ids(&list, &DeliveriesNote::default()), [8, 7]);
    }

    #[test]
    fn a_webhook_is_asked_for_again_when_that_failed_and_not_for_ever() {
        let list = [delivery(2, "g", 100, 500, "pull_request")];
        let asked = |times, at| DeliveriesNote {
            asked: [("g".to_owned(), Asked { times, at: Timestamp(at) })].into(),
            ..DeliveriesNote::default()
        };
        assert_eq!(ids(&list, &asked(1, 101_000)), [0; 0], "it is still on its way");
        assert_eq!(ids(&list, &asked(1, 100_900)), [2], "it came in the second in which it was asked for");
        assert_eq!(ids(&list, &asked(MAX_TIMES - 1, 99_000)), [2]);
        assert_eq!(ids(&list, &asked(MAX_TIMES, 99_000)), [0; 0]);
    }
}
