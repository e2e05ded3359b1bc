//! Linters' findings beside ours.

use eco_coder_analyzer::{LineSet, Severity};
use eco_coder_shared::ids::{PullNumber, RepoId};
use serde_json::json;

use super::*;
use crate::repository::RepositorySettings;
use crate::subject::{Change, SubjectFile, Target};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/sarif")
}

fn subject(settings: &str, files: &[(&str, Change)]) -> Subject {
    let files = files.iter().map(|(path, change)| SubjectFile {
        path: (*path).to_owned(),
        previous_path: None,
        change: change.clone(),
    });
    let files: Vec<SubjectFile> = files.collect();
    Subject {
        target: Target {
            repository: "acme/shop".parse().unwrap(),
            repository_id: RepoId(1),
            pull_request: PullNumber::try_from(1).unwrap(),
            head_sha: "a".repeat(40).parse().unwrap(),
            merge_base_sha: "b".repeat(40).parse().unwrap(),
        },
        files_changed: files.len(),
        files,
        truncated: false,
        settings: RepositorySettings::of(settings).into(),
    }
}

fn lines(range: std::ops::RangeInclusive<u32>) -> Change {
    Change::Lines(LineSet::from_ranges([range]))
}

/// An analysis that has found one thing.
fn analysis() -> CodeAnalysis {
    serde_json::from_value(json!({
        "review_id": "r", "status": "Completed", "total_recommendations": 1, "files_analyzed": 1, "files_changed": 1,
        "skipped": [], "suppressed": 0, "cpu_seconds": 0.1,
        "recommendations": [{
            "file_path": "app/orders.py", "start_line": 12, "end_line": 12, "rule_id": "EC-PY-303",
            "aliases": ["CWE-78"], "title": "Shell", "severity": "High", "category": "Security", "confidence": "High",
            "description": "d", "recommendation": "r", "link": null, "evidence": null, "fingerprint": "0123456789abcdef",
        }],
    }))
    .unwrap()
}

async fn joined(subject: &Subject, names: &[&str]) -> CodeAnalysis {
    let files = names.iter().map(|name| fixtures().join(format!("{name}.sarif"))).collect();
    let linters = Linters::new(Place::Files(files)).unwrap();
    let mut analysis = analysis();
    linters.add_to(&mut analysis, subject, &Options::default(), |_| true).await;
    analysis
}

fn ids(analysis: &CodeAnalysis) -> Vec<(&str, u32)> {
    analysis.recommendations.iter().map(|f| (f.rule_id.as_str(), f.start_line)).collect()
}

#[tokio::test]
async fn findings_on_changed_lines_are_added_once_and_none_that_we_have() {
    let subject = subject("", &[("app/orders.py", lines(11..=13))]);
    let analysis = joined(&subject, &["ruff", "ruff", "bandit", "semgrep"]).await;
    // Bandit's B602 and semgrep's rule are our finding's CWE-78; ruff names no weakness.
    assert_eq!(ids(&analysis), [("ruff/PERF402", 11), ("EC-PY-303", 12), ("ruff/S602", 12)]);
    assert_eq!(analysis.total_recommendations, 3);
    assert_eq!(analysis.notices, Vec::<String>::new());
    let added = &analysis.recommendations[0];
    assert!(!added.title.is_empty() && !added.description.is_empty() && added.fingerprint.len() == 16, "{added:?}");
}

#[tokio::test]
async fn a_path_is_believed_only_if_it_can_be_no_other() {
    for (path, found) in [
        ("app/orders.py", true),
        ("orders.py", false),
        ("shop/app/orders.py", true),
        ("other/app/orders.py", false),
        ("x/home/runner/work/shop/shop/app/orders.py", false),
    ] {
        let subject = subject("", &[(path, lines(1..=20))]);
        let analysis = joined(&subject, &["ruff"]).await;
        assert_eq!(analysis.recommendations.len() > 1, found, "{path}");
    }
}

#[tokio::test]
async fn the_repository_chooses_among_linters_rules_too() {
    let settings = "[rules]\noff = ['ruff/S*', 'ruff/E*']\nseverity = { 'ruff/PERF402' = 'High' }";
    let subject = subject(settings, &[("app/orders.py", lines(1..=20))]);
    assert_eq!(subject.settings.compile().problems, Vec::<String>::new());
    let analysis = joined(&subject, &["ruff"]).await;
    let ruff: Vec<_> = analysis.recommendations.iter().filter(|f| f.rule_id.starts_with("ruff/")).collect();
    assert!(ruff.iter().all(|f| !f.rule_id.starts_with("ruff/S") && !f.rule_id.starts_with("ruff/E")), "{ruff:?}");
    assert!(ruff.iter().any(|f| f.rule_id == "ruff/PERF402" && f.severity == Severity::High));
}

#[tokio::test]
async fn what_cannot_be_used_is_said() {
    let subject = subject("", &[("app/orders.py", Change::Unknown)]);
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("acme/shop").join("a".repeat(40));
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("broken.sarif"), "{").unwrap();
    std::fs::copy(fixtures().join("bandit.sarif"), place.join("bandit.SARIF")).unwrap();
    std::fs::write(place.join("notes.txt"), "{").unwrap();
    let linters = Linters::new(Place::Dir(dir.path().to_owned())).unwrap();
    let before = linters.fingerprint(&subject.target.repository, &subject.target.head_sha).await;
    let mut analysis = analysis();
    linters.add_to(&mut analysis, &subject, &Options::default(), |_| true).await;
    assert_eq!(analysis.notices.len(), 2, "{:?}", analysis.notices);
    assert!(analysis.notices[0].starts_with("broken.sarif: it is not a SARIF log (line 1)"), "{:?}", analysis.notices);
    assert!(
        analysis.notices[1].starts_with("3 of linters' findings stand in files too large"),
        "{:?}",
        analysis.notices
    );
    std::fs::remove_file(place.join("broken.sarif")).unwrap();
    assert_ne!(linters.fingerprint(&subject.target.repository, &subject.target.head_sha).await, before);
}
