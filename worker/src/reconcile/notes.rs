//! What one run leaves to the next: tags, marks, and what was asked for already. Ids, names and times; no source text.
//! Forgetting a note costs reads, and at worst a hint or a delivery more.

use std::collections::BTreeMap;
use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, RepoId};
use serde::{Deserialize, Serialize};

use super::places::Cursor;
use super::summary::Summary;

/// The name of the fleet's note.
pub(super) const NOTE: &str = "reconcile";
/// How long notes are kept after the last run that wrote them.
pub(super) const KEPT: Duration = Duration::from_hours(24 * 30);

/// Of the fleet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct FleetNote {
    pub(super) last: LastRun,
    pub(super) deliveries: DeliveriesNote,
    /// The App's installations.
    pub(super) installations: Vec<KnownPage<u64>>,
    /// Where the sweep goes on.
    pub(super) cursor: Cursor,
}

/// The last run, for operators.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LastRun {
    /// When it began.
    pub started: Timestamp,
    /// Repositories that were looked at.
    pub repositories: u32,
    /// Hints that were sent.
    pub hinted: u32,
    /// Deliveries that were asked for again.
    pub redelivered: u32,
    /// What was left out.
    pub skipped: usize,
    /// Why it ended before its end.
    pub stopped: Option<String>,
}

impl LastRun {
    /// Of this run.
    pub(super) fn of(summary: &Summary) -> Self {
        Self {
            started: summary.started,
            repositories: summary.repositories,
            hinted: summary.hinted,
            redelivered: summary.redelivered,
            skipped: summary.skipped.len(),
            stopped: summary.stopped.clone(),
        }
    }

    /// Reads it out of the fleet's note; none if there is none.
    pub fn read(note: &[u8]) -> Option<Self> {
        serde_json::from_slice::<FleetNote>(note).ok().map(|note| note.last)
    }
}

/// A page of a list as it was read last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KnownPage<T> {
    /// Its address; none for the first.
    pub(super) at: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// Of the App's deliveries.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DeliveriesNote {
    /// Of the first page.
    pub(super) tag: Option<String>,
    /// What came before is looked at.
    pub(super) mark: Timestamp,
    /// A look back that has not come to its end.
    pub(super) under_way: Option<LookingBack>,
    /// Still to be asked for: the delivery and its guid.
    pub(super) pending: Vec<(u64, String)>,
    /// By guid.
    pub(super) asked: BTreeMap<String, Asked>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LookingBack {
    pub(super) next: String,
    /// The newest delivery when it began, and the tag of that page.
    pub(super) newest: Timestamp,
    pub(super) tag: Option<String>,
}

/// How often a webhook was asked for again, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) times: u8,
    pub(super) at: Timestamp,
}

/// Of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RepoNote {
    /// Of the first page.
    pub(super) tag: Option<String>,
    /// That page has all that are open.
    pub(super) one_page: bool,
    /// What changed before is looked at.
    pub(super) mark: Timestamp,
    /// When all that are open were listed last.
    pub(super) listed_at: Timestamp,
    /// A list that has not come to its end.
    pub(super) under_way: Option<Listing>,
    /// The open ones, by number.
    pub(super) pulls: BTreeMap<u64, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    pub(super) next: String,
    pub(super) pages: usize,
    pub(super) started: Timestamp,
    /// It ends at what changed before; zero: all are listed.
    pub(super) until: Timestamp,
    /// The newest change when it began, and the tag of that page.
    pub(super) newest: Timestamp,
    pub(super) tag: Option<String>,
}

/// One open pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) repo_id: RepoId,
    pub(super) head: CommitSha,
    pub(super) updated: Timestamp,
    /// By the list that began then.
    pub(super) listed: Timestamp,
    /// The policy lets it be reviewed.
    pub(super) admitted: bool,
    /// Nothing is to be done until it changes.
    pub(super) settled: bool,
    /// What was sent for last, and when.
    #[serde(default)]
    pub(super) hinted: Option<(String, Timestamp)>,
    #[serde(default)]
    pub(super) comment: Option<KnownComment>,
}

/// Its comment as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownComment {
    pub(super) id: u64,
    pub(super) tag: Option<String>,
    pub(super) at: Timestamp,
}
