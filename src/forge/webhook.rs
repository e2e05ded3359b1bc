//! Deliveries: the JSON that GitHub sends about a pull request, signed as GitHub signs it, and the sending of it.
//! A delivery shows the state at the moment it is made; nothing is sent by itself, nothing is sent twice.

use axum::body::Bytes;
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoName};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use super::script::ForgeError;
use super::state::HookDelivery;
use super::{Forge, api, shapes};

/// The hook that the deliveries come from.
const HOOK_ID: u64 = 4_242;
/// The App's installation that they are for.
const INSTALLATION_ID: u64 = 42;

/// A delivery, ready to be sent or tampered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedWebhook {
    /// As they are sent.
    pub headers: Vec<(String, String)>,
    /// The signed bytes.
    pub body: Bytes,
}

impl SignedWebhook {
    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// HTTP status.
    pub status: u16,
    /// As text; what isn't UTF-8 is replaced.
    pub body: String,
}

impl Forge {
    /// A `pull_request` delivery with one of GitHub's actions: `opened`, `synchronize`, `labeled`...
    pub fn webhook(&self, repo: &RepoName, number: PullNumber, action: &str) -> Result<SignedWebhook, ForgeError> {
        let pull = self.pull_json(repo, number)?;
        let root = &self.settings().base_url;
        let state = self.state();
        let repository = state.repository(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let known = repository.pulls.get(&number.get());
        let known = known.ok_or_else(|| ForgeError::UnknownPull(repo.clone(), number))?;
        let mut payload = json!({
            "action": action, "number": number, "pull_request": pull,
            "repository": shapes::repository(root, repository), "sender": shapes::user(root, &known.view.author),
            "installation": { "id": INSTALLATION_ID, "node_id": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uNDI=" },
        });
        match action {
            "synchronize" => {
                let before = known.last.before.as_ref().map_or_else(|| "0".repeat(40), CommitSha::to_string);
                payload["before"] = before.into();
                payload["after"] = known.view.head_sha.as_str().into();
            }
            "edited" => {
                payload["changes"] = known.last.base.as_ref().map_or_else(
                    || json!({ "body": { "from": "" } }),
                    |(name, sha)| json!({ "base": { "ref": { "from": name }, "sha": { "from": sha } } }),
                );
            }
            "labeled" | "unlabeled" => {
                payload["label"] = shapes::label(root, repository, known.last.label.as_deref().unwrap_or("bug"));
            }
            _ => {}
        }
        drop(state);
        Ok(self.sign("pull_request", &payload))
    }

    /// The delivery that a workflow on a pull request's branch has ended.
    pub fn workflow_webhook(&self, repo: &RepoName, number: PullNumber) -> Result<SignedWebhook, ForgeError> {
        let view = self.pull(repo, number)?;
        let root = &self.settings().base_url;
        let state = self.state();
        let repository = state.repository(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let side = |sha: &CommitSha| json!({"sha": sha, "repo": {"id": repository.id, "name": repository.name.name()}});
        let payload = json!({
            "action": "completed",
            "workflow_run": {
                "id": 7, "name": "CI", "head_branch": view.head_ref, "head_sha": view.head_sha, "event": "pull_request",
                "status": "completed", "conclusion": "success",
                "pull_requests": [{"number": number, "head": side(&view.head_sha), "base": side(&view.base_sha)}],
            },
            "repository": shapes::repository(root, repository), "sender": shapes::user(root, &view.author),
        });
        drop(state);
        Ok(self.sign("workflow_run", &payload))
    }

    /// The delivery that somebody pressed *Re-run* on a check run, or another action of one. GitHub names the pull requests of
    /// its head, if the branch is no fork's: `from_a_fork` leaves them out.
    pub fn check_webhook(
        &self,
        repo: &RepoName,
        id: u64,
        action: &str,
        from_a_fork: bool,
    ) -> Result<SignedWebhook, ForgeError> {
        let root = &self.settings().base_url;
        let app = api::app(self);
        let state = self.state();
        let repository = state.repository(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        let run = repository.check_runs.iter().find(|run| run.id == id).ok_or(ForgeError::UnknownCheckRun(id))?;
        let mut check = shapes::checks::check_run(root, repository, run, app.as_ref());
        if from_a_fork {
            check["pull_requests"] = json!([]);
        }
        let payload = json!({
            "action": action, "check_run": check, "repository": shapes::repository(root, repository),
            "sender": shapes::user(root, &repository.owner), "installation": { "id": INSTALLATION_ID },
        });
        drop(state);
        Ok(self.sign("check_run", &payload))
    }

    /// The delivery that GitHub sends when a hook is made.
    pub fn ping(&self) -> SignedWebhook {
        let hook = json!({
            "type": "App", "id": HOOK_ID, "name": "web", "active": true, "events": ["pull_request"],
            "config": { "content_type": "json", "insecure_ssl": "0", "url": "http://localhost/webhooks/github" },
        });
        self.sign("ping", &json!({ "zen": "Keep it logically awesome.", "hook_id": HOOK_ID, "hook": hook }))
    }

    /// Any payload as a delivery of `event`.
    pub fn sign(&self, event: &str, payload: &Value) -> SignedWebhook {
        let body = payload.to_string();
        let signature = signature(&self.settings().webhook_secret, body.as_bytes());
        let headers = [
            ("Accept", "*/*".to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("User-Agent", format!("GitHub-Hookshot/{}", &self.settings().env.random_id()[..7])),
            ("X-GitHub-Delivery", guid(&self.settings().env.random_id())),
            ("X-GitHub-Event", event.to_owned()),
            ("X-GitHub-Hook-ID", HOOK_ID.to_string()),
            ("X-GitHub-Hook-Installation-Target-ID", "1".to_owned()),
            ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
            ("X-Hub-Signature-256", signature),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        SignedWebhook { headers, body: body.into() }
    }

    /// Sends a delivery once, without following redirects, as GitHub does, and writes down what came of it. The caller
    /// bounds the wait. Where it goes is the App's hook from then on.
    pub async fn deliver(&self, url: &str, webhook: &SignedWebhook) -> Result<Delivered, ForgeError> {
        self.state().hook_url = Some(url.to_owned());
        self.try_to_deliver(url, webhook, false).await
    }

    /// A delivery that nobody takes: what it was about happens, and nobody is told.
    pub fn lose(&self, webhook: &SignedWebhook) {
        let now = self.now();
        self.state().delivered(webhook, 0, false, now);
        self.changed();
    }

    /// The App's hook leads there from now on.
    pub fn set_hook_url(&self, url: &str) {
        self.state().hook_url = Some(url.to_owned());
    }

    /// All tries to deliver, the oldest first.
    pub fn hook_deliveries(&self) -> Vec<HookDelivery> {
        self.state().deliveries.iter().cloned().collect()
    }

    /// Tries again, where the hook leads now.
    pub(super) async fn redeliver(&self, webhook: SignedWebhook) {
        let url = self.state().hook_url.clone();
        if let Some(url) = url {
            drop(self.try_to_deliver(&url, &webhook, true).await);
        } else {
            let now = self.now();
            self.state().delivered(&webhook, 0, true, now);
        }
    }

    async fn try_to_deliver(
        &self,
        url: &str,
        webhook: &SignedWebhook,
        redelivery: bool,
    ) -> Result<Delivered, ForgeError> {
        let delivered = Self::send(url, webhook).await;
        let (status, now) = (delivered.as_ref().map_or(0, |delivered| delivered.status), self.now());
        self.state().delivered(webhook, status, redelivery, now);
        self.changed();
        delivered
    }

    async fn send(url: &str, webhook: &SignedWebhook) -> Result<Delivered, ForgeError> {
        let failed = |error: reqwest::Error| ForgeError::Delivery(error.without_url().to_string());
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(failed)?;
        let mut request = client.post(url).body(webhook.body.clone());
        for (name, value) in &webhook.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(failed)?;
        Ok(Delivered { status, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// The pull request in full, as the API and webhooks show it.
    pub(super) fn pull_json(&self, repo: &RepoName, number: PullNumber) -> Result<Value, ForgeError> {
        let view = self.pull(repo, number)?;
        let changes = self.pull_changes(repo, &view)?;
        let relation = self.content(repo)?.relation(&view.base_sha, &view.head_sha)?;
        let commits = relation.map_or(0, |relation| relation.ahead_by);
        let state = self.state();
        let repository = state.repository(repo).ok_or_else(|| ForgeError::UnknownRepository(repo.clone()))?;
        Ok(shapes::pull(&self.settings().base_url, repository, &view, Some((&changes, commits))))
    }
}

/// What X-Hub-Signature-256 says of a body.
pub(crate) fn signature(secret: &SecretString, body: &[u8]) -> String {
    match Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) {
        Ok(mac) => format!("sha256={}", hex::encode(mac.chain_update(body).finalize().into_bytes())),
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

/// 32 hex digits in the groups that GitHub uses.
pub(crate) fn guid(id: &str) -> String {
    format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32])
}
