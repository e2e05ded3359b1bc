//! A repository's settings: what they do, and what is said of those that can't be used.

use eco_coder_analyzer::{Limits, analyze};

use super::*;

const QUERY: &str =
    "def f(xs, cursor):\n    for x in xs:\n        cursor.execute('SELECT a FROM b WHERE c = %s', (x,))\n";

fn heard(settings: &str, path: &str) -> Vec<(String, eco_coder_analyzer::Severity)> {
    let compiled = RepositorySettings::of(settings).compile();
    assert_eq!(compiled.problems, Vec::<String>::new(), "{settings}");
    let options = compiled.options(path, &Options::default());
    let analysis = analyze(path, QUERY, None, &options, &Limits::default()).unwrap();
    analysis.findings.into_iter().map(|finding| (finding.rule_id, finding.severity)).collect()
}

fn problems(settings: &str) -> String {
    RepositorySettings::of(settings).compile().problems.join("\n")
}

#[test]
fn rules_are_chosen_everywhere_and_on_some_paths() {
    let usual = heard("", "app/a.py");
    assert!(usual.iter().any(|(id, _)| id == "EC-PY-072"), "{usual:?}");
    let off = "[rules]\noff = ['GCI72']";
    assert!(!heard(off, "app/a.py").iter().any(|(id, _)| id == "EC-PY-072"));
    let there = "[[paths]]\nglobs = ['scripts/**']\noff = ['EC-PY-*']";
    assert_eq!(heard(there, "app/a.py"), usual);
    assert_eq!(heard(there, "scripts/a.py"), []);
    let softer = "[rules.severity]\n\"EC-PY-072\" = 'Info'\n[[paths]]\nglobs = ['hot/**']\nseverity = { \"EC-PY-072\" = 'Critical' }";
    let severity = |path: &str| heard(softer, path).into_iter().find(|(id, _)| id == "EC-PY-072").unwrap().1;
    assert_eq!(severity("app/a.py"), eco_coder_analyzer::Severity::Info);
    assert_eq!(severity("hot/a.py"), eco_coder_analyzer::Severity::Critical);
}

#[test]
fn paths_are_excluded() {
    let compiled = RepositorySettings::of("exclude = ['gen/**']").compile();
    assert!(compiled.exclude().is_match("gen/a.py") && !compiled.exclude().is_match("src/gen.py"));
}

#[test]
fn a_file_that_cannot_be_read_says_where_and_is_not_used() {
    for (text, said) in [
        ("\n\nexclude = ['a'", "line 3"),
        ("\n[rules]\noff = ['x y']", "x y: not a rule"),
        ("[rule]\noff = []", "unknown field"),
        ("[rules]\noff = 1", "line 2"),
        ("[rules.severity]\nGCI72 = 'Huge'", "Huge: not a severity"),
        ("exclude = ['a[']", "error parsing glob"),
        ("[[paths]]\noff = ['GCI72']", "missing field `globs`"),
    ] {
        let problem = problems(text);
        assert!(problem.starts_with(".eco-coder.toml: ") && problem.contains(said), "{text}: {problem}");
        assert!(problem.ends_with("none of its settings are used"), "{problem}");
    }
    let many: Vec<String> = (0..=500).map(|n| format!("'a{n}'")).collect();
    assert!(problems(&format!("exclude = [{}]", many.join(","))).contains("more than 500"));
    let files: Vec<String> = (0..=MAX_RULE_FILES).map(|n| format!("'a{n}.yml'")).collect();
    assert!(problems(&format!("[rules]\nown = [{}]", files.join(","))).contains("more than 20 files"));
}

#[test]
fn a_name_that_no_rule_has_is_said_and_the_rest_is_used() {
    let text = "exclude = ['gen/**']\n[rules]\noff = ['EC-PY-999', 'Security', 'EC-PY-*']";
    let compiled = RepositorySettings::of(text).compile();
    assert_eq!(compiled.problems, [".eco-coder.toml: there is no rule EC-PY-999; eco-coder rules lists them"]);
    assert!(compiled.exclude().is_match("gen/a.py"));
}

#[test]
fn the_digest_is_of_the_settings_and_of_each_rule_file() {
    assert_eq!(RepositorySettings::default().digest(), "");
    let mut with_rules = RepositorySettings::of("[rules]\nown = ['a.yml']");
    let before = with_rules.digest().to_owned();
    assert!(!before.is_empty());
    with_rules.add_rules("a.yml".to_owned(), "id: X".to_owned());
    assert_ne!(with_rules.digest(), before);
    assert!(with_rules.compile().problems[0].starts_with(".eco-coder.toml: a.yml: not a rule file"));
}
