//! What can go wrong with a call to GitHub, sorted by what a caller does about it.
//!
//! Choosing: put the work down until a time ([`RateLimited`](ApiError::RateLimited)), tell the operator
//! ([`Unauthorized`](ApiError::Unauthorized), [`Forbidden`](ApiError::Forbidden)), take it as an answer
//! ([`NotFound`](ApiError::NotFound), [`Gone`](ApiError::Gone)), look before writing again
//! ([`Ambiguous`](ApiError::Ambiguous)), or try later ([`Unavailable`](ApiError::Unavailable)).

use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The most characters of GitHub's own words in an error.
const MAX_MESSAGE: usize = 200;

/// Why a call gave nothing. Texts hold neither the token nor more than 200 printable characters of GitHub's answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Too many calls. Nothing was done; the same call is right again at `until`.
    #[error("GitHub's {}rate limit is reached: try again after {until}", .secondary.then_some("secondary ").unwrap_or_default())]
    RateLimited {
        /// When to try again.
        until: Timestamp,
        /// GitHub's limit on bursts and writes, not the hourly one.
        secondary: bool,
    },
    /// 401.
    #[error("GitHub refused the token: check that it is current and belongs to this server")]
    Unauthorized,
    /// 401 to the App itself.
    #[error(
        "GitHub refused the App's sign-in ({message}): check github.app_id, that the key is one of this App's, and this machine's clock"
    )]
    AppRefused {
        /// GitHub's words.
        message: String,
    },
    /// The App has no installation there.
    #[error(
        "the GitHub App is not installed on {repository}: install it there, or leave the repository out (policy.repositories)"
    )]
    NotInstalled {
        /// Where.
        repository: String,
    },
    /// 403 that is no rate limit. Retrying doesn't help.
    #[error("GitHub forbids the call ({message}): give the token or app the permission it needs")]
    Forbidden {
        /// GitHub's words.
        message: String,
    },
    /// 404: not there, or not for this token.
    #[error("GitHub finds nothing there: check the name, and that the token may see the repository")]
    NotFound,
    /// 410, 451: was there once.
    #[error("what was asked for is gone from GitHub: leave it out")]
    Gone,
    /// 400, 422: the call itself is wrong.
    #[error("GitHub finds the call invalid ({message}): change it before sending it again")]
    Validation {
        /// GitHub's words.
        message: String,
    },
    /// A write may have been applied or not.
    #[error("the outcome of a write to GitHub is unknown ({reason}): read before writing again")]
    Ambiguous {
        /// What happened to the answer.
        reason: String,
        /// It did not come in time.
        late: bool,
    },
    /// No answer, after retries where they are safe. Nothing was written.
    #[error("GitHub is unavailable ({reason}): try again later")]
    Unavailable {
        /// What happened.
        reason: String,
        /// How long GitHub asks to wait, if it does.
        retry_after: Option<Duration>,
        /// Nothing came in time.
        late: bool,
    },
    /// More than this client is ready to take.
    #[error("GitHub's answer is too large ({what}): raise the limit or leave it out")]
    TooLarge {
        /// What is.
        what: &'static str,
    },
    /// GitHub answered a read with something else than its API describes.
    #[error("GitHub's answer can't be read ({what}): check that the API address is right")]
    Decode {
        /// What doesn't fit; never the answer's text.
        what: String,
    },
    /// The request was not made, or was led astray by a redirect that isn't followed. Nothing was done.
    #[error("the request was not made ({reason}): check the API address and the token")]
    Blocked {
        /// The transport's words.
        reason: &'static str,
    },
    /// Any other status that is no success.
    #[error("GitHub answered {status} ({message}): this call can't succeed as it is")]
    Refused {
        /// HTTP status.
        status: u16,
        /// GitHub's words.
        message: String,
    },
}

/// GitHub's own words in an answer that is no success: the JSON's `message` and the first errors in it, printable and
/// short, with the token taken out should anything on the way have echoed it.
pub(crate) fn message(body: &[u8], token: Option<&SecretString>) -> String {
    #[derive(Deserialize)]
    struct Answer {
        message: String,
        #[serde(default)]
        errors: serde_json::Value,
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        return "no reason given".to_owned();
    };
    let mut text = answer.message;
    for error in answer.errors.as_array().into_iter().flatten().take(3) {
        for part in [error, &error["field"], &error["code"], &error["message"]] {
            if let Some(part) = part.as_str() {
                text.push_str("; ");
                text.push_str(part);
            }
        }
    }
    if let Some(token) = token.map(ExposeSecret::expose_secret).filter(|token| !token.is_empty()) {
        text = text.replace(token, "[redacted]");
    }
    printable(&text)
}

/// At most 200 characters, without control characters and without those that hide or reorder text.
pub(crate) fn printable(text: &str) -> String {
    let hidden = |c: char| {
        matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(c, '\u{e0000}'..='\u{e0fff}')
    };
    let mut chars =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control() && !hidden(*c));
    let mut short: String = chars.by_ref().take(MAX_MESSAGE).collect();
    if chars.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_words_are_short_and_printable() {
        let body = serde_json::json!({ "message": format!("a\u{1b}[31m\nb\u{202e}{}", "x".repeat(500)) }).to_string();
        let text = message(body.as_bytes(), None);
        assert!(text.starts_with("a[31m bxxx"), "{text}");
        assert_eq!(text.chars().count(), 200);
    }

    #[test]
    fn githubs_list_of_errors_is_told() {
        let body = br#"{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"Body is too long"},"plain"]}"#;
        assert_eq!(message(body, None), "Validation Failed; data; unprocessable; Body is too long; plain");
    }

    #[test]
    fn an_echoed_token_is_taken_out_and_html_is_not_repeated() {
        let token = SecretString::from("ghp_canary");
        let text = message(br#"{"message":"Bad Authorization: Bearer ghp_canary"}"#, Some(&token));
        assert_eq!(text, "Bad Authorization: Bearer [redacted]");
        assert_eq!(message(b"<html>ghp_canary</html>", Some(&token)), "no reason given");
    }

    #[test]
    fn errors_say_when_and_what_next() {
        let error = ApiError::RateLimited { until: Timestamp::from_seconds(1_700_000_000), secondary: true };
        assert_eq!(
            error.to_string(),
            "GitHub's secondary rate limit is reached: try again after 2023-11-14T22:13:20.000Z"
        );
    }
}
