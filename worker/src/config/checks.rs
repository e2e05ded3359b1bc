//! What settings must hold of each other, beyond their types.

use eco_coder_github::HttpSettings;
use eco_coder_shared::config::ConfigError;

use super::tables::{
    AnalysisTable, CiTable, GitHubTable, ModelTable, ProfilesTable, ReconcileTable, ReportTable, WorkerTable,
};
use super::write_time;
use crate::publish::status::StatusKind;

/// More mends on lines would be noise.
const MAX_SUGGESTIONS: usize = 20;

/// A profiler that samples less than once a minute has nothing to say.
const MAX_SAMPLE_MS: f64 = 60_000.0;

/// The longest address that flame graphs are at, bytes.
const MAX_URL: usize = 200;

/// Between the check of a lease and the start of a write, seconds.
const LEASE_MARGIN: u64 = 2;

fn between(key: &str, value: u64, low: u64, high: u64) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(ConfigError::value(key, &format!("it must be from {low} to {high}")))
    }
}

/// How what was missed is looked for.
pub(super) fn reconcile(reconcile: &ReconcileTable) -> Result<(), ConfigError> {
    between("reconcile.every_seconds", reconcile.every_seconds, 0, 24 * 3600)?;
    between("reconcile.calls", reconcile.calls.into(), 10, 10_000)?;
    between("reconcile.reserve_percent", reconcile.reserve_percent, 0, 99)
}

/// How a worker works.
pub(super) fn worker(worker: &WorkerTable, github: &GitHubTable) -> Result<(), ConfigError> {
    between("worker.jobs", worker.jobs as u64, 1, 10_000)?;
    between("worker.source_bytes", worker.source_bytes as u64, 1 << 20, 1 << 40)?;
    between("worker.cpu_threads", worker.cpu_threads as u64, 0, 1024)?;
    between("worker.visibility_seconds", worker.visibility_seconds, 3, 12 * 3600)?;
    between("worker.lease_seconds", worker.lease_seconds, 3, 12 * 3600)?;
    between("worker.hide_seconds", worker.hide_seconds, 1, 12 * 3600)?;
    between("worker.cooldown_seconds", worker.cooldown_seconds, 0, 3600)?;
    between("worker.max_attempts", worker.max_attempts.into(), 1, 100)?;
    between("worker.retry_cap_seconds", worker.retry_cap_seconds, worker.retry_seconds, 3600)?;
    between("github.request_timeout_seconds", github.request_timeout_seconds, 1, 600)?;
    // Above it, a second write would always give up waiting for its turn.
    between("github.write_interval_ms", github.write_interval_ms, 0, 5000)?;
    between("github.writes_per_minute", github.writes_per_minute, 0, 100_000)?;
    between("github.writes_per_hour", github.writes_per_hour, 0, 1_000_000)?;
    between("github.reads_at_once", github.reads_at_once as u64, 1, 100)?;
    between("worker.outage_seconds", worker.outage_seconds, 1, 3600)?;
    between("worker.silence_minutes", worker.silence_minutes, 0, 7 * 24 * 60)?;
    between("worker.review_seconds", worker.review_seconds, 10, 3600)?;
    between("worker.shutdown_grace_seconds", worker.shutdown_grace_seconds, 0, 3600)?;
    let write = write_time(github).as_secs();
    if worker.lease_seconds < write + LEASE_MARGIN {
        return Err(ConfigError::value(
            "worker.lease_seconds",
            &format!(
                "it must be at least {LEASE_MARGIN} s longer than a write to GitHub can take ({write} s: github.request_timeout_seconds and its pacing)"
            ),
        ));
    }
    Ok(())
}

/// What is analysed.
pub(super) fn analysis(
    analysis: &AnalysisTable,
    profiles: &ProfilesTable,
    worker: &WorkerTable,
) -> Result<(), ConfigError> {
    // Reading the rules takes a while: only if there is something to compare.
    let known: Vec<String> = if analysis.disabled_rules.is_empty() {
        Vec::new()
    } else {
        eco_coder_analyzer::rules().into_iter().map(|rule| rule.id).collect()
    };
    if let Some(unknown) = analysis.disabled_rules.iter().find(|id| !known.contains(id)) {
        // Anything else isn't repeated: it may be a secret in the wrong place.
        let like_an_id = unknown.len() <= 20
            && unknown.starts_with("EC-")
            && unknown.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
        let problem = if like_an_id {
            format!("there is no rule {unknown}; see eco-coder rules")
        } else {
            "an entry is no rule's id; rule ids look like EC-PY-072, see eco-coder rules".to_owned()
        };
        return Err(ConfigError::value("analysis.disabled_rules", &problem));
    }
    if profiles.folded_sample_ms.is_some_and(|ms| !(ms > 0.0 && ms <= MAX_SAMPLE_MS)) {
        return Err(ConfigError::value(
            "profiles.folded_sample_ms",
            "it must be more than 0 and at most 60000; at 100 samples a second it is 10",
        ));
    }
    if analysis.max_files == 0 || analysis.max_file_bytes == 0 || analysis.max_file_bytes > worker.source_bytes / 2 {
        return Err(ConfigError::value(
            "analysis",
            "max_files and max_file_bytes must not be 0, and one file and its copy must fit into worker.source_bytes",
        ));
    }
    let timeouts = [
        ("analysis.timeout_seconds", analysis.timeout_seconds),
        ("analysis.cpu_seconds", analysis.cpu_seconds),
        ("profiles.timeout_seconds", profiles.timeout_seconds),
    ];
    for (key, seconds) in timeouts {
        if !(1..=3600).contains(&seconds) {
            return Err(ConfigError::value(key, "it must be from 1 to 3600"));
        }
    }
    Ok(())
}

/// How it is said beside a commit how far its review is.
pub(super) fn status(report: &ReportTable) -> Result<StatusKind, ConfigError> {
    match report.status.as_str() {
        "auto" => Ok(StatusKind::Auto),
        "commit" => Ok(StatusKind::Commit),
        "off" => Ok(StatusKind::Off),
        _ => Err(ConfigError::value("report.status", "it must be \"auto\", \"commit\" or \"off\"")),
    }
}

/// Where flame graphs are, for the worker and for readers.
pub(super) fn flame_graphs(profiles: &ProfilesTable) -> Result<(), ConfigError> {
    let wrong = |key: &str, problem: &str| Err(ConfigError::value(key, problem));
    if profiles.kind == "codeguru" && profiles.flame_graphs_dir.is_some() {
        return wrong("profiles.flame_graphs_dir", "it is for profiles.kind = \"files\"; remove it, or set that");
    }
    let Some(url) = &profiles.flame_graphs_url else { return Ok(()) };
    if profiles.flame_graphs_dir.is_none() {
        return wrong(
            "profiles.flame_graphs_url",
            "nothing is kept without profiles.flame_graphs_dir; set that, or remove this",
        );
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%:".contains(&b);
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || url.len() > MAX_URL || !url.bytes().all(plain) {
        return wrong(
            "profiles.flame_graphs_url",
            "it must be an address such as https://eco-coder.example/flame-graphs, of at most 200 characters, without ? and #",
        );
    }
    Ok(())
}

/// The artifact's name, as GitHub takes it.
pub(super) fn ci(ci: &CiTable) -> Result<(), ConfigError> {
    let legal = |name: &str| {
        (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match &ci.artifact {
        Some(name) if !legal(name) => {
            Err(ConfigError::value("ci.artifact", "it must be 1 to 128 letters, digits, '-', '_' and '.'"))
        }
        _ => Ok(()),
    }
}

/// How much one review may ask for at once, and in all.
pub(super) fn appetite(analysis: &AnalysisTable, model: &ModelTable, report: &ReportTable) -> Result<(), ConfigError> {
    let most_bytes = HttpSettings::default().max_body;
    for (key, value, most) in [
        ("analysis.max_file_bytes", analysis.max_file_bytes, most_bytes),
        ("analysis.max_files", analysis.max_files, eco_coder_github::pulls::MAX_FILES),
        ("analysis.fetch_concurrency", analysis.fetch_concurrency, 64),
        ("model.max_turns", model.max_turns as usize, 50),
    ] {
        if !(1..=most).contains(&value) {
            return Err(ConfigError::value(key, &format!("it must be from 1 to {most}")));
        }
    }
    if report.suggestions > MAX_SUGGESTIONS {
        let problem = format!("it must be from 0 (none) to {MAX_SUGGESTIONS}");
        return Err(ConfigError::value("report.suggestions", &problem));
    }
    Ok(())
}
