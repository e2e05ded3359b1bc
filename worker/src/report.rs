//! What a review says: the typed report that tool results become, before it is Markdown or JSON. Numbers come here from
//! tools only; a model adds words and order. Holds no source text.

pub mod markdown;

use eco_coder_analyzer::Finding;
use eco_coder_carbon::Footprint;
use serde::{Deserialize, Serialize};

use crate::results::{CodeAnalysis, ErrorType, PerformanceProfile};
use crate::subject::Target;

/// Version of the report's JSON; a change of meaning raises it, and with it the cache key.
pub const SCHEMA: u32 = 1;

/// One tool's part of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Section<T> {
    /// The tool ran.
    Present(T),
    /// There was nothing to run on; no error.
    Absent {
        /// Why, in words for the author.
        why: String,
    },
    /// The tool failed.
    Failed {
        /// What kind of failure.
        error_type: ErrorType,
        /// Why, in words for the author.
        why: String,
    },
}

impl<T> Section<T> {
    /// The result, if there is one.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent { .. } | Self::Failed { .. } => None,
        }
    }
}

/// What a model added, all of it untrusted text until it is sanitised at rendering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPart {
    /// The model's id.
    pub model: String,
    /// Its summary, Markdown.
    pub summary: String,
}

/// How far the model came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ModelSection {
    /// None is configured.
    NotConfigured,
    /// It finished its report.
    Finished(ModelPart),
    /// It didn't; the report is turn 0's.
    Unfinished {
        /// Why, in words for the author.
        why: String,
    },
}

/// Where the results came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Analysed in this review.
    Fresh,
    /// Taken from the results by commit SHA.
    Cached,
}

/// What the review itself cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Wall time from the claim to the report, seconds.
    pub seconds: f64,
    /// CPU time of the analysis, seconds, as the system counted it.
    pub analyser_cpu_seconds: f64,
    /// Grams of CO2e of that CPU time; absent if it wasn't measured.
    pub co2e_grams: Option<f64>,
    /// Model tokens read, cached ones included.
    pub input_tokens: u64,
    /// Model tokens of that which came from the model's prompt cache.
    pub cached_tokens: u64,
    /// Model tokens written.
    pub output_tokens: u64,
    /// US dollars for the tokens; absent if no price is known.
    pub dollars: Option<f64>,
    /// Fresh or cached.
    pub freshness: Freshness,
}

/// A review's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was reviewed.
    pub target: Target,
    /// `analyze_code`.
    pub quality: Section<CodeAnalysis>,
    /// `profile_code_performance`.
    pub performance: Section<PerformanceProfile>,
    /// `calculate_carbon_footprint`.
    pub carbon: Section<Footprint>,
    /// The model's part.
    pub model: ModelSection,
    /// What the review cost.
    pub ledger: Ledger,
}

impl Report {
    /// The findings, heaviest first: by severity, then confidence, then place.
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> =
            self.quality.present().map(|analysis| analysis.recommendations.iter().collect()).unwrap_or_default();
        findings.sort_by(|a, b| {
            (b.severity, b.confidence, &a.file_path, a.start_line, &a.rule_id).cmp(&(
                a.severity,
                a.confidence,
                &b.file_path,
                b.start_line,
                &b.rule_id,
            ))
        });
        findings
    }

    /// Something failed that may go well another time: files that could not be fetched, a tool that did not answer.
    pub fn has_faults(&self) -> bool {
        let broke = |error_type: &ErrorType| matches!(error_type, ErrorType::ApiError | ErrorType::Timeout);
        let quality = match &self.quality {
            Section::Present(analysis) => analysis.faults > 0,
            Section::Absent { .. } => false,
            Section::Failed { error_type, .. } => broke(error_type),
        };
        quality || matches!(&self.performance, Section::Failed { error_type, .. } if broke(error_type))
    }

    /// What was measured of the head itself.
    pub fn measured_head(&self) -> Option<&PerformanceProfile> {
        self.performance.present().filter(|profile| profile.deployed_service.is_none())
    }

    /// Nothing to mend, and everything that could be looked at was.
    pub fn is_clean(&self) -> bool {
        let complete = self.quality.present().is_some_and(|analysis| !analysis.is_partial());
        // What the service does as it is deployed says nothing about this pull request.
        let measured = self.measured_head().is_some();
        let failed =
            matches!(self.performance, Section::Failed { .. }) || matches!(self.carbon, Section::Failed { .. });
        self.findings().is_empty() && complete && !measured && !failed
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_survives_its_encoding() {
        let analysis = json!({
            "outcome": "present", "review_id": "r", "status": "Partial", "reason": "1 file could not be looked at",
            "recommendations": [], "total_recommendations": 0, "files_analyzed": 1, "files_changed": 2,
            "skipped": [{"path": "a", "reason": "over 2 MB", "gap": true}], "suppressed": 0, "cpu_seconds": 0.5
        });
        let report: Report = serde_json::from_value(json!({
            "schema": SCHEMA,
            "target": {
                "repository": "o/r", "repository_id": 1, "pull_request": 2,
                "head_sha": "a".repeat(40), "merge_base_sha": "b".repeat(40)
            },
            "quality": analysis,
            "performance": {"outcome": "failed", "error_type": "timeout", "why": "timeout"},
            "carbon": {"outcome": "absent", "why": "no CPU time was measured"},
            "model": {"status": "not_configured"},
            "ledger": {
                "seconds": 1.0, "analyser_cpu_seconds": 0.5, "co2e_grams": 0.001, "input_tokens": 0,
                "cached_tokens": 0, "output_tokens": 0, "dollars": null, "freshness": "fresh"
            }
        }))
        .unwrap();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        assert!(report.quality.present().unwrap().is_partial());
    }
}
