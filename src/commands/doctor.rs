//! `eco-coder doctor`: checks what `serve` needs, and says what to mend. Only looks: it makes and changes nothing.

mod storage;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use eco_coder_github::AppInfo;
use eco_coder_ingress::config::IngressConfig;
use eco_coder_shared::config::Settings;
use eco_coder_shared::queue::settings::QueueSettings;
use eco_coder_shared::queue::sqlite::Check as QueueCheck;
use eco_coder_shared::queue::{Depth, JobQueue};
use eco_coder_shared::sqlite::Look;
use eco_coder_worker::backends::codeguru_profiler::CodeGuruProfiler;
use eco_coder_worker::backends::codeguru_reviewer;
use eco_coder_worker::config::{ProfilesPlace, SignIn, StorePlace, WorkerConfig};
use eco_coder_worker::publish::status::StatusKind;
use eco_coder_worker::reconcile::{LastRun, note_name};
use eco_coder_worker::service::{WORKER_SECRETS, github, transport};
use eco_coder_worker::store::Store;
use eco_coder_worker::store::dynamodb::DynamoStore;
use eco_coder_worker::store::sqlite::Check as StoreCheck;

use super::terminal::{Style, line};
use super::{ConfigArgs, system_env};

/// What one check found.
type Check = Result<String, String>;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 1 if there is something to mend. It only looks, also while eco-coder serves.

Examples:
  eco-coder doctor --config eco-coder.toml
  eco-coder doctor --storage                            before and after a restore, or if a disk is in doubt
  ECO_CODER_DATA_DIR=restored eco-coder doctor --storage   a backup that was unpacked there")]
pub struct DoctorArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Check queue and store in depth: every page and index, that the tables agree, that sealed values can be opened
    /// (needs no token and no network; reads both files as a whole)
    #[arg(long)]
    storage: bool,
}

/// Runs `doctor`.
pub async fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut all_well = true;
    let style = Style::of_stdout();
    let mut tell = |what: &str, check: Check| {
        let (mark, words) = match check {
            Ok(words) => (style.good("ok     "), words),
            Err(words) => {
                all_well = false;
                (style.bold("MEND   "), words)
            }
        };
        line(format_args!("{mark} {what}: {words}"))
    };
    match args.config.settings() {
        Err(e) => tell("settings", Err(format!("{e:#}")))?,
        Ok(settings) => {
            tell(
                "settings",
                Ok(args.config.config.as_ref().map_or("defaults and environment".into(), |p| p.display().to_string())),
            )?;
            let checks = if args.storage {
                let needed = settings.clone().fetching(&["store.session_key"]).await;
                needed.map_or_else(|e| vec![("store", Err(e.to_string()))], |settings| storage::checks(&settings))
            } else {
                [ingress(&settings).await, worker(&settings).await].concat()
            };
            for (what, check) in checks {
                tell(what, check)?;
            }
        }
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn ingress(settings: &Settings) -> Vec<(&'static str, Check)> {
    let fetched = settings.clone().fetching(&["ingress.webhook_secrets"]).await;
    match fetched.and_then(|settings| IngressConfig::from_settings(&settings)) {
        Err(e) => vec![("ingress", Err(e.to_string()))],
        Ok(config) => vec![
            ("ingress", Ok("its settings and webhook secrets are there".to_owned())),
            ("ingress.listen", can_listen(&config.listen.to_string()).await),
            ("ingress.operator_listen", can_listen(&config.operator_listen.to_string()).await),
        ],
    }
}

async fn worker(settings: &Settings) -> Vec<(&'static str, Check)> {
    let fetched = settings.clone().fetching(&WORKER_SECRETS).await;
    let config = match fetched.and_then(|settings| WorkerConfig::from_settings(&settings)) {
        Err(e) => return vec![("worker", Err(e.to_string()))],
        Ok(config) => config,
    };
    let env = system_env();
    let key = config.session_key.look(&*env).map(|key| match key {
        Some(_) => "the key of sealed values is there".to_owned(),
        None => "not there yet: made at the first start".to_owned(),
    });
    vec![
        ("worker", Ok("its settings are there".to_owned())),
        ("worker.operator_listen", can_listen(&config.worker.operator_listen).await),
        ("store.session_key", key.map_err(|e| e.to_string())),
        ("queue", queue(&config).await),
        ("store", store(&config).await),
        ("analysis", analysis(&config).await),
        ("profiles", profiles(&config).await),
        ("carbon", carbon(&config).await),
        ("reconcile", reconcile(&config).await),
        ("github", token(&config).await),
    ]
}

async fn can_listen(address: &str) -> Check {
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Ok(format!("{address} is free")),
        Err(e) => {
            Err(format!("{address}: {e}; if eco-coder is serving already that is why, else choose another address"))
        }
    }
}

async fn queue(config: &WorkerConfig) -> Check {
    if let Some(sqs) = config.queue.open_sqs(system_env()).await {
        let wrong = sqs.look().await.map_err(|e| e.to_string())?;
        return if wrong.is_empty() {
            waiting(&config.queue, sqs.depth().await.map_err(|e| e.to_string())?)
        } else {
            Err(wrong.join("; "))
        };
    }
    let Some(file) = config.queue.file().filter(|file| file.exists()) else { return Ok(not_yet(&config.queue)) };
    let look = QueueCheck::look(file).and_then(writable).map_err(|e| e.to_string())?;
    let Some(depth) = QueueCheck::depth(&look, system_env().now()).map_err(|e| e.to_string())? else {
        return Ok(format!("{}, of an older version: migrated at the next start", config.queue));
    };
    waiting(&config.queue, depth)
}

fn waiting(queue: &QueueSettings, depth: Depth) -> Check {
    let waiting = depth.visible + depth.in_flight + depth.delayed;
    if depth.dead > 0 {
        return Err(format!(
            "{waiting} messages wait, {} are given up; see why with: eco-coder queue dead-letters",
            depth.dead
        ));
    }
    Ok(format!("{queue}, {waiting} messages wait"))
}

async fn store(config: &WorkerConfig) -> Check {
    match &config.store {
        StorePlace::Sqlite(path) if !path.exists() => return Ok(not_yet(&config.store)),
        StorePlace::Sqlite(path) => drop(StoreCheck::look(path).and_then(writable).map_err(|e| e.to_string())?),
        StorePlace::DynamoDb { table, aws } => {
            let store = DynamoStore::new(&aws.load().await, table.clone(), system_env());
            let wrong = store.look().await.map_err(|e| e.to_string())?;
            if !wrong.is_empty() {
                return Err(wrong.join("; "));
            }
            store.check().await.map_err(|e| e.to_string())?;
        }
    }
    Ok(config.store.to_string())
}

/// What was missed is looked for in time: the last run is not long ago.
async fn reconcile(config: &WorkerConfig) -> Check {
    let every = Duration::from_secs(config.reconcile.every_seconds);
    if every.is_zero() {
        return Ok("off (reconcile.every_seconds is 0): webhooks that are lost stay lost".to_owned());
    }
    let note = match &config.store {
        StorePlace::Sqlite(path) if !path.exists() => None,
        StorePlace::Sqlite(path) => {
            let look = StoreCheck::look(path).map_err(|e| e.to_string())?;
            StoreCheck::noted(&look, &note_name(config.dry_run)).map_err(|e| e.to_string())?
        }
        StorePlace::DynamoDb { table, aws } => {
            let env = system_env();
            let now = env.now();
            let store = DynamoStore::new(&aws.load().await, table.clone(), env);
            store.noted(&note_name(config.dry_run), now).await.map_err(|e| e.to_string())?
        }
    };
    let Some(last) = note.as_deref().and_then(LastRun::read) else {
        return Ok(format!("not run yet; the workers do every {} s", every.as_secs()));
    };
    let what = format!(
        "last run at {}: {} repositories, {} missed pull requests or comments, {} deliveries asked for again",
        last.started, last.repositories, last.hinted, last.redelivered
    );
    let ago = last.started.until(system_env().now());
    match last.stopped {
        // Workers may be down, or not be able to run it.
        _ if ago > every * 4 => Err(format!("{what}; that is long ago: are workers running? see their log")),
        Some(why) => Ok(format!("{what}; it stopped: {why}")),
        None if last.skipped > 0 => Ok(format!("{what}; {} left out, see eco-coder reconcile --once", last.skipped)),
        None => Ok(what),
    }
}

fn not_yet(file: &dyn std::fmt::Display) -> String {
    format!("{file} is not there yet: made at the first start")
}

fn writable(look: Look) -> Result<Look, eco_coder_shared::sqlite::SqliteError> {
    look.can_be_written().map(|()| look)
}

async fn analysis(config: &WorkerConfig) -> Check {
    let Some((settings, aws)) = config.codeguru.clone() else { return Ok("the embedded analyser".to_owned()) };
    let count = settings.associations.len();
    let wrong = codeguru_reviewer::wrong(&settings, aws, system_env()).await;
    if wrong.is_empty() {
        Ok(format!("CodeGuru Reviewer, {count} associated repositories"))
    } else {
        Err(wrong.join("; "))
    }
}

/// What can't be had is the embedded table's, so this is no reason not to start.
async fn carbon(config: &WorkerConfig) -> Check {
    match config.grid(system_env()).look().await {
        Some(looked) => looked,
        None => Ok("carbon intensity from the settings or the embedded table".to_owned()),
    }
}

async fn profiles(config: &WorkerConfig) -> Check {
    match &config.profiles_place {
        ProfilesPlace::Dir(dir) if dir.is_dir() => Ok(format!("looked for in {}", dir.display())),
        ProfilesPlace::Dir(dir) => {
            Ok(format!("none yet: {} is not there, so reports have no measurement", dir.display()))
        }
        ProfilesPlace::CodeGuru { group, aws, .. } => CodeGuruProfiler::check(group, aws).await,
    }
}

async fn token(config: &WorkerConfig) -> Check {
    let transport = transport(config).map_err(|e| format!("{e:#}"))?;
    let github = github(config, transport, Arc::clone(&system_env()));
    let at = &config.github.api_url;
    match config.sign_in {
        SignIn::Token { .. } => {
            let viewer = github.viewer().await.map_err(|e| e.to_string())?;
            Ok(format!("signed in at {at} as {}", viewer.login))
        }
        SignIn::App { .. } => {
            let app = github.app().await.map_err(|e| e.to_string())?;
            app_is_able(&app, config.status)?;
            let installed = app.installations_count.map(|count| format!(", {count} installations")).unwrap_or_default();
            Ok(format!("signed in at {at} as the App {} ({}){installed}", app.name, app.slug))
        }
    }
}

/// What the App lacks, if it lacks anything.
fn app_is_able(app: &AppInfo, status: StatusKind) -> Result<(), String> {
    let has = |name: &str, least: &[&str]| app.permissions.get(name).is_some_and(|has| least.contains(&has.as_str()));
    let mut lacks = Vec::new();
    let said_by = match status {
        StatusKind::Auto => Some(("checks", &["write"][..], "Checks: read and write")),
        StatusKind::Commit => Some(("statuses", &["write"][..], "Commit statuses: read and write")),
        StatusKind::Off => None,
    };
    let always = [
        ("contents", &["read", "write"][..], "Contents: read"),
        ("pull_requests", &["write"], "Pull requests: read and write"),
    ];
    for (name, least, words) in always.into_iter().chain(said_by) {
        if !has(name, least) {
            lacks.push(words);
        }
    }
    let is_told = |name: &str| app.events.iter().any(|event| event == name);
    if !is_told("pull_request") {
        lacks.push("the event Pull request");
    }
    // Without it nobody hears of the button.
    if status == StatusKind::Auto && !is_told("check_run") {
        lacks.push("the event Check run");
    }
    if lacks.is_empty() {
        Ok(())
    } else {
        Err(format!("the App lacks {}; add it in the App's settings on GitHub", lacks.join(", ")))
    }
}
