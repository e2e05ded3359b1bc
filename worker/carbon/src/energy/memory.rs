//! What memory draws, watts, by codecarbon's two models.

use super::MB_PER_GIB;
use crate::data::{Modules, POWER};
use crate::input::{Input, RamModel};
use crate::words::exact;

/// What the memory in use draws.
pub(crate) fn ram_watts(input: &Input) -> f64 {
    let gib = input.ram_usage_mb / MB_PER_GIB;
    match input.ram_model {
        RamModel::V2 => gib * POWER.ram_v2.watts_per_gib.value(),
        RamModel::V3 => module_watts(gib, modules(input)),
    }
}

/// The formula and the source of that.
pub(super) fn how(input: &Input) -> (String, String) {
    let gib = input.ram_usage_mb / MB_PER_GIB;
    match input.ram_model {
        RamModel::V2 => {
            let constant = &POWER.ram_v2.watts_per_gib;
            (format!("{} GiB x {} W/GiB", exact(gib), exact(constant.value())), constant.origin())
        }
        RamModel::V3 => {
            let Modules { watts_per_dimm, floor_watts } = modules(input);
            let bands = POWER.ram_v3.bands.iter().map(|band| format!("{} at {}", band.dimms, exact(band.share)));
            let formula = format!(
                "{} memory modules of {} W (the first {}), at least {} W",
                module_count(gib),
                exact(*watts_per_dimm),
                bands.collect::<Vec<_>>().join(", the next "),
                exact(*floor_watts)
            );
            (formula, POWER.ram_v3.origin.to_string())
        }
    }
}

fn modules(input: &Input) -> &'static Modules {
    if input.hardware.is_arm() { &POWER.ram_v3.arm } else { &POWER.ram_v3.x86 }
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
    use crate::hardware::Hardware;

    fn v3(gib: f64, arm: bool) -> (f64, u32) {
        let input = Input {
            ram_usage_mb: gib * MB_PER_GIB,
            ram_model: RamModel::V3,
            hardware: Hardware::Unknown { arm },
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
}
