//! A finding stands on the line that an editor and GitHub show: lines end with `\n`, or `\r\n`, and with nothing else,
//! whatever stands before it in the file.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use eco_coder_analyzer::{Limits, LineSet, Options, analyze};

/// Of each language: a file's name, what opens it, how a comment begins, a line with something to mend, and its rule.
const LANGUAGES: [(&str, &str, &str, &str, &str); 9] = [
    ("a.py", "", "#", "a = sorted(xs)[0]", "EC-PY-123"),
    ("A.java", "", "//", "class A { void f() { (new Thread(task)).run(); } }", "EC-JV-207"),
    ("a.js", "", "//", "const last = [...dates].sort().pop();", "EC-JS-121"),
    ("a.ts", "", "//", "const last = [...dates].sort().pop();", "EC-JS-121"),
    ("a.tsx", "", "//", "const last = [...dates].sort().pop();", "EC-JS-121"),
    ("a.go", "package a\n", "//", "var c = &tls.Config{InsecureSkipVerify: true}", "EC-GO-301"),
    ("a.rs", "", "//", "fn f(name: Box<String>) {}", "EC-RS-110"),
    ("A.cs", "", "//", "class A { void F() { while (!_ready) { } } }", "EC-CS-401"),
    ("a.php", "<?php\n", "//", "extract($_POST);", "EC-PHP-311"),
];

/// The lines on which a rule speaks, all of them and those of one changed line.
fn lines(path: &str, text: &str, rule: &str, changed: Option<u32>) -> BTreeSet<(u32, u32)> {
    let changed: Option<LineSet> = changed.map(|line| [line].into_iter().collect());
    let analysis = analyze(path, text, changed.as_ref(), &Options::default(), &Limits::default()).unwrap();
    assert_eq!(analysis.partial, None, "{path}: {text:?}");
    analysis.findings.iter().filter(|f| f.rule_id == rule).map(|f| (f.start_line, f.end_line)).collect()
}

#[test]
fn what_stands_before_a_finding_does_not_move_it() {
    for (path, opening, comment, code, rule) in LANGUAGES {
        let first = u32::try_from(opening.matches('\n').count()).unwrap();
        for (what, before, moved) in [
            ("nothing", String::new(), 0),
            ("blank lines", "\n\n\n".to_owned(), 3),
            ("tabs", format!("\t\n{comment} \t\ta\tb\n"), 2),
            ("emoji", format!("{comment} 👩‍👩‍👧‍👦 🏳️‍🌈 🦀🦀🦀\n"), 1),
            ("combining characters", format!("{comment} e\u{301}\u{302}\u{303} n\u{303} क्षि\n{comment} \u{feff}\n"), 2),
            (
                "U+2028 and U+2029",
                format!("{comment} a {comment} b\n/*\u{2028}\u{2029}*/\n").replace("/*", comment).replace("*/", ""),
                2,
            ),
            ("next line, form feed, vertical tab", format!("{comment} a\u{85}b\u{c}c\u{b}d\n"), 1),
        ] {
            let text = format!("{opening}{before}{code}\n");
            let line = first + moved + 1;
            assert_eq!(lines(path, &text, rule, None), BTreeSet::from([(line, line)]), "{path} after {what}");
            assert_eq!(lines(path, &text, rule, Some(line)).len(), 1, "{path} after {what}: the line is changed");
            assert_eq!(lines(path, &text, rule, Some(line + 1)).len(), 0, "{path} after {what}: the next line is");

            let crlf = text.replace('\n', "\r\n");
            assert_eq!(lines(path, &crlf, rule, None), BTreeSet::from([(line, line)]), "{path} after {what}, CRLF");
            let marked = format!("\u{feff}{text}");
            assert_eq!(lines(path, &marked, rule, None), BTreeSet::from([(line, line)]), "{path} after {what}, BOM");
            let open_ended = text.trim_end();
            assert_eq!(lines(path, open_ended, rule, None), BTreeSet::from([(line, line)]), "{path}, no last break");
        }
    }
}

#[test]
fn what_stands_beside_a_finding_does_not_move_it() {
    for (path, opening, comment, code, rule) in LANGUAGES {
        let line = u32::try_from(opening.matches('\n').count()).unwrap() + 1;
        for behind in ["\t", " 🦀 e\u{301}", "\u{2028}\u{2029}", "\u{85}"] {
            let text = format!("{opening}{code} {comment}{behind}\n{comment}\n");
            assert_eq!(lines(path, &text, rule, None), BTreeSet::from([(line, line)]), "{path} before {behind:?}");
        }
    }
}

#[test]
fn a_lone_carriage_return_ends_no_line() {
    for (path, opening, comment, code, rule) in LANGUAGES {
        let line = u32::try_from(opening.matches('\n').count()).unwrap() + 2;
        // Whether a grammar goes on behind it or ends the comment there: the next line is the next line.
        let text = format!("{opening}{comment} a\r{comment} b\r\r\n{code}\n");
        assert_eq!(lines(path, &text, rule, None), BTreeSet::from([(line, line)]), "{path}");
    }
}
