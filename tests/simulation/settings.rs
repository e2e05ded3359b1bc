//! The product's settings in a history: leases and waits as short as they may be, and a choice of what decides how much
//! happens at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eco_coder_ingress::IngressConfig;
use eco_coder_shared::config::Settings;
use eco_coder_worker::config::WorkerConfig;

use super::Story;
use super::dice::Dice;

/// For one request to GitHub, as the settings say.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Token and webhook secret.
pub const SECRET: &str = "of the simulation";

/// What differs between the settings of two histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    /// Of writes to GitHub, milliseconds.
    paced: u64,
    cooldown: u64,
    jobs: u64,
}

impl Choice {
    /// What the dice say.
    pub fn of(dice: &mut Dice, story: Story) -> Self {
        Self {
            paced: if dice.chance(3000) { 1000 } else { 0 },
            cooldown: if story == Story::Busy { *dice.pick(&[0, 5, 20]) } else { 10 },
            jobs: *dice.pick(&[1, 2, 4]),
        }
    }

    /// Reading settings is the dearest part of a short history: each choice is read once.
    pub fn settings(self) -> Arc<Configured> {
        static KNOWN: Mutex<BTreeMap<Choice, Arc<Configured>>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(self).or_insert_with(|| Arc::new(self.read())))
    }

    fn read(self) -> Configured {
        let Self { paced, cooldown, jobs } = self;
        let timeout = REQUEST_TIMEOUT.as_secs();
        let text = format!(
            r#"
            data_dir = "simulations-keep-nothing"
            store.session_key = "env:ECO_CODER_SECRET_SESSION"
            policy.repositories = ["acme/shop", "acme/tools"]
            [worker]
            jobs = {jobs}
            cpu_threads = 1
            lease_seconds = 60
            visibility_seconds = 30
            hide_seconds = 5
            cooldown_seconds = {cooldown}
            retry_seconds = 2
            retry_cap_seconds = 30
            outage_seconds = 10
            silence_minutes = 0
            shutdown_grace_seconds = 3
            [github]
            api_url = "http://127.0.0.1:9"
            request_timeout_seconds = {timeout}
            write_interval_ms = {paced}
            "#
        );
        let environment = [
            ("ECO_CODER_GITHUB_TOKEN", SECRET.to_owned()),
            ("ECO_CODER_WEBHOOK_SECRET", SECRET.to_owned()),
            ("ECO_CODER_SECRET_SESSION", "5e".repeat(32)),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value));
        let settings = Settings::parse(&text, environment).expect("settings");
        Configured {
            worker: WorkerConfig::from_settings(&settings).expect("settings of a worker"),
            ingress: IngressConfig::from_settings(&settings).expect("settings of an ingress"),
        }
    }
}

/// Settings, read.
pub struct Configured {
    pub worker: WorkerConfig,
    pub ingress: IngressConfig,
}
