//! The sums of a file, added up a second and plainer way.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Profile;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn total(profile: &Profile, name: &str) -> f64 {
    let place = profile.sample_types().iter().position(|kind| kind.name == name);
    place.map_or(0.0, |place| profile.total(place))
}

/// Lines that aren't indented are samples: what each event counted.
pub(super) fn perf(bytes: &[u8], profile: &Profile) {
    let (mut samples, mut events) = (0, BTreeMap::<Vec<u8>, (bool, f64)>::new());
    let mut is_in_sample = false;
    for line in bytes.split(|b| *b == b'\n') {
        if line.trim_ascii().is_empty() {
            is_in_sample = false;
            continue;
        }
        if line.starts_with(b"#") || is_in_sample && line.starts_with(b" ") || is_in_sample && line.starts_with(b"\t") {
            continue;
        }
        let words = || line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let is_time = |word: &&[u8]| {
            let text = std::str::from_utf8(word).unwrap_or("");
            let parts = text.strip_suffix(':').and_then(|time| time.split_once('.'));
            let digits = |part: &str| part.parse::<u64>().is_ok() && !part.starts_with('+');
            parts.is_some_and(|(whole, part)| digits(whole) && digits(part))
        };
        let mut after = words().skip_while(|word| !is_time(word)).skip(1);
        let first = after.next().unwrap_or_default();
        let text = std::str::from_utf8(first).unwrap_or("");
        let period = text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
        let event = if period.is_some() { after.next().unwrap_or_default() } else { first };
        let event = event.split(|b| *b == b':').next().unwrap_or_default().to_vec();
        let sum = events.entry(event).or_insert((period.is_some(), 0.0));
        sum.1 += period.filter(|_| sum.0).map_or(1.0, |period| period as f64);
        samples += 1;
        is_in_sample = true;
    }
    assert_eq!(profile.samples(), samples);
    let all: f64 = events.values().map(|(_, sum)| sum).sum();
    let ours: f64 = (0..profile.sample_types().len()).map(|kind| profile.total(kind)).sum();
    assert!(near(all, ours), "{ours} instead of {all}");
}

/// Every sample's time, and that of those that aren't idle.
pub(super) fn cpuprofile(bytes: &[u8], profile: &Profile) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let list = |key: &str| value[key].as_array().cloned().unwrap_or_default();
    let (samples, deltas) = (list("samples"), list("timeDeltas"));
    if samples.is_empty() {
        return;
    }
    assert_eq!((profile.samples(), samples.len()), (samples.len() as u64, deltas.len()));
    let (mut now, mut most, mut wall) = (0_i128, 0_i128, 0_i128);
    for delta in deltas.iter().skip(1) {
        now += i128::from(delta.as_i64().unwrap_or(0));
        wall += (now - most).max(0);
        most = most.max(now);
    }
    let elapsed: i128 = deltas.iter().map(|delta| i128::from(delta.as_i64().unwrap_or(0))).sum();
    let bounds = value["startTime"].as_f64().zip(value["endTime"].as_f64());
    let rest = bounds.map_or(0.0, |(start, end)| end - start - elapsed as f64).max(0.0);
    let ours = total(profile, "wall");
    assert!(near(ours, wall as f64 + rest), "{ours} instead of {}", wall as f64 + rest);
    assert!(total(profile, "cpu") <= ours * (1.0 + 1e-9));
}

/// The weights of all samples, and the time in which a call was open.
pub(super) fn speedscope(bytes: &[u8], profile: &Profile) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let mut sums = BTreeMap::<String, f64>::new();
    for one in value["profiles"].as_array().into_iter().flatten() {
        let sum = sums.entry(one["unit"].as_str().unwrap_or("none").to_owned()).or_default();
        *sum += one["weights"].as_array().into_iter().flatten().filter_map(Value::as_f64).sum::<f64>();
        let (mut open, mut before) = (0_i64, 0.0);
        for event in one["events"].as_array().into_iter().flatten() {
            let at = event["at"].as_f64().unwrap_or(0.0);
            *sum += if open > 0 { at - before } else { 0.0 };
            open += if event["type"] == "O" { 1 } else { -1 };
            before = at;
        }
    }
    let all: f64 = sums.values().sum();
    let ours: f64 = (0..profile.sample_types().len()).map(|kind| profile.total(kind)).sum();
    assert!(near(all, ours), "{ours} instead of {all}");
}
