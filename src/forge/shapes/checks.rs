//! GitHub's JSON of check runs.

use serde_json::{Value, json};

use super::{node_id, time};
use crate::forge::state::{CheckRun, PullView, Repository};

/// As the API and webhooks show it; `app`: whose it is.
pub(in crate::forge) fn check_run(root: &str, repo: &Repository, run: &CheckRun, app: Option<&Value>) -> Value {
    let CheckRun { id, sha, output, .. } = run;
    let api = format!("{root}/repos/{}/check-runs/{id}", repo.name);
    let of_head = |pull: &&PullView| pull.open && pull.head_sha == *sha;
    let pulls = repo.pulls.values().map(|pull| &pull.view).filter(of_head);
    json!({
        "id": id, "node_id": node_id("CheckRun", *id), "head_sha": sha, "external_id": run.external_id,
        "url": api, "html_url": format!("{root}/{}/runs/{id}", repo.name),
        "details_url": run.details_url.clone().unwrap_or_else(|| root.to_owned()), "status": run.status,
        "conclusion": run.conclusion, "started_at": time(run.started_at), "completed_at": run.completed_at.map(time),
        "output": {
            "title": output.as_ref().map(|output| &output.title), "summary": output.as_ref().map(|output| &output.summary),
            "text": null, "annotations_count": 0, "annotations_url": format!("{api}/annotations"),
        },
        "name": run.name, "check_suite": { "id": 1 }, "app": app,
        "pull_requests": pulls.map(|pull| pull_minimal(root, repo, pull)).collect::<Vec<_>>(),
    })
}

fn pull_minimal(root: &str, repo: &Repository, pull: &PullView) -> Value {
    let api = format!("{root}/repos/{}", repo.name);
    let here = json!({ "id": repo.id, "url": api, "name": repo.name.name() });
    json!({
        "id": pull.id, "number": pull.number, "url": format!("{api}/pulls/{}", pull.number),
        "head": { "ref": pull.head_ref, "sha": pull.head_sha, "repo": here },
        "base": { "ref": pull.base_ref, "sha": pull.base_sha, "repo": here },
    })
}
