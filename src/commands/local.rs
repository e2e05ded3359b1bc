//! A review of a local git working copy: the same code as a worker's, over the local forge, without a socket.

use std::sync::Arc;

use anyhow::Context;
use eco_coder_shared::config::Settings;
use eco_coder_shared::ids::RepoName;
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::report::Report;
use eco_coder_worker::service::{self, FromCi};
use eco_coder_worker::store::seal::SealKey;
use eco_coder_worker::store::sqlite::SqliteStore;
use eco_coder_worker::subject::Head;
use secrecy::SecretString;

use super::system_env;
use crate::forge::{Content, Forge, ForgeSettings, InProcess, NewPull};

/// Stands for a token where nobody checks one against the world.
const TOKEN: &str = "local";

/// The settings of a local review: the user's, and a token that only the local forge takes.
pub fn settings(file: Option<&std::path::Path>) -> anyhow::Result<WorkerConfig> {
    let mut environment = Settings::process_environment();
    environment.insert("ECO_CODER_GITHUB_TOKEN".to_owned(), TOKEN.to_owned());
    let mut settings = Settings::load(file, environment)?;
    settings.set("github.token_source", "env:ECO_CODER_GITHUB_TOKEN");
    settings.unset("github.app_id");
    settings.unset("github.app_key_source");
    // CodeGuru knows pull requests on GitHub, and none of a working copy.
    settings.set("analysis.kind", "embedded");
    settings.unset("analysis.codeguru_associations");
    // Nothing is kept: any key does.
    settings.set("store.session_key", "env:ECO_CODER_GITHUB_TOKEN");
    settings.set("github.write_interval_ms", 0);
    Ok(WorkerConfig::from_settings(&settings)?)
}

/// Reviews what `head` has and `base` has not.
pub async fn report(
    config: &WorkerConfig,
    name: &RepoName,
    content: Content,
    (base, head): (&str, &str),
    from_ci: FromCi,
) -> anyhow::Result<Report> {
    let secret = || SecretString::from(TOKEN);
    let forge = Forge::new(ForgeSettings::new("http://localhost", secret(), secret()));
    forge.add_repository(name, content);
    let pull = NewPull { base: base.to_owned(), ..NewPull::new("local", head) };
    let number = forge.open_pull(name, pull)?;
    let env = system_env();
    let github = service::github(config, Arc::new(InProcess::new(&forge)), Arc::clone(&env));
    let store = Arc::new(SqliteStore::in_memory().context("a store in memory")?);
    let mut key = [0; 32];
    env.fill_random(&mut key);
    let inspector = service::inspector(config, &github, store, SealKey::new(&key), env, from_ci)?;
    let head = Head::read(&github, github.pull(name, number).await?).await?;
    Ok(inspector.inspect(&head, None, None).await?.report)
}
