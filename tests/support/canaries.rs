//! Canaries: what stands in the place of every secret of every process that a test starts. Whatever the process then writes,
//! counts, keeps and sends is searched for them, in the forms that a text takes on its way; a found one fails the test.

use std::collections::BTreeSet;
use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::process::Process;
use crate::world::{World, run_in};

/// In the environment and nowhere else: must turn up nowhere.
pub const TOKEN: &str = "canary-token-5f1e9a";
pub const SECRET: &str = "canary-webhook-secret-77c2";
const MODEL_KEY: &str = "canary-model-key-3fd1";
const AWS_KEY: &str = "canary/aws+secret-08b6";
const NO_SETTING: &str = "canary of the environment? 91d0";
const SESSION_KEY: &str = "6a1f03c9e27b584de0917ca35b8842f6d1930eaf72cc4b06985e1dfa23b7740c";
/// A file that holds a secret because it must: what is kept under this name is searched for in all else.
const KEY_FILE: &str = "session.key";

/// What is shorter isn't looked for: it stands in plain words by chance.
const SHORTEST: usize = 12;

/// Every secret that a process can be given, and one that is none of its settings.
pub fn environment() -> Vec<(String, String)> {
    [
        ("ECO_CODER_GITHUB_TOKEN", TOKEN),
        ("ECO_CODER_WEBHOOK_SECRET", SECRET),
        ("ECO_CODER_SECRET_SESSION", SESSION_KEY),
        ("ECO_CODER_SECRET_MODEL", MODEL_KEY),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", AWS_KEY),
        ("CANARY", NO_SETTING),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// What is looked for.
pub struct Canaries {
    automaton: AhoCorasick,
    /// Of each form, whose it is.
    names: Vec<String>,
}

impl Canaries {
    /// All of [`environment`], and the secrets in a process's own.
    pub fn of(given: &[(String, String)]) -> Self {
        let is_secret = |name: &str| {
            ["ECO_CODER_SECRET_", "ECO_CODER_GITHUB_TOKEN", "ECO_CODER_WEBHOOK_SECRET", "AWS_SECRET", "CANARY"]
                .iter()
                .any(|start| name.starts_with(start))
        };
        let all = environment();
        Self::new(all.iter().chain(given).filter(|(name, _)| is_secret(name)).map(|(n, v)| (n.as_str(), v.as_str())))
    }

    fn new<'a>(secrets: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut seen, mut patterns, mut names) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (name, value) in secrets {
            // A key in PEM has lines, and any of them is too much.
            let long = value.lines().filter(|line| line.len() >= SHORTEST && !line.starts_with("-----"));
            for form in long.flat_map(forms) {
                if seen.insert(form.clone()) {
                    patterns.push(form);
                    names.push(name.to_owned());
                }
            }
        }
        let mut automaton = AhoCorasick::builder();
        automaton.ascii_case_insensitive(true).match_kind(MatchKind::Standard);
        Self { automaton: automaton.build(patterns).unwrap(), names }
    }

    /// Whose secret is in there, in whatever form.
    pub fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        self.automaton.find(bytes).map(|found| self.names[found.pattern()].as_str())
    }

    /// Fails if there is one; `what` says where.
    pub fn refuse(&self, what: &str, bytes: &[u8]) {
        if let Some(name) = self.found_in(bytes) {
            panic!("the secret of {name} turned up in {what}");
        }
    }

    /// Fails if one is in a file below the directory.
    pub fn refuse_below(&self, directory: &Path) {
        let mut todo = vec![directory.to_owned()];
        let (mut files, mut kept) = (Vec::new(), Vec::new());
        while let Some(path) = todo.pop() {
            let Ok(kind) = std::fs::symlink_metadata(&path) else { continue };
            if kind.is_dir() {
                todo.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            } else if path.ends_with(KEY_FILE) {
                kept.extend(std::fs::read_to_string(&path));
            } else if kind.is_file() {
                files.push(path);
            }
        }
        let kept = Self::new(kept.iter().map(|key| (KEY_FILE, key.as_str())));
        for path in files {
            let bytes = std::fs::read(&path).unwrap_or_default();
            self.refuse(&path.display().to_string(), &bytes);
            kept.refuse(&path.display().to_string(), &bytes);
        }
    }
}

/// The text as it is, and as it may be written elsewhere.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let mut forms = vec![
        bytes.to_vec(),
        hex::encode(bytes).into_bytes(),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        // With the lower-case digits too: the search doesn't tell cases apart.
        escaped(text, |byte| format!("%{byte:02X}")),
        escaped(text, |byte| if byte == b' ' { "+".to_owned() } else { format!("%{byte:02X}") }),
        text.replace('/', "\\/").into_bytes(),
        text.replace('+', "\\u002b").into_bytes(),
        format!("{bytes:?}").trim_matches(['[', ']']).as_bytes().to_vec(),
    ];
    forms.extend(hex::decode(text));
    for offset in 0..3 {
        let standard = base64_within(bytes, offset);
        forms.push(standard.replace('+', "-").replace('/', "_").into_bytes());
        forms.push(escaped(&standard, |byte| format!("%{byte:02X}")));
        forms.push(standard.into_bytes());
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

fn escaped(text: &str, escape: impl Fn(u8) -> String) -> Vec<u8> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let parts = text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { escape(byte) });
    parts.collect::<String>().into_bytes()
}

/// The characters of base64 that say these bytes and nothing of what stands around them, if they begin `offset` bytes into
/// a group of three.
fn base64_within(bytes: &[u8], offset: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = &bytes[(3 - offset) % 3..];
    let groups = whole.chunks_exact(3).map(|three| u32::from_be_bytes([0, three[0], three[1], three[2]]));
    groups.flat_map(|group| [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(group >> shift) as usize & 63]))).collect()
}

#[test]
fn a_canary_is_found_in_every_form_that_a_text_takes() {
    let canaries = Canaries::of(&[("ECO_CODER_SECRET_OWN".to_owned(), "k€y/with+all sorts".to_owned())]);
    for (name, shown) in [
        ("ECO_CODER_GITHUB_TOKEN", "Bearer canary-token-5f1e9a\r\n".to_owned()),
        ("ECO_CODER_GITHUB_TOKEN", "CANARY-TOKEN-5F1E9A".to_owned()),
        // x-access-token:TOKEN, as git is given it; and with one and two bytes before it less.
        ("ECO_CODER_GITHUB_TOKEN", "basic eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5LXRva2VuLTVmMWU5YQ==".to_owned()),
        ("ECO_CODER_GITHUB_TOKEN", "LWFjY2Vzcy10b2tlbjpjYW5hcnktdG9rZW4tNWYxZTlh".to_owned()),
        ("ECO_CODER_GITHUB_TOKEN", "YWNjZXNzLXRva2VuOmNhbmFyeS10b2tlbi01ZjFlOWE=".to_owned()),
        ("ECO_CODER_WEBHOOK_SECRET", hex::encode(SECRET)),
        ("ECO_CODER_WEBHOOK_SECRET", hex::encode_upper(SECRET)),
        ("AWS_SECRET_ACCESS_KEY", "https://h/?key=canary%2Faws%2Bsecret-08b6&x".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "canary%2faws%2bsecret-08b6".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "{\"key\":\"canary\\/aws+secret-08b6\"}".to_owned()),
        ("CANARY", "canary+of+the+environment%3F+91d0".to_owned()),
        ("CANARY", "canary%20of%20the%20environment%3F%2091d0".to_owned()),
        ("ECO_CODER_SECRET_OWN", "k%E2%82%ACy%2Fwith%2Ball%20sorts".to_owned()),
        // As Debug shows bytes.
        ("ECO_CODER_SECRET_MODEL", format!("{:?}", MODEL_KEY.as_bytes())),
    ] {
        assert_eq!(canaries.found_in(shown.as_bytes()), Some(name), "{shown}");
    }
    let raw = [b"\x00\x01".as_slice(), &hex::decode(SESSION_KEY).unwrap()].concat();
    assert_eq!(canaries.found_in(&raw), Some("ECO_CODER_SECRET_SESSION"), "the key itself, not its digits");
    let wide: Vec<u8> = TOKEN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(canaries.found_in(&wide), Some("ECO_CODER_GITHUB_TOKEN"));
    for innocent in ["", "env:ECO_CODER_GITHUB_TOKEN", "canary-token", "canary", SESSION_KEY.split_at(40).0] {
        assert_eq!(canaries.found_in(innocent.as_bytes()), None, "{innocent}");
    }
}

#[test]
fn a_found_canary_fails_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let key = "0123456789abcdef".repeat(4);
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data").join(KEY_FILE), &key).unwrap();
    let fails = || {
        let look = || Canaries::of(&[]).refuse_below(dir.path());
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).err()?;
        failed.downcast_ref::<String>().cloned()
    };
    assert_eq!(fails(), None, "a key's own file is its place");
    for (leak, name) in [(format!("\x00{key}"), KEY_FILE), (SECRET.to_owned(), "ECO_CODER_WEBHOOK_SECRET")] {
        std::fs::write(dir.path().join("data/store.db-wal"), leak).unwrap();
        let said = fails().expect("it is found");
        assert!(said.contains(name) && said.contains("data/store.db-wal"), "{said}");
        assert!(!said.contains(SECRET), "the failure itself tells no secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_test_starts_is_searched() {
    let fails = |run: Box<dyn FnOnce()>| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("wrong.toml");
    // The name of a setting that there isn't is repeated to the operator.
    std::fs::write(&config, format!("{TOKEN} = 1\n")).unwrap();
    let (directory, file) = (dir.path().to_owned(), config.display().to_string());
    assert!(fails(Box::new(move || drop(run_in(&directory, &[], &["doctor", "--config", &file])))), "a command");
    let mut process = Process::start("ingress", &config, &environment());
    process.ended().await;
    assert!(fails(Box::new(move || drop(process))), "a process");
    let world = World::new("").await;
    std::fs::create_dir_all(world.data()).unwrap();
    std::fs::write(world.data().join("store.db"), SECRET).unwrap();
    assert!(fails(Box::new(move || drop(world))), "what is left of a world");
}
