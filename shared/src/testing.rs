//! Stand-ins that tests start: for tests of this package and others, never part of a build that serves.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its stand-in fails by panicking")]

pub mod held;
pub mod ministack;
