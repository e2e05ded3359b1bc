//! Fuzz targets of profiles, and what must hold of every profile that was read.

#![allow(clippy::panic, reason = "a target fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Limits, Profile, ProfileError, folded as stacks, read};

/// So low that a small file reaches each of them.
const TIGHT: Limits = Limits {
    max_input_bytes: 64 << 10,
    max_unzipped_bytes: 256 << 10,
    max_samples: 256,
    max_entries: 64,
    max_depth: 1_024,
    top: 20,
};

/// The most that reading `bytes` allocates at once, whatever they are: the unzipped file, twice while it grows; what a
/// record unfolds to, eight times its bytes; and the tables and sums, 2 KiB for each entry.
pub fn most_bytes_held(bytes: &[u8]) -> usize {
    let unzipped = if bytes.starts_with(&[0x1f, 0x8b]) { 2 * TIGHT.max_unzipped_bytes } else { 0 };
    (512 << 10) + unzipped + 12 * bytes.len().max(unzipped) + TIGHT.max_entries * 2048
}

/// Reads any bytes within tight limits, and no more: for counting what is allocated.
pub fn bounded(bytes: &[u8]) {
    let _ = read(bytes, Some(1.0), &TIGHT);
}

/// Any bytes as a profile file.
pub fn pprof(bytes: &[u8]) {
    let profile = read(bytes, Some(10.0), &Limits::default());
    if let Ok(profile) = &profile {
        sane(profile);
    }
    match (&profile, read(bytes, Some(10.0), &TIGHT)) {
        (Ok(profile), Ok(within)) => assert_eq!(profile, &within, "a limit refuses, it does not change"),
        (Ok(_), Err(e)) => {
            assert!(matches!(e, ProfileError::TooMany { .. } | ProfileError::TooLarge { .. }), "{e}");
        }
        (Err(e), within) => assert!(within.is_err(), "{e}, but within limits {within:?}"),
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(read(&zipped(bytes), Some(10.0), &Limits::default()).ok(), profile.ok(), "gzip or not");
    }
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Any bytes as folded stacks, added up a second time.
pub fn folded(bytes: &[u8]) {
    let limits = Limits::default();
    let plain = stacks::read(bytes, None, &limits);
    let timed = stacks::read(bytes, Some(10.0), &limits);
    let expected = sums(bytes).filter(|leaves| leaves.values().sum::<u128>() > 0);
    let (Some(leaves), Ok(profile)) = (&expected, &plain) else {
        assert_eq!(expected.is_some(), plain.is_ok(), "{plain:?}");
        return;
    };
    sane(profile);
    let total: u128 = leaves.values().sum();
    assert_eq!(u128::from(profile.samples), total.min(u64::MAX.into()));
    assert_eq!(profile.total_cpu_time_ms, None, "samples have no unit");
    let shares: f64 = profile.bottlenecks.iter().map(|b| b.cpu_percentage).sum();
    let all_shown = profile.bottlenecks.len() < limits.top;
    assert!(!all_shown || (shares - 100.0).abs() < 1e-6, "{shares}% of all");
    let most = leaves.values().max().map_or(0.0, |most| *most as f64 / total as f64 * 100.0);
    let first = profile.bottlenecks.first().map_or(0.0, |first| first.cpu_percentage);
    assert!(first >= most - 1e-6, "{first}% at the top, though a frame has {most}%");
    let Ok(timed) = timed else { panic!("{timed:?}") };
    sane(&timed);
    assert_eq!(timed.total_cpu_time_ms, Some(total as f64 * 10.0));
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
pub(super) fn sane(profile: &Profile) {
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
