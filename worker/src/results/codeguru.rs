//! What CodeGuru Reviewer said of a head, and how that is merged with our own analysis.

use eco_coder_analyzer::Finding;
use serde::{Deserialize, Serialize};

use super::{CodeAnalysis, MAX_FINDINGS, ReviewStatus, ToolError, json_bytes};

/// What its findings may take as JSON, bytes: with our own they fit into a report.
const MAX_BYTES: usize = 2 << 20;

/// CodeGuru Reviewer's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeReview {
    /// The review's name at CodeGuru.
    pub review_id: String,
    /// Completed, or partial: what there was at the deadline.
    pub status: ReviewStatus,
    /// Why it isn't complete, in words for the author.
    pub reason: Option<String>,
    /// Its recommendations on changed lines.
    pub recommendations: Vec<Finding>,
    /// All that it made, those on other lines too.
    pub total_recommendations: usize,
}

/// CodeGuru's part of an analysis: figures for the report's footer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The review's name at CodeGuru.
    pub review_id: String,
    /// All that it recommended.
    pub total_recommendations: usize,
    /// Of these, those on changed lines.
    pub on_changed_lines: usize,
}

impl CodeReview {
    /// The same, small enough to be stored, the heaviest findings first.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let all = self.recommendations.len();
        self.recommendations.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let mut bytes = 0;
        let fits = |finding: &&Finding| {
            bytes += json_bytes(*finding);
            bytes <= MAX_BYTES
        };
        let kept = self.recommendations.iter().take(MAX_FINDINGS).take_while(fits).count();
        if kept < all {
            self.recommendations.truncate(kept);
            let cut = format!("of {all} recommendations, the {kept} heaviest are kept");
            self.reason = Some(self.reason.map_or(cut.clone(), |reason| format!("{reason}; {cut}")));
            self.status = ReviewStatus::Partial;
        }
        self
    }
}

impl CodeAnalysis {
    /// With CodeGuru's findings beside ours, or with the reason why there are none.
    #[must_use]
    pub fn merged(mut self, review: Result<CodeReview, ToolError>) -> Self {
        let review = match review {
            Ok(review) => review,
            Err(error) => {
                self.lacks(format!("CodeGuru Reviewer: {}; the embedded analyser did its part", error.for_model));
                return self;
            }
        };
        self.codeguru = Some(Beside {
            review_id: review.review_id,
            total_recommendations: review.total_recommendations,
            on_changed_lines: review.recommendations.len(),
        });
        for finding in review.recommendations {
            if let Some(ours) = self.recommendations.iter_mut().find(|ours| is_same(ours, &finding)) {
                // Ours says what to do, and how to mute it.
                if !ours.aliases.contains(&finding.rule_id) {
                    ours.aliases.push(finding.rule_id);
                }
            } else {
                self.recommendations.push(finding);
                self.total_recommendations += 1;
            }
        }
        if review.status != ReviewStatus::Completed {
            self.lacks(format!(
                "CodeGuru Reviewer: {}",
                review.reason.as_deref().unwrap_or("its answer is not complete")
            ));
        }
        self.bounded()
    }
}

/// Two engines of one mind: the same lines, and the same weakness by its number, or one of the same kind.
fn is_same(ours: &Finding, theirs: &Finding) -> bool {
    let overlap = ours.start_line <= theirs.end_line && theirs.start_line <= ours.end_line;
    let weakness = |alias: &&String| alias.starts_with("CWE-");
    let shared = ours.aliases.iter().filter(weakness).any(|alias| theirs.aliases.contains(alias));
    ours.file_path == theirs.file_path && overlap && (shared || ours.category == theirs.category)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::results::ErrorType;

    fn finding(rule: &str, lines: (u32, u32), category: &str, aliases: &[&str]) -> Finding {
        serde_json::from_value(json!({
            "file_path": "a.py", "start_line": lines.0, "end_line": lines.1, "rule_id": rule, "aliases": aliases,
            "title": "t", "severity": "Medium", "category": category, "confidence": "High", "description": "d",
            "recommendation": "r", "link": null, "evidence": null, "fingerprint": "f",
        }))
        .unwrap()
    }

    fn ours(recommendations: Vec<Finding>) -> CodeAnalysis {
        let mut analysis: CodeAnalysis = serde_json::from_value(json!({
            "review_id": "embedded", "status": "Completed", "recommendations": [], "total_recommendations": 0,
            "files_analyzed": 1, "files_changed": 1, "skipped": [], "suppressed": 0, "cpu_seconds": 0.1,
        }))
        .unwrap();
        analysis.total_recommendations = recommendations.len();
        analysis.recommendations = recommendations;
        analysis
    }

    fn theirs(recommendations: Vec<Finding>) -> CodeReview {
        CodeReview {
            review_id: "r".to_owned(),
            status: ReviewStatus::Completed,
            reason: None,
            total_recommendations: 7,
            recommendations,
        }
    }

    #[test]
    fn what_both_found_stands_once_with_both_names_and_the_rest_beside() {
        let ours = ours(vec![finding("EC-PY-072", (4, 6), "Performance", &["CWE-1"])]);
        let merged = ours.merged(Ok(theirs(vec![
            finding("python/query", (6, 9), "Performance", &[]),
            finding("python/weak", (5, 5), "Security", &["CWE-1"]),
            finding("python/other", (5, 5), "Security", &["CWE-2"]),
            finding("python/far", (7, 7), "Performance", &[]),
        ])));
        let rules: Vec<_> = merged.recommendations.iter().map(|f| f.rule_id.as_str()).collect();
        assert_eq!(rules, ["EC-PY-072", "python/other", "python/far"]);
        assert_eq!(merged.recommendations[0].aliases, ["CWE-1", "python/query", "python/weak"]);
        assert_eq!((merged.total_recommendations, merged.is_partial()), (3, false));
        let beside = merged.codeguru.unwrap();
        assert_eq!((beside.total_recommendations, beside.on_changed_lines), (7, 4));
    }

    #[test]
    fn what_codeguru_lacks_makes_the_analysis_incomplete_and_takes_nothing_away() {
        let whole = ours(vec![finding("EC-PY-072", (4, 6), "Performance", &[])]);
        let error = ToolError {
            error_type: ErrorType::Timeout,
            for_model: "did not answer within 5 minutes".to_owned(),
            for_operator: "arn:secret".to_owned(),
        };
        let without = whole.clone().merged(Err(error));
        assert_eq!((without.recommendations.len(), without.codeguru.clone()), (1, None));
        let expected = "CodeGuru Reviewer: did not answer within 5 minutes; the embedded analyser did its part";
        assert_eq!((without.is_partial(), without.reason.as_deref()), (true, Some(expected)));
        let late = CodeReview {
            status: ReviewStatus::Partial,
            reason: Some("late".to_owned()),
            ..theirs(vec![finding("x", (9, 9), "Security", &[])])
        };
        let partial = whole.merged(Ok(late));
        assert_eq!((partial.recommendations.len(), partial.reason.as_deref()), (2, Some("CodeGuru Reviewer: late")));
    }

    #[test]
    fn its_findings_are_bounded_by_number_and_bytes_the_heaviest_first() {
        let light = |_| finding("x", (1, 1), "Security", &[]);
        let at = theirs((0..MAX_FINDINGS).map(light).collect());
        assert_eq!(at.clone().bounded(), at);
        let over = theirs((0..=MAX_FINDINGS).map(light).collect()).bounded();
        assert_eq!((over.recommendations.len(), over.status), (MAX_FINDINGS, ReviewStatus::Partial));
        let long = Finding { description: "x".repeat(5000), ..light(0) };
        let heavy = theirs(vec![long; MAX_FINDINGS]).bounded();
        assert!(json_bytes(&heavy) <= MAX_BYTES + 1000 && heavy.recommendations.len() > 100);
    }
}
