//! Simulates many histories, or one with everything that happens in it: see docs/testing.md.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "a simulation that can't be set up fails by panicking")]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(unreachable_pub, reason = "modules of an example have no outside")]

#[path = "sim.rs"]
mod sim;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sim::{CrashAt, Deliberate, Plan, Story, Weather};

/// Simulates the whole flow with seeded faults, and checks what must hold.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this one.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Print what happens, with --seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// One pull request with so many pushes within seconds, in fair weather.
    #[arg(long, conflicts_with = "crash_at")]
    storm: Option<u32>,
    /// One pull request that changes four times in a second, while GitHub's answers lag.
    #[arg(long, conflicts_with_all = ["crash_at", "storm"])]
    quick: bool,
    /// Only one pull request and one push in fair weather, and a worker that ends at this call over a seam.
    #[arg(long, requires = "seed")]
    crash_at: Option<u64>,
    /// The call is performed, and its answer never seen.
    #[arg(long, requires = "crash_at")]
    performed: bool,
    /// Leave out a rule of the protocol, to see that it is missed.
    #[arg(long, value_parser = deliberate)]
    deliberate: Option<Deliberate>,
}

fn deliberate(name: &str) -> Result<Deliberate, String> {
    let known = || Deliberate::ALL.map(|(name, _)| name).join(", ");
    let found = Deliberate::ALL.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, rule)| rule).ok_or_else(|| format!("it is one of {}", known()))
}

fn main() -> ExitCode {
    let args = Args::parse();
    let plan = |seed| match args.crash_at {
        None if args.quick => Plan { weather: Weather::LAGGING, story: Story::Quick, ..Plan::of(seed) },
        None if args.storm.is_some() => {
            let story = args.storm.map_or(Story::Busy, Story::Storm);
            Plan { weather: Weather::FAIR, story, ..Plan::of(seed) }
        }
        None => Plan { deliberate: args.deliberate, ..Plan::of(seed) },
        Some(call) => {
            let crash_at = Some(CrashAt { call, performed: args.performed });
            Plan { weather: Weather::FAIR, story: Story::One, crash_at, ..Plan::of(seed) }
        }
    };
    if let Some(seed) = args.seed {
        let plan = Plan { trace: args.trace, ..plan(seed) };
        let outcome = sim::run(&plan);
        outcome.trace.iter().for_each(|line| println!("{line}"));
        println!("seed {seed}, weather: {:?}", plan.weather);
        return match outcome.result {
            Ok(tally) => {
                println!("it held: {tally:?}");
                ExitCode::SUCCESS
            }
            Err(why) => {
                println!("BROKEN: {why}");
                ExitCode::FAILURE
            }
        };
    }
    let began = Instant::now();
    let many = sim::over(args.from..args.from + args.seeds, 10, plan);
    for (seed, why) in &many.broken {
        println!("seed {seed}: {why}\n  {}", sim::command(*seed, args.deliberate));
    }
    println!("{} held, {} did not, in {:.1} s", many.held, many.broken.len(), began.elapsed().as_secs_f64());
    println!("{:?}", many.tally);
    if many.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
