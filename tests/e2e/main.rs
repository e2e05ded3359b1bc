//! End to end: the binary's own processes against a forge on loopback. A file per behaviour; each test is a script.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(unreachable_pub, reason = "modules of a test have no outside")]

mod agentcore;
mod app;
mod architecture;
mod attempts;
mod codeguru;
mod commands;
mod comment;
mod converge;
mod demo;
mod diffs;
mod documents;
mod fleet;
mod hostile;
mod ingress;
mod kill;
mod machine;
mod measurements;
mod model;
mod outages;
mod overload;
mod profiler;
mod reconcile;
mod recorded;
mod repository_settings;
mod rotation;
mod signature;
mod simulation;
mod smoke;
mod status;
mod storage;
mod suggestions;
mod telemetry;
mod traces;
mod trouble;

#[path = "../support/canaries.rs"]
mod canaries;
#[path = "../support/disk.rs"]
mod disk;
#[path = "../support/link.rs"]
mod link;
#[path = "../support/otlp.rs"]
mod otlp;
#[path = "../support/process.rs"]
mod process;
#[path = "../simulation/sim.rs"]
mod sim;
#[path = "../support/waterfall.rs"]
mod waterfall;
#[path = "../support/wire.rs"]
mod wire;
#[path = "../support/world.rs"]
mod world;
