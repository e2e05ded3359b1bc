//! Whatever the text, its shape is within the text, findings are the same with it and without, and blank lines and
//! comments change nothing but where things are.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use eco_coder_analyzer::{
    Base, Limits, LineSet, MAX_FUNCTION_NOTES, MAX_NAME, MAX_TODO_PLACES, NoteTaker, Options, Shape, analyze, inspect,
    shape,
};
use proptest::prelude::*;

const PATHS: [&str; 9] = ["a.py", "A.java", "a.js", "a.ts", "a.tsx", "a.go", "a.rs", "A.cs", "a.php"];

/// Pieces of code that the walk takes apart, to be shuffled into nonsense.
const PIECES: [&str; 56] = [
    "def f(self, a=1):\n",
    "    ",
    "\n",
    "\r\n",
    "if a ",
    "elif b:\n",
    "else if (b) ",
    "else ",
    "else:\n",
    "for x in xs:\n",
    "for (;;) ",
    "for _, x := range xs ",
    "while (a && b || !c) ",
    "do ",
    "loop ",
    "match a ",
    "switch (a) ",
    "case 1: ",
    "case _:\n",
    "default: ",
    "1 if a && b => c, ",
    "select ",
    "try ",
    "try:\n",
    "except E:\n",
    "catch (e) ",
    "a ? b : c",
    "a if b else c",
    "and ",
    " || ",
    " ?? ",
    "x ||= y",
    "let Some(a) = b else ",
    "break out;",
    "break 2;",
    "goto out;",
    "class A ",
    "class A:\n",
    "impl A for B ",
    "#[cfg(test)] mod t ",
    "function f(a, b) ",
    "const f = (a) => ",
    "f: function () ",
    "fn f(&self) -> u8 ",
    "func (s *S) f(a, b int) ",
    "void f(int a) ",
    "self.f()",
    "{",
    "}",
    "(",
    ")",
    "// TODO: x",
    "# FIXME #3\n",
    "'''é\n'''",
    "`${a ? b : c}`",
    "<?php ",
];

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat()),
        "(\\PC|\n|\t|\\(|\\{){0,200}",
    ]
}

fn holds(shape: &Shape, text: &str) {
    let lines = u32::try_from(text.split('\n').count()).unwrap();
    for (index, f) in shape.functions().iter().enumerate() {
        assert!(1 <= f.first_line && f.first_line <= f.last_line && f.last_line <= lines, "{f:?} of {lines}");
        assert!(1 <= f.code_lines && f.code_lines <= f.last_line - f.first_line + 1, "{f:?}");
        assert!(f.cyclomatic >= 1 && f.own_cognitive <= f.cognitive, "{f:?}");
        assert!(f.cognitive == 0 || f.own_cognitive > 0, "{f:?}");
        assert!(
            !f.name.is_empty() && f.name.chars().count() <= MAX_NAME && !f.name.contains(char::is_control),
            "{f:?}"
        );
        assert!(f.within.is_none_or(|around| around < index), "{f:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_shape(text in hostile(), first in 1_u32..20, extra in 0_u32..5) {
        let (options, limits) = (Options { include_low_confidence: true, ..Options::default() }, Limits::default());
        let changed = LineSet::from_ranges([first..=first + extra]);
        let mut taker = NoteTaker::default();
        for path in PATHS {
            let Ok(alone) = shape(path, &text, &limits) else {
                prop_assert!(text.is_empty() || inspect(path, &text, None, &options, &limits).is_err());
                continue;
            };
            holds(&alone, &text);
            let (analysis, both) = inspect(path, &text, None, &options, &limits).unwrap();
            // Alone it doesn't parse what wakes no rule, and so doesn't say that it can't be parsed.
            let alike = analyze(path, &text, None, &options, &limits).unwrap();
            prop_assert_eq!((analysis.findings, analysis.suppressed), (alike.findings, alike.suppressed));
            if !text.is_empty() {
                prop_assert_eq!(&alone, &both);
            }
            taker.file(path, both, Base::Known(&alone), Some(&changed));
        }
        let notes = taker.finish();
        prop_assert!(notes.functions.is_empty(), "nothing changed: {:?}", notes.functions);
        prop_assert!(notes.functions.len() <= MAX_FUNCTION_NOTES && notes.todo_places.len() <= MAX_TODO_PLACES);
        prop_assert!(notes.todo_places.iter().all(|place| changed.contains(place.line)));
        for place in notes.duplicates.found.iter().flat_map(|duplicate| &duplicate.places) {
            prop_assert!(place.first_line >= 1 && place.last_line as usize <= text.split('\n').count());
        }
    }

    #[test]
    fn blank_lines_and_comments_change_nothing_but_places(
        statements in prop::collection::vec(0_usize..5, 1..12),
        gaps in prop::collection::vec(0_usize..3, 40),
    ) {
        for (path, head, body, end, comment) in [
            ("a.py", "def f(a):", ["    if a and b:", "        g()", "    for x in a:", "        return x if a else b", "    g(lambda: a or b)"], "    g()", "    # TODO(x): y"),
            ("a.js", "function f(a) {", ["if (a && b)", "g();", "for (const x of a)", "g(a ? b : c);", "g(() => a || b);"], "g(); }", "// TODO(x): y"),
            ("a.rs", "fn f(a: u8) {", ["if a && b { c() }", "g();", "for x in a { g() }", "match a { 1 => g(), _ => h() }", "g(|| a || b);"], "g() }", "// TODO(x): y"),
            ("a.go", "package a\nfunc f(a int) {", ["if a && b { g() }", "g()", "for x := range a { g(x) }", "switch a { case 1: g() }", "g(func() { if a { g() } })"], "g() }", "// TODO(x): y"),
        ] {
            // In Python and JavaScript every branch gets its body.
            let lines: Vec<&str> = std::iter::once(head)
                .chain(statements.iter().flat_map(|&n| if n % 2 == 0 && n < 4 { [body[n], body[n | 1]] } else { [body[4], body[4]] }))
                .chain([end])
                .collect();
            let plain = lines.join("\n");
            let spaced: String = lines.iter().zip(gaps.iter().cycle()).fold(String::new(), |text, (line, gap)| {
                let gap = ["", "\n\n", comment][*gap];
                let gap = if gap.is_empty() || gap.ends_with('\n') { gap.to_owned() } else { format!("{gap}\n") };
                text + line + "\n" + &gap
            });
            let measure = |text: &str| {
                let shape = shape(path, text, &Limits::default()).unwrap();
                assert!(shape.functions().iter().all(|f| !f.is_guess), "{text}");
                let tokens = shape.tokens();
                (shape.functions().iter().map(|f| (f.name.clone(), f.code_lines, f.cyclomatic, f.cognitive)).collect::<Vec<_>>(), tokens)
            };
            prop_assert_eq!(measure(&plain), measure(&spaced), "{}", spaced);
        }
    }
}
