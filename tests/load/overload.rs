//! Ten times of what it can do, for a while: drives an ingress and a worker of its own against a forge on loopback. Run by
//! overload.sh, which says what is measured.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use eco_coder::forge::SignedWebhook;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

mod pair;
mod stage;

use pair::{FILES, LINES, PATIENCE, Pair, percentile, send, until_posted};
use stage::{Shown, Stage};

/// Of what it can do.
const TIMES: f64 = 10.0;
/// What the pull requests of the storm would take, one review each, seconds.
const WORK: f64 = 20.0;
/// One webhook in so many is of a push; the others tell once more of the last one. A driver that makes a push for each is
/// too late for its own rate.
const PUSH_EVERY: usize = 4;
/// Recovered within it, or not.
const MINUTE: Duration = Duration::from_mins(1);
/// The longest that an accepted webhook may take, milliseconds, of 99 in a hundred.
const MOST_MS: f64 = 1000.0;
/// Between two pull requests of a repository that has no part in the storm.
const BYSTANDER: Duration = Duration::from_secs(5);
/// The bystander's repositories are numbered from here.
const ASIDE: usize = 900_000;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (program, seconds) = pair::arguments("usage: load-overload PATH-OF-ECO-CODER SECONDS")?;
    let dir = tempfile::tempdir()?;
    let stage = Arc::new(Stage::new().await?);
    let pair = Pair::start(&stage, &program, dir.path())?;
    let capacity = pair.capacity(&stage, 0).await?;
    let alone = bystander(&stage, &pair.url, ASIDE).await?;
    let rate = capacity * TIMES;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let count = (capacity * WORK).ceil() as usize;
    println!(
        "capacity: {capacity:.1} reviews/s, one alone after {:.0} ms; {seconds} s at {rate:.0} webhooks/s about {count} pull requests",
        alone.as_secs_f64() * 1e3
    );
    let mut pulls = Vec::new();
    for n in 0..count {
        pulls.push(stage.open(100_000 + n, FILES, LINES).await?);
    }
    let before = pair.look()?;

    let length = Duration::from_secs_f64(seconds);
    let aside = tokio::spawn({
        let (stage, url) = (Arc::clone(&stage), pair.url.clone());
        async move {
            let (began, mut took) = (Instant::now(), Vec::new());
            let mut ticks = interval(BYSTANDER);
            while began.elapsed() < length {
                ticks.tick().await;
                took.push(bystander(&stage, &url, ASIDE + 1 + took.len()).await?);
            }
            anyhow::Ok(took)
        }
    });
    let storm = Storm { stage: Arc::clone(&stage), url: pair.url.clone(), rate };
    let stormed = storm.blow(pulls, length).await?;
    let over = Instant::now();
    println!(
        "sent {} in {:.1} s, as far apart as was meant: {}",
        stormed.took.len(),
        stormed.sent.as_secs_f64(),
        stormed.sent < length + Duration::from_secs(2)
    );
    // Nobody who comes after it notices.
    let next = bystander(&stage, &pair.url, ASIDE + 10_000).await?;
    // What was answered with something else than 202 nobody owes.
    let owed: Vec<&Shown> = stormed.pulls.iter().filter(|(_, owed)| *owed).map(|(shown, _)| shown).collect();
    let caught_up = until_posted(&stage, owed, PATIENCE).await.map(|_| over.elapsed());
    let peaks = [pair.ingress.status("VmHWM")? / 1024, pair.worker.status("VmHWM")? / 1024];
    let left = pair.depth().await?;
    let left = left.visible + left.in_flight + left.delayed;
    let mut aside = aside.await??;
    aside.sort();

    let doubled = stormed.pulls.iter().filter(|(shown, _)| comments(&stage, shown) > 1).count();
    let accepted = stormed.accepted();
    let p99 = percentile(&accepted, 99.0);
    for (status, count) in &stormed.answers() {
        println!("answered {status}: {count}");
    }
    println!(
        "accepted: p50 {:.1} ms, p99 {p99:.1} ms, max {:.1} ms",
        percentile(&accepted, 50.0),
        percentile(&accepted, 100.0)
    );
    let after = pair.look()?;
    for (at, name) in ["ingress", "worker"].into_iter().enumerate() {
        let (before, after) = (before[at], after[at]);
        println!(
            "{name}, before, at most, after: memory {:.0}, {}, {:.0} MB; before and after: {} and {} files, {} and {} threads",
            before.rss_mb, peaks[at], after.rss_mb, before.files, after.files, before.threads, after.threads
        );
    }
    for line in pair.ingress.histograms() {
        println!("{line}");
    }
    println!("warnings and errors in both logs: {}", pair.errors());
    println!(
        "a repository beside it, accepted to posted: p50 {:.0} ms, max {:.0} ms in the storm; {:.0} ms right after",
        percentile(&aside, 50.0),
        percentile(&aside, 100.0),
        next.as_secs_f64() * 1e3
    );
    let caught_up = caught_up.context("not all comments came")?;
    let fine = p99 < MOST_MS && caught_up < MINUTE && doubled == 0 && stormed.silent() == 0;
    println!(
        "overload times={TIMES} seconds={seconds} sent={} accepted={} p99_ms={p99:.1} caught_up_s={:.1} hints_left={left} doubled={doubled} dead={} peak_mb={} verdict={}",
        stormed.took.len(),
        accepted.len(),
        caught_up.as_secs_f64(),
        pair.depth().await?.dead,
        peaks[0] + peaks[1],
        if fine { "recovers" } else { "suffers" }
    );
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Opens one more pull request in a repository of its own; how long from its webhook to its comment.
async fn bystander(stage: &Stage, url: &str, seed: usize) -> anyhow::Result<Duration> {
    let shown = stage.open(seed, FILES, LINES).await?;
    let began = Instant::now();
    stage.deliver(url, &shown).await?;
    let posted = stage.forge.wait_for(|_| stage.is_posted(&shown).then_some(()));
    tokio::time::timeout(PATIENCE, posted).await.context("the comment beside the storm does not come")?;
    Ok(began.elapsed())
}

fn comments(stage: &Stage, shown: &Shown) -> usize {
    let me = stage.forge.settings().viewer.id;
    stage.forge.comments(&shown.repo, shown.number).into_iter().filter(|comment| comment.author.id == me).count()
}

/// Webhooks, one by one, whatever the answers are.
struct Storm {
    stage: Arc<Stage>,
    url: String,
    rate: f64,
}

struct Stormed {
    /// With whether the webhook of its last push was accepted.
    pulls: Vec<(Shown, bool)>,
    /// Status (0: none in time) and time of each webhook, from when it was to be sent.
    took: Vec<(u16, Duration)>,
    /// How long sending took.
    sent: Duration,
}

impl Storm {
    async fn blow(self, pulls: Vec<Shown>, length: Duration) -> anyhow::Result<Stormed> {
        let mut pulls: Vec<(Shown, bool)> = pulls.into_iter().map(|shown| (shown, false)).collect();
        let webhook = |shown: &Shown| self.stage.forge.webhook(&shown.repo, shown.number, "synchronize");
        let mut last = pulls.iter().map(|(shown, _)| webhook(shown)).collect::<Result<Vec<_>, _>>()?;
        let (began, count) = (tokio::time::Instant::now(), pulls.len());
        let mut ticks = interval(Duration::from_secs_f64(1.0 / self.rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut sending = JoinSet::new();
        for n in 0.. {
            // If this machine is late, that is in the figure.
            let due = ticks.tick().await;
            if due - began >= length {
                break;
            }
            let at = n % count;
            // Of each pull request, and of those one after the other, every fourth.
            if (n + n / count).is_multiple_of(PUSH_EVERY) {
                let shown = &mut pulls[at].0;
                self.stage.push(shown, 1_000_000 + n, FILES, LINES)?;
                last[at] = webhook(shown)?;
            }
            let webhook = again(&last[at], n);
            let (client, url) = (self.stage.client.clone(), self.url.clone());
            sending.spawn(async move { (n, send(&client, &url, webhook).await, due.elapsed()) });
            if n % 1000 == 0 {
                self.stage.forge.clear_requests();
            }
        }
        let sent = began.elapsed();
        let mut all = sending.join_all().await;
        all.sort_by_key(|(n, ..)| *n);
        for (n, status, _) in &all {
            pulls[n % count].1 = *status == 202;
        }
        Ok(Stormed { pulls, took: all.into_iter().map(|(_, status, took)| (status, took)).collect(), sent })
    }
}

/// The same webhook as a delivery of its own.
fn again(webhook: &SignedWebhook, n: usize) -> SignedWebhook {
    let mut webhook = webhook.clone();
    for (name, value) in &mut webhook.headers {
        if name == "X-GitHub-Delivery" {
            *value = format!("{n:08x}-0000-4000-8000-000000000000");
        }
    }
    webhook
}

impl Stormed {
    /// Times of the accepted ones, sorted.
    fn accepted(&self) -> Vec<Duration> {
        let mut took: Vec<Duration> =
            self.took.iter().filter(|(status, _)| *status == 202).map(|(_, took)| *took).collect();
        took.sort();
        took
    }

    /// How many had which status.
    fn answers(&self) -> BTreeMap<u16, usize> {
        let mut answers = BTreeMap::new();
        for (status, _) in &self.took {
            *answers.entry(*status).or_default() += 1;
        }
        answers
    }

    /// Those without an answer in GitHub's time, or with one that is neither 202 nor 503.
    fn silent(&self) -> usize {
        self.took.iter().filter(|(status, _)| !matches!(status, 202 | 503)).count()
    }
}
