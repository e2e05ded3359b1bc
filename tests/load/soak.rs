//! Half of what it can do, for long: drives an ingress and a worker of its own against a forge on loopback, and looks at
//! their memory, files, threads and queue all the while. Run by soak.sh, which says what is measured.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

mod pair;
mod stage;

use pair::{FILES, LINES, PATIENCE, Pair, Sample, percentile, send, until_posted};
use stage::{Shown, Stage};

/// Seconds between two pushes to one pull request: far more than its cool-down.
const EVERY: f64 = 40.0;
/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);
/// Growth of memory over the second half that says nothing, megabytes for both processes together: pages that the
/// allocator and SQLite's cache keep move by as much.
const NOISE_MB: f64 = 6.0;
/// Files that may be open more or less on average, of sixty to ninety.
const NOISE_FILES: f64 = 4.0;
const NAMES: [&str; 2] = ["ingress", "worker"];

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (program, minutes) = pair::arguments("usage: load-soak PATH-OF-ECO-CODER MINUTES")?;
    let dir = tempfile::tempdir()?;
    let stage = Arc::new(Stage::new().await?);
    let pair = Pair::start(&stage, &program, dir.path())?;
    let capacity = pair.capacity(&stage, 0).await?;
    let rate = capacity / 2.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let count = (rate * EVERY).ceil().max(50.0) as usize;
    println!(
        "capacity: {capacity:.1} reviews/s; {minutes} minutes at {rate:.1} webhooks/s, pushes to {count} pull requests"
    );

    let mut pulls = Vec::new();
    for n in 0..count {
        pulls.push(stage.open(100_000 + n, FILES, LINES).await?);
    }
    let load = Load { stage: Arc::clone(&stage), url: pair.url.clone(), rate };
    let length = Duration::from_secs_f64(minutes * 60.0);
    let driving = tokio::spawn(async move { load.drive(pulls, length).await });
    let samples = watch(&pair, &stage, length).await?;
    let driven = driving.await??;

    // A short run doesn't get round to all of them.
    let heads: Vec<&Shown> = driven.pulls.iter().take(driven.took.len()).collect();
    let caught_up = until_posted(&stage, heads, PATIENCE).await;
    let depth = pair.depth().await?;
    let lost = caught_up.as_ref().map_or_else(ToString::to_string, |_| "none".to_owned());
    println!("comments that don't show their head at the end: {lost}; dead letters: {}", depth.dead);
    for (status, count) in &driven.answers {
        println!("answered {status}: {count}");
    }
    let mut took = driven.took;
    took.sort();
    println!("webhooks answered: p50 {:.1} ms, p99 {:.1} ms", percentile(&took, 50.0), percentile(&took, 99.0));

    let refused: usize = driven.answers.iter().filter(|(status, _)| **status != 202).map(|(_, count)| count).sum();
    let errors = pair.errors() + refused as u64 + depth.dead + u64::from(caught_up.is_err());
    let (mut growth, mut files) = (0.0, 0.0);
    for (at, name) in NAMES.iter().enumerate() {
        let of: Vec<(f64, Sample)> = samples.iter().map(|(second, all)| (*second, all[at])).collect();
        let (its, its_files) = (grown(&of), files_grown(&of));
        println!("{name}: memory {its:+.1} MB over the second half, open files {its_files:+.1}");
        growth += its;
        files += its_files;
    }
    let flat = growth <= NOISE_MB && files <= NOISE_FILES && errors == 0;
    println!(
        "soak minutes={minutes} webhooks={} rss_growth_mb={growth:.1} fd_growth={files:.1} errors={errors} verdict={}",
        took.len(),
        if flat { "flat" } else { "grows" }
    );
    Ok(if flat { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Pushes at a steady rate.
struct Load {
    stage: Arc<Stage>,
    url: String,
    rate: f64,
}

/// What came of it.
struct Driven {
    pulls: Vec<Shown>,
    /// How many had which status; 0 is none in time.
    answers: BTreeMap<u16, usize>,
    took: Vec<Duration>,
}

impl Load {
    async fn drive(self, mut pulls: Vec<Shown>, length: Duration) -> anyhow::Result<Driven> {
        let began = Instant::now();
        let mut ticks = interval(Duration::from_secs_f64(1.0 / self.rate));
        // As many as were promised, also after a moment in which this machine did something else.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut sending = JoinSet::new();
        for n in 0.. {
            ticks.tick().await;
            if began.elapsed() >= length {
                break;
            }
            let at = n % pulls.len();
            let shown = &mut pulls[at];
            self.stage.push(shown, 1_000_000 + n, FILES, LINES)?;
            let webhook = self.stage.forge.webhook(&shown.repo, shown.number, "synchronize")?;
            let (client, url) = (self.stage.client.clone(), self.url.clone());
            sending.spawn(async move {
                let sent = Instant::now();
                (send(&client, &url, webhook).await, sent.elapsed())
            });
        }
        let mut driven = Driven { pulls, answers: BTreeMap::new(), took: Vec::new() };
        for (status, took) in sending.join_all().await {
            *driven.answers.entry(status).or_default() += 1;
            driven.took.push(took);
        }
        Ok(driven)
    }
}

/// Looks at both processes until the time is over, and says a line a minute.
async fn watch(pair: &Pair, stage: &Stage, length: Duration) -> anyhow::Result<Vec<(f64, [Sample; 2])>> {
    let began = Instant::now();
    let mut samples = Vec::new();
    let mut looks = interval(LOOK);
    let mut said = 0;
    while began.elapsed() < length {
        looks.tick().await;
        let (seconds, all) = (began.elapsed().as_secs_f64(), pair.look()?);
        samples.push((seconds, all));
        // The forge remembers each call that is made to it.
        stage.forge.clear_requests();
        if began.elapsed().as_secs() / 60 >= said {
            said += 1;
            let depth = pair.depth().await?;
            let [ingress, worker] = all.map(|s| format!("{:.1} MB {} files {} threads", s.rss_mb, s.files, s.threads));
            println!(
                "{seconds:>5.0} s: ingress {ingress}; worker {worker}; queue {} waiting {} under way {} later; {} warnings",
                depth.visible,
                depth.in_flight,
                depth.delayed,
                pair.errors()
            );
        }
    }
    Ok(samples)
}

/// The slope of the memory over the second half, by least squares, times its length: megabytes.
fn grown(samples: &[(f64, Sample)]) -> f64 {
    let second = &samples[samples.len() / 2..];
    let count = second.len() as f64;
    let (mean_x, mean_y) =
        second.iter().fold((0.0, 0.0), |(x, y), (seconds, sample)| (x + seconds / count, y + sample.rss_mb / count));
    let (mut above, mut below) = (0.0, 0.0);
    for (seconds, sample) in second {
        above += (seconds - mean_x) * (sample.rss_mb - mean_y);
        below += (seconds - mean_x).powi(2);
    }
    let length = second.last().zip(second.first()).map_or(0.0, |(last, first)| last.0 - first.0);
    if below > 0.0 { above / below * length } else { 0.0 }
}

/// How many more files are open in the last third than in the first, on average, the first minute left out: connections come
/// and go by a dozen from one look to the next, and what leaks only comes.
fn files_grown(samples: &[(f64, Sample)]) -> f64 {
    let settled: Vec<f64> =
        samples.iter().filter(|(second, _)| *second > 60.0).map(|(_, sample)| sample.files as f64).collect();
    let third = settled.len() / 3;
    let mean = |some: &[f64]| some.iter().sum::<f64>() / some.len().max(1) as f64;
    mean(&settled[settled.len() - third..]) - mean(&settled[..third])
}
