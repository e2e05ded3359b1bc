//! A figure that was measured, as a type: what a report says of energy and carbon can be made from nothing else. Whoever
//! reads profiles or counts CPU time (this module's siblings) makes a [`Measured`]; whoever reports can only take one. A
//! figure that somebody states (`eco-coder carbon`, the settings' own check) is a plain [`Footprint`], and a report has no
//! place for that.
//!
//! Both are read back from the store as they were written, sealed; what isn't a measurement there (no samples, no source,
//! another unit) is refused.
//!
//! ```
//! use eco_coder_carbon::{Footprint, Input};
//! use eco_coder_worker::report::Section;
//! use eco_coder_worker::results::{CpuSeconds, Measured, MeasuredFootprint, PerformanceProfile, Reading};
//!
//! fn of_a_profile(profile: &PerformanceProfile, settings: &Input) -> Option<Section<MeasuredFootprint>> {
//!     let cpu: &Measured<CpuSeconds> = profile.cpu.as_ref()?;
//!     Some(Section::Present(MeasuredFootprint::of(cpu, profile.memory.as_ref(), settings).ok()?))
//! }
//!
//! // What anybody may write, and what no report takes:
//! let guess = Reading { value: 1.0, span: None, samples: 1, source: "a guess".to_owned() };
//! let stated: Footprint = eco_coder_carbon::footprint(&Input::new(1.0, 128.0, "eu-west-1")).unwrap();
//! ```
//!
//! A number is no measurement:
//!
//! ```compile_fail,E0624
//! use eco_coder_worker::results::{CpuSeconds, Measured, Reading};
//!
//! let guess = Reading { value: 1.0, span: None, samples: 1, source: "a guess".to_owned() };
//! let measured: Option<Measured<CpuSeconds>> = Measured::read(guess);
//! ```
//!
//! ```compile_fail,E0308
//! use eco_coder_carbon::Input;
//! use eco_coder_worker::results::MeasuredFootprint;
//!
//! let guess = MeasuredFootprint::of(&1.0, None, &Input::default());
//! ```
//!
//! Nor is a footprint that was calculated from stated figures:
//!
//! ```compile_fail,E0308
//! use eco_coder_carbon::{Footprint, Input};
//! use eco_coder_worker::report::Section;
//! use eco_coder_worker::results::MeasuredFootprint;
//!
//! let stated: Footprint = eco_coder_carbon::footprint(&Input::new(1.0, 128.0, "eu-west-1")).unwrap();
//! let section: Section<MeasuredFootprint> = Section::Present(stated);
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use eco_coder_carbon::{CarbonError, Footprint, Input};
use serde::{Deserialize, Serialize};

use eco_coder_profile::Summary;

/// What a figure is of.
pub trait Quantity: Clone + fmt::Debug + PartialEq {
    /// Its unit.
    const UNIT: &'static str;
}

/// CPU time over all threads, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuSeconds {}

/// Memory, MB of 2^20 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Megabytes {}

impl Quantity for CpuSeconds {
    const UNIT: &'static str = "s";
}

impl Quantity for Megabytes {
    const UNIT: &'static str = "MB";
}

/// What a reader found.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The figure.
    pub value: f64,
    /// Its least and most, if the measurement says so: the ends of a confidence interval.
    pub span: Option<(f64, f64)>,
    /// Samples, runs or readings that it rests on.
    pub samples: u64,
    /// Where it was read: a file's name, a service, a clock.
    pub source: String,
}

/// A figure with the measurement behind it. Made by readers alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Measured<Q: Quantity> {
    reading: Reading,
    quantity: PhantomData<Q>,
}

impl<Q: Quantity> Measured<Q> {
    /// `None`: nothing was measured, or what was read is no number.
    pub(in crate::backends) fn read(reading: Reading) -> Option<Self> {
        let Reading { value, span, samples, ref source } = reading;
        let sound = |figure: f64| figure.is_finite() && figure >= 0.0;
        let between = span.is_none_or(|(least, most)| sound(least) && least <= value && value <= most && sound(most));
        let is_sound = sound(value) && between && samples > 0 && !source.is_empty();
        is_sound.then_some(Self { reading, quantity: PhantomData })
    }

    /// The figure, in [`Quantity::UNIT`].
    pub fn value(&self) -> f64 {
        self.reading.value
    }

    /// Its least and most, if the measurement says so.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.reading.span
    }

    /// How many samples, runs or readings it rests on.
    pub fn samples(&self) -> u64 {
        self.reading.samples
    }

    /// Where it was read. Untrusted text.
    pub fn source(&self) -> &str {
        &self.reading.source
    }
}

/// One execution of a benchmark, which keeps one thread busy; `None`: it has no samples.
pub(in crate::backends) fn of_a_benchmark(seconds: f64, samples: u64, name: &str) -> Option<Measured<CpuSeconds>> {
    let source = format!("benchmark {name}: the time of one execution, taken as one thread's CPU time");
    Measured::read(Reading { value: seconds, span: None, samples, source })
}

/// CPU time of a profile; `None`: it has none, or no samples.
pub(in crate::backends) fn cpu_of(profile: &Summary, source: &str) -> Option<Measured<CpuSeconds>> {
    of(profile, source, profile.total_cpu_time_ms? / 1000.0)
}

/// Memory of a profile; `None`: it has none.
pub(in crate::backends) fn memory_of(profile: &Summary, source: &str) -> Option<Measured<Megabytes>> {
    of(profile, source, profile.total_memory_mb?)
}

fn of<Q: Quantity>(profile: &Summary, source: &str, value: f64) -> Option<Measured<Q>> {
    Measured::read(Reading { value, span: None, samples: profile.samples, source: source.to_owned() })
}

/// CPU time of our own analysis, as the system counted it; nothing yet by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnCpu(f64);

impl OwnCpu {
    pub(in crate::backends) fn counted(time: Duration) -> Self {
        Self(time.as_secs_f64())
    }

    /// Seconds.
    pub fn seconds(self) -> f64 {
        self.0
    }

    /// What it emitted, on the hardware and the grid of the settings; `None`: nothing was counted.
    pub fn co2e(self, settings: &Input) -> Option<MeasuredGrams> {
        let source = "the system's clock of the thread's CPU time".to_owned();
        let counted = Some(self.0).filter(|seconds| *seconds > 0.0)?;
        let cpu = Measured::read(Reading { value: counted, span: None, samples: 1, source })?;
        MeasuredFootprint::of(&cpu, None, settings).ok().map(|footprint| footprint.grams())
    }
}

/// The footprint of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredFootprint {
    #[serde(flatten)]
    footprint: Footprint,
    /// What it was calculated from.
    measured: Measured<CpuSeconds>,
}

impl MeasuredFootprint {
    /// CPU time and memory of the measurement, everything else of the settings.
    pub fn of(
        cpu: &Measured<CpuSeconds>,
        memory: Option<&Measured<Megabytes>>,
        settings: &Input,
    ) -> Result<Self, CarbonError> {
        let input = Input {
            cpu_time_seconds: cpu.value(),
            cpu_time_span: cpu.span(),
            wall_time_seconds: None,
            ram_usage_mb: memory.map_or(0.0, Measured::value),
            execution_count: 1,
            ..settings.clone()
        };
        Ok(Self { footprint: eco_coder_carbon::footprint(&input)?, measured: cpu.clone() })
    }

    /// The same, with a remark behind its methodology.
    #[must_use]
    pub fn remarked(mut self, remark: &str) -> Self {
        self.footprint.methodology.push_str(remark);
        self
    }

    /// The measurement.
    pub fn measured(&self) -> &Measured<CpuSeconds> {
        &self.measured
    }

    /// The grams alone, for what keeps no more.
    pub fn grams(&self) -> MeasuredGrams {
        MeasuredGrams(self.footprint.co2e_grams)
    }
}

impl Deref for MeasuredFootprint {
    type Target = Footprint;

    fn deref(&self) -> &Footprint {
        &self.footprint
    }
}

/// Grams of CO2e of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MeasuredGrams(f64);

impl MeasuredGrams {
    /// As a plain number, for words and sums.
    pub fn grams(self) -> f64 {
        self.0
    }
}

/// As JSON has it.
#[derive(Serialize, Deserialize)]
struct Wire {
    value: f64,
    unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    span: Option<(f64, f64)>,
    samples: u64,
    source: String,
}

impl<Q: Quantity> TryFrom<Wire> for Measured<Q> {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let Wire { value, unit, span, samples, source } = wire;
        if unit != Q::UNIT {
            return Err("a measurement of another unit");
        }
        Self::read(Reading { value, span, samples, source }).ok_or("no measurement: no samples, no source or no number")
    }
}

impl<Q: Quantity> From<Measured<Q>> for Wire {
    fn from(measured: Measured<Q>) -> Self {
        let Reading { value, span, samples, source } = measured.reading;
        Self { value, unit: Q::UNIT.to_owned(), span, samples, source }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reading(value: f64, samples: u64) -> Reading {
        Reading { value, span: None, samples, source: "cpu.pprof".to_owned() }
    }

    #[test]
    fn what_was_not_measured_is_no_measurement() {
        let read = |reading| Measured::<CpuSeconds>::read(reading);
        assert!(read(reading(0.0, 1)).is_some() && read(reading(1.0, 412)).is_some());
        assert!(read(reading(1.0, 0)).is_none(), "no samples");
        for odd in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(read(reading(odd, 1)).is_none(), "{odd}");
        }
        assert!(read(Reading { source: String::new(), ..reading(1.0, 1) }).is_none(), "from nowhere");
        assert!(read(Reading { span: Some((0.9, 1.1)), ..reading(1.0, 30) }).is_some());
        for span in [(1.1, 1.2), (0.8, 0.9), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert!(read(Reading { span: Some(span), ..reading(1.0, 30) }).is_none(), "{span:?}");
        }
    }

    #[test]
    fn a_measurement_survives_its_encoding_and_an_invented_one_is_refused() {
        let measured = Measured::<CpuSeconds>::read(Reading { span: Some((0.9, 1.1)), ..reading(1.0, 30) }).unwrap();
        let json = serde_json::to_value(&measured).unwrap();
        assert_eq!(json, json!({"value": 1.0, "unit": "s", "span": [0.9, 1.1], "samples": 30, "source": "cpu.pprof"}));
        assert_eq!(serde_json::from_value::<Measured<CpuSeconds>>(json.clone()).unwrap(), measured);
        assert!(serde_json::from_value::<Measured<Megabytes>>(json.clone()).is_err(), "seconds are no memory");
        for (member, wrong) in [("samples", json!(0)), ("source", json!("")), ("value", json!(-1.0))] {
            let mut invented = json.clone();
            invented[member] = wrong;
            assert!(serde_json::from_value::<Measured<CpuSeconds>>(invented).is_err(), "{member}");
        }
        let footprint = MeasuredFootprint::of(&measured, None, &Input::default()).unwrap();
        let mut json = serde_json::to_value(&footprint).unwrap();
        assert_eq!(serde_json::from_value::<MeasuredFootprint>(json.clone()).unwrap(), footprint);
        json["measured"] = Value::Null;
        assert!(serde_json::from_value::<MeasuredFootprint>(json).is_err(), "grams without a measurement");
    }

    #[test]
    fn the_spread_of_a_measurement_widens_the_interval() {
        let settings = Input { intensity_g_per_kwh: Some(100.0), pue: Some(1.0), ..Input::default() };
        let of = |span| {
            let cpu = Measured::read(Reading { span, ..reading(1.0, 30) }).unwrap();
            MeasuredFootprint::of(&cpu, None, &settings).unwrap().interval.unwrap()
        };
        let (exact, spread) = (of(None), of(Some((0.5, 2.0))));
        assert!((spread.0 / exact.0 - 0.5).abs() < 1e-9 && (spread.1 / exact.1 - 2.0).abs() < 1e-9);
    }

    #[test]
    fn our_own_cpu_time_has_grams_once_it_was_counted() {
        let settings = Input::new(0.0, 0.0, "eu-west-1");
        assert_eq!(OwnCpu::default().co2e(&settings), None);
        let own = OwnCpu::counted(Duration::from_millis(900));
        let expected = eco_coder_carbon::footprint(&Input { cpu_time_seconds: 0.9, ..settings.clone() }).unwrap();
        assert_eq!(own.co2e(&settings).unwrap().grams().to_bits(), expected.co2e_grams.to_bits());
        assert_eq!(serde_json::to_value(own).unwrap(), json!(0.9));
    }
}
