//! Amounts in words for people: two digits, never 0 for what isn't. No arithmetic that a number rests on.

use crate::data::EQUIVALENTS;
use crate::footprint::grams_per_km;

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
    let seconds = energy_kwh * 3.6e6 / watts;
    let lamp = |time: String| format!("{time} of light from a {watts} W LED");
    let charges = grams / EQUIVALENTS.smartphone_charge.value();
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
