//! The terminal call: the model hands over its report, and the loop ends. It doesn't post; `publish` does, once, to the
//! job's own pull request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::results::ToolError;

/// For the model.
pub const DESCRIPTION: &str = "Ends the review with your report. Numbers, tables and the tools' findings are written by code; \
     you judge them by id, and add what the tools can't see.";

/// The longest summary that is taken, in characters.
pub const MAX_SUMMARY: usize = 2000;
/// The most findings that are judged, and the most that are added.
pub const MAX_JUDGED: usize = 10;
/// The most suggestions.
pub const MAX_SUGGESTIONS: usize = 5;
/// The longest of the other texts, in characters.
pub const MAX_WORDS: usize = 600;
/// The longest title of a further finding, in characters.
pub const MAX_TITLE: usize = 100;

/// Arguments of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The report.
    pub report: ModelReport,
}

/// What the model adds to the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelReport {
    /// mend: something must change before merging; consider: worth a look; fine: nothing to do.
    pub verdict: Advice,
    /// Two to five sentences of plain Markdown for the author: what matters most, and why. At most 2,000 characters.
    pub summary: String,
    /// Which of the tools' findings matter, the weightiest first, at most 10.
    #[serde(default)]
    pub important: Vec<Important>,
    /// What the tools did not see, at most 10. One without its evidence in the diff is dropped.
    #[serde(default)]
    pub further: Vec<Further>,
    /// What else would be good, one sentence each, at most 5.
    #[serde(default)]
    pub suggestions: Vec<String>,
}

/// What the author is advised to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Nothing to do.
    Fine,
    /// Worth a look.
    Consider,
    /// Something must change before merging.
    Mend,
}

/// A finding of the tools that matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Important {
    /// Its id, as in F1.
    pub finding: String,
    /// Why it matters in this change, one or two sentences.
    pub why: String,
}

/// A finding that is the model's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Further {
    /// A changed file.
    pub file: String,
    /// A line of the head, shown in the diff.
    pub line: u32,
    /// The code at that line, copied exactly from the diff without the line number: one line is enough.
    pub evidence: String,
    /// What is wrong, in a few words.
    pub title: String,
    /// How bad.
    pub severity: Weight,
    /// About what.
    pub category: Subject,
    /// Why it is wrong and what happens, one to three sentences.
    pub explanation: String,
    /// What to do instead, one or two sentences.
    pub fix: String,
}

/// How bad a further finding is; Critical is the tools' to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Weight {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

/// What a further finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Subject {
    /// Wrong results, hard to read or to change.
    CodeQuality,
    /// Open to attack.
    Security,
    /// Slow.
    Performance,
    /// Wasteful.
    Energy,
}

impl Arguments {
    /// Is it a report at all? `findings` is how many the tools have.
    pub fn validate(&self, findings: usize) -> Result<(), ToolError> {
        let ModelReport { summary, important, further, suggestions, .. } = &self.report;
        if summary.trim().is_empty() {
            return Err(ToolError::arguments("report.summary is empty; write two to five sentences"));
        }
        most("report.summary", "characters", summary.chars().count(), MAX_SUMMARY)?;
        most("report.important", "entries", important.len(), MAX_JUDGED)?;
        most("report.further", "entries", further.len(), MAX_JUDGED)?;
        most("report.suggestions", "entries", suggestions.len(), MAX_SUGGESTIONS)?;
        for Important { finding, why } in important {
            if number(finding).is_none_or(|number| number >= findings) {
                let known = match findings {
                    0 => "the tools found nothing: leave report.important empty".to_owned(),
                    _ => format!("report.important names a finding that is not there; there are F1 to F{findings}"),
                };
                return Err(ToolError::arguments(known));
            }
            most("report.important[].why", "characters", why.chars().count(), MAX_WORDS)?;
        }
        for further in further {
            most("report.further[].title", "characters", further.title.chars().count(), MAX_TITLE)?;
            for text in [&further.explanation, &further.fix, &further.evidence] {
                most("a text in report.further", "characters", text.chars().count(), MAX_WORDS)?;
            }
            if further.title.trim().is_empty() || further.explanation.trim().is_empty() {
                return Err(ToolError::arguments("an entry of report.further has no title or no explanation"));
            }
        }
        suggestions
            .iter()
            .try_for_each(|s| most("a text in report.suggestions", "characters", s.chars().count(), MAX_WORDS))
    }
}

/// The place of finding `F1`, from 0.
pub fn number(id: &str) -> Option<usize> {
    let digits = id.trim().strip_prefix('F').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}

fn most(what: &str, unit: &str, has: usize, most: usize) -> Result<(), ToolError> {
    if has > most {
        return Err(ToolError::arguments(format!("{what} has {has} {unit}; {most} is the most")));
    }
    Ok(())
}

/// The tool's output, recorded after publishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Success or failure.
    pub status: PostStatus,
    /// The comment's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_id: Option<u64>,
    /// Where a person sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_url: Option<String>,
    /// Only if the status is failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// Did the comment stand in the end?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostStatus {
    /// It stands.
    Success,
    /// It doesn't.
    Failure,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(report: &serde_json::Value, findings: usize) -> Result<(), String> {
        let mut whole = json!({"verdict": "mend", "summary": "s"});
        whole.as_object_mut().unwrap().extend(report.as_object().unwrap().clone());
        let arguments: Arguments = serde_json::from_value(json!({"report": whole})).map_err(|e| e.to_string())?;
        arguments.validate(findings).map_err(|e| e.for_model)
    }

    #[test]
    fn a_report_is_taken_up_to_each_bound_and_refused_one_past_it() {
        let text = |n: usize| "é".repeat(n);
        let further = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut one = json!({
                "file": "a.py", "line": 1, "evidence": "x = 1", "title": "t", "severity": "High",
                "category": "Security", "explanation": "e", "fix": "f",
            });
            change(&mut one);
            one
        };
        let plain = further(&|_| {});
        for (name, most, with) in [
            ("report.summary", MAX_SUMMARY, &(|n| json!({"summary": text(n)})) as &dyn Fn(usize) -> serde_json::Value),
            ("report.important", MAX_JUDGED, &|n| json!({"important": vec![json!({"finding": "F1", "why": "w"}); n]})),
            ("report.further", MAX_JUDGED, &|n| json!({"further": vec![plain.clone(); n]})),
            ("report.suggestions", MAX_SUGGESTIONS, &|n| json!({"suggestions": vec!["s"; n]})),
            ("why", MAX_WORDS, &|n| json!({"important": [{"finding": "F1", "why": text(n)}]})),
            ("title", MAX_TITLE, &|n| json!({"further": [further(&|f| f["title"] = text(n).into())]})),
            ("a text in report.further", MAX_WORDS, &|n| json!({"further": [further(&|f| f["fix"] = text(n).into())]})),
            ("a text in report.suggestions", MAX_WORDS, &|n| json!({"suggestions": [text(n)]})),
        ] {
            assert_eq!(check(&with(most), 1), Ok(()), "{name}");
            let error = check(&with(most + 1), 1).unwrap_err();
            assert!(error.contains(name) && error.contains(&format!("{most} is the most")), "{error}");
        }
        for empty in [json!({"summary": " \n"}), json!({"further": [further(&|f| f["title"] = " ".into())]})] {
            assert!(check(&empty, 1).is_err());
        }
    }

    #[test]
    fn a_finding_that_is_not_there_is_refused_and_those_that_are_named() {
        let judging = |id: &str| json!({"important": [{"finding": id, "why": "w"}]});
        assert_eq!(check(&judging("F2"), 2), Ok(()));
        for id in ["F3", "F0", "F", "2", "F-1", "F+1", "F99999999999999999999", "f1 "] {
            assert!(check(&judging(id), 2).unwrap_err().contains("there are F1 to F2"), "{id}");
        }
        assert!(check(&judging("F1"), 0).unwrap_err().contains("found nothing"));
    }
}
