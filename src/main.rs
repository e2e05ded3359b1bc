//! `eco-coder`: arguments, nothing else.

use std::process::ExitCode;

use clap::Parser;
use eco_coder::commands::{Cli, run};

fn main() -> ExitCode {
    run(&Cli::parse())
}
