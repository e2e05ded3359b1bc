//! `eco-coder report show`: a report that was made but could not be posted.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use eco_coder_shared::ids::{PullKey, PullNumber, RepoName};
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::report::{Report, markdown};
use eco_coder_worker::review::inspect::kept_place;
use eco_coder_worker::service::{github, transport};
use eco_coder_worker::store::Store;
use eco_coder_worker::store::seal::SealKey;
use eco_coder_worker::store::sqlite::SqliteStore;

use super::{ConfigArgs, system_env};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: ReportCommand,
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// Print the kept report of a pull request
    #[command(after_help = "Example:\n  eco-coder report show acme/shop#17")]
    Show {
        /// OWNER/REPO#NUMBER, or REPOSITORY-ID#NUMBER
        pull_request: String,
        /// markdown or json
        #[arg(long, default_value = "markdown", value_parser = ["markdown", "json"])]
        format: String,
    },
}

/// Runs `report`.
pub async fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let ReportCommand::Show { pull_request, format } = &args.command;
    let config = WorkerConfig::from_settings(&args.config.settings()?)?;
    anyhow::ensure!(config.store.exists(), "there is no store at {}", config.store.display());
    let env = system_env();
    let store = SqliteStore::open(&config.store).context("opening the store")?;
    let key = key(pull_request, &config).await?;
    let Some(sealed) = store.kept_report(key, env.now()).await? else {
        anyhow::bail!("no report is kept for {pull_request}: it was posted, or never made, or is over 30 days old");
    };
    let json = SealKey::new(&config.session_key.read(&*env)?).open(&kept_place(key), &sealed)?;
    let report: Report = serde_json::from_slice(&json).context("the kept report is of another version")?;
    if format == "json" {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", markdown::render(&report, &markdown::RenderOptions::default()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Rows go by the repository's number; GitHub knows it by its name.
async fn key(text: &str, config: &WorkerConfig) -> anyhow::Result<PullKey> {
    let wrong = "a pull request is named as OWNER/REPO#NUMBER";
    let (repository, number) = text.rsplit_once('#').context(wrong)?;
    let pull = PullNumber::try_from(number.parse::<u64>().context(wrong)?)?;
    if let Ok(id) = repository.parse::<u64>() {
        return Ok(PullKey { repo_id: eco_coder_shared::ids::RepoId(id), pull });
    }
    let name: RepoName = repository.parse()?;
    let github = github(config, transport(config)?, system_env());
    let answer = github.pull(&name, pull).await.context("asking GitHub for the repository's number")?;
    Ok(PullKey { repo_id: answer.base_repo_id, pull })
}
