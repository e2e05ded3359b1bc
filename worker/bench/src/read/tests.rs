//! Each form as its tool writes it, and as nobody should. JMH's is after its documentation; the others were written by
//! the tools.

use proptest::prelude::*;

use super::*;

macro_rules! corpus {
    ($path:literal) => {
        include_bytes!(concat!("../../../../tests/fuzz/corpus/", $path)).as_slice()
    };
}

fn one(bytes: &[u8]) -> Reading {
    read(&[("results", bytes)]).unwrap()
}

fn shown(reading: &Reading) -> Vec<String> {
    let of = |benchmark: &Benchmark| {
        let rounds: Vec<usize> = benchmark.rounds().map(<[f64]>::len).collect();
        let (metric, typical) = (benchmark.metric(), benchmark.typical().unwrap());
        format!("{} {metric:?} {typical:.6} {rounds:?} {}", benchmark.name(), benchmark.tool())
    };
    reading.benchmarks.iter().map(of).chain(reading.remarks.clone()).collect()
}

fn error(files: &[(&str, &str)]) -> String {
    read(files).unwrap_err().to_string()
}

#[test]
fn hyperfine_s_times_are_samples_and_so_is_memory() {
    assert_eq!(
        shown(&one(corpus!("bench_hyperfine/real.json"))),
        ["spin 10 Time 12146708.000000 [3] hyperfine", "spin 20 Time 23957248.000000 [3] hyperfine",]
    );
    assert_eq!(
        shown(&one(corpus!("bench_hyperfine/newer_with_memory.json"))),
        ["a Time 200000000.000000 [3] hyperfine", "a Memory 1048576.000000 [3] hyperfine", "a: 1 of its runs failed",]
    );
}

#[test]
fn pytest_s_data_are_samples_and_without_them_only_a_median_is_known() {
    assert_eq!(
        shown(&one(corpus!("bench_pytest/real.json"))),
        [
            "test_bench.py::test_work Time 12438.998965 [5] pytest-benchmark",
            "test_bench.py::test_sort Time 2052.998752 [5] pytest-benchmark",
        ]
    );
    assert_eq!(
        shown(&one(corpus!("bench_pytest/without_data.json"))),
        [
            "test_bench.py::test_work Time 11746.999007 [5] pytest-benchmark",
            "test_bench.py::test_sort Time 2193.999535 [5] pytest-benchmark",
        ]
    );
}

#[test]
fn go_s_lines_are_samples_and_a_package_that_comes_again_is_a_round() {
    assert_eq!(
        shown(&one(corpus!("bench_go/count_10.txt"))),
        [
            "example.com/bench.Join/n=10 Time 279.900000 [10] go test -bench",
            "example.com/bench.Join/n=10 Memory 80.000000 [10] go test -bench",
            "example.com/bench.Join/n=10 Allocations 10.000000 [10] go test -bench",
            "example.com/bench.Join/n=100 Time 6185.000000 [10] go test -bench",
            "example.com/bench.Join/n=100 Memory 5776.000000 [10] go test -bench",
            "example.com/bench.Join/n=100 Allocations 100.000000 [10] go test -bench",
        ]
    );
    assert_eq!(
        shown(&one(corpus!("bench_go/messages.json"))),
        [
            "example.com/bench.Join/n=10 Time 625.950000 [2] go test -bench",
            "example.com/bench.Join/n=10 Memory 80.000000 [2] go test -bench",
            "example.com/bench.Join/n=10 Allocations 10.000000 [2] go test -bench",
            "example.com/bench.Join/n=100 Time 12743.500000 [2] go test -bench",
            "example.com/bench.Join/n=100 Memory 5776.000000 [2] go test -bench",
            "example.com/bench.Join/n=100 Allocations 100.000000 [2] go test -bench",
        ]
    );
    assert_eq!(
        shown(&one(corpus!("bench_go/rounds.txt"))),
        [
            "example.com/a.X Time 12.600000 [1, 1] go test -bench",
            "example.com/b.X-8 Time 13.000000 [1] go test -bench",
            "example.com/a.Z Allocations 0.000000 [1] go test -bench",
            "example.com/a.Y/n=10-8: a sample is no finite number: left out",
            "example.com/a.Z: a sample is negative: left out",
            "example.com/a.Z: a sample is no finite number: left out",
            "go test -bench: figures in widgets/op are left out: nobody says if more is better",
        ]
    );
}

#[test]
fn jmh_s_forks_are_rounds_and_its_modes_are_metrics() {
    assert_eq!(
        shown(&one(corpus!("bench_jmh/documented.json"))),
        [
            "demo.Sum.sum (size=100) Time 50.000000 [2, 2] JMH",
            "demo.Sum.sum (size=100) Memory 24.000000 [2, 2] JMH",
            "demo.Sum.sum (size=100) Throughput 20000000.000000 [2, 2] JMH",
            "demo.Sum.sum (sample) Time 50.000000 [2] JMH",
        ]
    );
}

#[test]
fn criterion_s_samples_are_divided_by_their_iterations() {
    assert_eq!(shown(&one(corpus!("bench_criterion/messages"))), ["mix/rounds Time 100.000000 [3] criterion",]);
    let name = r#"{"full_id":"mix/rounds"}"#;
    let (new, old) = (r#"{"iters":[10,20],"times":[1000,2040]}"#, r#"{"iters":[1],"times":[7]}"#);
    let files = [
        ("1/criterion/mix/rounds/base/sample.json", old),
        ("1/criterion/mix/rounds/base/benchmark.json", name),
        ("1/criterion/mix/rounds/new/sample.json", new),
        ("1/criterion/mix/rounds/new/benchmark.json", name),
        ("2/criterion/mix/rounds/main/sample.json", old),
        ("2/criterion/mix/rounds/main/benchmark.json", name),
        ("2/criterion/other/new/sample.json", old),
        ("2/criterion/two/a/sample.json", old),
        ("2/criterion/two/b/sample.json", old),
    ];
    assert_eq!(
        shown(&read(&files).unwrap()),
        [
            "mix/rounds Time 100.000000 [2, 1] criterion",
            "2/criterion/other Time 7.000000 [1] criterion",
            "2/criterion/two: holds several saved measurements and none named new: give one of them",
        ]
    );
}

#[test]
fn what_is_no_sample_is_left_out_and_said() {
    for odd in [corpus!("bench_hyperfine/odd.json"), corpus!("bench_pytest/odd.json"), corpus!("bench_jmh/odd.json")] {
        let reading = one(odd);
        assert!(!reading.remarks.is_empty());
        assert!(reading.benchmarks.iter().flat_map(Benchmark::samples).all(|sample| sample.is_normal()));
    }
    let hyperfine = shown(&one(corpus!("bench_hyperfine/odd.json")));
    assert_eq!(
        hyperfine,
        [
            "a [2J… 3c08275b Time 100000000.000000 [] hyperfine",
            "a: a sample is zero, which no time is: let one sample do more work: left out",
            "a benchmark: it has no name: left out",
            "a benchmark: a sample is no finite number: left out",
            "b: has neither times nor a mean: left out",
        ]
    );
}

#[test]
fn files_of_one_name_are_rounds() {
    let file = |time: f64| format!(r#"{{"results":[{{"command":"a","times":[{time},{time}]}}]}}"#);
    let files: Vec<(String, String)> = (1..=5).map(|i| (format!("{i}.json"), file(f64::from(i)))).collect();
    let reading = read(&files).unwrap();
    assert_eq!(reading.benchmarks.len(), 1);
    assert_eq!(reading.benchmarks[0].rounds().count(), 5);
    let cpu = |user: f64| format!(r#"{{"results":[{{"command":"a","times":[1],"user":{user},"system":0.5}}]}}"#);
    let files: Vec<(String, String)> = (1..=5).map(|i| (format!("{i}.json"), cpu(f64::from(i)))).collect();
    assert_eq!(read(&files).unwrap().benchmarks[1].samples(), [1.5e9, 2.5e9, 3.5e9, 4.5e9, 5.5e9]);
    assert_eq!(read(&files[1..]).unwrap().benchmarks.len(), 1, "four rounds are too few");
    let twice = r#"{"results":[{"command":"a","times":[1]},{"command":"a","times":[2]}]}"#;
    assert_eq!(one(twice.as_bytes()).benchmarks[0].rounds().count(), 1, "in one file it is one run");
}

#[test]
fn what_can_t_be_read_is_an_error_that_says_what_can() {
    assert!(error(&[]).starts_with("no benchmark results here: they can be of criterion"));
    assert!(error(&[("a.txt", "PASS\n")]).contains("hyperfine (JSON)"));
    assert!(error(&[("a.json", "{\"results\":[{]")]).contains("a.json: no JSON: key must be a string at line 1"));
    assert!(error(&[("a.json", "[1,2,3]")]).contains("no benchmark results"));
    let broken = error(&[("a.json", r#"{"results":[{"command":"a","times":[1,[2]]}]}"#)]);
    assert!(broken.starts_with("a.json can't be read as results of hyperfine: invalid type: sequence"), "{broken}");
    let unequal = error(&[("new/sample.json", r#"{"iters":[1],"times":[1,2]}"#)]);
    assert!(unequal.contains("there aren't as many times as iteration counts"), "{unequal}");
    let deep = error(&[("a.json", &format!("{{\"results\":{}", "[".repeat(500_000)))]);
    assert!(deep.contains("no JSON: EOF") || deep.contains("recursion limit"), "{deep}");
}

#[test]
fn files_are_taken_up_to_each_bound_and_refused_one_past_it() {
    let empty = vec![("a", ""); MAX_FILES];
    assert!(matches!(read(&empty), Err(ReadError::Nothing(_))));
    assert!(matches!(read(&vec![("a", ""); MAX_FILES + 1]), Err(ReadError::TooMuch { what: "files", .. })));
    let result = "BenchmarkA 1 5 ns/op\n";
    let mut long = result.to_owned() + &" ".repeat(MAX_FILE_BYTES - result.len());
    assert_eq!(one(long.as_bytes()).benchmarks.len(), 1);
    long.push(' ');
    assert!(error(&[("long.txt", &long)]).contains("long.txt: longer than 64 MiB: left out"));
    let many = |count: usize| (0..count).map(|i| format!("BenchmarkA{i} 1 5 ns/op\n")).collect::<Vec<_>>().concat();
    assert_eq!(one(many(MAX_BENCHMARKS).as_bytes()).benchmarks.len(), MAX_BENCHMARKS);
    let more = many(MAX_BENCHMARKS + 1);
    assert_eq!(error(&[("a", &more)]), "benchmarks: at most 5000 are compared at once; give fewer");
}

#[test]
fn samples_are_taken_up_to_the_bound_and_refused_one_past_it() {
    let times = |count: usize| format!(r#"{{"results":[{{"command":"a","times":[{}1]}}]}}"#, "1,".repeat(count - 1));
    assert_eq!(one(times(MAX_SAMPLES).as_bytes()).benchmarks[0].samples().len(), MAX_SAMPLES);
    let more = times(MAX_SAMPLES + 1);
    assert!(error(&[("a", &more)]).contains("a list of more than 5000000"));
    let most = times(MAX_SAMPLES);
    let one = times(1);
    assert_eq!(error(&[("a", &most), ("b", &one)]), "samples: at most 5000000 are compared at once; give fewer");
}

#[test]
fn remarks_are_counted_one_past_their_bound() {
    let bad = |count: usize| {
        let runs: Vec<String> = (0..count).map(|i| format!(r#"{{"command":"{i}","times":[0]}}"#)).collect();
        format!(r#"{{"results":[{{"command":"good","times":[1]}},{}]}}"#, runs.join(","))
    };
    assert_eq!(one(bad(MAX_REMARKS).as_bytes()).remarks.len(), MAX_REMARKS);
    assert_eq!(one(bad(MAX_REMARKS + 1).as_bytes()).remarks[MAX_REMARKS], "and 1 more");
}

#[test]
fn criterion_s_other_files_are_not_read() {
    for path in ["criterion/a/new/sample.json", "criterion/a/new/benchmark.json", "go.txt", "results", "a.jsonl"] {
        assert!(may_hold_results(path), "{path}");
    }
    for path in ["a/new/estimates.json", "a/new/tukey.json", "a/report/data.json", "plot.svg", ".hidden.json"] {
        assert!(!may_hold_results(path), "{path}");
    }
}

proptest! {
    #[test]
    fn samples_come_through_as_they_were_written(times in prop::collection::vec(1e-9..1e6_f64, 1..50), name in "[ -~]{0,30}[a-z]") {
        let quoted = serde_json::to_string(&name).unwrap();
        let written = serde_json::to_string(&times).unwrap();
        let hyperfine = one(format!(r#"{{"results":[{{"command":{quoted},"times":{written}}}]}}"#).as_bytes());
        let pytest = one(format!(r#"{{"benchmarks":[{{"name":{quoted},"stats":{{"data":{written}}}}}]}}"#).as_bytes());
        for reading in [hyperfine, pytest] {
            // The reader of JSON is allowed the last digit.
            let read = reading.benchmarks[0].samples();
            prop_assert_eq!(read.len(), times.len());
            prop_assert!(read.iter().zip(&times).all(|(read, s)| (read / (s * 1e9) - 1.0).abs() < 1e-14));
            prop_assert_eq!(reading.benchmarks[0].name(), name.trim());
        }
    }

    #[test]
    fn any_bytes_are_benchmarks_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&[("a", &bytes)]);
        let mut text = b"BenchmarkA 1 ".to_vec();
        text.extend(bytes);
        let _ = read(&[("a", text)]);
    }
}
