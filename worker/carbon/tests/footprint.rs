//! What a footprint says, and what it refuses; properties over all inputs.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use eco_coder_carbon::{
    CarbonError, Country, Embodied, Hardware, Input, InstanceType, IntensitySource, Method, RamModel, footprint,
    grams_text, readable_equivalent,
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
fn what_is_stated_spans_nothing() {
    let input = Input::new(1.0, 128.0, "us-east-1");
    let all = footprint(&input).unwrap();
    assert_eq!(
        all.interval_spans,
        [
            "the methods codecarbon-process, codecarbon-constant, ccf",
            "the grid from 245 to 369 gCO2e/kWh (the embedded tables for the region)",
            "the processor from 1.69 to 4.74 W per vCPU in ccf (the CPU is unknown)",
            "the PUE from 1 to 1.135 (each method's own)",
        ]
    );
    let stated = Input {
        intensity_g_per_kwh: Some(300.0),
        pue: Some(1.2),
        hardware: Hardware::Instance("m5.large".parse().unwrap()),
        ..input.clone()
    };
    let known = footprint(&stated).unwrap();
    assert_eq!(known.interval_spans, ["the methods codecarbon-process, codecarbon-constant, ccf"]);
    let (least, most) = known.interval.unwrap();
    assert!(most / least < 1.02, "one processor, two vCPUs half used, one grid: {least} to {most}");
    let measured = Input { cpu_time_span: Some((0.9, 1.2)), ..stated };
    let (low, high) = footprint(&measured).unwrap().interval.unwrap();
    assert!((low / least - 0.9).abs() < 1e-9 && (high / most - 1.2).abs() < 1e-9);
}

#[test]
fn nobody_knows_the_grid_of_an_unknown_place() {
    let nowhere = footprint(&Input::new(1.0, 0.0, "")).unwrap();
    let (least, most) = nowhere.interval.unwrap();
    assert!(nowhere.co2e_grams / least > 100.0 && most / nowhere.co2e_grams > 10.0, "{least} to {most}");
}

#[test]
fn a_year_is_twelve_months_of_executions() {
    let input = Input { executions_per_month: Some(1_000_000), ..Input::new(0.25, 256.0, "eu-west-1") };
    let found = footprint(&input).unwrap();
    let yearly = found.yearly.unwrap();
    assert!((yearly.co2e_kg - found.co2e_per_execution * 12e6 / 1e3).abs() < 1e-12);
    let (least, most) = yearly.interval_kg.unwrap();
    assert!(least <= yearly.co2e_kg && yearly.co2e_kg <= most);
    assert_eq!(yearly.embodied_kg, None);
    assert_eq!(footprint(&Input { executions_per_month: None, ..input }).unwrap().yearly, None);
}

#[test]
fn embodied_carbon_is_counted_when_it_is_asked_for_and_only_then() {
    let m5 = Hardware::Instance("m5.24xlarge".parse().unwrap());
    let input = Input { hardware: m5, ..Input::new(3600.0, 0.0, "eu-west-1") };
    let sci = |input: &Input| footprint(input).unwrap().sci;
    assert_eq!(sci(&input).embodied_grams, None);
    assert_eq!(sci(&input).grams_per_execution.to_bits(), sci(&input).operational_grams.to_bits());

    // An hour of one of 96 vCPUs of a server of 1,610.3792 kg that serves 35,040 hours.
    let counted = Input { embodied: Some(Embodied::default()), ..input.clone() };
    let expected = 1_610_379.2 / 35_040.0 / 96.0;
    assert!((sci(&counted).embodied_grams.unwrap() - expected).abs() < 1e-9);
    let sum = sci(&counted).operational_grams + expected;
    assert!((sci(&counted).grams_per_execution - sum).abs() < 1e-9);
    assert_eq!(footprint(&counted).unwrap().co2e_grams.to_bits(), footprint(&input).unwrap().co2e_grams.to_bits());

    // A thread that waits is reserved all the same.
    let waiting = Input { wall_time_seconds: Some(7200.0), ..counted.clone() };
    assert!((sci(&waiting).embodied_grams.unwrap() - 2.0 * expected).abs() < 1e-9);
    let embodied = Embodied { server_kg: Some(1000.0), lifetime_hours: Some(1000.0) };
    let own = Hardware::Cpu { tdp_watts: 200.0, threads: Some(10), arm: false };
    let own = Input { hardware: own, embodied: Some(embodied), ..input };
    assert!((sci(&own).embodied_grams.unwrap() - 100.0).abs() < 1e-9);
}

#[test]
fn an_interval_leaves_out_a_method_that_lacks_its_input() {
    let hardware = Hardware::Cpu { tdp_watts: 200.0, threads: None, arm: false };
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
    let cpu = |tdp_watts, threads| Hardware::Cpu { tdp_watts, threads: Some(threads), arm: false };
    let cases = [
        (Input { cpu_time_seconds: f64::NAN, ..good.clone() }, "the CPU time must be a number, zero or more"),
        (Input { cpu_time_seconds: -1.0, ..good.clone() }, "the CPU time must be"),
        (Input { wall_time_seconds: Some(f64::INFINITY), ..good.clone() }, "the wall time must be"),
        (Input { ram_usage_mb: -0.1, ..good.clone() }, "the memory must be"),
        (Input { intensity_g_per_kwh: Some(f64::NAN), ..good.clone() }, "the carbon intensity must be"),
        (Input { execution_count: 0, ..good.clone() }, "at least 1"),
        (Input { hardware: cpu(240.0, 0), ..good.clone() }, "at least one thread"),
        (Input { hardware: cpu(0.0, 48), ..good.clone() }, "more than 0 W"),
        (Input { pue: Some(0.9), ..good.clone() }, "PUE"),
        (Input { cpu_time_span: Some((1.1, 2.0)), ..good.clone() }, "with the CPU time between them"),
        (Input { cpu_time_span: Some((0.0, f64::NAN)), ..good.clone() }, "with the CPU time between them"),
        (Input { country: "FRA".parse().ok(), ..good.clone() }, "is in United States, not in France"),
        (Input { executions_per_month: Some(0), ..good.clone() }, "executions per month"),
        (Input { embodied: Some(Embodied::default()), ..good.clone() }, "give an instance type"),
        (
            Input {
                embodied: Some(Embodied { server_kg: Some(1.0), lifetime_hours: Some(0.0) }),
                hardware: cpu(240.0, 48),
                ..good.clone()
            },
            "lifetime",
        ),
        (Input { executions_per_month: Some(u64::MAX), cpu_time_seconds: 1e298, ..good.clone() }, "too large"),
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

fn hardware() -> impl Strategy<Value = Hardware> {
    let instances: Vec<InstanceType> = InstanceType::all().collect();
    prop_oneof![
        any::<bool>().prop_map(|arm| Hardware::Unknown { arm }),
        (1.0..500.0_f64, 1..256_u32, any::<bool>()).prop_map(|(tdp_watts, threads, arm)| Hardware::Cpu {
            tdp_watts,
            threads: Some(threads),
            arm
        }),
        proptest::sample::select(instances).prop_map(Hardware::Instance),
    ]
}

/// A grid that is given, or a place that is known or isn't.
fn place() -> impl Strategy<Value = (Option<f64>, String, Option<Country>)> {
    let countries: Vec<Country> = Country::all().collect();
    let regions = vec!["us-east-1", "eu-north-1", "eu-central-2", "cn-north-1", "", "moon-1"];
    prop_oneof![
        (0.0..2e3_f64).prop_map(|grid| (Some(grid), String::new(), None)),
        proptest::sample::select(regions).prop_map(|region| (None, region.to_owned(), None)),
        proptest::sample::select(countries).prop_map(|country| (None, "moon-1".to_owned(), Some(country))),
    ]
}

fn inputs() -> impl Strategy<Value = Input> {
    let time = (0.0..1e9_f64, proptest::option::of(0.0..1e9_f64), proptest::option::of((0.5..=1.0_f64, 1.0..2.0_f64)));
    let settings = (methods(), hardware(), place(), proptest::option::of(1.0..3.0_f64));
    (time, 0.0..1e7_f64, 1..u64::MAX, proptest::option::of(1..u64::MAX), settings).prop_map(
        |((cpu_time_seconds, wall_time_seconds, span), ram_usage_mb, execution_count, monthly, settings)| {
            let (method, hardware, (intensity_g_per_kwh, aws_region, country), pue) = settings;
            Input {
                cpu_time_seconds,
                cpu_time_span: span.map(|(low, high)| (cpu_time_seconds * low, cpu_time_seconds * high)),
                wall_time_seconds,
                ram_usage_mb,
                intensity_g_per_kwh,
                aws_region,
                country,
                execution_count,
                executions_per_month: monthly,
                method,
                hardware,
                pue,
                ..Input::default()
            }
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
        let energy = one.energy_consumed_kwh * count as f64;
        prop_assert!((many.energy_consumed_kwh - energy).abs() <= 1e-12 * energy);
        prop_assert_eq!(many.co2e_per_execution.to_bits(), one.co2e_per_execution.to_bits());
    }

    #[test]
    fn more_of_anything_is_never_less(input in inputs(), more in 0.0..1e6_f64, which in 0..4_usize) {
        let mut larger = input.clone();
        match which {
            0 => {
                larger.cpu_time_seconds += more;
                larger.cpu_time_span = None;
            }
            1 => larger.ram_usage_mb += more,
            2 => larger.wall_time_seconds = larger.wall_time_seconds.map(|wall| wall + more),
            _ => larger.intensity_g_per_kwh = larger.intensity_g_per_kwh.map(|grid| grid + more),
        }
        prop_assert!(footprint(&larger).unwrap().co2e_grams >= footprint(&input).unwrap().co2e_grams);
    }

    #[test]
    fn the_interval_holds_the_estimate_whatever_the_method(input in inputs()) {
        let found = footprint(&input).unwrap();
        let (least, most) = found.interval.unwrap();
        prop_assert!(least <= found.co2e_grams && found.co2e_grams <= most);
        for method in Method::ALL {
            let other = footprint(&Input { method, ..input.clone() }).unwrap();
            prop_assert_eq!(other.interval, found.interval, "{}", method);
            prop_assert!(least <= other.co2e_grams && other.co2e_grams <= most, "{}", method);
        }
        let yearly = found.yearly.zip(found.yearly.and_then(|yearly| yearly.interval_kg));
        if let Some((yearly, (least, most))) = yearly {
            prop_assert!(least <= yearly.co2e_kg && yearly.co2e_kg <= most);
        }
    }

    #[test]
    fn units_hang_together(input in inputs()) {
        let found = footprint(&input).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs() + f64::MIN_POSITIVE;
        // kWh x g/kWh = g; a thousandth of the seconds with a thousand times the executions is the same.
        prop_assert!(close(found.energy_consumed_kwh * found.carbon_intensity_gco2_per_kwh, found.co2e_grams));
        let count = input.execution_count / 1000 + 1;
        let whole = footprint(&Input { execution_count: count, ..input.clone() }).unwrap();
        let parts = footprint(&Input {
            cpu_time_seconds: input.cpu_time_seconds / 1000.0,
            wall_time_seconds: input.wall_time_seconds.map(|wall| wall / 1000.0),
            cpu_time_span: None,
            execution_count: count * 1000,
            ..input
        }).unwrap();
        prop_assert!(close(parts.co2e_grams, whole.co2e_grams), "{} and {}", parts.co2e_grams, whole.co2e_grams);
    }

    #[test]
    fn a_result_is_a_number_or_an_error(
        (cpu, wall, ram, grid) in (any::<f64>(), any::<Option<f64>>(), any::<f64>(), any::<Option<f64>>()),
        (tdp_watts, threads, arm, pue) in (any::<f64>(), any::<Option<u32>>(), any::<bool>(), any::<Option<f64>>()),
        (low, high, kg, hours) in (any::<f64>(), any::<f64>(), any::<f64>(), any::<f64>()),
        (span, embodied, monthly) in (any::<bool>(), any::<bool>(), any::<Option<u64>>()),
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
            hardware: Hardware::Cpu { tdp_watts, threads, arm },
            pue,
            cpu_time_span: span.then_some((low, high)),
            embodied: embodied.then_some(Embodied { server_kg: Some(kg), lifetime_hours: Some(hours) }),
            executions_per_month: monthly,
            ..Input::default()
        });
        if let Ok(found) = found {
            let (least, most) = found.interval.unwrap_or((0.0, 0.0));
            for figure in [found.co2e_grams, found.co2e_per_execution, found.energy_consumed_kwh, least, most,
                found.equivalents.km_driven, found.equivalents.tree_hours, found.sci.grams_per_execution,
                found.yearly.map_or(0.0, |yearly| yearly.co2e_kg)] {
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
