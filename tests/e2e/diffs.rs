//! Every kind of change that git knows, from a real repository through the forge and the worker to the comment: nothing
//! breaks, and findings are on the right lines.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use eco_coder::forge::{Action, Content, Fault, NewPull};
use eco_coder_shared::ids::{CommitSha, PullNumber};
use serde_json::json;
use tempfile::TempDir;

use crate::world::{CLEAN, QUERY_IN_A_LOOP, World};

const FILES: &str = "/repos/*/*/pulls/*/files";
/// A line as long as no line is.
const ENDLESS: usize = 50 << 20;
/// Fifty megabytes take the forge a moment.
const PATIENT: &str = "[github]\nrequest_timeout_seconds = 20\n[worker]\nlease_seconds = 60";

struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    fn git(&self, arguments: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"])
            .args(["-c", "core.autocrlf=false"])
            .args(arguments)
            .current_dir(self.0.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// What is there, with submodules that stand at these commits.
    fn commit(&self, submodules: &[(&str, &str)]) {
        self.git(&["add", "--", "."]);
        for (path, commit) in submodules {
            self.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{path}")]);
        }
        self.git(&["commit", "-q", "-m", "A change"]);
    }
}

/// Where the comment's findings are, each as path and line.
fn places(body: &str) -> Vec<String> {
    let findings = body.lines().filter(|line| line.starts_with("**"));
    let place = |line: &str| {
        let (path, line) = line.rsplit_once(" line ")?;
        let path = path.rsplit_once(" - `")?.1.trim_end_matches('`');
        Some(format!("{path} {line}"))
    };
    findings.map(|line| place(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

/// Replaces the world's repository by a git one, and opens a pull request from `feature` to `main`.
fn opened(world: &World, repository: &Path) -> (PullNumber, CommitSha) {
    world.forge.add_repository(&world.repo, Content::git(repository));
    let pull = world.forge.open_pull(&world.repo, NewPull::new("A change", "feature")).unwrap();
    (pull, world.forge.pull(&world.repo, pull).unwrap().head_sha)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_is_reviewed_on_the_right_lines() {
    const QUOTED: &str = "na\u{ef}ve \"dir\"/\u{65e5}\u{672c}\t\\1.py";
    let repository = Repository::new();
    repository.write("old/name.py", QUERY_IN_A_LOOP);
    repository.write("run.py", QUERY_IN_A_LOOP);
    repository.write("crlf.py", "import os\r\nimport re\r\n");
    repository.write("cr.py", "# one\rline\n");
    repository.write("end.py", "import os");
    repository.write("headers.py", "text = \"\"\"\n-- a/headers.py\n++ b/headers.py\n@@ -1 +1 @@\n\"\"\"\n");
    repository.write("gone.py", CLEAN);
    repository.commit(&[("module.py", &"1".repeat(40))]);
    repository.git(&["checkout", "-q", "-b", "feature"]);
    repository.git(&["mv", "old", "new"]);
    std::fs::set_permissions(repository.path("run.py"), std::fs::Permissions::from_mode(0o755)).unwrap();
    repository.write(QUOTED, &format!("{}{QUERY_IN_A_LOOP}", "x = 1\n".repeat(30)));
    repository.write("crlf.py", &format!("import os\r\nimport re\r\n{}", QUERY_IN_A_LOOP.replace('\n', "\r\n")));
    repository.write("cr.py", &format!("# one\rline\n# a\rb\rc\r\n{QUERY_IN_A_LOOP}"));
    repository.write("end.py", &format!("import os\nimport re\n\n\n\n\n{}", QUERY_IN_A_LOOP.trim_end()));
    let text = "text = \"\"\"\n++ a/headers.py\n-- b/headers.py\n@@ -9 +9 @@\n\"\"\"\n\n\n\n\n";
    repository.write("headers.py", &format!("{text}{QUERY_IN_A_LOOP}"));
    repository.git(&["rm", "-q", "gone.py"]);
    repository.commit(&[("module.py", &"2".repeat(40))]);

    let world = World::running("").await;
    let (pull, head) = opened(&world, repository.0.path());
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    world.settled().await;
    let found = places(&comment.body);
    assert_eq!(
        found,
        ["cr.py 6", "crlf.py 6", "end.py 10", "headers.py 13", "na\u{ef}ve \"dir\"/\u{65e5}\u{672c} \\1.py 34"],
        "{}",
        comment.body
    );
    for untouched in ["gone.py` (nothing added)", "new/name.py` (nothing added)", "run.py` (nothing added)"] {
        assert!(comment.body.contains(untouched), "{untouched}: {}", comment.body);
    }
    assert!(comment.body.contains("`module.py` (not a file at this commit)"), "{}", comment.body);
    // None of them is a gap: another try would see no more.
    assert!(!comment.body.contains("incomplete"), "{}", comment.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_combined_diff_is_a_gap_that_the_comment_names() {
    let world = World::running("").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP), ("b.py", QUERY_IN_A_LOOP)]);
    let file = |path: &str, patch: &str| {
        json!({
            "filename": path, "status": "modified", "additions": 1, "deletions": 0, "changes": 1, "patch": patch,
            "sha": "1".repeat(40),
        })
    };
    let lines = format!("@@ -0,0 +1,6 @@\n+{}", QUERY_IN_A_LOOP.trim_end().replace('\n', "\n+"));
    let body = json!([file("a.py", "@@@ -1,2 -1,2 +1,3 @@@\n  a\n++b"), file("b.py", &lines)]).to_string();
    world.forge.add_fault(Fault::on("GET", FILES, Action::Answer { status: 200, headers: Vec::new(), body }));
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    assert_eq!(places(&comment.body), ["b.py 4"], "{}", comment.body);
    assert!(comment.body.contains("1 thing to mend; code analysis incomplete"), "{}", comment.body);
    assert!(comment.body.contains("`a.py` (its patch can't be read: line 1 of the patch starts a combined diff"));
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_fifty_megabytes_is_not_fetched_and_named_as_not_looked_at() {
    let world = World::running(PATIENT).await;
    let endless = format!("x = '{}'\n", "a".repeat(ENDLESS));
    let (pull, head) = world.open("feature", &[("endless.py", &endless), ("app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(places(&comment.body), ["app/orders.py 4"], "{}", comment.body);
    assert!(comment.body.contains("`endless.py` (over 2 MB)"), "{}", comment.body);
    assert!(world.worker().peak_memory() < 2 * ENDLESS, "{} bytes", world.worker().peak_memory());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_of_fifty_megabytes_is_not_held_and_the_next_try_goes_on() {
    let world = World::running(PATIENT).await;
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    let file = json!([{
        "filename": "app/orders.py", "status": "added", "additions": 1, "deletions": 0, "changes": 1,
        "patch": "@@ -0,0 +1 @@\n+ENDLESS", "sha": "1".repeat(40),
    }]);
    let body = file.to_string().replace("ENDLESS", &"a".repeat(ENDLESS));
    let answer = Action::Answer { status: 200, headers: Vec::new(), body };
    world.forge.add_fault(Fault::on("GET", FILES, answer));
    world.deliver(pull, "opened").await;
    let line = world.worker().says("the review failed").await;
    assert!(line["context"]["error"].as_str().unwrap().contains("too large"), "{line}");
    let comment = world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(places(&comment.body), ["app/orders.py 4"], "{}", comment.body);
    assert!(world.worker().peak_memory() < 2 * ENDLESS, "{} bytes", world.worker().peak_memory());
}
