//! The fuzz targets of this package, for tests/fuzz: each takes any bytes and asserts what must hold. Never part of a
//! release build.

use eco_coder_shared::fuzzing::SettingsFile;

use crate::IngressConfig;
use crate::config::GITHUB_MAX_BODY;

/// The signature header.
pub fn signature(bytes: &[u8]) {
    crate::webhook::fuzzing::signature(bytes);
}

/// A signed payload.
pub fn webhook(bytes: &[u8]) {
    crate::webhook::fuzzing::webhook(bytes);
}

/// A settings file, as the ingress takes it.
pub fn config(bytes: &[u8]) {
    let Some(file) = SettingsFile::new(bytes) else { return };
    let Some(settings) = file.settings() else { return };
    let Some(config) = file.of(IngressConfig::from_settings(&settings)) else { return };
    assert!((1..=GITHUB_MAX_BODY).contains(&config.max_body_bytes));
    assert!(config.max_body_memory_bytes >= config.max_body_bytes);
    assert!(config.max_connections > 0 && !config.secrets.secrets().is_empty());
    assert!((1..10).contains(&config.enqueue_timeout.as_secs()), "before GitHub gives up");
    let deadlines = [config.header_timeout, config.body_timeout, config.shutdown_grace];
    assert!(deadlines.iter().all(|deadline| deadline.as_secs() <= 3600));
    assert!(config.listen != config.operator_listen || config.listen.port() == 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_of_settings_holds() {
        eco_coder_shared::fuzzing::over_corpus("config", config);
    }
}
