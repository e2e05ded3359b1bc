use super::*;
use crate::forge::content::{ChangeStatus, Content};

/// A repository made with git itself, away from the machine's configuration.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        let scratch = Self(tempfile::tempdir().unwrap());
        scratch.git(&["init", "--quiet", "--initial-branch=main"]);
        scratch
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.0.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .expect("git is needed for this test: install git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn commit(&self, message: &str) -> CommitSha {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    fn content(&self) -> Content {
        Content::git(self.0.path())
    }
}

#[test]
fn branches_and_shas_are_resolved_and_options_are_not() {
    let scratch = Scratch::new();
    scratch.write("a", b"1\n");
    let sha = scratch.commit("one");
    let content = scratch.content();
    assert_eq!(content.resolve("main").unwrap(), sha);
    assert_eq!(content.resolve("HEAD").unwrap(), sha);
    assert_eq!(content.resolve(sha.short()).unwrap(), sha);
    for bad in ["", "--all", "-n", "main..main", "a b", "main:a", "x\n"] {
        assert!(matches!(content.resolve(bad), Err(ContentError::BadRevision(_))), "{bad:?}");
    }
    assert!(matches!(content.resolve("nowhere"), Err(ContentError::UnknownRevision(_))));
}

#[test]
fn every_kind_of_change_is_told_apart() {
    let scratch = Scratch::new();
    let long = "line one\nline two\nline three\nline four\n";
    scratch.write("edited.py", b"a\nb\nc\n");
    scratch.write("old.py", long.as_bytes());
    scratch.write("gone.py", b"-- x\n");
    scratch.write("mode.sh", b"#!/bin/sh\n");
    scratch.write("image.png", b"\x89PNG\0\0");
    scratch.write("strange \"name\"\n\u{e4}.py", b"1\n");
    let base = scratch.commit("base");
    scratch.write("edited.py", b"a\nB\nc");
    scratch.write("new.py", format!("{long}diff --git a/x b/x\n").as_bytes());
    std::fs::remove_file(scratch.0.path().join("old.py")).unwrap();
    std::fs::remove_file(scratch.0.path().join("gone.py")).unwrap();
    scratch.write("image.png", b"\x89PNG\0\x01");
    scratch.write("strange \"name\"\n\u{e4}.py", b"2\n");
    scratch.git(&["update-index", "--chmod=+x", "mode.sh"]);
    scratch.git(&["config", "core.fileMode", "false"]);
    let head = scratch.commit("head");

    let changes = scratch.content().changes(&base, &head).unwrap();
    let found = |path: &str| changes.iter().find(|change| change.path == path).unwrap();
    let edited = found("edited.py");
    assert_eq!((edited.status, edited.additions, edited.deletions), (ChangeStatus::Modified, 2, 2));
    assert_eq!(edited.patch.as_deref(), Some("@@ -1,3 +1,3 @@\n a\n-b\n-c\n+B\n+c\n\\ No newline at end of file"));
    let renamed = found("new.py");
    assert_eq!((renamed.status, renamed.previous_path.as_deref()), (ChangeStatus::Renamed, Some("old.py")));
    assert_eq!((renamed.additions, renamed.deletions), (1, 0));
    let gone = found("gone.py");
    assert_eq!((gone.status, gone.patch.as_deref()), (ChangeStatus::Removed, Some("@@ -1 +0,0 @@\n--- x")));
    let mode = found("mode.sh");
    assert_eq!((mode.status, &mode.patch), (ChangeStatus::Changed, &None));
    assert_eq!(found("image.png").patch, None);
    assert_eq!(found("strange \"name\"\n\u{e4}.py").status, ChangeStatus::Modified);
    assert_eq!(changes.len(), 6);
}

#[test]
fn the_relation_of_two_branches() {
    let scratch = Scratch::new();
    scratch.write("a", b"1\n");
    let start = scratch.commit("start");
    scratch.git(&["switch", "--quiet", "-c", "topic"]);
    let first = scratch.commit("first\n\nwith a body");
    let head = scratch.commit("second");
    scratch.git(&["switch", "--quiet", "main"]);
    let base = scratch.commit("meanwhile");
    let relation = scratch.content().relation(&base, &head).unwrap().unwrap();
    assert_eq!((relation.merge_base, relation.ahead_by, relation.behind_by), (start, 2, 1));
    let shas: Vec<_> = relation.commits.iter().map(|commit| commit.sha.clone()).collect();
    assert_eq!(shas, [first, head.clone()]);
    assert_eq!(relation.commits[0].message, "first\n\nwith a body");
    assert_eq!(relation.commits[0].author, "Ada");

    scratch.git(&["switch", "--quiet", "--orphan", "stranger"]);
    let stranger = scratch.commit("stranger");
    assert_eq!(scratch.content().relation(&stranger, &head).unwrap(), None);
}

#[test]
fn files_links_and_folders_are_read_by_commit() {
    let scratch = Scratch::new();
    scratch.write("src/a.py", b"old\n");
    scratch.write(":(top)*.py", b"magic\n");
    std::os::unix::fs::symlink("../src/a.py", scratch.0.path().join("src/in")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", scratch.0.path().join("out")).unwrap();
    let base = scratch.commit("base");
    scratch.write("src/a.py", b"new\n");
    scratch.commit("head");
    let content = scratch.content();
    let bytes = |path: &str| match content.entry(&base, path).unwrap() {
        Some(Entry::File { bytes, .. }) => bytes,
        other => panic!("{other:?}"),
    };
    assert_eq!(bytes("src/a.py"), b"old\n");
    assert_eq!(bytes("src/in"), b"old\n");
    assert_eq!(bytes(":(top)*.py"), b"magic\n");
    assert!(
        matches!(content.entry(&base, "out").unwrap(), Some(Entry::Symlink { target, .. }) if target == "/etc/passwd")
    );
    assert_eq!(content.entry(&base, "src/b.py").unwrap(), None);
    assert_eq!(content.entry(&base, "*.py").unwrap(), None);
    let Some(Entry::Directory(entries)) = content.entry(&base, "src").unwrap() else { panic!("a directory") };
    let names: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.size)).collect();
    assert_eq!(names, [("a.py", "file", 4), ("in", "symlink", 11)]);
    let Some(Entry::File { sha, .. }) = content.entry(&base, "src/a.py").unwrap() else { panic!("a file") };
    assert_eq!(content.blob(&sha.parse().unwrap()).unwrap().as_deref(), Some(&b"old\n"[..]));
    assert_eq!(content.blob(&base).unwrap(), None);
}

#[test]
fn a_hostile_configuration_runs_nothing() {
    let scratch = Scratch::new();
    scratch.write(".gitattributes", b"*.py diff=evil filter=evil\n");
    scratch.write("a.py", b"1\n");
    let base = scratch.commit("base");
    scratch.write("a.py", b"2\n");
    let head = scratch.commit("head");
    let touch = format!("touch {}", scratch.0.path().join("ran").display());
    for key in [
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "core.pager",
        "core.fsmonitor",
        "filter.evil.smudge",
    ] {
        scratch.git(&["config", key, &touch]);
    }
    let content = scratch.content();
    let changes = content.changes(&base, &head).unwrap();
    assert_eq!(changes[0].patch.as_deref(), Some("@@ -1 +1 @@\n-1\n+2"));
    content.entry(&head, "a.py").unwrap();
    content.relation(&base, &head).unwrap();
    assert!(!scratch.0.path().join("ran").exists());
}

/// A partial clone fetches what is missing, from wherever its configuration says, `ext::` being any command.
#[test]
fn a_missing_object_is_never_fetched_by_any_git() {
    let scratch = Scratch::new();
    scratch.write("a.py", b"1\n");
    let head = scratch.commit("base");
    let blob = scratch.git(&["rev-parse", "HEAD:a.py"]);
    let (folder, file) = blob.split_at(2);
    std::fs::remove_file(scratch.0.path().join(".git/objects").join(folder).join(file)).unwrap();
    let ran = scratch.0.path().join("ran");
    scratch.git(&["config", "core.repositoryFormatVersion", "1"]);
    scratch.git(&["config", "extensions.partialClone", "evil"]);
    scratch.git(&["config", "remote.evil.promisor", "true"]);
    scratch.git(&["config", "protocol.allow", "always"]);
    scratch.git(&["config", "protocol.ext.allow", "always"]);
    scratch.git(&["config", "remote.evil.url", &format!("ext::sh -c touch% {}", ran.display())]);

    let copy = GitCopy::new(scratch.0.path());
    assert!(copy.entry(&head, "a.py").is_err());
    assert!(!ran.exists());
    // What a git does that knows nothing of GIT_NO_LAZY_FETCH.
    let mut older = copy.command("cat-file", ["blob", &blob]);
    older.env_remove("GIT_NO_LAZY_FETCH");
    assert!(!older.output().unwrap().status.success());
    assert!(!ran.exists());
    // The attack is real: without the list of protocols it runs.
    older.env_remove("GIT_ALLOW_PROTOCOL").output().unwrap();
    assert!(ran.exists());
}

#[test]
fn what_unpacks_to_more_than_anybody_reviews_is_refused_by_its_size() {
    let scratch = Scratch::new();
    scratch.write("a.py", b"1\n");
    let base = scratch.commit("base");
    scratch.write("bomb.py", &vec![b'\n'; MAX_BLOB + 1]);
    scratch.write("large.py", &vec![b'\n'; 5 << 20]);
    scratch.write("a.py", b"2\n");
    std::fs::write(scratch.0.path().join("target"), "x".repeat(MAX_TARGET + 1)).unwrap();
    let target = scratch.git(&["hash-object", "-w", "target"]);
    std::fs::remove_file(scratch.0.path().join("target")).unwrap();
    scratch.git(&["add", "--all"]);
    scratch.git(&["update-index", "--add", "--cacheinfo", &format!("120000,{target},link")]);
    scratch.git(&["commit", "--quiet", "-m", "bomb"]);
    let head: CommitSha = scratch.git(&["rev-parse", "HEAD"]).parse().unwrap();

    let content = scratch.content();
    let changes = content.changes(&base, &head).unwrap();
    let shown: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.patch.is_some())).collect();
    assert_eq!(shown, [("a.py", true), ("bomb.py", false), ("large.py", false), ("link", true)]);
    assert_eq!(changes[2].additions, 0, "not compared at all");
    for path in ["bomb.py", "link"] {
        assert!(matches!(content.entry(&head, path), Err(ContentError::TooLarge)), "{path}");
    }
    let bomb: CommitSha = scratch.git(&["rev-parse", "HEAD:bomb.py"]).parse().unwrap();
    assert!(matches!(content.blob(&bomb), Err(ContentError::TooLarge)));
    assert!(
        matches!(content.entry(&head, "large.py").unwrap(), Some(Entry::File { bytes, .. }) if bytes.len() == 5 << 20)
    );
}

/// One blob of 3 MiB at many paths: little to store, much to show.
#[test]
fn a_difference_beyond_all_limits_is_cut_and_every_file_is_listed() {
    let scratch = Scratch::new();
    scratch.write("a.py", b"1\n");
    let base = scratch.commit("base");
    scratch.write("a.py", b"2\n");
    for n in 0..40 {
        scratch.write(&format!("many/{n}.txt"), &vec![b'x'; 3 << 20]);
    }
    let head = scratch.commit("many");
    let changes = scratch.content().changes(&base, &head).unwrap();
    assert_eq!(changes.len(), 41);
    assert_eq!(changes[0].patch.as_deref(), Some("@@ -1 +1 @@\n-1\n+2"));
    let compared = changes.iter().filter(|change| change.additions > 0).count();
    assert!((2..41).contains(&compared), "{compared}");
    assert!(changes.iter().skip(1).all(|change| change.status == ChangeStatus::Added && change.patch.is_none()));
}

#[test]
fn names_in_memory_are_the_ones_git_gives() {
    let scratch = Scratch::new();
    scratch.write("src/lib/b.py", b"2\n");
    scratch.write("src/a.py", b"1\n");
    scratch.write("src.txt", b"3\n");
    scratch.commit("base");
    let tree = [("src/lib/b.py", "2\n"), ("src/a.py", "1\n"), ("src.txt", "3\n")];
    let mut tree: Vec<_> = tree.map(|(path, text)| (path, super::super::objects::blob_id(text.as_bytes()))).into();
    tree.sort();
    let id = super::super::objects::tree_id(tree.iter().map(|(path, blob)| (*path, blob.as_str())));
    assert_eq!(id, scratch.git(&["rev-parse", "HEAD^{tree}"]));
}
