//! What is kept of a model's report: judgements of findings that are there, and of its own findings those whose evidence
//! stands in the diff, at the line it names or near it. Pure.

use eco_coder_analyzer::{Category, Severity};

use crate::diff::Diff;
use crate::report::{Emphasis, ModelFinding, ModelPart, ordered};
use crate::results::CodeAnalysis;
use crate::tools::post_github_comment::{Further, ModelReport, Subject, Weight, number};

/// The model's part of the report.
pub fn verified(model: &str, report: ModelReport, analysis: Option<&CodeAnalysis>, diff: &Diff) -> ModelPart {
    let findings = analysis.map(ordered).unwrap_or_default();
    let important = report.important.into_iter().filter_map(|important| {
        let finding = number(&important.finding).and_then(|number| findings.get(number))?;
        Some(Emphasis { fingerprint: finding.fingerprint.clone(), why: important.why })
    });
    let asked = report.further.len();
    let mut further: Vec<ModelFinding> = Vec::new();
    for one in report.further.into_iter().filter_map(|one| stands(one, diff)) {
        // What the tools say of this line they say with their sources.
        let is_told = findings.iter().any(|finding| {
            finding.file_path == one.file_path
                && (finding.start_line..=finding.end_line).contains(&one.line)
                && finding.category == one.category
        });
        let is_twice = further
            .iter()
            .any(|other| (&other.file_path, other.line, &other.title) == (&one.file_path, one.line, &one.title));
        if !is_told && !is_twice {
            further.push(one);
        }
    }
    further.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    ModelPart {
        model: model.to_owned(),
        verdict: report.verdict,
        summary: report.summary,
        important: important.collect(),
        dropped: asked - further.len(),
        further,
        suggestions: report.suggestions,
    }
}

/// The finding without its quotation, if that stands in the diff.
fn stands(one: Further, diff: &Diff) -> Option<ModelFinding> {
    let line = diff.stands(&one.file, one.line, &one.evidence)?;
    Some(ModelFinding {
        file_path: one.file,
        line,
        title: one.title,
        severity: match one.severity {
            Weight::Low => Severity::Low,
            Weight::Medium => Severity::Medium,
            Weight::High => Severity::High,
        },
        category: match one.category {
            Subject::CodeQuality => Category::CodeQuality,
            Subject::Security => Category::Security,
            Subject::Performance => Category::Performance,
            Subject::Energy => Category::Energy,
        },
        explanation: one.explanation,
        fix: one.fix,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PATCH: &str = "@@ -1,2 +1,4 @@\n def f(rows):\n+    total = sum(r.price for r in rows)\n+    return total / len(rows)\n x = 1\n";

    fn part(further: &Value) -> ModelPart {
        let report = json!({
            "verdict": "mend", "summary": "s", "important": [{"finding": "F2", "why": "w"}], "further": further,
        });
        let finding = |line: u32, severity: &str| {
            json!({
                "file_path": "a.py", "start_line": line, "end_line": line, "rule_id": "EC-PY-001", "aliases": [],
                "title": "t", "severity": severity, "category": "Performance", "confidence": "High",
                "description": "d", "recommendation": "r", "link": null, "evidence": null,
                "fingerprint": format!("{line:016}"),
            })
        };
        let analysis: CodeAnalysis = serde_json::from_value(json!({
            "review_id": "r", "status": "Completed", "recommendations": [finding(2, "Low"), finding(9, "High")],
            "total_recommendations": 2, "files_analyzed": 1, "files_changed": 1, "skipped": [], "suppressed": 0,
            "cpu_seconds": 0.0,
        }))
        .unwrap();
        let mut diff = Diff::new();
        diff.add("a.py", Some(PATCH));
        verified("m", serde_json::from_value(report).unwrap(), Some(&analysis), &diff)
    }

    fn further(file: &str, line: u32, evidence: &str, category: &str) -> Value {
        json!({
            "file": file, "line": line, "evidence": evidence, "title": "Division by zero", "severity": "High",
            "category": category, "explanation": "e", "fix": "f",
        })
    }

    #[test]
    fn a_finding_is_kept_if_its_evidence_stands_in_the_diff() {
        let kept = further("a.py", 3, "return total/len(rows)", "CodeQuality");
        let part = part(&json!([
            kept,
            kept, // twice
            further("b.py", 3, "return total / len(rows)", "CodeQuality"),
            further("a.py", 30, "return total / len(rows)", "CodeQuality"),
            further("a.py", 3, "return total / max(1, len(rows))", "CodeQuality"),
            further("a.py", 3, " ", "CodeQuality"),
            // The tools have a finding of this category there.
            further("a.py", 2, "total = sum(r.price for r in rows)", "Performance"),
        ]));
        assert_eq!(part.further.len(), 1);
        assert_eq!((part.further[0].line, part.dropped), (3, 6));
        // F2 is the lighter one of the two.
        assert_eq!(part.important[0].fingerprint, format!("{:016}", 2));
    }

    #[test]
    fn the_line_is_where_the_evidence_stands() {
        let part = part(&json!([further("a.py", 1, "return total / len(rows)", "Energy")]));
        assert_eq!(part.further[0].line, 3);
    }
}
