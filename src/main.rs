//! `eco-coder`: arguments, nothing else.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use eco_coder::commands::{Cli, run};

fn main() -> ExitCode {
    run(&Cli::parse())
}
