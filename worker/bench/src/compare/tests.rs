//! Verdicts of small cases by hand, and what holds of all. How often they are right: tests/calibration.rs.

use proptest::prelude::*;

use super::*;

fn of(metric: Metric, samples: &[f64]) -> Benchmark {
    Benchmark::new("x", metric, Tool::Go, &[samples.to_vec()]).unwrap()
}

fn row(base: &Benchmark, head: &Benchmark) -> Row {
    let compared = compare(std::slice::from_ref(base), std::slice::from_ref(head), &Options::default());
    assert_eq!(compared.rows.len(), 1);
    compared.rows[0].clone()
}

const ONE: [f64; 5] = [1.00, 1.01, 0.99, 1.02, 1.00];
const TWO: [f64; 5] = [2.02, 2.00, 1.99, 2.01, 2.00];

#[test]
fn more_time_is_slower_and_more_throughput_is_faster() {
    let verdict = |metric, base: &[f64], head: &[f64]| row(&of(metric, base), &of(metric, head)).verdict;
    assert_eq!(verdict(Metric::Time, &ONE, &TWO), Verdict::Slower);
    assert_eq!(verdict(Metric::Time, &TWO, &ONE), Verdict::Faster);
    assert_eq!(verdict(Metric::Throughput, &ONE, &TWO), Verdict::Faster);
    assert_eq!(verdict(Metric::Throughput, &TWO, &ONE), Verdict::Slower);
    assert_eq!(verdict(Metric::Memory, &ONE, &TWO), Verdict::More);
    assert_eq!(verdict(Metric::Allocations, &TWO, &ONE), Verdict::Less);
    assert_eq!(verdict(Metric::Time, &ONE, &ONE), Verdict::Indistinguishable);
    let found = row(&of(Metric::Time, &ONE), &of(Metric::Time, &TWO));
    assert_eq!(found.change().unwrap(), "+100% (+96% to +102%)");
    assert!(found.p.unwrap() < 0.05 && found.noise.unwrap() < 0.02 && found.detectable.unwrap() < 0.1, "{found:?}");
}

#[test]
fn one_sample_gives_both_figures_and_no_verdict() {
    let found = row(&of(Metric::Time, &[5.0]), &of(Metric::Time, &[9.0]));
    assert_eq!((found.base, found.head, found.ratio, found.verdict), (Some(5.0), Some(9.0), None, Verdict::NoVerdict));
    assert_eq!(found.reason.unwrap(), "one sample says nothing of noise: -count 10 repeats each benchmark");
}

#[test]
fn too_few_samples_are_told_how_many_are_needed() {
    let reason = |n: usize, family: usize| {
        let many: Vec<Benchmark> = (0..family)
            .map(|i| Benchmark::new(&i.to_string(), Metric::Time, Tool::Go, &[ONE[..n].to_vec()]).unwrap())
            .collect();
        compare(&many, &many, &Options::default()).rows[0].reason.clone()
    };
    assert_eq!(reason(3, 1).unwrap(), "3 samples on a side are too few: 4 of each (or as many rounds) are needed");
    assert_eq!(reason(4, 1), None);
    assert_eq!(
        reason(5, 20).unwrap(),
        "5 samples on a side are too few: 6 of each (or as many rounds) are needed for a verdict among 20 benchmarks"
    );
    assert_eq!(reason(5, 6), None);
}

#[test]
fn samples_that_are_missing_are_asked_for_in_the_tool_s_words() {
    let base = Benchmark::without_samples("x", Metric::Time, Tool::PytestBenchmark, 5.0).unwrap();
    let found = row(&base, &base);
    assert_eq!((found.base, found.ratio), (Some(5.0), None));
    assert!(found.reason.unwrap().contains("--benchmark-save-data"));
    let other = Benchmark::new("x", Metric::Time, Tool::Hyperfine, &[ONE.to_vec()]).unwrap();
    assert!(row(&base, &other).reason.unwrap().contains("made by pytest-benchmark, head by hyperfine"));
}

#[test]
fn counts_without_noise_need_no_statistics() {
    let count = |base: f64, head: f64| row(&of(Metric::Allocations, &[base; 2]), &of(Metric::Allocations, &[head; 2]));
    assert_eq!(count(10.0, 11.0).verdict, Verdict::More);
    assert_eq!(count(11.0, 10.0).verdict, Verdict::Less);
    assert_eq!(count(10.0, 10.0).verdict, Verdict::Indistinguishable);
    assert_eq!(count(1_000.0, 1_005.0).verdict, Verdict::Indistinguishable, "half a percent is nobody's business");
    assert_eq!(count(0.0, 0.0).verdict, Verdict::Indistinguishable);
    let from_nothing = count(0.0, 3.0);
    assert_eq!((from_nothing.verdict, from_nothing.ratio), (Verdict::More, None));
    // A timer that says the same each time is coarse, not exact.
    assert_eq!(row(&of(Metric::Time, &[5.0; 2]), &of(Metric::Time, &[6.0; 2])).verdict, Verdict::NoVerdict);
    let mixed = row(&of(Metric::Memory, &[0.0, 1.0, 0.0, 0.0]), &of(Metric::Memory, &[5.0; 4]));
    assert!(mixed.reason.unwrap().starts_with("some samples are 0"));
}

#[test]
fn one_run_must_exceed_its_noise_and_rounds_in_turn_need_not() {
    let samples = |level: f64| (0..30).map(|i| level * (1.0 + f64::from(i * 7 % 30) / 150.0)).collect::<Vec<_>>();
    let (base, head) = (samples(1.0), samples(1.06));
    let one = row(&of(Metric::Time, &base), &of(Metric::Time, &head));
    assert_eq!(one.verdict, Verdict::Indistinguishable);
    assert!(one.ci_low.unwrap() > 1.0 && one.margin.unwrap() > 0.05, "{one:?}");
    let rounds = |samples: &[f64]| {
        let rounds: Vec<Vec<f64>> = samples.iter().map(|s| vec![*s]).collect();
        Benchmark::new("x", Metric::Time, Tool::Go, &rounds).unwrap()
    };
    let in_turn = row(&rounds(&base), &rounds(&head));
    assert_eq!((in_turn.verdict, in_turn.rounds), (Verdict::Slower, [30, 30]));
    // Forks of one run of JMH are rounds, but the other side was not measured between them.
    let forks = row(&rounds(&base).in_one_session(), &rounds(&head).in_one_session());
    assert_eq!((forks.verdict, forks.rounds), (Verdict::Indistinguishable, [30, 30]));
}

#[test]
fn a_run_that_drifts_is_named_and_must_change_by_more() {
    let rising: Vec<f64> = (0..20).map(|i| 1.0 + f64::from(i) / 20.0).collect();
    let found = row(&of(Metric::Time, &[1.0; 20].map(|x: f64| x)), &of(Metric::Time, &rising));
    assert!(found.reason.clone().unwrap().starts_with("head drifted by +"), "{found:?}");
    assert!(found.reason.unwrap().ends_with("during its run: warm up, or measure in rounds"));
    assert_eq!(found.verdict, Verdict::Indistinguishable);
}

#[test]
fn a_run_whose_second_half_is_disturbed_more_often_did_not_drift() {
    // As criterion gave it on a busy machine: most samples undisturbed, and most of the later ones not.
    let run =
        |level: f64| (0..30).map(move |i| level * if i > 15 && i % 8 != 0 { 20.0 } else { 1.0 + f64::from(i) / 1e4 });
    let found = row(&of(Metric::Time, &run(1.0).collect::<Vec<_>>()), &of(Metric::Time, &run(2.0).collect::<Vec<_>>()));
    assert_eq!((found.verdict, found.reason), (Verdict::Slower, None));
}

#[test]
fn what_one_side_lacks_is_named() {
    let named = |name: &str, metric| Benchmark::new(name, metric, Tool::Go, &[ONE.to_vec()]).unwrap();
    let base = [named("a", Metric::Time), named("b", Metric::Time), named("b", Metric::Memory)];
    let head = [named("a", Metric::Time), named("c", Metric::Time)];
    let compared = compare(&base, &head, &Options::default());
    assert_eq!(compared.rows.len(), 1);
    assert_eq!(
        (compared.only_in_base, compared.only_in_head),
        (vec!["b".to_owned(), "b (memory)".to_owned()], vec!["c".to_owned()])
    );
}

#[test]
fn the_sentence_counts_what_became_of_each() {
    let many = |samples: [&[f64]; 4]| -> Vec<Benchmark> {
        let of =
            |(i, s): (usize, &&[f64])| Benchmark::new(&i.to_string(), Metric::Time, Tool::Go, &[s.to_vec()]).unwrap();
        samples.iter().enumerate().map(of).collect()
    };
    let compared = compare(&many([&ONE, &TWO, &ONE, &[1.0]]), &many([&TWO, &ONE, &ONE, &[1.0]]), &Options::default());
    assert_eq!(
        compared.sentence(),
        "1 of 4 slower, 1 faster, 1 indistinguishable, 1 without a verdict (noise 1.4-1.8%)."
    );
    let nothing = compare(&[], &[], &Options::default());
    assert_eq!(nothing.sentence(), "Nothing to compare: base and head have no benchmark in common.");
}

fn samples() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(1e-300..1e300_f64, 1..40),
        prop::collection::vec(0.5..1.5_f64, 4..40),
        prop::collection::vec((1..5_i32).prop_map(f64::from), 2..40),
    ]
}

proptest! {
    #[test]
    fn exchanged_sides_exchange_the_verdict(base in samples(), head in samples()) {
        let (base, head) = (of(Metric::Time, &base), of(Metric::Time, &head));
        let (there, back) = (row(&base, &head), row(&head, &base));
        let turned = match there.verdict {
            Verdict::Slower => Verdict::Faster,
            Verdict::Faster => Verdict::Slower,
            same => same,
        };
        prop_assert_eq!(back.verdict, turned);
        if let (Some(a), Some(b)) = (there.ci_low, back.ci_high) {
            prop_assert!((a * b - 1.0).abs() < 1e-9, "{} {}", a, b);
        }
    }

    #[test]
    fn whatever_the_samples_a_row_agrees_with_itself(base in samples(), head in samples()) {
        let (base, head) = (of(Metric::Time, &base), of(Metric::Time, &head));
        let found = row(&base, &head);
        prop_assert_eq!(&found, &row(&base, &head), "the same again");
        let alone = found.ci_low.zip(found.ci_high).zip(found.margin).is_some_and(|((low, high), margin)| {
            low > (1.0 + margin) * (1.0 + 1e-12) || high < 1.0 / (1.0 + margin) * (1.0 - 1e-12)
        });
        let changed = found.verdict.is_worse() || found.verdict.is_better();
        prop_assert!(!alone || changed, "the interval and the verdict are one: {:?}", found);
        for value in [found.ratio, found.ci_low, found.ci_high, found.noise, found.p, found.detectable].into_iter().flatten() {
            prop_assert!(value >= 0.0, "{:?}", found);
        }
        prop_assert!(!serde_json::to_string(&found).unwrap().contains("inf"));
    }
}
