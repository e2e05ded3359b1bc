//! Which of a folder's files is the profile: by what their names end with, and JSON by how it begins. Reads no more of a file
//! than that.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use eco_coder_profile::may_be_json_of_a_profile;

/// What a profile's name ends with.
const ENDINGS: [&str; 9] =
    [".pprof", ".pb.gz", ".pb", ".folded", ".txt", ".cpuprofile", ".speedscope.json", ".perf", ".collapsed"];

/// What a profile's name ends with that isn't read: it is taken if there is no other, so that the report says how to convert it.
const FOREIGN: [&str; 3] = [".jfr", ".heapprofile", "perf.data"];

/// What is looked at of a JSON file.
const BEGINNING: u64 = 4 << 10;

/// JSON files of a folder that are opened for a look.
const MAX_LOOKS: usize = 64;

/// By its name, and JSON by how it begins: is this a profile?
pub fn is_a_profile(name: &str, beginning: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    ends(&ENDINGS) || ends(&FOREIGN) || ends(&[".json"]) && may_be_json_of_a_profile(beginning)
}

/// A file that may be read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
    kind: Kind,
}

/// How likely it is the profile, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// JSON of something else: taken if nothing else is there, so that the reader says what is wrong with it.
    OtherJson,
    /// Of a format that isn't read.
    Foreign,
    Profile,
}

/// The newest profile of a folder; `None`: there is none.
pub(super) fn newest_in(folder: &Path, period: Option<Duration>) -> io::Result<Option<Found>> {
    let mut entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?.collect::<io::Result<Vec<_>>>()?,
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut looks = 0;
    let mut newest: Option<Found> = None;
    for entry in entries {
        if !entry.file_type()?.is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        let kind = if ends(&ENDINGS) {
            Kind::Profile
        } else if ends(&FOREIGN) {
            Kind::Foreign
        } else if ends(&[".json"]) && looks < MAX_LOOKS {
            looks += 1;
            if may_be_json_of_a_profile(&beginning(&entry.path())?) { Kind::Profile } else { Kind::OtherJson }
        } else {
            continue;
        };
        let candidate = Found { kind, ..found(entry.path())? };
        let too_old = period.is_some_and(|p| candidate.modified.elapsed().is_ok_and(|age| age > p));
        let rank = |one: &Found| (one.kind, one.modified, one.path.clone());
        if !too_old && newest.as_ref().is_none_or(|newest| rank(&candidate) > rank(newest)) {
            newest = Some(candidate);
        }
    }
    Ok(newest)
}

/// The file that somebody named.
pub(super) fn found(path: PathBuf) -> io::Result<Found> {
    let metadata = std::fs::metadata(&path)?;
    Ok(Found { path, bytes: metadata.len(), modified: metadata.modified()?, kind: Kind::Profile })
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BEGINNING).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V8: &str = r#"{"nodes":[{"id":1,"callFrame":{"functionName":"(root)"}}],"startTime":0,"endTime":1}"#;

    fn newest(files: &[(&str, &str)]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let old = SystemTime::UNIX_EPOCH;
        for (age, (name, text)) in (0_u64..).zip(files) {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(old + Duration::from_secs(age)).unwrap();
        }
        let found = newest_in(dir.path(), None).unwrap()?;
        Some(found.path.file_name().unwrap().to_string_lossy().into_owned())
    }

    #[test]
    fn the_newest_profile_is_taken_whatever_lies_beside_it() {
        let hyperfine = r#"{"results": [{"command": "x", "times": [1.0]}]}"#;
        assert_eq!(newest(&[("a.folded", "x"), ("b.CPUPROFILE", "x")]).as_deref(), Some("b.CPUPROFILE"));
        assert_eq!(newest(&[("v8.json", V8), ("results.json", hyperfine)]).as_deref(), Some("v8.json"));
        assert_eq!(newest(&[("a.folded", "x"), ("v8.json", V8), ("rec.jfr", "FLR\0")]).as_deref(), Some("v8.json"));
        assert_eq!(newest(&[("notes.md", "x"), ("flame.svg", "x")]), None);
        assert_eq!(newest(&[]), None);
    }

    #[test]
    fn what_is_no_profile_is_taken_if_nothing_else_is_there_so_that_it_is_said() {
        assert_eq!(newest(&[("results.json", "{}")]).as_deref(), Some("results.json"));
        assert_eq!(newest(&[("rec.jfr", "FLR\0"), ("results.json", "{}")]).as_deref(), Some("rec.jfr"));
    }

    #[test]
    fn json_files_are_looked_into_up_to_the_bound_and_not_one_past_it() {
        let with_one_at = |place: usize| {
            let text = |n: usize| if n == place { V8 } else { "{}" };
            let files: Vec<(String, &str)> = (0..=place).map(|n| (format!("{n:03}.json"), text(n))).collect();
            newest(&files.iter().map(|(name, text)| (name.as_str(), *text)).collect::<Vec<_>>())
        };
        assert_eq!(with_one_at(MAX_LOOKS - 1), Some(format!("{:03}.json", MAX_LOOKS - 1)));
        assert_ne!(with_one_at(MAX_LOOKS), Some(format!("{MAX_LOOKS:03}.json")));
    }

    #[test]
    fn files_of_an_artifact_are_profiles_by_name_or_json_by_its_beginning() {
        for (name, text, is_one) in [
            ("x/cpu.pprof", "", true),
            ("CPU.PB.GZ", "", true),
            ("rec.jfr", "", true),
            ("a.json", V8, true),
            ("a.json", r#"{"$schema":"https://www.speedscope.app/file-format-schema.json"}"#, true),
            ("a.json", r#"{"results": []}"#, false),
            ("a.svg", V8, false),
        ] {
            assert_eq!(is_a_profile(name, text.as_bytes()), is_one, "{name}");
        }
    }
}
