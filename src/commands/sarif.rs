//! Findings as SARIF 2.1.0, as GitHub code scanning takes them: rules once, a result for each finding, its fingerprint so that an
//! alert stays the same alert when its code moves.
//! Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>,
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>

use std::collections::BTreeMap;

use eco_coder_analyzer::{Category, Finding, Fix, Severity, rules};
use serde_json::{Value, json};

/// The most results of a run that GitHub takes.
const MAX_RESULTS: usize = 25_000;

/// One run with these findings, the heaviest of them if there are more than GitHub takes.
pub fn log(findings: &[&Finding]) -> Value {
    let mut findings = findings.to_vec();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings.truncate(MAX_RESULTS);
    let mut named: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &findings {
        named.entry(&finding.rule_id).or_insert(finding);
    }
    let known = rules();
    let descriptors: Vec<Value> = named
        .values()
        .map(|finding| {
            let rule = known.iter().find(|rule| rule.id == finding.rule_id);
            let mut tags: Vec<&str> = vec![finding.category.as_str()];
            tags.extend(finding.aliases.iter().map(String::as_str));
            let mut properties = json!({"tags": tags, "precision": finding.confidence.to_string().to_lowercase()});
            if finding.category == Category::Security {
                properties["tags"].as_array_mut().into_iter().for_each(|tags| tags.push("security".into()));
                properties["security-severity"] = security_severity(finding.severity).into();
            }
            let mut descriptor = json!({
                "id": finding.rule_id,
                "name": pascal(&finding.title),
                "shortDescription": {"text": finding.title},
                "fullDescription": {"text": rule.map_or(&finding.description, |rule| &rule.description)},
                "help": {"text": format!("{} {}", finding.description, finding.recommendation)},
                "defaultConfiguration": {"level": level(finding.severity)},
                "properties": properties,
            });
            if let Some(link) = &finding.link {
                descriptor["helpUri"] = link.as_str().into();
            }
            descriptor
        })
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let mut result = json!({
                "ruleId": finding.rule_id,
                "ruleIndex": named.keys().position(|id| *id == finding.rule_id),
                "level": level(finding.severity),
                "message": {"text": format!("{}. {}", finding.description.trim_end_matches('.'), finding.recommendation)},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": uri(&finding.file_path), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": finding.start_line, "endLine": finding.end_line},
                }}],
                "partialFingerprints": {"ecoCoder/v1": finding.fingerprint},
            });
            if let Some(fix) = &finding.fix {
                result["fixes"] = json!([fix_of(finding, fix)]);
            }
            result
        })
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Eco-Coder",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": descriptors,
            }},
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

/// Whole lines, so that a region without columns is all of them but the last line break; a removal takes that as well.
fn fix_of(finding: &Finding, fix: &Fix) -> Value {
    let region = if fix.replacement.is_empty() {
        json!({"startLine": fix.start_line, "startColumn": 1, "endLine": fix.end_line.saturating_add(1), "endColumn": 1})
    } else {
        json!({"startLine": fix.start_line, "endLine": fix.end_line})
    };
    json!({
        "description": {"text": finding.recommendation},
        "artifactChanges": [{
            "artifactLocation": {"uri": uri(&finding.file_path), "uriBaseId": "%SRCROOT%"},
            "replacements": [{"deletedRegion": region, "insertedContent": {"text": fix.replacement}}],
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// In GitHub's bands: over 9.0 critical, 7.0 high, 4.0 medium, the rest low.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low | Severity::Info => "2.0",
    }
}

/// `Query in a loop` as an identifier: `QueryInALoop`.
fn pascal(title: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    };
    title.split(|c: char| !c.is_alphanumeric()).map(word).collect()
}

/// A path as a relative reference: what means something in one is written as its bytes.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(byte);
    let write = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(path: &str, line: u32, rule: &str, severity: Severity) -> Finding {
        serde_json::from_value(json!({
            "file_path": path, "start_line": line, "end_line": line + 1, "rule_id": rule, "aliases": ["CWE-89"],
            "title": "SQL with values spliced in", "severity": severity, "category": "Security", "confidence": "High",
            "description": "A value becomes part of the statement.", "recommendation": "Use a placeholder.",
            "link": "https://owasp.org/", "evidence": null, "fingerprint": "0123456789abcdef",
        }))
        .unwrap()
    }

    #[test]
    fn each_finding_is_a_result_of_a_rule_that_is_told_once() {
        let all = [
            finding("./src/a b.py", 3, "EC-PY-301", Severity::High),
            finding("c.py", 1, "EC-PY-301", Severity::Low),
            finding("d.py", 9, "EC-PY-400", Severity::Critical),
        ];
        let log = log(&all.iter().collect::<Vec<_>>());
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 3);
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let first = &results[1]["locations"][0]["physicalLocation"];
        assert_eq!(first["artifactLocation"]["uri"], "src/a%20b.py");
        assert_eq!((&first["region"]["startLine"], &first["region"]["endLine"]), (&json!(3), &json!(4)));
        let rule = &run["tool"]["driver"]["rules"][0];
        assert_eq!(
            (&rule["name"], &rule["properties"]["security-severity"]),
            (&json!("SQLWithValuesSplicedIn"), &json!("8.0"))
        );
        assert_eq!(results[0]["level"], "error");
    }

    #[test]
    fn a_fix_is_the_lines_it_takes_away_and_what_stands_there_then() {
        let mut mended = finding("a b.py", 3, "EC-PY-301", Severity::High);
        mended.fix = Some(Fix { start_line: 3, end_line: 4, replacement: "x = 1\ny = 2".to_owned() });
        let mut removed = finding("b.py", 5, "EC-PY-301", Severity::Low);
        removed.fix = Some(Fix { start_line: 5, end_line: 5, replacement: String::new() });
        let none = finding("c.py", 1, "EC-PY-301", Severity::Info);
        let log = log(&[&mended, &removed, &none]);
        let results = log["runs"][0]["results"].as_array().unwrap();
        let change = &results[0]["fixes"][0]["artifactChanges"][0];
        assert_eq!(change["artifactLocation"]["uri"], "a%20b.py");
        assert_eq!(
            change["replacements"],
            json!([{"deletedRegion": {"startLine": 3, "endLine": 4}, "insertedContent": {"text": "x = 1\ny = 2"}}])
        );
        assert_eq!(
            results[1]["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"],
            json!({"startLine": 5, "startColumn": 1, "endLine": 6, "endColumn": 1})
        );
        assert_eq!(results[2].get("fixes"), None);
    }

    #[test]
    fn as_many_as_github_takes_the_heaviest_are_kept() {
        let mut all = vec![finding("a.py", 1, "EC-PY-301", Severity::Low); MAX_RESULTS];
        all.push(finding("b.py", 1, "EC-PY-301", Severity::High));
        let log = log(&all.iter().collect::<Vec<_>>());
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), MAX_RESULTS);
        assert_eq!(results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "b.py");
    }
}
