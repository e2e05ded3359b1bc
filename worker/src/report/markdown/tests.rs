use eco_coder_analyzer::{Category, Language, Severity};
use proptest::prelude::*;

use super::fuzzing::{analysis, clean, deploy, finding, function, measure, named, of_a_service, said, structure};
use super::*;
use crate::publish::sanitize::fuzzing::harm;
use crate::report::{Emphasis, Freshness, Ledger, ModelFinding, ModelPart, Since};
use crate::results::{ChangedFunctions, ReviewStatus, SkippedFile};
use crate::tools::post_github_comment::Advice;

#[test]
fn what_is_said_in_passing_is_folded_and_no_finding() {
    let mut report = clean();
    let Section::Present(quality) = &mut report.quality else { panic!() };
    quality.notes = fuzzing::notes("shop/orders.py");
    let comment = render(&report, &RenderOptions::default());
    assert!(comment.starts_with("### Eco-Coder: nothing to mend\n"), "{comment}");
    let folded = "<details><summary>In passing: 2 long or tangled functions, 1 copy, 2 TODOs</summary>

- `shop/orders.py` lines 3-140, `shop/orders.py`: cognitive complexity 24 (was 11; 15 is much), cyclomatic 14
- `shop/orders.py` lines 150-290, `shop/orders.py`: 120 lines of code (100 is much)
- The same 9 lines: `shop/orders.py` lines 10-18, `shop/orders.py` lines 40-48 and 2 more
- 2 TODOs or the like added, 1 without an issue: `shop/orders.py` line 7, `shop/orders.py` line 9

</details>";
    assert!(comment.contains(folded), "{comment}");
}

#[test]
fn findings_and_a_measurement() {
    let mut report = clean();
    let mut text = finding(1, Severity::Medium);
    text.title = "Pattern compiled on every call".to_owned();
    text.end_line = text.start_line;
    text.evidence = None;
    text.link = Some("https://evil.example".to_owned());
    let mut quality = analysis(vec![finding(3, Severity::Low), text, finding(1, Severity::High)]);
    quality.skipped = vec![
        SkippedFile { path: "dist/app.min.js".to_owned(), reason: "generated".to_owned(), gap: false },
        SkippedFile { path: "data/big.sql".to_owned(), reason: "over 2 MB".to_owned(), gap: false },
    ];
    quality.files_analyzed = 12;
    quality.suppressed = 1;
    report.quality = Section::Present(quality);
    report.model =
        ModelSection::Finished(ModelPart { summary: "The loop in @alice's code.".to_owned(), ..said("sonnet-5-5") });
    report.ledger = Ledger {
        co2e_grams: serde_json::from_str("0.003").ok(),
        input_tokens: 8_412,
        cached_tokens: 6_100,
        output_tokens: 640,
        dollars: Some(0.014),
        freshness: Freshness::Cached,
        ..report.ledger
    };
    measure(&mut report, vec![function("search", 41.0), function("operator|", 12.4)]);
    insta::assert_snapshot!(render(&report, &RenderOptions::default()), @r#"
    ### Eco-Coder: 2 things to mend

    Measured: **4.12 s** of CPU time, 41% of it in `search` itself; about 0.9 mg CO2e per execution. 12 files at `3f2a9c1`: 1 high, 1 medium on the changed lines.

    | | head `3f2a9c1` |
    |---|---:|
    | Total CPU time | 4.12 s |
    | `search` itself | 41% (1.69 s) |
    | `operator¦` itself | 12% (511 ms) |
    | CO2e per execution | 0.9 mg (0.6 mg to 1.3 mg) |
    | Findings on changed lines | 1 high, 1 medium, 1 low |

    **1. Query in a loop** - High, Performance - `app/orders.py` lines 41-44
    Every order sends its own SELECT: 1 + N round trips. Load all lines with one query (`WHERE order_id IN (...)`) before the loop. 12x at 100 orders, measured. [`EC-PY-072`](https://docs.python.org/3/library/sqlite3.html), GCI72

    **2. Pattern compiled on every call** - Medium, Performance - `app/orders.py` line 41
    Every order sends its own SELECT: 1 + N round trips. Load all lines with one query (`WHERE order_id IN (...)`) before the loop. `EC-PY-072`, GCI72

    <details><summary>1 remark of low weight</summary>

    - Query in a loop - Low, `app/orders.py` lines 43-46 - `EC-PY-072`

    </details>

    <details><summary>Suggested by the model: worth a look</summary>

    > The loop in `@alice's` code.

    <sub>Words of `sonnet-5-5`; figures and unmarked findings are the tools'.</sub>

    </details>

    <details><summary>Not looked at: 2 files</summary>

    - `dist/app.min.js` (generated)
    - `data/big.sql` (over 2 MB)

    </details>

    <details><summary>How the numbers were made</summary>

    - Measured: 412 samples of `cpu` over 5 s in `cpu.pprof`.
    - Energy: 2.8 mWh, at 316 g CO2e per kWh: 0.9 mg CO2e, like 1 s of light from a 10 W LED.
    - Method: CPU time times the power of one core, and the grid's yearly mean.
    - Interval: the least and the most that the same measurement gives over the methods one, another; the PUE from 1 to 1.135 (each method's own).
    - SCI (ISO/IEC 21031:2024): 0.9 mg CO2e per execution, operational; embodied carbon is not counted.

    </details>

    <sub>12 of 14 files at `3f2a9c1` in 4.1 s - analyser 0.9 s CPU, about 3 mg CO2e - model `sonnet-5-5`: 8,412 tokens in (6,100 cached), 640 out, $0.014 - cached result - 1 finding muted in the source - this comment is kept up to date - `eco-coder-ignore EC-PY-072: reason` on the line mutes a finding</sub>
    "#);
    assert_eq!(summary_line(&report), "2 things to mend (1 high, 1 medium)");
}

#[test]
fn a_clean_pull_request_gets_a_short_comment() {
    insta::assert_snapshot!(render(&clean(), &RenderOptions::default()), @r#"
    ### Eco-Coder: nothing to mend

    14 files at `3f2a9c1`, no finding on the changed lines.

    <sub>14 of 14 files at `3f2a9c1` in 4.1 s - analyser 0.9 s CPU - this comment is kept up to date</sub>
    "#);
    assert_eq!(summary_line(&clean()), "Nothing to mend (14 files)");
}

#[test]
fn a_degraded_review_says_what_it_lacks() {
    let mut report = clean();
    let mut quality = analysis(vec![finding(1, Severity::High)]);
    quality.status = ReviewStatus::Partial;
    quality.reason = Some("the time ran out after 5 minutes".to_owned());
    quality.files_analyzed = 13;
    quality.skipped = vec![SkippedFile { path: "src/huge.py".to_owned(), reason: "out of time".to_owned(), gap: true }];
    report.quality = Section::Present(quality);
    report.performance =
        Section::Failed { error_type: ErrorType::Throttle, why: "the service asked to wait".to_owned() };
    report.model = ModelSection::Unfinished { why: "the day's budget is spent".to_owned(), standing: None };
    insta::assert_snapshot!(render(&report, &RenderOptions::default()), @r#"
    ### Eco-Coder: 1 thing to mend; code analysis incomplete; profile unavailable

    13 files at `3f2a9c1`: 1 high on the changed lines.

    Code analysis is incomplete: the time ran out after 5 minutes. What is missing is listed below.

    Performance profile unavailable (throttled): the service asked to wait.

    The model's part is missing: the day's budget is spent. Everything here comes from the tools.

    **1. Query in a loop** - High, Performance - `app/orders.py` lines 41-44
    Every order sends its own SELECT: 1 + N round trips. Load all lines with one query (`WHERE order_id IN (...)`) before the loop. 12x at 100 orders, measured. [`EC-PY-072`](https://docs.python.org/3/library/sqlite3.html), GCI72

    <details><summary>Not looked at: 1 file</summary>

    - `src/huge.py` (out of time)

    </details>

    <sub>13 of 14 files at `3f2a9c1` in 4.1 s - analyser 0.9 s CPU - this comment is kept up to date - `eco-coder-ignore EC-PY-072: reason` on the line mutes a finding</sub>
    "#);
    assert_eq!(summary_line(&report), "1 thing to mend; code analysis incomplete; profile unavailable (1 high)");
}

#[test]
fn a_failed_analysis_never_reads_as_clean() {
    let mut report = clean();
    report.quality = Section::Failed {
        error_type: ErrorType::Timeout,
        why: "the analyser did not answer within 5 minutes".to_owned(),
    };
    measure(&mut report, vec![function("search", 41.0)]);
    insta::assert_snapshot!(render(&report, &RenderOptions::default()), @r#"
    ### Eco-Coder: code analysis unavailable

    Measured: **4.12 s** of CPU time, 41% of it in `search` itself; about 0.9 mg CO2e per execution.

    Code quality analysis unavailable (timeout): the analyser did not answer within 5 minutes. The performance results are below.

    | | head `3f2a9c1` |
    |---|---:|
    | Total CPU time | 4.12 s |
    | `search` itself | 41% (1.69 s) |
    | CO2e per execution | 0.9 mg (0.6 mg to 1.3 mg) |

    <details><summary>How the numbers were made</summary>

    - Measured: 412 samples of `cpu` over 5 s in `cpu.pprof`.
    - Energy: 2.8 mWh, at 316 g CO2e per kWh: 0.9 mg CO2e, like 1 s of light from a 10 W LED.
    - Method: CPU time times the power of one core, and the grid's yearly mean.
    - Interval: the least and the most that the same measurement gives over the methods one, another; the PUE from 1 to 1.135 (each method's own).
    - SCI (ISO/IEC 21031:2024): 0.9 mg CO2e per execution, operational; embodied carbon is not counted.

    </details>

    <sub>`3f2a9c1` in 4.1 s - analyser 0.9 s CPU - this comment is kept up to date</sub>
    "#);
    assert_eq!(summary_line(&report), "Code analysis unavailable");
    let mut partial = clean();
    let mut quality = analysis(Vec::new());
    quality.status = ReviewStatus::Partial;
    partial.quality = Section::Present(quality);
    assert_eq!(summary_line(&partial), "Nothing to mend in what was seen; code analysis incomplete (14 files)");
}

#[test]
fn sixty_findings_are_ranked_and_folded() {
    let mut report = clean();
    let findings = (0..75).map(|n| finding(n, if n == 74 { Severity::Critical } else { Severity::Medium })).collect();
    report.quality = Section::Present(analysis(findings));
    let comment = render(&report, &RenderOptions::default());
    assert!(comment.starts_with(
        "### Eco-Coder: 75 things to mend\n\n14 files at `3f2a9c1`: 1 critical, 74 medium on the changed lines."
    ));
    assert!(comment.contains("**1. Query in a loop** - Critical"));
    assert!(comment.contains("\n**10. ") && !comment.contains("**11. "));
    assert!(comment.contains("<details><summary>65 more findings</summary>"));
    assert_eq!(comment.matches("\n- Query in a loop").count(), 50);
    assert!(comment.contains("\n- and 15 more\n"));
}

#[test]
fn nothing_is_folded_or_left_out_before_a_list_is_full() {
    let shown = |findings: u32, functions: usize| {
        let mut report = clean();
        measure(&mut report, (0..functions).map(|n| function(&format!("f{n}"), 1.0)).collect());
        report.quality = Section::Present(analysis((0..findings).map(|n| finding(n, Severity::High)).collect()));
        render(&report, &RenderOptions::default())
    };
    let (at, past) = (shown(10, 5), shown(11, 6));
    assert!(at.contains("\n**10. ") && !at.contains("more finding"), "{at}");
    assert!(past.contains("<summary>1 more finding</summary>"), "{past}");
    assert!(at.contains("`f4` itself") && past.contains("`f4` itself") && !past.contains("`f5` itself"), "{past}");
    let (at, past) = (shown(60, 0), shown(61, 0));
    assert!(at.contains("<summary>50 more findings</summary>") && !at.contains("\n- and "), "{at}");
    assert!(past.contains("\n- and 1 more\n"), "{past}");
}

#[test]
fn a_deployed_services_profile_stands_below_the_findings_and_says_what_it_is_of() {
    let mut report = clean();
    report.quality = Section::Present(analysis(vec![finding(1, Severity::High)]));
    measure(&mut report, vec![function("shop.Search:search", 40.0), function("re:compile", 12.4)]);
    deploy(&mut report);
    insta::assert_snapshot!(render(&report, &RenderOptions::default()), @r#"
    ### Eco-Coder: 1 thing to mend

    14 files at `3f2a9c1`: 1 high on the changed lines. Nothing of this pull request was measured; the deployed service's profile is below.

    **1. Query in a loop** - High, Performance - `app/orders.py` lines 41-44
    Every order sends its own SELECT: 1 + N round trips. Load all lines with one query (`WHERE order_id IN (...)`) before the loop. 12x at 100 orders, measured. [`EC-PY-072`](https://docs.python.org/3/library/sqlite3.html), GCI72

    **The deployed service `shop-api`** (not this pull request; 2026-09-21 14:13 to 2026-09-22 14:13 UTC) used **4.12 s** of CPU time; 40% of its CPU samples are in `shop.Search:search` itself.

    | | deployed service `shop-api` |
    |---|---:|
    | CPU time over the period | 4.12 s |
    | `shop.Search:search` itself | 40%, 60% with what it calls |
    | `re:compile` itself | 12%, 19% with what it calls |
    | CO2e over the period | 0.9 mg (0.6 mg to 1.3 mg) |

    <details><summary>1 recommendation of CodeGuru Profiler for the deployed service</summary>

    - **Compiling a regular expression.** Compiling a pattern is expensive. Compile it once, and keep it in a static field. In `shop.Search:search`.

    </details>

    <details><summary>How the numbers were made</summary>

    - Measured: 412 CPU samples of the service where it runs, 2026-09-21 14:13 to 2026-09-22 14:13 UTC, from `CodeGuru Profiler, profiling group shop-api`. This pull request's code was not run: the figures describe what is deployed, as it was used in that time.
    - Energy: 2.8 mWh, at 316 g CO2e per kWh: 0.9 mg CO2e, like 1 s of light from a 10 W LED.
    - Method: CPU time times the power of one core, and the grid's yearly mean.
    - Interval: the least and the most that the same measurement gives over the methods one, another; the PUE from 1 to 1.135 (each method's own).

    </details>

    <sub>14 of 14 files at `3f2a9c1` in 4.1 s - analyser 0.9 s CPU - this comment is kept up to date - `eco-coder-ignore EC-PY-072: reason` on the line mutes a finding</sub>
    "#);
    assert!(!report.is_clean(), "there is a finding");
}

#[test]
fn a_services_profile_says_nothing_about_the_pull_request() {
    let mut report = clean();
    measure(&mut report, vec![function("re:compile", 12.4)]);
    assert!(!report.is_clean() && report.measured_head().is_some());
    deploy(&mut report);
    assert!(report.is_clean() && report.measured_head().is_none(), "a silent deployment stays silent");
    let Section::Present(measured) = &mut report.performance else { panic!() };
    measured.profile.total_cpu_time_ms = None;
    measured.profile.sample_type = "wall".to_owned();
    measured.profile.bottlenecks[0].total_percentage = None;
    let service = measured.deployed_service.as_mut().unwrap();
    (service.start, service.recommendations) = (None, Vec::new());
    service.recommendations_missing = Some("CodeGuru Profiler refuses access".to_owned());
    insta::assert_snapshot!(render(&report, &RenderOptions::default()), @r#"
    ### Eco-Coder: nothing to mend

    14 files at `3f2a9c1`, no finding on the changed lines. Nothing of this pull request was measured; the deployed service's profile is below.

    **The deployed service `shop-api`** (not this pull request): 12% of its wall-clock samples are in `re:compile` itself.

    | | deployed service `shop-api` |
    |---|---:|
    | `re:compile` itself | 12% |

    CodeGuru Profiler's recommendations are missing: CodeGuru Profiler refuses access.

    <details><summary>How the numbers were made</summary>

    - Measured: 412 wall-clock samples of the service where it runs, from `CodeGuru Profiler, profiling group shop-api`. This pull request's code was not run: the figures describe what is deployed, as it was used in that time.
    - Wall-clock samples count threads that wait, too: their shares are not shares of CPU time.

    </details>

    <sub>14 of 14 files at `3f2a9c1` in 4.1 s - analyser 0.9 s CPU - this comment is kept up to date</sub>
    "#);
}

#[test]
fn recommendations_for_a_service_are_counted_beyond_those_that_are_shown() {
    let shown = |kept: usize, total: usize| {
        let mut report = of_a_service("plain");
        let Section::Present(measured) = &mut report.performance else { panic!() };
        let service = measured.deployed_service.as_mut().unwrap();
        service.recommendations = vec![service.recommendations[0].clone(); kept];
        service.total_recommendations = total;
        render(&report, &RenderOptions::default())
    };
    let at = shown(5, 5);
    assert!(at.contains("<summary>5 recommendations of CodeGuru Profiler for the deployed service</summary>"), "{at}");
    assert!(at.matches("- **Title plain.**").count() == 5 && !at.contains("- and "), "{at}");
    let past = shown(6, 30);
    assert!(past.contains("<summary>30 recommendations of") && past.contains("\n- and 25 more\n"), "{past}");
    assert_eq!(past.matches("- **Title plain.**").count(), 5);
}

#[test]
fn how_often_it_runs_gives_a_year_and_the_server_s_making_its_share() {
    let mut report = clean();
    measure(&mut report, vec![function("search", 41.0)]);
    let Section::Present(profile) = &mut report.performance else { unreachable!() };
    let cpu = r#"{"value": 4.12, "unit": "s", "span": [3.9, 4.4], "samples": 30, "source": "cpu.pprof"}"#;
    profile.cpu = serde_json::from_str(cpu).unwrap();
    let settings = eco_coder_carbon::Input {
        hardware: eco_coder_carbon::Hardware::Instance("m5.large".parse().unwrap()),
        executions_per_month: Some(1_000_000),
        embodied: Some(eco_coder_carbon::Embodied::default()),
        ..eco_coder_carbon::Input::new(0.0, 0.0, "eu-west-1")
    };
    let footprint = crate::results::MeasuredFootprint::of(profile.cpu.as_ref().unwrap(), None, &settings);
    report.carbon = Section::Present(footprint.unwrap());
    insta::assert_snapshot!(render(&report, &RenderOptions::default()), @r"
    ### Eco-Coder: nothing to mend

    Measured: **4.12 s** of CPU time, 41% of it in `search` itself; about 1.4 mg CO2e per execution, 17 kg a year. 14 files at `3f2a9c1`, no finding on the changed lines.

    | | head `3f2a9c1` |
    |---|---:|
    | Total CPU time | 4.12 s |
    | `search` itself | 41% (1.69 s) |
    | CO2e per execution | 1.4 mg (1.2 mg to 2.2 mg) |
    | CO2e a year, at 1,000,000 executions a month | 17 kg (15 kg to 26 kg) |
    | Findings on changed lines | none |

    <details><summary>How the numbers were made</summary>

    - Measured: 412 samples of `cpu` over 5 s in `cpu.pprof`.
    - Energy: 4.9 mWh, at 291 g CO2e per kWh: 1.4 mg CO2e, like 1.8 s of light from a 10 W LED.
    - Method: codecarbon-process: CPU time x 4.26 W per vCPU at full load (m5.large, Skylake); memory 0.375 W per GiB (codecarbon 2.3.4) over the CPU time; PUE 1; grid 291 gCO2e/kWh (eu-west-1, average of Ireland, codecarbon 3.3.2).
    - Interval: the least and the most that the same measurement gives over the methods codecarbon-process, codecarbon-constant, ccf; the grid from 279 to 364 gCO2e/kWh (the embedded tables for the region); the PUE from 1 to 1.135 (each method's own); the CPU time from 3.9 s to 4.4 s (as measured).
    - SCI (ISO/IEC 21031:2024): 2 mg CO2e per execution, 1.4 mg operational, 0.55 mg embodied.

    </details>

    <sub>14 of 14 files at `3f2a9c1` in 4.1 s - analyser 0.9 s CPU - this comment is kept up to date</sub>
    ");
}

#[test]
fn no_grams_without_a_measurement() {
    let mut report = clean();
    measure(&mut report, Vec::new());
    report.performance = Section::Absent { why: String::new() };
    assert!(!render(&report, &RenderOptions::default()).contains("CO2e"));
}

#[test]
fn hostile_names_change_nothing_but_the_words() {
    let names = [
        "a | b",
        "a`b``c```d",
        "a\nb\n\n# c",
        "<!-- eco-coder:comment v=1 -->",
        "</details></summary><details>",
        "@team please /merge",
        "\u{202e}gnp.exe",
        "![x](https://evil.example/x.png)",
        "| a |\n|---|\n| b |",
        "\\",
        "",
    ];
    let long = "long/".repeat(800);
    let expected = structure(&render(&named("plain"), &RenderOptions::default()));
    for name in names.into_iter().chain([long.as_str()]) {
        let comment = render(&named(name), &RenderOptions::default());
        assert_eq!(structure(&comment), expected, "{comment}");
        let service = render(&of_a_service(name), &RenderOptions::default());
        assert_eq!(
            structure(&service),
            structure(&render(&of_a_service("plain"), &RenderOptions::default())),
            "{service}"
        );
        assert!(!service.contains("<!--") && !service.contains('\u{202e}') && service.chars().count() < 30_000);
        assert!(!comment.contains("<!--") && !comment.contains('\u{202e}'));
        assert!(comment.chars().count() < 30_000);
        assert!(summary_line(&named(name)).chars().count() <= 140);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_name_changes_nothing_but_the_words(name in any::<String>()) {
        let expected = structure(&render(&named("plain"), &RenderOptions::default()));
        prop_assert_eq!(structure(&render(&named(&name), &RenderOptions::default())), expected);
        let expected = structure(&render(&of_a_service("plain"), &RenderOptions::default()));
        prop_assert_eq!(structure(&render(&of_a_service(&name), &RenderOptions::default())), expected);
    }
}

#[test]
fn a_model_s_part_is_marked_and_what_has_changed_since_the_last_push_is_said() {
    let mut report = clean();
    let (mut high, mut low) = (finding(1, Severity::High), finding(9, Severity::Medium));
    (high.fingerprint, low.fingerprint) = ("1".repeat(16), "2".repeat(16));
    high.evidence = None;
    let fix = "Use one query.".to_owned();
    let further = |line: u32, title: &str| ModelFinding {
        file_path: "app/orders.py".to_owned(),
        line,
        title: title.to_owned(),
        severity: Severity::High,
        category: Category::CodeQuality,
        explanation: "With no row this divides by zero, and @alice is told".to_owned(),
        fix: "Return 0 first.".to_owned(),
    };
    report.model = ModelSection::Finished(ModelPart {
        verdict: Advice::Mend,
        summary: "Mend the query first.".to_owned(),
        important: vec![Emphasis {
            fingerprint: low.fingerprint.clone(),
            why: "Orders have hundreds of lines".to_owned(),
        }],
        further: vec![further(12, "Division by zero"); 6],
        dropped: 2,
        suggestions: vec!["A test for the empty order would be good".to_owned(), fix],
        ..said("sonnet-5-5")
    });
    report.since = Some(Since {
        head: "a1b2c3d".repeat(6)[..40].parse().unwrap(),
        fixed: 2,
        remaining: 1,
        new: vec![high.fingerprint.clone()],
    });
    report.quality = Section::Present(analysis(vec![high, low]));
    insta::assert_snapshot!(render(&report, &RenderOptions::default()), @r#"
    ### Eco-Coder: 2 things to mend; 6 suggestions by the model

    14 files at `3f2a9c1`: 1 high, 1 medium on the changed lines. Since `a1b2c3d`: 2 fixed, 1 still there, 1 new.

    **1. Query in a loop** - High, Performance - `app/orders.py` lines 41-44
    Every order sends its own SELECT: 1 + N round trips. Load all lines with one query (`WHERE order_id IN (...)`) before the loop. New since `a1b2c3d`. [`EC-PY-072`](https://docs.python.org/3/library/sqlite3.html), GCI72

    **2. Query in a loop** - Medium, Performance - `app/orders.py` lines 49-52
    Every order sends its own SELECT: 1 + N round trips. Load all lines with one query (`WHERE order_id IN (...)`) before the loop. 12x at 100 orders, measured. Here, as the model sees it: Orders have hundreds of lines. [`EC-PY-072`](https://docs.python.org/3/library/sqlite3.html), GCI72

    **M1. Division by zero** - High, Code quality - `app/orders.py` line 12 - suggested by the model
    > With no row this divides by zero, and `@alice` is told. Return 0 first.

    **M2. Division by zero** - High, Code quality - `app/orders.py` line 12 - suggested by the model
    > With no row this divides by zero, and `@alice` is told. Return 0 first.

    **M3. Division by zero** - High, Code quality - `app/orders.py` line 12 - suggested by the model
    > With no row this divides by zero, and `@alice` is told. Return 0 first.

    **M4. Division by zero** - High, Code quality - `app/orders.py` line 12 - suggested by the model
    > With no row this divides by zero, and `@alice` is told. Return 0 first.

    **M5. Division by zero** - High, Code quality - `app/orders.py` line 12 - suggested by the model
    > With no row this divides by zero, and `@alice` is told. Return 0 first.

    <details><summary>1 more finding of the model</summary>

    - Division by zero - High, `app/orders.py` line 12

    </details>

    <details><summary>Suggested by the model: mend something before merging</summary>

    > Mend the query first.
    >
    > - A test for the empty order would be good.
    > - Use one query.

    <sub>Words of `sonnet-5-5`; figures and unmarked findings are the tools'. 2 findings of its own were left out: not in the diff, or found by the tools.</sub>

    </details>

    <sub>14 of 14 files at `3f2a9c1` in 4.1 s - analyser 0.9 s CPU - model `sonnet-5-5`: 0 tokens in, 0 out - this comment is kept up to date - `eco-coder-ignore EC-PY-072: reason` on the line mutes a finding</sub>
    "#);
}

#[derive(serde::Deserialize)]
struct Attack {
    id: String,
    text: String,
    places: Vec<String>,
}

/// A model that says what an attacker wrote, in every place it has.
#[test]
fn whatever_attack_a_model_repeats_is_inert() {
    let attacks: Vec<Attack> = serde_json::from_str(include_str!("../../../../tests/fixtures/attacks.json")).unwrap();
    let attacks: Vec<&Attack> =
        attacks.iter().filter(|attack| attack.places.iter().any(|place| place == "model")).collect();
    assert!(attacks.len() > 300);
    // Our own heading and folds.
    let benign = harm(&render(&named("plain"), &RenderOptions::default()));
    for Attack { id, text, .. } in attacks {
        let mut report = named("plain");
        let ModelSection::Finished(part) = &mut report.model else { panic!("named has a model") };
        part.summary = format!("Words.\n\n{text}");
        part.suggestions = vec![text.clone()];
        part.important.iter_mut().for_each(|emphasis| emphasis.why.clone_from(text));
        for finding in &mut part.further {
            (finding.title, finding.explanation, finding.fix) = (text.clone(), text.clone(), text.clone());
        }
        let comment = render(&report, &RenderOptions::default());
        assert_eq!(harm(&comment), benign, "{id}: {comment}");
        // No line begins with it, where another robot would take it for a command.
        let first =
            text.lines().map(str::trim).find(|line| line.len() > 3 && !line.starts_with('>')).unwrap_or("nothing");
        assert!(!comment.lines().any(|line| line.trim_start().starts_with(first)), "{id}: {comment}");
        assert!(comment.lines().last().unwrap().starts_with("<sub>"), "{id}");
    }
}

fn hinted(name: &str, is_looked_for: bool) -> RenderOptions {
    let profile_hint = ProfileHint::Artifact { name: name.to_owned(), is_looked_for };
    RenderOptions { profile_hint, ..RenderOptions::default() }
}

#[test]
fn nothing_measured_is_one_folded_line_with_what_to_copy() {
    let report = Report { main_language: Some(Language::Python), ..clean() };
    insta::assert_snapshot!(render(&report, &hinted("measured", true)), @r#"
    ### Eco-Coder: nothing to mend

    14 files at `3f2a9c1`, no finding on the changed lines.

    <details><summary>Nothing was measured: how to provide a profile</summary>

    No profile came with this commit. Let a workflow leave one, in a job that runs for pull requests and for the base branch, so that both can be shown side by side:

    ```yaml
    - run: pip install py-spy && py-spy record -f raw -o cpu.folded -- python -m pytest benchmarks
    - uses: actions/upload-artifact@v4
      with: { name: measured, path: cpu.folded }
    ```

    Measure under the same load each time. Benchmark results in the same artifact are compared with the base's.

    </details>

    <sub>14 of 14 files at `3f2a9c1` in 4.1 s - analyser 0.9 s CPU - this comment is kept up to date</sub>
    "#);
    for language in Language::ALL.into_iter().map(Some).chain([None]) {
        let comment = render(&Report { main_language: language, ..clean() }, &hinted("eco-coder", false));
        assert_eq!(comment.matches("how to provide a profile").count(), 1, "{comment}");
        let lines: Vec<&str> =
            comment.split("```yaml\n").nth(1).unwrap().split("\n```").next().unwrap().lines().collect();
        assert_eq!(lines.len(), 3, "{comment}");
        let file = lines[2].split("path: ").nth(1).unwrap().trim_end_matches(" }");
        assert!(lines[0].contains(file.split('.').next().unwrap()), "it uploads what it wrote: {comment}");
        assert!(comment.contains("sets `ci.artifact = \"eco-coder\"` once"), "{comment}");
    }
}

#[test]
fn the_hint_is_silent_when_something_was_measured_or_it_is_switched_off() {
    let says = |report: &Report, options: &RenderOptions| render(report, options).contains("how to provide");
    assert!(says(&clean(), &hinted("a", true)));
    assert!(!says(&clean(), &RenderOptions::default()));
    let mut measured = clean();
    measure(&mut measured, vec![function("search", 41.0)]);
    assert!(!says(&measured, &hinted("a", true)));
    let mut deployed = measured.clone();
    deploy(&mut deployed);
    assert!(!says(&deployed, &hinted("a", true)));
    let benchmarked = Report { benchmarks: Some(fuzzing::benchmarks("x")), ..clean() };
    assert!(!says(&benchmarked, &hinted("a", true)));
    let failed = Section::Failed { error_type: ErrorType::Timeout, why: String::new() };
    assert!(!says(&Report { performance: failed, ..clean() }, &hinted("a", true)), "that is said as a failure");
}

#[test]
fn changed_functions_stand_below_the_measurement_base_beside_head() {
    let mut report = clean();
    measure(&mut report, vec![function("search", 41.0)]);
    let mut changed = fuzzing::changed("shop/orders.py");
    changed.rows.truncate(1);
    changed.rows.extend(fuzzing::changed("shop/orders.py").rows.pop());
    for (row, name) in changed.rows.iter_mut().zip(["Orders.search", "Orders.index"]) {
        name.clone_into(&mut row.function_name);
    }
    (changed.more, changed.base_missing) = (0, None);
    report.changed_functions = Some(changed.clone());
    let comment = render(&report, &RenderOptions::default());
    let sentence = "Of the functions changed here, `Orders.search` uses most: 41% of the CPU time itself, 62% with what it calls \
                    (base: 20% and 30%).";
    assert!(comment.contains(sentence), "{comment}");
    let table = "\
| function changed here | CPU time itself, base → head | with what it calls, base → head |
|---|---:|---:|
| `Orders.search`, `shop/orders.py` lines 10-17 | 20% → **41%** | 30% → **62%** |
| `Orders.index`, `shop/orders.py` lines 120-127 | - → **3%** | - → **5%** |
";
    assert!(comment.contains(table), "{comment}");
    assert!(
        comment.contains("- 2 of 20 changed functions in the profile. Shares of base (1,412 samples) and head"),
        "{comment}"
    );
    assert!(comment.contains("- 1 function is known by name, not by line."), "{comment}");

    for row in &mut changed.rows {
        row.base = None;
    }
    changed.base_samples = None;
    report.changed_functions = Some(changed.clone());
    let comment = render(&report, &RenderOptions::default());
    let alone = "| function changed here | CPU time itself | with what it calls |\n|---|---:|---:|\n\
                 | `Orders.search`, `shop/orders.py` lines 10-17 | **41%** | 62% |\n";
    assert!(comment.contains(alone) && !comment.contains('→'), "{comment}");

    changed.rows.clear();
    report.changed_functions = Some(changed);
    let comment = render(&report, &RenderOptions::default());
    assert!(!comment.contains("function changed here"), "{comment}");
    assert!(comment.contains("- None of the 20 changed functions is in the profile."), "{comment}");
}

#[test]
fn ten_changed_functions_are_shown_and_the_rest_is_counted() {
    let mut report = clean();
    measure(&mut report, vec![function("search", 41.0)]);
    let mut changed = fuzzing::changed("a.py");
    (changed.more, changed.base_missing) = (0, None);
    changed.rows.truncate(10);
    report.changed_functions = Some(changed);
    let rows = |report: &Report| render(report, &RenderOptions::default()).matches("| `a.py`, ").count();
    assert_eq!(rows(&report), 10);
    assert!(!render(&report, &RenderOptions::default()).contains("more | | |"));
    report.changed_functions = Some(fuzzing::changed("a.py"));
    assert_eq!(rows(&report), 10);
    assert!(render(&report, &RenderOptions::default()).contains("| and 3 more | | |"));
}

#[test]
fn a_service_s_heaviest_functions_that_are_changed_stand_with_the_service() {
    let mut report = clean();
    measure(&mut report, vec![function("search", 41.0)]);
    deploy(&mut report);
    let mut changed = fuzzing::changed("shop/search.py");
    (changed.base_samples, changed.base_missing) = (None, None);
    changed.rows.truncate(1);
    report.changed_functions = Some(ChangedFunctions { more: 0, ..changed });
    let comment = render(&report, &RenderOptions::default());
    let (_, service) = comment.split_once("**The deployed service").unwrap();
    assert!(service.contains("Of the service's heaviest functions, this pull request changes:"), "{comment}");
    assert!(!comment.contains("Of the functions changed here"), "it says nothing of this pull request: {comment}");
}

#[test]
fn a_flame_graph_is_linked_below_the_operator_s_address_and_nowhere_else() {
    let mut report = clean();
    measure(&mut report, vec![function("search", 41.0)]);
    let options =
        RenderOptions { flame_graphs_url: Some("https://eco.example/graphs/".to_owned()), ..RenderOptions::default() };
    let mut says = |url: &str| {
        let Section::Present(measured) = &mut report.performance else { panic!() };
        measured.flame_graph_url = Some(url.to_owned());
        render(&report, &options)
    };
    let own = "https://eco.example/graphs/acme/shop/abc.svg";
    assert!(says(own).contains(&format!("- [Flame graph]({own})")));
    for other in ["https://eco.example.evil/graphs/x", "https://eco.example/graphsx", "https://eco.example/graphs/a)b"]
    {
        assert!(!says(other).contains("[Flame graph]"), "{other}");
    }
}
