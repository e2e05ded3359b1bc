use super::*;
use crate::file::Limits;
use crate::shape::shape;

/// A function with so many branches of one more than the last... flat ones: cognitive complexity of `n`.
fn branchy(name: &str, n: usize) -> String {
    format!("def {name}(a):\n{}\n", "    if a: g()\n".repeat(n))
}

fn of(path: &str, text: &str) -> Shape {
    shape(path, text, &Limits::default()).unwrap()
}

/// Names, and the cognitive complexity before, of what is noted.
fn noted(head: &str, base: Option<&str>, changed: Option<&LineSet>) -> Vec<(String, Option<u32>)> {
    let base = base.map(|base| of("a.py", base));
    let mut taker = NoteTaker::default();
    taker.file("a.py", of("a.py", head), base.as_ref().map_or(Base::Absent, Base::Known), changed);
    taker.finish().functions.into_iter().map(|f| (f.name, f.before.map(|b| b.cognitive))).collect()
}

#[test]
fn a_function_is_noted_when_the_change_takes_it_over_a_limit() {
    assert!(noted(&branchy("f", 15), None, None).is_empty(), "at the limit");
    assert_eq!(noted(&branchy("f", 16), None, None), [("f".into(), None)]);
    assert_eq!(noted(&branchy("f", 16), Some(&branchy("f", 15)), None), [("f".into(), Some(15))]);
    assert_eq!(noted(&branchy("f", 16), Some(&branchy("g", 15)), None), [("f".into(), None)], "a new name is new");
    assert!(noted(&branchy("f", 16), Some(&branchy("f", 16)), None).is_empty(), "it was so before");
    assert!(noted(&branchy("f", 16), Some(&branchy("f", 20)), None).is_empty(), "it got better");
    assert!(noted(&branchy("f", 20), Some(&branchy("f", 16)), None).is_empty(), "a little worse");
    assert_eq!(noted(&branchy("f", 21), Some(&branchy("f", 16)), None).len(), 1, "much worse");
    let elsewhere = LineSet::from_ranges([40..=50]);
    assert!(noted(&branchy("f", 16), None, Some(&elsewhere)).is_empty(), "it isn't on changed lines");
}

#[test]
fn a_function_is_noted_for_its_length_alone() {
    let long = |n: usize| format!("def f(a):\n{}", "    g(a)\n".repeat(n - 1));
    assert!(noted(&long(100), None, None).is_empty());
    assert_eq!(noted(&long(101), None, None).len(), 1);
    assert_eq!(noted(&long(101), Some(&long(100)), None).len(), 1);
    assert!(noted(&long(134), Some(&long(101)), None).is_empty());
    assert_eq!(noted(&long(135), Some(&long(101)), None).len(), 1);
    let mut taker = NoteTaker::default();
    taker.file("a.py", of("a.py", &long(101)), Base::Absent, None);
    let note = taker.finish().functions.remove(0);
    assert!(note.is_long && !note.is_complex);
    assert_eq!((note.first_line, note.last_line, note.now.code_lines, note.now.cyclomatic), (1, 101, 101, 1));
}

#[test]
fn functions_are_matched_by_name_then_parameters_then_order() {
    let java = |bodies: [(&str, usize); 2]| {
        bodies.iter().fold("class A {\n".to_owned(), |s, (parameters, n)| {
            s + &format!("void f({parameters}) {{\n{}}}\n", "if (a) g();\n".repeat(*n))
        }) + "}\n"
    };
    let compare = |head: [(&str, usize); 2], base: [(&str, usize); 2]| {
        let (head, base) = (of("A.java", &java(head)), of("A.java", &java(base)));
        let mut taker = NoteTaker::default();
        taker.file("A.java", head, Base::Known(&base), None);
        taker
            .finish()
            .functions
            .into_iter()
            .map(|f| (f.now.cognitive, f.before.map(|b| b.cognitive)))
            .collect::<Vec<_>>()
    };
    assert!(compare([("int a", 1), ("int a, int b", 20)], [("int a, int b", 20), ("int a", 1)]).is_empty(), "moved");
    assert_eq!(
        compare([("int a", 1), ("int a, int b, int c", 20)], [("int a", 1), ("int a, int b", 3)]),
        [(20, Some(3))]
    );
    assert_eq!(compare([("int a", 20), ("long a", 1)], [("int a", 2), ("long a", 1)]), [(20, Some(2))]);
}

#[test]
fn without_the_base_only_what_is_changed_as_a_whole_is_judged() {
    let head = of("a.py", &branchy("f", 16));
    for (last, count) in [(17, 1), (16, 0)] {
        let mut taker = NoteTaker::default();
        let changed = LineSet::from_ranges([1..=last]);
        assert!(wants_base(&head, Some(&changed)));
        taker.file("a.py", head.clone(), Base::Unknown, Some(&changed));
        assert_eq!(taker.finish().functions.len(), count);
    }
    assert!(!wants_base(&of("a.py", &branchy("f", 15)), None));
    assert!(!wants_base(&head, Some(&LineSet::from_ranges([99..=99]))));
}

#[test]
fn what_is_within_is_told_where_it_stands() {
    let inner = branchy("g", 16).replace('\n', "\n    ");
    let outer = format!("def f(a):\n    if a: b()\n    {}\n", inner.trim_end());
    assert_eq!(noted(&outer, None, None), [("f.g".into(), None)]);
    let both = outer.replace("    if a: b()\n    def", &("    if a: b()\n".repeat(16) + "    def"));
    assert_eq!(noted(&both, None, None).len(), 2);
    let shared = format!(
        "def f(a):\n    if a: b()\n{}",
        [0, 1, 2, 3].map(|n| format!("    def g{n}():\n{}", "        if a: b()\n".repeat(4))).concat()
    );
    assert_eq!(noted(&shared, None, None), [("f".into(), None)], "none of them by itself");
}

#[test]
fn tests_and_guesses_are_not_noted() {
    let mut taker = NoteTaker::default();
    taker.file("tests/test_a.py", of("tests/test_a.py", &branchy("f", 30)), Base::Absent, None);
    assert!(taker.finish().is_empty());
}

#[test]
fn todos_on_changed_lines_are_counted_and_placed() {
    let text = "# TODO: a\nx = 1\n# FIXME: b\n# HACK: see #4\n# XXX\n";
    let mut taker = NoteTaker::default();
    taker.file("b.py", of("b.py", text), Base::Unknown, Some(&LineSet::from_ranges([2..=4])));
    taker.file("a.py", of("a.py", text), Base::Absent, Some(&LineSet::from_ranges([4..=5])));
    let notes = taker.finish();
    assert_eq!((notes.todos, notes.tracked_todos), (2, 2));
    let places: Vec<_> = notes.todo_places.iter().map(|p| (p.file_path.as_str(), p.line, p.is_tracked)).collect();
    assert_eq!(places, [("a.py", 5, false), ("b.py", 3, false), ("a.py", 4, true), ("b.py", 4, true)]);
}

#[test]
fn notes_are_bounded_and_can_be_stored() {
    let functions: String = (0..MAX_FUNCTION_NOTES + 2).map(|n| branchy(&format!("f{n}"), 16 + n)).collect();
    let todos = "# TODO: x\n\n".repeat(MAX_TODO_PLACES + 1);
    let mut taker = NoteTaker::new(MAX_TOKENS_FOR_TEST);
    taker.file("a.py", of("a.py", &(functions + &todos)), Base::Absent, None);
    let notes = taker.finish();
    assert_eq!((notes.functions.len(), notes.more_functions), (MAX_FUNCTION_NOTES, 2));
    assert_eq!(notes.functions[0].now.cognitive, 16 + 31, "the most complex stay");
    assert_eq!((notes.todo_places.len(), notes.todos as usize), (MAX_TODO_PLACES, MAX_TODO_PLACES + 1));
    let stored = serde_json::to_string(&notes).unwrap();
    assert_eq!(serde_json::from_str::<Notes>(&stored).unwrap(), notes);
}

const MAX_TOKENS_FOR_TEST: usize = 1_000_000;
