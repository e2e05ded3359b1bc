use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn lines(patch: &str) -> Vec<RangeInclusive<u32>> {
    changed_lines(patch).unwrap()
}

#[test]
fn added_lines_are_those_of_the_new_file() {
    let patch = "@@ -1,3 +1,4 @@ fn main()\n a\n-b\n+B\n+b2\n c\n@@ -10,2 +11,3 @@\n x\n y\n+z";
    assert_eq!(lines(patch), [2..=3, 13..=13]);
    let hunks = hunks(patch).unwrap();
    assert_eq!(hunks[0].text, "@@ -1,3 +1,4 @@ fn main()\n a\n-b\n+B\n+b2\n c");
    assert_eq!(hunks[1].text, "@@ -10,2 +11,3 @@\n x\n y\n+z");
    assert_eq!(hunks[1].old, Span { start: 10, count: 2 });
    assert_eq!(hunks[1].new, Span { start: 11, count: 3 });
}

#[test]
fn new_deleted_and_empty_files() {
    assert_eq!(lines("@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file"), [1..=2]);
    assert_eq!(lines("@@ -1,2 +0,0 @@\n-a\n-b"), []);
    assert_eq!(lines(""), []);
}

#[test]
fn counts_left_out_mean_one() {
    assert_eq!(lines("@@ -1 +1 @@\n-Subproject commit aaaa\n+Subproject commit bbbb"), [1..=1]);
}

#[test]
fn lines_that_look_like_file_headers_are_content() {
    let patch = "@@ -1,3 +1,3 @@\n--- a/x\n-- y\n+++ b/x\n+++ y\n z";
    assert_eq!(lines(patch), [1..=2]);
}

#[test]
fn a_marker_may_stand_between_removed_and_added() {
    let patch = "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n";
    assert_eq!(lines(patch), [1..=1]);
    assert_eq!(hunks(patch).unwrap()[0].text, patch.trim_end());
}

#[test]
fn carriage_returns_belong_to_their_line() {
    assert_eq!(lines("@@ -1,2 +1,3 @@\r\n a\r\n+b\r\n c\r\n"), [2..=2]);
    assert_eq!(lines("@@ -1,2 +1,3 @@\n a\rb\rc\n+d\re\n f"), [2..=2]);
    assert_eq!(lines("@@ -1,2 +1,3 @@\n \r\n\r\n+c\r\n"), [3..=3]);
}

#[test]
fn an_empty_context_line_may_lack_its_space() {
    assert_eq!(lines("@@ -1,3 +1,4 @@\n a\n\n+b\n c"), [3..=3]);
}

#[test]
fn hunks_without_context_join_where_they_touch() {
    assert_eq!(lines("@@ -1,0 +2 @@\n+a\n@@ -2 +3 @@\n-b\n+c"), [2..=3]);
}

#[test]
fn a_patch_that_does_not_add_up_is_refused() {
    for (patch, error) in [
        ("@@@ -1,2 -1,2 +1,3 @@@\n  a", PatchError::Combined(1)),
        ("diff --git a/x b/x", PatchError::Header(1)),
        ("\n", PatchError::Header(1)),
        ("@@ -1 +1", PatchError::Header(1)),
        ("@@ -1 1 @@", PatchError::Header(1)),
        ("@@ --1 +1 @@", PatchError::Header(1)),
        ("@@ -1 ++1 @@", PatchError::Header(1)),
        ("@@ -1, +1 @@\n a", PatchError::Header(1)),
        ("@@ -,1 +1 @@\n a", PatchError::Header(1)),
        ("@@ -0 +1 @@\n a", PatchError::Header(1)),
        ("@@ -1,4294967296 +1 @@", PatchError::Header(1)),
        ("@@ -1 +4294967295,4294967295 @@", PatchError::Header(1)),
        ("@@ -1 +99999999999999999999 @@", PatchError::Header(1)),
        ("@@ -1 +\u{661} @@\n a", PatchError::Header(1)),
        ("@@ -1,3 +1,3 @@\n a\n b", PatchError::Count(3)),
        ("@@ -1 +1 @@", PatchError::Count(1)),
        ("@@ -1 +1 @@\n a\n b", PatchError::Count(3)),
        ("@@ -1 +1 @@\n+a\n+b", PatchError::Count(3)),
        ("@@ -1,2 +1,2 @@\n a\n@@ -5 +5 @@\n b", PatchError::Count(3)),
        ("@@ -1 +1 @@\n?a", PatchError::Prefix(2)),
        ("@@ -1 +1 @@\n a\n@@ -1 +1 @@\n a", PatchError::Header(3)),
        ("@@ -5 +5 @@\n a\n@@ -5 +6 @@\n a", PatchError::Header(3)),
        ("@@ -9 +9 @@\n a\n@@ -1 +1 @@\n a", PatchError::Header(3)),
    ] {
        assert_eq!(changed_lines(patch), Err(error), "{patch:?}");
    }
}

#[test]
fn a_line_of_fifty_megabytes_and_a_million_short_ones_take_linear_time() {
    let long = format!("@@ -1 +1,2 @@\n a\n+{}", "x".repeat(50 << 20));
    assert_eq!(lines(&long), [2..=2]);
    let many = format!("@@ -1,500000 +1,1000000 @@\n{}", "+a\n b\n".repeat(500_000));
    assert_eq!(lines(&many).len(), 500_000);
}

/// A line of a diff: kept, removed or added.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Keep(u8),
    Remove(u8),
    Add(u8),
}

/// The plainest differ: longest common subsequence by table.
fn diff(old: &[u8], new: &[u8]) -> Vec<Step> {
    let mut longest = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] =
                if old[i] == new[j] { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut steps) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            steps.push(Step::Keep(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            steps.push(Step::Remove(old[i]));
            i += 1;
        } else {
            steps.push(Step::Add(new[j]));
            j += 1;
        }
    }
    steps
}

/// Texts whose lines look like the patch's own syntax.
const TEXTS: [&str; 8] = ["", "-- a", "++ b", "@@ -1 +1 @@", "\\ No newline", " x", "\r", "lone\rreturn"];

/// Writes the hunks with `context` lines around each change; also the new file's lines that are added.
fn write_patch(steps: &[Step], context: usize) -> (String, Vec<u32>) {
    let changed: Vec<bool> = steps.iter().map(|step| !matches!(step, Step::Keep(_))).collect();
    let shown: Vec<bool> = (0..steps.len())
        .map(|i| changed[i.saturating_sub(context)..(i + context + 1).min(steps.len())].contains(&true))
        .collect();
    let (mut old, mut new, mut patch, mut added) = (0u32, 0u32, String::new(), Vec::new());
    let mut i = 0;
    while i < steps.len() {
        let (mut body, old_before, new_before) = (String::new(), old, new);
        let in_hunk = shown[i];
        while i < steps.len() && shown[i] == in_hunk {
            let (sign, text) = match steps[i] {
                Step::Keep(n) => (' ', n),
                Step::Remove(n) => ('-', n),
                Step::Add(n) => ('+', n),
            };
            old += u32::from(sign != '+');
            new += u32::from(sign != '-');
            if sign == '+' {
                added.push(new);
            }
            body.push(sign);
            body.push_str(TEXTS[usize::from(text)]);
            body.push('\n');
            i += 1;
        }
        if in_hunk {
            let span = |before: u32, after: u32| match after - before {
                0 => format!("{before},0"),
                1 => format!("{}", before + 1),
                n => format!("{},{n}", before + 1),
            };
            let _ = write!(patch, "@@ -{} +{} @@ heading @@\n{body}", span(old_before, old), span(new_before, new));
        }
    }
    (patch, added)
}

proptest! {
    #[test]
    fn the_lines_reported_are_exactly_those_added(
        old in proptest::collection::vec(0u8..8, 0..40),
        new in proptest::collection::vec(0u8..8, 0..40),
        context in 0usize..4,
    ) {
        let (patch, added) = write_patch(&diff(&old, &new), context);
        let ranges = changed_lines(&patch).unwrap();
        for pair in ranges.windows(2) {
            prop_assert!(pair[0].end() + 1 < *pair[1].start());
        }
        prop_assert_eq!(ranges.into_iter().flatten().collect::<Vec<_>>(), added);
    }

    #[test]
    fn no_text_panics_and_hunks_lie_in_it(patch in "(@@ -[0-9]{1,3}(,[0-9])? \\+[0-9]{1,3}(,[0-9])? @@\n([ +\\-\\\\@x\r]?\n){0,6}){0,3}") {
        if let Ok(hunks) = hunks(&patch) {
            for hunk in hunks {
                prop_assert!(patch.contains(hunk.text));
                let added: u32 = hunk.added.iter().map(|range| range.end() - range.start() + 1).sum();
                prop_assert!(added <= hunk.new.count);
            }
        }
    }

    #[test]
    fn a_patch_cut_short_never_panics(cut in 0usize..200, old in proptest::collection::vec(0u8..8, 0..20), new in proptest::collection::vec(0u8..8, 0..20)) {
        let (patch, _) = write_patch(&diff(&old, &new), 1);
        if let Some(cut) = patch.get(..cut) {
            let _ = hunks(cut);
        }
    }
}
