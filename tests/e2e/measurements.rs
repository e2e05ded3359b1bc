//! What workflows of GitHub Actions left of base and head: benchmarks, profiles and linters' findings, in the comment.

use std::io::Write;

use serde_json::json;

use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines, stdout, tree};

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// What is said if nothing was measured.
const HINT: &str = "<details><summary>Nothing was measured: how to provide a profile</summary>";

/// Hyperfine's results of two commands, in seconds.
fn hyperfine(search: f64) -> String {
    let times = |seconds: f64| (0..30).map(|n| seconds * (1.0 + f64::from(n % 7) * 0.002)).collect::<Vec<_>>();
    let of = |command: &str, seconds: f64| json!({"command": command, "mean": seconds, "times": times(seconds)});
    json!({"results": [of("search", search), of("parse", 0.0081)]}).to_string()
}

on_both_engines!(
    what_a_workflow_measured_comes_into_the_comment_when_it_has_ended,
    changed_functions_stand_in_the_comment_base_beside_head_and_a_flame_graph_is_kept,
);

async fn what_a_workflow_measured_comes_into_the_comment_when_it_has_ended(engines: Engines) {
    let world = World::running_on(engines, "[ci]\nartifact = \"eco-coder\"\n[carbon]\nregion = \"eu-west-1\"").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(body.contains("### Eco-Coder: nothing to mend\n"), "{body}");
    assert_eq!(body.matches(HINT).count(), 1, "{body}");
    assert!(body.contains("- run: pip install py-spy") && body.contains("name: eco-coder, path: cpu.folded"), "{body}");
    world.settled().await;

    let base = world.forge.pull(&world.repo, pull).unwrap().base_sha;
    let fast = zip(&[("hyperfine.json", &hyperfine(0.0412))]);
    let slow = zip(&[("out/hyperfine.json", &hyperfine(0.0569)), ("cpu.folded", "main;search 300\nmain;parse 100\n")]);
    world.forge.add_artifact(&world.repo, &base, "eco-coder", &fast).unwrap();
    world.forge.add_artifact(&world.repo, &head, "eco-coder", &slow).unwrap();
    let answer = world.send(&world.forge.workflow_webhook(&world.repo, pull).unwrap()).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let found = world.until("the benchmarks", |forge| {
        world.ours(forge, pull).into_iter().find(|comment| comment.body.contains("How the benchmarks were compared"))
    });
    let body = found.await.body;
    assert!(body.contains("### Eco-Coder: nothing to mend, and `search` got worse\n"), "{body}");
    assert!(body.contains("Time of `search` **+38% (+"), "{body}");
    assert!(body.contains("CO2e per million executions"), "{body}");
    assert!(body.contains("| `search` time | 41.") && body.contains("slower |"), "{body}");
    assert!(body.contains("| 1 other | | | within noise, or without a verdict |"), "{body}");
    assert!(body.contains("`search`") && body.contains("of the samples are in"), "{body}");
    assert!(!body.contains(HINT), "{body}");
    assert_eq!(world.ours(&world.forge, pull).len(), 1);
    world
        .until("the status", |forge| {
            let status = forge.statuses(&world.repo, &head).pop()?;
            status.description.filter(|line| line.contains("1 benchmark got worse"))
        })
        .await;
    world.settled().await;
}

#[tokio::test]
async fn a_workflow_that_left_nothing_costs_two_reads() {
    let world = World::running("[ci]\nartifact = \"eco-coder\"").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    world.forge.clear_requests();
    world.send(&world.forge.workflow_webhook(&world.repo, pull).unwrap()).await;
    world.settled().await;
    let reads: Vec<String> = world.forge.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(reads, ["/repos/acme/shop/pulls/1", "/repos/acme/shop/actions/artifacts"], "{reads:?}");
}

/// Where the base has a comprehension, the head has a loop; and what is above it has grown by two lines.
const SEARCH_BEFORE: &str = "def search(rows, words):\n    return [row for row in rows if row in words]\n";
const SEARCH_NOW: &str = "\
import logging

def search(rows, words):
    found = []
    for row in rows:
        if row in words:
            found.append(row)
    logging.debug(\"found\")
    return found


def index(rows):
    return {row: row for row in rows}
";

async fn changed_functions_stand_in_the_comment_base_beside_head_and_a_flame_graph_is_kept(engines: Engines) {
    let graphs = tempfile::tempdir().unwrap();
    let settings = format!(
        "[ci]\nartifact = \"eco-coder\"\n[profiles]\nfolded_sample_ms = 10.0\nflame_graphs_dir = \"{}\"\n\
         flame_graphs_url = \"https://eco.example/flame-graphs\"",
        graphs.path().display()
    );
    let world = World::running_on(engines, &settings).await;
    let base = world.forge.commit(&world.repo, "main", tree(&[("shop/search.py", SEARCH_BEFORE)]), "Search").unwrap();
    let (pull, head) = world.open("feature", &[("shop/search.py", SEARCH_NOW), ("shop/add.py", CLEAN)]);
    let main = "main (/app/main.py:1)";
    let before = format!("{main};search (/app/shop/search.py:2);<listcomp> (/app/shop/search.py:2) 20\n{main} 80\n");
    let now = format!(
        "{main};search (/app/shop/search.py:6) 50\n{main};search (/app/shop/search.py:8);debug (/lib/logging.py:9) 10\n\
         {main};index (/app/shop/search.py:13) 15\n{main} 25\n"
    );
    for (sha, name, text) in [(&base, "base.folded", &before), (&head, "cpu/head.folded", &now)] {
        world.forge.add_artifact(&world.repo, sha, "eco-coder", &zip(&[(name, text.as_str())])).unwrap();
    }

    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;

    let sentence = "Of the functions changed here, `search` uses most: 50% of the CPU time itself, 60% with what it calls \
                    (base: 20% and 20%).";
    assert!(body.contains(sentence), "{body}");
    let table = "\
| function changed here | CPU time itself, base → head | with what it calls, base → head |
|---|---:|---:|
| `search`, `shop/search.py` lines 3-9 | 20% → **50%** | 20% → **60%** |
| `index`, `shop/search.py` lines 12-13 | - → **15%** | - → **15%** |
";
    assert!(body.contains(table), "{body}");
    assert!(body.contains("- 2 of 3 changed functions in the profile. Shares of base (100 samples)"), "{body}");
    let file = format!("{}/{head}.svg", world.repo);
    assert!(body.contains(&format!("[Flame graph](https://eco.example/flame-graphs/{file})")), "{body}");
    assert!(!body.contains(HINT), "{body}");

    let kept = std::fs::read_to_string(graphs.path().join(&file)).unwrap();
    assert!(kept.contains("base (100 samples) and head (100 samples)") && kept.contains("search"), "{kept:.500}");
    let operator = world.worker().says("working").await["context"]["operator"].as_str().unwrap().to_owned();
    let answer = reqwest::get(format!("http://{operator}/flame-graphs/{file}")).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/svg+xml");
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(answer.text().await.unwrap(), kept);
    for other in ["/flame-graphs/..%2f..%2fstore.db", "/flame-graphs/acme/shop/..%2fx.svg", "/flame-graphs"] {
        assert_eq!(reqwest::get(format!("http://{operator}{other}")).await.unwrap().status(), 404, "{other}");
    }
    world.settled().await;
}

#[tokio::test]
async fn a_reviewed_branch_has_its_changed_functions_and_a_flame_graph_in_a_file() {
    let world = World::new("").await;
    let git = |arguments: &[&str]| {
        let done = std::process::Command::new("git").current_dir(world.dir.path()).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let write = |path: &str, text: &str| std::fs::write(world.dir.path().join(path), text).unwrap();
    git(&["init", "-q", "-b", "main"]);
    git(&["config", "user.email", "a@example.com"]);
    git(&["config", "user.name", "a"]);
    write("search.py", SEARCH_BEFORE);
    git(&["add", "search.py"]);
    git(&["commit", "-qm", "before"]);
    git(&["checkout", "-qb", "feature"]);
    write("search.py", SEARCH_NOW);
    git(&["commit", "-qam", "now"]);
    write("base.txt", "main (main.py:1);search (search.py:2) 20\nmain (main.py:1) 80\n");
    write("head.txt", "main (main.py:1);search (search.py:6) 50\nmain (main.py:1) 50\n");

    let files = ["--profile", "head.txt", "--base-profile", "base.txt", "--flame-graph", "both.svg"];
    let reviewed = world.run(&[&["review"], &files[..]].concat());

    let comment = stdout(&reviewed);
    assert!(comment.contains("| `search`, `search.py` lines 3-9 | 20% → **50%** | 20% → **50%** |"), "{comment}");
    let svg = std::fs::read_to_string(world.dir.path().join("both.svg")).unwrap();
    assert!(svg.contains("base (100 samples) and head (100 samples)") && !svg.contains("<script"), "{svg:.500}");
    assert_eq!(world.run(&["review", "--flame-graph", "x.svg"]).status.code(), Some(2), "of no profile");
}

#[tokio::test]
async fn json_that_is_no_profile_is_said_to_be_none_and_the_review_stands() {
    let world = World::running("").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    let folder = world.data().join("profiles").join(world.repo.as_str()).join(head.as_str());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("cover|age.json"), "{\"lines\": {\"covered\": 9}}").unwrap();
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(body.contains("1 thing to mend; profile unavailable"), "{body}");
    assert!(body.contains("Performance profile unavailable (invalid request): cover"), "{body}");
    assert!(body.contains("age.json: the profile is in no format that is read"), "{body}");
    world.settled().await;
}

#[tokio::test]
async fn the_hint_can_be_switched_off() {
    let world = World::running("[report]\nprofile_hint = false").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(!body.contains("easured"), "{body}");
    world.settled().await;
}
