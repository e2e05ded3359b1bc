//! CodeGuru's recommendations as our findings: on changed lines, with its categories and severities as ours, and its own
//! words of them kept. Pure. Its texts are bounded here and made inert where they are shown.

use aws_sdk_codegurureviewer::types::{RecommendationSummary, RuleMetadata};
use eco_coder_analyzer::{Category, Confidence, Finding, Severity};
use sha2::{Digest, Sha256};

use super::api::Listed;
use crate::results::{CodeReview, ReviewStatus};
use crate::subject::{Change, Subject, SubjectFile};

/// Longest description, characters; CodeGuru's own bound is 5,000.
const MAX_DESCRIPTION: usize = 2000;
/// Longest name, characters.
const MAX_NAME: usize = 100;
/// What a rule is called that CodeGuru doesn't name.
const UNNAMED: &str = "codeguru";

/// The answer: what of the recommendations is on lines that the pull request changes.
pub(super) fn review(arn: &str, listed: &Listed, subject: &Subject) -> CodeReview {
    let mut unplaced = 0;
    let mut findings = Vec::new();
    let mut equal = std::collections::HashMap::new();
    for summary in &listed.summaries {
        let Some(file) = subject.files.iter().find(|file| summary.file_path() == Some(&file.path)) else { continue };
        match (&file.change, lines(summary)) {
            (Change::Lines(changed), Some((first, last))) if changed.intersects(first..=last) => {
                let mut finding = finding(summary, file, first, last);
                let key = (finding.rule_id.clone(), finding.file_path.clone(), finding.description.clone());
                let ordinal = equal.entry(key).or_insert(0_usize);
                finding.fingerprint = fingerprint(&finding.rule_id, &finding.file_path, &finding.description, *ordinal);
                *ordinal += 1;
                findings.push(finding);
            }
            (Change::Unknown, _) => unplaced += 1,
            _ => {}
        }
    }
    let reasons = [
        listed.more.then(|| format!("only the first {} recommendations were read", listed.summaries.len())),
        (unplaced > 0)
            .then(|| format!("{unplaced} recommendations are in files whose changed lines GitHub does not tell")),
    ];
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    CodeReview {
        // The account's number, before it, is nobody's business.
        review_id: short(arn.rsplit(':').next().unwrap_or_default(), MAX_NAME),
        status: if reasons.is_empty() { ReviewStatus::Completed } else { ReviewStatus::Partial },
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        total_recommendations: listed.summaries.len(),
        recommendations: findings,
    }
}

/// First and last line; one that has none is of the whole file, and of no line.
fn lines(summary: &RecommendationSummary) -> Option<(u32, u32)> {
    let first = u32::try_from(summary.start_line()?).ok().filter(|line| *line > 0)?;
    let last = summary.end_line().and_then(|line| u32::try_from(line).ok()).unwrap_or(first);
    Some((first, last.max(first)))
}

/// Without its fingerprint, which depends on those before it.
fn finding(summary: &RecommendationSummary, file: &SubjectFile, start_line: u32, end_line: u32) -> Finding {
    let rule = summary.rule_metadata();
    let raw_category = summary.recommendation_category().map_or("", |category| category.as_str());
    let raw_severity = summary.severity().map_or("", |severity| severity.as_str());
    let (category, severity) = (category(raw_category), severity(raw_severity));
    let description = short(summary.description().unwrap_or_default(), MAX_DESCRIPTION);
    let rule_id = short(rule.and_then(|rule| rule.rule_id()).unwrap_or(UNNAMED), MAX_NAME);
    let named = rule.and_then(|rule| rule.rule_name().or(rule.short_description()));
    let weaknesses = rule.map(RuleMetadata::rule_tags).unwrap_or_default().iter().map(|tag| tag.to_ascii_uppercase());
    let mut aliases = vec![format!("CodeGuru {raw_category}").trim_end().to_owned()];
    if severity.is_none() {
        aliases.push(format!("severity {}", if raw_severity.is_empty() { "not given" } else { raw_severity }));
    }
    aliases.extend(weaknesses.filter(|tag| tag.starts_with("CWE-")));
    Finding {
        file_path: file.path.clone(),
        start_line,
        end_line,
        fingerprint: String::new(),
        fixable: false,
        fix: None,
        rule_id,
        aliases: aliases.iter().map(|alias| short(alias, MAX_NAME)).collect(),
        title: short(named.unwrap_or("Recommendation of CodeGuru Reviewer"), MAX_NAME),
        severity: severity.unwrap_or(Severity::Medium),
        category,
        confidence: Confidence::Medium,
        description,
        // CodeGuru says what to do in its description.
        recommendation: String::new(),
        link: None,
        evidence: None,
    }
}

/// `None`: a severity of a later time; it counts as medium, and its name is shown.
fn severity(raw: &str) -> Option<Severity> {
    ["Info", "Low", "Medium", "High", "Critical"].contains(&raw).then(|| raw.parse().ok()).flatten()
}

fn category(raw: &str) -> Category {
    match raw {
        "SecurityIssues" | "InputValidations" => Category::Security,
        "AWSBestPractices" | "AWSCloudFormationIssues" | "JavaBestPractices" | "PythonBestPractices" => {
            Category::BestPractices
        }
        // The nearest.
        "ResourceLeaks" | "ConcurrencyIssues" => Category::Performance,
        // CodeMaintenanceIssues, DuplicateCode, CodeInconsistencies, and what a later time adds.
        _ => Category::CodeQuality,
    }
}

/// Without control characters, and not longer than this.
fn short(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

/// Survives a move to other lines; CodeGuru's own ids are another in each review. `ordinal` tells equal ones apart.
fn fingerprint(rule: &str, path: &str, description: &str, ordinal: usize) -> String {
    let mut hash = Sha256::new();
    hash.update(ordinal.to_le_bytes());
    for part in ["codeguru", rule, path, description] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use aws_sdk_codegurureviewer::types::{RecommendationCategory, Severity as Theirs};
    use eco_coder_analyzer::LineSet;
    use proptest::prelude::*;

    use super::*;

    fn subject() -> Subject {
        let target = serde_json::json!({
            "repository": "o/r", "repository_id": 1, "pull_request": 1, "head_sha": "a".repeat(40),
            "merge_base_sha": "b".repeat(40),
        });
        let file = |path: &str, change| SubjectFile { path: path.to_owned(), previous_path: None, change };
        let files = vec![
            file("a.py", Change::Lines(LineSet::from_ranges([5..=7]))),
            file("large.py", Change::Unknown),
            file("gone.py", Change::Nothing),
        ];
        let target = serde_json::from_value(target).unwrap();
        Subject { target, files, truncated: false, files_changed: 3, settings: std::sync::Arc::default() }
    }

    fn at(path: &str, lines: (i32, i32)) -> RecommendationSummary {
        let rule = RuleMetadata::builder().rule_id("python/sql@v1.0").rule_name("SQL injection").rule_tags("cwe-89");
        RecommendationSummary::builder()
            .file_path(path)
            .start_line(lines.0)
            .end_line(lines.1)
            .description("Bind the value.\u{1b}[31m")
            .recommendation_category(RecommendationCategory::SecurityIssues)
            .severity(Theirs::High)
            .rule_metadata(rule.build())
            .build()
    }

    fn all(summaries: Vec<RecommendationSummary>, more: bool) -> CodeReview {
        review("arn:aws:codeguru-reviewer:r:1:association:i:codereview:name", &Listed { summaries, more }, &subject())
    }

    #[test]
    fn only_what_is_on_changed_lines_is_kept() {
        let places = [("a.py", (4, 5)), ("a.py", (8, 9)), ("b.py", (5, 5)), ("gone.py", (5, 5)), ("a.py", (0, 6))];
        let answer = all(places.map(|(path, lines)| at(path, lines)).into(), false);
        assert_eq!((answer.total_recommendations, answer.recommendations.len()), (5, 1));
        assert_eq!((answer.status, answer.review_id.as_str()), (ReviewStatus::Completed, "name"));
        let found = &answer.recommendations[0];
        assert_eq!((found.start_line, found.end_line, found.severity), (4, 5, Severity::High));
        assert_eq!((found.rule_id.as_str(), found.title.as_str()), ("python/sql@v1.0", "SQL injection"));
        assert_eq!(found.aliases, ["CodeGuru SecurityIssues", "CWE-89"]);
        assert_eq!(found.description, "Bind the value. [31m");
    }

    #[test]
    fn what_could_not_be_placed_or_read_is_said() {
        let answer = all(vec![at("large.py", (1, 1)), at("a.py", (5, 5))], true);
        assert_eq!((answer.status, answer.recommendations.len()), (ReviewStatus::Partial, 1));
        let reason = answer.reason.unwrap();
        assert!(reason.contains("first 2 recommendations") && reason.contains("1 recommendations are in"), "{reason}");
    }

    #[test]
    fn every_category_has_ours_and_unknown_values_survive_by_name() {
        let known = [
            ("SecurityIssues", Category::Security),
            ("InputValidations", Category::Security),
            ("AWSBestPractices", Category::BestPractices),
            ("AWSCloudFormationIssues", Category::BestPractices),
            ("JavaBestPractices", Category::BestPractices),
            ("PythonBestPractices", Category::BestPractices),
            ("ResourceLeaks", Category::Performance),
            ("ConcurrencyIssues", Category::Performance),
            ("CodeMaintenanceIssues", Category::CodeQuality),
            ("DuplicateCode", Category::CodeQuality),
            ("CodeInconsistencies", Category::CodeQuality),
        ];
        assert_eq!(known.len(), RecommendationCategory::values().len());
        for (raw, ours) in known {
            assert_eq!(category(raw), ours, "{raw}");
            assert!(RecommendationCategory::values().contains(&raw), "{raw}");
        }
        for raw in Theirs::values() {
            assert_eq!(severity(raw).unwrap().as_str(), *raw);
        }
        let mut new = at("a.py", (5, 5));
        new.recommendation_category = Some("EnergyIssues".into());
        new.severity = Some("Blocker".into());
        let answer = all(vec![new], false);
        let found = &answer.recommendations[0];
        assert_eq!((found.category, found.severity), (Category::CodeQuality, Severity::Medium));
        assert_eq!(found.aliases, ["CodeGuru EnergyIssues", "severity Blocker", "CWE-89"]);
    }

    #[test]
    fn an_empty_recommendation_and_one_of_great_length_are_findings_too() {
        let bare = RecommendationSummary::builder().file_path("a.py").start_line(6).build();
        let answer = all(vec![bare], false);
        let found = &answer.recommendations[0];
        assert_eq!((found.end_line, found.rule_id.as_str()), (6, UNNAMED));
        assert_eq!(found.aliases, ["CodeGuru", "severity not given"]);
        let mut long = at("a.py", (6, 6));
        long.description = Some("x".repeat(MAX_DESCRIPTION + 1));
        assert_eq!(all(vec![long], false).recommendations[0].description.len(), MAX_DESCRIPTION);
    }

    proptest! {
        #[test]
        fn whatever_lines_it_names_the_finding_is_in_the_file(first in any::<i32>(), last in any::<i32>()) {
            for found in all(vec![at("a.py", (first, last))], false).recommendations {
                prop_assert!(found.start_line >= 1 && found.start_line <= found.end_line);
            }
        }
    }
}
