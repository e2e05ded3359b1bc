//! `eco-coder review`: what a pull request from this branch would be told, before it is one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use eco_coder_analyzer::Severity;
use eco_coder_shared::ids::RepoName;
use eco_coder_worker::backends::linters::{self, Linters};
use eco_coder_worker::backends::profile_files::{Place, ProfileFiles};
use eco_coder_worker::backends::profiles::Profiles;
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::report::{Report, Section, markdown};
use eco_coder_worker::results::CodeAnalysis;
use eco_coder_worker::service::FromCi;

use super::terminal::{Progress, out};
use super::{ConfigArgs, local, sarif, system_env};
use crate::forge::Content;

/// Arguments of `review`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  eco-coder review                                what your branch changes against main
  eco-coder review --base v1.2.0 --head v1.3.0
  eco-coder review --profile cpu.pprof            with a measurement
  eco-coder review --profile head.pprof --base-profile base.pprof --flame-graph difference.svg
  eco-coder review --sarif ruff.sarif             with what a linter found
  eco-coder review --fail-on high --format json   for CI
  eco-coder review --format sarif > eco-coder.sarif   for GitHub code scanning

Only commits are reviewed: what is not committed is not seen.
Exit code: 0 done, 1 a finding of --fail-on or above, 2 the review could not be made.")]
pub struct ReviewArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The repository's working copy
    #[arg(long, default_value = ".")]
    repo: PathBuf,
    /// Where the branch is to be merged
    #[arg(long, default_value = "main")]
    base: String,
    /// What is to be merged
    #[arg(long, default_value = "HEAD")]
    head: String,
    /// markdown, json or sarif
    #[arg(long, default_value = "markdown", value_parser = ["markdown", "json", "sarif"])]
    format: String,
    /// Files analysed at once; without it, as many as the settings say
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// A CPU profile of the head, in any of the formats of `eco-coder profile`
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// One of the base, shown beside it
    #[arg(long, value_name = "FILE", requires = "profile")]
    base_profile: Option<PathBuf>,
    /// Where to write the profile's flame graph (SVG), of base against head if both are given
    #[arg(long, value_name = "FILE", requires = "profile")]
    flame_graph: Option<PathBuf>,
    /// What a linter found at the head, as SARIF 2.1.0; can be given several times
    #[arg(long, value_name = "FILE")]
    sarif: Vec<PathBuf>,
    /// Exit with 1 if there is a finding of this severity or above
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
}

/// Runs `review`.
pub async fn run(args: &ReviewArgs) -> anyhow::Result<ExitCode> {
    let mut config = local::settings(args.config.config.as_deref())?;
    if let Some(jobs) = args.jobs {
        config.worker.cpu_threads = jobs.into();
    }
    let from_ci = from_ci(args, &config)?;
    let name = repo_name(&args.repo)?;
    let progress = Progress::start("reviewing", 0);
    let content = Content::git(&args.repo);
    let base = base_of(&content, &args.base);
    if content.resolve(&base).is_ok_and(|sha| content.resolve(&args.head).is_ok_and(|head| head == sha)) {
        eprintln!("eco-coder: {base} and {} are the same commit: there is nothing to review", args.head);
    }
    let report = local::report(&config, &name, content, (&base, &args.head), from_ci).await;
    progress.finish();
    let report = report.with_context(|| {
        format!(
            "{} can't be reviewed (it must be a git repository that has {} and {}; a shallow clone in CI needs its history: \
             fetch-depth: 0)",
            args.repo.display(),
            args.base,
            args.head
        )
    })?;
    if let Some(path) = &args.flame_graph {
        draw(args, &config, &report, path).await?;
    }
    if report.quality.present().is_some_and(CodeAnalysis::is_partial) {
        eprintln!("eco-coder: the analysis is incomplete; the report says what is missing");
    }
    match args.format.as_str() {
        "json" => out!("{}", serde_json::to_string_pretty(&report)?),
        "sarif" => out!("{}", serde_json::to_string_pretty(&sarif::log(&report.findings()))?),
        _ => out!("{}", markdown::render(&report, &markdown::RenderOptions::default())),
    }
    if matches!(report.quality, Section::Failed { .. }) {
        return Ok(ExitCode::from(2));
    }
    let failed = args.fail_on.is_some_and(|least| report.findings().iter().any(|f| f.severity >= least));
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What the user has of the head, and what the settings say of the rest.
fn from_ci(args: &ReviewArgs, config: &WorkerConfig) -> anyhow::Result<FromCi> {
    let mut from_ci = FromCi::configured(config, &system_env())?;
    if let Some(profiles) = profiles(args, config)? {
        from_ci.profiles = Profiles::Files(profiles);
    }
    if let Some(missing) = args.sarif.iter().find(|path| !path.is_file()) {
        anyhow::bail!("there is no SARIF file at {}", missing.display());
    }
    if !args.sarif.is_empty() {
        from_ci.linters = Linters::new(linters::Place::Files(args.sarif.clone()))?;
    }
    Ok(from_ci)
}

/// Those that are named, if any is.
fn profiles(args: &ReviewArgs, config: &WorkerConfig) -> anyhow::Result<Option<ProfileFiles>> {
    let Some(head) = &args.profile else { return Ok(None) };
    for path in [Some(head), args.base_profile.as_ref()].into_iter().flatten() {
        anyhow::ensure!(path.is_file(), "there is no profile at {}", path.display());
    }
    let place = Place::Files { head: head.clone(), base: args.base_profile.clone() };
    Ok(Some(ProfileFiles::new(place, config.profiles.folded_sample_ms)?))
}

async fn draw(args: &ReviewArgs, config: &WorkerConfig, report: &Report, path: &Path) -> anyhow::Result<()> {
    let Some(profiles) = profiles(args, config)? else { return Ok(()) };
    let drawn = profiles.flame_graph(&report.target).await.context("the flame graph can't be drawn")?;
    let svg = drawn.context("there is no profile to draw")?;
    std::fs::write(path, svg).with_context(|| format!("the flame graph can't be written to {}", path.display()))
}

/// The base as it is named here: a checkout in CI has `origin/main`, and often no `main`.
fn base_of(content: &Content, base: &str) -> String {
    let remote = format!("origin/{base}");
    if content.resolve(base).is_err() && content.resolve(&remote).is_ok() { remote } else { base.to_owned() }
}

/// A name for the local repository: its folder's.
pub fn repo_name(path: &Path) -> anyhow::Result<RepoName> {
    let folder = path.canonicalize().with_context(|| format!("there is no folder {}", path.display()))?;
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let legal: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .take(100)
        .collect();
    Ok(format!("local/{legal}").parse().or_else(|_| "local/repository".parse())?)
}
