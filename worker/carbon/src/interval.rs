//! The interval: the least and the most that the same measurement gives when what nobody knows exactly takes its least and
//! its most. It spans the methods, and of each its inputs: the grid's intensity where it is read from a table, the
//! processor where nobody named it or an instance type may have several, the method's own PUE, the measurement's own span.
//! What was stated spans nothing. Not spanned: codecarbon 3's memory modules, whose floor of 10 W says nothing of a
//! function's share; idle vCPUs; the code's own variation from run to run, unless the measurement says it.

use crate::energy::{self, CPU_ENERGY, End, MEMORY_ENERGY};
use crate::hardware::{Hardware, vcpu_watts_span};
use crate::input::{Input, Method};
use crate::intensity::{Intensity, span_for};
use crate::trace::Trace;
use crate::words::{exact, intensity_text, two_digits};

/// Least and most grams of one execution, and what they span, in words.
pub(crate) struct Interval {
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) spans: Vec<String>,
}

/// The interval of one execution. A method that lacks an input (process mode the threads of a TDP) is left out; `None`: the
/// figures are too large for numbers.
pub(crate) fn interval(input: &Input, intensity: &Intensity, trace: &mut Trace) -> Option<Interval> {
    let grid = grid(input, intensity);
    let mut found: Option<(f64, f64)> = None;
    let mut methods = Vec::new();
    for method in Method::ALL {
        let mut grams = |name: &str, end: End, g_per_kwh: f64| {
            let mut steps = trace.apart();
            let kwh = energy::kwh(input, method, end, &mut steps).ok()?;
            Some(trace.line(&format!("{name} by {method}"), kwh * g_per_kwh, "gCO2e", || {
                let (cpu, memory) = (steps.formula(CPU_ENERGY), steps.formula(MEMORY_ENERGY));
                let (pue, grid) = (exact(energy::pue(input, method)), exact(g_per_kwh));
                (format!("({cpu} + {memory}) x {pue} x {grid} gCO2e/kWh"), method.source())
            }))
        };
        let ends = (grams("least", End::Least, grid.least), grams("most", End::Most, grid.most));
        let (Some(low), Some(high)) = ends else { continue };
        let (least, most) = found.unwrap_or((low, high));
        found = Some((least.min(low), most.max(high)));
        methods.push(method.to_string());
    }
    let (least, most) = found?;
    (least.is_finite() && most.is_finite()).then(|| Interval { least, most, spans: spans(input, &methods, &grid) })
}

/// Ends of the grid's intensity, gCO2e/kWh.
struct Grid {
    least: f64,
    most: f64,
    words: &'static str,
}

fn grid(input: &Input, intensity: &Intensity) -> Grid {
    if input.intensity_g_per_kwh.is_some() {
        return Grid { least: intensity.g_per_kwh, most: intensity.g_per_kwh, words: "" };
    }
    let (least, most, words) = span_for(&input.aws_region, input.country.as_ref());
    Grid { least, most, words }
}

#[expect(clippy::float_cmp, reason = "the same figure twice is no span")]
fn spans(input: &Input, methods: &[String], grid: &Grid) -> Vec<String> {
    let mut spans = vec![format!("the methods {}", methods.join(", "))];
    if grid.least != grid.most {
        let (least, most) = (intensity_text(grid.least), intensity_text(grid.most));
        spans.push(format!("the grid from {least} to {most} gCO2e/kWh ({})", grid.words));
    }
    let processor = match &input.hardware {
        Hardware::Unknown { arm } => Some((vcpu_watts_span(*arm), "the CPU is unknown".to_owned())),
        Hardware::Instance(instance) => Some((instance.vcpu_watts_span(), instance.to_string())),
        Hardware::Cpu { .. } => None,
    };
    if let Some(((least, most), of)) = processor
        && least != most
    {
        spans.push(format!("the processor from {} to {} W per vCPU in ccf ({of})", exact(least), exact(most)));
    }
    if input.pue.is_none() {
        let all = Method::ALL.map(|method| energy::pue(input, method));
        let (least, most) = (all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(0.0, f64::max));
        spans.push(format!("the PUE from {} to {} (each method's own)", exact(least), exact(most)));
    }
    if let Some((least, most)) = input.cpu_time_span {
        spans.push(format!("the CPU time from {} s to {} s (as measured)", two_digits(least), two_digits(most)));
    }
    spans
}
