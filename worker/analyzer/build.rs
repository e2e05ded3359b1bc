//! Lists the rule files for the library, so that adding a rule is adding a file, and digests everything findings
//! depend on: rules, sources, and the locked versions of the engine and its grammars. Writes only into `OUT_DIR`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

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
    let mut listing = String::from("pub(crate) const FILES: &[(&str, &str)] = &[\n");
    for path in &rules {
        let name = relative(&root, path)?;
        // By the place of the package when it is compiled: a folder that was moved since has its rules with it.
        writeln!(listing, "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/\", {name:?}))),")?;
        digest.eat(name.as_bytes());
        digest.eat(&fs::read(path)?);
    }
    listing.push_str("];\n");
    for path in &sources {
        digest.eat(relative(&root, path)?.as_bytes());
        digest.eat(&fs::read(path)?);
    }
    for line in engine_versions(&root.join("../../Cargo.lock"))? {
        digest.eat(line.as_bytes());
    }
    writeln!(listing, "pub(crate) const DIGEST: &str = \"{:016x}\";", digest.0)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("rules.rs"), listing)?;
    Ok(())
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
