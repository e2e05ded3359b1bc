//! `eco-coder history`: the reviews of the last days, newest first: what they found, and what they cost. Asks nobody but the
//! store.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use eco_coder_shared::ids::RepoName;
use eco_coder_worker::config::StoreSettings;
use eco_coder_worker::service::open_store;
use eco_coder_worker::store::history::{HISTORY_DAYS, Reviewed};

use super::terminal::out;
use super::{ConfigArgs, system_env};

/// The most that are looked through for one repository's.
const MOST: usize = 1_000_000;

/// Arguments of `history`.
#[derive(Debug, Args)]
#[command(after_help = "Reviews are kept for 90 days.

Examples:
  eco-coder history --days 1
  eco-coder history --repository acme/shop --format json")]
pub struct HistoryArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// So many days back
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=i64::from(HISTORY_DAYS)))]
    days: u32,
    /// Only this repository's: OWNER/REPO
    #[arg(long)]
    repository: Option<RepoName>,
    /// How many to show
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// text or json
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// Runs `history`.
pub async fn run(args: &HistoryArgs) -> anyhow::Result<ExitCode> {
    let settings = StoreSettings::from_settings(&args.config.settings()?.fetching(&["store.session_key"]).await?)?;
    let there = settings.place.file().is_none_or(std::path::Path::exists);
    anyhow::ensure!(there, "there is no store at {}: nothing was reviewed yet", settings.place);
    let env = system_env();
    let store = open_store(&settings.place, &env).await?;
    let now = env.now();
    let from = now - Duration::from_hours(24 * u64::from(args.days));
    let most = if args.repository.is_some() { MOST } else { args.limit };
    let mut reviews = store.reviews(from, now, most).await?;
    reviews.retain(|review| is_of(review, args.repository.as_ref()));
    reviews.truncate(args.limit);
    if args.format == "json" {
        out!("{}", serde_json::to_string_pretty(&reviews)?);
        return Ok(ExitCode::SUCCESS);
    }
    for review in &reviews {
        out!("{}", row(review));
    }
    if reviews.is_empty() {
        out!("no review in the last {} days", args.days);
    }
    Ok(ExitCode::SUCCESS)
}

fn is_of(review: &Reviewed, repository: Option<&RepoName>) -> bool {
    repository.is_none_or(|name| name.as_str().eq_ignore_ascii_case(review.target.repository.as_str()))
}

/// `2026-11-24T18:00:00.000Z  acme/shop#17 at 3f2a9c1  2 findings (1 high)  12 of 14 files  4.1 s  $0.0140`
fn row(review: &Reviewed) -> String {
    let Reviewed { at, target, files_analyzed, files_changed, .. } = review;
    let counts = review.findings;
    let weights = [
        (counts.critical, "critical"),
        (counts.high, "high"),
        (counts.medium, "medium"),
        (counts.low, "low"),
        (counts.info, "info"),
    ];
    let weights: Vec<String> =
        weights.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    let weights = if weights.is_empty() { String::new() } else { format!(" ({})", weights.join(", ")) };
    let findings = match counts.all() {
        1 => "1 finding".to_owned(),
        all => format!("{all} findings"),
    };
    let dollars = review.ledger.dollars.map(|dollars| format!("  ${dollars:.4}")).unwrap_or_default();
    let incomplete = if review.incomplete { "  incomplete" } else { "" };
    format!(
        "{at}  {}#{} at {}  {findings}{weights}  {files_analyzed} of {files_changed} files  {:.1} s{dollars}{incomplete}",
        target.repository,
        target.pull_request,
        target.head_sha.short(),
        review.seconds_from_webhook,
    )
}
