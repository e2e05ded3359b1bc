//! The whole flow in one process, with everything going wrong: see `tests/simulation/`.

use crate::sim::{self, CrashAt, Deliberate, Plan, Story, Weather};

/// Seeds of a run of all tests; `cargo run --release --example simulate -p eco-coder` has as many as one likes.
const SEEDS: u64 = 200;

fn holds(outcome: sim::Outcome, plan: &Plan) -> sim::Tally {
    outcome.result.unwrap_or_else(|why| panic!("{why}\n{}\n{plan:?}", outcome.trace.join("\n")))
}

#[test]
fn two_hundred_histories_lose_no_hint_and_end_with_one_comment_for_the_head() {
    let many = sim::over(0..SEEDS, 1, Plan::of);
    let (seed, why) = match many.broken.first_key_value() {
        None => (0, "none"),
        Some((seed, why)) => (*seed, why.as_str()),
    };
    assert_eq!(why, "none", "to see what happened: {}", sim::command(seed, None));
    let tally = many.tally;
    assert!(tally.crashes > 100 && tally.charged > 20 && tally.buried > 0, "the trouble has shrunk: {tally:?}");
    assert!(tally.accepted > 800 && tally.writes > 400 && tally.answers > 100, "the stories have shrunk: {tally:?}");
}

#[test]
fn a_seed_tells_the_same_history_twice() {
    for seed in 0..Weather::KINDS {
        let plan = Plan { trace: true, ..Plan::of(seed) };
        let (one, other) = (sim::run(&plan), sim::run(&plan));
        assert!(one.trace.len() > 50, "seed {seed}: {} lines", one.trace.len());
        for (at, (line, again)) in one.trace.iter().zip(&other.trace).enumerate() {
            let before = &one.trace[at.saturating_sub(8)..at];
            assert_eq!(line, again, "seed {seed}, behind {before:#?}");
        }
        assert_eq!(one.result, other.result);
    }
}

#[test]
fn a_worker_that_ends_at_any_call_loses_nothing() {
    let fair = Plan { weather: Weather::FAIR, story: Story::One, trace: true, ..Plan::of(1) };
    let calm = sim::run(&fair);
    let tally = holds(calm, &fair);
    let calls = tally.worker_calls;
    assert!(calls > 50 && tally.crashes == 0 && tally.answers == 2, "{tally:?}");
    // Twice the number of the call, and one more if it is performed.
    let plan = |seed: u64| {
        let crash_at = Some(CrashAt { call: seed / 2, performed: seed % 2 == 1 });
        Plan { crash_at, trace: false, ..fair.clone() }
    };
    let many = sim::over(0..2 * calls, 1, plan);
    assert!(many.broken.is_empty(), "{:?}, of {calls} calls", many.broken);
    assert_eq!(many.tally.crashes, 2 * calls);
}

#[test]
fn a_storm_of_fifty_pushes_asks_the_model_twice_at_most_and_the_comment_shows_the_last() {
    for seed in 0..3 {
        let plan = Plan { weather: Weather::FAIR, story: Story::Storm(50), trace: true, ..Plan::of(seed) };
        let tally = holds(sim::run(&plan), &plan);
        assert_eq!(tally.accepted, 51);
        assert!(tally.answers <= 2, "seed {seed}: {tally:?}");
    }
}

/// GitHub counts in seconds: which of two changes in one second its answer shows, only the webhook tells.
#[test]
fn what_changes_twice_in_a_second_is_reviewed_as_it_was_last_though_github_lags() {
    for seed in 0..6 {
        let plan = Plan { weather: Weather::LAGGING, story: Story::Quick, trace: true, ..Plan::of(seed) };
        holds(sim::run(&plan), &plan);
    }
}

/// Each is missed within two hundred histories of the weather that shows it.
#[test]
fn the_simulation_misses_every_rule_that_is_left_out() {
    for (name, rule) in Deliberate::ALL {
        let kind = match rule {
            Deliberate::ChargesWaiting => 0,
            Deliberate::RepeatsPost | Deliberate::SilentWhenLate => 3,
            Deliberate::AcksBusy | Deliberate::ListsOne | Deliberate::ForgetsHiding => 4,
            Deliberate::Unfenced => 5,
        };
        let plan = |n: u64| Plan { deliberate: Some(rule), ..Plan::of(n * Weather::KINDS + kind) };
        assert!((0..SEEDS).any(|n| sim::run(&plan(n)).result.is_err()), "{SEEDS} histories, and nobody misses {name}");
    }
}
