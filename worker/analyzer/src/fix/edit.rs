//! From edits of bytes to whole lines. Knows nothing of syntax.

use std::ops::Range;

use super::Fix;

/// The most lines of a fix, old or new. A reader takes in no more.
const MAX_LINES: usize = 50;

/// These bytes are to become that text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// The edits as the fewest lines that hold them all; `None` if they overlap, change nothing, or would leave a single
/// empty line, which a suggestion can't tell from a removal.
pub(super) fn as_lines(text: &str, mut edits: Vec<Edit>) -> Option<Fix> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    edits.dedup();
    for edit in &mut edits {
        widen_removal(text, edit);
    }
    if edits.windows(2).any(|pair| pair[1].range.start < pair[0].range.end) {
        return None;
    }
    let (first, last) = (edits.first()?, edits.last()?);
    let start = line_start(text, first.range.start);
    let removed = last.text.is_empty() && text[..last.range.end].ends_with('\n');
    let end = if removed { last.range.end } else { line_end(text, last.range.end) };

    let mut mended = String::new();
    let mut at = start;
    for edit in &edits {
        mended.push_str(&text[at..edit.range.start]);
        mended.push_str(&edit.text);
        at = edit.range.end;
    }
    mended.push_str(&text[at..end]);

    let old: Vec<&str> = text[start..end].split_inclusive('\n').collect();
    let new: Vec<&str> = mended.split_inclusive('\n').collect();
    let shorter = old.len().min(new.len());
    let mut above = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let below = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count().min(shorter - above);
    if above + below == old.len() && above + below == new.len() {
        return None;
    }
    let mut below = below;
    if above + below == old.len() {
        // Only new lines: one that stays goes with them, since something must be replaced.
        if above > 0 { above -= 1 } else { below = below.checked_sub(1)? }
    }
    let (old, new) = (&old[above..old.len() - below], &new[above..new.len() - below]);
    if old.len() > MAX_LINES || new.len() > MAX_LINES || matches!(new, [line] if line.trim().is_empty()) {
        return None;
    }
    let lines_before = text[..start].bytes().filter(|&byte| byte == b'\n').count() + above;
    let start_line = u32::try_from(lines_before).ok()?.checked_add(1)?;
    let end_line = start_line.checked_add(u32::try_from(old.len()).ok()?.checked_sub(1)?)?;
    let mut replacement = new.concat();
    if replacement.ends_with('\n') {
        replacement.pop();
        if replacement.ends_with('\r') {
            replacement.pop();
        }
    }
    Some(Fix { start_line, end_line, replacement })
}

/// A removal that leaves nothing on its lines takes the lines with it, and one between two spaces takes one of them.
fn widen_removal(text: &str, edit: &mut Edit) {
    if !edit.text.is_empty() {
        return;
    }
    let (start, end) = (line_start(text, edit.range.start), line_end(text, edit.range.end));
    if text[start..edit.range.start].trim().is_empty() && text[edit.range.end..end].trim().is_empty() {
        edit.range = start..end;
    } else if text[..edit.range.start].ends_with(' ') && text[edit.range.end..].starts_with(' ') {
        edit.range.start -= 1;
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |found| found + 1)
}

/// Behind the line break of the line.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |found| at + found + 1)
}

/// The white space at the start of the line.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..at];
    &line[..line.len() - line.trim_start().len()]
}

/// How the line ends; at the end of a file, how the one before does.
pub(super) fn newline(text: &str, at: usize) -> &'static str {
    let end = line_end(text, at);
    let line = if text[..end].ends_with('\n') { &text[..end] } else { &text[..line_start(text, at)] };
    if line.ends_with("\r\n") { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edit(text: &str, piece: &str, new: &str) -> Edit {
        let start = text.find(piece).unwrap();
        Edit { range: start..start + piece.len(), text: new.to_owned() }
    }

    fn lines(text: &str, edits: &[(&str, &str)]) -> Option<(u32, u32, String)> {
        let edits = edits.iter().map(|(piece, new)| edit(text, piece, new)).collect();
        as_lines(text, edits).map(|fix| (fix.start_line, fix.end_line, fix.replacement))
    }

    #[test]
    fn only_the_lines_that_differ_are_replaced() {
        let text = "a\n  call(\n    one,\n    two)\nz\n";
        assert_eq!(
            lines(text, &[("call(\n    one,\n    two)", "call(\n    one,\n    2)")]),
            Some((4, 4, "    2)".into()))
        );
        assert_eq!(lines(text, &[("one", "1"), ("two", "2")]), Some((3, 4, "    1,\n    2)".into())));
        assert_eq!(lines(text, &[("one", "one")]), None);
    }

    #[test]
    fn line_endings_stay_those_of_the_file() {
        assert_eq!(lines("a\r\nb\r\nc\r\n", &[("b", "x\r\ny")]), Some((2, 2, "x\r\ny".into())));
        let fix = as_lines("a\r\nb\r\nc", vec![edit("a\r\nb\r\nc", "b", "d")]).unwrap();
        assert_eq!(fix.apply("a\r\nb\r\nc").unwrap(), "a\r\nd\r\nc");
        let last = as_lines("a\nb", vec![edit("a\nb", "b", "d")]).unwrap();
        assert_eq!(last.apply("a\nb").unwrap(), "a\nd");
        assert_eq!((newline("a\r\nb", 4), newline("a\nb", 3), newline("a", 0)), ("\r\n", "\n", "\n"));
    }

    #[test]
    fn a_line_that_would_be_empty_is_removed_and_one_that_only_would_look_so_is_not_offered() {
        assert_eq!(lines("a\n  gc();\nb\n", &[("gc();", "")]), Some((2, 2, String::new())));
        assert_eq!(lines("a\n  gc(); x\nb\n", &[("gc(); ", "")]), Some((2, 2, "  x".into())));
        assert_eq!(lines("a\n  gc();\nb\n", &[("gc();", " ")]), None);
        let only = as_lines("gc();", vec![edit("gc();", "gc();", "")]).unwrap();
        assert_eq!(only.apply("gc();").unwrap(), "");
    }

    #[test]
    fn new_lines_take_a_neighbour_with_them() {
        assert_eq!(lines("a\nb\nc\n", &[("b\n", "b\nnew\n")]), Some((2, 2, "b\nnew".into())));
        assert_eq!(lines("a\nb\n", &[("a", "new\na")]), Some((1, 1, "new\na".into())));
    }

    #[test]
    fn edits_that_overlap_and_fixes_past_the_bound_are_none() {
        assert_eq!(lines("abc\n", &[("ab", "x"), ("bc", "y")]), None);
        let grown = |n: usize| lines("a\n", &[("a", &vec!["x"; n].join("\n"))]);
        assert!(grown(MAX_LINES).is_some() && grown(MAX_LINES + 1).is_none());
    }

    proptest! {
        #[test]
        fn the_lines_do_what_the_edits_do(
            text in "([ab]{0,3}\r?\n){0,6}[ab]{0,3}",
            cuts in prop::collection::vec(0_usize..40, 2..6),
            new in prop::collection::vec("[xyz]{1,2}(\n[xyz]{1,2})?", 3),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            // Equal edits are one edit, so none are equal here.
            cuts.dedup();
            let edits: Vec<Edit> = cuts
                .chunks_exact(2)
                .zip(&new)
                .map(|(pair, new)| Edit { range: pair[0]..pair[1], text: format!("{new}{}", pair[0]) })
                .collect();
            let mut expected = String::new();
            let mut at = 0;
            for edit in &edits {
                expected.push_str(&text[at..edit.range.start]);
                expected.push_str(&edit.text);
                at = edit.range.end;
            }
            expected.push_str(&text[at..]);
            if let Some(fix) = as_lines(&text, edits) {
                let mended = fix.apply(&text).unwrap();
                // A last line break that an edit ate, or halved, may be left: lines are what is replaced.
                let plain = |text: &str| text.replace('\r', "").trim_end().to_owned();
                prop_assert_eq!(plain(&mended), plain(&expected));
            }
        }
    }
}
