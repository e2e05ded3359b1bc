//! Files of a repository at a commit, as bytes. Paths come from pull requests and are hostile.

use bytes::Bytes;
use eco_coder_shared::ids::{CommitSha, RepoName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::client::GitHub;
use crate::error::ApiError;
use crate::transport::{Accept, Method, Request};

#[cfg(test)]
mod tests;

/// The longest path in bytes that is asked for: what file systems, and so checkouts, allow.
const MAX_PATH: usize = 4096;

/// What stays as it is in a path segment: RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file's bytes; of a symbolic link within the repository, its target's.
    Found(Bytes),
    /// A file larger than asked for, or than GitHub gives out (100 MB).
    TooLarge,
    /// Something else than a file: a directory, a submodule, or a path that git can't have.
    NotAFile,
    /// GitHub finds nothing there. Right after a push, or without access to contents, it may say so of what is there.
    NotFound,
}

impl GitHub {
    /// The file at `path` as of commit `sha`, if it has at most `max_bytes`.
    pub async fn content(
        &self,
        repo: &RepoName,
        path: &str,
        sha: &CommitSha,
        max_bytes: usize,
    ) -> Result<Content, ApiError> {
        let Some(path) = encode(path) else {
            return Ok(Content::NotAFile);
        };
        let request = Request {
            accept: Accept::Raw,
            max_body: Some(max_bytes),
            ..Request::new(Method::Get, format!("/repos/{repo}/contents/{path}")).query("ref", sha)
        };
        match self.send(request).await {
            // Directories and submodules have no raw form; GitHub describes them in JSON.
            Ok(response) if is_description(response.headers.value("content-type")) => Ok(Content::NotAFile),
            Ok(response) if response.body.len() > max_bytes => Ok(Content::TooLarge),
            Ok(response) => Ok(Content::Found(response.body)),
            Err(ApiError::TooLarge { .. }) => Ok(Content::TooLarge),
            Err(ApiError::Forbidden { message }) if message.contains("too_large") => Ok(Content::TooLarge),
            Err(ApiError::NotFound | ApiError::Gone) => Ok(Content::NotFound),
            Err(error) => Err(error),
        }
    }
}

/// A raw file's type is `application/vnd.github.raw...`, whatever is in it.
fn is_description(content_type: Option<&str>) -> bool {
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// The path for a URL, each segment encoded. `None` for a path that git can't have, which a URL parser might resolve
/// into another endpoint: no escape survives that, `%2e%2e` counts as `..` too.
fn encode(path: &str) -> Option<String> {
    let legal = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains('\0');
    if path.len() > MAX_PATH || !path.split('/').all(legal) {
        return None;
    }
    let segments: Vec<String> =
        path.split('/').map(|segment| utf8_percent_encode(segment, ENCODED).to_string()).collect();
    Some(segments.join("/"))
}
