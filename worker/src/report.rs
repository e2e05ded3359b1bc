//! What a review says: the typed report that tool results become, before it is Markdown or JSON. Numbers come here from
//! tools only; a model adds words and order. Holds no source text.

pub mod markdown;

use eco_coder_analyzer::{Category, Finding, Language, Severity};
use eco_coder_shared::ids::CommitSha;
use serde::{Deserialize, Serialize};

use crate::model::energy::ModelEnergy;
use crate::results::{
    Benchmarks, ChangedFunctions, CodeAnalysis, ErrorType, MeasuredFootprint, MeasuredGrams, PerformanceProfile,
    Touched,
};
use crate::subject::Target;
use crate::tools::post_github_comment::Advice;

/// Version of the report's JSON; a change of meaning raises it, and with it the cache key.
pub const SCHEMA: u32 = 4;

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

/// What a model added, all of it untrusted text until it is sanitised at rendering. Its findings stand in the diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPart {
    /// The model's id.
    pub model: String,
    /// What it advises.
    pub verdict: Advice,
    /// Its summary, Markdown.
    pub summary: String,
    /// Which of the tools' findings matter, the weightiest first.
    pub important: Vec<Emphasis>,
    /// Findings of its own.
    pub further: Vec<ModelFinding>,
    /// Findings of its own that were dropped: they don't stand in the diff, or the tools have them.
    pub dropped: usize,
    /// What else would be good.
    pub suggestions: Vec<String>,
}

/// Why a finding of the tools matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emphasis {
    /// The finding's.
    pub fingerprint: String,
    /// In the model's words.
    pub why: String,
}

/// A finding of a model's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFinding {
    /// A changed file.
    pub file_path: String,
    /// Where its evidence stands at the head.
    pub line: u32,
    /// What is wrong, in a few words.
    pub title: String,
    /// Low to High.
    pub severity: Severity,
    /// About what.
    pub category: Category,
    /// Why it is wrong.
    pub explanation: String,
    /// What to do.
    pub fix: String,
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
        /// What it said of an earlier push, and what still holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standing: Option<ModelPart>,
    },
}

/// The tools' findings beside those of the pull request's last review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// The head reviewed then.
    pub head: CommitSha,
    /// Findings of then that are not there any more.
    pub fixed: usize,
    /// Findings of then that are still there.
    pub remaining: usize,
    /// Fingerprints of those that were not there.
    pub new: Vec<String>,
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
    pub co2e_grams: Option<MeasuredGrams>,
    /// Model tokens read, cached ones included.
    pub input_tokens: u64,
    /// Model tokens of that which came from the model's prompt cache.
    pub cached_tokens: u64,
    /// Model tokens written.
    pub output_tokens: u64,
    /// US dollars for the tokens; absent if no price is known.
    pub dollars: Option<f64>,
    /// What the model's own computation took; absent if nobody has published figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_energy: Option<ModelEnergy>,
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
    pub carbon: Section<MeasuredFootprint>,
    /// What the functions that the pull request changes use of the profile, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_functions: Option<ChangedFunctions>,
    /// Benchmarks of base against head, if CI left any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmarks: Option<Benchmarks>,
    /// The language of most changed files: what it is said in how to provide a profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_language: Option<Language>,
    /// The model's part.
    pub model: ModelSection,
    /// What has changed since the last review of this pull request, if that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// What the review cost.
    pub ledger: Ledger,
}

impl ModelPart {
    /// Where among those that matter the model put this finding.
    fn place_of(&self, finding: &Finding) -> Option<usize> {
        self.important.iter().position(|emphasis| emphasis.fingerprint == finding.fingerprint)
    }

    /// Why this finding matters, in the model's words.
    pub fn why(&self, finding: &Finding) -> Option<&str> {
        self.place_of(finding).and_then(|at| self.important.get(at)).map(|emphasis| emphasis.why.as_str())
    }
}

/// An analysis' findings, heaviest first: by severity, then confidence, then place. A model knows them by their places.
pub fn ordered(analysis: &CodeAnalysis) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = analysis.recommendations.iter().collect();
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

impl Report {
    /// The tools' findings, heaviest first; of the same severity, those that the model gives weight first.
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings = self.quality.present().map(ordered).unwrap_or_default();
        let part = self.model_part();
        let place = |finding: &Finding| part.and_then(|part| part.place_of(finding)).unwrap_or(usize::MAX);
        findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), place(finding)));
        findings
    }

    /// What the model added, if it came to its report.
    pub fn model_part(&self) -> Option<&ModelPart> {
        match &self.model {
            ModelSection::Finished(part) => Some(part),
            ModelSection::Unfinished { standing, .. } => standing.as_ref(),
            ModelSection::NotConfigured => None,
        }
    }

    /// Something failed that may go well another time: files that could not be fetched, a tool that did not answer.
    pub fn has_faults(&self) -> bool {
        self.fault().is_some()
    }

    /// Of which kind the first of them is.
    pub fn fault(&self) -> Option<ErrorType> {
        let broke = |error_type: &ErrorType| matches!(error_type, ErrorType::ApiError | ErrorType::Timeout);
        let quality = match &self.quality {
            Section::Present(analysis) => (analysis.faults > 0).then_some(ErrorType::ApiError),
            Section::Absent { .. } => None,
            Section::Failed { error_type, .. } => Some(*error_type).filter(broke),
        };
        let performance = match &self.performance {
            Section::Failed { error_type, .. } => Some(*error_type).filter(broke),
            Section::Present(_) | Section::Absent { .. } => None,
        };
        quality.or(performance)
    }

    /// It lacks something that it should have: a tool's answer, a file that could not be looked at, the model's part.
    pub fn is_degraded(&self) -> bool {
        let quality = match &self.quality {
            Section::Present(analysis) => analysis.is_partial(),
            Section::Absent { .. } => false,
            Section::Failed { .. } => true,
        };
        let failed =
            matches!(self.performance, Section::Failed { .. }) || matches!(self.carbon, Section::Failed { .. });
        quality || failed || matches!(self.model, ModelSection::Unfinished { .. })
    }

    /// What was measured of the head itself.
    pub fn measured_head(&self) -> Option<&PerformanceProfile> {
        self.performance.present().filter(|profile| profile.deployed_service.is_none())
    }

    /// The functions that the pull request changes, for the one time that they are asked for.
    pub fn take_touched(&mut self) -> Touched {
        match &mut self.quality {
            Section::Present(analysis) => std::mem::take(&mut analysis.touched),
            Section::Absent { .. } | Section::Failed { .. } => Touched::default(),
        }
    }

    /// Nothing to mend, and everything that could be looked at was.
    pub fn is_clean(&self) -> bool {
        let complete = self.quality.present().is_some_and(|analysis| !analysis.is_partial());
        // What the service does as it is deployed says nothing about this pull request.
        let measured = self.measured_head().is_some();
        let failed =
            matches!(self.performance, Section::Failed { .. }) || matches!(self.carbon, Section::Failed { .. });
        let compared = self.benchmarks.is_some();
        let advised = self.model_part().is_some_and(|part| !part.further.is_empty() || part.verdict == Advice::Mend);
        self.findings().is_empty() && complete && !measured && !compared && !failed && !advised
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
