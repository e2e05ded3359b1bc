//! Numbers as people read them: a unit always, never more digits than they have meaning.

/// `1 file`, `2,000 files`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number as u64), if number == 1 { one } else { many })
}

/// `8,412`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// To so many significant digits, without trailing zeros after the point.
pub(super) fn significant(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let scale = 10_f64.powf(f64::from(digits) - 1.0 - value.abs().log10().floor());
    let rounded = if scale.is_finite() && scale > 0.0 { (value * scale).round() / scale } else { value };
    let decimals = (0..=12_usize).find(|&places| (round_to(rounded, places) - rounded).abs() <= rounded.abs() * 1e-9);
    format!("{rounded:.*}", decimals.unwrap_or(12))
}

fn round_to(value: f64, places: usize) -> f64 {
    let scale = 10_f64.powi(i32::try_from(places).unwrap_or(12));
    (value * scale).round() / scale
}

/// `0.3 to 2.5`, or one figure if both read the same.
pub(super) fn range(low: f64, high: f64) -> String {
    let (low, high) = (significant(low, 2), significant(high, 2));
    if low == high { low } else { format!("{low} to {high}") }
}

/// Milliseconds in the unit that suits them.
pub(super) fn duration(milliseconds: f64) -> String {
    let (value, unit) = match milliseconds {
        ms if ms.abs() < 1e-3 => (ms * 1e6, "ns"),
        ms if ms.abs() < 1.0 => (ms * 1e3, "µs"),
        ms if ms.abs() < 1e3 => (ms, "ms"),
        ms if ms.abs() < 120e3 => (ms / 1e3, "s"),
        ms if ms.abs() < 7.2e6 => (ms / 60e3, "min"),
        ms => (ms / 3.6e6, "h"),
    };
    format!("{} {unit}", significant(value, 3))
}

/// Seconds of the review itself: tenths are enough.
pub(super) fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown time".to_owned();
    }
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

/// Kilowatt hours in the unit that suits them.
pub(super) fn energy(kilowatt_hours: f64) -> String {
    let (value, unit) = match kilowatt_hours {
        kwh if kwh.abs() < 1e-6 => (kwh * 1e9, "µWh"),
        kwh if kwh.abs() < 1e-3 => (kwh * 1e6, "mWh"),
        kwh if kwh.abs() < 1.0 => (kwh * 1e3, "Wh"),
        kwh => (kwh, "kWh"),
    };
    format!("{} {unit}", significant(value, 2))
}

/// A share: whole percent, `<1%` for the rest.
pub(super) fn percent(share: f64) -> String {
    match share {
        share if !share.is_finite() => "unknown".to_owned(),
        share if share > 0.0 && share < 1.0 => "<1%".replace('<', "&lt;"),
        share => format!("{share:.0}%"),
    }
}

/// Dollars: cents, or two significant digits below ten cents.
pub(super) fn dollars(dollars: f64) -> String {
    if dollars < 0.1 { format!("${}", significant(dollars, 2)) } else { format!("${dollars:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_end_where_meaning_ends() {
        let cases = [
            (41.234, 3, "41.2"),
            (0.001_234, 2, "0.0012"),
            (1234.5, 2, "1200"),
            (40.0, 3, "40"),
            (0.0, 2, "0"),
            (99.96, 3, "100"),
        ];
        for (value, digits, text) in cases {
            assert_eq!(significant(value, digits), text);
        }
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(significant(odd, 2), "unknown");
        }
        for extreme in [f64::MIN_POSITIVE, f64::MAX, -1.0] {
            assert!(!significant(extreme, 2).is_empty());
        }
    }

    #[test]
    fn units_suit_their_numbers() {
        assert_eq!([0.5, 41.2, 4_120.0, 600_000.0].map(duration), ["500 µs", "41.2 ms", "4.12 s", "10 min"]);
        assert_eq!([2.5e-8, 2.5e-5, 0.025, 2.5].map(energy), ["25 µWh", "25 mWh", "25 Wh", "2.5 kWh"]);
        assert_eq!([1, 999, 1_000, 1_234_567].map(grouped), ["1", "999", "1,000", "1,234,567"]);
        assert_eq!([0.014, 0.123, 12.0].map(dollars), ["$0.014", "$0.12", "$12.00"]);
        assert_eq!([0.0, 0.4, 41.6].map(percent), ["0%", "&lt;1%", "42%"]);
    }
}
