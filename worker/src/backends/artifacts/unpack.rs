//! A zip file in, the files of it that somebody reads out. Pure. The file is hostile: names are made anew, and each length is
//! counted while it is unpacked, whatever the file says of it. What is unpacked in vain counts like the rest: entries may share
//! their bytes, so that a short file could be unpacked without end.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::backends::profile_files::is_a_profile;

/// The most entries that are looked at.
const MAX_ENTRIES: usize = 2_000;
/// The most that a file may name: each name takes ten times its room to be read.
const MAX_NAMED: usize = 32_000;
/// What each entry of the list of names begins with.
const NAMED: &[u8] = b"PK\x01\x02";
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
    unpack_within(zip, MAX_FILE, MAX_TOTAL)
}

fn unpack_within(zip: &[u8], max_file: usize, max_total: usize) -> Unpacked {
    if zip.windows(NAMED.len()).filter(|bytes| *bytes == NAMED).count() > MAX_NAMED {
        return Unpacked::refused("it has more than 32,000 entries");
    }
    let Ok(mut archive) = ZipArchive::new(Cursor::new(zip)) else { return Unpacked::refused("it is not a zip file") };
    let mut out = Unpacked::default();
    let mut left = max_total;
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
        let Some(kind) = kind_of(&path) else { continue };
        let room = max_file.min(left);
        let mut bytes = Vec::new();
        let outcome = entry.take(room as u64 + 1).read_to_end(&mut bytes);
        left = left.saturating_sub(bytes.len());
        if outcome.is_err() {
            out.refuse("an entry is damaged");
        } else if bytes.len() > room {
            out.refuse("it unpacks to more than 32 MB for a file, or 96 MB in all");
        } else if !bytes.is_empty() {
            // JSON of results and of profiles end alike: how it begins tells them apart.
            let kind = if is_a_profile(&path, &bytes) { Kind::Profile } else { kind };
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
fn kind_of(path: &str) -> Option<Kind> {
    let name = path.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".sarif", ".sarif.json"]) {
        return Some(Kind::Sarif);
    }
    if is_a_profile(&name, b"") {
        return Some(Kind::Profile);
    }
    eco_coder_bench::may_hold_results(path).then_some(Kind::Benchmark)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    pub(crate) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn paths(unpacked: &Unpacked) -> Vec<&str> {
        unpacked.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn names_are_made_anew_and_none_leads_out() {
        let out = unpack(&zip_of(&[
            ("a/b c/../x.sarif", b"{}"),
            ("../x.sarif", b"{}"),
            ("/etc/x.sarif", b"{}"),
            ("C:\\x\\ü\u{202e}.sarif", b"{}"),
            (".hidden/..sarif", b"{}"),
            ("con\u{0}.sarif", b"{}"),
        ]));
        for path in paths(&out) {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            assert!(path.chars().all(plain) && !path.starts_with(['/', '.']) && !path.contains(".."), "{path}");
        }
        assert!(paths(&out).contains(&"etc/x.sarif"), "{out:?}");
        assert!(out.refused.contains(&"an entry leads out of the archive"), "{:?}", out.refused);
    }

    #[test]
    fn what_unpacks_to_too_much_is_left_out_whatever_it_says_of_itself() {
        let bomb = vec![0; MAX_FILE + 1];
        let out = unpack(&zip_of(&[("big.sarif", &bomb), ("small.sarif", b"{}")]));
        assert_eq!(paths(&out), ["small.sarif"]);
        assert_eq!(out.refused, ["it unpacks to more than 32 MB for a file, or 96 MB in all"]);
        let out = unpack(&zip_of(&[("at.sarif", &bomb[1..])]));
        assert_eq!((paths(&out), out.refused.len()), (vec!["at.sarif"], 0));
    }

    #[test]
    fn what_is_unpacked_in_vain_counts_too_and_what_nobody_reads_is_not_unpacked() {
        let long = [b'x'; 30];
        let files: [(&str, &[u8]); 6] = [
            ("a.png", &long),
            ("first.sarif", b"12345"),
            ("a.sarif", &long),
            ("b.sarif", &long),
            ("c.sarif", &long),
            ("last.sarif", b"{}"),
        ];
        let out = unpack_within(&zip_of(&files), 10, 36);
        assert_eq!(paths(&out), ["first.sarif"], "nothing is left after the three");
        let out = unpack_within(&zip_of(&files), 10, 40);
        assert_eq!(paths(&out), ["first.sarif", "last.sarif"]);
    }

    #[test]
    fn a_file_of_nothing_but_names_is_not_read() {
        let names = |count: usize| [zip_of(&[("a.sarif", b"{}")]), NAMED.repeat(count)].concat();
        assert_eq!(unpack(&names(MAX_NAMED)).refused, ["it has more than 32,000 entries"]);
        assert_ne!(unpack(&names(MAX_NAMED - 1)).refused, ["it has more than 32,000 entries"]);
    }

    #[test]
    fn garbage_and_cut_archives_are_refused() {
        assert_eq!(unpack(b"").refused, ["it is not a zip file"]);
        let whole = zip_of(&[("a.sarif", b"{\"version\": \"2.1.0\"}"), ("b.pprof", b"xyz")]);
        for end in 0..whole.len() {
            let _ = unpack(&whole[..end]);
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            assert!(unpack(&damaged).files.len() <= 2);
        }
    }

    #[test]
    fn files_that_nobody_reads_are_left_out() {
        let out = unpack(&zip_of(&[("a.png", b"x"), ("index.html", b"x"), ("empty.sarif", b""), ("cpu.pb.gz", b"x")]));
        assert_eq!(paths(&out), ["cpu.pb.gz"]);
    }

    #[test]
    fn json_is_a_profile_or_results_by_how_it_begins() {
        let v8 = br#"{"nodes":[{"id":1,"callFrame":{}}]}"#;
        let out = unpack(&zip_of(&[("cpu.json", v8), ("results.json", b"{\"results\": []}"), ("a.sarif.json", b"{}")]));
        let kinds: Vec<Kind> = out.files.iter().map(|file| file.kind).collect();
        assert_eq!(kinds, [Kind::Profile, Kind::Benchmark, Kind::Sarif]);
    }
}
