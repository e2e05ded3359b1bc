//! The worker: takes jobs from the queue, reviews the pull request's head, and keeps one comment up to date.
//!
//! The way of one job: [`consumer`] -> [`review`] ([`claim`], head, [`review::inspect`]) -> [`agent`] -> [`tools`] ->
//! [`report`] -> [`publish`] -> release -> ack. One decision per room, no way back.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]
pub mod agent;
pub mod agentcore;
pub mod backends;
pub mod claim;
pub mod config;
pub mod consumer;
pub mod diff;
pub mod ecs;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod gate;
pub mod hours;
mod meters;
pub mod model;
pub mod pacing;
pub mod publish;
pub mod reconcile;
pub mod report;
pub mod repository;
pub mod results;
pub mod review;
pub mod service;
pub mod store;
pub mod subject;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod token;
pub mod tools;
pub mod turns;
