//! Compares two versions of a file as GitHub shows it: hunks with three lines of context, nothing for binary files, and
//! nothing for what GitHub finds too large to show. Pure.

use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

/// A patch above this many bytes isn't given out.
/// Source: <https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits>
pub const MAX_PATCH_BYTES: usize = 500 * 1024;
/// A patch above this many lines isn't given out. Source: as above.
pub const MAX_PATCH_LINES: usize = 20_000;
/// Unchanged lines around a change, as git's default.
const CONTEXT: usize = 3;
/// How far git looks for a NUL before it takes a file for text.
const BINARY_PROBE: usize = 8000;

/// How two versions differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Lines added.
    pub additions: usize,
    /// Lines removed.
    pub deletions: usize,
    /// The hunks, if they can be shown.
    pub patch: Option<String>,
}

/// Does git take this for a binary file?
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_PROBE)].contains(&0)
}

/// Compares two versions; a file that isn't there is empty.
pub fn compare(old: &[u8], new: &[u8]) -> Difference {
    if is_binary(old) || is_binary(new) {
        return Difference::default();
    }
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    // Lines end at `\n` only, as in git: a lone carriage return is part of its line.
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    let changed = |op: &DiffOp| op.tag() != DiffTag::Equal;
    let additions = ops.iter().filter(|op| changed(op)).map(|op| op.new_range().len()).sum();
    let deletions = ops.iter().filter(|op| changed(op)).map(|op| op.old_range().len()).sum();
    let mut text = String::new();
    for group in group_diff_ops(ops, CONTEXT) {
        hunk(&mut text, &group, &old, &new);
    }
    Difference { additions, deletions, patch: showable(text) }
}

/// A file's patch as GitHub gives it out, from the text of its hunks: without the last line's end.
pub fn showable(mut hunks: String) -> Option<String> {
    if hunks.ends_with('\n') {
        hunks.pop();
    }
    let shown = !hunks.is_empty()
        && hunks.len() <= MAX_PATCH_BYTES
        && hunks.bytes().filter(|b| *b == b'\n').count() < MAX_PATCH_LINES;
    shown.then_some(hunks)
}

fn hunk(text: &mut String, ops: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else {
        return;
    };
    let before = span(first.old_range().start, last.old_range().end);
    let after = span(first.new_range().start, last.new_range().end);
    let _ = writeln!(text, "@@ -{before} +{after} @@");
    for op in ops {
        if op.tag() == DiffTag::Equal {
            lines(text, ' ', &old[op.old_range()]);
        } else {
            lines(text, '-', &old[op.old_range()]);
            lines(text, '+', &new[op.new_range()]);
        }
    }
}

fn lines(text: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// `start,count`, counted from 1; an empty span names the line before it; a count of 1 is left out.
fn span(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        count => format!("{},{count}", start + 1),
    }
}

/// How much two files have in common, by the bytes of lines that occur in both: 0 to 1. Renames are found by it.
pub fn similarity(old: &[u8], new: &[u8]) -> f64 {
    let longest = old.len().max(new.len());
    if longest == 0 {
        return 0.0;
    }
    let mut left = std::collections::HashMap::<&[u8], usize>::new();
    for line in old.split_inclusive(|b| *b == b'\n') {
        *left.entry(line).or_default() += 1;
    }
    let mut shared = 0;
    for line in new.split_inclusive(|b| *b == b'\n') {
        if let Some(count) = left.get_mut(line).filter(|count| **count > 0) {
            *count -= 1;
            shared += line.len();
        }
    }
    shared as f64 / longest as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(old: &str, new: &str) -> String {
        compare(old.as_bytes(), new.as_bytes()).patch.unwrap_or_default()
    }

    #[test]
    fn hunks_read_as_gits_do() {
        let old = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";
        let new = old.replace("two\n", "2\n").replace("ten\n", "ten");
        assert_eq!(
            patch(old, &new),
            "@@ -1,5 +1,5 @@\n one\n-two\n+2\n three\n four\n five\n@@ -7,4 +7,4 @@\n seven\n eight\n nine\n-ten\n+ten\n\
             \\ No newline at end of file"
        );
    }

    #[test]
    fn new_and_removed_files_have_an_empty_side() {
        assert_eq!(patch("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b");
        assert_eq!(patch("a\n", ""), "@@ -1 +0,0 @@\n-a");
        assert_eq!(compare(b"", b"").patch, None);
    }

    #[test]
    fn a_lone_carriage_return_is_part_of_its_line() {
        assert_eq!(patch("a\rb\n", "a\rc\n"), "@@ -1 +1 @@\n-a\rb\n+a\rc");
    }

    #[test]
    fn binary_and_huge_files_have_no_patch() {
        assert_eq!(compare(b"a\0", b"b\0"), Difference::default());
        let huge = compare(b"", &vec![b'x'; MAX_PATCH_BYTES + 1]);
        assert_eq!((huge.additions, huge.patch), (1, None));
        let long = compare(b"", "x\n".repeat(MAX_PATCH_LINES + 1).as_bytes());
        assert_eq!((long.additions, long.patch), (MAX_PATCH_LINES + 1, None));
    }
}
