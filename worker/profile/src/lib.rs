//! Profiles: the bytes that a profiler wrote in, what each function uses out. Pure: never opens a file, asks no network and
//! no clock, and runs nothing.
//!
//! [`read`] takes any of the formats below and tells them apart by their content; what comes out is one model, a
//! [`Profile`]: what was measured ([`SampleType`]), and a tree of calls with its weights. Everything else stands on that:
//!
//! - [`Functions`]: what each function uses, itself and with what it calls, the heaviest first.
//! - [`attribute`]: which of a change's functions use how much; [`attribute_summary`] of no more than a [`Summary`].
//! - [`compare`]: two profiles, function by function. It gives both figures and no verdict: one profile of each side says
//!   nothing of noise.
//! - [`flame_graph`], [`flame_graph_of_difference`]: an SVG without scripts.
//! - [`Summary`]: what a report says of a profile.
//!
//! Formats: pprof (protobuf, gzip or not), folded stacks, the output of `perf script`, `.cpuprofile` of V8 (Node, Chrome),
//! speedscope's JSON (py-spy, rbspy). Recordings of Java Flight Recorder are refused with the command that converts them.
//!
//! A profile comes from outside. What it can make this code hold or do is bounded by [`Limits`]: beyond one is an error,
//! never a part that looks like the whole. Names are untrusted text: demangled, shortened, and stripped of what doesn't
//! show. What a profile doesn't say is absent: folded stacks have no unit, wall-clock samples are no CPU time, and no
//! sampling profiler counts calls.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

mod attribute;
mod compare;
mod error;
mod flame;
mod functions;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gzip;
mod limits;
mod model;
mod name;
mod read;
mod summary;
#[cfg(test)]
mod testing;

pub use attribute::{Attributed, ChangedFunction, Matched, attribute, attribute_summary};
pub use compare::{Compared, Comparison, Use, compare};
pub use error::ProfileError;
pub use flame::{flame_graph, flame_graph_of_difference};
pub use functions::{FunctionUse, Functions};
pub use gzip::unzip;
pub use limits::Limits;
pub use model::{Format, Frame, Function, Measures, Node, Profile, SampleType};
pub use name::shown;
pub use read::{Options, may_be_json_of_a_profile, read};
pub use summary::{Bottleneck, MemoryConsumer, Summary, summary};
