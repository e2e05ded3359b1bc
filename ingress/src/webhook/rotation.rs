//! The webhook secrets as they are now: read again while the process runs, so that a rotation needs no restart and loses no
//! delivery. Files are looked at all the time. Secrets Manager is asked now and then, and soon after a signature that no
//! secret made: junk can't turn into calls, because it is asked no more often than once a minute.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use eco_coder_shared::config::{ConfigError, Settings};
use eco_coder_shared::secrets::SecretRef;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::signature::Secrets;

/// Between two looks at the files.
const TICK: Duration = Duration::from_secs(2);
/// How old what Secrets Manager said gets.
const AGE: Duration = Duration::from_mins(5);
/// Between two calls to it.
const LEAST: Duration = Duration::from_mins(1);

/// Secrets that a delivery is tried with. A rotation needs two.
const MAX_SECRETS: usize = 10;
/// With those before them, which Secrets Manager gives, too.
const MAX_SECRETS_ROTATING: usize = 2 * MAX_SECRETS;

/// The setting that names them.
const KEY: &str = "ingress.webhook_secrets";

/// Where the secrets are, and what was there last.
#[derive(Clone)]
pub(crate) struct Source {
    settings: Settings,
    places: Vec<Place>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.places.fmt(f)
    }
}

#[derive(Debug, Clone)]
struct Place {
    reference: String,
    kind: Kind,
    /// In the order of the lines, the current value's first.
    secrets: Vec<SecretString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fixed,
    File,
    Remote,
}

/// What a look has found.
#[derive(Debug, Default)]
struct Look {
    changed: bool,
    /// Why some can't be had, for an operator.
    complaints: Vec<String>,
}

impl Source {
    /// As the settings name them; what Secrets Manager has must have been fetched.
    pub(crate) fn new(settings: &Settings, references: Vec<String>) -> Result<Self, ConfigError> {
        if references.is_empty() {
            return Err(ConfigError::value(
                KEY,
                "it is empty, so that no delivery could be verified; name the webhook's secret as env:NAME, file:PATH or aws:NAME",
            ));
        }
        let place = |reference: String| {
            let secrets = lines(&settings.secret(KEY, &reference)?);
            let kind = match reference.parse() {
                Ok(SecretRef::File(_)) => Kind::File,
                Ok(SecretRef::Aws { .. }) => Kind::Remote,
                _ => Kind::Fixed,
            };
            Ok(Place { reference, kind, secrets })
        };
        let places = references.into_iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let source = Self { settings: settings.clone(), places };
        match source.secrets().len() {
            ..=MAX_SECRETS => Ok(source),
            count => Err(ConfigError::value(KEY, &too_many(count, MAX_SECRETS))),
        }
    }

    /// All of them. Never empty.
    pub(crate) fn secrets(&self) -> Vec<SecretString> {
        self.places.iter().flat_map(|place| place.secrets.clone()).collect()
    }

    /// Reads again what can be another, and keeps what can't be read.
    async fn look(&mut self, remote_too: bool) -> Look {
        let mut look = Look::default();
        for at in 0..self.places.len() {
            let place = &self.places[at];
            let is_due = place.kind == Kind::File || (place.kind == Kind::Remote && remote_too);
            if !is_due {
                continue;
            }
            let secrets: Vec<SecretString> = match self.settings.secret_now(KEY, &place.reference).await {
                Ok(values) => values.iter().flat_map(lines).collect(),
                Err(error) => {
                    look.complaints.push(error.to_string());
                    continue;
                }
            };
            let count = self.secrets().len() - place.secrets.len() + secrets.len();
            if count > MAX_SECRETS_ROTATING {
                look.complaints.push(too_many(count, MAX_SECRETS_ROTATING));
            } else if !same(&secrets, &place.secrets) {
                look.changed = true;
                self.places[at].secrets = secrets;
            }
        }
        look
    }
}

fn too_many(count: usize, most: usize) -> String {
    format!("it names {count} secrets; a delivery is tried with {most} at most")
}

/// A place can hold several secrets, a line each. Never empty: a secret isn't.
fn lines(value: &SecretString) -> Vec<SecretString> {
    let all = value.expose_secret().split('\n').map(|line| line.trim_end_matches('\r'));
    all.filter(|line| !line.trim().is_empty()).map(SecretString::from).collect()
}

fn same(some: &[SecretString], others: &[SecretString]) -> bool {
    some.iter().map(ExposeSecret::expose_secret).eq(others.iter().map(ExposeSecret::expose_secret))
}

/// What deliveries are verified with.
pub(crate) struct Current {
    secrets: RwLock<Arc<Secrets>>,
    doubted: AtomicBool,
}

impl Current {
    /// Begins with what is known; what takes its place is taken as it changes.
    pub(crate) fn start(source: Source) -> Arc<Self> {
        let secrets = RwLock::new(Arc::new(Secrets::new(&source.secrets())));
        let current = Arc::new(Self { secrets, doubted: AtomicBool::new(false) });
        if source.places.iter().any(|place| place.kind != Kind::Fixed) {
            tokio::spawn(follow(Arc::downgrade(&current), source));
        }
        current
    }

    pub(crate) fn now(&self) -> Arc<Secrets> {
        Arc::clone(&self.secrets.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A signature was none of theirs.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    fn put(&self, secrets: &[SecretString]) {
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Secrets::new(secrets));
    }
}

/// When Secrets Manager is asked.
#[derive(Default)]
struct Pace {
    asked: Option<Instant>,
}

impl Pace {
    /// Now? Then a doubt is settled by it.
    fn is_due(&mut self, now: Instant, doubted: &AtomicBool) -> bool {
        let is_old = |age| self.asked.is_none_or(|at| now.duration_since(at) >= age);
        let is_due = is_old(AGE) || (is_old(LEAST) && doubted.load(Ordering::Relaxed));
        if is_due {
            self.asked = Some(now);
            doubted.store(false, Ordering::Relaxed);
        }
        is_due
    }
}

/// Looks until nobody verifies with `current` any more.
async fn follow(current: Weak<Current>, mut source: Source) {
    let mut pace = Pace::default();
    let mut complained = Vec::new();
    while let Some(current) = current.upgrade() {
        let ask = pace.is_due(Instant::now(), &current.doubted);
        let look = source.look(ask).await;
        if look.changed {
            let secrets = source.secrets();
            current.put(&secrets);
            tracing::info!(component = "ingress", secrets = secrets.len(), "the webhook secrets have changed");
        }
        // Said once, not at each look. A look that asks nobody has nothing to say about Secrets Manager.
        if ask || !look.complaints.is_empty() {
            for error in look.complaints.iter().filter(|error| !complained.contains(*error)) {
                tracing::warn!(
                    component = "ingress",
                    error,
                    "the webhook secrets can't be read again; those known go on"
                );
            }
            complained = look.complaints;
        }
        drop(current);
        sleep(TICK).await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use axum::http::{HeaderMap, HeaderValue};
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::super::body::Held;
    use super::super::signature::Claimed;
    use super::*;

    const BODY: &[u8] = b"{}";

    /// Would a body that was signed with `secret` be let through now?
    fn passes(current: &Current, secret: &str) -> bool {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(BODY).finalize().into_bytes();
        let mut headers = HeaderMap::new();
        let header = format!("sha256={}", hex::encode(mac));
        headers.insert("x-hub-signature-256", HeaderValue::from_str(&header).unwrap());
        let claimed = Claimed::from_headers(&headers).unwrap();
        current.now().verify(claimed, Held::new(BODY.to_vec().into())).is_ok()
    }

    fn source_of(references: &[String]) -> Result<Source, ConfigError> {
        Source::new(&Settings::parse("", []).unwrap(), references.to_vec())
    }

    fn file(path: &Path) -> String {
        format!("file:{}", path.display())
    }

    async fn settled() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets `time` pass.
    async fn after(time: Duration) {
        sleep(time + Duration::from_millis(1)).await;
        settled().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_goes_from_the_old_secret_over_both_to_the_new_one_without_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "one\n").unwrap();
        let current = Current::start(source_of(&[file(&path)]).unwrap());
        settled().await;
        assert!(passes(&current, "one") && !passes(&current, "two"));

        std::fs::write(&path, "one\r\n\n two \r\n").unwrap();
        after(TICK).await;
        assert!(passes(&current, "one") && passes(&current, " two "), "a line each, blanks and all");
        assert!(!passes(&current, "") && !passes(&current, "\r") && !passes(&current, "one\r\n\n two "));

        std::fs::write(&path, " two ").unwrap();
        after(TICK).await;
        assert!(passes(&current, " two ") && !passes(&current, "one"));

        for broken in ["", "\n \n", &"s\n".repeat(MAX_SECRETS_ROTATING + 1)] {
            std::fs::write(&path, broken).unwrap();
            after(TICK).await;
            assert!(passes(&current, " two ") && !passes(&current, "s") && !passes(&current, ""), "{broken:?}");
        }
        std::fs::remove_file(&path).unwrap();
        after(AGE).await;
        assert!(passes(&current, " two "), "what can't be read again goes on");
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_that_cannot_be_read_holds_up_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        std::fs::write(&first, "one").unwrap();
        std::fs::write(&second, "two").unwrap();
        let current = Current::start(source_of(&[file(&first), file(&second)]).unwrap());
        std::fs::remove_file(&first).unwrap();
        std::fs::write(&second, "three").unwrap();
        after(TICK).await;
        assert!(passes(&current, "one") && passes(&current, "three") && !passes(&current, "two"));
    }

    #[test]
    fn as_many_secrets_as_a_delivery_is_tried_with_and_not_one_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        for (count, is_taken) in [(MAX_SECRETS, true), (MAX_SECRETS + 1, false)] {
            std::fs::write(&path, "line\n".repeat(count)).unwrap();
            let source = source_of(&[file(&path)]);
            assert_eq!(source.is_ok(), is_taken, "{count} lines");
        }
    }

    #[test]
    fn secrets_manager_is_asked_with_its_age_or_after_a_doubt_but_not_more_than_once_a_minute() {
        let (start, doubted) = (Instant::now(), AtomicBool::new(false));
        let mut pace = Pace::default();
        let mut at = |seconds: u64, doubt: bool| {
            doubted.fetch_or(doubt, Ordering::Relaxed);
            pace.is_due(start + Duration::from_secs(seconds), &doubted)
        };
        assert!(at(0, false), "what was before the current value isn't known yet");
        assert!(!at(2, false) && !at(4, true) && !at(58, true));
        assert!(at(60, false), "a doubt is kept until it can be settled");
        assert!(!at(62, false) && !at(122, false));
        assert!(at(124, true) && !at(186, false));
        assert!(!at(422, false) && at(424, false), "nobody doubted, but it has its age");
    }
}
