//! GitHub's JSON: users, repositories, pull requests, files, comments, statuses, with the links between them.
//! Pure: the forge's data in, JSON out, the same for the API and for webhooks.

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;
use serde_json::{Map, Value, json};

use super::content::{CommitInfo, Entry, FileChange};
use super::state::{Account, Comment, CommitStatus, PullView, Repository};

pub(super) mod checks;
mod encode;
pub(super) mod reviews;

pub(super) use encode::{base64, encode_path};

/// GitHub gives a file's content in JSON up to this size.
/// Source: <https://docs.github.com/en/rest/repos/contents#get-repository-content>
pub(super) const MAX_JSON_CONTENT: usize = 1024 * 1024;

/// A time as GitHub writes it: whole seconds, UTC.
pub(super) fn time(at: Timestamp) -> String {
    let full = at.to_string();
    full.split('.').next().map_or(full.clone(), |seconds| format!("{seconds}Z"))
}

pub(super) fn node_id(kind: &str, id: u64) -> String {
    base64(format!("{:03}:{kind}{id}", kind.len()).as_bytes())
}

pub(super) fn user(root: &str, account: &Account) -> Value {
    let Account { id, login, bot } = account;
    let api = format!("{root}/users/{login}");
    json!({
        "login": login, "id": id, "node_id": node_id("User", *id), "avatar_url": format!("{root}/avatars/{id}"),
        "gravatar_id": "", "url": api, "html_url": format!("{root}/{login}"),
        "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"), "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"), "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": if *bot { "Bot" } else { "User" }, "site_admin": false,
    })
}

/// The token's owner, as the owner sees it.
pub(super) fn viewer(root: &str, account: &Account, since: Timestamp) -> Value {
    let more = json!({
        "name": null, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
        "twitter_username": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": time(since), "updated_at": time(since),
    });
    with(user(root, account), more)
}

/// The links of a repository: name of the field, and what follows the repository's address.
const REPOSITORY_LINKS: &[(&str, &str)] = &[
    ("forks_url", "/forks"),
    ("keys_url", "/keys{/key_id}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("languages_url", "/languages"),
    ("stargazers_url", "/stargazers"),
    ("contributors_url", "/contributors"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("merges_url", "/merges"),
    ("archive_url", "/{archive_format}{/ref}"),
    ("downloads_url", "/downloads"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("labels_url", "/labels{/name}"),
    ("releases_url", "/releases{/id}"),
    ("deployments_url", "/deployments"),
];

pub(super) fn repository(root: &str, repository: &Repository) -> Value {
    let name = &repository.name;
    let api = format!("{root}/repos/{name}");
    let open = repository.pulls.values().filter(|pull| pull.view.open).count();
    let created = time(repository.created_at);
    let plain = json!({
        "id": repository.id, "node_id": node_id("Repository", repository.id.0), "name": name.name(),
        "full_name": name, "private": false, "owner": user(root, &repository.owner),
        "html_url": format!("{root}/{name}"), "description": null, "fork": false, "url": api,
        "created_at": created, "updated_at": created, "pushed_at": created,
        "git_url": format!("git://localhost/{name}.git"), "ssh_url": format!("git@localhost:{name}.git"),
        "clone_url": format!("{root}/{name}.git"), "svn_url": format!("{root}/{name}"), "homepage": null,
        "open_issues_count": open, "open_issues": open, "default_branch": "main",
    });
    let links = REPOSITORY_LINKS.iter().map(|(field, rest)| ((*field).to_owned(), format!("{api}{rest}").into()));
    merge(with(plain, repository_features()), links)
}

/// As it is shown alone.
pub(super) fn repository_alone(root: &str, repo: &Repository) -> Value {
    with(repository(root, repo), json!({ "network_count": 0, "subscribers_count": 0 }))
}

/// What every repository here has and hasn't.
fn repository_features() -> Value {
    json!({
        "size": 0, "stargazers_count": 0, "watchers_count": 0, "language": null, "has_issues": true,
        "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false, "has_discussions": false,
        "forks_count": 0, "mirror_url": null, "archived": false, "disabled": false, "license": null,
        "allow_forking": true, "is_template": false, "web_commit_signoff_required": false, "topics": [], "custom_properties": {},
        "visibility": "public", "forks": 0, "watchers": 0, "allow_squash_merge": true, "allow_merge_commit": true,
        "allow_rebase_merge": true, "allow_auto_merge": false, "delete_branch_on_merge": false,
        "allow_update_branch": false, "use_squash_pr_title_as_default": false,
    })
}

fn merge(value: Value, more: impl IntoIterator<Item = (String, Value)>) -> Value {
    let Value::Object(fields) = value else { return value };
    Value::Object(fields.into_iter().chain(more).collect::<Map<_, _>>())
}

/// Both objects' fields.
fn with(value: Value, more: Value) -> Value {
    match more {
        Value::Object(more) => merge(value, more),
        _ => value,
    }
}

/// As a list of pull requests has it; with `changes`, as the pull request alone and webhooks have it.
pub(super) fn pull(root: &str, repo: &Repository, pull: &PullView, changes: Option<(&[FileChange], usize)>) -> Value {
    let name = &repo.name;
    let number = pull.number;
    let api = format!("{root}/repos/{name}/pulls/{number}");
    let html = format!("{root}/{name}/pull/{number}");
    let issue = format!("{root}/repos/{name}/issues/{number}");
    let statuses = format!("{root}/repos/{name}/statuses/{}", pull.head_sha);
    let owner = name.owner();
    let side = |reference: &str, sha: &CommitSha| {
        json!({
            "label": format!("{owner}:{reference}"), "ref": reference, "sha": sha, "user": user(root, &repo.owner),
            "repo": repository(root, repo),
        })
    };
    let link = |href: &str| json!({ "href": href });
    let closed = pull.closed_at.map(time);
    let plain = json!({
        "url": api, "id": pull.id, "node_id": node_id("PullRequest", pull.id), "html_url": html,
        "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "issue_url": issue,
        "number": number, "state": if pull.open { "open" } else { "closed" }, "locked": false,
        "title": pull.title, "user": user(root, &pull.author),
        "body": if pull.body.is_empty() { Value::Null } else { pull.body.as_str().into() },
        "created_at": time(pull.created_at), "updated_at": time(pull.updated_at), "closed_at": closed,
        "merged_at": closed.as_ref().filter(|_| pull.merged), "merge_commit_sha": null, "assignee": null,
        "assignees": [], "requested_reviewers": [], "requested_teams": [],
        "labels": pull.labels.iter().map(|name| label(root, repo, name)).collect::<Vec<_>>(), "milestone": null,
        "draft": pull.draft, "commits_url": format!("{api}/commits"), "review_comments_url": format!("{api}/comments"),
        "review_comment_url": format!("{root}/repos/{name}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"), "statuses_url": statuses,
        "head": side(&pull.head_ref, &pull.head_sha), "base": side(&pull.base_ref, &pull.base_sha),
        "_links": {
            "self": link(&api), "html": link(&html), "issue": link(&issue),
            "comments": link(&format!("{issue}/comments")), "review_comments": link(&format!("{api}/comments")),
            "review_comment": link(&format!("{root}/repos/{name}/pulls/comments{{/number}}")),
            "commits": link(&format!("{api}/commits")), "statuses": link(&statuses),
        },
        "author_association": "CONTRIBUTOR", "auto_merge": null, "active_lock_reason": null,
    });
    let Some((files, commits)) = changes else { return plain };
    let comments = repo.pulls.get(&number.get()).map_or(0, |pull| pull.comments.len());
    let more = json!({
        "merged": pull.merged, "mergeable": null, "rebaseable": null, "mergeable_state": "unknown",
        "merged_by": null, "comments": comments, "review_comments": 0, "maintainer_can_modify": false,
        "commits": commits, "additions": files.iter().map(|file| file.additions).sum::<usize>(),
        "deletions": files.iter().map(|file| file.deletions).sum::<usize>(), "changed_files": files.len(),
    });
    with(plain, more)
}

pub(super) fn label(root: &str, repo: &Repository, name: &str) -> Value {
    json!({
        "id": 1, "node_id": node_id("Label", 1), "url": format!("{root}/repos/{}/labels/{}", repo.name, encode_path(name)),
        "name": name, "color": "ededed", "default": false, "description": null,
    })
}

pub(super) fn file(root: &str, repo: &Repository, head: &CommitSha, file: &FileChange) -> Value {
    let name = &repo.name;
    // GitHub escapes the slashes too, in these.
    let path = encode_path(&file.path).replace('/', "%2F");
    let mut value = json!({
        "sha": file.blob, "filename": file.path, "status": file.status.as_str(), "additions": file.additions,
        "deletions": file.deletions, "changes": file.additions + file.deletions,
        "blob_url": format!("{root}/{name}/blob/{head}/{path}"), "raw_url": format!("{root}/{name}/raw/{head}/{path}"),
        "contents_url": format!("{root}/repos/{name}/contents/{path}?ref={head}"),
    });
    if let Some(patch) = &file.patch {
        value["patch"] = patch.as_str().into();
    }
    if let Some(previous) = &file.previous_path {
        value["previous_filename"] = previous.as_str().into();
    }
    value
}

pub(super) fn comment(root: &str, repo: &Repository, number: u64, comment: &Comment) -> Value {
    let name = &repo.name;
    json!({
        "url": format!("{root}/repos/{name}/issues/comments/{}", comment.id),
        "html_url": format!("{root}/{name}/pull/{number}#issuecomment-{}", comment.id),
        "issue_url": format!("{root}/repos/{name}/issues/{number}"), "id": comment.id,
        "node_id": node_id("IssueComment", comment.id), "user": user(root, &comment.author),
        "created_at": time(comment.created_at), "updated_at": time(comment.updated_at),
        "author_association": if comment.author.bot { "NONE" } else { "CONTRIBUTOR" }, "body": comment.body,
        "reactions": {
            "url": format!("{root}/repos/{name}/issues/comments/{}/reactions", comment.id), "total_count": 0,
            "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0, "heart": 0, "rocket": 0, "eyes": 0,
        },
        "performed_via_github_app": null,
    })
}

pub(super) fn status(root: &str, repo: &Repository, status: &CommitStatus) -> Value {
    json!({
        "url": format!("{root}/repos/{}/statuses/{}", repo.name, status.sha),
        "avatar_url": format!("{root}/avatars/{}", status.creator.id), "id": status.id,
        "node_id": node_id("StatusContext", status.id), "state": status.state, "description": status.description,
        "target_url": status.target_url, "context": status.context, "created_at": time(status.created_at),
        "updated_at": time(status.created_at), "creator": user(root, &status.creator),
    })
}

pub(super) fn commit(root: &str, repo: &Repository, commit: &CommitInfo) -> Value {
    let api = |sha: &CommitSha| format!("{root}/repos/{}/commits/{sha}", repo.name);
    let html = |sha: &CommitSha| format!("{root}/{}/commit/{sha}", repo.name);
    let who = json!({
        "name": commit.author, "email": format!("{}@users.noreply.github.com", commit.author), "date": time(commit.at),
    });
    let parent = |sha: &CommitSha| json!({ "sha": sha, "url": api(sha), "html_url": html(sha) });
    json!({
        "sha": commit.sha, "node_id": base64(commit.sha.as_str().as_bytes()),
        "commit": {
            "author": who, "committer": who, "message": commit.message,
            "tree": { "sha": commit.sha, "url": format!("{root}/repos/{}/git/trees/{}", repo.name, commit.sha) },
            "url": format!("{root}/repos/{}/git/commits/{}", repo.name, commit.sha), "comment_count": 0,
            "verification": {
                "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
            },
        },
        "url": api(&commit.sha), "html_url": html(&commit.sha), "comments_url": format!("{}/comments", api(&commit.sha)),
        "author": null, "committer": null, "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
    })
}

/// What stands at a path, described in JSON.
pub(super) fn entry(root: &str, repo: &Repository, reference: &str, path: &str, entry: &Entry) -> Value {
    let describe = |path: &str, kind: &str, sha: &str, size: usize| {
        let name = &repo.name;
        let escaped = encode_path(path);
        let url = format!("{root}/repos/{name}/contents/{escaped}?ref={reference}");
        let html = format!("{root}/{name}/blob/{reference}/{escaped}");
        let git = format!("{root}/repos/{name}/git/{}/{sha}", if kind == "dir" { "trees" } else { "blobs" });
        json!({
            "name": path.rsplit('/').next(), "path": path, "sha": sha, "size": size, "url": url, "html_url": html,
            "git_url": git, "type": kind,
            "download_url": (kind == "file").then(|| format!("{root}/{name}/raw/{reference}/{escaped}")),
            "_links": { "self": url, "git": git, "html": html },
        })
    };
    match entry {
        Entry::File { sha, bytes } => {
            let shown = bytes.len() <= MAX_JSON_CONTENT;
            let content = if shown { encode::base64_lines(bytes) } else { String::new() };
            let encoding = if shown { "base64" } else { "none" };
            let fields = [("content".to_owned(), content.into()), ("encoding".to_owned(), encoding.into())];
            merge(describe(path, "file", sha, bytes.len()), fields)
        }
        Entry::Directory(entries) => {
            let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
            let inside = entries
                .iter()
                .map(|inside| describe(&format!("{prefix}{}", inside.name), inside.kind, &inside.sha, inside.size));
            inside.collect()
        }
        Entry::Symlink { sha, target } => {
            let fields = [("target".to_owned(), target.as_str().into())];
            merge(describe(path, "symlink", sha, target.len()), fields)
        }
        Entry::Submodule { sha } => {
            let fields = [("submodule_git_url".to_owned(), Value::Null)];
            merge(describe(path, "submodule", sha, 0), fields)
        }
    }
}

/// A blob by its name.
pub(super) fn blob(root: &str, repo: &Repository, sha: &CommitSha, bytes: &[u8]) -> Value {
    json!({
        "sha": sha, "node_id": base64(sha.as_str().as_bytes()), "size": bytes.len(),
        "url": format!("{root}/repos/{}/git/blobs/{sha}", repo.name), "content": encode::base64_lines(bytes),
        "encoding": "base64",
    })
}
