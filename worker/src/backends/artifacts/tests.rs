//! Artifacts: brought once, put where they are looked for, opened with bounds, deleted in the end.

use std::sync::Arc;

use eco_coder_github::testing::{FakeGitHub, answer};
use eco_coder_github::transport::{Headers, Method, Response};
use eco_coder_github::{Auth, Settings};
use eco_coder_shared::env::SystemEnv;
use serde_json::json;

use super::unpack::tests::zip_of;
use super::*;

const SHA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct Stage {
    github: Arc<FakeGitHub>,
    dir: tempfile::TempDir,
    artifacts: Artifacts,
}

impl Stage {
    fn new() -> Self {
        let github = FakeGitHub::new();
        let settings = Settings { write_interval: Duration::ZERO, ..Settings::default() };
        let client = GitHub::new(github.clone(), Auth::Anonymous, Arc::new(SystemEnv), settings);
        let dir = tempfile::tempdir().unwrap();
        let places = Places {
            profiles: Some(dir.path().join("profiles")),
            benchmarks: dir.path().join("benchmarks"),
            sarif: dir.path().join("sarif"),
            brought: dir.path().join("artifacts"),
        };
        let artifacts = Artifacts::new(client, "eco-coder".to_owned(), places);
        Self { github, dir, artifacts }
    }

    fn has(&self, id: u64, bytes: u64, zip: &[u8]) {
        let list = json!({"artifacts": [{
            "id": id, "name": "eco-coder", "size_in_bytes": bytes, "expired": false,
            "created_at": "2026-01-01T00:00:00Z", "workflow_run": {"head_sha": SHA},
        }]});
        self.github.answer(Method::Get, "/repos/o/r/actions/artifacts", answer(200, &list));
        let body = Response { status: 200, headers: Headers::default(), body: zip.to_vec().into() };
        self.github.answer(Method::Get, &format!("/repos/o/r/actions/artifacts/{id}/zip"), body);
    }

    async fn bring(&self) {
        self.artifacts.bring(&"o/r".parse().unwrap(), &SHA.parse().unwrap()).await.unwrap();
    }

    fn files(&self) -> Vec<String> {
        fn below(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in entries(dir).unwrap() {
                if entry.file_type().unwrap().is_dir() { below(&entry.path(), found) } else { found.push(entry.path()) }
            }
        }
        let mut found = Vec::new();
        below(self.dir.path(), &mut found);
        let root = self.dir.path();
        let mut names: Vec<String> = found
            .iter()
            .map(|path| path.strip_prefix(root).unwrap().display().to_string().replace(SHA, "SHA"))
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn files_come_to_where_they_are_looked_for_once() {
    let stage = Stage::new();
    let results = br#"{"results": [{"command": "a", "times": [1.0, 1.1]}]}"#;
    let zip =
        zip_of(&[("out/ruff.sarif", b"{}"), ("cpu.pprof", b"x"), ("bench/hyperfine.json", results), ("a.png", b"x")]);
    stage.has(7, 500, &zip);
    stage.bring().await;
    let expected = [
        "artifacts/o/r/SHA/7",
        "benchmarks/o/r/SHA/7/bench/hyperfine.json",
        "profiles/o/r/SHA/7-cpu.pprof",
        "sarif/o/r/SHA/7-out-ruff.sarif",
    ];
    assert_eq!(stage.files(), expected);
    let asked = stage.github.sent().len();
    stage.bring().await;
    assert_eq!((stage.files().len(), stage.github.sent().len()), (4, asked + 1));
}

#[tokio::test]
async fn what_cannot_be_used_is_noted_and_not_asked_for_again() {
    let stage = Stage::new();
    stage.has(7, MAX_ZIP as u64 + 1, b"");
    stage.bring().await;
    assert_eq!(stage.files(), ["artifacts/o/r/SHA/7"]);
    let stage = Stage::new();
    stage.has(8, 5, b"garbage");
    stage.bring().await;
    assert_eq!(stage.files(), ["artifacts/o/r/SHA/8"]);
}

#[tokio::test]
async fn without_the_right_to_see_them_there_are_none() {
    let stage = Stage::new();
    stage.github.answer(
        Method::Get,
        "/repos/o/r/actions/artifacts",
        answer(403, &json!({"message": "Resource not accessible"})),
    );
    stage.bring().await;
    assert_eq!(stage.files(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_brought_long_ago_is_deleted_and_nothing_else() {
    let stage = Stage::new();
    stage.has(7, 500, &zip_of(&[("cpu.pprof", b"x"), ("a.sarif", b"{}")]));
    stage.bring().await;
    let own = stage.dir.path().join("profiles/o/r").join(SHA).join("mine.pprof");
    std::fs::write(&own, "x").unwrap();
    tidy(&stage.artifacts.places, SystemTime::now() + KEPT / 2).unwrap();
    assert_eq!(stage.files().len(), 4);
    tidy(&stage.artifacts.places, SystemTime::now() + KEPT * 2).unwrap();
    assert_eq!(stage.files(), ["profiles/o/r/SHA/mine.pprof"]);
}
