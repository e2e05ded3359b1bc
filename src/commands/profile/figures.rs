//! Figures of profiles in words: times, bytes and counts with three digits, shares with one after the point.

use eco_coder_profile::SampleType;

/// A value in its sample type's unit: `1.23 s`, `45.6 MB`, `789`.
pub(super) fn value(kind: &SampleType, value: f64) -> String {
    match (kind.ms, kind.bytes) {
        (Some(ms), _) => time(value * ms),
        (None, Some(of)) => bytes(value * of),
        (None, None) => count(value),
    }
}

/// Bytes; a kB has 1,024.
pub(super) fn bytes(bytes: f64) -> String {
    scaled(bytes, 1024.0, &["B", "kB", "MB", "GB", "TB"])
}

/// A time in ms.
pub(super) fn time(ms: f64) -> String {
    if ms >= 60_000.0 { format!("{:.1} s", ms / 1e3) } else { scaled(ms * 1e6, 1e3, &["ns", "us", "ms", "s"]) }
}

/// `12.3%`, and never 0 of what isn't.
pub(super) fn share(share: f64) -> String {
    if share > 0.0 && share < 0.000_5 { "<0.1%".to_owned() } else { format!("{:.1}%", share * 100.0) }
}

/// A whole number with separators, or what is left of one.
pub(super) fn count(value: f64) -> String {
    if value >= 1e15 {
        return format!("{value:.2e}");
    }
    if value < 100.0 && value.fract() != 0.0 {
        return digits(value);
    }
    let whole = format!("{value:.0}");
    let mut separated = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            separated.push(',');
        }
        separated.push(digit);
    }
    separated
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut unit = 0;
    while value >= step * 0.999_5 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    format!("{} {}", digits(value), units.get(unit).unwrap_or(&""))
}

/// Three digits of what is below 1,000, and all of a larger one.
fn digits(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value if value < 1e15 => format!("{value:.0}"),
        value => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_their_unit() {
        for (ms, words) in [
            (0.0, "0 ns"),
            (0.000_5, "500 ns"),
            (0.9999, "1.00 ms"),
            (12.345, "12.3 ms"),
            (999.6, "1.00 s"),
            (59_990.0, "60.0 s"),
            (3_600_000.0, "3600.0 s"),
            (1e300, "1000000000000000000000000000000000.0 s"),
        ] {
            let said = time(ms);
            assert!(said == words || ms > 1e200, "{said} instead of {words}");
        }
        assert_eq!(
            (count(1_234_567.0), count(999.0), count(0.25), count(1e18)),
            ("1,234,567".into(), "999".into(), "0.25".into(), "1.00e18".into())
        );
        assert_eq!(
            (share(0.0), share(0.000_1), share(1.0), share(0.123)),
            ("0.0%".into(), "<0.1%".into(), "100.0%".into(), "12.3%".into())
        );
    }
}
