//! The ingress: verifies GitHub's webhooks, decides which of them are work, and answers 202 once a job is durable.
//! Never asks GitHub anything and never reads a pull request. Which pull requests are reviewed at all is
//! `eco_coder_shared::policy`, because the worker asks the same of GitHub's own answer.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

pub mod config;
mod routes;
pub mod server;
mod webhook;

pub use config::IngressConfig;
pub use server::{BindError, Ingress};
