//! The method in one line of words: its constants, the PUE, the intensity and where that comes from.

use crate::CarbonError;
use crate::data::POWER;
use crate::energy::{self, End};
use crate::hardware::Hardware;
use crate::input::{Input, Method, RamModel};
use crate::intensity::Intensity;
use crate::trace::Trace;
use crate::words::intensity_text;

pub(crate) fn methodology(input: &Input, intensity: &Intensity) -> Result<String, CarbonError> {
    let ram = match (input.method, input.ram_model) {
        (Method::Ccf, _) => format!("{} kWh per GiB and hour", POWER.ccf.ram_kwh_per_gib_hour.value()),
        (_, RamModel::V2) => format!("{} W per GiB (codecarbon 2.3.4)", POWER.ram_v2.watts_per_gib.value()),
        (_, RamModel::V3) => format!("{} W by module count (codecarbon 3.3.2)", energy::ram_watts(input)),
    };
    let held = if input.wall_time_seconds.is_some() { "wall" } else { "CPU" };
    Ok(format!(
        "{}: {}; memory {ram} over the {held} time; PUE {}; grid {} gCO2e/kWh ({})",
        input.method,
        cpu(input)?,
        energy::pue(input, input.method),
        intensity_text(intensity.g_per_kwh),
        intensity.note
    ))
}

fn cpu(input: &Input) -> Result<String, CarbonError> {
    let hardware = &input.hardware;
    let silent = &mut Trace::default();
    let load = POWER.codecarbon.constant_load.value();
    let constant = "over the wall time";
    Ok(match (input.method, hardware) {
        (Method::CodecarbonProcess, Hardware::Cpu { tdp_watts, threads: Some(threads), .. }) => {
            format!("CPU time x TDP {tdp_watts} W / {threads} threads")
        }
        (Method::CodecarbonProcess | Method::Ccf, Hardware::Instance(instance)) => format!(
            "CPU time x {} W per vCPU at full load ({instance}, {})",
            instance.vcpu_watts(),
            instance.processors().collect::<Vec<_>>().join(" or ")
        ),
        (Method::CodecarbonProcess, _) => format!(
            "CPU time x {} W per thread (CPU unknown: codecarbon 3.3.2's default)",
            energy::watts_per_thread(hardware, silent)?
        ),
        (Method::CodecarbonConstant, Hardware::Cpu { tdp_watts, .. }) => {
            format!("{load} x TDP {tdp_watts} W {constant}")
        }
        (Method::CodecarbonConstant, Hardware::Instance(instance)) => format!(
            "{load} x {} W {constant} ({} vCPUs of {instance} at full load)",
            instance.vcpu_watts() * f64::from(instance.vcpus()),
            instance.vcpus()
        ),
        (Method::CodecarbonConstant, Hardware::Unknown { .. }) => format!(
            "{} W {constant} (CPU unknown: {load} x codecarbon's {} W per machine)",
            energy::machine_watts(hardware, silent),
            POWER.codecarbon.machine_watts.value()
        ),
        (Method::Ccf, _) => format!(
            "CPU time x {} W per vCPU at full load ({}, Cloud Carbon Footprint)",
            energy::vcpu_watts(hardware, End::Estimate, silent),
            if hardware.is_arm() { "Graviton2" } else { "x86 average" }
        ),
    })
}
