//! Every word a model sees. Untrusted text is data between markers that carry a random nonce, so that it can't close
//! them.

use std::sync::{Arc, LazyLock};

use sha2::{Digest, Sha256};

use super::run::Run;
use crate::model::{ModelRequest, Told, Turn};
use crate::subject::Subject;
use crate::tools;

/// The system prompt, version 1.
pub const SYSTEM: &str = include_str!("prompts/system.md");

/// The most a model may write in one turn, tokens.
pub const MAX_TOKENS: u32 = 4096;

/// The longest opening, in characters; results beyond are cut, and said to be.
const MAX_OPENING: usize = 60_000;

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
pub fn request(run: &Run, subject: &Subject, nonce: &str) -> ModelRequest {
    let mut turns = vec![Turn::User { content: vec![Told::Text { text: opening(run, subject, nonce) }] }];
    turns.extend(run.turns().iter().cloned());
    ModelRequest { system: SYSTEM, turns, tools: Arc::clone(tools::specs()), max_tokens: MAX_TOKENS }
}

fn opening(run: &Run, subject: &Subject, nonce: &str) -> String {
    let mut results = serde_json::Map::new();
    let files: Vec<&str> = subject.files.iter().map(|file| file.path.as_str()).collect();
    results.insert("changed_files".to_owned(), files.into());
    for (name, outcome) in run.turn_zero() {
        let value = match outcome {
            Ok(output) => serde_json::to_value(output).unwrap_or_default(),
            Err(error) => serde_json::json!({"error": error.for_model}),
        };
        results.insert(name.to_owned(), value);
    }
    let text = serde_json::Value::Object(results).to_string();
    let (shown, cut) = match text.char_indices().nth(MAX_OPENING) {
        None => (text.as_str(), ""),
        Some((end, _)) => (&text[..end], "\nThe results were cut here: there were more.\n"),
    };
    format!("Results of the tools on this pull request:\n<<<DATA {nonce}\n{shown}\nDATA {nonce}>>>\n{cut}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::budget::Limits;
    use crate::agent::run::Event;
    use crate::results::ToolError;

    /// The opening of a review whose results take this many characters, and how many of them it shows.
    fn shown(length: usize) -> (String, usize) {
        let target = json!({
            "repository": "o/r", "repository_id": 1, "pull_request": 1, "head_sha": "a".repeat(40),
            "merge_base_sha": "b".repeat(40),
        });
        let target = serde_json::from_value(target).unwrap();
        let subject = Subject { target, files: Vec::new(), truncated: false, files_changed: 0 };
        let mut run = Run::new(Some("m".to_owned()), Limits::default());
        let rest = r#"{"analyze_code":{"error":""},"changed_files":[]}"#.len();
        run.apply(Event::ToolFinished { id: 0, outcome: Err(ToolError::arguments("é".repeat(length - rest))) });
        let text = opening(&run, &subject, "n");
        let results = text.split_once("<<<DATA n\n").unwrap().1.split_once("\nDATA n>>>").unwrap().0.chars().count();
        (text, results)
    }

    #[test]
    fn results_are_shown_whole_up_to_the_bound_and_cut_one_past_it() {
        let (text, results) = shown(MAX_OPENING);
        assert_eq!(results, MAX_OPENING);
        assert!(!text.contains("were cut here"));
        let (text, results) = shown(MAX_OPENING + 1);
        assert_eq!(results, MAX_OPENING);
        assert!(text.ends_with("The results were cut here: there were more.\n"));
    }
}
