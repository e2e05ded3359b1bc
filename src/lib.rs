//! The front door: every part in one binary, and the local forge that the demo and the tests stand on.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

pub mod commands;
pub mod forge;
