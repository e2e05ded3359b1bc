//! `eco-coder scan --fix`: applies the fixes that the analyser offers to one file. Writes a file whole or not at all, and
//! none that somebody else changed since it was read. Never decides what a fix is.

use std::fs::{self, Metadata, Permissions};
use std::io::Write as _;
use std::path::Path;

use eco_coder_analyzer::{FileAnalysis, Fix, Limits, Options, Skipped, analyze, apply_fixes};
use tempfile::NamedTempFile;

/// How often a file is looked at again for what a fix uncovered. Each round removes findings, so this is far beyond need.
const MAX_ROUNDS: u32 = 10;

/// What was done to a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mended {
    /// Rule and line of each fix, in the order in which they were applied; a line is that of its round's text.
    pub(super) fixes: Vec<(String, u32)>,
    /// Whether fixes were left when the last round was over.
    pub(super) unfinished: bool,
}

/// The text with its fixes applied until nothing more applies, what was done, and what the analyser says of the outcome.
///
/// # Errors
/// Why the file isn't looked at.
pub(super) fn mend(path: &Path, text: &str, options: &Options) -> Result<(String, Mended, FileAnalysis), Skipped> {
    let mut text = text.to_owned();
    let mut done = Mended::default();
    let mut round = 0;
    loop {
        let analysis = analyze(&path.to_string_lossy(), &text, None, options, &Limits::default())?;
        let fixable: Vec<_> = analysis.findings.iter().filter_map(|f| f.fix.as_ref().map(|fix| (f, fix))).collect();
        if fixable.is_empty() || round == MAX_ROUNDS {
            done.unfinished = !fixable.is_empty();
            return Ok((text, done, analysis));
        }
        round += 1;
        let fixes: Vec<&Fix> = fixable.iter().map(|(_, fix)| *fix).collect();
        let (mended, applied) = apply_fixes(&text, &fixes);
        let were = fixable.iter().zip(applied).filter(|(_, applied)| *applied);
        done.fixes.extend(were.map(|((finding, _), _)| (finding.rule_id.clone(), finding.start_line)));
        text = mended;
    }
}

/// Puts the new text in the file's place at once, with the old one's permissions and owner.
///
/// # Errors
/// In words, and the file is as it was: it is read-only, it isn't what was read any more, or it can't be written.
pub(super) fn replace(path: &Path, before: &str, after: &str) -> Result<(), String> {
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path).map_err(|e| e.to_string())?;
    let metadata = fs::metadata(&path).map_err(|e| e.to_string())?;
    if metadata.permissions().readonly() {
        return Err("the file is read-only".to_owned());
    }
    let folder = path.parent().ok_or("the file has no folder")?;
    let mut file = NamedTempFile::new_in(folder).map_err(|e| format!("nothing can be written beside it: {e}"))?;
    file.write_all(after.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|e| e.to_string())?;
    keep_owner(file.path(), &metadata)?;
    set_permissions(file.path(), metadata.permissions())?;
    // As late as can be: whatever an editor wrote meanwhile is worth more than a fix.
    if fs::read(&path).map_err(|e| e.to_string())? != before.as_bytes() {
        return Err("the file was changed meanwhile; scan again".to_owned());
    }
    file.persist(&path).map_err(|e| e.error.to_string())?;
    Ok(())
}

fn set_permissions(path: &Path, permissions: Permissions) -> Result<(), String> {
    fs::set_permissions(path, permissions).map_err(|e| format!("its permissions can't be kept: {e}"))
}

#[cfg(unix)]
fn keep_owner(path: &Path, old: &Metadata) -> Result<(), String> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let new = fs::metadata(path).map_err(|e| e.to_string())?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    chown(path, Some(old.uid()), Some(old.gid())).map_err(|e| format!("its owner can't be kept: {e}"))
}

#[cfg(not(unix))]
fn keep_owner(_: &Path, _: &Metadata) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_are_applied_until_nothing_more_applies() {
        let text = "a = sorted(set(list(xs)))[0]\nb = 1\n";
        let (mended, done, left) = mend(Path::new("a.py"), text, &Options::default()).unwrap();
        assert_eq!(mended, "a = min(set(xs))\nb = 1\n");
        assert_eq!(done.fixes.len(), 2);
        assert!(!done.unfinished && left.findings.is_empty());
        let (same, done, _) = mend(Path::new("a.py"), &mended, &Options::default()).unwrap();
        assert_eq!((same, done), (mended, Mended::default()));
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.py");
        fs::write(&path, "new").unwrap();
        assert!(replace(&path, "old", "mended").unwrap_err().contains("changed meanwhile"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        replace(&path, "new", "mended").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "mended");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay_a_link_stays_a_link_and_read_only_is_obeyed() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.py"), folder.path().join("b.py"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o754)).unwrap();
        symlink(&path, &link).unwrap();
        replace(&link, "old", "new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o754);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        assert_eq!(replace(&path, "new", "newer").unwrap_err(), "the file is read-only");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
