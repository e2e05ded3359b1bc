//! What `explain` prints: the same numbers, each with its formula and where it comes from.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use eco_coder_carbon::{Embodied, Explanation, Hardware, Input, Method, RamModel, explain, footprint};

fn every_kind() -> Vec<Input> {
    let hardware = [
        Hardware::Unknown { arm: false },
        Hardware::Unknown { arm: true },
        Hardware::Cpu { tdp_watts: 210.0, threads: Some(48), arm: false },
        Hardware::Instance("c5.xlarge".parse().unwrap()),
    ];
    let mut all = Vec::new();
    for method in Method::ALL {
        for hardware in hardware {
            for ram_model in [RamModel::V2, RamModel::V3] {
                let embodied = hardware.instance().map(|_| Embodied::default());
                let input = Input::new(0.25, 256.0, "eu-west-1");
                all.push(Input { method, hardware, ram_model, embodied, executions_per_month: Some(1000), ..input });
            }
        }
    }
    all
}

fn value(explained: &Explanation, name: &str) -> f64 {
    explained.lines.iter().find(|line| line.name == name).unwrap().value
}

#[test]
fn what_is_explained_is_what_is_calculated() {
    for input in every_kind() {
        let explained = explain(&input).unwrap();
        let found = footprint(&input).unwrap();
        assert_eq!(explained.footprint, found);
        for (name, figure) in [
            ("energy of all executions", found.energy_consumed_kwh),
            ("emissions of all executions", found.co2e_grams),
            ("emissions of one execution (O = E x I)", found.co2e_per_execution),
            ("SCI", found.sci.grams_per_execution),
            ("least of all executions", found.interval.unwrap().0),
            ("most of all executions", found.interval.unwrap().1),
            ("emissions of a year", found.yearly.unwrap().co2e_kg),
            ("like driving a car", found.equivalents.km_driven),
        ] {
            assert_eq!(value(&explained, name).to_bits(), figure.to_bits(), "{name}");
        }
    }
}

#[test]
fn every_line_says_how_it_comes_about_or_where_from() {
    for input in every_kind() {
        for line in explain(&input).unwrap().lines {
            assert!(!line.formula.is_empty() && !line.source.is_empty(), "{line:?}");
            assert!(line.value.is_finite(), "{line:?}");
            assert!(!line.formula.contains("NaN") && !line.source.contains('\n'), "{line:?}");
        }
    }
}

/// Whoever puts the printed numbers into the printed formula gets the printed value.
#[test]
fn products_and_sums_of_the_formulas_come_to_their_values() {
    let mut checked = 0;
    for input in every_kind() {
        for line in explain(&input).unwrap().lines {
            let Some(value) = evaluated(&line.formula) else { continue };
            let close = (value - line.value).abs() <= 1e-12 * line.value.abs();
            assert!(close, "{}: {} comes to {value}, not {}", line.name, line.formula, line.value);
            checked += 1;
        }
    }
    assert!(checked > 300, "only {checked} formulas could be read");
}

/// A formula of numbers, `x`, `/` and `+`, each number with its unit behind it; `None`: it has words.
fn evaluated(formula: &str) -> Option<f64> {
    if let Some((inner, rest)) = formula.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        return evaluated(&format!("{}{rest}", evaluated(inner)?));
    }
    let words: Vec<&str> = formula.split(' ').filter(|word| !word.is_empty()).collect();
    let mut sum = 0.0;
    let mut product: Option<f64> = None;
    let mut operator = "x";
    for word in words {
        match (word, word.replace(',', "").parse::<f64>()) {
            ("x" | "/" | "+", _) => operator = word,
            (_, Ok(number)) => {
                product = Some(match (product, operator) {
                    (None, _) => number,
                    (Some(product), "x") => product * number,
                    (Some(product), "/") => product / number,
                    (Some(product), _) => {
                        sum += product;
                        number
                    }
                });
            }
            // A unit: letters and slashes, such as `kWh`, `g/kWh`, `MB/GiB`.
            (unit, Err(_)) if unit.len() < 12 && unit.chars().all(|c| c.is_ascii_alphanumeric() || c == '/') => {
                if !matches!(unit, "W" | "kWh" | "s" | "h" | "g" | "kg" | "GiB" | "MB" | "execution" | "executions")
                    && !unit.contains('/')
                {
                    return None;
                }
            }
            _ => return None,
        }
    }
    product.map(|product| sum + product)
}

#[test]
fn the_lines_of_a_calculation_are_these() {
    let hardware = Hardware::Cpu { tdp_watts: 210.0, threads: Some(48), arm: false };
    let input = Input { hardware, ..Input::new(60.0, 512.0, "us-west-2") };
    let lines = explain(&input).unwrap().lines;
    let shown: Vec<String> =
        lines.iter().take(13).map(|l| format!("{} = {} {} [{}]", l.name, l.exact(), l.unit, l.formula)).collect();
    assert_eq!(
        shown,
        [
            "CPU time of one execution = 60 s [all threads together]",
            "time of one execution = 60 s [the CPU time]",
            "memory = 0.5 GiB [512 MB / 1024 MB/GiB]",
            "power of a busy thread = 4.375 W [TDP 210 W / 48 threads]",
            "energy of the CPU = 7.291666666666667e-5 kWh [4.375 W / 1000 x 60 s / 3600 s/h]",
            "power of the memory = 0.1875 W [0.5 GiB x 0.375 W/GiB]",
            "energy of the memory = 3.125e-6 kWh [0.1875 W / 1000 x 60 s / 3600 s/h]",
            "energy at the computer = 7.604166666666667e-5 kWh [7.291666666666667e-5 kWh + 3.125e-6 kWh]",
            "PUE = 1  [the method's own]",
            "energy of one execution = 7.604166666666667e-5 kWh [7.604166666666667e-5 kWh x 1]",
            "intensity of the grid (I) = 165.54443213231002 gCO2e/kWh [us-west-2, Oregon, United States, codecarbon 3.3.2]",
            "emissions of one execution (O = E x I) = 0.012588274526727741 gCO2e [7.604166666666667e-5 kWh x 165.54443213231002 gCO2e/kWh]",
            "SCI = 0.012588274526727741 gCO2e per execution [O; embodied carbon (M) isn't counted]",
        ]
    );
}
