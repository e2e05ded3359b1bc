//! `eco-coder demo`: ingress, queue, worker and a local forge in this process, a signed webhook in, the comment out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use eco_coder_ingress::config::IngressConfig;
use eco_coder_ingress::server::Ingress;
use eco_coder_shared::config::Settings;
use eco_coder_shared::ids::{PullNumber, RepoName};
use eco_coder_shared::queue::JobQueue;
use eco_coder_shared::shutdown;
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::report::Report;
use eco_coder_worker::service::{self, FromCi, Worker};
use eco_coder_worker::store::Store;
use eco_coder_worker::store::seal::SealKey;
use eco_coder_worker::subject::Head;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::terminal::{Progress, Style, out};
use super::{review, system_env};
use crate::forge::sample::sample;
use crate::forge::{Content, Forge, ForgeSettings, NewPull};

/// How long the comment may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  eco-coder demo                              on the sample pull request
  eco-coder demo --keep                       and leave the comment's page open for a browser
  eco-coder demo --repo . --base main --head HEAD   on your own branch
  eco-coder demo --format json")]
pub struct DemoArgs {
    /// Your own repository, instead of the sample
    #[arg(long, value_name = "PATH")]
    repo: Option<PathBuf>,
    /// Where your branch is to be merged
    #[arg(long, default_value = "main", requires = "repo")]
    base: String,
    /// What is to be merged
    #[arg(long, default_value = "HEAD", requires = "repo")]
    head: String,
    /// Go on serving, so that a browser can show the page, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// text or json
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// The pull request that is shown.
struct Shown {
    repo: RepoName,
    number: PullNumber,
}

/// Everything that runs, and what it says in the end.
struct Stage {
    forge: Forge,
    ingress: std::net::SocketAddr,
    queue: Arc<dyn JobQueue>,
    store: Arc<dyn Store>,
    config: WorkerConfig,
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

/// Runs `demo`.
pub async fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let json = args.format == "json";
    let data = tempfile::tempdir().context("a folder for the demo's data")?;
    let progress = Progress::start("starting ingress, queue, worker and a local forge", 0);
    let stage = Stage::set(data.path()).await?;
    let shown = stage.open(args)?;
    let began = Instant::now();
    let webhook = stage.forge.webhook(&shown.repo, shown.number, "opened")?;
    let url = format!("http://{}/webhooks/github", stage.ingress);
    let delivered = stage.forge.deliver(&url, &webhook).await?;
    let accepted = began.elapsed();
    anyhow::ensure!(delivered.status == 202, "the ingress answered {}: {}", delivered.status, delivered.body);
    progress.say("webhook accepted; reviewing");
    let comment = stage.comment(&shown).await?;
    let posted = began.elapsed();
    progress.finish();
    let page = format!("{}#issuecomment-{}", stage.forge.pull_url(&shown.repo, shown.number), comment.id);
    if json {
        let report = stage.report(&shown).await?;
        let timings = json!({
            "started": millis(began - started),
            "webhook_accepted": millis(accepted),
            "comment_posted": millis(posted),
        });
        let out = json!({
            "comment_url": page,
            "comment_markdown": comment.body,
            "findings": report.findings(),
            "timings_ms": timings,
        });
        out!("{}", serde_json::to_string_pretty(&out)?);
    } else {
        let style = Style::of_stdout();
        out!(
            "{}\n",
            style.dim(&format!(
                "{}#{}: webhook accepted in {:.0} ms, comment posted in {:.0} ms",
                shown.repo,
                shown.number,
                millis(accepted),
                millis(posted)
            ))
        );
        out!("{}", without_marker(&comment.body));
    }
    if args.keep {
        eprintln!("\nThe comment's page: {page}\nCtrl-C ends the demo.");
        shutdown::signal().await;
    }
    stage.end().await?;
    Ok(ExitCode::SUCCESS)
}

fn millis(length: Duration) -> f64 {
    (length.as_secs_f64() * 1e4).round() / 10.0
}

/// The marker is for us; GitHub hides it, a terminal would not.
fn without_marker(body: &str) -> &str {
    match body.split_once("-->") {
        Some((start, rest)) if start.starts_with("<!--") => rest.trim_start(),
        _ => body,
    }
}

impl Stage {
    async fn set(data: &Path) -> anyhow::Result<Self> {
        let env = system_env();
        let secret = || SecretString::from(env.random_id());
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port on loopback for the forge")?;
        let base = format!("http://{}", listener.local_addr()?);
        let forge = Forge::new(ForgeSettings::new(base.clone(), secret(), secret()));
        let settings = settings(data, &base, &forge)?;
        let config = WorkerConfig::from_settings(&settings)?;
        let queue = config.queue.open(Arc::clone(&env)).await?;
        let store = service::open_store(&config.store, &env).await?;
        let transport = service::transport(&config)?;
        let worker = Worker::bind(&config, queue.clone(), store.clone(), transport, Arc::clone(&env)).await?;
        let ingress = Ingress::bind(&IngressConfig::from_settings(&settings)?, queue.clone(), env)?;
        let (stop, stopped) = watch::channel(false);
        let ended = |mut stopped: watch::Receiver<bool>| async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let address = ingress.addr();
        let serving = forge.clone().serve(listener, ended(stopped.clone()));
        let (taking, working) = (ingress.run(ended(stopped.clone())), worker.run(ended(stopped)));
        let tasks = vec![
            tokio::spawn(async move { Ok(serving.await?) }),
            tokio::spawn(async move {
                taking.await;
                Ok(())
            }),
            tokio::spawn(async move { Ok(working.await?) }),
        ];
        Ok(Self { forge, ingress: address, queue, store, config, stop, tasks })
    }

    fn open(&self, args: &DemoArgs) -> anyhow::Result<Shown> {
        if let Some(path) = &args.repo {
            let repo = review::repo_name(path)?;
            self.forge.add_repository(&repo, Content::git(path));
            let pull = NewPull { base: args.base.clone(), ..NewPull::new("Your branch", args.head.as_str()) };
            let number = self.forge.open_pull(&repo, pull)?;
            return Ok(Shown { repo, number });
        }
        let sample = sample();
        let repo: RepoName = sample.repo.parse()?;
        self.forge.add_repository(&repo, Content::memory(sample.base));
        let head = self.forge.commit(&repo, sample.branch, sample.head, sample.title)?;
        let pull = NewPull {
            body: sample.body.to_owned(),
            author: sample.author.to_owned(),
            ..NewPull::new(sample.title, sample.branch)
        };
        let number = self.forge.open_pull(&repo, pull)?;
        let profiles = self.config.profiles_place.dir().context("the sample's profile is a file")?;
        let dir = profiles.join(repo.as_str()).join(head.as_str());
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join("profile.folded"), sample.profile)?;
        Ok(Shown { repo, number })
    }

    /// Waits for the comment, or for the reason why there is none.
    async fn comment(&self, shown: &Shown) -> anyhow::Result<crate::forge::Comment> {
        let stands = self.forge.wait_for(|forge| forge.comments(&shown.repo, shown.number).first().cloned());
        let failed = async {
            loop {
                tokio::time::sleep(Duration::from_millis(250)).await;
                if let Ok(letters) = self.queue.dead_letters(1).await
                    && let Some(letter) = letters.into_iter().next()
                {
                    return letter;
                }
            }
        };
        tokio::select! {
            comment = stands => Ok(comment),
            letter = failed => anyhow::bail!(
                "the review was given up: {}{}",
                letter.reason,
                letter.last_error.map(|e| format!(" (last error: {e})")).unwrap_or_default()
            ),
            () = tokio::time::sleep(PATIENCE) => anyhow::bail!("there was no comment within {PATIENCE:?}; run it again with LOG_LEVEL=debug"),
        }
    }

    /// The report behind the comment, known by its commit.
    async fn report(&self, shown: &Shown) -> anyhow::Result<Report> {
        let env = system_env();
        let github = service::github(&self.config, service::transport(&self.config)?, Arc::clone(&env));
        let seal = SealKey::new(&self.config.session_key.read(&*env)?);
        let from_ci = FromCi::configured(&self.config, &env)?;
        let inspector = service::inspector(&self.config, &github, self.store.clone(), seal, env, from_ci)?;
        let head = Head::read(&github, github.pull(&shown.repo, shown.number).await?).await?;
        Ok(inspector.inspect(&head, None, None).await?.report)
    }

    async fn end(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await??;
        }
        Ok(())
    }
}

/// One machine's defaults, on free ports of loopback, in a folder that goes with the demo.
fn settings(data: &Path, base: &str, forge: &Forge) -> anyhow::Result<Settings> {
    let environment = [
        ("ECO_CODER_GITHUB_TOKEN".to_owned(), forge.settings().token.expose_secret().to_owned()),
        ("ECO_CODER_WEBHOOK_SECRET".to_owned(), forge.settings().webhook_secret.expose_secret().to_owned()),
    ];
    let mut settings = Settings::parse("", environment)?;
    settings.set("data_dir", data.to_string_lossy().into_owned());
    settings.set("ingress.listen", "127.0.0.1:0");
    settings.set("ingress.operator_listen", "127.0.0.1:0");
    settings.set("worker.operator_listen", "127.0.0.1:0");
    settings.set("github.api_url", base);
    settings.set("github.write_interval_ms", 0);
    // Whatever happens here is told.
    settings.set("reconcile.every_seconds", 0);
    settings.set("profiles.folded_sample_ms", sample().sample_ms);
    settings.set("carbon.region", "eu-west-1");
    Ok(settings)
}
