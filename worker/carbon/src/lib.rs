//! Carbon arithmetic: CPU seconds and memory in, energy and grams of CO2e out, with the method, the constants and the
//! source of the grid's intensity named, an interval over methods and inputs, and every step to be read ([`explain`]). What
//! it calculates from is stated; whether somebody measured it is the caller's to know. Never measures, never reads a file, a clock or the network: every constant is
//! compiled in from `data/*.json`, each with its source, date and licence.
//!
//! The default method equals codecarbon's: the worked cases in `tests/cases.rs` come from running that package. What to
//! know when comparing:
//! - GB means 2^30 bytes, and a kWh is exactly 3.6e6 J. codecarbon also holds `JOULES_TO_KWH = 2.77778e-7`, a rounding of
//!   1/3.6e6 that is 8e-7 (relative) too high; it uses it for hardware counters only, not in the modes offered here.
//! - Constant mode's 85 W for an unknown CPU are for the whole machine, process mode's 4 W are for each thread.
//! - The 3.x memory model counts modules and has a floor of 10 W (3 W on Arm), which outweighs the CPU at function scale;
//!   above 128 GiB it isn't even monotone (1,000 GiB take more than 1,024). Hence 0.375 W/GiB by default.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

mod data;
mod embodied;
mod energy;
mod equivalents;
mod error;
mod explain;
mod footprint;
mod hardware;
mod input;
mod intensity;
mod interval;
mod methodology;
mod trace;
mod words;

pub use embodied::Embodied;
pub use equivalents::{Equivalents, equivalents};
pub use error::CarbonError;
pub use explain::{Explanation, explain};
pub use footprint::{Footprint, Sci, Yearly, footprint};
pub use hardware::{Hardware, InstanceType};
pub use input::{Input, Method, RamModel};
pub use intensity::{Country, Intensity, IntensitySource, IntensityTable, intensity_for};
pub use trace::Line;
pub use words::{counted, grams_text, grams_within, intensity_text, readable_equivalent, two_digits};
