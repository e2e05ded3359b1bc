//! Own rules: what is used, what is refused and why, and that they speak.

use std::sync::Arc;

use super::*;
use crate::choice::Options;
use crate::file::Limits;
use crate::scan::analyze;

const PRINT: &str = "
id: HOUSE-1
title: Print in a service
severity: Medium
category: BestPractices
confidence: High
languages: [Python]
description: Nobody reads what a service prints.
recommendation: Use the logger.
rule: {pattern: print($$$)}
examples:
  bad: ['print(1)']
  good: ['log.info(1)']
";

fn read(text: &str) -> (OwnRules, Vec<String>) {
    OwnRules::read(&[("house.yml".to_owned(), text.to_owned())])
}

fn refusal(text: &str) -> String {
    let (rules, problems) = read(text);
    assert!(rules.is_empty(), "{text}");
    problems.join("\n")
}

fn with(from: &str, to: &str) -> String {
    assert!(PRINT.contains(from), "{from}");
    PRINT.replace(from, to)
}

#[test]
fn an_own_rule_speaks_beside_ours_and_is_muted_like_ours() {
    let (rules, problems) = read(PRINT);
    assert_eq!(problems, Vec::<String>::new());
    let options = Options { own_rules: Some(Arc::new(rules)), ..Options::default() };
    let heard = |code: &str| {
        let analysis = analyze("app.py", code, None, &options, &Limits::default()).unwrap();
        analysis.findings.into_iter().map(|finding| (finding.rule_id, finding.start_line)).collect::<Vec<_>>()
    };
    assert_eq!(heard("import os\n\nprint(1)\n"), [("HOUSE-1".to_owned(), 3)]);
    assert_eq!(heard("# eco-coder-ignore HOUSE-1: a script\nprint(1)\n"), []);
    let both = heard("def f(xs):\n    print(1)\n    return sorted(xs)[0]\n");
    assert_eq!(both[0].0, "HOUSE-1");
    assert!(both.len() > 1 && both.is_sorted_by_key(|(_, line)| *line), "{both:?}");
}

#[test]
fn what_cannot_be_used_is_said_and_the_rest_is_used() {
    let second = with("HOUSE-1", "HOUSE-2").replace("print($$$)", "print(");
    let (rules, problems) = read(&format!("{PRINT}---{second}"));
    assert_eq!(rules.infos().iter().map(|info| info.id.as_str()).collect::<Vec<_>>(), ["HOUSE-1"]);
    assert!(problems[0].starts_with("house.yml: HOUSE-2: "), "{problems:?}");
}

#[test]
fn a_rule_is_refused_with_a_reason() {
    for (from, to, reason) in [
        ("HOUSE-1", "EC-PY-072", "ids that begin with EC- are Eco-Coder's"),
        ("HOUSE-1", "'a b'", "an id is 3 to 40 letters"),
        ("languages: [Python]", "languages: []", "names no language"),
        ("title: Print in a service", "title: ''", "its title has 1 to 80 characters"),
        ("rule: {pattern: print($$$)}", "rule: {regex: '\\w{1,999}\\w{1,999}'}", "becomes too large"),
        ("rule: {pattern: print($$$)}", "rule: {kind: call, regex: '('}", "can't be read"),
        ("rule: {pattern: print($$$)}", "rule: {regex: 'a'}", "kinds of node"),
        ("rule: {pattern: print($$$)}", "rule: {kind: call}\nchecks: [no-such]", "no check named"),
        ("rule: {pattern: print($$$)}", "rule: {kind: call}\ncommand: rm", "unknown field"),
        ("rule: {pattern: print($$$)}", "rule: {kind: call}\nlink: 'http://x'", "begins with https://"),
    ] {
        let problem = refusal(&with(from, to));
        assert!(problem.contains(reason), "{to}: {problem}");
    }
    assert!(refusal("not: [a rule").contains("not a rule file"));
    assert!(refusal(&"# long\n".repeat(MAX_OWN_FILE)).contains("over 64 kB"));
}

#[test]
fn a_matcher_that_could_take_minutes_is_refused() {
    let nested = |levels: usize| {
        let inner = (0..levels).fold("kind: string".to_owned(), |inner, _| format!("has: {{stopBy: end, {inner}}}"));
        with("rule: {pattern: print($$$)}", &format!("rule: {{kind: module, {inner}}}"))
    };
    assert!(refusal(&nested(3)).contains("could take minutes"));
    assert_eq!(read(&nested(2)).1, Vec::<String>::new());
    // Hidden in utilities, or in where to stop.
    let hidden = "rule: {kind: module, has: {stopBy: end, matches: a}}\nutils:\n  a: {has: {stopBy: end, matches: b}}\n  b: {has: {stopBy: {kind: call}, kind: string}}";
    assert!(refusal(&with("rule: {pattern: print($$$)}", hidden)).contains("could take minutes"));
    let circle = "rule: {kind: module, matches: a}\nutils:\n  a: {not: {matches: b}}\n  b: {not: {matches: a}}";
    assert!(refusal(&with("rule: {pattern: print($$$)}", circle)).contains("leads to itself"));
    let wide = format!("rule: {{any: [{}]}}", vec!["{kind: call}"; 1_100].join(", "));
    assert!(refusal(&with("rule: {pattern: print($$$)}", &wide)).contains("larger than"));
    let deep = format!("rule: {}{{kind: call}}{}", "{not: ".repeat(60), "}".repeat(60));
    assert!(refusal(&with("rule: {pattern: print($$$)}", &deep)).contains("nested deeper"));
}

#[test]
fn aliases_that_unfold_into_millions_are_refused() {
    let line = |level: u32| {
        let last = if level == 0 { "x".to_owned() } else { format!("*a{}", level - 1) };
        format!("a{level}: &a{level} [{}]\n", [last.as_str(); 10].join(", "))
    };
    let bomb: String = (0..12).map(line).collect();
    assert!(refusal(&bomb).contains("not a rule file"));
}

#[test]
fn ids_are_used_once_and_there_are_not_too_many() {
    let (rules, problems) = read(&format!("{PRINT}---{PRINT}"));
    assert_eq!((rules.infos().len(), problems.len()), (1, 1));
    assert!(problems[0].contains("used twice"));
    let many: Vec<String> = (0..=MAX_OWN_RULES).map(|n| with("HOUSE-1", &format!("HOUSE-{n}"))).collect();
    let files: Vec<(String, String)> = many.iter().map(|text| ("h.yml".to_owned(), text.clone())).collect();
    let (rules, problems) = OwnRules::read(&files);
    assert_eq!((rules.infos().len(), problems.len()), (MAX_OWN_RULES, 1));
}

#[test]
fn examples_are_tried() {
    let (rules, _) = read(PRINT);
    assert_eq!((rules.examples(), Arc::new(rules).failures()), (2, Vec::new()));
    let (rules, _) = read(&with("bad: ['print(1)']", "bad: ['log(1)']").replace("log.info(1)", "print(2)"));
    let failures = Arc::new(rules).failures();
    assert_eq!(failures.iter().map(|failure| failure.bad).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_fix_of_an_own_rule_is_offered_and_tried() {
    let fixing = with("rule: {pattern: print($$$)}", "rule: {pattern: print($X)}\nfix: log.info($X)");
    let fixed = |made: &str| fixing.replace("bad: ['print(1)']", &format!("bad: ['print(1)']\n  fixed: ['{made}']"));
    let (rules, problems) = read(&fixed("log.info(1)"));
    assert_eq!(problems, Vec::<String>::new());
    let rules = Arc::new(rules);
    assert_eq!(rules.failures(), []);
    let options = Options { own_rules: Some(rules), ..Options::default() };
    let analysis = analyze("app.py", "if x:\n    print(2)\n", None, &options, &Limits::default()).unwrap();
    assert_eq!(analysis.findings[0].fix.as_ref().unwrap().replacement, "    log.info(2)");
    assert_eq!(
        Arc::new(read(&fixed("log(1)")).0).failures()[0].why.as_deref(),
        Some("its fix makes something else of it")
    );
}

#[test]
fn a_fix_of_an_own_rule_that_leaves_its_fault_there_is_not_offered() {
    let again = with(
        "rule: {pattern: print($$$)}",
        "rule: {kind: call, regex: '^print', pattern: print($X)}\nfix: print(($X))",
    );
    let options = Options { own_rules: Some(Arc::new(read(&again).0)), ..Options::default() };
    let analysis = analyze("app.py", "print(2)\n", None, &options, &Limits::default()).unwrap();
    assert_eq!((analysis.findings.len(), analysis.findings[0].fixable), (1, false));
}

#[test]
fn a_long_file_is_not_shown_to_own_rules_and_that_is_said() {
    let options = Options { own_rules: Some(Arc::new(read(PRINT).0)), ..Options::default() };
    let text = format!("print(1)\n{}", format!("# {}\n", "x".repeat(60_000)).repeat(MAX_OWN_SOURCE / 60_000 + 1));
    let analysis = analyze("app.py", &text, None, &options, &Limits::default()).unwrap();
    assert_eq!(analysis.findings, []);
    assert!(analysis.partial.unwrap().contains("own rules"));
}
