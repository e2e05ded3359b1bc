use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::Usage;

fn analysis() -> ToolOutput {
    ToolOutput::AnalyzeCode(Box::new(
        serde_json::from_value(json!({
            "review_id": "embedded-x", "status": "Completed", "recommendations": [], "total_recommendations": 0,
            "files_analyzed": 1, "files_changed": 1, "skipped": [], "suppressed": 0, "cpu_seconds": 0.01
        }))
        .unwrap(),
    ))
}

fn profile(cpu_ms: Option<f64>) -> ToolOutput {
    let cpu = cpu_ms.map(|ms| json!({"value": ms / 1000.0, "unit": "s", "samples": 10, "source": "cpu.pprof"}));
    let profile = serde_json::from_value(json!({
        "profiling_id": "profile-1", "sample_type": "cpu", "samples": 10, "bottlenecks": [], "source": "cpu.pprof",
        "total_cpu_time_ms": cpu_ms, "cpu": cpu,
    }));
    ToolOutput::ProfileCodePerformance(Profiled::Measured(Box::new(profile.unwrap())))
}

fn nothing_measured() -> ToolOutput {
    let nothing_measured = "there is no profile for this commit".to_owned();
    ToolOutput::ProfileCodePerformance(Profiled::Nothing { nothing_measured })
}

fn footprint() -> ToolOutput {
    let arguments = calculate_carbon_footprint::Arguments { measurement_id: "profile-1".into() };
    let settings = eco_coder_carbon::Input::default();
    let measured = profile(Some(1000.0));
    let footprint = calculate_carbon_footprint::call(&arguments, std::iter::once(&measured), &settings);
    ToolOutput::CalculateCarbonFootprint(Box::new(footprint.unwrap()))
}

fn finished(id: CallId, output: ToolOutput) -> Event {
    Event::ToolFinished { id, outcome: Ok(output) }
}

fn tool_error() -> ToolError {
    ToolError { error_type: ErrorType::Timeout, for_model: "timeout".into(), for_operator: "secret detail".into() }
}

fn asks(calls: &[(&str, &str, Value)]) -> Event {
    let content = calls
        .iter()
        .map(|(id, name, input)| Said::ToolUse { id: (*id).into(), name: (*name).into(), input: input.clone() })
        .collect();
    Event::ModelReplied { reply: ModelReply { content, usage: Usage { input: 100, output: 10, ..Usage::default() } } }
}

fn says(text: &str) -> Event {
    Event::ModelReplied {
        reply: ModelReply { content: vec![Said::Text { text: text.into() }], usage: Usage::default() },
    }
}

fn run_with(model: Option<&str>, events: impl IntoIterator<Item = Event>) -> Run {
    let mut run = Run::new(model.map(Into::into), Limits::default());
    for event in events {
        run.apply(event);
    }
    run
}

/// At the model's first turn: nothing was measured.
fn at_the_model(limits: Limits) -> Run {
    let mut run = Run::new(Some("m".into()), limits);
    run.apply(finished(0, analysis()));
    run.apply(finished(1, nothing_measured()));
    assert_eq!(run.next(), Action::CallModel);
    run
}

fn finish(run: &Run) -> Finish {
    match run.next() {
        Action::Finish(finish) => *finish,
        other => panic!("not finished: {other:?}"),
    }
}

#[test]
fn turn_zero_calls_two_tools_at_once() {
    let Action::CallTools(calls) = run_with(None, []).next() else { panic!("no tools") };
    let names: Vec<_> = calls.iter().map(|(id, call)| (*id, call.name())).collect();
    assert_eq!(names, [(0, "analyze_code"), (1, "profile_code_performance")]);
}

#[test]
fn without_a_measurement_no_carbon_is_calculated() {
    for measured in [nothing_measured(), profile(None)] {
        let run = run_with(None, [finished(1, measured), finished(0, analysis())]);
        let finish = finish(&run);
        assert!(matches!(finish.carbon, Section::Absent { .. }));
        assert_eq!(finish.model, Ended::NotConfigured);
    }
}

#[test]
fn a_measurement_gets_its_footprint_and_the_call_names_it() {
    let mut run = run_with(None, [finished(0, analysis()), finished(1, profile(Some(5.0)))]);
    let Action::CallTools(calls) = run.next() else { panic!("no tools") };
    let wanted = calculate_carbon_footprint::Arguments { measurement_id: "profile-1".into() };
    assert_eq!(calls, [(2, ToolCall::CalculateCarbonFootprint(wanted))]);
    run.apply(finished(2, footprint()));
    assert!(finish(&run).carbon.present().is_some());
}

#[test]
fn a_tool_that_failed_is_named_and_its_operator_text_stays_out() {
    let run =
        run_with(None, [Event::ToolFinished { id: 0, outcome: Err(tool_error()) }, finished(1, nothing_measured())]);
    let finish = finish(&run);
    assert_eq!(finish.quality, Section::Failed { error_type: ErrorType::Timeout, why: "timeout".into() });
    assert!(!serde_json::to_string(&finish).unwrap().contains("secret detail"));
}

#[test]
fn the_terminal_call_ends_the_run_and_nothing_beside_it_is_called() {
    let mut run = at_the_model(Limits::default());
    run.apply(asks(&[
        ("1", "analyze_code", json!({})),
        ("2", "post_github_comment", json!({"report": {"verdict": "mend", "summary": "Mend the query."}})),
    ]));
    assert!(matches!(finish(&run).model, Ended::Finished(report) if report.summary == "Mend the query."));
}

#[test]
fn wrong_calls_are_answered_and_the_model_tries_again() {
    let mut run = at_the_model(Limits::default());
    run.apply(asks(&[
        ("1", "run_shell", json!({"command": "env"})),
        ("2", "analyze_code", json!({"repository": "other/repo"})),
        ("3", "post_github_comment", json!({"report": {"verdict": "mend", "summary": " "}})),
        ("4", "calculate_carbon_footprint", json!({"measurement_id": "x", "grams": 1})),
    ]));
    assert_eq!(run.next(), Action::CallModel);
    let Some(Turn::User { content }) = run.turns().last() else { panic!("nothing was answered") };
    let answers: Vec<String> = content
        .iter()
        .map(|told| match told {
            Answer::Told(Told::ToolResult { id, content, is_error: true }) => format!("{id}: {content}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answers.len(), 4);
    assert!(answers[0].starts_with("1: there is no such tool"));
    assert!(answers[1].contains("unknown field"), "{}", answers[1]);
    assert!(answers[2].contains("summary is empty"));
    assert!(answers[3].contains("unknown field"));
}

#[test]
fn answers_come_in_the_order_of_the_questions() {
    let mut run = at_the_model(Limits::default());
    run.apply(asks(&[
        ("a", "no_tool", json!({})),
        ("b", "analyze_code", json!({"paths": ["x.py"]})),
        ("c", "profile_code_performance", json!({})),
    ]));
    let Action::CallTools(calls) = run.next() else { panic!("no tools") };
    assert_eq!(calls.len(), 2);
    run.apply(finished(calls[1].0, nothing_measured()));
    run.apply(Event::ToolFinished { id: calls[0].0, outcome: Err(tool_error()) });
    let Some(Turn::User { content }) = run.turns().last() else { panic!("nothing was answered") };
    let ids: Vec<&str> = content.iter().filter_map(Answer::call).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.contains(&"a") && ids.contains(&"b") && ids.contains(&"c"));
    assert!(!serde_json::to_string(content).unwrap().contains("secret detail"));
}

#[test]
fn a_model_that_only_talks_is_asked_for_its_report_until_its_turns_are_used() {
    let mut run = at_the_model(Limits { turns: 3, ..Limits::default() });
    for _ in 0..2 {
        run.apply(says("Let me think."));
        assert_eq!(run.next(), Action::CallModel);
    }
    run.apply(says("Still thinking."));
    assert!(matches!(finish(&run).model, Ended::Unfinished { .. }));
}

#[test]
fn an_endless_tool_loop_is_stopped_by_the_budget() {
    let mut run = at_the_model(Limits::default());
    for round in 0..Limits::default().turns {
        let Action::CallModel = run.next() else { panic!("stopped in round {round}") };
        run.apply(asks(&[("x", "profile_code_performance", json!({}))]));
        let Action::CallTools(calls) = run.next() else { panic!("no tools") };
        run.apply(finished(calls[0].0, nothing_measured()));
    }
    assert!(matches!(finish(&run).model, Ended::Unfinished { .. }));
    assert!(finish(&run).quality.present().is_some(), "the report is turn 0's");
}

#[test]
fn too_many_calls_in_one_turn_are_refused_one_by_one() {
    let mut run = at_the_model(Limits { calls_per_turn: 2, ..Limits::default() });
    let calls: Vec<_> = ["1", "2", "3"].map(|id| (id, "profile_code_performance", json!({}))).into();
    run.apply(asks(&calls));
    let Action::CallTools(calls) = run.next() else { panic!("no tools") };
    assert_eq!(calls.len(), 2);
}

#[test]
fn a_throttled_model_suspends_and_goes_on_where_it_was() {
    let mut run = at_the_model(Limits::default());
    let until = Timestamp::from_seconds(99);
    run.apply(Event::ModelFailed { error: ModelError::Throttled { until } });
    assert_eq!(run.next(), Action::Suspend { until });
    run.apply(Event::Woken);
    assert_eq!(run.next(), Action::CallModel);
}

#[test]
fn a_model_that_fails_leaves_turn_zeros_report() {
    for error in [ModelError::Timeout, ModelError::Failed { message: "500 from 10.0.0.1".into() }] {
        let mut run = at_the_model(Limits::default());
        run.apply(Event::ModelFailed { error });
        let finish = finish(&run);
        assert!(matches!(&finish.model, Ended::Unfinished { why } if !why.contains("10.0")));
        assert!(finish.quality.present().is_some());
    }
}

#[test]
fn at_the_deadline_what_is_there_is_reported() {
    let run = run_with(None, [finished(0, analysis()), Event::Deadline]);
    let finish = finish(&run);
    assert!(finish.quality.present().is_some());
    assert!(matches!(finish.performance, Section::Failed { error_type: ErrorType::Timeout, .. }));
}

fn any_event() -> impl Strategy<Value = Event> {
    let call = prop_oneof![
        Just(("analyze_code", json!({}))),
        Just(("profile_code_performance", json!({}))),
        Just(("calculate_carbon_footprint", json!({"measurement_id": "profile-1"}))),
        Just(("post_github_comment", json!({"report": {"verdict": "mend", "summary": "s"}}))),
        Just(("shell", json!(7))),
    ];
    prop_oneof![
        4 => (0usize..5).prop_map(|id| finished(id, analysis())),
        2 => (0usize..5).prop_map(|id| finished(id, profile(Some(1.0)))),
        1 => (0usize..5).prop_map(|id| finished(id, footprint())),
        1 => (0usize..5).prop_map(|id| finished(id, codeguru("Partial", &[1, 2]))),
        2 => (0usize..5, 0u32..9).prop_map(|(id, troubles)| {
            Event::ToolWaits { id, until: Timestamp(troubles.into()), call: progress(troubles) }
        }),
        1 => (0usize..5).prop_map(|id| Event::ToolFinished { id, outcome: Err(tool_error()) }),
        2 => prop::collection::vec(call, 0..4).prop_map(|calls| {
            let calls: Vec<_> = calls.into_iter().map(|(name, input)| ("id", name, input)).collect();
            asks(&calls)
        }),
        1 => Just(says("words")),
        1 => Just(Event::ModelFailed { error: ModelError::Throttled { until: Timestamp(5) } }),
        1 => Just(Event::Woken),
        1 => Just(Event::Deadline),
    ]
}

proptest! {
    #[test]
    fn any_events_in_any_order_keep_it_going_and_a_replay_from_its_encoding_is_the_same(
        events in prop::collection::vec(any_event(), 0..30),
        model in any::<bool>(),
        codeguru in any::<bool>(),
    ) {
        let run = run_with(model.then_some("m"), []);
        let mut run = if codeguru { run.asking_codeguru() } else { run };
        let mut was_over = None;
        for event in events {
            let copied: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
            let mut replayed: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
            run.apply(event);
            replayed.apply(copied);
            prop_assert_eq!(&replayed, &run);
            if let Action::CallTools(calls) = run.next() {
                prop_assert!(!calls.is_empty(), "waits for nothing: {:?}", run);
            }
            if let Some(over) = &was_over {
                prop_assert_eq!(over, &run.next(), "a finished run changed");
            }
            if matches!(run.next(), Action::Finish(_)) {
                was_over = Some(run.next());
            }
            prop_assert!(run.spent().turns <= Limits::default().turns);
        }
    }
}

fn codeguru(status: &str, lines: &[u32]) -> ToolOutput {
    let finding = |line: &u32| {
        json!({
            "file_path": "a.py", "start_line": line, "end_line": line, "rule_id": "python/x", "aliases": [], "title": "t",
            "severity": "High", "category": "Security", "confidence": "Medium", "description": "d",
            "recommendation": "", "link": null, "evidence": null, "fingerprint": "f",
        })
    };
    let review = json!({
        "review_id": "r", "status": status, "reason": null, "total_recommendations": 9,
        "recommendations": lines.iter().map(finding).collect::<Vec<_>>(),
    });
    ToolOutput::CodeguruReviewer(serde_json::from_value(review).unwrap())
}

fn asking() -> Run {
    Run::new(None, Limits::default()).asking_codeguru()
}

fn progress(troubles: u32) -> ToolCall {
    let at = Some(Timestamp::from_seconds(1));
    ToolCall::CodeguruReviewer(codeguru_reviewer::Progress {
        since: at,
        troubles,
        ..codeguru_reviewer::Progress::default()
    })
}

#[test]
fn a_tool_that_waits_is_waited_for_when_the_others_have_answered_and_goes_on_where_it_was() {
    let mut run = asking();
    let at = |seconds| Timestamp::from_seconds(seconds);
    run.apply(Event::ToolWaits { id: 2, until: at(20), call: progress(1) });
    let Action::CallTools(calls) = run.next() else { panic!("{:?}", run.next()) };
    assert_eq!(calls.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 1], "the others are not done");
    run.apply(finished(0, analysis()));
    run.apply(finished(1, profile(Some(5.0))));
    assert_eq!(run.next(), Action::Suspend { until: at(20) });
    assert_eq!(run.waits_for(), "CodeGuru Reviewer has not answered yet");
    run.apply(Event::Woken);
    assert_eq!(run.next(), Action::CallTools(vec![(2, progress(1))]));
    // Another tool can't take its place.
    run.apply(Event::ToolWaits {
        id: 2,
        until: at(40),
        call: ToolCall::AnalyzeCode(analyze_code::Arguments::default()),
    });
    run.apply(finished(2, footprint()));
    assert_eq!(run.next(), Action::CallTools(vec![(2, progress(1))]));
    run.apply(finished(2, codeguru("Completed", &[7])));
    let Action::CallTools(calls) = run.next() else { panic!("{:?}", run.next()) };
    assert_eq!(calls[0].1.name(), "calculate_carbon_footprint");
    run.apply(finished(calls[0].0, footprint()));
    let finish = finish(&run);
    let quality = finish.quality.present().unwrap();
    assert_eq!((quality.recommendations.len(), quality.is_partial()), (1, false));
    assert!(finish.carbon.present().is_some());
}

#[test]
fn codeguru_that_failed_leaves_the_embedded_analysis_and_is_named() {
    let mut run = asking();
    for event in [finished(0, analysis()), finished(1, nothing_measured())] {
        run.apply(event);
    }
    run.apply(Event::ToolFinished { id: 2, outcome: Err(tool_error()) });
    let finish = finish(&run);
    let quality = finish.quality.present().unwrap();
    let reason = quality.reason.as_deref().unwrap();
    assert!(quality.is_partial() && reason.starts_with("CodeGuru Reviewer: timeout"), "{reason}");
    assert!(!reason.contains("secret detail"));
}

#[test]
fn nobody_waits_for_codeguru_in_a_run_that_github_s_rate_limit_ends() {
    let mut run = asking();
    run.apply(Event::ToolWaits { id: 2, until: Timestamp::from_seconds(300), call: progress(0) });
    run.apply(finished(1, nothing_measured()));
    let throttled = ToolError { error_type: ErrorType::Throttle, ..tool_error() };
    run.apply(Event::ToolFinished { id: 0, outcome: Err(throttled) });
    assert!(matches!(finish(&run).quality, Section::Failed { error_type: ErrorType::Throttle, .. }));
    assert!(run.left().is_some(), "whoever drives it cleans up");
}

#[test]
fn what_was_under_way_with_codeguru_is_left_only_if_the_run_ended_without_it() {
    let waiting = || {
        let mut run = asking();
        run.apply(Event::ToolWaits { id: 2, until: Timestamp::from_seconds(300), call: progress(3) });
        run
    };
    let mut late = waiting();
    late.apply(Event::Deadline);
    assert_eq!(late.left().map(|left| left.troubles), Some(3));
    let mut answered = waiting();
    answered.apply(finished(2, codeguru("Completed", &[])));
    answered.apply(Event::Deadline);
    assert_eq!(answered.left(), None);
}

#[test]
fn what_a_model_says_is_kept_up_to_the_bound_and_cut_one_past_it() {
    let kept = |length: usize| {
        let mut run = at_the_model(Limits::default());
        run.apply(says(&"é".repeat(length)));
        let Some(Turn::Assistant { content }) = run.turns().first().cloned() else { panic!("{:?}", run.turns()) };
        let [Said::Text { text }] = content.as_slice() else { panic!("{content:?}") };
        text.chars().count()
    };
    assert_eq!((kept(MAX_SAID), kept(MAX_SAID + 1)), (MAX_SAID, MAX_SAID));
    let told = |length: usize| {
        let mut run = at_the_model(Limits::default());
        let around = json!({"paths": [""]}).to_string().len();
        run.apply(asks(&[("1", "analyze_code", json!({"paths": ["x".repeat(length - around)]}))]));
        serde_json::to_string(run.turns()).unwrap().contains("not valid JSON")
    };
    assert_eq!((told(MAX_SAID), told(MAX_SAID + 1)), (false, true));
}

#[test]
fn a_model_cannot_call_what_code_plans() {
    let mut run = at_the_model(Limits::default());
    run.apply(asks(&[("1", "codeguru_reviewer", json!({"since": null, "review": "arn", "troubles": 0}))]));
    assert_eq!(run.next(), Action::CallModel, "nothing is called");
    let Some(Turn::User { content }) = run.turns().last() else { panic!("{:?}", run.turns()) };
    assert!(
        matches!(&content[0], Answer::Told(Told::ToolResult { is_error: true, content, .. }) if content.contains("no such tool"))
    );
}

#[test]
fn a_result_of_ten_megabytes_does_not_get_into_the_prompt() {
    let mut run = at_the_model(Limits::default());
    run.apply(asks(&[("1", "profile_code_performance", json!({}))]));
    let nothing_measured = "x".repeat(10 << 20);
    let Action::CallTools(calls) = run.next() else { panic!("{:?}", run.next()) };
    run.apply(finished(calls[0].0, ToolOutput::ProfileCodePerformance(Profiled::Nothing { nothing_measured })));
    let said = serde_json::to_string(run.turns()).unwrap();
    assert!(said.len() < 2 * told::MAX_TOLD && said.contains("Ask for less at once"), "{} bytes", said.len());
}

#[test]
fn what_a_session_remembers_of_changes_read_is_a_place() {
    let mut run = at_the_model(Limits::default());
    let place = read_changes::Arguments { path: "a.py".into(), from_line: Some(7) };
    run.apply(asks(&[("1", "read_changes", serde_json::to_value(&place).unwrap()), ("2", "no_tool", json!({}))]));
    let Action::CallTools(calls) = run.next() else { panic!("{:?}", run.next()) };
    assert_eq!(calls[0].1, ToolCall::ReadChanges(place.clone()));
    run.apply(finished(calls[0].0, ToolOutput::ReadChanges(place.clone())));
    let Some(Turn::User { content }) = run.turns().last() else { panic!("{:?}", run.turns()) };
    assert_eq!(content[0], Answer::Changes { id: "1".into(), place });
    assert_eq!(content[1].call(), Some("2"));
    let json = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&json).unwrap(), run);
}

#[test]
fn a_report_that_judges_findings_that_are_not_there_is_given_back() {
    let mut run = at_the_model(Limits::default());
    let judging = json!({"verdict": "mend", "summary": "s", "important": [{"finding": "F1", "why": "w"}]});
    run.apply(asks(&[("1", "post_github_comment", json!({"report": judging}))]));
    assert_eq!(run.next(), Action::CallModel);
    assert!(serde_json::to_string(run.turns()).unwrap().contains("the tools found nothing"));
}

#[test]
fn a_budget_that_does_not_last_for_another_question_is_known_before_it() {
    let run = at_the_model(Limits { tokens: 1_000, ..Limits::default() });
    let most = |input| Usage { input, output: 100, ..Usage::default() };
    assert!(run.can_spend(most(900)) && !run.can_spend(most(901)));
}

#[test]
fn before_its_last_turn_a_model_is_told_so() {
    let mut run = at_the_model(Limits { turns: 3, ..Limits::default() });
    let mut told = Vec::new();
    for _ in 0..2 {
        run.apply(asks(&[("1", "no_tool", json!({}))]));
        told.push(serde_json::to_string(run.turns().last().unwrap()).unwrap().contains("your last turn"));
    }
    assert_eq!(told, [false, true]);
}
