//! What workflows left: listed by name, and given out as zip files from another address, as GitHub does.

use serde_json::{Value, json};

use super::calls::{Result, parameter, repository};
use super::route::Endpoint;
use super::{Answer, Call};
use crate::forge::Forge;
use crate::forge::shapes::{node_id, time};
use crate::forge::state::Artifact;

pub(super) fn perform(forge: &Forge, call: &Call) -> Result<Answer> {
    let (Endpoint::Artifacts(repo) | Endpoint::ArtifactZip(repo, _) | Endpoint::Storage(repo, _)) = &call.endpoint
    else {
        return Err(Answer::not_found());
    };
    let state = forge.state();
    let found = repository(&state, repo)?;
    let root = &forge.settings().base_url;
    let of = |id: &u64| found.artifacts.iter().find(|artifact| artifact.id == *id).ok_or_else(Answer::not_found);
    match &call.endpoint {
        Endpoint::ArtifactZip(_, id) => {
            of(id)?;
            let location = format!("{root}/repos/{repo}/actions/storage/{id}");
            Ok(Answer { headers: vec![("location".to_owned(), location)], ..Answer::json(302, &Value::Null) })
        }
        Endpoint::Storage(_, id) => {
            let body = of(id)?.zip.clone().into();
            Ok(Answer { status: 200, content_type: "application/zip", headers: Vec::new(), body })
        }
        _ => {
            let wanted = parameter(call, "name");
            let fits = |artifact: &&Artifact| wanted.is_none_or(|name| name == artifact.name);
            let shape = |artifact: &Artifact| {
                let url = format!("{root}/repos/{repo}/actions/artifacts/{}", artifact.id);
                json!({
                    "id": artifact.id, "node_id": node_id("Artifact", artifact.id), "name": artifact.name,
                    "size_in_bytes": artifact.zip.len(), "url": url, "archive_download_url": format!("{url}/zip"),
                    "expired": false, "created_at": time(artifact.created_at), "updated_at": time(artifact.created_at),
                    "expires_at": time(artifact.created_at + std::time::Duration::from_hours(24 * 90)),
                    "workflow_run": {
                        "id": artifact.id, "repository_id": found.id, "head_repository_id": found.id,
                        "head_branch": "feature", "head_sha": artifact.sha,
                    },
                })
            };
            let all: Vec<Value> = found.artifacts.iter().rev().filter(fits).take(100).map(shape).collect();
            Ok(Answer::json(200, &json!({"total_count": all.len(), "artifacts": all})))
        }
    }
}
