//! Fuzz targets of profiles, and what must hold of every profile that was read.

#![allow(clippy::panic, reason = "a target fails by panicking")]

mod second;

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::read::folded as folded_model;
use crate::{
    ChangedFunction, Format, Functions, Limits, Options, Profile, ProfileError, Summary, attribute, attribute_summary,
    compare, flame_graph, flame_graph_of_difference, may_be_json_of_a_profile, read, summary,
};

/// So low that a small file reaches each of them.
const TIGHT: Limits = Limits {
    max_input_bytes: 64 << 10,
    max_unzipped_bytes: 256 << 10,
    max_samples: 256,
    max_entries: 64,
    max_cells: 512,
    max_depth: 1_024,
    top: 20,
};

/// The most that reading `bytes` allocates at once, whatever they are: the unzipped file, twice while it grows; what a
/// record unfolds to, eight times its bytes; names, thrice while they are cleaned and kept; and the tables and sums.
pub fn most_bytes_held(bytes: &[u8]) -> usize {
    let unzipped = if bytes.starts_with(&[0x1f, 0x8b]) { 2 * TIGHT.max_unzipped_bytes } else { 0 };
    (512 << 10) + unzipped + 20 * bytes.len().max(unzipped) + (TIGHT.max_entries << 14) + (TIGHT.max_cells << 7)
}

/// Reads any bytes within tight limits, and no more: for counting what is allocated.
pub fn bounded(bytes: &[u8]) {
    let _ = summary(bytes, Some(1.0), &TIGHT);
}

/// Any bytes as a profile file.
pub fn pprof(bytes: &[u8]) {
    let profile = summary(bytes, Some(10.0), &Limits::default());
    if let Ok(profile) = &profile {
        sane(profile);
    }
    let _ = may_be_json_of_a_profile(bytes);
    match (&profile, summary(bytes, Some(10.0), &TIGHT)) {
        (Ok(profile), Ok(within)) => assert_eq!(profile, &within, "a limit refuses, it does not change"),
        (Ok(_), Err(e)) => {
            assert!(matches!(e, ProfileError::TooMany { .. } | ProfileError::TooLarge { .. }), "{e}");
        }
        (Err(e), within) => assert!(within.is_err(), "{e}, but within limits {within:?}"),
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(summary(&zipped(bytes), Some(10.0), &Limits::default()).ok(), profile.ok(), "gzip or not");
    }
    if let Some(profile) = model(bytes) {
        whole(&profile);
    }
}

/// Any bytes as the output of `perf script`, added up a second time.
pub fn perf(bytes: &[u8]) {
    if let Some(profile) = model(bytes).filter(|profile| profile.format() == Format::Perf) {
        whole(&profile);
        second::perf(bytes, &profile);
    }
}

/// Any bytes as a `.cpuprofile`, added up a second time from a tree of values.
pub fn cpuprofile(bytes: &[u8]) {
    if let Some(profile) = model(bytes).filter(|profile| profile.format() == Format::CpuProfile) {
        whole(&profile);
        second::cpuprofile(bytes, &profile);
    }
}

/// Any bytes as speedscope's JSON, added up a second time from a tree of values.
pub fn speedscope(bytes: &[u8]) {
    if let Some(profile) = model(bytes).filter(|profile| profile.format() == Format::Speedscope) {
        whole(&profile);
        second::speedscope(bytes, &profile);
    }
}

fn model(bytes: &[u8]) -> Option<Profile> {
    read(bytes, &Options::default(), &Limits::default()).ok()
}

/// What holds of every profile, and of all that is made of it.
pub(crate) fn whole(profile: &Profile) {
    for (number, node) in profile.nodes().iter().enumerate().skip(1) {
        assert!((node.parent as usize) < number, "a caller stands before what it calls");
        assert!((node.frame as usize) < profile.frames().len());
    }
    assert!(profile.frames().iter().all(|frame| (frame.function as usize) < profile.functions().len()));
    for function in profile.functions() {
        for text in [&function.name, &function.file, &function.module] {
            assert!(text.chars().count() <= 500 && !text.chars().any(char::is_control), "{text:?}");
        }
        assert!(!function.name.is_empty());
    }
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    for sample_type in 0..profile.sample_types().len() {
        let functions = Functions::of(profile, sample_type);
        let total = functions.total();
        assert!(total.is_finite() && total >= 0.0);
        let own: f64 = functions.iter().map(|one| one.itself).sum();
        assert!(near(own + profile.weight(sample_type, 0), total), "{own} of {total}");
        assert!(functions.iter().all(|one| one.itself <= one.total && one.total <= total * (1.0 + 1e-9)));
    }
    let Ok(chosen) = profile.choose(None) else { panic!("a profile with samples has a sample type") };
    let changed: Vec<ChangedFunction> = profile.functions().iter().take(8).map(changed).collect();
    let attributed = attribute(profile, chosen, &changed);
    assert!(attributed.iter().map(|one| one.self_share).sum::<f64>() <= 1.0 + 1e-9);
    assert!(attributed.iter().all(|one| one.self_share <= one.total_share && one.total_share <= 1.0));
    if let Ok(summary) = Summary::of(profile, Limits::default().top) {
        let attributed = attribute_summary(&summary, &changed);
        assert!(attributed.iter().map(|one| one.self_share).sum::<f64>() <= 1.0 + 1e-9);
        assert!(attributed.iter().all(|one| one.self_share <= one.total_share && one.total_share <= 1.0));
    }
    match compare(profile, profile, None) {
        Ok(same) => assert!(same.rows.iter().filter(|row| row.base.is_some()).count() >= same.rows.len() / 2),
        Err(e) => assert!(matches!(e, ProfileError::Unlike { .. }), "{e}"),
    }
    for svg in [flame_graph(profile, chosen), flame_graph_of_difference(profile, profile, None)].into_iter().flatten() {
        crate::flame::is_inert(&svg);
    }
}

fn changed(of: &crate::Function) -> ChangedFunction {
    let path = of.file.trim_start_matches('/').to_owned();
    ChangedFunction { path, name: of.name.to_string(), start_line: of.start_line, end_line: of.start_line + 5 }
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Any bytes as folded stacks, added up a second time.
pub fn folded(bytes: &[u8]) {
    let limits = Limits::default();
    let plain = folded_summary(bytes, None);
    let timed = folded_summary(bytes, Some(10.0));
    let expected = sums(bytes).filter(|leaves| leaves.values().sum::<u128>() > 0);
    let (Some(leaves), Ok(profile)) = (&expected, &plain) else {
        assert_eq!(expected.is_some(), plain.is_ok(), "{plain:?}");
        return;
    };
    sane(profile);
    let total: u128 = leaves.values().sum();
    assert_eq!(u128::from(profile.samples), total.min(u64::MAX.into()));
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.max(b);
    assert_eq!(profile.total_cpu_time_ms, None, "samples have no unit");
    let shares: f64 = profile.bottlenecks.iter().map(|b| b.cpu_percentage).sum();
    let all_shown = profile.bottlenecks.len() < limits.top;
    assert!(!all_shown || (shares - 100.0).abs() < 1e-6, "{shares}% of all");
    let most = leaves.values().max().map_or(0.0, |most| *most as f64 / total as f64 * 100.0);
    let first = profile.bottlenecks.first().map_or(0.0, |first| first.cpu_percentage);
    assert!(first >= most - 1e-6, "{first}% at the top, though a frame has {most}%");
    let Ok(timed) = timed else { panic!("{timed:?}") };
    sane(&timed);
    assert!(timed.total_cpu_time_ms.is_some_and(|ms| near(ms, total as f64 * 10.0)), "{timed:?} of {total}");
}

fn folded_summary(bytes: &[u8], sample_ms: Option<f64>) -> Result<Summary, ProfileError> {
    let limits = Limits::default();
    Summary::of(&folded_model(bytes, sample_ms, &limits)?, limits.top)
}

/// The value of every leaf; `None`: a line isn't a stack.
fn sums(bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, u128>> {
    let mut sums: BTreeMap<Vec<u8>, u128> = BTreeMap::new();
    for line in bytes.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end) {
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        let digits = line.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let (stack, count) = line.split_at(line.len() - digits);
        let count: u64 = std::str::from_utf8(count).ok()?.parse().ok()?;
        let stack = stack.strip_suffix(b" ").or_else(|| stack.strip_suffix(b"\t"))?;
        let leaf = stack.trim_ascii().rsplit(|b| *b == b';').next()?.trim_ascii();
        *sums.entry(leaf.to_vec()).or_default() += u128::from(count);
    }
    Some(sums)
}

/// What holds of every profile.
pub(crate) fn sane(profile: &Summary) {
    assert!(profile.bottlenecks.len() <= Limits::default().top);
    for figure in [profile.total_cpu_time_ms, profile.total_memory_mb, profile.duration_ms].into_iter().flatten() {
        assert!(figure.is_finite() && figure >= 0.0, "{profile:?}");
    }
    assert!(profile.samples > 0 && profile.sample_type.chars().count() <= 40, "{profile:?}");
    let mut shares = 0.0;
    for bottleneck in &profile.bottlenecks {
        assert!((0.0..=100.0).contains(&bottleneck.cpu_percentage), "{bottleneck:?}");
        shares += bottleneck.cpu_percentage;
        for name in std::iter::once(&bottleneck.function_name).chain(&bottleneck.file_path) {
            assert!(!name.is_empty() && name.chars().count() <= 500 && !name.chars().any(char::is_control), "{name:?}");
        }
        assert!(bottleneck.line_number != Some(0));
        assert!(bottleneck.self_time_ms <= bottleneck.total_time_ms, "{bottleneck:?}");
        if let (Some(time), Some(all)) = (bottleneck.total_time_ms, profile.total_cpu_time_ms) {
            assert!(time.is_finite() && time <= all * (1.0 + 1e-9), "{bottleneck:?} of {all} ms");
        }
    }
    assert!(shares <= 100.0 + 1e-6, "{shares}% of all");
    assert!(profile.bottlenecks.is_sorted_by(|a, b| a.cpu_percentage >= b.cpu_percentage));
}

#[cfg(test)]
mod tests;
