//! An ingress and a worker as two processes over one pair of files, what they can do, and how they are looked at.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use eco_coder::forge::SignedWebhook;
use eco_coder_shared::env::SystemEnv;
use eco_coder_shared::queue::sqlite::SqliteQueue;
use eco_coder_shared::queue::{Depth, JobQueue};
use reqwest::Client;

use super::stage::{Process, Shown, Stage};

/// Of one pull request: five files of five languages, 20 new lines each.
pub(crate) const FILES: usize = 5;
pub(crate) const LINES: usize = 20;
/// Reviews that the capacity is measured with.
const CAPACITY: usize = 300;
/// Of the worker.
const NICE: &str = "10";
/// Between two looks for comments.
const LOOK: Duration = Duration::from_millis(50);
/// The longest that a part may take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);
/// GitHub's own patience with a webhook.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The two processes, and their queue opened a second time.
pub(crate) struct Pair {
    pub(crate) ingress: Process,
    pub(crate) worker: Process,
    /// Where webhooks go.
    pub(crate) url: String,
    queue: SqliteQueue,
}

/// What one look at a process shows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// Resident memory of its own: pages of the program's file come and go with what else the machine does.
    pub(crate) rss_mb: f64,
    pub(crate) files: u64,
    pub(crate) threads: u64,
}

impl Pair {
    /// Starts both with everything as by default but what a measurement needs, and the worker behind all others: a driver that
    /// has to wait for the processor sends late.
    pub(crate) fn start(stage: &Stage, program: &Path, dir: &Path) -> anyhow::Result<Self> {
        stage.configure(dir, "")?;
        let (ingress, url) = stage.start(program, &["ingress"], dir)?;
        let behind = ["-n", NICE, program.to_str().context("a path in UTF-8")?, "worker"];
        let (worker, _) = stage.launch(Path::new("nice"), &behind, dir, "working")?;
        let queue = SqliteQueue::open(&dir.join("data/queue.db"), Arc::new(SystemEnv))?;
        Ok(Self { ingress, worker, url, queue })
    }

    /// The ingress and the worker, in this order.
    pub(crate) fn look(&self) -> anyhow::Result<[Sample; 2]> {
        let look = |process: &Process| {
            anyhow::Ok(Sample {
                rss_mb: process.status("RssAnon")? as f64 / 1024.0,
                files: process.open_files()?,
                threads: process.status("Threads")?,
            })
        };
        Ok([look(&self.ingress)?, look(&self.worker)?])
    }

    pub(crate) async fn depth(&self) -> anyhow::Result<Depth> {
        Ok(self.queue.depth().await?)
    }

    /// Warnings and errors in both logs.
    pub(crate) fn errors(&self) -> u64 {
        self.ingress.errors() + self.worker.errors()
    }

    /// Reviews a second, when more are waiting than are done: of pull requests alone in their repositories, numbered
    /// from `seed`.
    pub(crate) async fn capacity(&self, stage: &Stage, seed: usize) -> anyhow::Result<f64> {
        let mut waiting = Vec::new();
        for n in 0..CAPACITY {
            waiting.push(stage.open(seed + n, FILES, LINES).await?);
        }
        let began = Instant::now();
        for shown in &waiting {
            stage.deliver(&self.url, shown).await?;
        }
        until_posted(stage, waiting.iter().collect(), PATIENCE).await?;
        Ok(CAPACITY as f64 / began.elapsed().as_secs_f64())
    }
}

/// Waits for all comments at their heads; says how long it took.
pub(crate) async fn until_posted(
    stage: &Stage,
    mut waiting: Vec<&Shown>,
    patience: Duration,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    while !waiting.is_empty() {
        anyhow::ensure!(began.elapsed() < patience, "{} comments do not come; see the log above", waiting.len());
        tokio::time::sleep(LOOK).await;
        waiting.retain(|shown| !stage.is_posted(shown));
    }
    Ok(began.elapsed())
}

/// Sends one webhook, as GitHub does; its status, or 0 if no answer came in GitHub's time, with the reason on stderr.
pub(crate) async fn send(client: &Client, url: &str, webhook: SignedWebhook) -> u16 {
    let mut request = client.post(url).body(webhook.body).timeout(TIMEOUT);
    for (name, value) in webhook.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => answer.status().as_u16(),
        Err(error) => {
            eprintln!("a webhook without an answer: {:#}", anyhow::Error::new(error));
            0
        }
    }
}

/// By nearest rank, of sorted times, in milliseconds.
pub(crate) fn percentile(sorted: &[Duration], percent: f64) -> f64 {
    let rank = (sorted.len() as f64 * percent / 100.0).ceil().max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank among those that are there")]
    let at = rank as usize - 1;
    sorted.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3
}

/// The program's path and a number, from the command line.
pub(crate) fn arguments(usage: &'static str) -> anyhow::Result<(std::path::PathBuf, f64)> {
    let mut arguments = std::env::args().skip(1);
    let (program, number) = (arguments.next().context(usage)?, arguments.next().context(usage)?);
    Ok((program.into(), number.parse().context(usage)?))
}
