//! Check runs: what an App says beside a commit, with a summary and a button to ask again. Only Apps can write them.
//!
//! Source: <https://docs.github.com/en/rest/checks/runs>

use eco_coder_shared::ids::{CommitSha, RepoName};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::GitHub;
use crate::error::ApiError;
use crate::transport::{Method, Request};

#[cfg(test)]
mod tests;

/// The longest title that is sent, in characters: it is shown on one line. GitHub names no bound.
pub const MAX_TITLE: usize = 140;
/// The longest summary that is sent, in characters. GitHub takes 65,535; this is read by a person.
pub const MAX_SUMMARY: usize = 4_000;
/// Check runs of one name beside one commit that are looked at, the newest first: one for each pull request of that head.
const LISTED: usize = 100;

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// It waits.
    Queued,
    /// It is under way.
    InProgress,
    /// It is over.
    Completed(Conclusion),
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Well.
    Success,
    /// Neither well nor badly; doesn't keep anybody from merging.
    Neutral,
    /// It was given up for another one.
    Cancelled,
    /// It couldn't be done.
    Failure,
}

impl CheckState {
    fn fields(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Queued => ("queued", None),
            Self::InProgress => ("in_progress", None),
            Self::Completed(Conclusion::Success) => ("completed", Some("success")),
            Self::Completed(Conclusion::Neutral) => ("completed", Some("neutral")),
            Self::Completed(Conclusion::Cancelled) => ("completed", Some("cancelled")),
            Self::Completed(Conclusion::Failure) => ("completed", Some("failure")),
        }
    }
}

/// What a check run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckText {
    /// How far it is.
    pub state: CheckState,
    /// One line of plain text; cut to [`MAX_TITLE`] characters.
    pub title: String,
    /// Markdown; cut to [`MAX_SUMMARY`] characters.
    pub summary: String,
    /// Where there is more.
    pub details_url: Option<String>,
}

/// Which check run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckName<'a> {
    /// As people see it.
    pub name: &'a str,
    /// For finding it again; GitHub brings it back as it is.
    pub external_id: &'a str,
}

#[derive(Deserialize)]
struct WireCheck {
    id: u64,
    name: String,
    external_id: Option<String>,
}

#[derive(Deserialize)]
struct WireList {
    check_runs: Vec<WireCheck>,
}

impl GitHub {
    /// Does this identity write check runs? Else it has commit statuses.
    pub fn writes_checks(&self) -> bool {
        self.is_app()
    }

    /// Creates a check run, and gives its number. On [`ApiError::Ambiguous`] it may exist: look before creating another.
    pub async fn create_check(
        &self,
        repo: &RepoName,
        sha: &CommitSha,
        which: CheckName<'_>,
        text: &CheckText,
    ) -> Result<u64, ApiError> {
        let mut body = body(text);
        body["name"] = which.name.into();
        body["head_sha"] = sha.as_str().into();
        body["external_id"] = which.external_id.into();
        let request = Request::new(Method::Post, format!("/repos/{repo}/check-runs"));
        self.json::<WireCheck>(request.body(body), "the check run").await.map(|check| check.id)
    }

    /// Changes what a check run says. Repeating it changes nothing: after [`ApiError::Ambiguous`] that is safe.
    pub async fn update_check(&self, repo: &RepoName, id: u64, text: &CheckText) -> Result<(), ApiError> {
        let request = Request::new(Method::Patch, format!("/repos/{repo}/check-runs/{id}"));
        self.send(request.body(body(text))).await.map(|_| ())
    }

    /// The newest check run of that name and external id beside the commit: the one that GitHub shows.
    pub async fn find_check(
        &self,
        repo: &RepoName,
        sha: &CommitSha,
        which: CheckName<'_>,
    ) -> Result<Option<u64>, ApiError> {
        let request = Request::new(Method::Get, format!("/repos/{repo}/commits/{sha}/check-runs"));
        // "latest" would hide ours behind another pull request's of the same head.
        let request = request.query("check_name", which.name).query("filter", "all").query("per_page", LISTED);
        let list: WireList = self.json(request, "the check runs").await?;
        let is_it =
            |check: &&WireCheck| check.name == which.name && check.external_id.as_deref() == Some(which.external_id);
        Ok(list.check_runs.iter().filter(is_it).map(|check| check.id).max())
    }
}

fn body(text: &CheckText) -> Value {
    let (status, conclusion) = text.state.fields();
    let mut body = json!({
        "status": status,
        "output": {
            "title": super::statuses::cut(&text.title, MAX_TITLE), "summary": super::statuses::cut(&text.summary, MAX_SUMMARY),
        },
    });
    if let Some(conclusion) = conclusion {
        body["conclusion"] = conclusion.into();
    }
    if let Some(url) = &text.details_url {
        body["details_url"] = url.as_str().into();
    }
    body
}
