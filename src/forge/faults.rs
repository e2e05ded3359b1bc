//! What goes wrong, and when: faults that a test puts into the forge, each for certain calls and a number of times.
//! Decides only; the API acts on it.

use std::sync::Arc;

use tokio::sync::watch;

/// What happens instead of a plain answer.
#[derive(Debug, Clone)]
pub enum Action {
    /// The call isn't performed; this is answered.
    Answer {
        /// HTTP status.
        status: u16,
        /// Added to the usual ones, or in their place.
        headers: Vec<(String, String)>,
        /// The body, as it is.
        body: String,
    },
    /// The call is performed, and something else is answered: the caller can't know.
    CommitThenAnswer {
        /// HTTP status.
        status: u16,
    },
    /// The connection is cut without an answer; nothing was done.
    Reset,
    /// The call is performed, then the connection is cut without an answer.
    CommitThenReset,
    /// The call waits at the gate before it is performed; it is performed even if the caller is gone by then.
    Hold(Gate),
    /// The call is performed, and the answer waits at the gate.
    CommitThenHold(Gate),
    /// A list is answered without its newest entries, as a replica that lags behind does.
    StaleList {
        /// How many entries it doesn't know yet.
        missing: usize,
    },
}

impl Action {
    /// A plain error with GitHub's shape of body.
    pub fn status(status: u16) -> Self {
        let body = format!(r#"{{"message":"Server Error","status":"{status}"}}"#);
        Self::Answer { status, headers: Vec::new(), body }
    }

    /// GitHub's secondary rate limit, with or without a `retry-after` in seconds.
    pub fn secondary_limit(retry_after: Option<u64>) -> Self {
        let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
        let body = r#"{"documentation_url":"https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits","message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#;
        Self::Answer { status: 403, headers: headers.into_iter().collect(), body: body.to_owned() }
    }

    /// GitHub's hourly limit, over until `reset` (seconds since 1970).
    pub fn primary_limit(reset: i64) -> Self {
        let headers = vec![
            ("x-ratelimit-remaining".to_owned(), "0".to_owned()),
            ("x-ratelimit-reset".to_owned(), reset.to_string()),
        ];
        let body = r#"{"message":"API rate limit exceeded for installation ID 1.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}"#;
        Self::Answer { status: 403, headers, body: body.to_owned() }
    }

    /// A permission that the token lacks: a 403 that is no limit.
    pub fn forbidden() -> Self {
        let body = r#"{"message":"Resource not accessible by integration","documentation_url":"https://docs.github.com/rest","status":"403"}"#;
        Self::Answer { status: 403, headers: Vec::new(), body: body.to_owned() }
    }

    fn gate(&self) -> Option<&Gate> {
        match self {
            Self::Hold(gate) | Self::CommitThenHold(gate) => Some(gate),
            _ => None,
        }
    }
}

/// Calls that something happens to.
#[derive(Debug)]
pub struct Fault {
    method: String,
    path: String,
    skip: usize,
    left: usize,
    action: Action,
    /// Where calls wait, kept so that they can be let go at the end.
    gate: Option<Gate>,
}

impl Fault {
    /// For one call of `method` whose path fits: `*` stands for one segment, and `**` at the end for any number of them:
    /// `/repos/*/*/issues/*/comments`.
    pub fn on(method: &str, path: &str, action: Action) -> Self {
        let gate = action.gate().cloned();
        Self { method: method.to_owned(), path: path.to_owned(), skip: 0, left: 1, action, gate }
    }

    /// For that many calls.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }

    /// Only after that many fitting calls went well.
    #[must_use]
    pub fn after(mut self, calls: usize) -> Self {
        self.skip = calls;
        self
    }

    pub(super) fn strike(&mut self, method: &str, path: &str) -> Option<Action> {
        if self.left == 0 || self.method != method || !fits(&self.path, path) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.left -= 1;
        Some(self.action.clone())
    }

    /// Nothing more will come of it. One with a gate is kept: somebody may stand there.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0 && self.gate.as_ref().is_none_or(Gate::is_open)
    }

    pub(super) fn release(&self) {
        if let Some(gate) = &self.gate {
            gate.release();
        }
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) | (Some("**"), Some(_)) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
}

/// Where calls wait until a test lets them go. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    inner: Arc<GateInner>,
}

#[derive(Debug, Default)]
struct GateInner {
    arrived: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until `count` calls in all have come to the gate.
    pub async fn arrived(&self, count: usize) {
        // The sender lives in `self`: it can't be gone.
        let _ = self.inner.arrived.subscribe().wait_for(|arrived| *arrived >= count).await;
    }

    /// Lets everybody through, now and later.
    pub fn release(&self) {
        self.inner.open.send_replace(true);
    }

    /// Is it open?
    pub fn is_open(&self) -> bool {
        *self.inner.open.borrow()
    }

    pub(super) async fn pass(&self) {
        self.inner.arrived.send_modify(|arrived| *arrived += 1);
        let _ = self.inner.open.subscribe().wait_for(|open| *open).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_segment_by_segment() {
        for (pattern, path, wanted) in [
            ("/repos/*/*/pulls/*", "/repos/a/b/pulls/1", true),
            ("/repos/*/*/pulls/*", "/repos/a/b/pulls/1/files", false),
            ("/repos/**", "/repos/a/b/pulls/1/files", true),
            ("/repos/*/*", "/repos/a", false),
            ("/user", "/user", true),
        ] {
            assert_eq!(fits(pattern, path), wanted, "{pattern} {path}");
        }
    }

    #[test]
    fn a_fault_skips_strikes_and_is_spent() {
        let mut fault = Fault::on("GET", "/user", Action::Reset).after(1).times(2);
        assert!(fault.strike("GET", "/user").is_none());
        assert!(fault.strike("POST", "/user").is_none());
        assert!(fault.strike("GET", "/user").is_some());
        assert!(!fault.is_spent());
        assert!(fault.strike("GET", "/user").is_some());
        assert!(fault.is_spent());
        assert!(fault.strike("GET", "/user").is_none());
    }

    #[tokio::test]
    async fn a_gate_tells_who_came_and_holds_them() {
        let gate = Gate::new();
        let held = tokio::spawn({
            let gate = gate.clone();
            async move { gate.pass().await }
        });
        gate.arrived(1).await;
        assert!(!held.is_finished());
        gate.release();
        held.await.unwrap();
    }
}
