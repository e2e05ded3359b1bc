//! The commands that need no service: scan, review, carbon, rules, doctor.

use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::world::{CLEAN, QUERY_IN_A_LOOP, World, run_in, stdout};

fn git(repo: &TempDir, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(repo.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git must be installed: the review command reads repositories with it");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn write(repo: &TempDir, path: &str, text: &str) {
    let path = repo.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// main with a clean file and an old finding; a branch that adds another finding and moves the old one down.
fn repository() -> TempDir {
    let repo = tempfile::tempdir().unwrap();
    git(&repo, &["init", "-q", "-b", "main"]);
    write(&repo, "clean.py", CLEAN);
    write(&repo, "old.py", QUERY_IN_A_LOOP);
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-q", "-m", "base"]);
    git(&repo, &["checkout", "-q", "-b", "feature"]);
    write(&repo, "old.py", &format!("import os\n\n\n{QUERY_IN_A_LOOP}"));
    write(&repo, "app/nëw file.py", QUERY_IN_A_LOOP);
    write(&repo, "dist/app.min.js", "var a=1;");
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-q", "-m", "head"]);
    repo
}

fn run(repo: &TempDir, arguments: &[&str]) -> Output {
    run_in(repo.path(), &[], arguments)
}

fn json(output: &Output) -> Value {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", stdout(output)))
}

#[test]
fn a_review_of_a_branch_tells_of_changed_lines_only() {
    let repo = repository();
    let output = run(&repo, &["review", "--format", "json"]);
    assert!(output.status.success());
    let report = json(&output);
    let findings = report["quality"]["recommendations"].as_array().unwrap();
    let places: Vec<&str> = findings.iter().map(|f| f["file_path"].as_str().unwrap()).collect();
    assert_eq!(places, ["app/nëw file.py"]);
    assert_eq!(report["quality"]["skipped"][0]["path"], "dist/app.min.js");
    let text = stdout(&run(&repo, &["review"]));
    assert!(text.contains("1 thing to mend") && text.contains("dist/app.min.js"), "{text}");
}

#[test]
fn exit_codes_are_for_ci() {
    let repo = repository();
    assert_eq!(run(&repo, &["review", "--fail-on", "critical"]).status.code(), Some(0));
    assert_eq!(run(&repo, &["review", "--fail-on", "low"]).status.code(), Some(1));
    let unknown = run(&repo, &["review", "--base", "nowhere"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("nowhere"), "{unknown:?}");
    assert_eq!(run(&repo, &["scan", "clean.py", "--fail-on", "info"]).status.code(), Some(0));
    assert_eq!(run(&repo, &["scan", ".", "--fail-on", "info"]).status.code(), Some(1));
}

#[test]
fn a_revision_that_looks_like_an_option_is_not_one() {
    let repo = repository();
    let output = run(&repo, &["review", "--base=--output=written"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!repo.path().join("written").exists());
}

#[test]
fn a_review_with_a_profile_measures_and_calculates() {
    let repo = repository();
    write(&repo, "cpu.folded", "main;lines_of 30\nmain;add 10\n");
    write(&repo, "eco-coder.toml", "[profiles]\nfolded_sample_ms = 10.0\n[carbon]\nregion = \"eu-west-1\"\n");
    let arguments = ["review", "--config", "eco-coder.toml", "--profile", "cpu.folded", "--format", "json"];
    let report = json(&run(&repo, &arguments));
    assert_eq!(report["performance"]["total_cpu_time_ms"], 400.0);
    assert_eq!(report["performance"]["bottlenecks"][0]["function_name"], "lines_of");
    assert_eq!(report["carbon"]["outcome"], "present");
    assert!(report["carbon"]["co2e_grams"].as_f64().unwrap() > 0.0);
    let measured = &report["carbon"]["measured"];
    assert!(measured["value"] == 0.4 && measured["unit"] == "s", "grams say what was measured: {measured}");
    assert!(measured["samples"].as_u64().unwrap() > 0 && measured["source"].is_string(), "{measured}");
    let without = json(&run(&repo, &["review", "--format", "json"]));
    assert_eq!(without["carbon"]["outcome"], "absent", "no measurement, no grams");
}

#[test]
fn a_fleet_s_settings_serve_a_local_review_too_without_asking_anybody() {
    let repo = repository();
    let arn = "arn:aws:codeguru-reviewer:us-east-1:123456789012:association:a";
    write(
        &repo,
        "fleet.toml",
        &format!(
            "[github]\napp_id = \"1\"\napp_key_source = \"file:nowhere.pem\"\n[analysis]\nkind = \"codeguru\"\n\
             codeguru_min_changed_lines = 0\ncodeguru_associations = [\"local/{}={arn}\"]\n\
             [aws]\nregion = \"us-east-1\"\nendpoint_url = \"http://127.0.0.1:1\"",
            repo.path().file_name().unwrap().to_string_lossy()
        ),
    );
    let report = json(&run(&repo, &["review", "--config", "fleet.toml", "--format", "json"]));
    assert_eq!(report["quality"]["recommendations"].as_array().unwrap().len(), 1);
    assert!(!report["quality"]["reason"].to_string().contains("CodeGuru"), "{}", report["quality"]["reason"]);
}

#[test]
fn the_catalogue_is_listed_and_each_rule_is_shown_by_any_of_its_names() {
    let repo = repository();
    let rules = json(&run(&repo, &["rules", "list", "--format", "json"]));
    let rules = rules.as_array().unwrap();
    let count = |of: &dyn Fn(&Value) -> bool| rules.iter().filter(|rule| of(rule)).count();
    assert!(rules.len() >= 150);
    assert!(count(&|rule| rule["category"] == "Energy" || rule["category"] == "Performance") >= 60);
    assert!(count(&|rule| rule["category"] == "Security") >= 40);
    for language in ["Python", "Java", "JavaScript", "TypeScript", "C#", "PHP", "Go", "Rust"] {
        assert!(count(&|rule| rule["languages"].as_array().unwrap().contains(&language.into())) >= 10, "{language}");
        let listed = stdout(&run(&repo, &["rules", "list", "--language", &language.to_lowercase()]));
        assert_eq!(
            listed.lines().count(),
            count(&|rule| rule["languages"].as_array().unwrap().contains(&language.into()))
        );
    }
    let shown = stdout(&run(&repo, &["rules", "show", "gci72"]));
    assert!(shown.contains("## EC-PY-072: Query in a loop") && shown.contains("Effect: "), "{shown}");
    let unknown = run(&repo, &["rules", "show", "EC-PY-999"]);
    assert!(
        !unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("eco-coder rules lists them")
    );
}

#[test]
fn scan_and_review_write_sarif() {
    let repo = repository();
    for command in
        [&["scan", ".", "--format", "sarif", "--jobs", "1"][..], &["review", "--format", "sarif", "--jobs", "2"]]
    {
        let log = json(&run(&repo, command));
        assert_eq!(log["version"], "2.1.0", "{command:?}");
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "EC-PY-072", "{command:?}: {log}");
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(place["uri"], "app/n%C3%ABw%20file.py", "{command:?}");
    }
}

#[test]
fn a_scan_shows_fixes_and_applies_them_when_asked() {
    let repo = tempfile::tempdir().unwrap();
    write(&repo, "a.py", "first = sorted(set(list(xs)))[0]\r\nother = 1\r\n");
    write(&repo, "old.py", QUERY_IN_A_LOOP);
    let rows = json(&run(&repo, &["scan", ".", "--format", "json"]));
    let mut fixes: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["fix"]).collect();
    fixes.sort_by_key(|fix| fix.is_null());
    assert_eq!(fixes[0]["replacement"].as_str().unwrap().lines().count(), 1);
    assert_eq!((&fixes[0]["start_line"], &fixes[0]["end_line"]), (&1.into(), &1.into()));
    assert!(fixes.last().unwrap().is_null(), "a query in a loop has no mechanical fix: {rows}");
    assert!(stdout(&run(&repo, &["scan", "a.py"])).contains("2 can be fixed with --fix."));

    let mending = run(&repo, &["scan", ".", "--fix"]);
    let told = String::from_utf8_lossy(&mending.stderr).into_owned();
    assert_eq!(std::fs::read_to_string(repo.path().join("a.py")).unwrap(), "first = min(set(xs))\r\nother = 1\r\n");
    assert_eq!(std::fs::read_to_string(repo.path().join("old.py")).unwrap(), QUERY_IN_A_LOOP);
    assert_eq!(told.matches("fixed ./a.py line 1 EC-PY-").count(), 2, "{told}");
    assert!(stdout(&mending).contains("1 finding in 2 files."), "{}", stdout(&mending));
    let again = run(&repo, &["scan", ".", "--fix"]);
    assert!(again.status.success() && again.stderr.is_empty(), "{}", String::from_utf8_lossy(&again.stderr));

    let shown = stdout(&run(&repo, &["rules", "show", "EC-PY-123"]));
    assert!(shown.contains("Fix: mechanical"), "{shown}");
}

#[cfg(unix)]
#[test]
fn a_file_that_can_not_be_fixed_is_named_and_fails_the_scan() {
    use std::os::unix::fs::PermissionsExt as _;
    let repo = tempfile::tempdir().unwrap();
    write(&repo, "a.py", "first = sorted(xs)[0]\n");
    let path = repo.path().join("a.py");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let output = run(&repo, &["scan", ".", "--fix"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not fixed ./a.py: the file is read-only"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "first = sorted(xs)[0]\n");
}

#[test]
fn a_scan_looks_at_every_line() {
    let repo = repository();
    let rows = json(&run(&repo, &["scan", ".", "--format", "json"]));
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let mut keys: Vec<&str> = rows[0].as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let wanted = [
        "aliases",
        "category",
        "description",
        "end_line",
        "file_path",
        "fix",
        "recommendation",
        "rule_id",
        "severity",
        "start_line",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(rows[1]["start_line"], 7);
}

#[test]
fn a_scan_survives_what_is_not_source() {
    let repo = tempfile::tempdir().unwrap();
    std::fs::write(repo.path().join("binary.py"), [0, 159, 146, 150]).unwrap();
    std::fs::write(repo.path().join("deep.py"), "(".repeat(200_000)).unwrap();
    std::fs::write(repo.path().join("empty.js"), "").unwrap();
    std::fs::write(repo.path().join("long.js"), format!("x = '{}'", "a".repeat(3_000_000))).unwrap();
    let output = run(&repo, &["scan", "."]);
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    for path in ["binary.py", "deep.py", "long.js"] {
        assert!(text.contains(&format!("{path}: ")), "{text}");
    }
}

#[test]
fn what_a_scan_did_not_look_at_or_only_in_part_is_said_in_every_format() {
    let repo = tempfile::tempdir().unwrap();
    std::fs::write(repo.path().join("binary.py"), [0, 159, 146, 150]).unwrap();
    write(&repo, "half.py", &format!("{QUERY_IN_A_LOOP}{}", "%% ?? $$ !! ;;\n".repeat(200)));
    let text = stdout(&run(&repo, &["scan", "."]));
    let (_, gaps) = text.split_once("Not looked at:").unwrap();
    let (whole, part) = gaps.split_once("Looked at in part:").unwrap();
    assert!(whole.contains("binary.py: ") && part.contains("half.py: does not parse as"), "{text}");
    for format in ["json", "sarif"] {
        let output = run(&repo, &["scan", ".", "--format", format]);
        let _: Value = serde_json::from_slice(&output.stdout).unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = told.lines().collect();
        let [binary, half] = lines[..] else { panic!("{told}") };
        assert!(binary.contains("binary.py: not looked at: "), "{told}");
        assert!(half.contains("half.py: looked at in part: does not parse as"), "{told}");
    }
}

#[test]
fn carbon_prints_the_tools_output() {
    let here = tempfile::tempdir().unwrap();
    let arguments = [
        "carbon",
        "--cpu-seconds",
        "1",
        "--ram-mb",
        "128",
        "--region",
        "us-east-1",
        "--executions",
        "1000",
        "--format",
        "json",
    ];
    let out = json(&run(&here, &arguments));
    let per_execution = out["co2e_per_execution"].as_f64().unwrap();
    let grams = out["co2e_grams"].as_f64().unwrap();
    assert!((grams / per_execution / 1000.0 - 1.0).abs() < 1e-12);
    let energy = out["energy_consumed_kwh"].as_f64().unwrap();
    // 4 W a thread for a second and 0.375 W/GiB for 128 MB, a thousand times.
    let wanted = 1000.0 * (4.0 + 0.375 * 0.125) / 3.6e6;
    assert!((energy / wanted - 1.0).abs() < 1e-4, "{energy} kWh, not {wanted}");
    assert!(out["methodology"].as_str().unwrap().contains("codecarbon"));
    let explained: Vec<&str> = [&["carbon", "explain"], &arguments[1..]].concat();
    let lines = json(&run(&here, &explained));
    assert_eq!(lines["footprint"], out, "what is explained is what is calculated");
    let of = |name: &str| lines["lines"].as_array().unwrap().iter().find(|line| line["name"] == name).unwrap();
    assert_eq!(of("emissions of all executions")["value"], out["co2e_grams"]);
    assert!(of("power of a busy thread")["source"].as_str().unwrap().contains("codecarbon 3.3.2, core/cpu.py"));
    let bad = run(&here, &["carbon", "--cpu-seconds", "-1", "--ram-mb", "1", "--region", "us-east-1"]);
    assert!(!bad.status.success());
}

/// hyperfine's results of two commands, one sample a number.
fn results(repo: &TempDir, name: &str, sort: &[f64], parse: &[f64]) {
    let text =
        serde_json::json!({"results": [{"command": "sort", "times": sort}, {"command": "parse", "times": parse}]});
    write(repo, name, &text.to_string());
}

#[test]
fn benchmarks_are_compared_and_exit_codes_are_for_ci() {
    let here = tempfile::tempdir().unwrap();
    let (fast, slow) = ([0.100, 0.101, 0.099, 0.102, 0.100], [0.150, 0.149, 0.152, 0.151, 0.150]);
    let even = [0.2, 0.201, 0.199, 0.2, 0.202];
    results(&here, "base.json", &fast, &even);
    results(&here, "head.json", &slow, &even);
    let rows = json(&run(&here, &["bench", "compare", "base.json", "head.json", "--format", "json"]));
    assert_eq!((rows[0]["name"].as_str(), rows[0]["verdict"].as_str()), (Some("sort"), Some("slower")));
    assert!((rows[0]["ratio"].as_f64().unwrap() - 1.5).abs() < 0.02, "{rows}");
    assert!(rows[0]["ci_low"].as_f64().unwrap() > 1.4 && rows[0]["ci_high"].as_f64().unwrap() < 1.6, "{rows}");
    assert_eq!(rows[1]["verdict"], "indistinguishable");
    let text = run(&here, &["bench", "compare", "base.json", "head.json"]);
    assert!(stdout(&text).starts_with("1 of 2 slower, 1 indistinguishable (noise "), "{}", stdout(&text));
    assert!(stdout(&text).contains("sort") && !stdout(&text).contains("parse"), "{}", stdout(&text));
    assert_eq!(text.status.code(), Some(0));
    assert_eq!(run(&here, &["bench", "compare", "base.json", "head.json", "--fail-on-slower"]).status.code(), Some(1));
    assert_eq!(run(&here, &["bench", "compare", "head.json", "base.json", "--fail-on-slower"]).status.code(), Some(0));
}

#[test]
fn folders_of_benchmarks_are_rounds_and_what_says_nothing_is_refused_in_words() {
    let here = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let moved = 1.0 + f64::from(round) / 100.0;
        results(&here, &format!("base/{round}.json"), &[moved, moved], &[moved]);
        results(&here, &format!("head/{round}.json"), &[moved / 2.0], &[moved]);
    }
    let rows = json(&run(&here, &["bench", "compare", "base", "head", "--format", "json"]));
    assert_eq!((rows[0]["verdict"].as_str(), &rows[0]["rounds"]), (Some("faster"), &serde_json::json!([6, 6])));
    results(&here, "once.json", &[1.0], &[1.0]);
    let once = json(&run(&here, &["bench", "compare", "once.json", "once.json", "--format", "json"]));
    assert_eq!((once[0]["verdict"].as_str(), &once[0]["ratio"]), (Some("no_verdict"), &Value::Null));
    write(&here, "other.txt", "BenchmarkX 1 5 ns/op\n");
    write(&here, "empty/report/data.json", "{}");
    for (base, says) in [
        ("other.txt", "no benchmark in common"),
        ("empty", "no file that could be benchmark results"),
        ("nowhere", "neither a file nor a folder"),
    ] {
        let output = run(&here, &["bench", "compare", base, "once.json"]);
        assert_eq!(output.status.code(), Some(2), "{base}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_is_well_and_what_to_mend() {
    let mut world = World::new("").await;
    let well = world.run_configured(&["doctor"]);
    assert!(well.status.success(), "{}", stdout(&well));
    assert!(stdout(&well).contains("signed in at"), "{}", stdout(&well));
    world.set_environment("ECO_CODER_GITHUB_TOKEN", "wrong");
    let ill = world.run_configured(&["doctor"]);
    assert_eq!(ill.status.code(), Some(1));
    assert!(stdout(&ill).contains("MEND    github: GitHub refused the token"), "{}", stdout(&ill));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_health_readiness_and_metrics() {
    let world = World::running("").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    let operator = world.worker().says("working").await["context"]["operator"].as_str().unwrap().to_owned();
    let get = async |path: &str| {
        let answer = reqwest::get(format!("http://{operator}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("/healthz").await.0, 200);
    assert_eq!(get("/readyz").await.0, 200);
    let (_, metrics) = get("/metrics").await;
    for line in [
        "ToolInvocation{ToolName=\"analyze_code\"} 1",
        "GitHubCommentPosted{Result=\"success\"} 1",
        "JobOutcome{Outcome=\"done\"} 1",
        "QueueVisible 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let is_audit = |line: &Value| line["event_type"] == "tool_invocation" && line["tool_name"] == "analyze_code";
    let audit = world.worker().logged(is_audit).await;
    assert_eq!(audit["result"], "success");
    assert_eq!(audit["parameters"]["commit_sha"], head.as_str());
    let log = world.worker().logged(|line| line["component"] == "analyze_code_tool").await;
    assert_eq!(log["context"]["repository"], "acme/shop");
}
