//! A zip file in, the files of it that somebody reads out. Pure. The file is hostile: names are made anew, and each length is
//! counted while it is unpacked, whatever the file says of it.

use std::io::{Cursor, Read};

use zip::ZipArchive;

/// The most entries that are looked at.
const MAX_ENTRIES: usize = 2_000;
/// The longest file, bytes.
const MAX_FILE: usize = 32 << 20;
/// All files together, bytes.
const MAX_TOTAL: usize = 96 << 20;
/// Folders within folders.
const MAX_DEPTH: usize = 12;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Profile,
    Benchmark,
    Sarif,
}

/// A file with a name that is ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) kind: Kind,
    /// Of letters, digits, `-`, `_` and `.`, with `/` between folders.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// What came out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub(super) files: Vec<File>,
    /// Why there isn't more.
    pub(super) refused: Vec<&'static str>,
}

impl Unpacked {
    pub(super) fn refused(why: &'static str) -> Self {
        Self { files: Vec::new(), refused: vec![why] }
    }

    fn refuse(&mut self, why: &'static str) {
        if !self.refused.contains(&why) {
            self.refused.push(why);
        }
    }
}

/// Opens the zip file.
pub(super) fn unpack(zip: &[u8]) -> Unpacked {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(zip)) else { return Unpacked::refused("it is not a zip file") };
    let mut out = Unpacked::default();
    let mut total = 0;
    if archive.len() > MAX_ENTRIES {
        out.refuse("it has more than 2,000 entries");
    }
    for at in 0..archive.len().min(MAX_ENTRIES) {
        let Ok(entry) = archive.by_index(at) else {
            out.refuse("an entry can't be opened");
            continue;
        };
        if !entry.is_file() || entry.encrypted() {
            continue;
        }
        let Some(path) = entry.name().ok().and_then(|name| safe(&name)) else {
            out.refuse("an entry leads out of the archive");
            continue;
        };
        let room = MAX_FILE.min(MAX_TOTAL - total);
        let mut bytes = Vec::new();
        if entry.take(room as u64 + 1).read_to_end(&mut bytes).is_err() {
            out.refuse("an entry is damaged");
            continue;
        }
        if bytes.len() > room {
            out.refuse("it unpacks to more than 32 MB for a file, or 96 MB in all");
            continue;
        }
        if let Some(kind) = kind_of(&path, &bytes) {
            total += bytes.len();
            out.files.push(File { kind, path, bytes });
        }
    }
    out
}

/// A path made of the name: no way out, no hidden file, nothing that a file system reads otherwise.
fn safe(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.replace('\\', "/").split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            return None;
        }
        let legal = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
        let plain: String = part.chars().map(legal).take(80).collect();
        parts.push(plain.trim_start_matches('.').to_owned());
    }
    let whole = !parts.is_empty() && parts.len() <= MAX_DEPTH && parts.iter().all(|part| !part.is_empty());
    whole.then(|| parts.join("/"))
}

/// By its name, as the readers know them.
fn kind_of(path: &str, bytes: &[u8]) -> Option<Kind> {
    let name = path.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if bytes.is_empty() {
        return None;
    }
    if ends(&[".sarif", ".sarif.json"]) {
        return Some(Kind::Sarif);
    }
    if crate::backends::profile_files::may_be_a_profile(&name) {
        return Some(Kind::Profile);
    }
    eco_coder_bench::may_hold_results(path).then_some(Kind::Benchmark)
}
