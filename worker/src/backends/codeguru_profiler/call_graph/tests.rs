use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write;

use super::super::fuzzing::{call_graph, sane};
use super::*;
use crate::testing::codeguru::profiler::sample_profile;
use eco_coder_profile::Bottleneck;

fn of(value: &Value) -> Result<Aggregated, CallGraphError> {
    read(value.to_string().as_bytes(), None, &Limits::default())
}

fn refusal(text: &str) -> CallGraphError {
    read(text.as_bytes(), None, &Limits::default()).unwrap_err()
}

fn shares(bottlenecks: &[Bottleneck]) -> Vec<(&str, f64, f64)> {
    bottlenecks.iter().map(|b| (b.function_name.as_str(), b.cpu_percentage, b.total_percentage.unwrap())).collect()
}

fn times(bottlenecks: &[Bottleneck]) -> Vec<(Option<f64>, Option<f64>)> {
    bottlenecks.iter().map(|b| (b.self_time_ms, b.total_time_ms)).collect()
}

#[test]
fn cpu_time_is_that_of_three_states_and_a_recursive_frame_counts_once() {
    let (start, end) = (Timestamp::from_seconds(1_000), Timestamp::from_seconds(1_500));
    let read = of(&sample_profile(start, end)).unwrap();
    sane(&read);
    assert_eq!((read.start, read.end), (Some(start), Some(end)));
    let profile = read.profile;
    assert_eq!((profile.sample_type.as_str(), profile.samples), ("cpu", 1000), "threads that wait have no CPU time");
    assert_eq!((profile.total_cpu_time_ms, profile.duration_ms), (Some(7_200_000.0), Some(500_000.0)));
    assert_eq!(profile.total_memory_mb, None, "the agent's own memory is not the service's");
    let expected = [
        ("shop.Search:search", 70.0, 90.0),
        ("java.util.regex.Pattern:compile", 20.0, 20.0),
        ("shop.Server:handle", 10.0, 100.0),
    ];
    assert_eq!(shares(&profile.bottlenecks), expected);
    let search = &profile.bottlenecks[0];
    let place = (search.file_path.as_deref(), search.line_number);
    assert_eq!(place, (Some("shop/Search.java"), Some(21)), "of the node with most samples");
    assert_eq!((search.self_time_ms, search.total_time_ms), (Some(700_000.0), Some(900_000.0)));
    assert_eq!(search.invocation_count, None);
    assert_eq!(profile.bottlenecks[1].file_path, None);
}

/// Made with the encoder of `codeguru_profiler_agent` 1.2.6.
#[test]
fn what_the_open_agent_for_python_writes_is_read_and_has_wall_time_only() {
    let bytes = include_bytes!("../../../../../tests/fuzz/corpus/call_graph/python-agent.json");
    let read = read(bytes, None, &Limits::default()).unwrap();
    let profile = read.profile;
    assert_eq!((profile.sample_type.as_str(), profile.samples), ("wall", 600));
    assert_eq!((profile.total_cpu_time_ms, profile.duration_ms), (Some(211_500.0), Some(300_000.0)));
    let (names, own): (Vec<_>, Vec<_>) =
        profile.bottlenecks.iter().map(|b| (b.function_name.as_str(), b.cpu_percentage.round())).unzip();
    assert_eq!(names, ["threading:wait", "shop.search:Index:search", "re:compile", "shop.app:main"]);
    assert_eq!(own, [50.0, 33.0, 17.0, 0.0]);
    let search = &profile.bottlenecks[1];
    assert_eq!(
        (search.total_percentage, search.self_time_ms, search.total_time_ms),
        (Some(50.0), Some(2e5), Some(3e5))
    );
    assert_eq!((search.file_path.as_deref(), search.line_number), (Some("shop/search.py"), Some(21)));
    assert_eq!(read.start.unwrap().to_string(), "2026-09-21T14:13:20.000Z");
}

#[test]
fn what_is_not_said_is_absent() {
    let read = of(&json!({"callgraph": {"children": {"f": {"counts": {"RUNNABLE": 3}}}}})).unwrap();
    let expected = Summary {
        total_cpu_time_ms: None,
        total_memory_mb: None,
        duration_ms: None,
        sample_type: "cpu".to_owned(),
        bottlenecks: vec![Bottleneck {
            function_name: "f".to_owned(),
            file_path: None,
            line_number: None,
            cpu_percentage: 100.0,
            total_percentage: Some(100.0),
            self_time_ms: None,
            total_time_ms: None,
            invocation_count: None,
        }],
        memory_consumers: Vec::new(),
        samples: 3,
    };
    assert_eq!(read, Aggregated { start: None, end: None, profile: expected });
    for nothing in [json!(0), json!(-1), json!(1e13), json!("7"), json!(null)] {
        let text = json!({"agentMetadata": {"cpuTimeInSeconds": nothing}, "callgraph": {"counts": {"RUNNABLE": 1}}});
        assert_eq!(of(&text).unwrap().profile.total_cpu_time_ms, None, "{nothing}");
    }
}

#[test]
fn functions_have_times_only_if_every_state_that_counts_has_a_weight() {
    let graph = json!({"children": {"f": {"counts": {"RUNNABLE": 4, "NATIVE": 2}}, "g": {"counts": {"RUNNABLE": 2}}}});
    let with = |weights: Value| {
        let read = of(&json!({"callgraph": graph, "agentMetadata": {"sampleWeights": weights}})).unwrap();
        times(&read.profile.bottlenecks)
    };
    let f = Some(4.0 / 2.0 * 1e3 + 2.0 / 0.5 * 1e3);
    assert_eq!(with(json!({"RUNNABLE": 2.0, "NATIVE": 0.5})), [(f, f), (Some(1e3), Some(1e3))]);
    for part in [json!({"RUNNABLE": 2.0}), json!({"RUNNABLE": 2, "NATIVE": 0}), json!({"NATIVE": 1}), json!([1])] {
        assert_eq!(with(part.clone()), [(None, None); 2], "{part}");
    }
}

#[test]
fn unknown_states_and_members_are_passed_over() {
    let read = of(&json!({
        "version": [{"callgraph": {"counts": {"RUNNABLE": 9}}}], "callgraph": {
            "counts": {"RUNNABLE": 1, "SLEEPING_SOMEHOW": 100, "RUNNING": [3]}, "children": {"f": {"hot": true}, "g": 7},
        },
    }));
    assert_eq!(read.unwrap().profile.samples, 1);
}

#[test]
fn each_fault_has_its_own_words() {
    let what = |text: &str| match refusal(text) {
        CallGraphError::Malformed { what } => what,
        other => panic!("{other}"),
    };
    assert_eq!(refusal(""), CallGraphError::Empty);
    assert_eq!(refusal(" \n"), CallGraphError::Empty);
    assert_eq!(refusal(r#"{"callgraph": {"children": {"f": {}}}}"#), CallGraphError::NoSamples);
    assert_eq!(refusal(r#"{"callgraph": {"counts": {"RUNNABLE": 0}}}"#), CallGraphError::NoSamples);
    assert_eq!(refusal(r#"{"callgraph": {"counts": {"WAITING": 5}}}"#), CallGraphError::OnlyWaiting);
    assert_eq!(what("garbage"), "it is not JSON");
    assert_eq!(what("[]"), "it is not an object");
    assert_eq!(what("7"), "it is not an object");
    assert_eq!(what("\"a\""), "it is not an object");
    assert_eq!(what("null"), "it is not an object");
    assert_eq!(what("{}"), "it has no callgraph");
    assert_eq!(what("{} {}"), "something stands behind it");
    for cut in [r"{", r#"{"callgraph": {"counts": {"RUNNABLE": 1}}"#, r#"{"callgraph": {"counts": {"RUNNABLE": 1"#] {
        assert_eq!(what(cut), "it is cut off");
    }
    for count in ["-1", "1e300", "1000000000000001"] {
        assert!(what(&format!(r#"{{"callgraph": {{"counts": {{"X": {count}}}}}}}"#)).starts_with("a count"), "{count}");
    }
    let ion = read(&[0xe0, 0x01, 0x00, 0xea, 0xd0], None, &Limits::default());
    assert_eq!(ion, Err(CallGraphError::NotJson));
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_is_read_said_or_unsaid_and_other_packings_are_refused() {
    let plain = br#"{"callgraph": {"counts": {"RUNNABLE": 1}}}"#;
    let limits = Limits::default();
    let expected = read(plain, None, &limits).unwrap();
    for encoding in [None, Some("gzip"), Some(""), Some("identity"), Some("br")] {
        assert_eq!(read(&zipped(plain), encoding, &limits).as_ref(), Ok(&expected), "{encoding:?}");
    }
    for encoding in [None, Some(""), Some("identity")] {
        assert_eq!(read(plain, encoding, &limits).as_ref(), Ok(&expected), "{encoding:?}");
    }
    assert_eq!(read(plain, Some("gzip"), &limits), Err(CallGraphError::Gzip));
    assert_eq!(read(plain, Some("br"), &limits), Err(CallGraphError::Encoding));
    let whole = zipped(plain);
    assert_eq!(read(&whole[..whole.len() / 2], None, &limits), Err(CallGraphError::Gzip));
}

/// A stack of so many frames, each calling the next.
fn stack(depth: usize) -> String {
    let open = r#"{"children":{"f":"#.repeat(depth);
    format!(r#"{{"callgraph":{open}{{"counts":{{"NATIVE":1}}}}{}}}"#, "}}".repeat(depth))
}

#[test]
fn a_graph_is_read_up_to_each_bound_and_refused_one_past_it() {
    let limits = Limits::default();
    let deepest = read(stack(limits.max_depth).as_bytes(), None, &limits).unwrap();
    assert_eq!(shares(&deepest.profile.bottlenecks), [("f", 100.0, 100.0)]);
    let too_many = |what, limit| Err(CallGraphError::TooMany { what, limit });
    let past = read(stack(limits.max_depth + 1).as_bytes(), None, &limits);
    assert_eq!(past, too_many("frames in a stack", limits.max_depth));

    let wide = |functions: usize, different: bool| {
        let one = |n: usize| format!(r#""f{}":{{"counts":{{"NATIVE":1}}}}"#, if different { n } else { 0 });
        let children: Vec<String> = (0..functions).map(one).collect();
        format!(r#"{{"callgraph":{{"children":{{{}}}}}}}"#, children.join(","))
    };
    let small = Limits { max_nodes: 11, max_functions: 5, ..Limits::default() };
    assert!(read(wide(10, false).as_bytes(), None, &small).is_ok());
    assert_eq!(read(wide(11, false).as_bytes(), None, &small), too_many("nodes", 11));
    assert!(read(wide(5, true).as_bytes(), None, &small).is_ok());
    assert_eq!(read(wide(6, true).as_bytes(), None, &small), too_many("functions", 5));
    assert_eq!(read(wide(25, true).as_bytes(), None, &limits).unwrap().profile.bottlenecks.len(), limits.top);

    let text = r#"{"callgraph":{"counts":{"NATIVE":1}}}"#;
    for (bytes, unzipped, is_read) in [(text.len(), 1 << 20, true), (text.len() - 1, 1 << 20, false)] {
        let limits = Limits { max_input_bytes: bytes, max_unzipped_bytes: unzipped, ..Limits::default() };
        assert_eq!(read(text.as_bytes(), None, &limits).is_ok(), is_read);
    }
    for (unzipped, is_read) in [(text.len(), true), (text.len() - 1, false)] {
        let limits = Limits { max_unzipped_bytes: unzipped, ..Limits::default() };
        let answer = read(&zipped(text.as_bytes()), None, &limits);
        assert_eq!(answer.is_ok(), is_read, "{answer:?}");
        assert!(is_read || answer == Err(CallGraphError::TooLarge { limit: unzipped, unzipped: true }));
    }
}

/// On a stack as small as the reader's own: nothing recurses.
#[test]
fn millions_of_brackets_overflow_no_stack() {
    let reader = std::thread::Builder::new().stack_size(128 << 10).spawn(|| {
        let limits = Limits::default();
        let passed_over = format!(r#"{{"x":{}"#, "[".repeat(3_000_000));
        assert_eq!(
            read(passed_over.as_bytes(), None, &limits),
            Err(CallGraphError::Malformed { what: "it is cut off" })
        );
        let closed = format!(
            r#"{{"x":{}{},"callgraph":{{"counts":{{"NATIVE":1}}}}}}"#,
            "[".repeat(1_000_000),
            "]".repeat(1_000_000)
        );
        assert!(read(closed.as_bytes(), None, &limits).is_ok());
        let frames = read(stack(800_000).as_bytes(), None, &limits);
        assert_eq!(frames, Err(CallGraphError::TooMany { what: "frames in a stack", limit: limits.max_depth }));
    });
    reader.unwrap().join().unwrap();
}

fn json_value() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(
        [
            "callgraph",
            "children",
            "counts",
            "file",
            "line",
            "RUNNABLE",
            "WALL_TIME",
            "WAITING",
            "agentMetadata",
            "f",
            "",
        ]
        .as_slice(),
    );
    let leaf = prop_oneof![
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_read_or_refused_as_a_second_count_says(graph in json_value(), metadata in json_value()) {
        call_graph(json!({"callgraph": graph, "agentMetadata": metadata}).to_string().as_bytes());
        call_graph(graph.to_string().as_bytes());
    }

    #[test]
    fn any_text_and_every_beginning_is_read_or_refused(text in ".{0,200}", cut in 0_usize..400) {
        call_graph(text.as_bytes());
        let whole = sample_profile(Timestamp(1), Timestamp(2)).to_string();
        call_graph(&whole.as_bytes()[..cut.min(whole.len())]);
    }
}
