//! Energy of one execution, kWh, by each method. Nothing here knows grids or grams.

mod memory;

pub(crate) use self::memory::ram_watts;

use crate::CarbonError;
use crate::data::{INSTANCES, POWER};
use crate::hardware::{Hardware, vcpu_watts_span};
use crate::input::{Input, Method, RamModel};
use crate::trace::Trace;
use crate::words::exact;

const SECONDS_PER_HOUR: f64 = 3600.0;
const WATTS_PER_KILOWATT: f64 = 1000.0;
pub(crate) const MB_PER_GIB: f64 = 1024.0;

/// Names of lines whose formulas the interval repeats.
pub(crate) const CPU_ENERGY: &str = "energy of the CPU";
pub(crate) const MEMORY_ENERGY: &str = "energy of the memory";

/// Where a line has its value from when whoever asks says it.
pub(crate) const STATED: &str = "stated by whoever asks";

/// Which end of what isn't known exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Least,
    Estimate,
    Most,
}

impl End {
    /// Of a span with an estimate in it.
    pub(crate) fn of(self, (least, most): (f64, f64), estimate: f64) -> f64 {
        match self {
            Self::Least => least,
            Self::Estimate => estimate,
            Self::Most => most,
        }
    }
}

/// Energy of one execution as the data centre draws it (PUE included), kWh.
pub(crate) fn kwh(input: &Input, method: Method, end: End, trace: &mut Trace) -> Result<f64, CarbonError> {
    let cpu =
        trace.line("CPU time of one execution", cpu_seconds(input, end), "s", || ("all threads together", STATED));
    let held = held_seconds(input, end);
    trace.line("time of one execution", held, "s", || match input.wall_time_seconds {
        Some(_) => ("wall time", STATED),
        None => ("the CPU time", "no wall time is stated"),
    });
    let gib = trace.line("memory", input.ram_usage_mb / MB_PER_GIB, "GiB", || {
        (format!("{} MB / {MB_PER_GIB} MB/GiB", exact(input.ram_usage_mb)), STATED)
    });
    let (watts, seconds) = match method {
        Method::CodecarbonProcess => (watts_per_thread(&input.hardware, trace)?, cpu),
        Method::CodecarbonConstant => (machine_watts(&input.hardware, trace), held),
        Method::Ccf => (vcpu_watts(&input.hardware, end, trace), cpu),
    };
    let cpu_kwh = trace.line(CPU_ENERGY, watt_hours(watts, seconds), "kWh", || {
        (format!("{} W / 1000 x {} s / 3600 s/h", exact(watts), exact(seconds)), method.source())
    });
    let memory_kwh = if method == Method::Ccf { ccf_memory(gib, held, trace) } else { memory(input, held, trace) };
    let it = trace.line("energy at the computer", cpu_kwh + memory_kwh, "kWh", || {
        (format!("{} kWh + {} kWh", exact(cpu_kwh), exact(memory_kwh)), method.source())
    });
    let pue = trace.line("PUE", pue(input, method), "", || match (input.pue, method) {
        (Some(_), _) => ("energy of the data centre / energy of its computers", STATED.to_owned()),
        (None, Method::Ccf) => ("the method's own", POWER.ccf.pue.origin()),
        (None, _) => ("the method's own", POWER.codecarbon.pue.origin()),
    });
    Ok(trace.line("energy of one execution", it * pue, "kWh", || {
        (format!("{} kWh x {}", exact(it), exact(pue)), "ISO/IEC 30134-2, power usage effectiveness")
    }))
}

/// The PUE that applies: the caller's, else the method's own.
pub(crate) fn pue(input: &Input, method: Method) -> f64 {
    input.pue.unwrap_or_else(|| match method {
        Method::Ccf => POWER.ccf.pue.value(),
        _ => POWER.codecarbon.pue.value(),
    })
}

fn cpu_seconds(input: &Input, end: End) -> f64 {
    let estimate = input.cpu_time_seconds;
    end.of(input.cpu_time_span.unwrap_or((estimate, estimate)), estimate)
}

/// How long memory is held and the machine is busy.
fn held_seconds(input: &Input, end: End) -> f64 {
    input.wall_time_seconds.unwrap_or_else(|| cpu_seconds(input, end))
}

/// kWh of so many watts over so many seconds.
fn watt_hours(watts: f64, seconds: f64) -> f64 {
    watts / WATTS_PER_KILOWATT * (seconds / SECONDS_PER_HOUR)
}

/// Process mode: what one busy thread draws.
pub(crate) fn watts_per_thread(hardware: &Hardware, trace: &mut Trace) -> Result<f64, CarbonError> {
    let (watts, formula, source) = match hardware {
        Hardware::Unknown { .. } => {
            let constant = &POWER.codecarbon.watts_per_thread;
            (constant.value(), "for an unknown CPU".to_owned(), constant.origin())
        }
        Hardware::Cpu { tdp_watts, threads: Some(threads), .. } => {
            let formula = format!("TDP {} W / {threads} threads", exact(*tdp_watts));
            (tdp_watts / f64::from(*threads), formula, STATED.to_owned())
        }
        Hardware::Cpu { threads: None, .. } => return Err(CarbonError::ThreadsMissing),
        Hardware::Instance(instance) => (instance.vcpu_watts(), of_processors(hardware), INSTANCES.origin.to_string()),
    };
    Ok(trace.line("power of a busy thread", watts, "W", || (formula, source)))
}

/// Constant mode: what the machine's CPU draws, busy or not.
pub(crate) fn machine_watts(hardware: &Hardware, trace: &mut Trace) -> f64 {
    let (whole, formula, source) = match hardware {
        Hardware::Unknown { .. } => {
            let constant = &POWER.codecarbon.machine_watts;
            (constant.value(), "for an unknown CPU".to_owned(), constant.origin())
        }
        Hardware::Cpu { tdp_watts, .. } => (*tdp_watts, "its TDP".to_owned(), STATED.to_owned()),
        Hardware::Instance(instance) => (
            instance.vcpu_watts() * f64::from(instance.vcpus()),
            format!("{} vCPUs x {} W at full load ({instance})", instance.vcpus(), exact(instance.vcpu_watts())),
            INSTANCES.origin.to_string(),
        ),
    };
    trace.line("power of the CPU at full load", whole, "W", || (formula, source));
    let load = &POWER.codecarbon.constant_load;
    trace.line("power that constant mode assumes", whole * load.value(), "W", || {
        (format!("{} W x {}", exact(whole), exact(load.value())), load.origin())
    })
}

/// Cloud Carbon Footprint: what one fully used vCPU draws. CPU seconds are seconds of full use, so the load factor between
/// idle and full watts is 1.
pub(crate) fn vcpu_watts(hardware: &Hardware, end: End, trace: &mut Trace) -> f64 {
    let arm = hardware.is_arm();
    let average = if arm { &POWER.ccf.arm_full_watts } else { &POWER.ccf.x86_full_watts };
    let watts = match hardware {
        Hardware::Unknown { .. } => end.of(vcpu_watts_span(arm), average.value()),
        // Whose TDP is known isn't one of the table's processors: nothing is known but the average.
        Hardware::Cpu { .. } => average.value(),
        Hardware::Instance(instance) => end.of(instance.vcpu_watts_span(), instance.vcpu_watts()),
    };
    trace.line("power of a vCPU at full load", watts, "W", || match hardware {
        Hardware::Instance(_) => (of_processors(hardware), INSTANCES.origin.to_string()),
        _ if arm => ("Graviton2".to_owned(), average.origin()),
        _ => ("average of x86 processors".to_owned(), average.origin()),
    })
}

/// `mean of Cascade Lake and Skylake at full load (c5.large)`.
fn of_processors(hardware: &Hardware) -> String {
    let Hardware::Instance(instance) = hardware else { return String::new() };
    let names: Vec<&str> = instance.processors().collect();
    let mean = if names.len() > 1 { "mean of " } else { "" };
    format!("{mean}{} at full load ({instance})", names.join(" and "))
}

fn ccf_memory(gib: f64, held: f64, trace: &mut Trace) -> f64 {
    let constant = &POWER.ccf.ram_kwh_per_gib_hour;
    trace.line("memory's energy per GiB and hour", constant.value(), "kWh/GiB/h", || ("a constant", constant.origin()));
    // CCF's order: GiB hours first.
    let kwh = gib * (held / SECONDS_PER_HOUR) * constant.value();
    trace.line(MEMORY_ENERGY, kwh, "kWh", || {
        let formula = format!("{} GiB x {} s / 3600 s/h x {}", exact(gib), exact(held), exact(constant.value()));
        (formula, Method::Ccf.source())
    })
}

fn memory(input: &Input, held: f64, trace: &mut Trace) -> f64 {
    let watts = trace.line("power of the memory", ram_watts(input), "W", || memory::how(input));
    trace.line(MEMORY_ENERGY, watt_hours(watts, held), "kWh", || {
        let source = match input.ram_model {
            RamModel::V2 => "codecarbon 2.3.4, external/hardware.py",
            RamModel::V3 => "codecarbon 3.3.2, external/ram.py",
        };
        (format!("{} W / 1000 x {} s / 3600 s/h", exact(watts), exact(held)), source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tdp_needs_its_threads_in_process_mode_only() {
        let hardware = Hardware::Cpu { tdp_watts: 240.0, threads: None, arm: false };
        let trace = &mut Trace::default();
        assert_eq!(watts_per_thread(&hardware, trace), Err(CarbonError::ThreadsMissing));
        assert!((machine_watts(&hardware, trace) - 120.0).abs() < 1e-12);
    }

    #[test]
    fn an_instance_type_gives_every_method_its_processor() {
        let hardware = Hardware::Instance("c5.xlarge".parse().unwrap());
        let trace = &mut Trace::default();
        let full = f64::midpoint(3.97, 4.26);
        assert!((watts_per_thread(&hardware, trace).unwrap() - full).abs() < 1e-12);
        assert!((machine_watts(&hardware, trace) - 0.5 * 4.0 * full).abs() < 1e-12);
        let ccf = |end| vcpu_watts(&hardware, end, &mut Trace::default());
        assert_eq!((ccf(End::Least), ccf(End::Most)), (3.97, 4.26));
        assert!((ccf(End::Estimate) - full).abs() < 1e-12);
    }
}
