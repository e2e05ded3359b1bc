//! Energy of one execution, kWh, by each method. Nothing here knows grids or grams.

use crate::CarbonError;
use crate::data::{Modules, POWER};
use crate::input::{Hardware, Input, Method, RamModel};

const SECONDS_PER_HOUR: f64 = 3600.0;
const WATTS_PER_KILOWATT: f64 = 1000.0;
const MB_PER_GIB: f64 = 1024.0;

/// Energy of one execution as the data centre draws it (PUE included), kWh.
pub(crate) fn kwh(input: &Input, method: Method) -> Result<f64, CarbonError> {
    let it = match method {
        Method::Ccf => ccf_kwh(input),
        Method::CodecarbonProcess => {
            watt_hours(watts_per_thread(&input.hardware)?, input.cpu_time_seconds) + ram(input)
        }
        Method::CodecarbonConstant => watt_hours(machine_watts(&input.hardware), input.held_seconds()) + ram(input),
    };
    Ok(it * pue(input, method))
}

/// The PUE that applies: the caller's, else the method's own.
pub(crate) fn pue(input: &Input, method: Method) -> f64 {
    input.pue.unwrap_or_else(|| match method {
        Method::Ccf => POWER.ccf.pue.value(),
        _ => POWER.codecarbon.pue.value(),
    })
}

/// kWh of so many watts over so many seconds.
fn watt_hours(watts: f64, seconds: f64) -> f64 {
    watts / WATTS_PER_KILOWATT * (seconds / SECONDS_PER_HOUR)
}

/// Process mode: what one busy thread draws.
pub(crate) fn watts_per_thread(hardware: &Hardware) -> Result<f64, CarbonError> {
    match (hardware.tdp_watts, hardware.threads) {
        (None, _) => Ok(POWER.codecarbon.watts_per_thread.value()),
        (Some(tdp), Some(threads)) => Ok(tdp / f64::from(threads)),
        (Some(_), None) => Err(CarbonError::ThreadsMissing),
    }
}

/// Constant mode: what the machine's CPU draws, busy or not.
pub(crate) fn machine_watts(hardware: &Hardware) -> f64 {
    hardware.tdp_watts.unwrap_or(POWER.codecarbon.machine_watts.value()) * POWER.codecarbon.constant_load.value()
}

/// Cloud Carbon Footprint: what one fully used vCPU draws.
pub(crate) fn vcpu_watts(hardware: &Hardware) -> f64 {
    if hardware.arm { POWER.ccf.arm_full_watts.value() } else { POWER.ccf.x86_full_watts.value() }
}

fn ccf_kwh(input: &Input) -> f64 {
    // CPU seconds are seconds of full use, so the load factor between idle and full watts is 1.
    let gib_hours = input.ram_usage_mb / MB_PER_GIB * (input.held_seconds() / SECONDS_PER_HOUR);
    watt_hours(vcpu_watts(&input.hardware), input.cpu_time_seconds) + gib_hours * POWER.ccf.ram_kwh_per_gib_hour.value()
}

fn ram(input: &Input) -> f64 {
    watt_hours(ram_watts(input), input.held_seconds())
}

/// What the memory in use draws, codecarbon's models.
pub(crate) fn ram_watts(input: &Input) -> f64 {
    let gib = input.ram_usage_mb / MB_PER_GIB;
    match input.ram_model {
        RamModel::V2 => gib * POWER.ram_v2.watts_per_gib.value(),
        RamModel::V3 if input.hardware.arm => module_watts(gib, &POWER.ram_v3.arm),
        RamModel::V3 => module_watts(gib, &POWER.ram_v3.x86),
    }
}

fn module_watts(gib: f64, module: &Modules) -> f64 {
    let mut left = module_count(gib);
    let mut watts = 0.0;
    for band in &POWER.ram_v3.bands {
        let here = left.min(band.dimms);
        watts += module.watts_per_dimm * band.share * f64::from(here);
        left -= here;
    }
    watts.max(module.floor_watts)
}

fn module_count(gib: f64) -> u32 {
    let model = &POWER.ram_v3;
    if let Some(step) = model.dimms_up_to_gib.iter().find(|step| gib <= step.gib) {
        return step.dimms;
    }
    let least = f64::from(model.large_least_dimms);
    let size = model.large_dimm_gib.iter().find(|size| **size <= gib / least);
    let most = model.large_most_dimms;
    match size {
        None => model.large_least_dimms,
        // Counted up instead of cast: the number is small, and infinite sizes end at the cap.
        Some(size) => (1..most).find(|count| f64::from(*count) * size >= gib).unwrap_or(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v3(gib: f64, arm: bool) -> (f64, u32) {
        let input = Input {
            ram_usage_mb: gib * MB_PER_GIB,
            ram_model: RamModel::V3,
            hardware: Hardware { arm, ..Hardware::default() },
            ..Input::default()
        };
        (ram_watts(&input), module_count(gib))
    }

    #[test]
    fn memory_modules_are_capped_and_floored() {
        assert_eq!(v3(0.0, false), (10.0, 1));
        assert_eq!(v3(1000.0, false), (70.0, 16), "more than 1,024 GiB take: so it is in the source");
        assert_eq!(v3(1e9, false).1, 32);
        assert_eq!(v3(f64::MAX / 2048.0, true).1, 32);
    }

    #[test]
    fn a_tdp_needs_its_threads_in_process_mode_only() {
        let hardware = Hardware { tdp_watts: Some(240.0), threads: None, arm: false };
        assert_eq!(watts_per_thread(&hardware), Err(CarbonError::ThreadsMissing));
        assert!((machine_watts(&hardware) - 120.0).abs() < 1e-12);
    }
}
