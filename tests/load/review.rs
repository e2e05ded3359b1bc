//! From webhook to comment: drives an `eco-coder serve` of its own against a forge on loopback, first with one review
//! after another, then with 50 at once. Run by review.sh, which says what is measured.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;

mod stage;

use stage::{Shown, Stage};

/// Of one pull request: 30 files of six languages, 50 new lines each.
const FILES: usize = 30;
const LINES: usize = 50;
/// One after another.
const ALONE: usize = 60;
/// Under way at once, and how many in all.
const AT_ONCE: usize = 50;
const LOADED: usize = 400;
/// Between two looks for comments, with many under way.
const LOOK: Duration = Duration::from_millis(20);
/// Until the process has told what its histograms counted.
const TELLS: Duration = Duration::from_secs(12);
/// The longest that a part may take.
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = PathBuf::from(std::env::args().nth(1).context("usage: load-review PATH-OF-ECO-CODER")?);
    let dir = tempfile::tempdir()?;
    let stage = Stage::new().await?;
    stage.configure(dir.path(), &format!("jobs = {AT_ONCE}"))?;
    let (process, url) = stage.start(&program, &["serve"], dir.path())?;

    let mut took = Vec::new();
    let cpu = process.cpu_seconds()?;
    for seed in 0..ALONE {
        let shown = stage.open(seed, FILES, LINES).await?;
        stage.deliver(&url, &shown).await?;
        let accepted = Instant::now();
        until_posted(&stage, &shown).await?;
        took.push(accepted.elapsed());
    }
    let cpu = (process.cpu_seconds()? - cpu) * 1e3 / ALONE as f64;
    let first = millis(took[0]);
    took.sort();
    let p95 = millis(percentile(&took, 95));
    println!("alone: {ALONE} reviews of {FILES} files and {} changed lines, one after another", FILES * LINES);
    println!(
        "  accepted to posted: p50 {:.1} ms, p95 {p95:.1} ms, max {:.1} ms, the first {first:.1} ms",
        millis(percentile(&took, 50)),
        millis(took[ALONE - 1])
    );
    println!("  CPU of the process: {cpu:.1} ms a review; its peak so far: {} MB", process.status("VmHWM")? / 1024);

    tokio::time::sleep(TELLS).await;
    println!("its own histograms so far, milliseconds:\n{}", process.histograms().join("\n"));

    let mut waiting = Vec::new();
    for seed in 0..LOADED {
        waiting.push(stage.open(ALONE + seed, FILES, LINES).await?);
    }
    stage.forge.clear_requests();
    let cpu = process.cpu_seconds()?;
    let began = Instant::now();
    // They come faster than they are reviewed: the worker soon has as many as it takes.
    for shown in &waiting {
        stage.deliver(&url, shown).await?;
    }
    let accepted = began.elapsed();
    let mut posted = Vec::new();
    while !waiting.is_empty() {
        anyhow::ensure!(began.elapsed() < PATIENCE, "{} comments do not come; see the log above", waiting.len());
        // Looking at every change would cost the machine more than the reviews do.
        tokio::time::sleep(LOOK).await;
        waiting.retain(|shown| !stage.is_posted(shown));
        posted.resize(LOADED - waiting.len(), began.elapsed());
    }
    let wall = began.elapsed();
    let rate = LOADED as f64 / wall.as_secs_f64();
    let cpu = (process.cpu_seconds()? - cpu) * 1e3 / LOADED as f64;
    let rss = process.status("VmHWM")? / 1024;
    println!("{AT_ONCE} at once: {LOADED} reviews, all accepted within {:.0} ms", millis(accepted));
    println!(
        "  {rate:.1} reviews/s; half were posted after {:.0} ms, all after {:.0} ms",
        millis(percentile(&posted, 50)),
        millis(wall)
    );
    println!("  CPU of the process: {cpu:.1} ms a review; peak {rss} MB, {} threads", process.status("Threads")?);
    println!("p95_ms={p95:.1} reviews_per_s={rate:.1} rss_mb={rss}");
    Ok(())
}

async fn until_posted(stage: &Stage, shown: &Shown) -> anyhow::Result<()> {
    let seen = stage.forge.wait_for(|_| stage.is_posted(shown).then_some(()));
    tokio::time::timeout(PATIENCE, seen).await.context("the comment does not come; see the log above")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// By nearest rank.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}
