//! The fuzz target of the whole comment, and the reports that the tests of its rendering are made of.

#![allow(clippy::unwrap_used, reason = "a target fails by panicking")]

use std::sync::LazyLock;

use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, Options, parse_document};
use eco_coder_analyzer::{Category, Confidence, Finding, Notes, Severity};
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{PullNumber, RepoId};
use serde_json::json;

use super::{RenderOptions, render, summary_line};
use crate::publish::body::{MAX_BODY_CHARS, Marker, compose, length};
use crate::publish::sanitize;
use crate::publish::sanitize::fuzzing::harm;
use crate::report::{Emphasis, Freshness, Ledger, ModelFinding, ModelPart, ModelSection, Report, SCHEMA, Section};
use crate::results::{
    Benchmarks, ChangedFunctions, ChangedUse, CodeAnalysis, DeployedService, PerformanceProfile, ReviewStatus,
    ServiceMatch, ServiceRecommendation, Share, SkippedFile, Touched,
};
use crate::subject::Target;
use crate::tools::post_github_comment::Advice;
use eco_coder_profile::{Bottleneck, Matched, MemoryConsumer, Summary};

/// What a comment is made of, and what in it could do harm.
type Made = ((usize, usize, usize, Vec<String>), Vec<String>);

/// Of a comment in which every name is harmless.
static PLAIN: LazyLock<Made> = LazyLock::new(|| made(&render(&named("plain"), &RenderOptions::default())));

/// The same of one with a deployed service's profile.
static PLAIN_SERVICE: LazyLock<Made> =
    LazyLock::new(|| made(&render(&of_a_service("plain"), &RenderOptions::default())));

fn made(comment: &str) -> Made {
    (structure(comment), harm(comment))
}

/// Any text in every place of a report that somebody else fills: nothing of the comment changes but the words.
pub fn comment(bytes: &[u8]) {
    let name = String::from_utf8_lossy(bytes);
    let report = named(&name);
    let comment = render(&report, &RenderOptions::default());
    assert_eq!(made(&comment), *PLAIN, "{comment}");
    let service = render(&of_a_service(&name), &RenderOptions::default());
    assert_eq!(made(&service), *PLAIN_SERVICE, "{service}");
    let line = summary_line(&report);
    assert!(line.chars().count() <= 140 && !line.contains('\n'), "{line}");
    let body = compose(&Marker::new(&*name, 1, report.target.head_sha.clone()), &comment);
    assert!(length(&body) <= MAX_BODY_CHARS && body.ends_with(&comment), "a report of two findings is never cut");
}

pub(super) fn finding(number: u32, severity: Severity) -> Finding {
    Finding {
        file_path: "app/orders.py".to_owned(),
        start_line: 40 + number,
        end_line: 43 + number,
        rule_id: "EC-PY-072".to_owned(),
        aliases: vec!["GCI72".to_owned()],
        title: "Query in a loop".to_owned(),
        severity,
        category: Category::Performance,
        confidence: Confidence::High,
        description: "Every order sends its own SELECT: 1 + N round trips.".to_owned(),
        recommendation: "Load all lines with one query (`WHERE order_id IN (...)`) before the loop.".to_owned(),
        link: Some("https://docs.python.org/3/library/sqlite3.html".to_owned()),
        evidence: Some("12x at 100 orders, measured".to_owned()),
        fingerprint: format!("{number:016x}"),
        fixable: false,
        fix: None,
    }
}

pub(super) fn analysis(findings: Vec<Finding>) -> CodeAnalysis {
    CodeAnalysis {
        review_id: "embedded-1".to_owned(),
        status: ReviewStatus::Completed,
        reason: None,
        total_recommendations: findings.len(),
        recommendations: findings,
        files_analyzed: 14,
        files_changed: 14,
        skipped: Vec::new(),
        notices: Vec::new(),
        notes: Notes::default(),
        touched: Touched::default(),
        suppressed: 0,
        faults: 0,
        cpu_seconds: serde_json::from_str("0.9").unwrap(),
        codeguru: None,
    }
}

/// A clean pull request without a profile or a model.
pub(super) fn clean() -> Report {
    Report {
        schema: SCHEMA,
        target: Target {
            repository: "octo/shop".parse().unwrap(),
            repository_id: RepoId(1),
            pull_request: PullNumber::try_from(7).unwrap(),
            head_sha: "3f2a9c1".repeat(6)[..40].parse().unwrap(),
            merge_base_sha: "a1b2c3d".repeat(6)[..40].parse().unwrap(),
        },
        quality: Section::Present(analysis(Vec::new())),
        performance: Section::Absent { why: "no profile came with this commit".to_owned() },
        carbon: Section::Absent { why: "nothing was measured".to_owned() },
        changed_functions: None,
        benchmarks: None,
        main_language: None,
        model: ModelSection::NotConfigured,
        since: None,
        ledger: Ledger {
            seconds: 4.12,
            analyser_cpu_seconds: 0.9,
            co2e_grams: None,
            input_tokens: 0,
            cached_tokens: 0,
            output_tokens: 0,
            dollars: None,
            model_energy: None,
            freshness: Freshness::Fresh,
        },
    }
}

pub(super) fn function(name: &str, share: f64) -> Bottleneck {
    Bottleneck {
        function_name: name.to_owned(),
        file_path: None,
        line_number: None,
        cpu_percentage: share,
        total_percentage: None,
        self_time_ms: Some(41.2 * share),
        total_time_ms: None,
        invocation_count: None,
    }
}

/// Holds 12 MB, 41% of all.
pub(super) fn consumer(name: &str) -> MemoryConsumer {
    let (function_name, file_path) = (name.to_owned(), Some(name.to_owned()));
    MemoryConsumer { function_name, file_path, memory_percentage: 41.0, memory_mb: 12.0 }
}

pub(super) fn measure(report: &mut Report, functions: Vec<Bottleneck>) {
    report.performance = Section::Present(PerformanceProfile {
        profiling_id: "p1".to_owned(),
        profile: Summary {
            total_cpu_time_ms: Some(4_120.0),
            total_memory_mb: None,
            duration_ms: Some(5_000.0),
            sample_type: "cpu".to_owned(),
            bottlenecks: functions,
            memory_consumers: Vec::new(),
            samples: 412,
        },
        cpu: None,
        memory: None,
        flame_graph_url: None,
        source: "cpu.pprof".to_owned(),
        deployed_service: None,
    });
    let footprint = json!({
        "co2e_grams": 0.0009,
        "co2e_per_execution": 0.0009,
        "carbon_intensity_gco2_per_kwh": 316.0,
        "energy_consumed_kwh": 2.85e-6,
        "equivalents": {"smartphone_charges": 0, "km_driven": 0.000_007, "tree_hours": 0.000_3},
        "methodology": "CPU time times the power of one core, and the grid's yearly mean",
        "interval": [0.0006, 0.0013],
        "interval_spans": ["the methods one, another", "the PUE from 1 to 1.135 (each method's own)"],
        "sci": {"operational_grams": 0.0009, "grams_per_execution": 0.0009},
        "measured": {"value": 4.12, "unit": "s", "samples": 412, "source": "cpu.pprof"},
    });
    report.carbon = Section::Present(serde_json::from_value(footprint).unwrap());
}

/// Nodes of the comment that a hostile name could have made.
pub(super) fn structure(markdown: &str) -> (usize, usize, usize, Vec<String>) {
    let arena = Arena::new();
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    let root: Node<'_> = parse_document(&arena, markdown, &options);
    let (mut cells, mut items, mut headings, mut html) = (0, 0, 0, Vec::new());
    for node in root.descendants() {
        match &node.data().value {
            NodeValue::TableCell => cells += 1,
            NodeValue::Item(_) => items += 1,
            NodeValue::Heading(_) => headings += 1,
            NodeValue::HtmlBlock(block) => html.push(block.literal.clone()),
            NodeValue::HtmlInline(inline) => html.push(inline.clone()),
            NodeValue::Image(_) | NodeValue::TaskItem(_) => html.push("harm".to_owned()),
            NodeValue::Link(link) if sanitize::link(&link.url).is_none() => html.push(link.url.clone()),
            NodeValue::Text(text) => assert!(!text.contains("@team"), "{markdown}"),
            _ => {}
        }
    }
    (cells, items, headings, html)
}

/// A report that has the name wherever a name can be.
/// One that got slower, one with more memory, one within noise.
pub(super) fn benchmarks(name: &str) -> Benchmarks {
    let row = |metric: &str, verdict: &str, base: f64, head: f64| {
        json!({
            "name": name, "metric": metric, "base": base, "head": head, "ratio": head / base, "ci_low": head / base * 0.96,
            "ci_high": head / base * 1.04, "verdict": verdict, "reason": null, "samples": [30, 30], "rounds": [1, 1],
            "noise": 0.02, "margin": 0.02, "detectable": 0.03, "p": 0.001, "mean_ratio": null,
        })
    };
    let all = json!({
        "comparison": {
            "rows": [
                row("time", "slower", 41.2e6, 56.9e6), row("memory", "more", 1000.0, 2000.0),
                row("time", "indistinguishable", 8.1e6, 8.2e6),
            ],
            "only_in_base": [name], "only_in_head": [name],
        },
        "remarks": [format!("Words {name}")],
        "co2e": [{"name": name, "executions": 1_000_000, "base_g": 3.4, "head_g": 4.7, "interval_g": [0.9, 1.8]}],
    });
    serde_json::from_value(all).unwrap_or_else(|error| Benchmarks::without(error.to_string()))
}

/// Twelve changed functions, with the base beside them, but for the last.
pub(super) fn changed(name: &str) -> ChangedFunctions {
    let share = |of: f64| Share { self_percentage: of, total_percentage: 1.5 * of };
    let row = |number: u32| ChangedUse {
        file_path: name.to_owned(),
        function_name: name.to_owned(),
        first_line: 10 * number,
        last_line: 10 * number + 7,
        matched: if number > 1 { Matched::Lines } else { Matched::Name },
        head: share(41.0 / f64::from(number)),
        base: Some(share(20.0 / f64::from(number))).filter(|_| number < 12),
    };
    ChangedFunctions {
        rows: (1..=12).map(row).collect(),
        more: 1,
        changed: 20,
        sample_type: name.to_owned(),
        is_cpu_time: true,
        base_samples: Some(1_412),
        base_missing: Some(format!("Reason {name}")),
    }
}

/// Something of each kind.
pub(super) fn notes(name: &str) -> Notes {
    let measures = |cognitive: u32| json!({"code_lines": 120, "cyclomatic": 14, "cognitive": cognitive});
    let place =
        |first: u32| json!({"file_path": name, "first_line": first, "last_line": first + 8, "is_changed": true});
    let notes = json!({
        "functions": [
            {"file_path": name, "name": name, "first_line": 3, "last_line": 140, "now": measures(24),
             "before": measures(11), "is_complex": true, "is_long": false},
            {"file_path": name, "name": name, "first_line": 150, "last_line": 290, "now": measures(4),
             "before": null, "is_complex": false, "is_long": true},
        ],
        "more_functions": 0, "todos": 1, "tracked_todos": 1,
        "todo_places": [{"file_path": name, "line": 7, "is_tracked": false}, {"file_path": name, "line": 9, "is_tracked": true}],
        "duplicates": {
            "found": [{"places": [place(10), place(40)], "more_places": 2, "lines": 9, "tokens": 90}],
            "more": 0, "left_out": 0, "is_partial": false,
        },
    });
    serde_json::from_value(notes).unwrap_or_default()
}

pub(super) fn named(name: &str) -> Report {
    let mut report = clean();
    let mut high = finding(1, Severity::High);
    let mut low = finding(2, Severity::Low);
    for finding in [&mut high, &mut low] {
        name.clone_into(&mut finding.file_path);
        finding.title = format!("Title {name}");
        finding.description = format!("Words {name}");
        finding.recommendation = format!("Words {name}");
        finding.evidence = Some(format!("Words {name}"));
        name.clone_into(&mut finding.rule_id);
        finding.aliases = vec![format!("A {name}")];
        finding.link = Some(name.to_owned());
    }
    let high_print = high.fingerprint.clone();
    let mut quality = analysis(vec![high, low]);
    quality.status = ReviewStatus::Partial;
    quality.reason = Some(format!("Reason {name}"));
    quality.skipped = vec![SkippedFile { path: name.to_owned(), reason: format!("reason {name}"), gap: true }];
    quality.notices = vec![format!("Words {name}")];
    quality.notes = notes(name);
    report.quality = Section::Present(quality);
    report.benchmarks = Some(benchmarks(name));
    report.changed_functions = Some(changed(name));
    report.model = ModelSection::Finished(ModelPart {
        verdict: Advice::Mend,
        summary: format!("Words `x` {}", name.replace(['\n', '\r'], " ")),
        important: vec![Emphasis { fingerprint: high_print, why: format!("Words {name}") }],
        further: vec![
            ModelFinding {
                file_path: name.to_owned(),
                line: 7,
                title: format!("Title {name}"),
                severity: Severity::High,
                category: Category::Security,
                explanation: format!("Words {name}"),
                fix: format!("Words {name}"),
            };
            12
        ],
        suggestions: vec![format!("Words {name}")],
        ..said(name)
    });
    measure(&mut report, vec![function(name, 40.0), function(name, 0.2)]);
    if let Section::Present(measured) = &mut report.performance {
        name.clone_into(&mut measured.profile.sample_type);
        name.clone_into(&mut measured.source);
        measured.flame_graph_url = Some(name.to_owned());
        measured.profile.memory_consumers = vec![consumer(name)];
    }
    if let Section::Present(footprint) = &mut report.carbon {
        *footprint = footprint.clone().remarked(&format!("; words {name}"));
    }
    report
}

/// A model's part with nothing in it.
pub(super) fn said(model: &str) -> ModelPart {
    ModelPart {
        model: model.to_owned(),
        verdict: Advice::Consider,
        summary: String::new(),
        important: Vec::new(),
        further: Vec::new(),
        dropped: 0,
        suggestions: Vec::new(),
    }
}

/// Makes the measurement that of a deployed service, a day long.
pub(super) fn deploy(report: &mut Report) {
    let Section::Present(measured) = &mut report.performance else { return };
    for function in &mut measured.profile.bottlenecks {
        function.total_percentage = Some(function.cpu_percentage * 1.5);
    }
    "CodeGuru Profiler, profiling group shop-api".clone_into(&mut measured.source);
    measured.deployed_service = Some(DeployedService {
        profiling_group: "shop-api".to_owned(),
        start: Some(Timestamp::from_seconds(1_790_000_000)),
        end: Some(Timestamp::from_seconds(1_790_086_400)),
        recommendations: vec![ServiceRecommendation {
            name: "Compiling a regular expression".to_owned(),
            description: Some("Compiling a pattern is expensive".to_owned()),
            resolution_steps: Some("Compile it once, and keep it in a static field".to_owned()),
            threshold_percent: Some(1.0),
            top_matches: vec![ServiceMatch {
                function_name: "shop.Search:search".to_owned(),
                threshold_breach_value: Some(20.0),
            }],
        }],
        total_recommendations: 1,
        recommendations_missing: None,
    });
}

/// A report on a deployed service's profile that has the name wherever a name can be.
pub(super) fn of_a_service(name: &str) -> Report {
    let mut report = named(name);
    deploy(&mut report);
    if let Section::Present(measured) = &mut report.performance
        && let Some(service) = &mut measured.deployed_service
    {
        name.clone_into(&mut measured.source);
        name.clone_into(&mut service.profiling_group);
        service.recommendations_missing = Some(format!("Reason {name}"));
        for one in &mut service.recommendations {
            one.name = format!("Title {name}");
            one.description = Some(format!("Words {name}"));
            one.resolution_steps = Some(format!("Words {name}"));
            one.top_matches.iter_mut().for_each(|place| name.clone_into(&mut place.function_name));
        }
    }
    report
}
