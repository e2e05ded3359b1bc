//! `eco-coder reconcile --once`: looks for what was missed, now, and says what it did. The workers do the same by themselves
//! (`reconcile.every_seconds`); one at a time does.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::reconcile::Ran;
use eco_coder_worker::reconcile::summary::Summary;
use eco_coder_worker::service::{WORKER_SECRETS, github, open_store, reconciler, transport};

use super::terminal::out;
use super::{ConfigArgs, system_env};

/// Arguments of `reconcile`.
#[derive(Debug, Args)]
#[command(
    after_help = "It asks GitHub to deliver failed webhooks again (as an App), and puts a job into the queue for each open
pull request whose head is not reviewed and each comment that is gone; workers take these. With dry_run = true it only says what
it would do. Exit code 1 if something kept it from its end; the next run goes on there.

Examples:
  eco-coder reconcile --once --config eco-coder.toml
  ECO_CODER_DRY_RUN=true eco-coder reconcile --once --format json"
)]
pub struct ReconcileArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// One run, now
    #[arg(long, required = true)]
    once: bool,
    /// text or json
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// Runs `reconcile`.
pub async fn run(args: &ReconcileArgs) -> anyhow::Result<ExitCode> {
    let settings = args.config.settings()?.fetching(&WORKER_SECRETS).await?;
    let config = WorkerConfig::from_settings(&settings)?;
    let env = system_env();
    let queue = config.queue.open(Arc::clone(&env)).await.context("opening the queue")?;
    let store = open_store(&config.store, &env).await?;
    let github = github(&config, transport(&config)?, Arc::clone(&env));
    let named = github.is_app() || !config.policy.named().is_empty();
    let summary = match reconciler(&config, github, store, queue, env).once(true).await? {
        Ran::Done(summary) => summary,
        Ran::Elsewhere | Ran::NotDue => {
            anyhow::bail!("a worker is at it now; try again in a moment, or see its log (\"reconciled\")")
        }
    };
    if args.format == "json" {
        out!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        tell(&summary, named)?;
    }
    let is_whole = summary.stopped.is_none() && summary.skipped.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell(summary: &Summary, named: bool) -> anyhow::Result<()> {
    let Summary { repositories, pulls_changed, comments, calls_fresh, calls_unchanged, .. } = summary;
    if summary.dry_run {
        out!("dry run: nothing was sent");
    }
    out!(
        "{repositories} repositories, {pulls_changed} changed pull requests, {comments} comments looked at in {:.1} s: \
         {} requests, {calls_unchanged} of them free",
        summary.seconds,
        calls_fresh + calls_unchanged
    );
    if !named {
        out!("a token sweeps only repositories that policy.repositories names without wildcards: there is none");
    }
    for guid in &summary.redeliveries {
        out!("delivery {guid}: asked for again");
    }
    for hint in &summary.hints {
        let cause = serde_json::to_value(hint.cause)?;
        let cause = match cause.as_str().unwrap_or_default() {
            "comment_gone" => "its comment is gone",
            "late_write" => "its comment was written over by a late worker",
            _ => "its head is not reviewed",
        };
        out!("{}#{} at {}: {cause}", hint.repository, hint.pull_request, hint.head_sha.short());
    }
    for skipped in &summary.skipped {
        out!("left out: {}: {}", skipped.what, skipped.why);
    }
    if let Some(why) = &summary.stopped {
        out!("stopped: {why}");
    }
    Ok(())
}
