use serde_json::{Value, json};

use crate::{Format, Functions, Limits, Measures, Options, Profile, ProfileError, read};

fn file(profiles: &Value) -> Value {
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "profiles": profiles,
        "shared": {"frames": [
            {"name": "main", "file": "app/main.py", "line": 3},
            {"name": "search", "file": "app/orders.py", "line": 41, "col": 1},
            {"name": "search", "file": "app/orders.py", "line": 44},
            {"name": "native", "file": null},
        ]},
    })
}

fn reading(profiles: &Value) -> Result<Profile, ProfileError> {
    read(file(profiles).to_string().as_bytes(), &Options::default(), &Limits::default())
}

fn used(profile: &Profile) -> Vec<(String, f64, f64)> {
    let functions = Functions::of(profile, 0);
    functions.top(9).iter().map(|one| (one.function.name.to_string(), one.itself, one.total)).collect()
}

fn rows(expected: &[(&str, f64, f64)]) -> Vec<(String, f64, f64)> {
    expected.iter().map(|(name, itself, total)| ((*name).to_owned(), *itself, *total)).collect()
}

#[test]
fn samples_of_all_threads_are_added_up() {
    let thread = |samples: Value, weights: Value| json!({"type": "sampled", "name": "t", "unit": "seconds", "startValue": 0, "endValue": 9, "samples": samples, "weights": weights});
    let profiles = json!([
        thread(json!([[0, 1], [0, 2], [0]]), json!([0.5, 0.25, 0.125])),
        thread(json!([[0, 1, 3]]), json!([1])),
    ]);

    let profile = reading(&profiles).unwrap();

    assert_eq!((profile.format(), profile.samples()), (Format::Speedscope, 4));
    let kind = &profile.sample_types()[0];
    assert_eq!((kind.measures, kind.ms), (Measures::WallTime, Some(1_000.0)));
    assert_eq!(used(&profile), rows(&[("native", 1.0, 1.0), ("search", 0.75, 1.75), ("main", 0.125, 1.875)]));
    assert_eq!(Functions::of(&profile, 0).top(2)[1].line, 41);
}

#[test]
fn open_calls_have_the_time_between_events() {
    let event = |kind: &str, frame: u32, at: f64| json!({"type": kind, "frame": frame, "at": at});
    let events = json!([
        event("O", 0, 1.0),
        event("O", 1, 2.0),
        event("O", 1, 3.0),
        event("C", 1, 5.0),
        event("C", 1, 6.0),
        event("C", 0, 6.5),
        event("O", 0, 9.0),
        event("C", 0, 10.0),
    ]);

    let profile = reading(&json!([{"type": "evented", "unit": "milliseconds", "events": events}])).unwrap();

    assert_eq!(used(&profile), rows(&[("search", 4.0, 4.0), ("main", 2.5, 6.5)]));
}

#[test]
fn each_unit_is_a_sample_type() {
    let one = |unit: &str| json!({"type": "sampled", "unit": unit, "samples": [[0]], "weights": [2]});

    let profile = reading(&json!([one("bytes"), one("none"), one("bytes"), one("nanoseconds")])).unwrap();

    let kinds: Vec<(&str, Measures)> = profile.sample_types().iter().map(|k| (k.name.as_str(), k.measures)).collect();
    assert_eq!(kinds, [("memory", Measures::Memory), ("samples", Measures::Samples), ("wall", Measures::WallTime)]);
    assert_eq!(Some(profile.total(0)), Some(4.0));
    assert_eq!(profile.choose(None), Ok(2));
    assert_eq!(profile.choose(Some("Memory")), Ok(0));
    let error = profile.choose(Some("cpu")).unwrap_err();
    assert_eq!(error.to_string(), "the profile has no such sample type; it has: memory, samples, wall");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let sampled =
        |samples: Value, weights: Value| reading(&json!([{"unit": "none", "samples": samples, "weights": weights}]));
    let evented = |events: Value| reading(&json!([{"unit": "none", "events": events}]));
    assert!(matches!(sampled(json!([[0]]), json!([])), Err(ProfileError::Malformed { .. })));
    assert!(matches!(sampled(json!([[4]]), json!([1])), Err(ProfileError::Malformed { .. })));
    assert!(matches!(sampled(json!([[-1]]), json!([1])), Err(ProfileError::Json { .. })));
    assert_eq!(sampled(json!([[0]]), json!([-1])), Err(ProfileError::Negative));
    assert_eq!(sampled(json!([[0]]), json!([0])), Err(ProfileError::NoSamples));
    assert_eq!(sampled(json!([[0], [0]]), json!([1.7e308, 1.7e308])), Err(ProfileError::Overflow));
    let event = |kind: &str, frame: u32, at: f64| json!({"type": kind, "frame": frame, "at": at});
    for events in [
        json!([event("O", 0, 1.0)]),
        json!([event("C", 0, 1.0)]),
        json!([event("O", 0, 1.0), event("C", 1, 2.0)]),
        json!([event("O", 0, 2.0), event("C", 0, 1.0)]),
        json!([event("X", 0, 1.0)]),
        json!([event("O", 9, 1.0), event("C", 9, 2.0)]),
    ] {
        assert!(matches!(evented(events.clone()), Err(ProfileError::Malformed { .. })), "{events}");
    }
    assert!(matches!(
        reading(&json!([{"unit": "furlongs", "samples": [], "weights": []}])),
        Err(ProfileError::Malformed { .. })
    ));
}
