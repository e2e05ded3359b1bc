use serde_json::{Value, json};

use crate::{Format, Functions, Limits, Measures, Options, Profile, ProfileError, read};

fn node(id: u32, name: &str, url: &str, line: i64, children: &[u32]) -> Value {
    let frame = json!({"functionName": name, "scriptId": "1", "url": url, "lineNumber": line, "columnNumber": 2});
    json!({"id": id, "callFrame": frame, "hitCount": 1, "children": children})
}

fn small() -> Value {
    json!({
        "nodes": [
            node(1, "(root)", "", -1, &[2, 5]),
            node(2, "main", "file:///app/my%20src/x.js", 0, &[3]),
            node(3, "search", "file:///app/my%20src/x.js?v=1#2", 40, &[4]),
            node(4, "", "http://localhost:3000/static/y.js?h=1", 6, &[]),
            node(5, "(idle)", "", -1, &[]),
        ],
        "startTime": 1000, "endTime": 1100,
        "samples": [2, 3, 4, 5, 3],
        "timeDeltas": [10, 20, 30, 5, 15],
    })
}

fn reading(value: &Value) -> Result<Profile, ProfileError> {
    read(value.to_string().as_bytes(), &Options::default(), &Limits::default())
}

fn malformed(value: &Value) -> String {
    let error = reading(value).unwrap_err();
    assert!(matches!(error, ProfileError::Malformed { .. }), "{error}");
    error.to_string()
}

#[test]
fn a_sample_stands_for_the_time_until_the_next_and_idle_is_no_cpu_time() {
    let profile = reading(&small()).unwrap();

    assert_eq!((profile.format(), profile.samples(), profile.duration_ms()), (Format::CpuProfile, 5, Some(0.1)));
    let kinds: Vec<Measures> = profile.sample_types().iter().map(|kind| kind.measures).collect();
    assert_eq!(kinds, [Measures::CpuTime, Measures::WallTime]);
    // 20 + 30 + 5 + 15 between samples, and 20 from the last one to the end.
    assert_eq!((profile.total(0), profile.total(1)), (75.0, 90.0));
    let functions = Functions::of(&profile, 0);
    let used: Vec<_> = functions
        .top(9)
        .into_iter()
        .map(|one| (one.function.name.to_string(), one.function.file.to_string(), one.line, one.itself, one.total))
        .collect();
    let row = |name: &str, file: &str, line, itself, total| (name.to_owned(), file.to_owned(), line, itself, total);
    assert_eq!(
        used,
        [
            row("search", "/app/my src/x.js", 41, 50.0, 55.0),
            row("main", "/app/my src/x.js", 1, 20.0, 75.0),
            row("(anonymous)", "http://localhost:3000/static/y.js", 7, 5.0, 5.0),
        ]
    );
}

#[test]
fn a_clock_that_steps_back_counts_no_time_twice() {
    let mut value = small();
    value["timeDeltas"] = json!([10, 20, -15, 5, 15]);

    let profile = reading(&value).unwrap();

    // At 10, 30, 15, 20, 35: 20 for main, 5 for the last step beyond 30, and 65 to the end.
    assert_eq!((profile.total(0), profile.total(1)), (85.0, 90.0));
}

#[test]
fn nodes_may_name_their_callers_and_stand_in_any_order() {
    let value = small();
    let mut other = value.clone();
    let nodes = other["nodes"].as_array_mut().unwrap();
    for (index, parent) in [(1, 1), (2, 2), (3, 3), (4, 1)] {
        nodes[index]["parent"] = json!(parent);
    }
    for one in nodes.iter_mut() {
        one.as_object_mut().unwrap().remove("children");
    }
    nodes.reverse();

    let (one, other) = (reading(&value).unwrap(), reading(&other).unwrap());

    let sums = |profile: &Profile| {
        let functions = Functions::of(profile, 0);
        let row = |one: crate::FunctionUse<'_>| (one.function.name.to_string(), one.itself, one.total);
        functions.top(9).into_iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(sums(&one), sums(&other));
}

#[test]
fn without_samples_the_hits_count() {
    let mut value = small();
    let object = value.as_object_mut().unwrap();
    object.remove("samples");
    object.remove("timeDeltas");

    let profile = reading(&value).unwrap();

    assert_eq!((profile.samples(), profile.total(0), profile.sample_types()[0].measures), (4, 4.0, Measures::Samples));
}

#[test]
fn nodes_that_are_no_tree_are_refused() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = small();
        change(&mut value);
        malformed(&value)
    };
    assert!(with(&|v| v["nodes"][3]["children"] = json!([2])).contains("two parents"));
    assert!(with(&|v| v["nodes"] = json!([node(2, "a", "", 0, &[3]), node(3, "b", "", 0, &[2])])).contains("circle"));
    assert!(with(&|v| v["nodes"][3]["children"] = json!([4])).contains("two parents"));
    assert!(with(&|v| v["nodes"][0]["children"] = json!([99])).contains("missing"));
    assert!(with(&|v| v["nodes"][1]["id"] = json!(1)).contains("one id"));
    assert!(with(&|v| v["samples"][0] = json!(99)).contains("a sample's node is missing"));
    assert!(with(&|v| v["timeDeltas"] = json!([1])).contains("differ in number"));
}

#[test]
fn a_chain_of_fifty_thousand_nodes_is_read_without_recursion() {
    let nodes: Vec<Value> = (1..=50_000).map(|id| node(id, "f", "", 0, if id < 50_000 { &[1] } else { &[] })).collect();
    let mut value = small();
    value["nodes"] = Value::Array(nodes);
    for id in 1..50_000_u32 {
        value["nodes"][id as usize - 1]["children"] = json!([id + 1]);
    }
    value["samples"] = json!([50_000, 1]);
    value["timeDeltas"] = json!([0, 7]);

    let profile = reading(&value).unwrap();

    assert_eq!(Some(Functions::of(&profile, 0).top(1)[0].total), Some(100.0));
}
