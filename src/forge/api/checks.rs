//! Check runs: only Apps write them, everybody reads them.
//!
//! Source: <https://docs.github.com/en/rest/checks/runs>

use eco_coder_shared::ids::{CommitSha, RepoName};
use serde_json::{Value, json};

use super::calls::{Result, content, json_body, parameter, refuse_revision, repository};
use super::route::Endpoint;
use super::{Answer, Call, apps, pages};
use crate::forge::state::{CheckOutput, CheckRun};
use crate::forge::{Forge, shapes};

/// The longest summary in characters.
const MAX_SUMMARY: usize = 65_535;

/// The calls about check runs.
pub(super) fn perform(forge: &Forge, call: &Call) -> Result<Answer> {
    match (call.method.as_str(), &call.endpoint) {
        ("POST", Endpoint::CheckRuns(repo)) => create(forge, call, repo),
        ("GET", Endpoint::CheckRun(repo, id)) => one(forge, repo, *id, 200),
        ("PATCH", Endpoint::CheckRun(repo, id)) => update(forge, call, repo, *id),
        ("GET", Endpoint::CommitCheckRuns(repo, revision)) => list(forge, call, repo, revision),
        _ => Err(Answer::not_found()),
    }
}

fn writes(call: &Call) -> Result<()> {
    if call.installation.is_some() {
        Ok(())
    } else {
        Err(Answer::error(403, "You must authenticate via a GitHub App."))
    }
}

fn invalid(message: &str) -> Answer {
    Answer::error(422, &format!("Invalid request.\n\n{message}"))
}

/// What the call says of a check run; what it doesn't say stays as it is in `run`.
fn apply(forge: &Forge, body: &Value, run: &mut CheckRun) -> Result<()> {
    let text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(&format!("For 'properties/{name}', the value is not a string."))),
    };
    if let Some(name) = text("name")? {
        run.name = name;
    }
    run.details_url = text("details_url")?.or(run.details_url.take());
    run.external_id = text("external_id")?.or(run.external_id.take());
    if let Some(output) = body.get("output") {
        let part = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(title), Some(summary)) = (part("title"), part("summary")) else {
            return Err(invalid("\"title\" and \"summary\" weren't supplied in \"output\"."));
        };
        if summary.chars().count() > MAX_SUMMARY {
            return Err(invalid("Summary exceeds a maximum bytesize of 65535."));
        }
        run.output = Some(CheckOutput { title, summary });
    }
    let (status, conclusion) = (text("status")?, text("conclusion")?);
    let known = ["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"];
    match (status.as_deref(), conclusion) {
        (_, Some(conclusion)) if known.contains(&conclusion.as_str()) => {
            "completed".clone_into(&mut run.status);
            (run.conclusion, run.completed_at) = (Some(conclusion), Some(forge.now()));
        }
        (Some("completed"), None) => return Err(invalid("If status is completed, conclusion must be supplied.")),
        (Some(status @ ("queued" | "in_progress")), None) => {
            status.clone_into(&mut run.status);
            (run.conclusion, run.completed_at) = (None, None);
        }
        (None, None) => {}
        _ => return Err(invalid("status or conclusion is not a possible value.")),
    }
    Ok(())
}

fn create(forge: &Forge, call: &Call, repo: &RepoName) -> Result<Answer> {
    writes(call)?;
    let body = json_body(call)?;
    let sha = body.get("head_sha").and_then(Value::as_str).and_then(|sha| sha.parse::<CommitSha>().ok());
    let sha = sha.ok_or_else(|| invalid("\"head_sha\" wasn't supplied."))?;
    if !body.get("name").is_some_and(Value::is_string) {
        return Err(invalid("\"name\" wasn't supplied."));
    }
    content(forge, repo)?
        .resolve(sha.as_str())
        .map_err(|_| Answer::error(422, &format!("No commit found for SHA: {sha}")))?;
    let now = forge.now();
    let mut run = CheckRun {
        id: 0,
        sha,
        name: String::new(),
        external_id: None,
        details_url: None,
        status: "queued".to_owned(),
        conclusion: None,
        output: None,
        started_at: now,
        completed_at: None,
        words: 1,
    };
    apply(forge, &body, &mut run)?;
    let mut state = forge.state();
    run.id = state.next_id();
    let id = run.id;
    state.repository_mut(repo).ok_or_else(Answer::not_found)?.check_runs.push(run);
    drop(state);
    forge.changed();
    one(forge, repo, id, 201)
}

fn update(forge: &Forge, call: &Call, repo: &RepoName, id: u64) -> Result<Answer> {
    writes(call)?;
    let body = json_body(call)?;
    let mut state = forge.state();
    let repository = state.repository_mut(repo).ok_or_else(Answer::not_found)?;
    let run = repository.check_runs.iter_mut().find(|run| run.id == id).ok_or_else(Answer::not_found)?;
    let mut changed = run.clone();
    apply(forge, &body, &mut changed)?;
    changed.words += 1;
    *run = changed;
    drop(state);
    forge.changed();
    one(forge, repo, id, 200)
}

fn one(forge: &Forge, repo: &RepoName, id: u64, status: u16) -> Result<Answer> {
    let app = apps::shape(forge);
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let run = repository.check_runs.iter().find(|run| run.id == id).ok_or_else(Answer::not_found)?;
    let value = shapes::checks::check_run(&forge.settings().base_url, repository, run, app.as_ref());
    Ok(Answer::json(status, &value))
}

fn list(forge: &Forge, call: &Call, repo: &RepoName, revision: &str) -> Result<Answer> {
    let sha = content(forge, repo)?.resolve(revision).map_err(refuse_revision)?;
    let name = parameter(call, "check_name");
    let mut runs: Vec<CheckRun> = forge.check_runs(repo, &sha);
    runs.retain(|run| name.is_none_or(|name| run.name == name));
    // The newest first; of each name the newest alone, unless asked otherwise.
    runs.reverse();
    if parameter(call, "filter") != Some("all") {
        let mut seen = Vec::new();
        runs.retain(|run| {
            let is_new = !seen.contains(&run.name);
            seen.push(run.name.clone());
            is_new
        });
    }
    let app = apps::shape(forge);
    let root = &forge.settings().base_url;
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let shape = |run: &CheckRun| shapes::checks::check_run(root, repository, run, app.as_ref());
    let mut answer = pages::page(call, root, repository.id, &format!("commits/{sha}/check-runs"), &runs, shape);
    let shown: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    answer.body = json!({ "total_count": runs.len(), "check_runs": shown }).to_string().into();
    Ok(answer)
}
