//! Footprints of many inputs, for `evidence/parity.py`: a JSON object on each line of the standard input, its figures on
//! the same line of the standard output.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};

use eco_coder_carbon::{Embodied, Hardware, Input, IntensityTable, footprint};
use serde::Deserialize;
use serde_json::json;

/// What is stated. Names are those of the command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    cpu_seconds: f64,
    wall_seconds: Option<f64>,
    ram_mb: f64,
    method: String,
    #[serde(default)]
    ram_model: Option<String>,
    #[serde(default)]
    tdp_watts: Option<f64>,
    #[serde(default)]
    threads: Option<u32>,
    #[serde(default)]
    arm: bool,
    #[serde(default)]
    instance_type: Option<String>,
    #[serde(default)]
    pue: Option<f64>,
    #[serde(default)]
    region: String,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    table: IntensityTable,
    #[serde(default)]
    intensity: Option<f64>,
    #[serde(default)]
    embodied: bool,
}

impl Stated {
    fn input(&self) -> Result<Input, Box<dyn Error>> {
        let instance = self.instance_type.as_deref().map(str::parse).transpose()?;
        Ok(Input {
            cpu_time_seconds: self.cpu_seconds,
            wall_time_seconds: self.wall_seconds,
            ram_usage_mb: self.ram_mb,
            aws_region: self.region.clone(),
            country: self.country.as_deref().map(str::parse).transpose()?,
            intensity_g_per_kwh: self.intensity,
            intensity_table: self.table,
            method: self.method.parse()?,
            ram_model: self.ram_model.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
            hardware: Hardware::from_parts(instance, self.tdp_watts, self.threads, self.arm)?,
            pue: self.pue,
            embodied: self.embodied.then(Embodied::default),
            ..Input::default()
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let found = footprint(&serde_json::from_str::<Stated>(&line?)?.input()?)?;
        let figures = json!({
            "kwh": found.energy_consumed_kwh,
            "grams": found.co2e_grams,
            "g_per_kwh": found.carbon_intensity_gco2_per_kwh,
            "embodied_grams": found.sci.embodied_grams,
        });
        writeln!(out, "{figures}")?;
    }
    Ok(())
}
