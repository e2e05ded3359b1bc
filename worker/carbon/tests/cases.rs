//! The worked cases that the codecarbon package (2.3.4 and 3.3.2) and Cloud Carbon Footprint gave, run by this crate.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use eco_coder_carbon::{Hardware, Input, Method, RamModel, footprint};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
    #[serde(rename = "ram_power_W")]
    ram_power_watts: Value,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    input: CaseInput,
    #[serde(flatten)]
    expected: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct CaseInput {
    cpu_seconds: f64,
    wall_seconds: f64,
    threads: u32,
    tdp_w: Option<f64>,
    ram_mb: f64,
    execution_count: u64,
}

#[derive(Deserialize)]
struct Expected {
    total_kwh: f64,
    total_kwh_times_executions: Option<f64>,
    intensity_g_per_kwh: Option<f64>,
    gco2e: Option<f64>,
    gco2e_times_executions: Option<f64>,
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("data/carbon_cases.json")).unwrap()
}

fn close(actual: f64, expected: f64, relative: f64, what: &str) {
    assert!((actual - expected).abs() <= relative * expected.abs(), "{what}: {actual} instead of {expected}");
}

#[test]
fn every_case_equals_its_source() {
    let mut compared = 0;
    for case in cases().cases {
        let CaseInput { cpu_seconds, wall_seconds, threads, tdp_w, ram_mb, execution_count } = case.input;
        for (name, expected) in &case.expected {
            let (method, ram_model) = match name.as_str() {
                "codecarbon_2_3_4_constant" => (Method::CodecarbonConstant, RamModel::V2),
                "codecarbon_3_3_2_constant" => (Method::CodecarbonConstant, RamModel::V3),
                "codecarbon_3_3_2_process_cpu_load" => (Method::CodecarbonProcess, RamModel::V3),
                "ccf_energy_only" => (Method::Ccf, RamModel::V2),
                other => unreachable!("{other}"),
            };
            let what = format!("{} {name}", case.id);

            // When
            let actual = footprint(&Input {
                cpu_time_seconds: cpu_seconds,
                wall_time_seconds: Some(wall_seconds),
                ram_usage_mb: ram_mb,
                intensity_g_per_kwh: expected.intensity_g_per_kwh,
                execution_count,
                method,
                ram_model,
                hardware: match tdp_w {
                    Some(tdp_watts) => Hardware::Cpu { tdp_watts, threads: Some(threads), arm: false },
                    None => Hardware::default(),
                },
                ..Input::default()
            })
            .unwrap();

            // Then
            let executions = execution_count as f64;
            let kwh = expected.total_kwh_times_executions.unwrap_or(expected.total_kwh * executions);
            close(actual.energy_consumed_kwh, kwh, 1e-9, &what);
            if let (Some(one), Some(all)) = (expected.gco2e, expected.gco2e_times_executions) {
                close(actual.co2e_per_execution, one, 1e-9, &what);
                close(actual.co2e_grams, all, 1e-9, &what);
                assert!((actual.co2e_per_execution - one).abs() < 1e-6, "{what}");
                assert!((actual.co2e_grams - all).abs() < 1e-6, "{what}");
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 24);
}

/// Watts of memory alone, seen through constant mode: an hour at that power, minus the CPU's.
#[test]
fn memory_takes_the_power_of_either_version() {
    let tables = cases().ram_power_watts;
    let mut compared = 0;
    for (version, ram_model) in [("codecarbon_2_3_4", RamModel::V2), ("codecarbon_3_3_2", RamModel::V3)] {
        for (gib, row) in tables[version].as_object().unwrap() {
            for (name, arm) in [("x86", false), ("arm", true)] {
                let Some(watts) = row[name].as_f64() else { continue };
                let input = Input {
                    wall_time_seconds: Some(3600.0),
                    ram_usage_mb: gib.parse::<f64>().unwrap() * 1024.0,
                    ram_model,
                    hardware: Hardware::Unknown { arm },
                    ..Input::default()
                };
                let actual = footprint(&input).unwrap().energy_consumed_kwh * 1000.0;
                close(actual, watts, 1e-9, &format!("{version} {gib} GiB {name}"));
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 42);
}
