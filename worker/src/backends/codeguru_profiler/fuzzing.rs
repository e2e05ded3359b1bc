//! The fuzz target of a service's profile, and what must hold of every one that was read.

#![allow(clippy::panic, reason = "a target fails by panicking")]

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::call_graph::{CallGraphError, Limits, read};

/// So low that a small file reaches each of them.
const TIGHT: Limits = Limits {
    max_input_bytes: 64 << 10,
    max_unzipped_bytes: 256 << 10,
    max_nodes: 256,
    max_functions: 64,
    max_depth: 64,
    top: 20,
};

/// Any bytes as a profile of CodeGuru's, and, if they are JSON that isn't nested too deeply for it, added up a second time
/// by recursion.
pub fn call_graph(bytes: &[u8]) {
    let aggregated = read(bytes, None, &Limits::default());
    match (&aggregated, read(bytes, None, &TIGHT)) {
        (Ok(one), Ok(within)) => assert_eq!(*one, within, "a limit refuses, it does not change"),
        (Ok(_), Err(e)) => {
            assert!(matches!(e, CallGraphError::TooMany { .. } | CallGraphError::TooLarge { .. }), "{e}");
        }
        (Err(e), within) => assert!(within.is_err(), "{e}, but within limits {within:?}"),
    }
    if let Ok(aggregated) = &aggregated {
        sane(aggregated);
    }
    // Of what it passes over serde doesn't ask whether it is UTF-8, which JSON is.
    let Some(tree) = str::from_utf8(bytes).ok().and_then(|text| serde_json::from_str::<Tree>(text).ok()) else {
        return;
    };
    let sums = sums(&tree).filter(|[cpu, wall]| cpu + wall > 0.0);
    let (Some([cpu, wall]), Ok(aggregated)) = (sums, &aggregated) else {
        assert_eq!(sums.is_some(), aggregated.is_ok(), "{aggregated:?}");
        return;
    };
    let (kind, total) = if cpu > 0.0 { ("cpu", cpu) } else { ("wall", wall) };
    assert_eq!(aggregated.profile.sample_type, kind);
    let counted = aggregated.profile.samples as f64;
    assert!((counted - total.round().max(1.0)).abs() <= total * 1e-9 + 1.0, "{counted} samples, but {total}");
}

/// What holds of every profile.
pub(super) fn sane(aggregated: &super::Aggregated) {
    let profile = &aggregated.profile;
    assert!(profile.bottlenecks.len() <= Limits::default().top);
    assert_eq!(profile.total_memory_mb, None);
    for figure in [profile.total_cpu_time_ms, profile.duration_ms].into_iter().flatten() {
        assert!(figure.is_finite() && figure > 0.0, "{profile:?}");
    }
    assert!(profile.samples > 0);
    assert!(aggregated.start.zip(aggregated.end).is_none_or(|(start, end)| start <= end));
    let mut shares = 0.0;
    for bottleneck in &profile.bottlenecks {
        let total = bottleneck.total_percentage.unwrap_or(-1.0);
        assert!((0.0..=100.0).contains(&bottleneck.cpu_percentage) && (0.0..=100.0).contains(&total), "{bottleneck:?}");
        assert!(total + 1e-6 >= bottleneck.cpu_percentage, "{bottleneck:?}");
        shares += bottleneck.cpu_percentage;
        for name in std::iter::once(&bottleneck.function_name).chain(&bottleneck.file_path) {
            assert!(!name.is_empty() && name.chars().count() <= 500 && !name.chars().any(char::is_control), "{name:?}");
        }
        assert!(bottleneck.line_number != Some(0) && bottleneck.invocation_count.is_none());
        assert_eq!(bottleneck.self_time_ms.is_some(), bottleneck.total_time_ms.is_some());
        for time in [bottleneck.self_time_ms, bottleneck.total_time_ms].into_iter().flatten() {
            assert!(time.is_finite() && time >= 0.0, "{bottleneck:?}");
        }
    }
    assert!(shares <= 100.0 + 1e-6, "{shares}% of all");
    assert!(profile.bottlenecks.is_sorted_by(|a, b| a.cpu_percentage >= b.cpu_percentage));
}

/// CPU and wall samples of all nodes; `None`: it isn't a profile.
fn sums(tree: &Tree) -> Option<[f64; 2]> {
    let Tree::Object(members) = tree else { return None };
    let graphs = || members.iter().filter(|(key, value)| key == "callgraph" && matches!(value, Tree::Object(_)));
    graphs().next()?;
    let mut sum = [0.0; 2];
    for (_, node) in graphs() {
        node_sums(node, &mut sum)?;
    }
    Some(sum)
}

fn node_sums(node: &Tree, sum: &mut [f64; 2]) -> Option<()> {
    let Tree::Object(members) = node else { return Some(()) };
    for (key, value) in members {
        match (key.as_str(), value) {
            ("counts", Tree::Object(counts)) => {
                for (state, count) in counts {
                    let Tree::Number(count) = count else { continue };
                    if !(0.0..=1e15).contains(count) {
                        return None;
                    }
                    match state.as_str() {
                        "RUNNABLE" | "BLOCKED" | "NATIVE" => sum[0] += count,
                        "WALL_TIME" => sum[1] += count,
                        _ => {}
                    }
                }
            }
            ("children", Tree::Object(children)) => {
                for (_, child) in children {
                    node_sums(child, sum)?;
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// JSON with every member of an object, also those that are there twice.
enum Tree {
    Object(Vec<(String, Tree)>),
    Number(f64),
    Other,
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Grow)
    }
}

struct Grow;

impl<'de> Visitor<'de> for Grow {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Tree::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Number(value))
    }
}
