//! From a head to a report: the result known by commit SHA, or the agent's. No claim, no publishing: the `review` command
//! stands on it too.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eco_coder_analyzer::{Finding, Fix, Language};
use eco_coder_github::{ApiError, GitHub, Pull};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::{CommitSha, PullKey, RepoId, RepoName};
use eco_coder_shared::step;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use metrics::{counter, histogram};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::{Instrument as _, Span};

use super::memory::{self, Memory, Remark};
use crate::agent::budget::Limits;
use crate::agent::driver::{Deadlines, Driven, Driver};
use crate::agent::prompt::{self, Brief};
use crate::agent::purse::DayLimits;
use crate::agent::run::{Ended, Finish, Run};
use crate::agent::verify::verified;
use crate::backends::Backends;
use crate::model::Model;
use crate::report::{Freshness, Ledger, ModelSection, Report, SCHEMA, Section};
use crate::results::{Benchmarks, ErrorType};
use crate::store::seal::SealKey;
use crate::store::{MAX_VALUE, RESULT_DAYS, ResultKey, SessionId, Store, StoreError};
use crate::subject::{Change, Head, Subject, Text};

/// Makes reports.
pub struct Inspector {
    /// Reads only.
    pub github: GitHub,
    /// Results and sessions.
    pub store: Arc<dyn Store>,
    /// Seals them.
    pub seal: SealKey,
    /// Clock and dice.
    pub env: SharedEnv,
    /// The model, if there is one.
    pub model: Option<Arc<dyn Model>>,
    /// The engines behind the tools.
    pub backends: Backends,
    /// For tools and model.
    pub deadlines: Deadlines,
    /// For the model.
    pub limits: Limits,
    /// What models may spend in a day.
    pub day: DayLimits,
    /// How much of a diff a model is shown at first, tokens.
    pub diff_tokens: u64,
}

/// Why there is no report yet.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Wait without a charge; the session goes on then.
    #[error("waits until {until}: {why}")]
    Wait {
        /// Until then.
        until: Timestamp,
        /// For the log.
        why: String,
    },
    /// The head moved while its files were listed.
    #[error("the head moved while its files were listed")]
    Moved,
    /// Another worker has gone on with it.
    #[error("another worker has gone on with this review")]
    Superseded,
    /// GitHub failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A report, and the session that made it: kept until the report is posted, so that nothing is paid twice.
#[derive(Debug)]
pub struct Inspected {
    /// The report.
    pub report: Report,
    /// To be forgotten when the report is posted.
    pub session: SessionId,
    /// To be remembered then, if there is anything.
    pub memory: Option<Memory>,
}

/// What is kept by commit SHA.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    report: Report,
    /// What the model said, and of what: paid once, it is the next push's, too.
    remark: Option<Remark>,
}

/// Where a kept report belongs, for its seal.
pub fn kept_place(key: PullKey) -> String {
    format!("kept/{key}")
}

impl Inspector {
    /// The name of the result: everything that makes another report.
    pub async fn key(&self, head: &Head) -> ResultKey {
        let target = &head.target;
        let (repository, settings) = ((target.repository_id, &target.repository), head.settings.digest());
        ResultKey(self.digest(repository, &target.head_sha, &target.merge_base_sha, settings).await)
    }

    /// As [`key`](Self::key), from what one read of the pull request shows: the same sight has the same merge base and the same
    /// settings in it.
    pub async fn sight(&self, pull: &Pull) -> String {
        self.digest((pull.base_repo_id, &pull.base_repo), &pull.head_sha, &pull.base_sha, "").await
    }

    async fn digest(
        &self,
        (id, repository): (RepoId, &RepoName),
        head: &CommitSha,
        base: &CommitSha,
        settings: &str,
    ) -> String {
        let mut hash = Sha256::new();
        for part in [
            &id.to_string(),
            head.as_str(),
            base.as_str(),
            settings,
            self.backends.code.digest(),
            &self.backends.codeguru.as_ref().map(|codeguru| codeguru.digest()).unwrap_or_default(),
            &self.backends.profiles.fingerprint(repository, base, head).await,
            &self.backends.linters.fingerprint(repository, head).await,
            &self.backends.benchmarks.fingerprint(repository, base, head).await,
            &self.backends.carbon.digest(),
            &SCHEMA.to_string(),
            &self.asked(),
        ] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }

    /// The report on this head. With a nonce, a known result is not taken. `last` is what is remembered of the pull request.
    pub async fn inspect(
        &self,
        head: &Head,
        nonce: Option<&str>,
        last: Option<Memory>,
    ) -> Result<Inspected, InspectError> {
        let started = Instant::now();
        let key = self.key(head).await;
        // Two pull requests can have the same head; each has a session of its own.
        let session = format!("{} {} {}", key.0, head.target.pull_request, nonce.unwrap_or_default());
        let session = SessionId(hex::encode(Sha256::digest(session)));
        if nonce.is_none()
            && let Some(Kept { mut report, remark }) = self.known(&key).await?
        {
            counter!("ResultCache", "Result" => "hit").increment(1);
            Span::current().record("cached", true);
            // Known by its commits, maybe from another pull request.
            report.target = head.target.clone();
            report.ledger.freshness = Freshness::Cached;
            report.ledger.seconds = started.elapsed().as_secs_f64();
            report.since = last.as_ref().and_then(|last| last.since(&report));
            let memory = Memory::after(last.as_ref(), &report, remark);
            return Ok(Inspected { report, session, memory });
        }
        counter!("ResultCache", "Result" => "miss").increment(1);
        Span::current().record("cached", false);
        // Who asks for another look gets one.
        let said = last.as_ref().and_then(|last| last.model.clone()).filter(|_| nonce.is_none());
        let (mut report, remark) = Box::pin(self.fresh(head, &key, &session, said, started)).await?;
        let memory = Memory::after(last.as_ref(), &report, remark);
        report.since = last.as_ref().and_then(|last| last.since(&report));
        Ok(Inspected { report, session, memory })
    }

    /// The heaviest mends of the report, made of the head's text again: they are pieces of the source, which isn't kept.
    pub async fn mends(&self, head: &Head, report: &Report, most: usize) -> Result<Vec<(Finding, Fix)>, InspectError> {
        let wanted: Vec<&Finding> =
            report.findings().into_iter().filter(|finding| finding.fixable).take(most).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        match Subject::read(&self.github, head, Text::Dropped).await? {
            Some((subject, _)) => Ok(self.backends.code.mends(&subject, &wanted).await),
            None => Err(InspectError::Moved),
        }
    }

    /// The agent's report, kept by its commits if it is complete. `said` is what the model said of the pull request before.
    async fn fresh(
        &self,
        head: &Head,
        key: &ResultKey,
        session: &SessionId,
        said: Option<Remark>,
        started: Instant,
    ) -> Result<(Report, Option<Remark>), InspectError> {
        let text = if self.model.is_some() { Text::Kept } else { Text::Dropped };
        let read = Subject::read(&self.github, head, text).instrument(step!("Fetch Changes"));
        let Some((subject, diff)) = read.await? else { return Err(InspectError::Moved) };
        let asked = self.asked();
        let said = said.filter(|said| said.asked == asked);
        let known = said.as_ref().map(|said| said.patches.clone()).unwrap_or_default();
        let title = head.pull.title.clone();
        let mut brief = Brief { title, diff, earlier: Vec::new(), known, diff_tokens: self.diff_tokens };
        brief.earlier = said.iter().flat_map(|said| said.further(|path| brief.knows(path))).cloned().collect();
        let finish = self.run(session, &subject, &brief).await?;
        let ended = finish.model.clone();
        let mut report = self.assemble(head, finish, started.elapsed()).await;
        self.gather_base(&report).await?;
        report.benchmarks = self.benchmarks(head).await;
        report.main_language = main_language(&subject);
        self.attribute(&subject, &mut report).await;
        let remark = self.conclude(ended, said, &brief, &mut report);
        note(&report.ledger);
        if is_complete(&report) {
            let kept = Kept { report: report.clone(), remark: remark.clone() };
            self.put_sealed(key, &kept, Duration::from_hours(u64::from(RESULT_DAYS) * 24)).await?;
        }
        if report.has_faults() {
            // The next try is to look again, not to replay what failed.
            self.forget(session).await?;
        }
        Ok((report, remark))
    }

    /// Brings what workflows left for this commit, if anybody looks for it: before it is said what is known of the commit.
    pub async fn gather(&self, repository: &RepoName, sha: &CommitSha) -> Result<(), ApiError> {
        match &self.backends.artifacts {
            Some(artifacts) => artifacts.bring(repository, sha).instrument(step!("Bring Artifacts")).await,
            None => Ok(()),
        }
    }

    /// Brings what workflows left of the base, if head has something to compare with it.
    async fn gather_base(&self, report: &Report) -> Result<(), ApiError> {
        let target = &report.target;
        let has_results = self.backends.benchmarks.has_results(&target.repository, &target.head_sha).await;
        if !has_results && report.measured_head().is_none() {
            return Ok(());
        }
        self.gather(&target.repository, &target.merge_base_sha).await
    }

    /// Base against head, if head has results.
    async fn benchmarks(&self, head: &Head) -> Option<Benchmarks> {
        let (target, benchmarks) = (&head.target, &self.backends.benchmarks);
        if !benchmarks.has_results(&target.repository, &target.head_sha).await {
            return None;
        }
        benchmarks.compared(target, &self.backends.carbon.input().await).await
    }

    /// What names the model and its prompt; empty without one.
    fn asked(&self) -> String {
        self.model.as_ref().map(|model| format!("{} {}", model.id(), prompt::digest())).unwrap_or_default()
    }

    /// The model's part of the report: what it says now, and what it said before of files that are as they were. Returns
    /// what is to be remembered of it.
    fn conclude(&self, ended: Ended, said: Option<Remark>, brief: &Brief, report: &mut Report) -> Option<Remark> {
        let Some(model) = &self.model else { return None };
        let standing = said.as_ref().and_then(|said| said.standing(|path| brief.knows(path), report));
        let mut patches = brief.known.clone();
        patches.retain(|path, _| brief.knows(path));
        let part = match (ended, standing) {
            (Ended::Finished(new), standing) => {
                patches.extend(prompt::view(&report.quality, brief).shown);
                let new = verified(model.id(), *new, report.quality.present(), &brief.diff);
                match standing {
                    Some(old) => memory::joined(new, old),
                    None => new,
                }
            }
            // Nothing is new since it said this.
            (Ended::NotConfigured, Some(standing)) => standing,
            (Ended::NotConfigured, None) => return said,
            (Ended::Unfinished { why }, standing) => {
                report.model = ModelSection::Unfinished { why, standing };
                return said;
            }
        };
        report.model = ModelSection::Finished(part.clone());
        Some(Remark { asked: self.asked(), part, patches })
    }

    /// What is remembered of a pull request. What can't be read is as good as nothing.
    pub async fn remembered(&self, pull: PullKey) -> Result<Option<Memory>, StoreError> {
        let memory: Option<Memory> = self.sealed(&memory::key(pull)).await?;
        Ok(memory.filter(Memory::is_current))
    }

    /// Only what waits or is paid for is worth a session.
    fn stores_sessions(&self) -> bool {
        self.model.is_some() || self.backends.codeguru.is_some()
    }

    /// The session is over.
    pub async fn forget(&self, session: &SessionId) -> Result<(), StoreError> {
        if self.stores_sessions() { self.store.end_session(session).await } else { Ok(()) }
    }

    /// The report stands: its session is over, and the next review builds on it.
    pub async fn conclude_review(
        &self,
        session: &SessionId,
        pull: PullKey,
        memory: Option<&Memory>,
    ) -> Result<(), StoreError> {
        self.forget(session).await?;
        match memory {
            Some(memory) => self.put_sealed(&memory::key(pull), memory, memory::KEPT).await,
            None => Ok(()),
        }
    }

    async fn run(&self, session: &SessionId, subject: &Subject, brief: &Brief) -> Result<Finish, InspectError> {
        let driver = Driver {
            store: &*self.store,
            seal: &self.seal,
            env: &self.env,
            model: self.model.as_ref(),
            backends: &self.backends,
            deadlines: self.deadlines,
            brief,
            day: self.day,
            stored: self.stores_sessions(),
        };
        // What a model has seen whole, it isn't asked again; nor about nothing.
        let model = self.model.as_ref().filter(|_| !brief.has_nothing_new());
        let run = Run::new(model.map(|model| model.id().to_owned()), self.limits);
        let asked = self.backends.codeguru.as_ref().is_some_and(|codeguru| codeguru.is_for(subject));
        let run = if asked { run.asking_codeguru() } else { run };
        let finish = match driver.run(session, run, subject).await? {
            Driven::Finished(finish) => *finish,
            Driven::Suspended { until, why } => return Err(InspectError::Wait { until, why: why.to_owned() }),
            Driven::Superseded => return Err(InspectError::Superseded),
        };
        if matches!(finish.quality, Section::Failed { error_type: ErrorType::Throttle, .. }) {
            // Not a result but a wait: the next try begins anew.
            self.forget(session).await?;
            let until = self
                .github
                .limited_until(subject.repository())
                .unwrap_or_else(|| self.env.now() + Duration::from_mins(1));
            return Err(InspectError::Wait { until, why: "GitHub's rate limit is reached".to_owned() });
        }
        Ok(finish)
    }

    async fn assemble(&self, head: &Head, finish: Finish, took: Duration) -> Report {
        let own = finish.quality.present().map(|analysis| analysis.cpu_seconds).unwrap_or_default();
        let co2e_grams = own.co2e(&self.backends.carbon.input().await);
        Report {
            schema: SCHEMA,
            target: head.target.clone(),
            quality: finish.quality,
            performance: finish.performance,
            carbon: finish.carbon,
            changed_functions: None,
            benchmarks: None,
            main_language: None,
            model: ModelSection::NotConfigured,
            since: None,
            ledger: Ledger {
                seconds: took.as_secs_f64(),
                analyser_cpu_seconds: own.seconds(),
                co2e_grams,
                input_tokens: finish.usage.input,
                cached_tokens: finish.usage.cache_read,
                output_tokens: finish.usage.output,
                dollars: self.model.as_ref().and_then(|model| model.dollars(finish.usage)),
                model_energy: self.model.as_ref().and_then(|model| model.energy(finish.usage)),
                freshness: Freshness::Fresh,
            },
        }
    }

    /// A stored result that can't be read is as good as none: it is made again.
    async fn known(&self, key: &ResultKey) -> Result<Option<Kept>, StoreError> {
        self.sealed(key).await
    }

    async fn sealed<T: DeserializeOwned>(&self, key: &ResultKey) -> Result<Option<T>, StoreError> {
        let Some(sealed) = self.store.result(key, self.env.now()).await? else { return Ok(None) };
        let read = || {
            let packed = self.seal.open(&result_place(key), &sealed).ok()?;
            let mut json = Vec::new();
            GzDecoder::new(packed.as_slice()).take(8 * MAX_VALUE as u64).read_to_end(&mut json).ok()?;
            serde_json::from_slice(&json).ok()
        };
        let value = read();
        if value.is_none() {
            tracing::warn!(component = "inspect", "a known result can't be read; it is made again");
        }
        Ok(value)
    }

    async fn put_sealed(&self, key: &ResultKey, value: &impl Serialize, kept: Duration) -> Result<(), StoreError> {
        let json = serde_json::to_vec(value).unwrap_or_default();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let Ok(packed) = gzip.write_all(&json).and_then(|()| gzip.finish()) else { return Ok(()) };
        let sealed = self.seal.seal(&*self.env, &result_place(key), &packed);
        if sealed.len() > MAX_VALUE {
            return Ok(()); // too large to keep is no reason not to report
        }
        self.store.put_result(key, sealed, self.env.now() + kept).await
    }
}

/// What the model cost, for the metrics.
fn note(ledger: &Ledger) {
    if ledger.input_tokens == 0 {
        return;
    }
    if let Some(dollars) = ledger.dollars {
        histogram!("ModelCost").record(dollars);
    }
    if let Some(energy) = &ledger.model_energy {
        histogram!("ModelEnergy").record(energy.wh_high);
    }
}

/// The language of most changed files.
fn main_language(subject: &Subject) -> Option<Language> {
    let mut counts: BTreeMap<Language, usize> = BTreeMap::new();
    let changed = subject.files.iter().filter(|file| file.change != Change::Nothing);
    for language in changed.filter_map(|file| Language::of_path(&file.path)) {
        *counts.entry(language).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(language, count)| (*count, std::cmp::Reverse(*language)))
        .map(|(language, _)| language)
}

/// What a sealed result is bound to.
pub(crate) fn result_place(key: &ResultKey) -> String {
    format!("result/{}", key.0)
}

/// Only a completed result is kept: what failed or was cut short may go better the next time.
fn is_complete(report: &Report) -> bool {
    let analysed = report.quality.present().is_some_and(|analysis| !analysis.is_partial());
    let failed =
        matches!(report.performance, Section::Failed { .. }) || matches!(report.carbon, Section::Failed { .. });
    analysed && !failed && !matches!(report.model, ModelSection::Unfinished { .. })
}
