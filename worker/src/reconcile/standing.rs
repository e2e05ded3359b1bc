//! How a pull request stands, by its row, and what its comment is worth. Pure.

use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;

use crate::claim::Row;
use crate::publish::body::Marker;

/// What changed last so long ago, and was never heard of, was there before us: it is not reviewed by itself. GitHub keeps
/// deliveries as long.
pub(super) const LOOK_BACK: Duration = Duration::from_hours(72);

/// A review that waits is received about then: at the end of its delay, and when a worker is free.
const COMES_BACK: Duration = Duration::from_mins(15);

/// What is to be done about a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A worker has it, or it waits for its time: look again in the next run.
    Busy,
    /// Its head is reviewed; only its comment may be wrong.
    Reviewed,
    /// Nothing, until it changes or an operator redrives: its head failed too often, or it is older than we.
    Left,
    /// Somebody has to look at it.
    Missed,
}

/// Stands the pull request with this head, changed last at `updated`, at `now`?
pub(super) fn standing(row: &Row, head: &CommitSha, updated: Timestamp, now: Timestamp, max_attempts: u32) -> Standing {
    let is_put_down = row.waits.as_ref().is_some_and(|waits| now < waits.until + COMES_BACK);
    if (row.holder.is_some() && row.lease_until > now) || is_put_down {
        return Standing::Busy;
    }
    let is_of_head = row.attempts_for.as_ref() == Some(head);
    // A deployment that is silent about clean pull requests publishes none.
    let in_silence = row.published.is_none() && row.done.is_some() && row.attempts == 0 && is_of_head;
    if row.published.as_ref() == Some(head) || in_silence {
        Standing::Reviewed
    } else if (is_of_head && row.attempts >= max_attempts) || (row.epoch == 0 && updated + LOOK_BACK < now) {
        Standing::Left
    } else {
        Standing::Missed
    }
}

/// The epoch of a late write, if the comment is what one left: a marker of ours with an older epoch than the row's, or with
/// another head under the same. A newer one is that of a worker which hasn't noted it yet, and whose hint comes back.
pub(super) fn written_over(row: &Row, body: &str, deployment: &str) -> Option<u64> {
    let marker = Marker::parse(body).filter(|marker| marker.deployment == deployment);
    let Some(marker) = marker else {
        // Somebody edited the marker away: then it isn't ours any more, and the next publishing makes one.
        return Some(0);
    };
    let is_older = marker.epoch < row.published_under;
    let is_other = marker.epoch <= row.published_under && row.published.as_ref() != Some(&marker.head);
    // A row of before has no epoch of its comment.
    let is_unknown = row.published_under == 0 && row.published.as_ref() != Some(&marker.head);
    (is_older || is_other || is_unknown).then_some(marker.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Waits;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const MOST: u32 = 3;

    fn sha(c: char) -> CommitSha {
        c.to_string().repeat(40).parse().unwrap()
    }

    fn stands(row: &Row) -> Standing {
        standing(row, &sha('a'), NOW - Duration::from_hours(1), NOW, MOST)
    }

    #[test]
    fn a_row_says_how_its_pull_request_stands() {
        let known = Row { epoch: 1, ..Row::default() };
        let waiting = |until| Row { waits: Some(Waits { until, why: "a limit".into() }), ..known.clone() };
        let head = Some(sha('a'));
        let cases = [
            (Row::default(), Standing::Missed),
            (known.clone(), Standing::Missed),
            (Row { published: head.clone(), ..known.clone() }, Standing::Reviewed),
            (Row { published: Some(sha('b')), ..known.clone() }, Standing::Missed),
            (Row { done: Some("d".into()), attempts_for: head.clone(), ..known.clone() }, Standing::Reviewed),
            (Row { done: Some("d".into()), attempts_for: Some(sha('b')), ..known.clone() }, Standing::Missed),
            (
                Row { done: Some("d".into()), attempts_for: head.clone(), attempts: 1, ..known.clone() },
                Standing::Missed,
            ),
            (Row { attempts_for: head.clone(), attempts: MOST, ..known.clone() }, Standing::Left),
            (Row { attempts_for: Some(sha('b')), attempts: MOST, ..known.clone() }, Standing::Missed),
            (
                Row { holder: Some("h".into()), lease_until: NOW + Duration::from_secs(1), ..known.clone() },
                Standing::Busy,
            ),
            (Row { holder: Some("h".into()), lease_until: NOW, ..known.clone() }, Standing::Missed),
            (waiting(NOW - COMES_BACK + Duration::from_millis(1)), Standing::Busy),
            (waiting(NOW - COMES_BACK), Standing::Missed),
        ];
        for (row, expected) in cases {
            assert_eq!(stands(&row), expected, "{row:?}");
        }
    }

    #[test]
    fn what_was_there_long_before_us_is_left_and_what_we_knew_is_not() {
        let before = NOW - LOOK_BACK - Duration::from_millis(1);
        let at = |row: &Row, updated| standing(row, &sha('a'), updated, NOW, MOST);
        assert_eq!(at(&Row::default(), before), Standing::Left);
        assert_eq!(at(&Row::default(), NOW - LOOK_BACK), Standing::Missed);
        assert_eq!(at(&Row { epoch: 1, ..Row::default() }, before), Standing::Missed);
    }

    #[test]
    fn a_comment_of_an_older_epoch_or_another_head_was_written_over() {
        let row = Row { epoch: 9, published_under: 6, published: Some(sha('a')), ..Row::default() };
        let body = |epoch, head| format!("{}\nwords", Marker::new("us", epoch, sha(head)).render());
        for (body, expected) in [
            (body(6, 'a'), None),
            (body(5, 'b'), Some(5)),
            (body(5, 'a'), Some(5)),
            (body(6, 'b'), Some(6)),
            (body(7, 'b'), None),
            ("edited by hand".to_owned(), Some(0)),
            (format!("{}\n", Marker::new("them", 6, sha('a')).render()), Some(0)),
        ] {
            assert_eq!(written_over(&row, &body, "us"), expected, "{body}");
        }
        let of_before = Row { published_under: 0, ..row };
        assert_eq!(written_over(&of_before, &body(4, 'a'), "us"), None);
        assert_eq!(written_over(&of_before, &body(4, 'b'), "us"), Some(4));
    }
}
