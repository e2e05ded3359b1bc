//! Repositories over git's smart HTTP, for reading alone: `git fetch` of any commit, with the token as the password of
//! `x-access-token`, as GitHub has it. What is asked for is git's own business: `git upload-pack` answers.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flate2::read::GzDecoder;
use secrecy::ExposeSecret as _;

use super::content::{Content, ContentError};
use super::shapes::base64;
use super::state::LoggedRequest;
use super::{Forge, api};

/// The largest question, unpacked.
const MAX_QUESTION: usize = 4 << 20;
/// Of the user name that goes with a token.
const USER: &str = "x-access-token";

/// What a path asks of git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// What is there?
    Refs,
    /// These commits.
    Pack,
}

/// The repository (`OWNER/NAME`) and the question, if the path is one of git's.
fn question(segments: &[String]) -> Option<(String, Question)> {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (owner, name, question) = match parts[..] {
        [owner, name, "info", "refs"] => (owner, name, Question::Refs),
        [owner, name, "git-upload-pack"] => (owner, name, Question::Pack),
        _ => return None,
    };
    Some((format!("{owner}/{}", name.strip_suffix(".git")?), question))
}

/// Is it for git?
pub(super) fn is_git(segments: &[String]) -> bool {
    question(segments).is_some()
}

/// Answers, and notes the question in the log of calls.
pub(super) async fn answer(forge: Forge, parts: Parts, segments: Vec<String>, body: Body) -> Response {
    let answer = answer_to(&forge, &parts, &segments, body).await;
    let logged = LoggedRequest {
        method: parts.method.as_str().to_owned(),
        path: format!("/{}", segments.join("/")),
        query: api::query(parts.uri.query().unwrap_or_default()),
        body: None,
        status: Some(answer.status().as_u16()),
    };
    forge.state().requests.push(logged);
    forge.changed();
    answer
}

async fn answer_to(forge: &Forge, parts: &Parts, segments: &[String], body: Body) -> Response {
    let Some((repository, question)) = question(segments) else { return StatusCode::NOT_FOUND.into_response() };
    if !forge.admits_git(&parts.headers, &repository) {
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic realm=\"GitHub\"")]).into_response();
    }
    let content = {
        let state = forge.state();
        let found = state.repository_id(&repository).and_then(|id| state.repositories.get(&id));
        found.map(|found| Arc::clone(&found.content))
    };
    let Some(content) = content else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match (question, parts.method.as_str(), parts.uri.query()) {
        (Question::Refs, "GET", Some("service=git-upload-pack")) => "application/x-git-upload-pack-advertisement",
        (Question::Pack, "POST", _) => "application/x-git-upload-pack-result",
        _ => return StatusCode::FORBIDDEN.into_response(),
    };
    let Ok(body) = to_bytes(body, MAX_QUESTION).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let is_packed = parts.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let protocol = parts.headers.get("git-protocol").and_then(|value| value.to_str().ok());
    let is_second = protocol == Some("version=2");
    let work = move || {
        let mut asked = body.to_vec();
        if is_packed {
            asked.clear();
            GzDecoder::new(&body[..]).take(MAX_QUESTION as u64).read_to_end(&mut asked).map_err(ContentError::NoGit)?;
        }
        upload_pack(&content, question, is_second, &asked)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(bytes)) => ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], bytes).into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Forge {
    /// Is the password the forge's token, or one of the App's installation on that owner?
    fn admits_git(&self, headers: &HeaderMap, repository: &str) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(given) = given.and_then(|given| given.strip_prefix("Basic ")) else { return false };
        let is_given = |token: &str| base64(format!("{USER}:{token}").as_bytes()) == given;
        if is_given(self.settings().token.expose_secret()) {
            return true;
        }
        let token = self.state().tokens.keys().find(|token| is_given(token)).cloned();
        token.is_some_and(|token| self.admits_app(&token, &format!("/repos/{repository}")))
    }
}

/// Runs git on the repository; one in memory is written out for the while.
fn upload_pack(content: &Content, question: Question, is_second: bool, asked: &[u8]) -> Result<Vec<u8>, ContentError> {
    let scratch = tempfile::tempdir().map_err(ContentError::NoGit)?;
    let dir = content.as_git(scratch.path())?;
    let mut git = Command::new("git");
    for setting in ["uploadpack.allowAnySHA1InWant=true", "uploadpack.allowFilter=true"] {
        git.arg("-c").arg(setting);
    }
    git.args(["upload-pack", "--stateless-rpc"]);
    if question == Question::Refs {
        git.arg("--advertise-refs");
    }
    // Variables of a caller that is git itself (a hook) would lead to another repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PROTOCOL"] {
        git.env_remove(name);
    }
    if is_second {
        git.env("GIT_PROTOCOL", "version=2");
    }
    git.arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = git.spawn().map_err(ContentError::NoGit)?;
    if let Some(mut stdin) = child.stdin.take() {
        // If git ends before it has read all, what it wrote says why.
        let _ = stdin.write_all(asked);
    }
    let output = child.wait_with_output().map_err(ContentError::NoGit)?;
    if !output.status.success() && output.stdout.is_empty() {
        return Err(ContentError::Unreadable("upload-pack"));
    }
    let mut answer = Vec::new();
    if question == Question::Refs && !is_second {
        answer.extend_from_slice(b"001e# service=git-upload-pack\n0000");
    }
    answer.extend(output.stdout);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reading_is_a_question() {
        let of = |path: &str| question(&path.split('/').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("acme/shop.git/info/refs"), Some(("acme/shop".to_owned(), Question::Refs)));
        assert_eq!(of("acme/shop.git/git-upload-pack"), Some(("acme/shop".to_owned(), Question::Pack)));
        assert_eq!(of("acme/shop.git/git-receive-pack"), None);
        assert_eq!(of("acme/shop/info/refs"), None);
    }
}
