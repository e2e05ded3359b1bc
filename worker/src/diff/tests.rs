use proptest::prelude::*;

use super::view::{Relevance, shown, tokens, view};
use super::*;

const PATCH: &str = "@@ -1,3 +1,4 @@ def f():\n a = 1\n-b = 2\n+b = 3\n+c = 4\n d = 5\n@@ -40,2 +41,1 @@\n-gone = 1\n e = 6\n\\ No newline at end of file\n";

fn diff(files: &[(&str, &str)]) -> Diff {
    Diff::new(files.iter().filter_map(|(path, patch)| Patch::pack(path, patch)))
}

struct Nothing;

impl Relevance for Nothing {
    fn heaviest(&self, _: &str) -> Option<eco_coder_analyzer::Severity> {
        None
    }

    fn is_known(&self, _: &Patch) -> bool {
        false
    }
}

#[test]
fn hunks_are_shown_with_the_lines_of_the_head() {
    let diff = diff(&[("a.py", PATCH)]);
    let all = "=== a.py (+2)\n@\n1 a = 1\n-b = 2\n2+b = 3\n3+c = 4\n4 d = 5\n@\n-gone = 1\n41 e = 6\n";
    let patch = &diff.patches()[0];
    assert_eq!(shown(patch, 1, 1_000), (all.to_owned(), true));
    assert_eq!(shown(patch, 41, 1_000).0, "=== a.py (+2)\n@\n-gone = 1\n41 e = 6\n");
    assert_eq!(shown(patch, 42, 1_000), (String::new(), true));
    assert_eq!(shown(patch, 1, 12), ("=== a.py (+2)\n@\n1 a = 1\n-b = 2\n".to_owned(), false));
    assert_eq!(shown(patch, 1, 0), (String::new(), false));
}

#[test]
fn a_quotation_stands_where_it_is_in_the_new_text_near_the_line() {
    let diff = diff(&[("a.py", PATCH)]);
    assert_eq!(diff.stands("a.py", 2, "b = 3"), None, "three characters show nothing");
    assert_eq!(diff.stands("a.py", 2, "b = 3\n  c=4"), Some(2), "white space is no difference");
    assert_eq!(diff.stands("a.py", 8, "c = 4\nd = 5"), Some(3));
    assert_eq!(diff.stands("a.py", 9, "c = 4\nd = 5"), None, "too far away");
    assert_eq!(diff.stands("a.py", 2, "b = 2"), None, "removed");
    assert_eq!(diff.stands("a.py", 40, "gone = 1"), None, "removed");
    assert_eq!(diff.stands("a.py", 4, "d = 5e = 6"), None, "two hunks don't touch");
    assert_eq!(diff.stands("b.py", 2, "b = 3c = 4"), None);
    assert_eq!(diff.stands("a.py", 2, &"x".repeat(1 << 20)), None);
}

#[test]
fn of_equal_places_the_nearest_is_taken() {
    let body: String = (0..6).map(|_| "+same()\n").collect();
    let diff = diff(&[("a.py", &format!("@@ -0,0 +1,6 @@\n{body}"))]);
    assert_eq!(diff.stands("a.py", 4, "same()"), Some(4));
    assert_eq!(diff.stands("a.py", 9, "same()"), Some(6));
}

#[test]
fn what_is_kept_of_a_file_and_of_all_is_bounded() {
    let patch = |bytes: usize| {
        let head = "@@ -0,0 +1,1 @@\n+";
        format!("{head}{}", "x".repeat(bytes - head.len()))
    };
    assert!(Patch::pack("a.py", &patch(MAX_PATCH)).is_some());
    assert_eq!(Patch::pack("a.py", &patch(MAX_PATCH + 1)), None);
    let all = |files: usize| Diff::new((0..files).filter_map(|_| Patch::pack("a.py", &patch(MAX_PATCH))));
    assert_eq!(all(MAX_DIFF / MAX_PATCH).patches().len(), MAX_DIFF / MAX_PATCH);
    assert_eq!(all(MAX_DIFF / MAX_PATCH + 1).patches().len(), MAX_DIFF / MAX_PATCH);
    for nothing in ["", "nonsense", "@@ -1,1 +0,0 @@\n-x", "@@ -1 +1,9 @@\n+x"] {
        assert_eq!(Patch::pack("a.py", nothing), None, "{nothing}");
    }
}

#[test]
fn long_lines_are_cut_and_odd_names_are_quoted() {
    let diff = diff(&[("a\n=== b.py.md", &format!("@@ -0,0 +1 @@\n+{}", "é".repeat(500)))]);
    let text = view(&diff, &Nothing, 10_000).text;
    assert!(text.starts_with("=== \"a\\n=== b.py.md\" (+1)\n@\n1+é"), "{text}");
    assert!(text.ends_with("é... (cut)\n") && text.chars().count() < 360, "{text}");
}

proptest! {
    /// Whatever the patches, the view keeps to its budget, and names or shows every file.
    #[test]
    fn a_view_keeps_to_its_budget(
        files in prop::collection::vec(("[a-z]{1,8}(\\.py|\\.md|_test\\.go|\\.lock)", prop::collection::vec("[ -~é]{0,40}", 1..30)), 1..12),
        budget in 0_u64..400,
    ) {
        let packed = files.iter().filter_map(|(path, lines)| {
            let body: String = lines.iter().map(|line| format!("+{line}\n")).collect();
            Patch::pack(path, &format!("@@ -0,0 +1,{} @@\n{body}", lines.len()))
        });
        let diff = Diff::new(packed);
        let view = view(&diff, &Nothing, budget);
        prop_assert!(tokens(&view.text) <= budget, "{} of {budget}", tokens(&view.text));
        for patch in diff.patches() {
            let whole = view.whole.iter().any(|(path, _)| *path == patch.path);
            prop_assert!(whole || view.left_out.contains(&patch.path), "{}", patch.path);
        }
    }

    #[test]
    fn every_added_line_stands_where_it_was_added(lines in prop::collection::vec("[a-z]{4,12}[ -~]{0,20}", 1..20), at in 0_usize..20) {
        let body: String = lines.iter().map(|line| format!("+{line}\n")).collect();
        let diff = diff(&[("a.py", &format!("@@ -0,0 +1,{} @@\n{body}", lines.len()))]);
        let at = at % lines.len();
        let found = diff.stands("a.py", u32::try_from(at).unwrap() + 1, &lines[at]);
        prop_assert_eq!(found, Some(u32::try_from(at).unwrap() + 1));
    }
}
