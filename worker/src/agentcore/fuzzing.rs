//! The fuzz target of invocations.

use super::call::{Call, MAX_SESSION_ID};

/// A body: it names one pull request, or is refused in words that don't repeat it.
pub fn invocation(bytes: &[u8]) {
    match Call::read(bytes) {
        Ok(call) => {
            assert!(call.session_id.is_none_or(|id| id.len() <= MAX_SESSION_ID));
            let text = format!("{}#{}", call.repo, call.pull);
            let again = Call::read(serde_json::json!({ "inputText": text }).to_string().as_bytes());
            assert!(again.is_ok_and(|again| (again.repo, again.pull) == (call.repo, call.pull)), "{text}");
        }
        Err(words) => assert!((10..400).contains(&words.len()) && !words.contains("CANARY"), "{words}"),
    }
}
