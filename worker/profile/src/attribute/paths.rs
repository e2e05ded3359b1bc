//! Which of a change's files a profile's file is, though one stands where it was built and the other in the repository:
//! `/app/src/x.py` is `src/x.py`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ChangedFunction;

/// Folders of what a project uses and hasn't written; what is below one is none of the change's files, unless the change
/// itself is in such a folder.
const FOREIGN: [&str; 9] = [
    "site-packages",
    "dist-packages",
    "node_modules",
    "bower_components",
    ".cargo",
    ".rustup",
    "rustc",
    "rustlib",
    "vendor",
];

/// How sure it is that a file is the one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Its path says so.
    Path,
    /// No more than its name does: what it holds must say so, too.
    Name,
}

/// The profile's files that are files of the change.
pub(super) struct Files<'p>(HashMap<&'p str, (&'p str, Trust)>);

impl<'p> Files<'p> {
    pub(super) fn of(files: impl Iterator<Item = &'p str>, changed: &'p [ChangedFunction]) -> Self {
        let files: BTreeSet<&str> = files.filter(|file| !file.is_empty()).collect();
        // By their last part: few of a large profile's files are any of the change's.
        let mut paths: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for one in changed {
            if let Some(last) = parts(&one.path).next_back() {
                paths.entry(last).or_default().insert(&one.path);
            }
        }
        let candidate = |file: &&'p str| {
            let paths = paths.get(parts(file).next_back()?)?;
            Some((*file, Candidate::of(file, paths)?))
        };
        let candidates: Vec<(&str, Candidate<'p>)> = files.iter().filter_map(candidate).collect();

        let mut prefixes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (_, candidate) in &candidates {
            prefixes.entry(candidate.path).or_default().extend(candidate.prefix.as_deref());
        }
        // Where the repository was when this was built: what paths of two parts and more agree on.
        let roots: BTreeSet<&str> = prefixes
            .iter()
            .filter(|(path, prefixes)| prefixes.len() == 1 && parts(path).nth(1).is_some())
            .flat_map(|(_, prefixes)| prefixes.iter().copied())
            .collect();
        let sure = |candidate: &Candidate<'p>| {
            let Some(prefix) = candidate.prefix.as_deref() else { return Some(candidate.trust) };
            let all = prefixes.get(candidate.path)?;
            let is_root = prefix.is_empty() || roots.contains(prefix);
            let other_root = all.iter().any(|other| *other != prefix && (other.is_empty() || roots.contains(other)));
            match (all.len(), is_root, other_root) {
                (_, true, false) => Some(Trust::Path),
                (1, false, _) => Some(candidate.trust),
                _ => None,
            }
        };
        Self(candidates.iter().filter_map(|(file, one)| Some((*file, (one.path, sure(one)?)))).collect())
    }

    /// The change's path that the file is.
    pub(super) fn path(&self, file: &str) -> Option<(&'p str, Trust)> {
        self.0.get(file).copied()
    }
}

/// The one path that a file may be.
struct Candidate<'p> {
    path: &'p str,
    trust: Trust,
    /// What stands before the path; `None`: the file's own path is the shorter one.
    prefix: Option<String>,
}

impl<'p> Candidate<'p> {
    fn of(file: &str, paths: &BTreeSet<&'p str>) -> Option<Self> {
        let own: Vec<&str> = parts(file).collect();
        let ends = |path: &&&str| own.ends_with(&parts(path).collect::<Vec<_>>());
        // `src/x.py` is more than `x.py` of the same change.
        if let Some(path) = paths.iter().filter(ends).max_by_key(|path| parts(path).count()) {
            let length = parts(path).count();
            let before = &own[..own.len() - length];
            // Go's modules are in `pkg/mod`.
            if before.iter().any(|part| FOREIGN.contains(part)) || before.windows(2).any(|two| two == ["pkg", "mod"]) {
                return None;
            }
            let trust = if length > 1 || before.is_empty() { Trust::Path } else { Trust::Name };
            return Some(Self { path, trust, prefix: Some(before.join("/")) });
        }
        // `app/x.py` of an interpreter that looks in `src`.
        let is_absolute = file.starts_with(['/', '\\']) || file.contains(':');
        let mut longer = paths.iter().filter(|path| parts(path).collect::<Vec<_>>().ends_with(&own));
        let path = longer.next().filter(|_| !is_absolute)?;
        let trust = if own.len() > 1 { Trust::Path } else { Trust::Name };
        longer.next().is_none().then_some(Self { path, trust, prefix: None })
    }
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[&str], paths: &[&str]) -> String {
        let one = |path: &&str| ChangedFunction { path: (*path).into(), name: "f".into(), start_line: 1, end_line: 2 };
        let changed: Vec<ChangedFunction> = paths.iter().map(one).collect();
        let found = Files::of(files.iter().copied(), &changed);
        let words = files.iter().map(|file| match found.path(file) {
            Some((path, Trust::Path)) => path.to_owned(),
            Some((path, Trust::Name)) => format!("{path}?"),
            None => "-".to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_file_is_known_wherever_it_was_built() {
        assert_eq!(found(&["/app/src/x.py"], &["src/x.py"]), "src/x.py");
        assert_eq!(found(&["C:\\build\\src\\x.cs"], &["src/x.cs"]), "src/x.cs");
        assert_eq!(found(&["./src/x.py"], &["src/x.py"]), "src/x.py");
        assert_eq!(found(&["src/x.py"], &["src/x.py"]), "src/x.py");
        assert_eq!(found(&["x.py"], &["x.py"]), "x.py");
        assert_eq!(found(&["/app/srcx.py", "/app/my-src/x.py"], &["src/x.py"]), "- -");
    }

    #[test]
    fn the_longest_of_a_change_s_paths_is_meant() {
        assert_eq!(found(&["/app/src/x.py", "/app/x.py"], &["src/x.py", "x.py"]), "src/x.py x.py");
    }

    #[test]
    fn a_shorter_file_is_one_path_s_or_nobody_s() {
        assert_eq!(found(&["app/x.py"], &["src/app/x.py"]), "src/app/x.py");
        assert_eq!(found(&["x.py"], &["src/app/x.py"]), "src/app/x.py?");
        assert_eq!(found(&["x.py"], &["src/app/x.py", "lib/x.py"]), "-");
        assert_eq!(found(&["/x.py"], &["src/x.py"]), "-");
    }

    #[test]
    fn what_could_be_two_files_is_neither_unless_others_say_where_the_root_is() {
        assert_eq!(found(&["/a/src/x.py", "/b/src/x.py"], &["src/x.py"]), "- -");
        let others = ["/a/src/x.py", "/b/src/x.py", "/a/src/y.py"];
        assert_eq!(found(&others, &["src/x.py", "src/y.py"]), "src/x.py - src/y.py");
        assert_eq!(found(&["/app/helpers/utils.py"], &["utils.py"]), "utils.py?");
        assert_eq!(found(&["/app/utils.py", "/app/src/y.py"], &["utils.py", "src/y.py"]), "utils.py src/y.py");
    }

    #[test]
    fn what_a_project_uses_is_not_its_own() {
        for folder in
            ["/usr/lib/python3.11/site-packages", "/app/node_modules/x", "/root/.cargo/registry/src/y", "/go/pkg/mod/z"]
        {
            assert_eq!(found(&[&format!("{folder}/src/x.py")], &["src/x.py"]), "-", "{folder}");
        }
        let own = "/app/vendor/src/x.py";
        assert_eq!(found(&[own], &["vendor/src/x.py"]), "vendor/src/x.py");
    }
}
