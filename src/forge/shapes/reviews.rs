//! Reviews and comments on lines, as GitHub writes them.

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;
use serde_json::{Value, json};

use super::{node_id, time, user};
use crate::forge::state::{Account, LineComment, Repository};

pub(in crate::forge) fn review(
    root: &str,
    repo: &Repository,
    number: u64,
    id: u64,
    sha: &CommitSha,
    author: &Account,
    at: Timestamp,
) -> Value {
    let html = format!("{root}/{}/pull/{number}#pullrequestreview-{id}", repo.name);
    let pull = format!("{root}/repos/{}/pulls/{number}", repo.name);
    json!({
        "id": id, "node_id": node_id("PullRequestReview", id), "user": user(root, author), "body": "", "state": "COMMENTED",
        "html_url": html, "pull_request_url": pull, "submitted_at": time(at), "commit_id": sha,
        "_links": {"html": {"href": html}, "pull_request": {"href": pull}}, "author_association": "NONE",
    })
}

/// `lines`: where its code is now, if it is anywhere.
pub(in crate::forge) fn comment(
    root: &str,
    repo: &Repository,
    number: u64,
    comment: &LineComment,
    lines: Option<(u32, u32)>,
) -> Value {
    let (name, id) = (&repo.name, comment.comment.id);
    let url = format!("{root}/repos/{name}/pulls/comments/{id}");
    let html = format!("{root}/{name}/pull/{number}#discussion_r{id}");
    let pull = format!("{root}/repos/{name}/pulls/{number}");
    let start = |(first, last): (u32, u32)| (first < last).then_some(first);
    let mut value = json!({
        "url": url, "pull_request_review_id": comment.review, "id": id, "node_id": node_id("PullRequestReviewComment", id),
        "diff_hunk": format!("@@ -0,0 +{},{} @@", comment.lines.0, comment.lines.1 - comment.lines.0 + 1),
        "path": comment.path, "position": lines.map(|_| 1), "original_position": 1, "commit_id": comment.sha,
        "original_commit_id": comment.sha, "user": user(root, &comment.comment.author), "body": comment.comment.body,
        "created_at": time(comment.comment.created_at), "updated_at": time(comment.comment.updated_at), "html_url": html,
        "pull_request_url": pull, "author_association": "NONE",
        "_links": {"self": {"href": url}, "html": {"href": html}, "pull_request": {"href": pull}},
        "start_line": lines.and_then(start), "original_start_line": start(comment.lines),
        "start_side": start(comment.lines).map(|_| "RIGHT"), "line": lines.map(|(_, last)| last),
        "original_line": comment.lines.1, "side": "RIGHT", "subject_type": "line",
        "reactions": {
            "url": format!("{url}/reactions"), "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0,
            "heart": 0, "rocket": 0, "eyes": 0,
        },
    });
    if let Some(answered) = comment.answers {
        value["in_reply_to_id"] = answered.into();
    }
    value
}
