//! The commands, a file each, and what they share: the settings file, the engines of one machine, exit codes.

#![expect(clippy::print_stderr, reason = "a command's last words")]

pub mod backup;
pub mod bench;
pub mod carbon;
pub mod demo;
pub mod doctor;
pub mod history;
pub mod local;
pub mod profile;
pub mod queue;
pub mod reconcile;
pub mod report;
pub mod review;
pub mod rules;
pub mod sarif;
pub mod scan;
pub mod serve;
pub mod smoke;
pub mod terminal;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::{SharedEnv, SystemEnv};
use eco_coder_worker::service::Source;

/// Reviews pull requests for code quality, performance and environmental impact.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  eco-coder demo                          the whole product on this machine, on a sample pull request
  eco-coder review --base main            review your branch before you push it
  eco-coder scan src                      every line of every file below src
  eco-coder serve --config eco-coder.toml the real thing, for one machine
  eco-coder doctor --config eco-coder.toml   what is missing, and how to mend it";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole product at work, on this machine alone
    Demo(demo::DemoArgs),
    /// Review a branch of a local git repository, without GitHub
    Review(review::ReviewArgs),
    /// Analyse whole files and folders
    Scan(scan::ScanArgs),
    /// Calculate energy and CO2e of CPU time and memory that you state
    Carbon(Box<carbon::CarbonArgs>),
    /// Compare benchmark results of two versions
    Bench(bench::BenchArgs),
    /// Show where a profile's time and memory go, or compare two
    Profile(profile::ProfileArgs),
    /// Ingress and worker in one process, for one machine
    Serve(ConfigArgs),
    /// Take webhooks and queue jobs
    Ingress(ConfigArgs),
    /// Take jobs and review
    Worker(WorkerArgs),
    /// Look at the queue, and redrive dead letters
    Queue(queue::QueueArgs),
    /// Look for missed webhooks, pull requests and comments, and have them made good
    Reconcile(reconcile::ReconcileArgs),
    /// Read reports that could not be posted
    Report(report::ReportArgs),
    /// List the reviews of the last days, with what they found and cost
    History(history::HistoryArgs),
    /// List what the analyser knows
    Rules(rules::RulesArgs),
    /// Check settings, credentials and storage, and say what to mend
    Doctor(doctor::DoctorArgs),
    /// Write queue and store, as they are now, into one file
    Backup(backup::BackupArgs),
    /// Ask a deployment whether it answers webhooks as it must
    Smoke(smoke::SmokeArgs),
}

/// Where the settings are.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// The settings file; without it, defaults and the environment
    #[arg(long, env = "ECO_CODER_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
}

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Take invocations of AgentCore Runtime (worker.agentcore_listen) in place of jobs from the queue
    #[arg(long)]
    agentcore: bool,
}

impl ConfigArgs {
    /// File and environment.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        Ok(Settings::load(self.config.as_deref(), Settings::process_environment())?)
    }
}

/// The machine's clock and dice.
pub fn system_env() -> SharedEnv {
    Arc::new(SystemEnv)
}

/// Runs a command; errors go to standard error, with their causes.
pub fn run(cli: &Cli) -> ExitCode {
    let outcome = match &cli.command {
        Command::Scan(args) => scan::run(args),
        Command::Carbon(args) => done(carbon::run(args)),
        Command::Bench(args) => bench::run(args),
        Command::Rules(args) => rules::run(args),
        Command::Profile(args) => done(profile::run(args)),
        Command::Demo(args) => block_on(demo::run(args)),
        Command::Review(args) => block_on(review::run(args)),
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Ingress(args) => block_on(async { done(eco_coder_ingress::serve(&args.settings()?).await) }),
        Command::Worker(args) => {
            let source = if args.agentcore { Source::AgentCore } else { Source::Queue };
            block_on(async { done(eco_coder_worker::service::serve(&args.config.settings()?, source).await) })
        }
        Command::Queue(args) => block_on(queue::run(args)),
        Command::Reconcile(args) => block_on(reconcile::run(args)),
        Command::Report(args) => block_on(report::run(args)),
        Command::History(args) => block_on(history::run(args)),
        Command::Doctor(args) => block_on(doctor::run(args)),
        Command::Backup(args) => block_on(async { done(backup::run(args).await) }),
        Command::Smoke(args) => block_on(smoke::run(args)),
    };
    outcome.unwrap_or_else(|error| {
        let is_pipe = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
        if error.downcast_ref::<std::io::Error>().is_some_and(is_pipe) {
            return ExitCode::SUCCESS; // whoever read our output has read enough
        }
        eprintln!("eco-coder: {error:#}");
        ExitCode::from(2)
    })
}

fn done(outcome: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    outcome.map(|()| ExitCode::SUCCESS)
}

fn block_on(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime can't be started")?;
    runtime.block_on(work)
}
