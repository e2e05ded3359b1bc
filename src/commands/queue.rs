//! `eco-coder queue`: what waits, what was given up and why, and how it goes back.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use eco_coder_shared::env::{Env, SystemEnv};
use eco_coder_shared::job::{Decoded, Job};
use eco_coder_shared::queue::settings::QueueSettings;
use eco_coder_shared::queue::sqs::{MoveTask, SqsQueue};
use eco_coder_shared::queue::{DeadLetter, JobQueue, Redrive};

use super::terminal::out;
use super::{ConfigArgs, system_env};

/// Arguments of `queue`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  eco-coder queue status
  eco-coder queue dead-letters --format json
  eco-coder queue redrive 42
  eco-coder queue redrive --all")]
pub struct QueueArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: QueueCommand,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// How many messages there are, and how old the oldest is
    Status {
        /// text or json
        #[arg(long, default_value = "text", value_parser = ["text", "json"])]
        format: String,
    },
    /// The messages that were given up, newest first
    DeadLetters {
        /// text or json
        #[arg(long, default_value = "text", value_parser = ["text", "json"])]
        format: String,
        /// How many to show
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Send dead letters again: one, or all
    Redrive {
        /// The dead letter's id
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
    /// On SQS: have AWS itself move all dead letters back, for many thousands
    Move {
        #[command(subcommand)]
        command: MoveCommand,
    },
}

#[derive(Debug, Subcommand)]
enum MoveCommand {
    /// Start a task; one runs at a time
    Start {
        /// At most so many messages a second, 1 to 500
        #[arg(long, value_name = "MESSAGES")]
        per_second: Option<i32>,
    },
    /// The last tasks, newest first
    Status {
        /// text or json
        #[arg(long, default_value = "text", value_parser = ["text", "json"])]
        format: String,
    },
    /// Stop a running task; what it has moved stays moved
    Cancel {
        /// As `status` shows it
        handle: String,
    },
}

/// Runs `queue`.
pub async fn run(args: &QueueArgs) -> anyhow::Result<ExitCode> {
    let settings = QueueSettings::from_settings(&args.config.settings()?)?;
    anyhow::ensure!(
        settings.exists(),
        "there is no queue at {settings}; run this where eco-coder serves, or with its --config"
    );
    let queue = settings.open(system_env()).await.context("opening the queue")?;
    match &args.command {
        QueueCommand::Status { format } => status(&*queue, format == "json").await,
        QueueCommand::DeadLetters { format, limit } => dead_letters(&*queue, format == "json", *limit).await,
        QueueCommand::Redrive { id, all: _ } => redrive(&*queue, id.clone()).await,
        QueueCommand::Move { command } => {
            let queue = settings.open_sqs(system_env()).await;
            move_all(&queue.context("queue.kind is not \"sqs\": use queue redrive --all")?, command).await
        }
    }
}

async fn move_all(queue: &SqsQueue, command: &MoveCommand) -> anyhow::Result<ExitCode> {
    match command {
        MoveCommand::Start { per_second } => {
            let handle = queue.start_move(*per_second).await?;
            out!("started; stop it with: eco-coder queue move cancel {handle}");
        }
        MoveCommand::Status { format } => {
            let tasks = queue.moves().await?;
            if format == "json" {
                out!("{}", serde_json::to_string_pretty(&tasks)?);
            } else if tasks.is_empty() {
                out!("There was no task.");
            }
            for MoveTask { handle, status, moved, to_move, failure } in tasks.iter().filter(|_| format == "text") {
                let of = to_move.map_or_else(String::new, |all| format!(" of about {all}"));
                out!(
                    "{status}  about {moved}{of} moved  {}",
                    handle.as_deref().or(failure.as_deref()).unwrap_or_default()
                );
            }
        }
        MoveCommand::Cancel { handle } => {
            out!("cancelled; about {} messages had been moved", queue.cancel_move(handle).await?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(queue: &dyn JobQueue, json: bool) -> anyhow::Result<ExitCode> {
    let depth = queue.depth().await?;
    if json {
        out!("{}", serde_json::to_string_pretty(&depth)?);
    } else {
        let oldest = depth.oldest_age_ms.map_or_else(|| "none".to_owned(), |ms| format!("{:.1} s", ms as f64 / 1e3));
        out!("visible    {}\nin flight  {}\ndelayed    {}", depth.visible, depth.in_flight, depth.delayed);
        out!("dead       {}\noldest     {oldest}", depth.dead);
    }
    Ok(ExitCode::SUCCESS)
}

async fn dead_letters(queue: &dyn JobQueue, json: bool, limit: usize) -> anyhow::Result<ExitCode> {
    let letters = queue.dead_letters(limit).await?;
    if json {
        out!("{}", serde_json::to_string_pretty(&letters)?);
    } else if letters.is_empty() {
        out!("There are no dead letters.");
    } else {
        for letter in &letters {
            out!("{}", describe(letter));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(letter: &DeadLetter) -> String {
    let what = match Job::decode(&letter.body) {
        Decoded::Job(job) => format!("{}#{}", job.repo, job.pull),
        Decoded::UnknownVersion(version) => format!("a job of version {version}"),
        Decoded::Garbage(_) => "not a job".to_owned(),
    };
    let last = letter.last_error.as_ref().map_or_else(String::new, |e| format!("\n    last error: {e}"));
    format!("{}  {what}  {}\n    {}{last}", letter.id, letter.died_at, letter.reason)
}

async fn redrive(queue: &dyn JobQueue, id: Option<String>) -> anyhow::Result<ExitCode> {
    let which = id.map_or(Redrive::All, Redrive::One);
    let one = matches!(which, Redrive::One(_));
    let count = queue.redrive(which, renewed).await?;
    if one && count == 0 {
        out!("There is no such dead letter; it may have been redriven before.");
        return Ok(ExitCode::from(1));
    }
    out!("{count} sent again.");
    Ok(ExitCode::SUCCESS)
}

/// A redriven job is a new hint: its attempts start afresh.
fn renewed(body: &str) -> String {
    match Job::decode(body) {
        Decoded::Job(job) => {
            let (id, now) = (SystemEnv.random_id(), SystemEnv.now());
            Job { id, redriven_at: Some(now), rereads: 0, not_before: None, ..*job }.encode()
        }
        Decoded::UnknownVersion(_) | Decoded::Garbage(_) => body.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::env::Timestamp;
    use eco_coder_shared::ids::{PullNumber, RepoId};
    use eco_coder_shared::job::Cause;

    use super::*;

    #[test]
    fn a_redriven_job_is_a_new_hint_for_the_same_pull_request() {
        let job = Job {
            id: "old".into(),
            repo_id: RepoId(7),
            repo: "o/r".parse().unwrap(),
            pull: PullNumber::try_from(3).unwrap(),
            cause: Cause::Opened,
            head: None,
            updated_at: None,
            accepted_at: Timestamp(5),
            rereads: 0,
            redriven_at: None,
            nonce: None,
            not_before: None,
            delivery: None,
            traceparent: None,
        };
        let Decoded::Job(again) = Job::decode(&renewed(&job.encode())) else { panic!("not a job") };
        assert_ne!(again.id, job.id);
        assert!(again.redriven_at.is_some());
        assert_eq!(*again, Job { id: again.id.clone(), redriven_at: again.redriven_at, ..job });
        assert_eq!(renewed("odd"), "odd");
    }
}
