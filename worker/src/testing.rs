//! Stand-ins that tests start, of this package and of others; never part of a build that serves.

#![allow(clippy::expect_used, clippy::panic, reason = "a test without its stand-in fails by panicking")]

pub mod codeguru;
