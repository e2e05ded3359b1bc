//! One file end to end: what is kept, muted, bounded and refused.

use std::thread;
use std::time::Duration;

use super::*;
use crate::finding::{Confidence, Severity};
use crate::rule::RuleSet;

const LOADS: &str = "\
def load(cursor, orders):
    for order in orders:
        cursor.execute('SELECT id FROM line WHERE order_id = ?', (order.id,))
";

fn all(path: &str, text: &str) -> FileAnalysis {
    analyze(path, text, None, &Options::default(), &Limits::default()).unwrap()
}

fn ids(analysis: &FileAnalysis) -> Vec<(&str, u32)> {
    analysis.findings.iter().map(|f| (f.rule_id.as_str(), f.start_line)).collect()
}

/// What the rules that are awake match in a Python text, by the deadline.
/// How many matches there are, and why not more.
fn python_matches(text: &str, deadline: &Deadline) -> (usize, Option<String>) {
    let tree = parse(Language::Python, text, &Deadline::after(Duration::MAX)).unwrap();
    let options = Options::default();
    let scope = Scope { path: "a.py", language: Language::Python, options: &options, in_tests: false };
    let awake = scope.awake(text);
    let nodes = survey(&tree, usize::MAX, |kind| awake.want(kind)).unwrap();
    let (hits, partial) = matches(&tree, nodes, &awake, &scope, deadline);
    (hits.len(), partial)
}

#[test]
fn a_finding_says_what_where_and_what_to_do() {
    let analysis = all("app/orders.py", LOADS);
    let [finding] = analysis.findings.as_slice() else { panic!("{:?}", analysis.findings) };
    assert_eq!((finding.rule_id.as_str(), finding.start_line, finding.end_line), ("EC-PY-072", 3, 3));
    assert_eq!((finding.severity, finding.confidence), (Severity::High, Confidence::Medium));
    assert_eq!(finding.aliases, ["GCI72"]);
    assert_eq!(finding.file_path, "app/orders.py");
    assert!(finding.evidence.as_ref().unwrap().contains("python_effects.py"));
    assert!(!finding.description.contains('\n') && !finding.recommendation.contains('\n'));
    assert_eq!(analysis.suppressed, 0);
    assert_eq!(analysis.partial, None);
}

#[test]
fn only_changed_lines_are_spoken_of() {
    let count = |lines: &[u32]| {
        let changed: LineSet = lines.iter().copied().collect();
        analyze("a.py", LOADS, Some(&changed), &Options::default(), &Limits::default()).unwrap().findings.len()
    };
    assert_eq!([count(&[1, 2]), count(&[3]), count(&[4, 99]), count(&[])], [0, 1, 0, 0]);
}

#[test]
fn a_match_over_several_lines_is_kept_if_one_of_them_changed() {
    let text = "def f(cursor, xs):\n    for x in xs:\n        cursor.execute(\n            'SELECT a FROM t WHERE b = ?',\n            (x,),\n        )\n";
    let changed: LineSet = [5].into_iter().collect();
    let analysis = analyze("a.py", text, Some(&changed), &Options::default(), &Limits::default()).unwrap();
    assert_eq!((analysis.findings[0].start_line, analysis.findings[0].end_line), (3, 6));
}

#[test]
fn crlf_and_a_missing_last_line_break_leave_the_numbers_right() {
    let crlf = LOADS.replace('\n', "\r\n");
    assert_eq!(ids(&all("a.py", &crlf)), [("EC-PY-072", 3)]);
    assert_eq!(ids(&all("a.py", LOADS.trim_end())), [("EC-PY-072", 3)]);
}

#[test]
fn a_comment_with_a_reason_mutes_and_is_counted() {
    let muted = LOADS.replace("(order.id,))", "(order.id,))  # eco-coder-ignore EC-PY-072: three rows at most");
    let analysis = all("a.py", &muted);
    assert_eq!((analysis.findings.len(), analysis.suppressed), (0, 1));
    let before =
        LOADS.replace("        cursor", "        # eco-coder-ignore GCI72: three rows at most\n        cursor");
    assert_eq!(all("a.py", &before).suppressed, 1);
    let no_reason = LOADS.replace("(order.id,))", "(order.id,))  # eco-coder-ignore EC-PY-072");
    assert_eq!(ids(&all("a.py", &no_reason)), [("EC-PY-072", 3)]);
}

#[test]
fn the_engines_own_ignore_comments_mean_nothing() {
    let sly = format!("# ast-grep-ignore\n\n{LOADS}");
    assert_eq!(ids(&all("a.py", &sly)), [("EC-PY-072", 5)]);
}

#[test]
fn rules_can_be_turned_off_by_any_name_and_unsure_ones_on() {
    let off = Options { disabled_rules: ["GCI72".to_owned()].into(), ..Options::default() };
    assert!(analyze("a.py", LOADS, None, &off, &Limits::default()).unwrap().findings.is_empty());
    let unsure = "def f(rows):\n    out = ''\n    for row in rows:\n        out += row\n    return out\n";
    assert!(all("a.py", unsure).findings.is_empty());
    let on = Options { include_low_confidence: true, ..Options::default() };
    assert_eq!(ids(&analyze("a.py", unsure, None, &on, &Limits::default()).unwrap()), [("EC-PY-121", 4)]);
}

#[test]
fn test_code_is_left_alone() {
    assert!(all("tests/test_orders.py", LOADS).findings.is_empty());
    let inline = "#[cfg(test)]\nmod tests {\n    async fn f() { std::thread::sleep(PAUSE); }\n}\n";
    assert!(all("src/a.rs", inline).findings.is_empty());
    assert_eq!(
        ids(&all("src/a.rs", "mod m {\n    async fn f() { std::thread::sleep(PAUSE); }\n}\n")),
        [("EC-RS-102", 2)]
    );
}

#[test]
fn nested_matches_of_a_rule_are_one_finding() {
    let nested = "const a = JSON.parse(JSON.stringify(JSON.parse(JSON.stringify(x))));\n";
    let every_rule = Options { include_low_confidence: true, ..Options::default() };
    let analysis = analyze("a.js", nested, None, &every_rule, &Limits::default()).unwrap();
    assert_eq!(ids(&analysis), [("EC-JS-103", 1)]);
    let same_line = "a = sorted(xs)[0]; b = sorted(ys)[0]\n";
    assert_eq!(all("a.py", same_line).findings.len(), 1);
}

#[test]
fn fingerprints_survive_moves_and_tell_twins_apart() {
    let print = |text: &str| all("a.py", text).findings.into_iter().map(|f| f.fingerprint).collect::<Vec<_>>();
    let moved = format!("import os\n\n\n{LOADS}");
    assert_eq!(print(LOADS), print(&moved));
    let twins = format!("{LOADS}        cursor.execute('SELECT id FROM line WHERE order_id = ?', (order.id,))\n");
    let [first, second] = print(&twins).try_into().unwrap();
    assert_ne!(first, second);
    assert_eq!([first], print(LOADS).as_slice());
    assert_ne!(print(LOADS), print(&LOADS.replace("def load", "def fetch")));
}

#[test]
fn a_fingerprint_does_not_depend_on_which_lines_changed() {
    let twins = format!("{LOADS}        cursor.execute('SELECT id FROM line WHERE order_id = ?', (order.id,))\n");
    let changed: LineSet = [4].into_iter().collect();
    let some = analyze("a.py", &twins, Some(&changed), &Options::default(), &Limits::default()).unwrap();
    assert_eq!(some.findings[0].fingerprint, all("a.py", &twins).findings[1].fingerprint);
}

#[test]
fn nothing_of_the_source_gets_into_a_finding() {
    let hostile =
        "def f(cursor, xs):\n    for INJECTED in xs:\n        cursor.execute('SELECT INJECTED', (INJECTED,))\n";
    let analysis = all("a.py", hostile);
    assert_eq!(analysis.findings.len(), 1);
    assert!(!serde_json::to_string(&analysis).unwrap().contains("INJECTED"));
}

#[test]
fn too_many_findings_are_cut_and_the_cut_is_named() {
    let limits = Limits { max_findings_per_file: 3, ..Limits::default() };
    let text = "a = sorted(xs)[0]\n".repeat(10);
    let analysis = analyze("a.py", &text, None, &Options::default(), &limits).unwrap();
    assert_eq!((analysis.findings.len(), analysis.partial.as_deref()), (3, Some("more than 3 findings")));
    let at = analyze("a.py", &"a = sorted(xs)[0]\n".repeat(3), None, &Options::default(), &limits).unwrap();
    assert_eq!((at.findings.len(), at.partial), (3, None));
}

#[test]
fn matches_are_held_up_to_the_bound_and_the_first_one_past_it_is_named() {
    let text = "a = sorted(xs)[0]\n".repeat(MAX_MATCHES + 1);
    let (hits, partial) = python_matches(&text, &Deadline::after(Duration::MAX));
    assert_eq!(hits, MAX_MATCHES);
    assert_eq!(partial.as_deref(), Some("too many matches: lines after 20001 were not looked at"));
}

#[test]
fn out_of_time_is_said() {
    let limits = Limits { time: Duration::ZERO, ..Limits::default() };
    let text = LOADS.repeat(50);
    let result = analyze("a.py", &text, None, &Options::default(), &limits);
    assert!(matches!(result, Err(Skipped::TimedOut)) || result.unwrap().partial.unwrap().starts_with("out of time"));
    let (hits, partial) = python_matches(&text, &Deadline::after(Duration::ZERO));
    assert_eq!((hits, partial.as_deref()), (0, Some("out of time: lines after 3 were not looked at")));
}

#[test]
fn marks_without_end_are_read_within_the_time() {
    let text = "// eco-coder-ignore E: r\n".repeat(83_000);
    let limits = Limits { time: Duration::from_mins(2), ..Limits::default() };
    let analysis = analyze("a.js", &text, None, &Options::default(), &limits).unwrap();
    assert_eq!(analysis.partial, None);
}

#[test]
fn calls_with_absurdly_many_arguments_cost_little() {
    let text = format!("for x in xs:\n    re.match({})\n", "'a',\n".repeat(100_000));
    let limits = Limits { time: Duration::from_mins(2), ..Limits::default() };
    assert_eq!(analyze("a.py", &text, None, &Options::default(), &limits).unwrap().findings, []);
}

#[test]
fn broken_code_is_looked_at_as_far_as_it_parses() {
    let broken = format!("def f(:\n\n{LOADS}\nclass (((\n");
    assert_eq!(ids(&all("a.py", &broken)), [("EC-PY-072", 5)]);
    let not_java = all("A.java", "((((");
    assert_eq!((not_java.findings.len(), not_java.partial.as_deref()), (0, Some("does not parse as Java")));
}

#[test]
fn what_is_not_looked_at_says_why() {
    let why = |path: &str, text: &str| {
        analyze(path, text, None, &Options::default(), &Limits::default()).unwrap_err().to_string()
    };
    assert_eq!(why("a.txt", "x"), "no rules for this kind of file");
    assert_eq!(why("vendor/a.go", "x"), "third-party code");
    assert_eq!(why("a.go", "// Code generated by x. DO NOT EDIT.\npackage a\n"), "generated");
    assert_eq!(why("a.py", &"x = 1\n".repeat(400_000)), "over 2 MB");
    assert_eq!(why("a.py", &"x".repeat(50 << 20)), "over 2 MB");
    assert_eq!(why("a.py", &"x".repeat(70 << 10)), "line 1 is over 64 kB long");
    assert_eq!(why("a.py", "a\0b"), "not text");
}

/// Runs on a stack as large as the contract asks for, and no larger.
fn on_contract_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
}

/// An expression nested so that the tree is `depth` deep or a little more, broken over lines.
fn nested(open: &str, close: &str, depth: usize) -> String {
    let mut text = String::from("x = ");
    for n in 0..depth {
        text.push_str(open);
        if n % 50 == 49 {
            text.push('\n');
        }
    }
    text.push('1');
    for n in 0..depth {
        text.push_str(close);
        if n % 50 == 49 {
            text.push('\n');
        }
    }
    text
}

#[test]
fn nesting_is_refused_one_past_the_bound() {
    let depth_of = |text: &str| {
        let tree = parse(Language::Python, text, &Deadline::after(Duration::MAX)).unwrap();
        (0..1_000).find(|&limit| survey(&tree, limit, |_| false).is_some()).unwrap()
    };
    let text = nested("(", ")", 40);
    let depth = depth_of(&text);
    let at = |max_depth| {
        let limits = Limits { max_depth, ..Limits::default() };
        analyze("a.py", &text, None, &Options::default(), &limits)
    };
    assert!(at(depth).is_ok());
    assert_eq!(at(depth - 1), Err(Skipped::TooDeep { limit: u32::try_from(depth - 1).unwrap() }));
}

#[test]
fn a_text_that_wakes_no_rule_is_not_parsed_and_one_that_may_be_too_deep_is() {
    let limits = Limits { time: Duration::ZERO, ..Limits::default() };
    let look = |text: &str| analyze("tests/test_a.py", text, None, &Options::default(), &limits);
    assert_eq!(look(&"x = 1\n".repeat(10_000)), Ok(FileAnalysis::default()));
    assert_eq!(look(&format!("{}{}", "x = 1\n".repeat(10_000), "(\n".repeat(1_000))), Err(Skipped::TimedOut));
    assert_eq!(look(&format!("{}assert (x, y)\n", "x = 1\n".repeat(10_000))), Err(Skipped::TimedOut));
}

/// What wakes a rule is told by its words: no rule may match where it sleeps.
#[test]
fn no_rule_that_sleeps_would_have_matched() {
    for language in Language::ALL {
        let set = RuleSet::of(language);
        let every = Awake::new(set.all().map(|rule| rule.as_ref().unwrap()).collect());
        let every_rule = Options { include_low_confidence: true, ..Options::default() };
        let scope = Scope { path: "a", language, options: &every_rule, in_tests: false };
        let ours = crate::rule::documents().map(Result::unwrap).filter(|file| file.languages().contains(&language));
        let examples = ours.flat_map(|file| [&file.examples().bad[..], &file.examples().good].concat());
        // As they are, and with blanks and comments where these may be.
        let forms = examples.flat_map(|text| {
            let comment = if language == Language::Python { "# it's\n" } else { "/* it's */ // \"\n" };
            let commented = ["(", "[", "{"].map(|sign| text.replace(sign, &format!("{sign} {comment}")));
            let spread = [text.replace('=', " =\t"), text.replace('.', " . "), text.replace(": ", ":\n        ")];
            [text].into_iter().chain(commented).chain(spread)
        });
        for text in forms {
            let tree = parse(language, &text, &Deadline::after(Duration::MAX)).unwrap();
            let hits = |awake: &Awake<'_>| {
                let nodes = survey(&tree, 1_000, |kind| awake.want(kind)).unwrap();
                let (hits, _) = matches(&tree, nodes, awake, &scope, &Deadline::after(Duration::MAX));
                hits.into_iter().map(|hit| (hit.rule.info.id.clone(), hit.bytes)).collect::<Vec<_>>()
            };
            assert_eq!(hits(&scope.awake(&text)), hits(&every), "{language:?}\n{text}");
        }
    }
}

#[test]
fn the_deepest_code_allowed_fits_the_stack() {
    on_contract_stack(|| {
        let limit = Limits { time: Duration::from_mins(2), ..Limits::default() };
        // Shapes that rules recurse into: calls in calls, sums, lists, all in a loop.
        let calls = nested("sorted(", ")", 300);
        let lists = nested("[", "]", 900);
        let sums = format!("def f(c):\n  for x in c:\n    c.execute({}x)\n", "'a' +\n".repeat(900));
        for text in [calls, lists, sums] {
            assert!(analyze("a.py", &text, None, &Options::default(), &limit).is_ok());
        }
        let calls = nested("f(", ")", 450);
        let objects = format!("const a = {}1{};", "{ a: {\n".repeat(200), "} }\n".repeat(200));
        let spreads =
            format!("const a = {}1{};", "xs.reduce((a, b) => ({ ...a, x:\n".repeat(120), "}), {})\n".repeat(120));
        for text in [calls, objects, spreads] {
            assert!(analyze("a.js", &text, None, &Options::default(), &limit).is_ok());
        }
    });
}

#[test]
fn absurd_nesting_is_refused_without_overflow() {
    on_contract_stack(|| {
        for (path, open, close) in [
            ("a.py", "(", ")"),
            ("a.js", "[", "]"),
            ("a.ts", "(", ")"),
            ("a.tsx", "(", ")"),
            ("a.java", "{", "}"),
            ("a.go", "(", ")"),
            ("a.rs", "(", ")"),
            ("a.cs", "(", ")"),
            ("a.php", "(", ")"),
        ] {
            let text = nested(open, close, 100_000);
            let result = analyze(path, &text, None, &Options::default(), &Limits::default());
            assert!(matches!(result, Err(Skipped::TooDeep { .. })) || result.is_ok(), "{path}: {result:?}");
            let open_only = nested(open, "", 100_000);
            let _ = analyze(path, &open_only, None, &Options::default(), &Limits::default());
        }
    });
}
