//! `eco-coder doctor`: checks what `serve` needs, and says what to mend. Changes nothing but what serving would make.

use std::process::ExitCode;
use std::sync::Arc;

use eco_coder_ingress::config::IngressConfig;
use eco_coder_shared::config::Settings;
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::service::{github, transport};
use eco_coder_worker::store::Store;
use eco_coder_worker::store::sqlite::SqliteStore;

use super::terminal::{Style, line};
use super::{ConfigArgs, system_env};

/// What one check found.
type Check = Result<String, String>;

/// Runs `doctor`.
pub async fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
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
    match args.settings() {
        Err(e) => tell("settings", Err(format!("{e:#}")))?,
        Ok(settings) => {
            tell(
                "settings",
                Ok(args.config.as_ref().map_or("defaults and environment".into(), |p| p.display().to_string())),
            )?;
            for (what, check) in ingress(&settings).await {
                tell(what, check)?;
            }
            for (what, check) in worker(&settings).await {
                tell(what, check)?;
            }
        }
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn ingress(settings: &Settings) -> Vec<(&'static str, Check)> {
    match IngressConfig::from_settings(settings) {
        Err(e) => vec![("ingress", Err(e.to_string()))],
        Ok(config) => vec![
            ("ingress", Ok("its settings and webhook secrets are there".to_owned())),
            ("ingress.listen", can_listen(&config.listen.to_string()).await),
            ("ingress.operator_listen", can_listen(&config.operator_listen.to_string()).await),
        ],
    }
}

async fn worker(settings: &Settings) -> Vec<(&'static str, Check)> {
    let config = match WorkerConfig::from_settings(settings) {
        Err(e) => return vec![("worker", Err(e.to_string()))],
        Ok(config) => config,
    };
    let env = system_env();
    let key = config.session_key.read(&*env).map(|_| "the key of sealed values is there".to_owned());
    vec![
        ("worker", Ok("its settings are there".to_owned())),
        ("worker.operator_listen", can_listen(&config.worker.operator_listen).await),
        ("store.session_key", key.map_err(|e| e.to_string())),
        ("queue", queue(&config).await),
        ("store", store(&config).await),
        ("profiles", Ok(profiles(&config))),
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
    let queue = config.queue.open(system_env()).map_err(|e| e.to_string())?;
    queue.check().await.map_err(|e| e.to_string())?;
    let depth = queue.depth().await.map_err(|e| e.to_string())?;
    let waiting = depth.visible + depth.in_flight + depth.delayed;
    if depth.dead > 0 {
        return Err(format!(
            "{waiting} messages wait, {} are given up; see why with: eco-coder queue dead-letters",
            depth.dead
        ));
    }
    Ok(format!("{}, {waiting} messages wait", config.queue))
}

async fn store(config: &WorkerConfig) -> Check {
    let store = SqliteStore::open(&config.store).map_err(|e| e.to_string())?;
    store.check().await.map_err(|e| e.to_string())?;
    Ok(config.store.display().to_string())
}

fn profiles(config: &WorkerConfig) -> String {
    if config.profiles_dir.is_dir() {
        format!("looked for in {}", config.profiles_dir.display())
    } else {
        format!("none yet: {} is not there, so reports have no measurement", config.profiles_dir.display())
    }
}

async fn token(config: &WorkerConfig) -> Check {
    let transport = transport(config).map_err(|e| format!("{e:#}"))?;
    let viewer = github(config, transport, Arc::clone(&system_env())).viewer().await.map_err(|e| e.to_string())?;
    Ok(format!("signed in at {} as {}", config.github.api_url, viewer.login))
}
