//! What workflows of GitHub Actions uploaded: found by name and commit, downloaded as zip files. Never opens them.

use bytes::Bytes;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, RepoName};
use serde::Deserialize;

use crate::client::GitHub;
use crate::error::ApiError;
use crate::transport::{Method, Request};

/// How many of a name are looked through, the newest: what a commit's workflow uploaded is among them soon after.
const NEWEST: usize = 100;

/// A zip file that a workflow left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// GitHub's number.
    pub id: u64,
    /// Of the zip file.
    pub bytes: u64,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

#[derive(Deserialize)]
struct WireList {
    artifacts: Vec<WireArtifact>,
}

#[derive(Deserialize)]
struct WireArtifact {
    id: u64,
    name: String,
    size_in_bytes: u64,
    #[serde(default)]
    expired: bool,
    created_at: Option<String>,
    workflow_run: Option<WireRun>,
}

#[derive(Deserialize)]
struct WireRun {
    head_sha: Option<String>,
}

impl GitHub {
    /// Artifacts of this name that workflows made of `head`, the newest first.
    pub async fn artifacts(&self, repo: &RepoName, name: &str, head: &CommitSha) -> Result<Vec<Artifact>, ApiError> {
        let request = Request::new(Method::Get, format!("/repos/{repo}/actions/artifacts"));
        let list: WireList = self.json(request.query("name", name).query("per_page", NEWEST), "the artifacts").await?;
        let of_head = |artifact: &WireArtifact| {
            let made_of = artifact.workflow_run.as_ref().and_then(|run| run.head_sha.as_deref());
            artifact.name == name && !artifact.expired && made_of == Some(head.as_str())
        };
        let mut found: Vec<Artifact> = list
            .artifacts
            .into_iter()
            .filter(of_head)
            .map(|artifact| Artifact {
                id: artifact.id,
                bytes: artifact.size_in_bytes,
                created_at: artifact.created_at.and_then(|at| Timestamp::parse_rfc3339(&at)).unwrap_or_default(),
            })
            .collect();
        found.sort_by_key(|artifact| std::cmp::Reverse((artifact.created_at, artifact.id)));
        Ok(found)
    }

    /// The zip file, if it has at most `max_bytes`. It comes from another server, which is asked without the token.
    pub async fn artifact_zip(&self, repo: &RepoName, id: u64, max_bytes: usize) -> Result<Bytes, ApiError> {
        let request = Request {
            max_body: Some(max_bytes),
            may_lead_elsewhere: true,
            ..Request::new(Method::Get, format!("/repos/{repo}/actions/artifacts/{id}/zip"))
        };
        Ok(self.send(request).await?.body)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use eco_coder_shared::env::SystemEnv;
    use serde_json::json;

    use super::*;
    use crate::auth::Auth;
    use crate::client::Settings;
    use crate::testing::{FakeGitHub, answer};

    #[tokio::test]
    async fn artifacts_of_the_name_and_the_commit_are_found_newest_first() {
        let fake = FakeGitHub::new();
        let settings = Settings { write_interval: Duration::ZERO, ..Settings::default() };
        let github = GitHub::new(fake.clone(), Auth::Anonymous, Arc::new(SystemEnv), settings);
        let (head, other) = ("a".repeat(40), "b".repeat(40));
        let one = |id: u64, name: &str, sha: &str, expired: bool, at: &str| {
            json!({"id": id, "name": name, "size_in_bytes": 5, "expired": expired, "created_at": at,
                   "workflow_run": {"id": 1, "head_sha": sha}})
        };
        let list = json!({"total_count": 5, "artifacts": [
            one(1, "eco-coder", &head, false, "2026-01-01T00:00:00Z"),
            one(2, "eco-coder", &head, false, "2026-01-02T00:00:00Z"),
            one(3, "eco-coder", &other, false, "2026-01-03T00:00:00Z"),
            one(4, "eco-coder", &head, true, "2026-01-03T00:00:00Z"),
            one(5, "else", &head, false, "2026-01-03T00:00:00Z"),
            {"id": 6, "name": "eco-coder", "size_in_bytes": 5, "created_at": null, "workflow_run": null},
        ]});
        fake.answer(Method::Get, "/repos/o/r/actions/artifacts?name=eco-coder&per_page=100", answer(200, &list));
        let found = github.artifacts(&"o/r".parse().unwrap(), "eco-coder", &head.parse().unwrap()).await.unwrap();
        assert_eq!(found.iter().map(|artifact| artifact.id).collect::<Vec<_>>(), [2, 1]);
    }
}
