//! Archives of real repositories, fetched by the real `git`: what is in them, what is not, and that nothing stays.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use eco_coder_github::Auth;
use eco_coder_github::testing::FakeGitHub;
use eco_coder_shared::env::ManualEnv;
use secrecy::SecretString;

use super::*;

const TOKEN: &str = "canary-token-3c41";

struct Stage {
    dir: tempfile::TempDir,
    sources: Sources,
}

fn surroundings() -> Surroundings {
    let environment = eco_coder_shared::config::Settings::process_environment();
    eco_coder_shared::config::Settings::parse("", environment).unwrap().surroundings()
}

impl Stage {
    fn new() -> Self {
        Self::within(Bounds::default())
    }

    /// A repository without a commit, a place for scratch files, and a token.
    fn within(bounds: Bounds) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let root = format!("file://{}", dir.path().display());
        let settings = Settings { root, surroundings: surroundings().with_scratch(scratch), bounds };
        let auth = Auth::token(SecretString::from(TOKEN));
        let env = Arc::new(ManualEnv::new(eco_coder_shared::env::Timestamp(0), 1));
        let github = GitHub::new(FakeGitHub::new(), auth, env, eco_coder_github::Settings::default());
        let stage = Self { sources: Sources::new(github, settings), dir };
        std::fs::create_dir_all(stage.repository()).unwrap();
        stage.git(&["init", "--quiet", "--bare", "--initial-branch=main"], b"");
        stage
    }

    fn repository(&self) -> PathBuf {
        self.dir.path().join("acme/shop.git")
    }

    fn git(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.repository()).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "o").env(format!("GIT_{who}_EMAIL"), "o@example.com");
        }
        let mut child = git.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn blob(&self, text: &[u8]) -> String {
        self.git(&["hash-object", "-w", "--stdin"], text)
    }

    /// A tree as it is written, whatever its names.
    fn tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let mut raw = Vec::new();
        for (mode, name, sha) in entries {
            raw.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            raw.extend(hex::decode(sha).unwrap());
        }
        self.git(&["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], &raw)
    }

    fn commit(&self, tree: &str, parent: Option<&str>) -> String {
        let parent: Vec<&str> = parent.into_iter().flat_map(|sha| ["-p", sha]).collect();
        let sha = self.git(&[&["commit-tree", "-m", "c", tree], &parent[..]].concat(), b"");
        self.git(&["update-ref", &format!("refs/heads/to-{sha}"), &sha], b"");
        sha
    }

    async fn archive(&self, head: &str, base: &str) -> Result<Archive, SourceError> {
        self.sources.archive(&"acme/shop".parse().unwrap(), &head.parse().unwrap(), &base.parse().unwrap()).await
    }

    /// Nothing is left where scratch files are; what was killed a moment ago may take one.
    async fn is_clean(&self) {
        for _ in 0..100 {
            if std::fs::read_dir(self.dir.path().join("scratch")).unwrap().next().is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("source stays at rest");
    }
}

fn unzip(archive: &Archive) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive.path()).unwrap()).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut bytes = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    names.into_iter().map(|name| (name.clone(), bytes(&name))).collect()
}

#[tokio::test]
async fn it_has_the_files_of_the_head_and_both_commits_and_no_token() {
    let stage = Stage::new();
    let (one, two) = (stage.blob(b"x = 1\n"), stage.blob(b"x = 2\n"));
    let base = stage.commit(&stage.tree(&[("100644", "a.py", &one)]), None);
    let link = stage.blob(b"/etc/passwd");
    let folder = stage.tree(&[("100755", "run.py", &one)]);
    let files = [("100644", "a.py", &*two), ("120000", "link.py", &*link), ("40000", "src", &*folder)];
    let mut head = base.clone();
    // So many commits that the base is not among the first that are fetched.
    for n in 0..70 {
        let blob = stage.blob(format!("x = {n}\n").as_bytes());
        head = stage.commit(&stage.tree(&[("100644", "a.py", &blob)]), Some(&head));
    }
    let head = stage.commit(&stage.tree(&files), Some(&head));
    let archive = stage.archive(&head, &base).await.unwrap();
    let files = unzip(&archive);
    assert_eq!(files["a.py"], b"x = 2\n");
    assert_eq!(files["src/run.py"], b"x = 1\n");
    assert_eq!(files["link.py"], b"/etc/passwd", "where it points, and not what is there");
    for (name, bytes) in &files {
        let is_name = |name: &str| !name.starts_with('/') && !name.split('/').any(|part| part == "..");
        assert!(is_name(name) && !name.contains("hooks"), "{name}");
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(TOKEN) && !text.contains("Authorization"), "{name}");
    }
    assert!(!files.contains_key(".git/FETCH_HEAD"));

    // Whoever unpacks it sees the head checked out, and the base before it.
    let there = tempfile::tempdir().unwrap();
    zip::ZipArchive::new(std::fs::File::open(archive.path()).unwrap()).unwrap().extract(there.path()).unwrap();
    let ask = |arguments: &[&str]| {
        let git = Command::new("git").arg("-C").arg(there.path()).args(arguments).output().unwrap();
        (git.status.success(), String::from_utf8(git.stdout).unwrap().trim().to_owned())
    };
    assert_eq!(ask(&["rev-parse", "HEAD"]), (true, head.clone()));
    assert_eq!(ask(&["merge-base", &base, &head]), (true, base.clone()));
    assert_eq!(ask(&["diff", "--name-only", &base, &head]), (true, "a.py\nlink.py\nsrc/run.py".to_owned()));
    assert_eq!(ask(&["rev-parse", "--abbrev-ref", "HEAD"]), (true, HEAD_BRANCH.to_owned()));

    drop(archive);
    stage.is_clean().await;
}

#[tokio::test]
async fn names_that_lead_out_of_it_are_refused_and_nothing_stays() {
    for name in ["..", ".git", ".GIT", "git~1"] {
        let stage = Stage::new();
        let blob = stage.blob(b"x\n");
        let inner = stage.tree(&[("100644", "config", &blob)]);
        let head = stage.commit(&stage.tree(&[("40000", name, &inner)]), None);
        let error = stage.archive(&head, &head).await.err().unwrap();
        assert!(matches!(error, SourceError::Git { command: "reset", .. }) && !error.may_pass(), "{name}: {error}");
        stage.is_clean().await;
    }
}

#[tokio::test]
async fn each_bound_holds() {
    // Random bytes, which nothing packs.
    let mut noise = vec![0_u8; 300_000];
    let mut seed = 7_u32;
    for byte in &mut noise {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (seed >> 24) as u8;
    }
    let plain = vec![b'x'; 200_001];
    for (bounds, files, says) in [
        (Bounds { packed: 200_000, ..Bounds::default() }, &noise[..], "history and files"),
        (Bounds { unpacked: 200_000, ..Bounds::default() }, &plain[..], "files at the head"),
        (Bounds { archive: 200_000, ..Bounds::default() }, &noise[..], "archive of the source"),
    ] {
        let stage = Stage::within(bounds);
        let blob = stage.blob(files);
        let head = stage.commit(&stage.tree(&[("100644", "a.py", &blob)]), None);
        let error = stage.archive(&head, &head).await.err().unwrap();
        assert!(error.to_string().contains(says) && !error.may_pass(), "{error}");
        stage.is_clean().await;
    }
    let stage = Stage::within(Bounds { unpacked: 200_000, ..Bounds::default() });
    let blob = stage.blob(&plain[..200_000]);
    let head = stage.commit(&stage.tree(&[("100644", "a.py", &blob)]), None);
    stage.archive(&head, &head).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_is_not_there_may_come_and_no_git_never_does() {
    let stage = Stage::new();
    let head = stage.commit(&stage.tree(&[]), None);
    let error = stage.archive(&"c".repeat(40), &head).await.err().unwrap();
    assert!(error.may_pass() && error.to_string().starts_with("git fetch failed"), "{error}");
    stage.is_clean().await;
    let mut stage = Stage::new();
    stage.sources.settings.surroundings = Surroundings::default().with_scratch(stage.dir.path().join("scratch"));
    // Without a PATH the system's usual directories count, so the one that has no git is named.
    let empty = [("PATH".to_owned(), stage.dir.path().display().to_string())];
    let settings = eco_coder_shared::config::Settings::parse("", empty).unwrap();
    stage.sources.settings.surroundings = settings.surroundings().with_scratch(stage.dir.path().join("scratch"));
    let error = stage.archive(&head, &head).await.err().unwrap();
    assert!(error.to_string().contains("install git") && !error.may_pass(), "{error}");
    assert!(check_git(&stage.sources.settings).await.is_err());
    stage.is_clean().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_nothing() {
    let stage = Stage::new();
    let blob = stage.blob(b"x\n");
    let head = stage.commit(&stage.tree(&[("100644", "a.py", &blob)]), None);
    for millis in [1, 5, 10, 20, 40] {
        let _ = tokio::time::timeout(Duration::from_millis(millis), stage.archive(&head, &head)).await;
        stage.is_clean().await;
    }
}

#[test]
fn the_token_is_in_no_argument_and_only_with_the_fetch() {
    let (home, given) = (PathBuf::from("/h"), surroundings());
    let git = Git::new(Path::new("/d"), &home, "https://github.com", &given);
    let token = SecretString::from(TOKEN);
    let shown = |token: Option<&SecretString>| {
        let command = git.command(token);
        let arguments = format!("{:?}", command.as_std().get_args().collect::<Vec<_>>());
        let environment: Vec<String> = command
            .as_std()
            .get_envs()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.unwrap_or_default().to_string_lossy()))
            .collect();
        (arguments, environment)
    };
    let (arguments, environment) = shown(Some(&token));
    assert!(!arguments.contains("Authorization") && !arguments.contains(TOKEN), "{arguments}");
    let header = environment.iter().find(|line| line.contains("Authorization: Basic ")).unwrap();
    let number = header.split(['=', '_']).nth(3).unwrap();
    // To GitHub and nobody else.
    let key = format!("GIT_CONFIG_KEY_{number}=http.https://github.com/.extraHeader");
    assert!(environment.contains(&key), "{environment:?}");
    assert!(environment.contains(&"GIT_ALLOW_PROTOCOL=https".to_owned()));
    assert!(!shown(None).1.iter().any(|line| line.contains("Authorization")));
}
