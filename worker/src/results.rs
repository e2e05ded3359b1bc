//! What tools return and how a call can fail: typed, without source text. Engines make these, reports show them.

mod changed;
mod codeguru;

pub use changed::{ChangedFunctions, ChangedUse, MAX_CHANGED_ROWS, MAX_TOUCHED, Share, Touched};
pub use codeguru::{Beside, CodeReview};

use eco_coder_analyzer::{Finding, Notes};
use eco_coder_github::ApiError;
use eco_coder_shared::env::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::backends::measured::{
    CpuSeconds, Measured, MeasuredFootprint, MeasuredGrams, Megabytes, OwnCpu, Quantity, Reading,
};
use eco_coder_bench::Comparison;
use eco_coder_profile::Summary;

/// Kinds of failure, as the metrics' label `ErrorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// It took longer than it may.
    Timeout,
    /// Somebody asked us to wait.
    Throttle,
    /// A service answered with an error.
    ApiError,
    /// The arguments were wrong.
    ValidationError,
}

impl ErrorType {
    /// As in the metrics and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Throttle => "throttle",
            Self::ApiError => "api_error",
            Self::ValidationError => "validation_error",
        }
    }
}

impl From<&ApiError> for ErrorType {
    fn from(error: &ApiError) -> Self {
        match error {
            ApiError::Unavailable { late: true, .. } | ApiError::Ambiguous { late: true, .. } => Self::Timeout,
            ApiError::RateLimited { .. } => Self::Throttle,
            ApiError::Validation { .. } | ApiError::TooLarge { .. } => Self::ValidationError,
            _ => Self::ApiError,
        }
    }
}

/// A tool call failed. What the model or the author reads is kept apart from what an operator reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{for_operator}")]
pub struct ToolError {
    /// What kind.
    pub error_type: ErrorType,
    /// For the model and the report: plain words, no ids, no addresses.
    pub for_model: String,
    /// For logs.
    pub for_operator: String,
}

impl ToolError {
    /// The arguments were wrong; the model can try others.
    pub fn arguments(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { error_type: ErrorType::ValidationError, for_operator: why.clone(), for_model: why }
    }

    /// It could not be done; another try may go better.
    pub fn unavailable(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { error_type: ErrorType::ApiError, for_operator: why.clone(), for_model: why }
    }
}

/// How a code review ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReviewStatus {
    /// Everything that can be looked at was.
    Completed,
    /// Something was not: see `reason` and `skipped`.
    Partial,
    /// Nothing was.
    Failed,
}

/// A changed file that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFile {
    /// Its path: untrusted text.
    pub path: String,
    /// Why, in words: "generated", "over 2 MB".
    pub reason: String,
    /// It should have been looked at: a limit or a fault kept it from being, not its kind.
    pub gap: bool,
}

/// The most findings of one pull request that are kept, the heaviest: a report shows ten, and folds or counts the others.
pub const MAX_FINDINGS: usize = 1_000;
/// What the findings that are kept may take as JSON, bytes. With what follows it fits into what a session stores.
const MAX_FINDINGS_BYTES: usize = 4 << 20;
/// What the list of skipped files may take as JSON, bytes; beyond, its paths are shortened.
const MAX_SKIPPED_BYTES: usize = 2 << 20;
/// What is said in passing may take as JSON, bytes; beyond, its paths are shortened.
const MAX_NOTES_BYTES: usize = 256 << 10;
/// What is left of such a path, characters: more than a report shows.
const SHORT_PATH: usize = 160;

/// The tool's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeAnalysis {
    /// Names this analysis: engine and commit.
    pub review_id: String,
    /// How it ended.
    pub status: ReviewStatus,
    /// Why it isn't complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The findings that are kept.
    pub recommendations: Vec<Finding>,
    /// How many were found.
    pub total_recommendations: usize,
    /// Files looked at.
    pub files_analyzed: usize,
    /// Files that the pull request changes.
    pub files_changed: usize,
    /// Files not looked at.
    pub skipped: Vec<SkippedFile>,
    /// What the repository should know of its own settings: sentences about what could not be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// What is said in passing.
    #[serde(default, skip_serializing_if = "Notes::is_empty")]
    pub notes: Notes,
    /// The functions that are changed, for whoever has a profile.
    #[serde(default, skip_serializing_if = "Touched::is_empty")]
    pub touched: Touched,
    /// Findings muted in the source.
    pub suppressed: u32,
    /// Files not looked at because something failed: another try may see them.
    #[serde(default)]
    pub faults: usize,
    /// CPU time of the analysis, seconds, as the system counted it.
    pub cpu_seconds: OwnCpu,
    /// CodeGuru Reviewer's part, if it was asked and answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codeguru: Option<Beside>,
}

impl CodeAnalysis {
    /// The same, small enough to be stored whatever the pull request is like. Findings are left out from the lightest,
    /// and the analysis says so.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let heaviest_first = |a: &Finding, b: &Finding| (b.severity, b.confidence).cmp(&(a.severity, a.confidence));
        self.recommendations.sort_by(heaviest_first);
        let mut bytes = 0;
        let fits = |finding: &&Finding| {
            bytes += json_bytes(*finding);
            bytes <= MAX_FINDINGS_BYTES
        };
        let kept = self.recommendations.iter().take(MAX_FINDINGS).take_while(fits).count();
        if kept < self.recommendations.len() {
            let all = self.recommendations.len();
            self.recommendations.truncate(kept);
            self.lacks(format!("of {all} findings, the {kept} heaviest are kept"));
        }
        let by_place = |f: &Finding| (f.file_path.clone(), f.start_line, f.rule_id.clone());
        self.recommendations.sort_by_cached_key(by_place);
        if json_bytes(&self.skipped) > MAX_SKIPPED_BYTES {
            self.skipped.iter_mut().for_each(|file| shorten(&mut file.path));
        }
        if json_bytes(&self.notes) > MAX_NOTES_BYTES {
            let notes = &mut self.notes;
            notes.functions.iter_mut().for_each(|note| shorten(&mut note.file_path));
            notes.todo_places.iter_mut().for_each(|place| shorten(&mut place.file_path));
            let copies = notes.duplicates.found.iter_mut().flat_map(|copy| &mut copy.places);
            copies.for_each(|place| shorten(&mut place.file_path));
        }
        self
    }

    /// Says what it lacks, beside what it lacks already.
    fn lacks(&mut self, what: String) {
        self.reason = Some(match self.reason.take() {
            Some(reason) => format!("{reason}; {what}"),
            None => what,
        });
        if self.status == ReviewStatus::Completed {
            self.status = ReviewStatus::Partial;
        }
    }

    /// Did it see less than it should?
    pub fn is_partial(&self) -> bool {
        self.status != ReviewStatus::Completed
    }
}

/// The tool's output. What can't be derived is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerformanceProfile {
    /// Names this measurement: what `calculate_carbon_footprint` refers to.
    pub profiling_id: String,
    /// The measurement.
    #[serde(flatten)]
    pub profile: Summary,
    /// Its CPU time as a measurement, if it has any: what a footprint is calculated from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Measured<CpuSeconds>>,
    /// Its memory as a measurement, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Measured<Megabytes>>,
    /// Where a flame graph can be seen, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flame_graph_url: Option<String>,
    /// Where the profile came from, in words: the file's name, or the service that has it.
    pub source: String,
    /// What was measured, if it isn't the pull request's head but a service as it is deployed. Absent: the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed_service: Option<DeployedService>,
}

/// A service that runs somewhere, and is measured there: whatever it says is true of what is deployed, not of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeployedService {
    /// The name it is measured under.
    pub profiling_group: String,
    /// Since when, if the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// Until when, if the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// What its profiler recommends, as it orders them.
    #[serde(default)]
    pub recommendations: Vec<ServiceRecommendation>,
    /// How many it has; the list may be shorter.
    #[serde(default)]
    pub total_recommendations: usize,
    /// Why the recommendations could not be had, in words for the author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendations_missing: Option<String>,
}

/// What a profiler recommends for a service. Untrusted text, bounded in length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceRecommendation {
    /// Name of the pattern.
    pub name: String,
    /// What is inefficient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_steps: Option<String>,
    /// From which share of the service's samples on it is recommended, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_percent: Option<f64>,
    /// Where in the profile, the heaviest first.
    #[serde(default)]
    pub top_matches: Vec<ServiceMatch>,
}

/// A place in a profile that a recommendation is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceMatch {
    /// The function that was looked for, or the address in the profile.
    pub function_name: String,
    /// What exceeded the threshold, as the profiler states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_breach_value: Option<f64>,
}

/// Benchmarks of base against head. Names are untrusted text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Benchmarks {
    /// The comparison, with at most 200 rows.
    pub comparison: Comparison,
    /// What was left out, or why nothing is compared.
    pub remarks: Vec<String>,
    /// What the changed times mean in CO2e.
    pub co2e: Vec<CarbonChange>,
}

impl Benchmarks {
    /// Nothing is compared.
    pub fn without(why: String) -> Self {
        let comparison = Comparison { rows: Vec::new(), only_in_base: Vec::new(), only_in_head: Vec::new() };
        Self { comparison, remarks: vec![why], co2e: Vec::new() }
    }
}

/// A changed time as CO2e.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CarbonChange {
    /// The benchmark's.
    pub name: String,
    /// Executions that the grams are of.
    pub executions: u64,
    /// Grams of CO2e at base.
    pub base_g: f64,
    /// Grams of CO2e at head.
    pub head_g: f64,
    /// Grams that the change is at least and at most, by the interval of the times.
    pub interval_g: Option<(f64, f64)>,
}

/// What `profile_code_performance` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Profiled {
    /// A profile.
    Measured(Box<PerformanceProfile>),
    /// None, which is no error.
    Nothing {
        /// Why, in words for the author.
        nothing_measured: String,
    },
}

impl Profiled {
    /// The profile, if there is one.
    pub fn measured(&self) -> Option<&PerformanceProfile> {
        match self {
            Self::Measured(profile) => Some(profile),
            Self::Nothing { .. } => None,
        }
    }
}

/// A path as far as a report shows it.
fn shorten(path: &mut String) {
    if let Some((end, _)) = path.char_indices().nth(SHORT_PATH) {
        path.truncate(end);
        path.push('\u{2026}');
    }
}

fn json_bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::MAX_VALUE;

    fn finding(path: &str, severity: &str, line: usize) -> Finding {
        let text = "x".repeat(600);
        serde_json::from_value(json!({
            "file_path": path, "start_line": line, "end_line": line, "rule_id": "EC-PY-072", "aliases": ["GCI72"],
            "title": "A finding", "severity": severity, "category": "Performance", "confidence": "High",
            "description": text, "recommendation": text, "link": null, "evidence": text, "fingerprint": "f".repeat(64),
        }))
        .unwrap()
    }

    fn analysis(recommendations: Vec<Finding>) -> CodeAnalysis {
        CodeAnalysis {
            review_id: "embedded-x".to_owned(),
            status: ReviewStatus::Completed,
            reason: None,
            total_recommendations: recommendations.len(),
            recommendations,
            files_analyzed: 1,
            files_changed: 1,
            skipped: Vec::new(),
            notices: Vec::new(),
            notes: Notes::default(),
            touched: Touched::default(),
            suppressed: 0,
            faults: 0,
            cpu_seconds: OwnCpu::default(),
            codeguru: None,
        }
    }

    #[test]
    fn the_heaviest_findings_are_kept_up_to_the_bound_and_one_more_is_counted() {
        let all = |low: usize| {
            let light = (0..low).map(|line| finding("a.py", "Low", line + 1));
            light.chain([finding("b.py", "High", 1)]).collect::<Vec<_>>()
        };
        let at = analysis(all(MAX_FINDINGS - 1));
        assert_eq!(at.clone().bounded(), at);
        let over = analysis(all(MAX_FINDINGS)).bounded();
        assert_eq!((over.recommendations.len(), over.total_recommendations), (MAX_FINDINGS, MAX_FINDINGS + 1));
        assert_eq!(over.recommendations.last().unwrap().file_path, "b.py", "the heaviest, at its place");
        assert!(over.is_partial());
        assert_eq!(over.reason.as_deref(), Some("of 1001 findings, the 1000 heaviest are kept"));
    }

    #[test]
    fn findings_that_are_left_out_are_said_beside_what_else_is_missing() {
        let mut gaps = analysis((0..=MAX_FINDINGS).map(|line| finding("a.py", "Low", line + 1)).collect());
        (gaps.status, gaps.reason) = (ReviewStatus::Partial, Some("2 files could not be looked at".to_owned()));
        let expected = "2 files could not be looked at; of 1001 findings, the 1000 heaviest are kept";
        assert_eq!(gaps.bounded().reason.as_deref(), Some(expected));
    }

    #[test]
    fn no_pull_request_has_more_findings_and_skipped_files_than_a_session_stores() {
        // Git allows paths of 4,096 bytes; in JSON a control character takes six.
        let path = "\u{1}".repeat(4096);
        let mut worst = analysis((0..MAX_FINDINGS).map(|line| finding(&path, "High", line + 1)).collect());
        let reason = "its patch can't be read: line 4294967295 of the patch doesn't fit its hunk's line counts: read the \
                      whole file instead";
        worst.skipped = vec![SkippedFile { path, reason: reason.to_owned(), gap: true }; 3_000];
        let bounded = worst.bounded();
        assert!(json_bytes(&bounded) < MAX_VALUE, "{} bytes", json_bytes(&bounded));
        assert!(!bounded.recommendations.is_empty() && bounded.is_partial());
        assert_eq!(bounded.skipped.len(), 3_000, "each is still named");
    }

    #[test]
    fn a_failure_of_githubs_is_of_the_kind_that_its_cause_is() {
        let reason = || "no answer".to_owned();
        let message = || "no".to_owned();
        for (error, kind) in [
            (ApiError::Unavailable { reason: reason(), retry_after: None, late: true }, ErrorType::Timeout),
            (ApiError::Ambiguous { reason: reason(), late: true }, ErrorType::Timeout),
            (ApiError::Unavailable { reason: reason(), retry_after: None, late: false }, ErrorType::ApiError),
            (ApiError::Ambiguous { reason: reason(), late: false }, ErrorType::ApiError),
            (ApiError::RateLimited { until: Timestamp(0), secondary: true }, ErrorType::Throttle),
            (ApiError::Validation { message: message() }, ErrorType::ValidationError),
            (ApiError::TooLarge { what: "the answer's body" }, ErrorType::ValidationError),
            (ApiError::Forbidden { message: message() }, ErrorType::ApiError),
            (ApiError::NotFound, ErrorType::ApiError),
        ] {
            assert_eq!(ErrorType::from(&error), kind, "{error}");
        }
    }
}
