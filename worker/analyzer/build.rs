//! Reads the rule files for the library, so that adding a rule is adding a file and nothing is read twice: each
//! document becomes JSON beside what must be known before it is looked at. Digests everything findings depend on: rules,
//! sources, and the locked versions of the engine and its grammars. Writes only into `OUT_DIR`.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;
use serde_json::Value;

#[path = "src/rule/ascii.rs"]
mod ascii;
#[path = "src/rule/literals.rs"]
mod literals;
#[path = "src/rule/words.rs"]
mod words;

use words::{Clause, Word};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    for input in ["rules", "src", "Cargo.toml", "../../Cargo.lock"] {
        println!("cargo::rerun-if-changed={input}");
    }

    let mut rules = Vec::new();
    files_below(&root.join("rules"), &mut rules)?;
    rules.sort();
    let mut sources = Vec::new();
    files_below(&root.join("src"), &mut sources)?;
    sources.sort();

    let mut digest = Fnv::new();
    let mut documents = String::new();
    for path in &rules {
        let name = relative(&root, path)?;
        let text = fs::read_to_string(path)?;
        let place = |error: &dyn Error| format!("{name}: {error}");
        let folder = name.split('/').nth(1).unwrap_or_default();
        let all: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|e| place(&e))?;
        for document in all {
            write_document(&mut documents, &name, folder, document).map_err(|e| place(&*e))?;
        }
        digest.eat(name.as_bytes());
        digest.eat(text.as_bytes());
    }
    for path in &sources {
        digest.eat(relative(&root, path)?.as_bytes());
        digest.eat(&fs::read(path)?);
    }
    for line in engine_versions(&root.join("../../Cargo.lock"))? {
        digest.eat(line.as_bytes());
    }
    let listing = format!(
        "use super::Embedded;\nuse super::prefilter::Word;\nuse crate::finding::{{Category, Confidence}};\nuse crate::language::Language;\n\n\
         pub(crate) const DOCUMENTS: &[Embedded] = &[\n{documents}];\n\
         pub(crate) const DIGEST: &str = \"{:016x}\";\n",
        digest.0
    );
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("rules.rs"), listing)?;
    Ok(())
}

/// What of a document must be known before it is read.
#[derive(Deserialize)]
struct Head {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    category: String,
    confidence: String,
    languages: Vec<String>,
    #[serde(default)]
    in_tests: bool,
    #[serde(default)]
    checks: Vec<String>,
}

fn write_document(out: &mut String, file: &str, folder: &str, mut document: Value) -> Result<(), Box<dyn Error>> {
    let head = Head::deserialize(&document)?;
    let words = words::Document::deserialize(&document)?;
    ascii::simplify(&mut document);
    if let Some(members) = document.as_object_mut() {
        members.remove("needs");
    }
    let languages: Vec<String> = head.languages.iter().map(|name| format!("Language::{name}")).collect();
    writeln!(
        out,
        "    Embedded {{ file: {file:?}, folder: {folder:?}, id: {:?}, aliases: &{:?}, category: Category::{}, \
         confidence: Confidence::{}, languages: &[{}], in_tests: {}, clauses: &[{}], glance: {:?}, checks: &{:?}, document: {:?} }},",
        head.id,
        head.aliases,
        head.category,
        head.confidence,
        languages.join(", "),
        head.in_tests,
        words.clauses().iter().map(clause).collect::<Vec<_>>().join(", "),
        words.glance().as_deref().map(ascii::ascii),
        head.checks,
        document.to_string(),
    )?;
    Ok(())
}

fn clause(words: &Clause) -> String {
    let words: Vec<String> = (words.iter())
        .map(|Word { text, whole, then, code }| {
            format!("Word {{ text: {text:?}, whole: {whole}, then: &{then:?}, code: {code} }}")
        })
        .collect();
    format!("&[{}]", words.join(", "))
}

fn relative(root: &Path, path: &Path) -> Result<String, Box<dyn Error>> {
    Ok(path.strip_prefix(root)?.to_string_lossy().replace('\\', "/"))
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "yml" || e == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// `name = version` of the engine's crates in the lock file; the manifest's pins alone when there is no lock file.
fn engine_versions(lock: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    if !lock.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(lock)?;
    let mut versions = Vec::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("name = ") {
            name = rest.trim_matches('"');
        } else if let Some(version) = line.strip_prefix("version = ")
            && (name.starts_with("ast-grep") || name.starts_with("tree-sitter") || name == "regex")
        {
            versions.push(format!("{name} = {version}"));
        }
    }
    versions.sort();
    Ok(versions)
}

/// FNV-1a, 64 bits: a change detector, not a defence.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn eat(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().chain(&[0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
