//! Comments on lines: written in reviews, all or none; listed with the lines that their code has now; deleted one by one.

use eco_coder_github::patch;
use eco_coder_shared::ids::RepoName;
use serde_json::{Value, json};

use super::calls::{MAX_COMMENT, Result, content, json_body, number, refuse, refuse_revision, repository};
use super::{Answer, Call, pages};
use crate::forge::content::{Entry, FileChange};
use crate::forge::state::{Comment, LineComment};
use crate::forge::{Forge, shapes};

/// Writes a review's comments.
pub(super) fn create(forge: &Forge, call: &Call, repo: &RepoName, pull: u64) -> Result<Answer> {
    let value = json_body(call)?;
    let view = forge.pull(repo, number(pull)?).map_err(refuse)?;
    let invalid = |message: &str| {
        let errors = json!({"message": "Unprocessable Entity", "errors": [message], "status": "422"});
        Answer::json(422, &errors)
    };
    if value.get("event").and_then(Value::as_str) != Some("COMMENT") {
        return Err(invalid("only reviews that comment are known here"));
    }
    let sha = match value.get("commit_id").and_then(Value::as_str) {
        Some(sha) => content(forge, repo)?.resolve(sha).map_err(refuse_revision)?,
        None => view.head_sha.clone(),
    };
    let changes = forge.pull_changes(repo, &view).map_err(refuse)?;
    let comments = value.get("comments").and_then(Value::as_array).cloned().unwrap_or_default();
    if comments.is_empty() {
        return Err(invalid("A review needs a body or comments"));
    }
    let mut written = Vec::new();
    for comment in &comments {
        let text = |name: &str| comment.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let line = |name: &str| comment.get(name).and_then(Value::as_u64).and_then(|line| u32::try_from(line).ok());
        let (path, body) = (text("path"), text("body"));
        if body.trim().is_empty() || body.chars().count() > MAX_COMMENT {
            return Err(invalid("Body can't be blank or over 65536 characters"));
        }
        let last = line("line").ok_or_else(|| invalid("Line can't be blank"))?;
        let lines = (line("start_line").unwrap_or(last), last);
        let in_pull =
            changes.iter().find(|file| file.path == path).ok_or_else(|| invalid("Path could not be resolved"))?;
        if lines.0 > lines.1 || !(lines.0..=lines.1).all(|line| in_diff(in_pull, line)) {
            return Err(invalid("Line could not be resolved"));
        }
        written.push((path, body, lines));
    }
    let mut texts = Vec::new();
    for (path, _, lines) in &written {
        let entry = content(forge, repo)?.entry(&sha, path).map_err(refuse_revision)?;
        let Some(Entry::File { bytes, .. }) = entry else { return Err(invalid("Path could not be resolved")) };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let skipped = usize::try_from(lines.0 - 1).unwrap_or(usize::MAX);
        let taken = usize::try_from(lines.1 - lines.0 + 1).unwrap_or(usize::MAX);
        texts.push(text.lines().skip(skipped).take(taken).collect::<Vec<_>>().join("\n"));
    }
    let now = forge.now();
    let author = forge.settings().viewer.clone();
    let mut state = forge.state();
    let review = state.next_id();
    let ids: Vec<u64> = written.iter().map(|_| state.next_id()).collect();
    let found = state.repository_mut(repo).ok_or_else(Answer::not_found)?;
    let pulled = found.pulls.get_mut(&pull).ok_or_else(Answer::not_found)?;
    pulled.view.updated_at = now;
    for ((id, (path, body, lines)), text) in ids.into_iter().zip(written).zip(texts) {
        let comment = Comment { id, author: author.clone(), body, created_at: now, updated_at: now };
        let sha = sha.clone();
        pulled.line_comments.insert(id, LineComment { comment, review, sha, path, lines, text, answers: None });
    }
    let root = &forge.settings().base_url;
    let answer =
        Answer::json(200, &shapes::reviews::review(root, repository(&state, repo)?, pull, review, &sha, &author, now));
    drop(state);
    forge.changed();
    Ok(answer)
}

/// Comments on lines can stand on what a hunk shows.
fn in_diff(file: &FileChange, line: u32) -> bool {
    let Some(text) = &file.patch else { return false };
    patch::hunks(text).is_ok_and(|hunks| hunks.iter().any(|hunk| hunk.new.contains(line)))
}

pub(super) fn list(forge: &Forge, call: &Call, repo: &RepoName, pull: u64) -> Result<Answer> {
    forge.pull(repo, number(pull)?).map_err(refuse)?;
    let mut comments = forge.line_comments(repo, number(pull)?);
    comments.truncate(comments.len().saturating_sub(call.missing));
    let root = &forge.settings().base_url;
    let state = forge.state();
    let repository = repository(&state, repo)?;
    let shape = |(comment, lines): &_| shapes::reviews::comment(root, repository, pull, comment, *lines);
    Ok(pages::page(call, root, repository.id, &format!("pulls/{pull}/comments"), &comments, shape))
}

pub(super) fn delete(forge: &Forge, repo: &RepoName, id: u64) -> Result<Answer> {
    let mut state = forge.state();
    let found = state.repository_mut(repo).ok_or_else(Answer::not_found)?;
    let removed = found.pulls.values_mut().find_map(|pull| pull.line_comments.remove(&id));
    removed.ok_or_else(Answer::not_found)?;
    drop(state);
    forge.changed();
    Ok(Answer::json(204, &Value::Null))
}
