//! `eco-coder`: arguments, nothing else.

use std::process::ExitCode;

use clap::Parser;
use eco_coder::commands::{Cli, run};

/// Bodies of 25 kB come and go a thousand times a second: with it, a delivery costs 6% less than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(&Cli::parse())
}
