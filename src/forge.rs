//! A local, stateful GitHub: the demo, `eco-coder review` and the end-to-end tests stand on it.
//!
//! It has repositories (in memory, or a git working copy that is only read), pull requests, comments, commit
//! statuses and check runs; answers the REST calls that a reviewer makes, in GitHub's shapes; makes and signs webhook deliveries; shows
//! pull requests as pages; and breaks on demand, where a test says so. Everything happens on this machine: it listens
//! only where it is told to, and never talks to the real GitHub.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use eco_coder_shared::env::{SharedEnv, SystemEnv, Timestamp};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::watch;

mod api;
pub mod content;
pub mod faults;
mod git;
mod in_process;
mod listener;
mod page;
pub mod sample;
mod script;
mod shapes;
mod state;
#[cfg(test)]
mod tests;
pub mod webhook;

pub use content::{Content, Tree};
pub use faults::{Action, Fault, Gate};
pub use in_process::InProcess;
pub use script::{ForgeError, NewPull};
pub use state::{
    Account, CheckOutput, CheckRun, Comment, CommitStatus, HookDelivery, LineComment, LoggedRequest, PullView,
};
pub use webhook::{Delivered, SignedWebhook};

use state::State;

/// How a forge is set up.
#[derive(Debug, Clone)]
pub struct ForgeSettings {
    /// Where it can be reached, for the links it gives out: `http://127.0.0.1:4000`, without a slash at the end.
    pub base_url: String,
    /// The token that callers sign in with.
    pub token: SecretString,
    /// What webhooks are signed with.
    pub webhook_secret: SecretString,
    /// Whom the token belongs to.
    pub viewer: Account,
    /// The App whose bot that is: who has its key can sign in as it, beside the token.
    pub app: Option<AppSettings>,
    /// Requests per hour and token.
    pub rate_limit: u64,
    /// Clock and randomness.
    pub env: SharedEnv,
}

/// A GitHub App.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// Its id.
    pub id: u64,
    /// Its public key, PEM.
    pub public_key: String,
}

impl ForgeSettings {
    /// A forge with the machine's clock and a bot as its caller, with GitHub's usual limit for Apps.
    pub fn new(base_url: impl Into<String>, token: SecretString, webhook_secret: SecretString) -> Self {
        Self {
            base_url: base_url.into().trim_end_matches('/').to_owned(),
            token,
            webhook_secret,
            viewer: Account { id: 99_000_001, login: "eco-coder[bot]".to_owned(), bot: true },
            app: None,
            rate_limit: 15_000,
            env: Arc::new(SystemEnv),
        }
    }
}

/// The local GitHub. Clones share everything.
#[derive(Debug, Clone)]
pub struct Forge {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: ForgeSettings,
    state: Mutex<State>,
    /// When it came to be.
    since: Timestamp,
    /// Counts changes, for those who wait for one.
    changes: watch::Sender<u64>,
}

impl Forge {
    /// An empty forge.
    pub fn new(settings: ForgeSettings) -> Self {
        let state = Mutex::new(State::new(settings.viewer.clone()));
        let since = settings.env.now();
        Self { inner: Arc::new(Inner { settings, state, since, changes: watch::Sender::new(0) }) }
    }

    /// How it was set up.
    pub fn settings(&self) -> &ForgeSettings {
        &self.inner.settings
    }

    /// The REST API at the root, as `api.github.com` has it (below `/api/v3` too, as GitHub Enterprise has it), and the
    /// pages at `/` and `/{owner}/{name}/pull/{number}`. For calls without a socket.
    pub fn router(&self) -> Router {
        Router::new().fallback(api::answer).with_state(self.clone())
    }

    /// Serves until `shutdown` resolves and the answers under way are given. What a [`Gate`] holds is let go then.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let service = self.router().into_make_service_with_connect_info::<listener::Line>();
        let stopping = async move {
            shutdown.await;
            self.state().release_gates();
        };
        axum::serve(listener::LineListener(listener), service).with_graceful_shutdown(stopping).await
    }

    /// Waits until `look` sees what it looks for. It is asked at once and after every change; a test bounds the wait.
    pub async fn wait_for<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changes = self.inner.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(seen) = look(self) {
                return seen;
            }
            if changes.changed().await.is_err() {
                // `self` holds the sender, so that there is always one.
                std::future::pending::<()>().await;
            }
        }
    }

    /// For reading and for changes that nobody waits for.
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait that something changed. Not to be called with the state locked.
    fn changed(&self) {
        self.inner.changes.send_modify(|count| *count += 1);
    }
}
