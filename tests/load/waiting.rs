//! A thousand reviews that all wait for a slow model: drives a process of its own, which is this program again with an
//! ingress, a worker and the model in it, against a forge on loopback. Run by waiting.sh, which says what is measured.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use async_trait::async_trait;
use eco_coder_ingress::config::IngressConfig;
use eco_coder_ingress::server::Ingress;
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::{SharedEnv, SystemEnv};
use eco_coder_shared::telemetry::{self, metrics};
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::model::{Model, ModelError, ModelReply, ModelRequest, Said, Usage};
use eco_coder_worker::service::{Worker, open_store, transport};
use serde_json::json;
use tokio::sync::watch;

mod stage;

use stage::{Process, Stage};

/// Reviews at once.
const JOBS: usize = 1000;
/// Of one pull request: 10 files of six languages, 50 new lines each.
const FILES: usize = 10;
const LINES: usize = 50;
/// How long the model takes.
const THINKING: Duration = Duration::from_secs(5);
/// The longest that all may take.
const PATIENCE: Duration = Duration::from_secs(280);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "serve", "--config", config] => serve(&PathBuf::from(config)).await,
        [ref program] => drive(Path::new(program)).await,
        _ => anyhow::bail!("it takes no arguments"),
    }
}

async fn drive(program: &Path) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let stage = Stage::new().await?;
    let mut waiting = Vec::new();
    for seed in 0..JOBS {
        waiting.push(stage.open(seed, FILES, LINES).await?);
    }
    stage.configure(dir.path(), &format!("jobs = {JOBS}"))?;
    let (process, url) = stage.start(program, &["serve"], dir.path())?;
    let idle = (process.status("VmRSS")? / 1024, process.status("Threads")?);
    println!("idle: {} MB, {} threads", idle.0, idle.1);
    let began = Instant::now();
    for shown in &waiting {
        stage.deliver(&url, shown).await?;
    }
    println!("{JOBS} webhooks accepted within {:.1} s", began.elapsed().as_secs_f64());
    let mut threads = 0;
    let mut first = None;
    while !waiting.is_empty() {
        anyhow::ensure!(began.elapsed() < PATIENCE, "{} comments do not come; see the log above", waiting.len());
        tokio::time::sleep(LOOK).await;
        threads = threads.max(process.status("Threads")?);
        waiting.retain(|shown| !stage.is_posted(shown));
        if first.is_none() && waiting.len() < JOBS {
            first = Some(began.elapsed().as_secs_f64());
            println!("the first comment after {:.1} s: all {JOBS} had asked the model", first.unwrap_or_default());
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    report(&process, threads, seconds)
}

fn report(process: &Process, threads: u64, seconds: f64) -> anyhow::Result<()> {
    println!("its own histograms so far, milliseconds:\n{}", process.histograms().join("\n"));
    println!("CPU of the process: {:.1} s", process.cpu_seconds()?);
    println!("reviews={JOBS} rss_mb={} threads={threads} seconds={seconds:.1}", process.status("VmHWM")? / 1024);
    Ok(())
}

/// What `eco-coder serve` is, with a model.
async fn serve(config: &Path) -> anyhow::Result<()> {
    let settings = Settings::load(Some(config), Settings::process_environment())?;
    let worker = WorkerConfig::from_settings(&settings)?;
    telemetry::init(&worker.telemetry, "eco-coder")?;
    metrics::install();
    let env: SharedEnv = Arc::new(SystemEnv);
    let queue = worker.queue.open(Arc::clone(&env)).await.context("opening the queue")?;
    let (store, transport) = (open_store(&worker.store, &env).await?, transport(&worker)?);
    let model: Option<Arc<dyn Model>> = Some(Arc::new(Slow { asked: watch::Sender::new(0) }));
    let worker = Worker::with_model(&worker, queue.clone(), store, transport, Arc::clone(&env), model).await?;
    let ingress = Ingress::bind(&IngressConfig::from_settings(&settings)?, queue, env)?;
    tokio::select! {
        () = ingress.run(std::future::pending()) => {}
        ended = worker.run(std::future::pending()) => ended?,
    }
    Ok(())
}

/// A model that answers 5 s after all have asked, so that all wait at the same time.
struct Slow {
    asked: watch::Sender<usize>,
}

#[async_trait]
impl Model for Slow {
    fn id(&self) -> &'static str {
        "slow"
    }

    fn dollars(&self, _: Usage) -> Option<f64> {
        None
    }

    async fn reply(&self, request: ModelRequest) -> Result<ModelReply, ModelError> {
        self.asked.send_modify(|asked| *asked += 1);
        let mut asked = self.asked.subscribe();
        let _ = asked.wait_for(|asked| *asked >= JOBS).await;
        tokio::time::sleep(THINKING).await;
        // Held to the end, as a client that may have to send it again holds it.
        drop(request);
        let input = json!({"report": {"verdict": "mend", "summary": "The queries in loops matter most: each costs a round trip."}});
        let end = Said::ToolUse { id: "end".into(), name: "post_github_comment".into(), input };
        Ok(ModelReply { content: vec![end], usage: Usage { input: 5000, output: 60, ..Usage::default() } })
    }
}
