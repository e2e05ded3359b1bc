//! Whatever the text, the analyser answers: no panic, lines within the file, findings on the wanted lines only.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use eco_coder_analyzer::{Language, Limits, LineSet, Options, analyze};
use proptest::prelude::*;

const PATHS: [&str; 9] = ["a.py", "A.java", "a.js", "a.ts", "a.tsx", "a.go", "a.rs", "A.cs", "a.php"];

/// Pieces of code that rules look for, to be shuffled into nonsense.
const PIECES: [&str; 56] = [
    "for x in xs:\n",
    "    ",
    "cursor.execute(",
    "'SELECT * FROM t WHERE a = '",
    " + x",
    ")",
    "(",
    "{",
    "}",
    "[",
    "]",
    "\n",
    "\r\n",
    "async ",
    "await ",
    "function f() ",
    "class A ",
    "fn f() ",
    "func f() ",
    "for _, x := range xs ",
    "for (const x of xs) ",
    "for (X x : xs) ",
    "while (true) ",
    "let g = m.lock().unwrap();",
    "defer f()",
    "s += x",
    "s := \"\"",
    "s = ''",
    "regexp.MustCompile(`a`)",
    "Regex::new(\"a\")",
    "JSON.parse(JSON.stringify(x))",
    "é",
    "𝒳",
    "# eco-coder-ignore EC-PY-072: why",
    "// eco-coder-ignore EC-JS-103: why",
    "\"",
    "'",
    "`",
    "=> ",
    "def f(a=[]):\n",
    "<?php ",
    "?>",
    "<?= ",
    "foreach ($xs as $x) ",
    "foreach (var x in xs) ",
    "for ($i = 0; $i < count($a); $i++) ",
    "$s = $s . $x;",
    "$r = array_merge($r, $x);",
    "in_array($x, $seen)",
    "echo $_GET['x'];",
    "<<<A\n",
    "string s = \"\";",
    "$\"a {x}\"",
    "lock (this) ",
    "f.ReadAsync().Result",
    "var f = new FileStream(p, m);",
];

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat()),
        "(\\PC|\n|\t|\\(|\\{){0,200}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer(text in hostile(), first in 1_u32..20, extra in 0_u32..5) {
        let options = Options { include_low_confidence: true, ..Options::default() };
        let changed = LineSet::from_ranges([first..=first + extra]);
        let lines = u32::try_from(text.split('\n').count()).unwrap();
        for path in PATHS {
            prop_assert!(Language::of_path(path).is_some());
            let Ok(all) = analyze(path, &text, None, &options, &Limits::default()) else { continue };
            for finding in &all.findings {
                prop_assert!(finding.start_line >= 1);
                prop_assert!(finding.start_line <= finding.end_line);
                prop_assert!(finding.end_line <= lines, "{} of {lines}", finding.end_line);
            }
            let some = analyze(path, &text, Some(&changed), &options, &Limits::default()).unwrap();
            for finding in &some.findings {
                prop_assert!(changed.intersects(finding.start_line..=finding.end_line));
                let mut same = all.findings.iter().filter(|other| other.fingerprint == finding.fingerprint);
                prop_assert!(same.any(|other| other.start_line == finding.start_line));
                if let Some(fix) = &finding.fix {
                    prop_assert!((fix.start_line..=fix.end_line).all(|line| changed.contains(line)));
                    prop_assert!(fix.apply(&text).is_some());
                }
            }
        }
    }
}
