//! Reads a profile and prints what uses most, as JSON: what the scripts in evidence/ and tests/load compare and measure.
//!
//! `cargo run --release -p eco-coder-profile --example top -- FILE [SAMPLE_TYPE [FUNCTIONS]]`

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for scripts")]

use std::error::Error;
use std::time::Instant;

use eco_coder_profile::{Functions, Limits, Options, read};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which file?")?;
    let bytes = std::fs::read(&path)?;
    let began = Instant::now();
    let profile = read(&bytes, &Options::default(), &Limits::of_a_person())?;
    let parsed = began.elapsed();
    let sample_type = profile.choose(arguments.next().as_deref())?;
    let count = arguments.next().map_or(Ok(usize::MAX), |count| count.parse())?;
    let began = Instant::now();
    let functions = Functions::of(&profile, sample_type);
    let summed = began.elapsed();
    let row = |one: &eco_coder_profile::FunctionUse<'_>| {
        json!({
            "function": one.function.name, "file": one.function.file, "module": one.function.module, "line": one.line,
            "self": functions.share(one.itself), "total": functions.share(one.total),
        })
    };
    let rows: Vec<_> = functions.top(count).iter().map(row).collect();
    let kind = &profile.sample_types()[sample_type];
    let whole = json!({
        "format": profile.format(), "bytes": bytes.len(), "parse_ms": parsed.as_secs_f64() * 1e3,
        "sum_ms": summed.as_secs_f64() * 1e3, "samples": profile.samples(), "nodes": profile.nodes().len(),
        "sample_type": kind.name, "unit": kind.unit, "total": functions.total(), "functions": rows,
    });
    println!("{whole}");
    Ok(())
}
