//! What the forge remembers: accounts, repositories, pull requests, comments, statuses, and the calls it got.
//! Plain data behind one lock; knows nothing of HTTP and of GitHub's JSON.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoId, RepoName};
use serde_json::Value;

use super::content::{Content, FileChange};
use super::faults::{Action, Fault};
use super::webhook::SignedWebhook;

/// Lists of changed files that are kept, so that paging through one doesn't compute it again.
const KEPT_CHANGES: usize = 16;

/// Tries to deliver that are kept.
const KEPT_DELIVERIES: usize = 1_000;
/// The longest that is, bytes: what a test sends to see it refused is not kept.
const MAX_KEPT_DELIVERY: usize = 1 << 20;

/// A user or a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// GitHub's number.
    pub id: u64,
    /// The name now.
    pub login: String,
    /// A machine's account.
    pub bot: bool,
}

/// A comment on a pull request's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Grows with every comment.
    pub id: u64,
    /// Who wrote it.
    pub author: Account,
    /// Markdown.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A comment on lines of a pull request's diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineComment {
    /// The comment.
    pub comment: Comment,
    /// The review that it was written in.
    pub review: u64,
    /// The commit that it was written about.
    pub sha: CommitSha,
    /// The file there.
    pub path: String,
    /// The first and the last line there.
    pub lines: (u32, u32),
    /// What stood there, whole lines.
    pub text: String,
    /// The comment that it answers.
    pub answers: Option<u64>,
}

/// What a workflow left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Artifact {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) sha: CommitSha,
    pub(super) zip: Vec<u8>,
    pub(super) created_at: Timestamp,
}

/// A mark beside a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// Grows with every mark.
    pub id: u64,
    /// The commit.
    pub sha: CommitSha,
    /// `pending`, `success`, `failure` or `error`.
    pub state: String,
    /// Who says it.
    pub context: String,
    /// One line.
    pub description: Option<String>,
    /// Where there is more.
    pub target_url: Option<String>,
    /// Whose token set it.
    pub creator: Account,
    /// When.
    pub created_at: Timestamp,
}

/// What an App says beside a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// Grows with every check run.
    pub id: u64,
    /// The commit.
    pub sha: CommitSha,
    /// As people see it.
    pub name: String,
    /// What the App wrote for itself.
    pub external_id: Option<String>,
    /// Where there is more.
    pub details_url: Option<String>,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// Once it is completed: `success`, `neutral`, `cancelled`, `failure`...
    pub conclusion: Option<String>,
    /// Its words.
    pub output: Option<CheckOutput>,
    /// When it was created.
    pub started_at: Timestamp,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
    /// How often it was written.
    pub words: usize,
}

/// The words of a check run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOutput {
    /// One line.
    pub title: String,
    /// Markdown.
    pub summary: String,
}

/// A call to the API. Paths are as for `/repos/{owner}/{name}`, even if the call named the repository by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// The body, of a call that has one in JSON.
    pub body: Option<Value>,
    /// What was answered. None while it is under way, and if the connection was cut instead.
    pub status: Option<u16>,
}

impl LoggedRequest {
    /// Was it meant to change something?
    pub fn is_write(&self) -> bool {
        self.method != "GET"
    }
}

/// A pull request as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullView {
    /// GitHub's number of it in the whole world.
    pub id: u64,
    /// Its number in the repository.
    pub number: PullNumber,
    /// Not closed, not merged.
    pub open: bool,
    /// Closed by merging.
    pub merged: bool,
    /// Not ready for review.
    pub draft: bool,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Who opened it.
    pub author: Account,
    /// The branch it goes to.
    pub base_ref: String,
    /// That branch's commit when the pull request changed last.
    pub base_sha: CommitSha,
    /// The branch it comes from.
    pub head_ref: String,
    /// Its newest commit.
    pub head_sha: CommitSha,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When anything about it changed last.
    pub updated_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub(super) view: PullView,
    pub(super) comments: BTreeMap<u64, Comment>,
    /// On lines, by id.
    pub(super) line_comments: BTreeMap<u64, LineComment>,
    /// What a webhook tells about the latest change.
    pub(super) last: LastChange,
}

#[derive(Debug, Clone, Default)]
pub(super) struct LastChange {
    pub(super) before: Option<CommitSha>,
    pub(super) base: Option<(String, CommitSha)>,
    pub(super) label: Option<String>,
}

/// What changed between a base and a head, counted from where they parted.
#[derive(Debug)]
pub(super) struct KeptChanges {
    pub(super) base: CommitSha,
    pub(super) head: CommitSha,
    pub(super) files: Arc<Vec<FileChange>>,
}

#[derive(Debug)]
pub(super) struct Repository {
    pub(super) id: RepoId,
    pub(super) name: RepoName,
    pub(super) content: Arc<Content>,
    pub(super) owner: Account,
    pub(super) created_at: Timestamp,
    pub(super) pulls: BTreeMap<u64, Pull>,
    pub(super) statuses: Vec<CommitStatus>,
    /// Oldest first.
    pub(super) check_runs: Vec<CheckRun>,
    /// Oldest first.
    pub(super) artifacts: Vec<Artifact>,
    pub(super) changes: VecDeque<KeptChanges>,
}

impl Repository {
    pub(super) fn comment(&self, id: u64) -> Option<(&Pull, &Comment)> {
        self.pulls.values().find_map(|pull| Some((pull, pull.comments.get(&id)?)))
    }

    /// The pull request that a comment stands on.
    pub(super) fn pull_of_comment(&mut self, id: u64) -> Option<&mut Pull> {
        self.pulls.values_mut().find(|pull| pull.comments.contains_key(&id))
    }

    pub(super) fn keep_changes(&mut self, changes: KeptChanges) {
        self.changes.push_front(changes);
        self.changes.truncate(KEPT_CHANGES);
    }
}

/// The hourly limit of the token.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Rate {
    pub(super) used: u64,
    pub(super) reset: Timestamp,
}

/// One try to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookDelivery {
    /// Grows with every try.
    pub id: u64,
    /// Of the webhook.
    pub guid: String,
    /// When.
    pub delivered_at: Timestamp,
    /// Somebody asked for it.
    pub redelivery: bool,
    /// What was answered; 0: nothing.
    pub status: u16,
    /// What was sent.
    pub webhook: SignedWebhook,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) repositories: BTreeMap<RepoId, Repository>,
    pub(super) faults: Vec<Fault>,
    pub(super) requests: Vec<LoggedRequest>,
    pub(super) rate: Rate,
    /// The App's, the oldest first.
    pub(super) deliveries: VecDeque<HookDelivery>,
    /// Where they go.
    pub(super) hook_url: Option<String>,
    /// The App's installations: their ids, by the owner's lower-case name.
    pub(super) installations: HashMap<String, u64>,
    /// Tokens of installations, with the installation and when they end.
    pub(super) tokens: HashMap<String, (u64, Timestamp)>,
    /// By lower-case name: GitHub's names differ not by case alone.
    names: HashMap<String, RepoId>,
    accounts: HashMap<String, Account>,
    ids: u64,
}

impl State {
    pub(super) fn new(viewer: Account) -> Self {
        Self {
            repositories: BTreeMap::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            rate: Rate::default(),
            deliveries: VecDeque::new(),
            hook_url: None,
            installations: HashMap::new(),
            tokens: HashMap::new(),
            names: HashMap::new(),
            accounts: HashMap::from([(viewer.login.clone(), viewer)]),
            // Above the ids that code under test may have made up.
            ids: 1_000_000,
        }
    }

    /// An id that nothing else has; later ones are larger.
    pub(super) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// The account of that name, made if need be.
    pub(super) fn account(&mut self, login: &str) -> Account {
        if let Some(known) = self.accounts.get(login) {
            return known.clone();
        }
        let account = Account { id: self.next_id(), login: login.to_owned(), bot: login.ends_with("[bot]") };
        self.accounts.insert(login.to_owned(), account.clone());
        account
    }

    pub(super) fn name_repository(&mut self, name: &RepoName, id: RepoId) {
        self.names.insert(name.as_str().to_ascii_lowercase(), id);
    }

    pub(super) fn repository_id(&self, name: &str) -> Option<RepoId> {
        self.names.get(&name.to_ascii_lowercase()).copied()
    }

    pub(super) fn repository(&self, name: &RepoName) -> Option<&Repository> {
        self.repositories.get(&self.repository_id(name.as_str())?)
    }

    pub(super) fn repository_mut(&mut self, name: &RepoName) -> Option<&mut Repository> {
        let id = self.repository_id(name.as_str())?;
        self.repositories.get_mut(&id)
    }

    /// The action of the first fault that fits the call, counted.
    pub(super) fn take_fault(&mut self, method: &str, path: &str) -> Option<Action> {
        let action = self.faults.iter_mut().find_map(|fault| fault.strike(method, path));
        self.faults.retain(|fault| !fault.is_spent());
        action
    }

    /// Writes down a try to deliver.
    pub(super) fn delivered(&mut self, webhook: &SignedWebhook, status: u16, redelivery: bool, now: Timestamp) {
        if webhook.body.len() > MAX_KEPT_DELIVERY {
            return;
        }
        if self.deliveries.len() >= KEPT_DELIVERIES {
            self.deliveries.pop_front();
        }
        let guid = webhook.header("X-GitHub-Delivery").unwrap_or_default().to_owned();
        let (id, webhook) = (self.next_id(), webhook.clone());
        self.deliveries.push_back(HookDelivery { id, guid, delivered_at: now, redelivery, status, webhook });
    }

    pub(super) fn release_gates(&self) {
        for fault in &self.faults {
            fault.release();
        }
    }
}
