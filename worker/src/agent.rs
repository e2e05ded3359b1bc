//! The agent: turn 0 planned by code on every run, then, with a model, its turns, until a report. The loop is a pure
//! state machine ([`run`]); [`driver`] performs what it decides. It has no effects: `review` publishes.

pub mod budget;
pub mod driver;
pub mod prompt;
pub mod purse;
pub mod run;
mod told;
pub mod verify;
