//! The review history: what is kept of a review whose comment stands. Figures and names, no words of the source or of a
//! model.

use std::time::Duration;

use eco_coder_analyzer::Severity;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::PullKey;
use serde::{Deserialize, Serialize};

use crate::report::{Ledger, Report};
use crate::results::{MeasuredFootprint, MeasuredGrams};
use crate::subject::Target;

/// How long a review stays in the history: 90 days.
pub const HISTORY_DAYS: u32 = 90;

/// A review whose comment stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reviewed {
    /// When it was posted.
    pub at: Timestamp,
    /// The lease it was made under: with the pull request, its name.
    pub epoch: u64,
    /// What was reviewed.
    pub target: Target,
    /// Something was not looked at, or a tool failed.
    pub incomplete: bool,
    /// Findings by severity.
    pub findings: Counts,
    /// Files looked at.
    pub files_analyzed: usize,
    /// Files that the pull request changes.
    pub files_changed: usize,
    /// Grams of CO2e of the measured run, if one of the head was measured: a deployed service's footprint is no run's.
    pub measured_co2e_grams: Option<MeasuredGrams>,
    /// From the webhook to the comment, seconds.
    pub seconds_from_webhook: f64,
    /// What the review itself cost.
    pub ledger: Ledger,
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Critical.
    pub critical: usize,
    /// High.
    pub high: usize,
    /// Medium.
    pub medium: usize,
    /// Low.
    pub low: usize,
    /// Info.
    pub info: usize,
}

impl Reviewed {
    /// What is kept of `report`, posted at `at`, `waited` after its webhook.
    pub fn of(report: &Report, epoch: u64, at: Timestamp, waited: Duration) -> Self {
        let quality = report.quality.present();
        Self {
            at,
            epoch,
            target: report.target.clone(),
            incomplete: report.has_faults() || quality.is_none_or(crate::results::CodeAnalysis::is_partial),
            findings: Counts::of(report),
            files_analyzed: quality.map_or(0, |analysis| analysis.files_analyzed),
            files_changed: quality.map_or(0, |analysis| analysis.files_changed),
            measured_co2e_grams: report
                .measured_head()
                .and_then(|_| report.carbon.present())
                .map(MeasuredFootprint::grams),
            seconds_from_webhook: waited.as_secs_f64(),
            ledger: report.ledger.clone(),
        }
    }

    /// The pull request.
    pub fn key(&self) -> PullKey {
        PullKey { repo_id: self.target.repository_id, pull: self.target.pull_request }
    }

    /// When it leaves the history.
    pub fn expires(&self) -> Timestamp {
        self.at + AGE
    }
}

/// The oldest that is shown at `now`.
pub fn oldest(now: Timestamp) -> Timestamp {
    now - AGE
}

const AGE: Duration = Duration::from_hours(24 * HISTORY_DAYS as u64);

impl Counts {
    fn of(report: &Report) -> Self {
        let mut counts = Self::default();
        for finding in report.findings() {
            *match finding.severity {
                Severity::Critical => &mut counts.critical,
                Severity::High => &mut counts.high,
                Severity::Medium => &mut counts.medium,
                Severity::Low => &mut counts.low,
                Severity::Info => &mut counts.info,
            } += 1;
        }
        counts
    }

    /// All of them.
    pub fn all(&self) -> usize {
        self.critical + self.high + self.medium + self.low + self.info
    }
}
