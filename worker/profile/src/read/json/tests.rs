use std::fmt::Write;

use crate::{Limits, Options, ProfileError, may_be_json_of_a_profile, read};

fn refused(text: &str) -> ProfileError {
    read(text.as_bytes(), &Options::default(), &Limits::default()).unwrap_err()
}

#[test]
fn json_that_is_no_profile_is_named() {
    assert!(
        matches!(refused("{\"traceEvents\": [{\"a\": 1}]}"), ProfileError::Foreign { what, .. } if what.contains("trace"))
    );
    assert!(matches!(refused("[ {\"ph\": \"X\"} ]"), ProfileError::Foreign { .. }));
    assert!(
        matches!(refused("{\"head\": {}, \"samples\": []}"), ProfileError::Foreign { what, .. } if what.contains("heap"))
    );
    assert!(matches!(refused("{}"), ProfileError::Malformed { .. }));
    assert!(matches!(refused("{\"a\": 1}"), ProfileError::Malformed { .. }));
}

#[test]
fn damaged_json_says_where() {
    assert!(matches!(refused("{\"nodes\": ["), ProfileError::Json { line: 1, .. }));
    assert!(matches!(refused("{\n\"nodes\": 3}"), ProfileError::Json { line: 2, .. }));
    assert!(matches!(refused("{\"nodes\": []} x"), ProfileError::Json { .. }));
    for number in ["NaN", "1e999", "-Infinity", "null", "\"1\""] {
        let text = format!("{{\"nodes\": [], \"samples\": [], \"timeDeltas\": [], \"endTime\": {number}}}");
        assert!(matches!(refused(&text), ProfileError::Json { .. }), "{number}");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    assert!(refused("{\"samples\": [], \"samples\": []}").to_string().contains("twice"));
    assert!(refused("{\"shared\": {\"frames\": [], \"frames\": []}}").to_string().contains("twice"));
    assert!(refused("{\"profiles\": [{\"unit\": \"none\", \"unit\": \"bytes\"}]}").to_string().contains("twice"));
}

#[test]
fn deep_json_costs_neither_the_stack_nor_much_memory() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(matches!(refused(&format!("{{\"x\": {deep}}}")), ProfileError::Malformed { .. }));
    assert!(matches!(refused(&format!("{{\"nodes\": {deep}}}")), ProfileError::Json { .. }));
    assert!(matches!(refused(&format!("{{\"profiles\": {deep}}}")), ProfileError::Json { .. }));
}

#[test]
fn lists_are_read_up_to_their_bounds() {
    let limits = Limits { max_samples: 10, max_entries: 10, max_cells: 10, ..Limits::default() };
    let read = |text: &str| read(text.as_bytes(), &Options::default(), &limits);
    let list = |count: usize, of: &dyn Fn(usize) -> String| (0..count).map(of).collect::<Vec<_>>().join(",");
    let v8 = |nodes: usize, samples: usize| {
        let node = |n: usize| format!("{{\"id\": {n}, \"callFrame\": {{\"functionName\": \"f\"}}}}");
        let mut text = format!("{{\"nodes\": [{}], ", list(nodes, &node));
        let _ = write!(text, "\"samples\": [{}], ", list(samples, &|_| "0".to_owned()));
        let _ = write!(text, "\"timeDeltas\": [{}]}}", list(samples, &|_| "1".to_owned()));
        text
    };
    assert!(read(&v8(1, 10)).is_ok());
    assert_eq!(read(&v8(1, 11)), Err(ProfileError::TooMany { what: "samples", limit: 10 }));
    assert!(read(&v8(10, 2)).is_ok());
    assert_eq!(read(&v8(11, 2)), Err(ProfileError::TooMany { what: "nodes", limit: 10 }));
    let scope = |frames: usize, samples: usize| {
        let frames = list(frames, &|n| format!("{{\"name\": \"f{n}\"}}"));
        let (samples, weights) = (list(samples, &|_| "[0]".to_owned()), list(samples, &|_| "1".to_owned()));
        format!(
            "{{\"shared\": {{\"frames\": [{frames}]}}, \"profiles\": [{{\"samples\": [{samples}], \"weights\": [{weights}]}}]}}"
        )
    };
    assert!(read(&scope(10, 10)).is_ok());
    assert_eq!(read(&scope(11, 1)), Err(ProfileError::TooMany { what: "frames", limit: 10 }));
    assert_eq!(read(&scope(1, 11)), Err(ProfileError::TooMany { what: "samples", limit: 10 }));
}

#[test]
fn json_of_a_profile_is_known_by_its_beginning_and_other_json_is_not() {
    let long = "x".repeat(8 << 10);
    for (text, is_one) in [
        (r#"{"nodes":[{"id":1,"callFrame":{"functionName":"(root)"#, true),
        (r#"{"startTime": 1, "endTime": 2, "nodes": ["#, true),
        (r#"{"timeDeltas": [1,2], "samples": ["#, true),
        ("\u{feff} { \"$schema\": \"https://www.speedscope.app/file-format-schema.json\"", true),
        (r#"{"version":"0.0.1","shared":{"frames":[{"name":"a"#, true),
        (r#"{"results": [{"command": "callFrame", "times": []}]}"#, false),
        (r#"{"benchmarks": [], "machine_info": {"node": "nodes"}}"#, false),
        (r#"{"nodes": {"packages": 3}, "version": 2}"#, false),
        (r#"{"text": "\"nodes\" \"callFrame\""}"#, false),
        (r#"[{"nodes": 1, "callFrame": 2}]"#, false),
        ("", false),
        ("\u{feff}", false),
        (&format!(r#"{{"a": "{long}", "timeDeltas": []"#), false),
    ] {
        assert_eq!(may_be_json_of_a_profile(text.as_bytes()), is_one, "{text:.80}");
    }
    assert!(may_be_json_of_a_profile(&r#"{"timeDeltas": "ü"#.as_bytes()[..17]), "cut within a character");
}
