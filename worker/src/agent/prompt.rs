//! Every word a model sees. Untrusted text is data between markers that carry a nonce which nobody outside can know, so that
//! it can't close them. The nonce is the session's, so that a prompt cache knows the beginning of the next question.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use eco_coder_analyzer::Severity;
use sha2::{Digest, Sha256};

use super::run::{Answer, Run};
use super::told::{self, cut};
use crate::diff::view::{self, Relevance, Shown, View};
use crate::diff::{Diff, Patch};
use crate::model::{ModelRequest, Told, Turn};
use crate::report::{ModelFinding, Section};
use crate::results::CodeAnalysis;
use crate::tools::{self, ToolOutput, read_changes};

/// The system prompt, version 2.
pub const SYSTEM: &str = include_str!("prompts/system.md");

/// The most a model may write in one turn, tokens.
pub const MAX_TOKENS: u32 = 4096;

/// The longest title that is shown, characters.
const MAX_TITLE: usize = 300;
/// The most of a file's changes that one call shows, tokens by [`view::tokens`].
const READ_TOKENS: u64 = 6_000;

/// Findings of an earlier push that are named.
const MAX_EARLIER: usize = 20;

/// What a model is given beside turn 0's results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brief {
    /// The pull request's title: its author's words.
    pub title: String,
    /// What it changes.
    pub diff: Diff,
    /// Findings of the model's in those, which stand.
    pub earlier: Vec<ModelFinding>,
    /// Digests of the patches that this model has reviewed before, by path.
    pub known: BTreeMap<String, String>,
    /// How much of the diff is shown, tokens by [`view::tokens`].
    pub diff_tokens: u64,
}

impl Brief {
    /// Is there nothing to be read, or has the model seen all of it in an earlier review?
    pub fn has_nothing_new(&self) -> bool {
        self.diff.patches().iter().all(|patch| self.is_known(patch))
    }

    /// Is the file's patch the one that was reviewed?
    pub fn knows(&self, path: &str) -> bool {
        self.diff.patch(path).is_some_and(|patch| self.is_known(patch))
    }

    /// Is the patch the one that was reviewed?
    pub fn is_known(&self, patch: &Patch) -> bool {
        self.known.get(&patch.path) == Some(&patch.digest)
    }
}

/// What sessions are bound to: a change of any word or tool makes a new session.
pub fn digest() -> &'static str {
    static DIGEST: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        hash.update(SYSTEM);
        hash.update(serde_json::to_string(&**tools::specs()).unwrap_or_default());
        hex::encode(hash.finalize())
    });
    &DIGEST
}

/// The next question to the model.
pub fn request(run: &Run, brief: &Brief, nonce: &str) -> ModelRequest {
    let mut turns = vec![Turn::User { content: vec![Told::Text { text: opening(run, brief, nonce) }] }];
    turns.extend(run.turns().iter().map(|turn| with_text(turn, &brief.diff)));
    ModelRequest { system: SYSTEM, turns, tools: Arc::clone(tools::specs()), max_tokens: MAX_TOKENS }
}

/// The turn with the places in the diff replaced by what stands there.
fn with_text(turn: &Turn<Answer>, diff: &Diff) -> Turn {
    let answers = match turn {
        Turn::Assistant { content } => return Turn::Assistant { content: content.clone() },
        Turn::User { content } => content,
    };
    let told = answers.iter().map(|answer| match answer {
        Answer::Told(told) => told.clone(),
        Answer::Changes { id, place } => {
            Told::ToolResult { id: id.clone(), content: changes(diff, place), is_error: false }
        }
    });
    Turn::User { content: told.collect() }
}

fn changes(diff: &Diff, place: &read_changes::Arguments) -> String {
    let from = place.from_line.unwrap_or(1);
    let Some(patch) = diff.patch(&place.path) else { return "This file's changes can't be shown.".to_owned() };
    match view::shown(patch, from, READ_TOKENS) {
        Shown { next: None, text } if text.is_empty() => format!("There is no change at line {from} or after it."),
        Shown { next: None, text } => text,
        Shown { next: Some(next), text } => format!("{text}There is more: ask again with from_line {next}.\n"),
    }
}

/// What is shown of the diff at first.
pub fn view(quality: &Section<CodeAnalysis>, brief: &Brief) -> View {
    view::view(&brief.diff, &Ranked { analysis: quality.present(), brief }, brief.diff_tokens)
}

fn opening(run: &Run, brief: &Brief, nonce: &str) -> String {
    let quality = run.quality();
    let findings = match &quality {
        Section::Present(analysis) if analysis.recommendations.is_empty() => "The tools found nothing.\n".to_owned(),
        Section::Present(analysis) => format!("The tools' findings, heaviest first:\n{}", told::findings(analysis)),
        Section::Absent { why } | Section::Failed { why, .. } => format!("The analysis is missing: {why}\n"),
    };
    let view = view(&quality, brief);
    let changes = if view.text.is_empty() { "No changes can be shown.\n" } else { &view.text };
    let title = serde_json::Value::from(brief.title.chars().take(MAX_TITLE).collect::<String>());
    format!(
        "<<<DATA {nonce}\nTitle: {title}\n\n{findings}\n{}{}\n\nChanges:\n{changes}{}DATA {nonce}>>>\n",
        earlier(&brief.earlier),
        measured(run),
        view.left_out,
    )
}

/// What the model said before and what still stands in the comment.
fn earlier(findings: &[ModelFinding]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let line = |finding: &ModelFinding| {
        let ModelFinding { severity, category, file_path, line, title, .. } = finding;
        format!("{severity} {category} {}:{line} {title}\n", view::name(file_path))
    };
    let lines: String = findings.iter().take(MAX_EARLIER).map(line).collect();
    format!("Your own findings of an earlier push, in files that are as they were; they stand:\n{lines}\n")
}

/// The measurement of turn 0 and its footprint.
fn measured(run: &Run) -> String {
    let mut parts = Vec::new();
    for (name, outcome) in run.turn_zero() {
        parts.extend(match outcome {
            Ok(ToolOutput::ProfileCodePerformance(profiled)) => Some(told::measured(profiled)),
            Ok(ToolOutput::CalculateCarbonFootprint(footprint)) => Some(cut(
                format!("Footprint: {}", serde_json::to_string(footprint).unwrap_or_default()),
                2_000,
                "(cut)",
            )),
            Ok(_) => None,
            Err(error) => Some(format!("{name} failed: {}", error.for_model)),
        });
    }
    parts.join("\n")
}

/// Files with heavy findings first.
struct Ranked<'a> {
    analysis: Option<&'a CodeAnalysis>,
    brief: &'a Brief,
}

impl Relevance for Ranked<'_> {
    fn heaviest(&self, path: &str) -> Option<Severity> {
        let findings = &self.analysis?.recommendations;
        findings.iter().filter(|finding| finding.file_path == path).map(|finding| finding.severity).max()
    }

    fn is_known(&self, patch: &Patch) -> bool {
        self.brief.is_known(patch)
    }
}

#[cfg(test)]
mod tests;
