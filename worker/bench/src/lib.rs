//! Comparison of benchmarks: the results of a tool in, and for each benchmark whether head is faster, slower or
//! indistinguishable from base, with the interval and the noise out. Pure: it runs no benchmark, and knows no file, no
//! clock and no network. The same samples give the same answer, to the last digit: the few dice that are needed are
//! seeded.
//!
//! - [`read`] takes files of criterion, cargo-criterion, pytest-benchmark, `go test -bench`, hyperfine and JMH as
//!   (path, bytes), and tells them apart by what is in them. They are untrusted.
//! - [`compare`] pairs what has the same name and metric, and gives verdicts.
//!
//! How a verdict is made, and how often it is wrong: docs/benchmarks.md, and `examples/calibrate.rs`, which measures it.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

mod benchmark;
mod bootstrap;
mod compare;
mod dice;
mod family;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod noise;
mod rank;
mod read;
mod units;
mod words;

pub use benchmark::{BadSample, Benchmark, MAX_NAME, Metric, Tool};
pub use bootstrap::{MeanRatio, mean_ratio};
pub use compare::{Comparison, Options, Row, Verdict, compare};
pub use dice::Dice;
pub use family::samples_needed;
pub use read::{MAX_BENCHMARKS, MAX_FILE_BYTES, MAX_FILES, MAX_SAMPLES, ReadError, Reading, may_hold_results, read};
pub use words::{figure, percent, percent_change};
