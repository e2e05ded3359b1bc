//! Benchmark results of base and head in a directory.

use eco_coder_bench::Verdict;
use eco_coder_shared::ids::{PullNumber, RepoId};
use serde_json::json;

use super::*;

fn target() -> Target {
    Target {
        repository: "acme/shop".parse().unwrap(),
        repository_id: RepoId(1),
        pull_request: PullNumber::try_from(1).unwrap(),
        head_sha: "a".repeat(40).parse().unwrap(),
        merge_base_sha: "b".repeat(40).parse().unwrap(),
    }
}

/// Hyperfine's results of one command, in seconds.
fn hyperfine(times: impl Iterator<Item = f64>) -> String {
    let times: Vec<f64> = times.collect();
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    json!({"results": [{"command": "search", "mean": mean, "times": times}]}).to_string()
}

fn around(seconds: f64) -> impl Iterator<Item = f64> {
    (0..30).map(move |n| seconds * (1.0 + f64::from(n % 7) * 0.002))
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn has(&self, sha: &CommitSha, name: &str, text: &str) {
        let dir = self.0.path().join("acme/shop").join(sha.as_str());
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), text).unwrap();
    }

    fn engine(&self) -> BenchmarkFiles {
        BenchmarkFiles::new(self.0.path().to_owned()).unwrap()
    }
}

fn carbon() -> Input {
    Input { aws_region: "eu-west-1".to_owned(), ..Input::default() }
}

#[tokio::test]
async fn base_and_head_are_compared_and_a_change_is_told_in_co2e() {
    let (place, target) = (Place::new(), target());
    let engine = place.engine();
    assert_eq!(engine.compared(&target, &carbon()).await, None);
    let empty = engine.fingerprint(&target.repository, &target.merge_base_sha, &target.head_sha).await;

    place.has(&target.head_sha, "bench.json", &hyperfine(around(0.0569)));
    let alone = engine.compared(&target, &carbon()).await.unwrap();
    assert_eq!(alone, Benchmarks::without("there are no results of the base to compare head's with".to_owned()));

    place.has(&target.merge_base_sha, "bench.json", &hyperfine(around(0.0412)));
    let compared = engine.compared(&target, &carbon()).await.unwrap();
    let row = &compared.comparison.rows[0];
    assert_eq!((row.name.as_str(), row.verdict, row.samples), ("search", Verdict::Slower, [30, 30]));
    let co2e = &compared.co2e[0];
    assert!(co2e.head_g > co2e.base_g && co2e.executions == 1_000_000, "{co2e:?}");
    let (low, high) = co2e.interval_g.unwrap();
    assert!(0.0 < low && low <= co2e.head_g - co2e.base_g && co2e.head_g - co2e.base_g <= high, "{co2e:?}");
    let full = engine.fingerprint(&target.repository, &target.merge_base_sha, &target.head_sha).await;
    assert_ne!(full, empty);
}

#[tokio::test]
async fn what_does_not_change_has_no_co2e_and_what_cannot_be_read_is_said_without_its_place() {
    let (place, target) = (Place::new(), target());
    for sha in [&target.head_sha, &target.merge_base_sha] {
        place.has(sha, "bench.json", &hyperfine(around(0.05)));
    }
    let same = place.engine().compared(&target, &carbon()).await.unwrap();
    assert_eq!((same.comparison.rows[0].verdict.is_worse(), same.co2e.len()), (false, 0));
    place.has(&target.head_sha, "bench.json", "{\"no\": \"results\"}");
    let broken = place.engine().compared(&target, &carbon()).await.unwrap();
    assert!(broken.comparison.rows.is_empty() && broken.remarks[0].starts_with("head: "), "{broken:?}");
    assert!(!broken.remarks[0].contains(&place.0.path().display().to_string()), "{broken:?}");
}

#[test]
fn a_side_is_read_up_to_the_bound_and_refused_one_past_it() {
    let place = Place::new();
    let text = hyperfine(around(0.05));
    place.has(&target().head_sha, "bench.json", &text);
    let dir = place.0.path().join("acme/shop").join("a".repeat(40));
    assert_eq!(side(&dir, text.len() as u64).unwrap().benchmarks.len(), 1);
    assert!(matches!(side(&dir, text.len() as u64 - 1), Err(SideError::TooMuch { .. })));
    assert!(matches!(side(&dir.join("none"), 1), Err(SideError::NotThere { .. })));
}

#[test]
fn of_very_many_rows_those_that_changed_are_kept() {
    let row = |n: usize, verdict: &str| {
        serde_json::from_value::<Row>(json!({
            "name": format!("b{n}"), "metric": "time", "base": 1.0, "head": 2.0, "ratio": 2.0, "ci_low": 1.9, "ci_high": 2.1,
            "verdict": verdict, "reason": null, "samples": [30, 30], "rounds": [1, 1], "noise": null, "margin": null,
            "detectable": null, "p": null, "mean_ratio": null,
        }))
        .unwrap()
    };
    let mut rows: Vec<Row> = (0..MAX_ROWS).map(|n| row(n, "indistinguishable")).collect();
    rows.push(row(MAX_ROWS, "slower"));
    let all = Comparison { rows, only_in_base: Vec::new(), only_in_head: Vec::new() };
    let kept = bounded(all);
    assert_eq!((kept.rows.len(), kept.rows[0].name.as_str()), (MAX_ROWS, "b200"));
}
