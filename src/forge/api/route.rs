//! Which endpoint a path means. Pure.

use eco_coder_shared::ids::{CommitSha, RepoName};
use percent_encoding::percent_decode_str;

/// What can be asked for. Numbers and names are the caller's: what they name may not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Viewer,
    /// The App that signs in.
    App,
    /// All its installations.
    Installations,
    /// The repositories of the one that calls.
    InstallationRepositories,
    /// The App's webhook deliveries.
    HookDeliveries,
    /// Another try of one.
    HookAttempt(u64),
    /// Its installation on a repository.
    Installation(RepoName),
    /// A token of an installation.
    AccessToken(u64),
    /// An account by its name.
    User(String),
    RateLimit,
    Repository(RepoName),
    Pulls(RepoName),
    Pull(RepoName, u64),
    PullFiles(RepoName, u64),
    PullCommits(RepoName, u64),
    Compare(RepoName, String, String),
    Commit(RepoName, String),
    Contents(RepoName, String),
    Blob(RepoName, CommitSha),
    Comments(RepoName, u64),
    Comment(RepoName, u64),
    Reviews(RepoName, u64),
    LineComments(RepoName, u64),
    LineComment(RepoName, u64),
    Artifacts(RepoName),
    ArtifactZip(RepoName, u64),
    /// Where an artifact's bytes are, on a server of its own.
    Storage(RepoName, u64),
    CheckRuns(RepoName),
    CheckRun(RepoName, u64),
    /// Those beside a commit.
    CommitCheckRuns(RepoName, String),
    SetStatus(RepoName, CommitSha),
    Statuses(RepoName, String),
    CombinedStatus(RepoName, String),
}

/// The decoded parts of a path; none for the root. `None` if they aren't UTF-8.
pub(in crate::forge) fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(|part| percent_decode_str(part).decode_utf8().ok().map(Into::into)).collect()
}

/// Is it for programs? All else is for people.
pub(super) fn is_api(segments: &[String]) -> bool {
    segments.first().is_some_and(|first| {
        matches!(
            first.as_str(),
            "app" | "installation" | "repos" | "repositories" | "user" | "users" | "rate_limit" | "api"
        )
    })
}

/// The decoded parameters of a query.
pub(in crate::forge) fn query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// What is below a repository.
pub(super) fn of_repository(repo: &RepoName, rest: &[&str]) -> Option<Endpoint> {
    let number = |text: &str| text.parse::<u64>().ok();
    let sha = |text: &str| text.parse::<CommitSha>().ok();
    let repo = repo.clone();
    Some(match rest {
        [] => Endpoint::Repository(repo),
        ["installation"] => Endpoint::Installation(repo),
        ["pulls"] => Endpoint::Pulls(repo),
        ["pulls", n] => Endpoint::Pull(repo, number(n)?),
        ["pulls", "comments", id] => Endpoint::LineComment(repo, number(id)?),
        ["pulls", n, "comments"] => Endpoint::LineComments(repo, number(n)?),
        ["pulls", n, "reviews"] => Endpoint::Reviews(repo, number(n)?),
        ["pulls", n, "files"] => Endpoint::PullFiles(repo, number(n)?),
        ["pulls", n, "commits"] => Endpoint::PullCommits(repo, number(n)?),
        // Branches have slashes, in both.
        ["compare", range @ ..] => {
            let range = range.join("/");
            let (base, head) = range.split_once("...")?;
            Endpoint::Compare(repo, base.to_owned(), head.to_owned())
        }
        ["contents", path @ ..] => {
            let legal = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains('\0');
            path.iter().all(legal).then(|| Endpoint::Contents(repo, path.join("/")))?
        }
        ["git", "blobs", id] => Endpoint::Blob(repo, sha(id)?),
        ["issues", "comments", id] => Endpoint::Comment(repo, number(id)?),
        ["issues", n, "comments"] => Endpoint::Comments(repo, number(n)?),
        ["actions", "artifacts"] => Endpoint::Artifacts(repo),
        ["actions", "artifacts", id, "zip"] => Endpoint::ArtifactZip(repo, number(id)?),
        ["actions", "storage", id] => Endpoint::Storage(repo, number(id)?),
        ["check-runs"] => Endpoint::CheckRuns(repo),
        ["check-runs", id] => Endpoint::CheckRun(repo, number(id)?),
        ["commits", revision @ .., "check-runs"] => Endpoint::CommitCheckRuns(repo, revision.join("/")),
        ["statuses", id] => Endpoint::SetStatus(repo, sha(id)?),
        ["commits", revision @ .., "statuses"] => Endpoint::Statuses(repo, revision.join("/")),
        ["commits", revision @ .., "status"] => Endpoint::CombinedStatus(repo, revision.join("/")),
        ["commits", revision @ ..] if !revision.is_empty() => Endpoint::Commit(repo, revision.join("/")),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once_and_only_within_their_segment() {
        assert_eq!(segments("/repos/a/b/contents/x%2Fy%20z").unwrap()[4], "x/y z");
        assert_eq!(segments("/a%252F").unwrap(), ["a%2F"]);
        assert_eq!(segments("/%ff"), None);
        assert_eq!(segments("/"), Some(Vec::new()));
    }

    #[test]
    fn branches_with_slashes_are_compared() {
        let repo: RepoName = "a/b".parse().unwrap();
        assert_eq!(
            of_repository(&repo, &["compare", "release", "1...feature", "x"]),
            Some(Endpoint::Compare(repo.clone(), "release/1".to_owned(), "feature/x".to_owned()))
        );
        assert_eq!(of_repository(&repo, &["contents", "..", "x"]), None);
        assert_eq!(of_repository(&repo, &["pulls", "one"]), None);
    }
}
