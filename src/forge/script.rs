//! What people do on GitHub, for tests and the demo: open pull requests, push, label, close, comment. Each changes the
//! state at once and wakes those who wait; none sends a webhook by itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoId, RepoName};

use super::Forge;
use super::content::{Content, ContentError, DEFAULT_BRANCH, Entry, FileChange, Tree};
use super::faults::Fault;
use super::state::{
    Account, Artifact, CheckRun, Comment, CommitStatus, KeptChanges, LastChange, LineComment, LoggedRequest, Pull,
    PullView, Rate, Repository,
};

/// Why something can't be done.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// No repository of that name.
    #[error("the forge has no repository {0}: add it first")]
    UnknownRepository(RepoName),
    /// No pull request of that number.
    #[error("{0} has no pull request {1}: open it first")]
    UnknownPull(RepoName, PullNumber),
    /// No such comment.
    #[error("there is no comment {0}: it may have been deleted")]
    UnknownComment(u64),
    /// No such check run.
    #[error("there is no check run {0}: an App has to create it first")]
    UnknownCheckRun(u64),
    /// The repository can't answer.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The two branches share no history.
    #[error("{base} and {head} have no commit in common: choose a base that the branch comes from")]
    NoCommonHistory {
        /// As asked for.
        base: String,
        /// As asked for.
        head: String,
    },
    /// A delivery didn't arrive.
    #[error("the webhook could not be delivered: {0}")]
    Delivery(String),
}

/// A pull request to be opened.
#[derive(Debug, Clone)]
pub struct NewPull {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Who opens it.
    pub author: String,
    /// The branch it goes to.
    pub base: String,
    /// The branch it comes from.
    pub head: String,
    /// Not ready for review.
    pub draft: bool,
}

impl NewPull {
    /// From `head` to the default branch, by octocat.
    pub fn new(title: impl Into<String>, head: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            body: String::new(),
            author: "octocat".to_owned(),
            base: DEFAULT_BRANCH.to_owned(),
            head: head.into(),
            draft: false,
        }
    }
}

impl Forge {
    /// Adds a repository, or replaces one of the same name.
    pub fn add_repository(&self, name: &RepoName, content: Content) -> RepoId {
        let now = self.now();
        let mut state = self.state();
        let id = RepoId(state.next_id());
        let owner = state.account(name.owner());
        let repository = Repository {
            id,
            name: name.clone(),
            content: Arc::new(content),
            owner,
            created_at: now,
            pulls: BTreeMap::new(),
            statuses: Vec::new(),
            check_runs: Vec::new(),
            artifacts: Vec::new(),
            changes: VecDeque::new(),
        };
        state.repositories.insert(id, repository);
        state.name_repository(name, id);
        drop(state);
        self.changed();
        id
    }

    /// Renames a repository. Calls by its old name are redirected, as on GitHub.
    pub fn rename_repository(&self, from: &RepoName, to: &RepoName) -> Result<(), ForgeError> {
        let mut state = self.state();
        let repository = state.repository_mut(from).ok_or_else(|| ForgeError::UnknownRepository(from.clone()))?;
        repository.name = to.clone();
        let id = repository.id;
        state.name_repository(to, id);
        drop(state);
        self.changed();
        Ok(())
    }

    /// Commits a snapshot to a branch of a repository in memory. No pull request moves by it.
    pub fn commit(&self, repo: &RepoName, branch: &str, tree: Tree, message: &str) -> Result<CommitSha, ForgeError> {
        Ok(self.content(repo)?.commit(branch, tree, message, self.now())?)
    }

    /// Opens a pull request between two branches (or any two revisions, of a git working copy).
    pub fn open_pull(&self, repo: &RepoName, new: NewPull) -> Result<PullNumber, ForgeError> {
        let content = self.content(repo)?;
        let (base_sha, head_sha) = (content.resolve(&new.base)?, content.resolve(&new.head)?);
        if content.relation(&base_sha, &head_sha)?.is_none() {
            return Err(ForgeError::NoCommonHistory { base: new.base, head: new.head });
        }
        let now = self.now();
        let mut state = self.state();
        let id = state.next_id();
        let author = state.account(&new.author);
        let repository = state.repository_mut(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let next = repository.pulls.last_key_value().map_or(1, |(number, _)| number + 1);
        let number = PullNumber::try_from(next)
            .map_err(|_| ForgeError::Content(ContentError::BadRevision("pull request number".to_owned())))?;
        let view = PullView {
            id,
            number,
            open: true,
            merged: false,
            draft: new.draft,
            title: new.title,
            body: new.body,
            author,
            base_ref: new.base,
            base_sha,
            head_ref: new.head,
            head_sha,
            labels: Vec::new(),
            created_at: now,
            updated_at: now,
            closed_at: None,
        };
        repository.pulls.insert(
            next,
            Pull { view, comments: BTreeMap::new(), line_comments: BTreeMap::new(), last: LastChange::default() },
        );
        drop(state);
        self.changed();
        Ok(number)
    }

    /// Commits a snapshot to the pull request's branch, in memory, and moves its head there.
    pub fn push(&self, repo: &RepoName, number: PullNumber, tree: Tree) -> Result<CommitSha, ForgeError> {
        let branch = self.pull(repo, number)?.head_ref;
        let sha = self.commit(repo, &branch, tree, "Another commit")?;
        self.push_revision(repo, number, sha.as_str())
    }

    /// Moves the pull request's head to a commit that the repository has already.
    pub fn push_revision(&self, repo: &RepoName, number: PullNumber, revision: &str) -> Result<CommitSha, ForgeError> {
        let sha = self.content(repo)?.resolve(revision)?;
        let head = sha.clone();
        self.change_pull(repo, number, move |pull| {
            pull.last.before = Some(std::mem::replace(&mut pull.view.head_sha, head));
        })?;
        Ok(sha)
    }

    /// Makes the pull request go to another branch.
    pub fn change_base(&self, repo: &RepoName, number: PullNumber, base: &str) -> Result<(), ForgeError> {
        let sha = self.content(repo)?.resolve(base)?;
        self.change_pull(repo, number, |pull| {
            let from_ref = std::mem::replace(&mut pull.view.base_ref, base.to_owned());
            let from_sha = std::mem::replace(&mut pull.view.base_sha, sha);
            pull.last.base = Some((from_ref, from_sha));
        })
    }

    /// Closes it without merging.
    pub fn close(&self, repo: &RepoName, number: PullNumber) -> Result<(), ForgeError> {
        let now = self.now();
        self.change_pull(repo, number, |pull| (pull.view.open, pull.view.closed_at) = (false, Some(now)))
    }

    /// Closes it by merging. The branches stay as they are.
    pub fn merge(&self, repo: &RepoName, number: PullNumber) -> Result<(), ForgeError> {
        self.close(repo, number)?;
        self.change_pull(repo, number, |pull| pull.view.merged = true)
    }

    /// Opens it again.
    pub fn reopen(&self, repo: &RepoName, number: PullNumber) -> Result<(), ForgeError> {
        self.change_pull(repo, number, |pull| (pull.view.open, pull.view.closed_at) = (true, None))
    }

    /// Makes it a draft, or ready for review.
    pub fn set_draft(&self, repo: &RepoName, number: PullNumber, draft: bool) -> Result<(), ForgeError> {
        self.change_pull(repo, number, |pull| pull.view.draft = draft)
    }

    /// Adds a label.
    pub fn label(&self, repo: &RepoName, number: PullNumber, label: &str) -> Result<(), ForgeError> {
        self.change_pull(repo, number, |pull| {
            pull.view.labels.retain(|known| known != label);
            pull.view.labels.push(label.to_owned());
            pull.last.label = Some(label.to_owned());
        })
    }

    /// Takes a label away.
    pub fn unlabel(&self, repo: &RepoName, number: PullNumber, label: &str) -> Result<(), ForgeError> {
        self.change_pull(repo, number, |pull| {
            pull.view.labels.retain(|known| known != label);
            pull.last.label = Some(label.to_owned());
        })
    }

    /// The pull request as it is now.
    pub fn pull(&self, repo: &RepoName, number: PullNumber) -> Result<PullView, ForgeError> {
        let state = self.state();
        let repository = state.repository(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let pull = repository.pulls.get(&number.get());
        Ok(pull.ok_or_else(|| ForgeError::UnknownPull(repo.clone(), number))?.view.clone())
    }

    /// The page that shows the pull request.
    pub fn pull_url(&self, repo: &RepoName, number: PullNumber) -> String {
        format!("{}/{repo}/pull/{number}", self.settings().base_url)
    }

    /// Comments on a pull request, oldest first; none if there is no such pull request.
    pub fn comments(&self, repo: &RepoName, number: PullNumber) -> Vec<Comment> {
        let state = self.state();
        let pull = state.repository(repo).and_then(|repository| repository.pulls.get(&number.get()));
        pull.map(|pull| pull.comments.values().cloned().collect()).unwrap_or_default()
    }

    /// Comments as somebody, whose account is made if need be; gives the comment's id.
    pub fn add_comment_as(
        &self,
        repo: &RepoName,
        number: PullNumber,
        login: &str,
        body: &str,
    ) -> Result<u64, ForgeError> {
        let author = self.state().account(login);
        self.add_comment(repo, number, author, body).map(|comment| comment.id)
    }

    /// Changes a comment behind its author's back.
    pub fn edit_comment(&self, repo: &RepoName, id: u64, body: &str) -> Result<Comment, ForgeError> {
        let now = self.now();
        let mut state = self.state();
        let repository = state.repository_mut(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let pull = repository.pull_of_comment(id).ok_or(ForgeError::UnknownComment(id))?;
        pull.view.updated_at = now;
        let comment = pull.comments.get_mut(&id).ok_or(ForgeError::UnknownComment(id))?;
        body.clone_into(&mut comment.body);
        comment.updated_at = now;
        let comment = comment.clone();
        drop(state);
        self.changed();
        Ok(comment)
    }

    /// Deletes a comment, as its author or a maintainer may.
    pub fn delete_comment(&self, repo: &RepoName, id: u64) -> Result<(), ForgeError> {
        let now = self.now();
        let mut state = self.state();
        let repository = state.repository_mut(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let pull = repository.pull_of_comment(id).ok_or(ForgeError::UnknownComment(id))?;
        pull.comments.remove(&id);
        pull.view.updated_at = now;
        drop(state);
        self.changed();
        Ok(())
    }

    /// Comments on a pull request's lines, oldest first, each with its lines at the head now, or without if its code is gone.
    pub fn line_comments(&self, repo: &RepoName, number: PullNumber) -> Vec<(LineComment, Option<(u32, u32)>)> {
        let Ok(view) = self.pull(repo, number) else { return Vec::new() };
        let comments: Vec<LineComment> = {
            let state = self.state();
            let pull = state.repository(repo).and_then(|repository| repository.pulls.get(&number.get()));
            pull.map(|pull| pull.line_comments.values().cloned().collect()).unwrap_or_default()
        };
        let Ok(content) = self.content(repo) else { return Vec::new() };
        let place = |comment: &LineComment| {
            if comment.sha == view.head_sha {
                return Some(comment.lines);
            }
            let Ok(Some(Entry::File { bytes, .. })) = content.entry(&view.head_sha, &comment.path) else { return None };
            place_of(&String::from_utf8_lossy(&bytes), comment)
        };
        comments.into_iter().map(|comment| (comment.clone(), place(&comment))).collect()
    }

    /// Answers a comment on lines, as somebody.
    pub fn answer_line_comment(&self, repo: &RepoName, id: u64, login: &str, body: &str) -> Result<u64, ForgeError> {
        let now = self.now();
        let mut state = self.state();
        let (author, new) = (state.account(login), state.next_id());
        let repository = state.repository_mut(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let pull = repository.pulls.values_mut().find(|pull| pull.line_comments.contains_key(&id));
        let pull = pull.ok_or(ForgeError::UnknownComment(id))?;
        let answered = pull.line_comments.get(&id).ok_or(ForgeError::UnknownComment(id))?.clone();
        let comment = Comment { id: new, author, body: body.to_owned(), created_at: now, updated_at: now };
        pull.line_comments.insert(new, LineComment { comment, answers: Some(id), ..answered });
        drop(state);
        self.changed();
        Ok(new)
    }

    /// A workflow at this commit leaves a zip file under this name.
    pub fn add_artifact(&self, repo: &RepoName, sha: &CommitSha, name: &str, zip: &[u8]) -> Result<u64, ForgeError> {
        let created_at = self.now();
        let mut state = self.state();
        let id = state.next_id();
        let repository = state.repository_mut(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let artifact = Artifact { id, name: name.to_owned(), sha: sha.clone(), zip: zip.to_vec(), created_at };
        repository.artifacts.push(artifact);
        drop(state);
        self.changed();
        Ok(id)
    }

    /// The marks beside a commit, oldest first.
    pub fn statuses(&self, repo: &RepoName, sha: &CommitSha) -> Vec<CommitStatus> {
        let state = self.state();
        let statuses = state.repository(repo).map(|repository| repository.statuses.iter());
        statuses.into_iter().flatten().filter(|status| status.sha == *sha).cloned().collect()
    }

    /// So many calls are left until the hour is over, as if the others had been made.
    pub fn leave_calls(&self, left: u64) {
        let used = self.settings().rate_limit.saturating_sub(left);
        self.state().rate.used = used;
    }

    /// The check runs beside a commit, oldest first.
    pub fn check_runs(&self, repo: &RepoName, sha: &CommitSha) -> Vec<CheckRun> {
        let state = self.state();
        let runs = state.repository(repo).map(|repository| repository.check_runs.iter());
        runs.into_iter().flatten().filter(|run| run.sha == *sha).cloned().collect()
    }

    /// All calls to the API so far, in the order they came.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state().requests.clone()
    }

    /// Forgets the calls so far.
    pub fn clear_requests(&self) {
        self.state().requests.clear();
    }

    /// Uses the hourly limit up to so many requests, for an hour from now.
    pub fn leave_requests(&self, remaining: u64) {
        let (limit, now) = (self.settings().rate_limit, self.now());
        self.state().rate = Rate { used: limit.saturating_sub(remaining), reset: now + Duration::from_hours(1) };
    }

    /// Lets something go wrong. Of several faults that fit a call, the one that came first counts.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Ends all faults, and lets go whom they hold.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        state.release_gates();
        state.faults.clear();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.settings().env.now()
    }

    pub(super) fn content(&self, repo: &RepoName) -> Result<Arc<Content>, ForgeError> {
        let state = self.state();
        let repository = state.repository(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        Ok(Arc::clone(&repository.content))
    }

    /// The files that a pull request changes: those between its merge base and its head.
    pub(super) fn pull_changes(&self, repo: &RepoName, pull: &PullView) -> Result<Arc<Vec<FileChange>>, ForgeError> {
        let content = self.content(repo)?;
        let kept = |repository: &Repository| {
            let fits = |kept: &&KeptChanges| kept.base == pull.base_sha && kept.head == pull.head_sha;
            repository.changes.iter().find(fits).map(|kept| Arc::clone(&kept.files))
        };
        if let Some(files) = self.state().repository(repo).and_then(kept) {
            return Ok(files);
        }
        let files = match content.relation(&pull.base_sha, &pull.head_sha)? {
            Some(relation) => Arc::new(content.changes(&relation.merge_base, &pull.head_sha)?),
            None => Arc::default(),
        };
        if let Some(repository) = self.state().repository_mut(repo) {
            let (base, head) = (pull.base_sha.clone(), pull.head_sha.clone());
            repository.keep_changes(KeptChanges { base, head, files: Arc::clone(&files) });
        }
        Ok(files)
    }

    pub(super) fn add_comment(
        &self,
        repo: &RepoName,
        number: PullNumber,
        author: Account,
        body: &str,
    ) -> Result<Comment, ForgeError> {
        let now = self.now();
        let mut state = self.state();
        let id = state.next_id();
        let repository = state.repository_mut(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let pull = repository.pulls.get_mut(&number.get());
        let pull = pull.ok_or_else(|| ForgeError::UnknownPull(repo.clone(), number))?;
        let comment = Comment { id, author, body: body.to_owned(), created_at: now, updated_at: now };
        pull.comments.insert(id, comment.clone());
        pull.view.updated_at = now;
        drop(state);
        self.changed();
        Ok(comment)
    }

    fn change_pull(
        &self,
        repo: &RepoName,
        number: PullNumber,
        change: impl FnOnce(&mut Pull),
    ) -> Result<(), ForgeError> {
        let now = self.now();
        let mut state = self.state();
        let repository = state.repository_mut(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let pull = repository.pulls.get_mut(&number.get());
        let pull = pull.ok_or_else(|| ForgeError::UnknownPull(repo.clone(), number))?;
        change(pull);
        pull.view.updated_at = now;
        drop(state);
        self.changed();
        Ok(())
    }
}

/// Where a comment's lines stand in a newer version of its file.
fn place_of(text: &str, comment: &LineComment) -> Option<(u32, u32)> {
    let (wanted, lines): (Vec<&str>, Vec<&str>) = (comment.text.lines().collect(), text.lines().collect());
    let at = lines.windows(wanted.len().max(1)).position(|window| window == wanted)?;
    let first = u32::try_from(at).ok()? + 1;
    Some((first, first + comment.lines.1 - comment.lines.0))
}
