//! What the calls do: reads the forge's state and content, or changes it as the token's owner. Knows nothing of HTTP
//! but statuses.

use std::sync::Arc;

use eco_coder_shared::ids::{CommitSha, PullNumber, RepoName};
use serde_json::{Value, json};

use super::route::Endpoint;
use super::{Answer, Call, apps, artifacts, checks, hooks, pages, reviews};
use crate::forge::content::{CommitInfo, Content, ContentError, Entry};
use crate::forge::script::ForgeError;
use crate::forge::state::{Comment, CommitStatus, PullView, Repository, State};
use crate::forge::{Forge, shapes};

/// The longest comment in characters. Source: GitHub answers 422 above it.
pub(super) const MAX_COMMENT: usize = 65_536;
/// The longest description of a status in characters. Source: as above.
const MAX_DESCRIPTION: usize = 140;
/// The most files of a pull request that are listed.
/// Source: <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files>
const MAX_FILES: usize = 3000;
/// The most files that a comparison lists.
/// Source: <https://docs.github.com/en/rest/commits/commits#compare-two-commits>
const MAX_COMPARED_FILES: usize = 300;
/// The largest file that is given out at all.
/// Source: <https://docs.github.com/en/rest/repos/contents#get-repository-content>
const MAX_RAW_CONTENT: usize = 100 * 1024 * 1024;

/// Performs the call.
pub(super) fn run(forge: &Forge, call: &Call) -> Answer {
    perform(forge, call).unwrap_or_else(|refused| refused)
}

pub(super) type Result<T> = std::result::Result<T, Answer>;

fn perform(forge: &Forge, call: &Call) -> Result<Answer> {
    use Endpoint as E;
    let root = forge.settings().base_url.as_str();
    match (call.method.as_str(), &call.endpoint) {
        ("GET", E::Viewer) => Ok(Answer::json(200, &shapes::viewer(root, &forge.settings().viewer, forge.inner.since))),
        ("GET", E::App | E::Installations | E::InstallationRepositories | E::Installation(_) | E::User(_))
        | ("POST", E::AccessToken(_)) => apps::perform(forge, call),
        ("GET", E::HookDeliveries) => Ok(hooks::list(forge, call)),
        ("POST", E::HookAttempt(id)) => hooks::attempt(forge, *id),
        ("GET", E::RateLimit) => Ok(rate_limit(forge)),
        ("GET", E::Repository(repo)) => {
            let state = forge.state();
            Ok(Answer::json(200, &shapes::repository_alone(root, repository(&state, repo)?)))
        }
        ("GET", E::Pulls(repo)) => pulls(forge, call, repo),
        ("GET", E::Pull(repo, number)) => pull(forge, repo, *number),
        ("GET", E::PullFiles(repo, number)) => pull_files(forge, call, repo, *number),
        ("GET", E::PullCommits(repo, number)) => pull_commits(forge, call, repo, *number),
        ("GET", E::Compare(repo, base, head)) => compare(forge, call, repo, base, head),
        ("GET", E::Commit(repo, revision)) => {
            let content = content(forge, repo)?;
            let info = content.resolve(revision).and_then(|sha| content.commit_info(&sha)).map_err(refuse_revision)?;
            let state = forge.state();
            Ok(Answer::json(200, &shapes::commit(root, repository(&state, repo)?, &info)))
        }
        ("GET", E::Contents(repo, path)) => contents(forge, call, repo, path),
        ("GET", E::Blob(repo, sha)) => blob(forge, call, repo, sha),
        ("GET", E::Comments(repo, number)) => comments(forge, call, repo, *number),
        ("POST", E::Comments(repo, number)) => create_comment(forge, call, repo, *number),
        ("GET", E::Comment(repo, id)) => {
            let state = forge.state();
            let repository = repository(&state, repo)?;
            let (pull, comment) = repository.comment(*id).ok_or_else(Answer::not_found)?;
            Ok(Answer::json(200, &shapes::comment(root, repository, pull.view.number.get(), comment)))
        }
        ("PATCH", E::Comment(repo, id)) => {
            let body = comment_body(call, "update")?;
            let comment = forge.edit_comment(repo, *id, &body).map_err(refuse)?;
            comment_answer(forge, repo, 200, &comment)
        }
        ("DELETE", E::Comment(repo, id)) => {
            forge.delete_comment(repo, *id).map_err(refuse)?;
            Ok(Answer::json(204, &Value::Null))
        }
        ("POST", E::Reviews(repo, number)) => reviews::create(forge, call, repo, *number),
        ("GET", E::LineComments(repo, number)) => reviews::list(forge, call, repo, *number),
        ("DELETE", E::LineComment(repo, id)) => reviews::delete(forge, repo, *id),
        ("GET", E::Artifacts(_) | E::ArtifactZip(..) | E::Storage(..)) => artifacts::perform(forge, call),
        (_, E::CheckRuns(_) | E::CheckRun(..) | E::CommitCheckRuns(..)) => checks::perform(forge, call),
        ("POST", E::SetStatus(repo, sha)) => set_status(forge, call, repo, sha),
        ("GET", E::Statuses(repo, revision)) => statuses(forge, call, repo, revision),
        ("GET", E::CombinedStatus(repo, revision)) => combined_status(forge, repo, revision),
        _ => Err(Answer::not_found()),
    }
}

fn rate_limit(forge: &Forge) -> Answer {
    let [limit, remaining, used, reset] = forge.rate();
    let core = json!({ "limit": limit, "remaining": remaining, "used": used, "reset": reset });
    Answer::json(200, &json!({ "resources": { "core": core, "search": core }, "rate": core }))
}

fn pulls(forge: &Forge, call: &Call, repo: &RepoName) -> Result<Answer> {
    let wanted = parameter(call, "state").unwrap_or("open");
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let fits = |pull: &&PullView| match wanted {
        "all" => true,
        "closed" => !pull.open,
        _ => pull.open,
    };
    let mut views: Vec<&PullView> = repository.pulls.values().map(|pull| &pull.view).filter(fits).collect();
    if parameter(call, "sort") == Some("updated") {
        views.sort_by_key(|view| view.updated_at);
    }
    // The newest first, unless asked otherwise.
    if parameter(call, "direction") != Some("asc") {
        views.reverse();
    }
    let root = &forge.settings().base_url;
    Ok(pages::page(call, root, repository.id, "pulls", &views, |view| shapes::pull(root, repository, view, None)))
}

fn pull(forge: &Forge, repo: &RepoName, number: u64) -> Result<Answer> {
    let value = pull_value(forge, repo, number)?;
    Ok(Answer::json(200, &value))
}

/// The pull request alone, in full: for the API and for webhooks.
fn pull_value(forge: &Forge, repo: &RepoName, number: u64) -> Result<Value> {
    forge.pull_json(repo, self::number(number)?).map_err(refuse)
}

fn pull_files(forge: &Forge, call: &Call, repo: &RepoName, number: u64) -> Result<Answer> {
    let view = forge.pull(repo, self::number(number)?).map_err(refuse)?;
    let changes = forge.pull_changes(repo, &view).map_err(refuse)?;
    let listed = &changes[..changes.len().min(MAX_FILES)];
    let root = &forge.settings().base_url;
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let rest = format!("pulls/{number}/files");
    let shape = |file: &_| shapes::file(root, repository, &view.head_sha, file);
    Ok(pages::page(call, root, repository.id, &rest, listed, shape))
}

fn pull_commits(forge: &Forge, call: &Call, repo: &RepoName, number: u64) -> Result<Answer> {
    let view = forge.pull(repo, self::number(number)?).map_err(refuse)?;
    let relation = content(forge, repo)?.relation(&view.base_sha, &view.head_sha).map_err(refuse_revision)?;
    let commits: Vec<CommitInfo> = relation.map(|relation| relation.commits).unwrap_or_default();
    let root = &forge.settings().base_url;
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let rest = format!("pulls/{number}/commits");
    Ok(pages::page(call, root, repository.id, &rest, &commits, |commit| shapes::commit(root, repository, commit)))
}

fn compare(forge: &Forge, call: &Call, repo: &RepoName, base: &str, head: &str) -> Result<Answer> {
    let content = content(forge, repo)?;
    let base_sha = content.resolve(base).map_err(refuse_revision)?;
    let head_sha = content.resolve(head).map_err(refuse_revision)?;
    let relation = content.relation(&base_sha, &head_sha).map_err(refuse_revision)?;
    let relation = relation
        .ok_or_else(|| Answer::error(404, &format!("No common ancestor between {base_sha} and {head_sha}.")))?;
    let base_commit = content.commit_info(&base_sha).map_err(refuse_revision)?;
    let merge_base = content.commit_info(&relation.merge_base).map_err(refuse_revision)?;
    // GitHub lists the files on the first page only.
    let first = parameter(call, "page").is_none_or(|page| page == "1");
    let mut files =
        if first { content.changes(&relation.merge_base, &head_sha).map_err(refuse_revision)? } else { Vec::new() };
    files.truncate(MAX_COMPARED_FILES);
    let status = match (relation.ahead_by, relation.behind_by) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let root = &forge.settings().base_url;
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let commit = |info: &CommitInfo| shapes::commit(root, repository, info);
    let mut answer =
        pages::page(call, root, repository.id, &format!("compare/{base}...{head}"), &relation.commits, commit);
    let commits: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let html = format!("{root}/{repo}/compare/{base}...{head}");
    let value = json!({
        "url": format!("{root}/repos/{repo}/compare/{base}...{head}"), "html_url": html,
        "permalink_url": html, "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
        "base_commit": commit(&base_commit), "merge_base_commit": commit(&merge_base), "status": status,
        "ahead_by": relation.ahead_by, "behind_by": relation.behind_by, "total_commits": relation.ahead_by,
        "commits": commits,
        "files": files.iter().map(|file| shapes::file(root, repository, &head_sha, file)).collect::<Vec<_>>(),
    });
    answer.body = value.to_string().into();
    Ok(answer)
}

fn contents(forge: &Forge, call: &Call, repo: &RepoName, path: &str) -> Result<Answer> {
    let content = content(forge, repo)?;
    let reference = parameter(call, "ref").unwrap_or("HEAD");
    // A repository in memory has no HEAD.
    let reference = if reference == "HEAD" && matches!(*content, Content::Memory(_)) { "main" } else { reference };
    let none = || Answer::error(404, &format!("No commit found for the ref {reference}"));
    let commit = content.resolve(reference).map_err(|_| none())?;
    let entry = content.entry(&commit, path).map_err(refuse_revision)?.ok_or_else(Answer::not_found)?;
    if let Entry::File { bytes, .. } = &entry {
        if bytes.len() > MAX_RAW_CONTENT {
            return Err(too_large());
        }
        if call.raw {
            return Ok(raw(bytes.clone()));
        }
    }
    let state = forge.state();
    let root = &forge.settings().base_url;
    Ok(Answer::json(200, &shapes::entry(root, repository(&state, repo)?, reference, path, &entry)))
}

fn too_large() -> Answer {
    let value = json!({
        "message": "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API.",
        "errors": [{ "resource": "Blob", "field": "data", "code": "too_large" }],
        "documentation_url": "https://docs.github.com/rest/repos/contents#get-repository-content", "status": "403",
    });
    Answer::json(403, &value)
}

fn blob(forge: &Forge, call: &Call, repo: &RepoName, sha: &CommitSha) -> Result<Answer> {
    let bytes = content(forge, repo)?.blob(sha).map_err(refuse_revision)?.ok_or_else(Answer::not_found)?;
    if bytes.len() > MAX_RAW_CONTENT {
        return Err(too_large());
    }
    if call.raw {
        return Ok(raw(bytes));
    }
    let state = forge.state();
    Ok(Answer::json(200, &shapes::blob(&forge.settings().base_url, repository(&state, repo)?, sha, &bytes)))
}

fn raw(bytes: Vec<u8>) -> Answer {
    let content_type = "application/vnd.github.raw+json; charset=utf-8";
    Answer { status: 200, content_type, headers: Vec::new(), body: bytes.into() }
}

fn comments(forge: &Forge, call: &Call, repo: &RepoName, number: u64) -> Result<Answer> {
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let pull = repository.pulls.get(&number).ok_or_else(Answer::not_found)?;
    let mut comments: Vec<&Comment> = pull.comments.values().collect();
    comments.truncate(comments.len().saturating_sub(call.missing));
    let root = &forge.settings().base_url;
    let rest = format!("issues/{number}/comments");
    let shape = |comment: &&Comment| shapes::comment(root, repository, number, comment);
    Ok(pages::page(call, root, repository.id, &rest, &comments, shape))
}

fn create_comment(forge: &Forge, call: &Call, repo: &RepoName, number: u64) -> Result<Answer> {
    let body = comment_body(call, "create")?;
    let author = forge.settings().viewer.clone();
    let comment = forge.add_comment(repo, self::number(number)?, author, &body).map_err(refuse)?;
    let mut answer = comment_answer(forge, repo, 201, &comment)?;
    let url = format!("{}/repos/{repo}/issues/comments/{}", forge.settings().base_url, comment.id);
    answer.headers.push(("location".to_owned(), url));
    Ok(answer)
}

fn comment_answer(forge: &Forge, repo: &RepoName, status: u16, comment: &Comment) -> Result<Answer> {
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let (pull, _) = repository.comment(comment.id).ok_or_else(Answer::not_found)?;
    let value = shapes::comment(&forge.settings().base_url, repository, pull.view.number.get(), comment);
    Ok(Answer::json(status, &value))
}

fn comment_body(call: &Call, verb: &str) -> Result<String> {
    let value = json_body(call)?;
    let invalid = |error: Value| {
        let value = json!({
            "message": "Validation Failed", "errors": [error],
            "documentation_url": format!("https://docs.github.com/rest/issues/comments#{verb}-an-issue-comment"),
            "status": "422",
        });
        Answer::json(422, &value)
    };
    let Some(body) = value.get("body") else {
        return Err(invalid(json!({ "resource": "IssueComment", "code": "missing_field", "field": "body" })));
    };
    let Some(body) = body.as_str() else {
        return Err(Answer::error(422, "Invalid request.\n\nFor 'properties/body', the value is not a string."));
    };
    let data = |message: &str| json!({ "resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message });
    if body.trim().is_empty() {
        return Err(invalid(data("Body can't be blank")));
    }
    if body.chars().count() > MAX_COMMENT {
        return Err(invalid(data("Body is too long (maximum is 65536 characters)")));
    }
    Ok(body.to_owned())
}

fn set_status(forge: &Forge, call: &Call, repo: &RepoName, sha: &CommitSha) -> Result<Answer> {
    let value = json_body(call)?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let invalid = |message: &str| Answer::error(422, &format!("Validation Failed: {message}"));
    let state_word = text("state").filter(|word| matches!(word.as_str(), "pending" | "success" | "failure" | "error"));
    let state_word = state_word.ok_or_else(|| invalid("State is not included in the list"))?;
    let description = text("description");
    if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        return Err(invalid("Description is too long (maximum is 140 characters)"));
    }
    content(forge, repo)?.resolve(sha.as_str()).map_err(|_| invalid(&format!("No commit found for SHA: {sha}")))?;
    let now = forge.now();
    let mut state = forge.state();
    let status = CommitStatus {
        id: state.next_id(),
        sha: sha.clone(),
        state: state_word,
        context: text("context").unwrap_or_else(|| "default".to_owned()),
        description,
        target_url: text("target_url"),
        creator: forge.settings().viewer.clone(),
        created_at: now,
    };
    let repository = state.repository_mut(repo).ok_or_else(Answer::not_found)?;
    repository.statuses.push(status.clone());
    let answer = Answer::json(201, &shapes::status(&forge.settings().base_url, repository, &status));
    drop(state);
    forge.changed();
    Ok(answer)
}

fn statuses(forge: &Forge, call: &Call, repo: &RepoName, revision: &str) -> Result<Answer> {
    let sha = content(forge, repo)?.resolve(revision).map_err(refuse_revision)?;
    let mut statuses = forge.statuses(repo, &sha);
    // The newest first.
    statuses.reverse();
    let root = &forge.settings().base_url;
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let rest = format!("commits/{sha}/statuses");
    Ok(pages::page(call, root, repository.id, &rest, &statuses, |status| shapes::status(root, repository, status)))
}

fn combined_status(forge: &Forge, repo: &RepoName, revision: &str) -> Result<Answer> {
    let sha = content(forge, repo)?.resolve(revision).map_err(refuse_revision)?;
    let mut latest: Vec<CommitStatus> = Vec::new();
    for status in forge.statuses(repo, &sha) {
        latest.retain(|known| known.context != status.context);
        latest.push(status);
    }
    let any = |words: &[&str]| latest.iter().any(|status| words.contains(&status.state.as_str()));
    let combined = if any(&["failure", "error"]) {
        "failure"
    } else if latest.is_empty() || any(&["pending"]) {
        "pending"
    } else {
        "success"
    };
    let root = &forge.settings().base_url;
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let value = json!({
        "state": combined, "sha": sha, "total_count": latest.len(),
        "statuses": latest.iter().map(|status| shapes::status(root, repository, status)).collect::<Vec<_>>(),
        "repository": shapes::repository(root, repository), "commit_url": format!("{root}/repos/{repo}/commits/{sha}"),
        "url": format!("{root}/repos/{repo}/commits/{sha}/status"),
    });
    Ok(Answer::json(200, &value))
}

pub(super) fn parameter<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

pub(super) fn json_body(call: &Call) -> Result<Value> {
    let value = serde_json::from_slice(&call.body).map_err(|_| Answer::error(400, "Problems parsing JSON"))?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Answer::error(400, "Body should be a JSON object")),
    }
}

pub(super) fn number(number: u64) -> Result<PullNumber> {
    PullNumber::try_from(number).map_err(|_| Answer::not_found())
}

pub(super) fn repository<'a>(state: &'a State, repo: &RepoName) -> Result<&'a Repository> {
    state.repository(repo).ok_or_else(Answer::not_found)
}

pub(super) fn content(forge: &Forge, repo: &RepoName) -> Result<Arc<Content>> {
    forge.content(repo).map_err(refuse)
}

pub(super) fn refuse(error: ForgeError) -> Answer {
    match error {
        ForgeError::Content(error) => refuse_revision(error),
        _ => Answer::not_found(),
    }
}

pub(super) fn refuse_revision(error: ContentError) -> Answer {
    match error {
        ContentError::UnknownRevision(_) | ContentError::BadRevision(_) => Answer::not_found(),
        ContentError::TooLarge => too_large(),
        error => {
            tracing::error!(%error, "the forge can't read its repository");
            Answer::error(500, "Server Error")
        }
    }
}
