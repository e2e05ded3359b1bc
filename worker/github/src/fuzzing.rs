//! The fuzz targets of this package, for tests/fuzz: each takes any bytes and asserts what must hold. Never part of a
//! release build.

use crate::patch::{Hunk, changed_lines, hunks};

/// The patch of a changed file: what is read is counted again, line by line.
pub fn patch(bytes: &[u8]) {
    let Ok(patch) = std::str::from_utf8(bytes) else { return };
    let Ok(hunks) = hunks(patch) else {
        assert!(changed_lines(patch).is_err());
        return;
    };
    let texts: Vec<&str> = hunks.iter().map(|hunk| hunk.text).collect();
    let whole = texts.join("\n");
    assert!(patch == whole || patch.strip_suffix('\n') == Some(whole.as_str()), "no line is lost between hunks");
    let added: Vec<u32> = hunks.iter().flat_map(recount).collect();
    assert!(added.is_sorted_by(|a, b| a < b), "no line is added twice: {added:?}");
    let lines = changed_lines(patch).unwrap_or_default();
    assert!(lines.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()), "ranges touch: {lines:?}");
    assert_eq!(lines.into_iter().flatten().collect::<Vec<_>>(), added);
    let forward = |a: &Hunk<'_>, b: &Hunk<'_>| a.old.start <= b.old.start && a.new.start <= b.new.start;
    assert!(hunks.is_sorted_by(forward), "hunks go forward");
}

/// The new file's line of every `+` in the hunk's text; asserts that its header's counts are those of its lines.
fn recount(hunk: &Hunk<'_>) -> Vec<u32> {
    let (mut old, mut new, mut added) = (0, 0, Vec::new());
    // A span of no lines names the line before.
    let first = hunk.new.start + u32::from(hunk.new.count == 0);
    for line in hunk.text.split('\n').skip(1) {
        match line.chars().next() {
            Some('+') => {
                added.push(first + new);
                new += 1;
            }
            Some('-') => old += 1,
            Some('\\') => {}
            other => {
                assert!(matches!(other, Some(' ' | '\r') | None), "{line:?}");
                old += 1;
                new += 1;
            }
        }
    }
    assert_eq!((old, new), (hunk.old.count, hunk.new.count), "{}", hunk.text);
    assert_eq!(hunk.added.iter().cloned().flatten().collect::<Vec<_>>(), added, "{}", hunk.text);
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_of_patches_holds() {
        eco_coder_shared::fuzzing::over_corpus("patch", patch);
    }
}
