//! What a footprint says, and what it refuses; properties over all inputs.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use eco_coder_carbon::{
    CarbonError, Hardware, Input, IntensitySource, Method, RamModel, footprint, grams_text, readable_equivalent,
};
use proptest::prelude::*;

#[test]
fn the_json_is_the_tools_output() {
    let input = Input { execution_count: 1_000_000, ..Input::new(0.25, 256.0, "eu-west-1") };

    let json = serde_json::to_value(footprint(&input).unwrap()).unwrap();

    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    for key in [
        "co2e_grams",
        "co2e_per_execution",
        "carbon_intensity_gco2_per_kwh",
        "energy_consumed_kwh",
        "equivalents",
        "methodology",
    ] {
        assert!(keys.contains(&key), "{key} is missing in {keys:?}");
    }
    assert!(json["equivalents"]["smartphone_charges"].is_u64());
    assert!(json["equivalents"]["km_driven"].is_f64());
    assert!(json["equivalents"]["tree_hours"].is_f64());
    assert_eq!(
        json["methodology"],
        "codecarbon-process: CPU time x 4 W per thread (CPU unknown: codecarbon 3.3.2's default); memory 0.375 W per GiB \
         (codecarbon 2.3.4) over the CPU time; PUE 1; grid 291 gCO2e/kWh (eu-west-1, average of Ireland, codecarbon 3.3.2)"
    );
}

#[test]
fn the_interval_spans_the_methods_and_holds_the_result() {
    for method in Method::ALL {
        let found = footprint(&Input { method, ..Input::new(1.0, 128.0, "us-east-1") }).unwrap();
        let (least, most) = found.interval.unwrap();
        assert!(least <= found.co2e_grams && found.co2e_grams <= most, "{method}");
        assert!(most / least > 9.0, "the methods differ by about ten: {least} to {most}");
    }
}

#[test]
fn an_interval_leaves_out_a_method_that_lacks_its_input() {
    let hardware = Hardware { tdp_watts: Some(200.0), ..Hardware::default() };
    let constant = Input { method: Method::CodecarbonConstant, hardware, ..Input::new(1.0, 0.0, "us-east-1") };

    let (least, most) = footprint(&constant).unwrap().interval.unwrap();

    assert!(least < most);
    assert_eq!(
        footprint(&Input { method: Method::CodecarbonProcess, ..constant }).unwrap_err(),
        CarbonError::ThreadsMissing
    );
}

#[test]
fn the_source_of_the_intensity_is_named() {
    let unknown = footprint(&Input::new(1.0, 0.0, "moon-1")).unwrap();
    assert!(unknown.methodology.contains("475 gCO2e/kWh (world average: region moon-1 is not in the table)"));

    let stored = Input {
        intensity_g_per_kwh: Some(120.0),
        intensity_source: IntensitySource::ParameterStore,
        ..Input::new(1.0, 0.0, "moon-1")
    };
    assert!(footprint(&stored).unwrap().methodology.contains("120 gCO2e/kWh (from Parameter Store)"));
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_mend() {
    let good = Input::new(1.0, 128.0, "us-east-1");
    let hardware = Hardware { tdp_watts: Some(240.0), threads: Some(48), arm: false };
    let cases = [
        (Input { cpu_time_seconds: f64::NAN, ..good.clone() }, "the CPU time must be a number, zero or more"),
        (Input { cpu_time_seconds: -1.0, ..good.clone() }, "the CPU time must be"),
        (Input { wall_time_seconds: Some(f64::INFINITY), ..good.clone() }, "the wall time must be"),
        (Input { ram_usage_mb: -0.1, ..good.clone() }, "the memory must be"),
        (Input { intensity_g_per_kwh: Some(f64::NAN), ..good.clone() }, "the carbon intensity must be"),
        (Input { execution_count: 0, ..good.clone() }, "at least 1"),
        (Input { hardware: Hardware { threads: Some(0), ..hardware }, ..good.clone() }, "at least one thread"),
        (Input { hardware: Hardware { tdp_watts: Some(0.0), ..hardware }, ..good.clone() }, "more than 0 W"),
        (Input { pue: Some(0.9), ..good.clone() }, "PUE"),
        (Input { cpu_time_seconds: f64::MAX, execution_count: u64::MAX, ..good }, "too large"),
    ];
    for (input, message) in cases {
        let error = footprint(&input).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn names_of_methods_go_both_ways() {
    for method in Method::ALL {
        assert_eq!(method.to_string().parse(), Ok(method));
        assert_eq!(serde_json::to_value(method).unwrap(), method.to_string());
    }
    assert_eq!("rapl".parse::<Method>(), Err(CarbonError::UnknownMethod));
    assert_eq!("v3".parse(), Ok(RamModel::V3));
}

fn methods() -> impl Strategy<Value = Method> {
    prop_oneof![Just(Method::CodecarbonProcess), Just(Method::CodecarbonConstant), Just(Method::Ccf)]
}

fn inputs() -> impl Strategy<Value = Input> {
    (0.0..1e9_f64, proptest::option::of(0.0..1e9_f64), 0.0..1e7_f64, 0.0..2e3_f64, 1..u64::MAX, methods()).prop_map(
        |(cpu_time_seconds, wall_time_seconds, ram_usage_mb, grid, execution_count, method)| Input {
            cpu_time_seconds,
            wall_time_seconds,
            ram_usage_mb,
            intensity_g_per_kwh: Some(grid),
            execution_count,
            method,
            ..Input::default()
        },
    )
}

proptest! {
    #[test]
    fn executions_are_linear(input in inputs(), count in 1..1_000_000_u64) {
        let one = footprint(&Input { execution_count: 1, ..input.clone() }).unwrap();
        let many = footprint(&Input { execution_count: count, ..input }).unwrap();
        let expected = one.co2e_grams * count as f64;
        prop_assert!((many.co2e_grams - expected).abs() <= 1e-12 * expected);
        prop_assert_eq!(many.co2e_per_execution.to_bits(), one.co2e_per_execution.to_bits());
    }

    #[test]
    fn more_of_anything_is_never_less(input in inputs(), more in 0.0..1e6_f64, which in 0..4_usize) {
        let mut larger = input.clone();
        match which {
            0 => larger.cpu_time_seconds += more,
            1 => larger.ram_usage_mb += more,
            2 => larger.wall_time_seconds = larger.wall_time_seconds.map(|wall| wall + more),
            _ => larger.intensity_g_per_kwh = larger.intensity_g_per_kwh.map(|grid| grid + more),
        }
        prop_assert!(footprint(&larger).unwrap().co2e_grams >= footprint(&input).unwrap().co2e_grams);
    }

    #[test]
    fn a_result_is_a_number_or_an_error(
        (cpu, wall, ram, grid) in (any::<f64>(), any::<Option<f64>>(), any::<f64>(), any::<Option<f64>>()),
        (tdp, threads, arm, pue) in (any::<Option<f64>>(), any::<Option<u32>>(), any::<bool>(), any::<Option<f64>>()),
        (count, method, v3, region) in (any::<u64>(), methods(), any::<bool>(), any::<String>()),
    ) {
        let found = footprint(&Input {
            cpu_time_seconds: cpu,
            wall_time_seconds: wall,
            ram_usage_mb: ram,
            aws_region: region,
            intensity_g_per_kwh: grid,
            execution_count: count,
            method,
            ram_model: if v3 { RamModel::V3 } else { RamModel::V2 },
            hardware: Hardware { tdp_watts: tdp, threads, arm },
            pue,
            ..Input::default()
        });
        if let Ok(found) = found {
            let (least, most) = found.interval.unwrap_or((0.0, 0.0));
            for figure in [found.co2e_grams, found.co2e_per_execution, found.energy_consumed_kwh, least, most,
                found.equivalents.km_driven, found.equivalents.tree_hours] {
                prop_assert!(figure.is_finite() && figure >= 0.0);
            }
        }
    }

    #[test]
    fn words_are_never_zero_for_what_is_not(grams in any::<f64>()) {
        let (amount, like) = (grams_text(grams), readable_equivalent(grams, grams / 475.0));
        prop_assert!(amount.len() < 24 && like.len() < 64, "{amount}, {like}");
        if grams != 0.0 {
            prop_assert!(!amount.starts_with("0 ") && !like.starts_with("0 "), "{amount}, {like}");
        }
    }
}
