//! `eco-coder report show`: a report that was made but could not be posted. Asks nobody but the store.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use eco_coder_shared::ids::{PullNumber, RepoName};
use eco_coder_worker::config::StoreSettings;
use eco_coder_worker::report::{Report, markdown};
use eco_coder_worker::review::inspect::kept_place;
use eco_coder_worker::service::open_store;
use eco_coder_worker::store::seal::SealKey;

use super::terminal::out;
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
        /// OWNER/REPO#NUMBER
        #[arg(value_parser = parse_name)]
        pull_request: Named,
        /// markdown or json
        #[arg(long, default_value = "markdown", value_parser = ["markdown", "json"])]
        format: String,
    },
}

/// A pull request as people name it.
#[derive(Debug, Clone)]
struct Named {
    repo: RepoName,
    pull: PullNumber,
}

fn parse_name(text: &str) -> Result<Named, String> {
    let wrong = || "a pull request is named as OWNER/REPO#NUMBER".to_owned();
    let (repo, number) = text.rsplit_once('#').ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    Ok(Named { repo: repo.parse().map_err(|_| wrong())?, pull: PullNumber::try_from(number).map_err(|_| wrong())? })
}

/// Runs `report`.
pub async fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let ReportCommand::Show { pull_request: Named { repo, pull }, format } = &args.command;
    let settings = StoreSettings::from_settings(&args.config.settings()?.fetching(&["store.session_key"]).await?)?;
    let there = settings.place.file().is_none_or(std::path::Path::exists);
    anyhow::ensure!(there, "there is no store at {}", settings.place);
    let env = system_env();
    let store = open_store(&settings.place, &env).await?;
    let Some((key, sealed)) = store.kept_report(repo, *pull, env.now()).await? else {
        anyhow::bail!("no report is kept for {repo}#{pull}: it was posted, or never made, or is over 30 days old");
    };
    let json = SealKey::new(&settings.session_key.read(&*env)?).open(&kept_place(key), &sealed)?;
    let report: Report = serde_json::from_slice(&json).context("the kept report is of another version")?;
    if format == "json" {
        out!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        out!("{}", markdown::render(&report, &markdown::RenderOptions::default()));
    }
    Ok(ExitCode::SUCCESS)
}
