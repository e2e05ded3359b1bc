//! The house as docs/architecture.md draws it: forbidden arrows between packages, and rooms that stay pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata(manifest: &str) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", manifest])
        .current_dir(root())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Each of our packages with what it depends on when it runs.
fn packages() -> BTreeMap<String, Vec<String>> {
    let metadata = metadata("Cargo.toml");
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            (name(package), all.filter(|d| d["kind"].is_null()).map(name).collect())
        })
        .collect()
}

#[test]
fn no_package_points_where_it_must_not() {
    let packages = packages();
    let ours = |name: &str| packages[name].iter().filter(|d| d.starts_with("eco-coder")).cloned().collect::<Vec<_>>();
    assert_eq!(ours("eco-coder-shared"), Vec::<String>::new());
    assert_eq!(ours("eco-coder-analyzer"), Vec::<String>::new());
    assert_eq!(ours("eco-coder-bench"), Vec::<String>::new());
    assert_eq!(ours("eco-coder-carbon"), Vec::<String>::new());
    assert_eq!(ours("eco-coder-profile"), Vec::<String>::new());
    assert_eq!(ours("eco-coder-ingress"), ["eco-coder-shared"]);
    assert_eq!(ours("eco-coder-github"), ["eco-coder-shared"]);
    assert!(!ours("eco-coder-worker").contains(&"eco-coder-ingress".to_owned()));
    for pure in ["eco-coder-analyzer", "eco-coder-bench", "eco-coder-carbon", "eco-coder-profile"] {
        for io in ["tokio", "reqwest", "axum", "hyper", "rusqlite"] {
            assert!(!packages[pure].contains(&io.to_owned()), "{pure} -> {io}");
        }
    }
    let knows_backoff: Vec<&String> =
        packages.iter().filter(|(_, d)| d.contains(&"backoff".to_owned())).map(|(name, _)| name).collect();
    assert_eq!(knows_backoff, ["eco-coder-shared"]);
}

#[test]
fn no_crate_of_ours_can_hold_unsafe_code() {
    let mut roots = Vec::new();
    for manifest in ["Cargo.toml", "tests/fuzz/Cargo.toml"] {
        let metadata = metadata(manifest);
        let packages = metadata["packages"].as_array().unwrap().iter();
        let targets = packages.flat_map(|package| package["targets"].as_array().unwrap());
        roots.extend(targets.map(|target| target["src_path"].as_str().unwrap().to_owned()));
    }
    assert!(roots.len() > 50, "libraries, binaries, tests, examples, benchmarks, fuzz targets: {roots:?}");
    for root in roots {
        let text = std::fs::read_to_string(&root).unwrap();
        assert!(text.lines().any(|line| line == "#![forbid(unsafe_code)]"), "{root}: write #![forbid(unsafe_code)]");
    }
}

#[test]
fn there_is_one_tls_and_no_old_one() {
    let lock: toml::Table = std::fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let versions = |name: &str| -> Vec<String> {
        let packages = lock["package"].as_array().unwrap().iter();
        packages
            .filter(|package| package["name"].as_str() == Some(name))
            .map(|package| package["version"].as_str().unwrap().to_owned())
            .collect()
    };
    for (name, major) in [("rustls", "0.23."), ("h2", "0.4."), ("hyper", "1.")] {
        let all = versions(name);
        assert!(!all.is_empty() && all.iter().all(|version| version.starts_with(major)), "{name}: {all:?}");
    }
    for gone in ["native-tls", "openssl", "openssl-sys"] {
        assert_eq!(versions(gone), Vec::<String>::new(), "{gone}");
    }
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut todo = vec![root().join(folder)];
    while let Some(path) = todo.pop() {
        if path.is_dir() && !path.ends_with("tests") {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[test]
fn what_decides_is_pure() {
    for room in [
        "worker/src/claim.rs",
        "worker/src/hours.rs",
        "worker/src/agent/run.rs",
        "worker/src/agent/budget.rs",
        "worker/src/publish/plan.rs",
        "worker/src/publish/notice.rs",
        "worker/src/reconcile/standing.rs",
    ] {
        let text = std::fs::read_to_string(root().join(room)).unwrap();
        for io in
            ["tokio", "reqwest", "aws_", "std::fs", "std::net", "std::env", "SystemTime", "Instant::now", "async fn"]
        {
            assert!(!text.contains(io), "{room} mentions {io}");
        }
    }
}

#[test]
fn the_comparison_of_benchmarks_is_pure() {
    for (path, text) in sources("worker/bench/src") {
        let io = if path.ends_with("fuzzing.rs") {
            &["std::net", "Instant::now"][..]
        } else {
            &["std::fs", "std::net", "std::time", "Instant::now"]
        };
        for word in io {
            assert!(!text.contains(word), "{} mentions {word}", path.display());
        }
    }
}

#[test]
fn the_reader_of_profiles_opens_nothing() {
    for (path, text) in sources("worker/profile/src") {
        for io in ["std::fs", "std::net", "std::env", "std::process", "SystemTime", "Instant::now", "async fn"] {
            assert!(!text.contains(io), "{} mentions {io}", path.display());
        }
    }
}

#[test]
fn tools_reach_neither_queue_nor_publishing() {
    for (path, text) in sources("worker/src/tools").into_iter().chain(sources("worker/src/agent")) {
        for far in
            ["crate::publish", "shared::queue", "create_comment", "update_comment", "delete_comment", "create_status"]
        {
            assert!(!text.contains(far), "{} mentions {far}", path.display());
        }
    }
}

#[test]
fn the_environment_is_read_in_one_place() {
    for folder in [
        "shared/src",
        "ingress/src",
        "worker/src",
        "worker/github/src",
        "worker/analyzer/src",
        "worker/bench/src",
        "worker/carbon/src",
        "worker/profile/src",
    ] {
        for (path, text) in sources(folder) {
            let allowed = path.ends_with("shared/src/config.rs");
            assert!(allowed || !text.contains("env::var"), "{} reads the environment", path.display());
        }
    }
}

#[test]
fn the_clock_and_the_dice_are_injected() {
    for folder in ["ingress/src", "worker/src"] {
        for (path, text) in sources(folder) {
            for own in ["SystemTime::now", "Timestamp::now()", "getrandom::", "rand::"] {
                assert!(!text.contains(own), "{} has its own {own}", path.display());
            }
        }
    }
}
