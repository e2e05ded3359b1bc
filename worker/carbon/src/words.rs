//! Amounts in words for people: two digits, never 0 for what isn't. No arithmetic that a number rests on.

use crate::data::EQUIVALENTS;
use crate::equivalents::{charges, grams_per_km, led_seconds};

/// A number with two significant digits, thousands grouped: `0.95`, `4.4`, `120`, `41,000`. From 10^15 on, and below
/// 10^-6, with an exponent.
pub fn two_digits(number: f64) -> String {
    if !number.is_finite() {
        return "?".to_owned();
    }
    if number != 0.0 && !(1e-6..1e15).contains(&number.abs()) {
        return format!("{number:.1e}");
    }
    let rounded = round2(number);
    let text = rounded.to_string();
    if text.contains('.') { text } else { grouped(&text) }
}

/// A number with every digit it has, for whoever wants to calculate it again: `0.25`, `2.5e-8`.
pub(crate) fn exact(number: f64) -> String {
    let plain = number == 0.0 || (1e-4..1e15).contains(&number.abs()) || !number.is_finite();
    if plain { number.to_string() } else { format!("{number:e}") }
}

/// A grid's intensity: whole grams, or two digits where that would say too little.
pub fn intensity_text(g_per_kwh: f64) -> String {
    if (10.0..1e6).contains(&g_per_kwh) { format!("{g_per_kwh:.0}") } else { two_digits(g_per_kwh) }
}

/// Digits with their thousands set apart: `41,000`.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let groups = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok());
    format!("{sign}{}", groups.collect::<Vec<_>>().join(","))
}

/// A count with its noun: `1 execution`, `1,000,000 executions`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(&count.to_string()), if count == 1 { "" } else { "s" })
}

/// To two significant digits, through the decimal form so that no binary dust is left behind.
fn round2(number: f64) -> f64 {
    format!("{number:.1e}").parse().unwrap_or(number)
}

/// From so many grams on; grams in one of the unit; its name. A tenth of a unit still reads well, a thousand is the next.
const UNITS: [(f64, f64, &str); 6] =
    [(1e6, 1e6, "t"), (1e3, 1e3, "kg"), (0.1, 1.0, "g"), (1e-4, 1e-3, "mg"), (1e-7, 1e-6, "µg"), (1e-10, 1e-9, "ng")];

/// Grams in the unit that reads well, with two significant digits: `1.3 g`, `4.4 mg`, `0.95 µg`, `41 t`.
pub fn grams_text(grams: f64) -> String {
    if !grams.is_finite() {
        return "unknown".to_owned();
    }
    if grams == 0.0 {
        return "0 g".to_owned();
    }
    let size = round2(grams.abs());
    let sign = if grams < 0.0 { "-" } else { "" };
    match UNITS.iter().find(|(from, ..)| size >= *from) {
        Some((_, unit, name)) => format!("{sign}{} {name}", two_digits(grams.abs() / unit)),
        None => "under 0.1 ng".to_owned(),
    }
}

/// An interval that spans more than this many times its least leaves an estimate one digit.
const WIDE: f64 = 4.0;

/// Grams, and the ends of their interval, with the digits that have meaning: two, or one if the interval is wide. Ends are
/// rounded outwards, so that what is printed holds what is meant. No ends if both read the same.
pub fn grams_within(grams: f64, interval: Option<(f64, f64)>) -> (String, Option<(String, String)>) {
    let Some((least, most)) = interval.filter(|(least, most)| *least >= 0.0 && most.is_finite()) else {
        return (grams_text(grams), None);
    };
    let digits = if most > least * WIDE { 1 } else { 2 };
    let ends = (grams_text(rounded(least, digits, f64::floor)), grams_text(rounded(most, digits, f64::ceil)));
    (grams_text(rounded(grams, digits, f64::round)), (ends.0 != ends.1).then_some(ends))
}

/// To so many significant digits, in a direction. What is within a rounding error of such a number stays there.
fn rounded(number: f64, digits: i32, direction: fn(f64) -> f64) -> f64 {
    let unit = 10_f64.powf(number.abs().log10().floor() + 1.0 - f64::from(digits));
    if !unit.is_normal() {
        return number;
    }
    let steps = number / unit;
    let near = steps.round();
    let steps = if (steps - near).abs() < 1e-9 { near } else { direction(steps) };
    // Through the decimal form: the product of two floats has dust.
    format!("{:.1e}", steps * unit).parse().unwrap_or(number)
}

/// What so many grams are like, in the comparison that reads well at their scale: seconds of a lamp, charges of a
/// smartphone, kilometres in a car. Of a negative amount its size; the caller says which way it goes. The lamp's grams are
/// the world's average grid's.
pub fn readable_equivalent(grams: f64, energy_kwh: f64) -> String {
    if !grams.is_finite() || !energy_kwh.is_finite() {
        return "an unknown amount".to_owned();
    }
    let (grams, energy_kwh) = (grams.abs(), energy_kwh.abs());
    if grams == 0.0 && energy_kwh == 0.0 {
        return "nothing".to_owned();
    }
    let watts = EQUIVALENTS.led_watts.value();
    let seconds = led_seconds(energy_kwh);
    let lamp = |time: String| format!("{time} of light from a {watts} W LED");
    let charges = charges(grams);
    if seconds < 0.001 {
        lamp("less than a millisecond".to_owned())
    } else if seconds < 0.995 {
        lamp(format!("{} ms", two_digits(seconds * 1000.0)))
    } else if seconds < 99.5 {
        lamp(format!("{} s", two_digits(seconds)))
    } else if seconds < 3600.0 {
        lamp(format!("{} minutes", two_digits(seconds / 60.0)))
    } else if charges < 99.5 {
        let count = two_digits(charges);
        let noun = if count == "1" { "charge" } else { "charges" };
        format!("{count} smartphone {noun}")
    } else {
        format!("{} km in an average car", two_digits(grams / grams_per_km()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::INTENSITY;

    #[test]
    fn grams_have_two_digits_and_a_unit_that_fits() {
        for (grams, text) in [
            (1.3, "1.3 g"),
            (0.0044, "4.4 mg"),
            (9.5e-7, "0.95 µg"),
            (0.3, "0.3 g"),
            (0.996, "1 g"),
            (99.6, "100 g"),
            (123.4, "120 g"),
            (996.0, "1 kg"),
            (44_434.55, "44 kg"),
            (3.21e9, "3,200 t"),
            (0.000_951_836, "0.95 mg"),
            (3e-10, "0.3 ng"),
            (1e-30, "under 0.1 ng"),
            (-0.0044, "-4.4 mg"),
            (0.0, "0 g"),
            (f64::NAN, "unknown"),
            (f64::MAX, "1.8e302 t"),
        ] {
            assert_eq!(grams_text(grams), text, "{grams}");
        }
    }

    #[test]
    fn digits_end_where_the_interval_leaves_no_meaning() {
        let text = |grams, least, most| match grams_within(grams, Some((least, most))) {
            (estimate, Some((least, most))) => format!("{estimate} ({least} to {most})"),
            (estimate, None) => estimate,
        };
        assert_eq!(text(9e-4, 6e-4, 1.3e-3), "0.9 mg (0.6 mg to 1.3 mg)");
        assert_eq!(text(82.6, 79.1, 1066.0), "80 g (70 g to 2 kg)");
        assert_eq!(text(2.327, 2.28, 24.7), "2 g (2 g to 30 g)");
        assert_eq!(text(0.123, 0.1201, 0.1249), "0.12 g (0.12 g to 0.13 g)");
        assert_eq!(text(1.0, 1.0, 1.0), "1 g");
        assert_eq!(text(0.0, 0.0, 0.0), "0 g");
        assert_eq!(text(1.0, 0.0, 2.0), "1 g (0 g to 2 g)");
        assert_eq!(grams_within(1.26, None), ("1.3 g".to_owned(), None));
        assert_eq!(grams_within(1.26, Some((f64::NAN, 2.0))), ("1.3 g".to_owned(), None));
    }

    #[test]
    fn counts_are_grouped_and_agree_with_their_noun() {
        assert_eq!(counted(1, "execution"), "1 execution");
        assert_eq!(counted(0, "execution"), "0 executions");
        assert_eq!(counted(999, "execution"), "999 executions");
        assert_eq!(counted(1_000_000, "execution"), "1,000,000 executions");
        assert_eq!(two_digits(-41_234.0), "-41,000");
    }

    #[test]
    fn the_comparison_fits_the_scale() {
        for (grams, text) in [
            (1e-12, "less than a millisecond of light from a 10 W LED"),
            (0.000_951_836, "720 ms of light from a 10 W LED"),
            (0.0044, "3.3 s of light from a 10 W LED"),
            (1.3, "16 minutes of light from a 10 W LED"),
            (12.4, "1 smartphone charge"),
            (44.4, "3.6 smartphone charges"),
            (7_580.0, "31 km in an average car"),
            (1e9, "4,100,000 km in an average car"),
            (-12.4, "1 smartphone charge"),
            (0.0, "nothing"),
        ] {
            assert_eq!(readable_equivalent(grams, grams / INTENSITY.world.g_per_kwh), text, "{grams}");
        }
    }
}
