//! What the ingress and the worker agree on, and nothing else: ids, the job on the wire, the queue, secrets, the clock,
//! retry intervals, configuration files and telemetry. Depends on none of the other packages.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

pub mod aws;
pub mod check;
pub mod config;
pub mod env;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod healthcheck;
pub mod ids;
pub mod job;
pub mod operator;
pub mod policy;
pub mod queue;
pub mod retry;
pub mod secrets;
pub mod server;
pub mod shutdown;
pub mod sqlite;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
