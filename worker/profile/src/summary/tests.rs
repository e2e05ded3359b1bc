//! Profiles built by hand, read back; then what hostile ones do.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::fuzzing::sane;
use crate::read::messages::{Location, Mapping};
use crate::testing::{File, cpu_file, gzip};

fn read(bytes: &[u8], folded_sample_ms: Option<f64>, limits: &Limits) -> Result<Summary, ProfileError> {
    summary(bytes, folded_sample_ms, limits)
}

fn folded(text: &str, sample_ms: Option<f64>) -> Result<Summary, ProfileError> {
    read(text.as_bytes(), sample_ms, &Limits::default())
}

fn function<'a>(profile: &'a Summary, name: &str) -> &'a Bottleneck {
    profile.bottlenecks.iter().find(|bottleneck| bottleneck.function_name == name).unwrap()
}

fn near(actual: Option<f64>, expected: f64) {
    let actual = actual.unwrap();
    assert!((actual - expected).abs() < 1e-9 * expected.max(1.0), "{actual} instead of {expected}");
}

#[test]
fn cpu_time_is_attributed_to_functions_and_lines() {
    let plain = cpu_file().encode_to_vec();

    let profile = read(&plain, None, &Limits::default()).unwrap();

    assert_eq!(read(&gzip(&plain), None, &Limits::default()).unwrap(), profile, "gzip or not");
    near(profile.total_cpu_time_ms, 50.0);
    near(profile.duration_ms, 2_000.0);
    assert_eq!((profile.sample_type.as_str(), profile.samples, profile.total_memory_mb), ("cpu", 5, None));
    let [search, main] = profile.bottlenecks.as_slice() else { panic!("{profile:?}") };
    assert_eq!(search.function_name, "search");
    assert_eq!(search.file_path.as_deref(), Some("app/orders.py"));
    assert_eq!(search.line_number, Some(41), "the line with most");
    near(Some(search.cpu_percentage), 80.0);
    near(search.self_time_ms, 40.0);
    near(search.total_time_ms, 40.0);
    near(main.self_time_ms, 10.0);
    near(main.total_time_ms, 50.0);
    assert_eq!(main.invocation_count, None);
}

#[test]
fn what_is_unknown_is_absent_in_the_json() {
    let profile = folded("main;search 4\nmain 1", None).unwrap();

    let json = serde_json::to_value(&profile).unwrap();

    let expected = serde_json::json!({
        "sample_type": "samples",
        "samples": 5,
        "bottlenecks": [
            { "function_name": "search", "cpu_percentage": 80.0 },
            { "function_name": "main", "cpu_percentage": 20.0 },
        ],
    });
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_value::<Summary>(json).unwrap(), profile);
}

#[test]
fn samples_take_the_period_if_it_is_cpu_time() {
    let with = |file: File| {
        let mut file = file;
        let leaf = file.location(&[("f", "f.rs", 1)]);
        file.sample(&[leaf], &[4]);
        file.read().unwrap()
    };

    let cpu = with(File::new(&[("samples", "count")]).period("cpu", "nanoseconds", 10_000_000));
    near(cpu.total_cpu_time_ms, 40.0);
    let wall = with(File::new(&[("samples", "count")]).period("wall", "milliseconds", 10));
    assert_eq!(wall.total_cpu_time_ms, None, "wall-clock time is no CPU time");
    near(wall.bottlenecks[0].self_time_ms, 40.0);
    let alone = with(File::new(&[("samples", "count")]));
    assert_eq!((alone.total_cpu_time_ms, alone.bottlenecks[0].self_time_ms), (None, None));
    let clock = with(File::new(&[("wall", "microseconds")]));
    assert_eq!((clock.total_cpu_time_ms, clock.sample_type.as_str()), (None, "wall"));
    near(clock.bottlenecks[0].self_time_ms, 0.004);
}

#[test]
fn cpu_is_preferred_to_wall_whatever_the_order() {
    let mut file = File::new(&[("wall", "nanoseconds"), ("cpu-time", "nanoseconds"), ("alloc_space", "bytes")]);
    let leaf = file.location(&[("f", "", 0)]);
    file.sample(&[leaf], &[9_000_000, 2_000_000, 3 << 20]);

    let profile = file.read().unwrap();

    near(profile.total_cpu_time_ms, 2.0);
    near(profile.total_memory_mb, 3.0);
    assert_eq!(profile.bottlenecks[0].line_number, Some(7), "where it starts, if no line is known");
    assert_eq!(profile.bottlenecks[0].file_path, None);
}

#[test]
fn a_heap_profile_gives_memory_and_no_share_of_the_cpu() {
    let kinds =
        [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];
    let mut file = File::new(&kinds).period("space", "bytes", 524_288);
    let leaf = file.location(&[("f", "f.go", 1)]);
    file.sample(&[leaf], &[100, 80 << 20, 10, 5 << 20]);
    file.sample(&[leaf], &[1, 1 << 20, 1, 1 << 20]);

    let profile = file.read().unwrap();

    near(profile.total_memory_mb, 6.0);
    assert_eq!((profile.sample_type.as_str(), profile.samples), ("inuse_space", 2));
    assert_eq!((profile.total_cpu_time_ms, profile.bottlenecks.len()), (None, 0));
    let [f] = profile.memory_consumers.as_slice() else { panic!("{profile:?}") };
    assert_eq!((f.function_name.as_str(), f.file_path.as_deref()), ("f", Some("f.go")));
    assert_eq!((f.memory_percentage, f.memory_mb), (100.0, 6.0));
}

#[test]
fn recursion_counts_once_and_inlined_calls_are_frames() {
    let mut file = File::new(&[("cpu", "milliseconds")]);
    let inlined = file.location(&[("inner", "a.rs", 1), ("outer", "a.rs", 9)]);
    let outer = file.location(&[("outer", "a.rs", 12)]);
    file.sample(&[inlined, outer, outer, outer], &[10]);

    let profile = file.read().unwrap();

    near(function(&profile, "inner").self_time_ms, 10.0);
    near(function(&profile, "outer").self_time_ms, 0.0);
    near(function(&profile, "outer").total_time_ms, 10.0);
    assert_eq!(function(&profile, "outer").line_number, Some(9));
    let folded = folded("f;g;f;g;f 10", Some(2.0)).unwrap();
    near(function(&folded, "f").self_time_ms, 20.0);
    near(function(&folded, "f").total_time_ms, 20.0);
    near(function(&folded, "g").total_time_ms, 20.0);
}

#[test]
fn code_without_symbols_is_named_after_its_binary() {
    let mut file = File::new(&[("cpu", "milliseconds")]);
    let filename = file.string("/usr/lib/libssl.so.3");
    file.mapping.push(Mapping { id: 1, filename });
    file.location.push(Location { id: 1, mapping_id: 1, line: vec![] });
    file.location.push(Location { id: 2, mapping_id: 0, line: vec![] });
    file.sample(&[1], &[3]);
    file.sample(&[2], &[1]);

    let names: Vec<String> = file.read().unwrap().bottlenecks.into_iter().map(|b| b.function_name).collect();

    assert_eq!(names, ["libssl.so.3", "[unknown]"]);
}

#[test]
fn folded_stacks_take_places_spaces_and_a_time_per_sample() {
    let text = "# py-spy\n\nMainThread;run (app/a.py:12);load all (app/b.py:7) 3\r\n\
        MainThread;run (app/a.py:13) 1\n operator() (int);f(a: 1) 1\n";

    let profile = folded(text, Some(10.0)).unwrap();

    near(profile.total_cpu_time_ms, 50.0);
    assert_eq!((profile.sample_type.as_str(), profile.samples), ("cpu", 5));
    let load = &profile.bottlenecks[0];
    assert_eq!(
        (load.function_name.as_str(), load.file_path.as_deref(), load.line_number),
        ("load all", Some("app/b.py"), Some(7))
    );
    let run = function(&profile, "run");
    near(run.self_time_ms, 10.0);
    near(run.total_time_ms, 40.0);
    assert_eq!(run.line_number, Some(13), "the line with most self time, though 12 has more in total");
    assert_eq!(function(&profile, "operator() (int)").file_path, None);
    assert_eq!(function(&profile, "f(a: 1)").line_number, None);
    assert_eq!(read(&gzip(text.as_bytes()), Some(10.0), &Limits::default()).unwrap(), profile);
}

#[test]
fn an_empty_stack_counts_in_the_whole() {
    let profile = folded("main;f 3\n 1\n", None).unwrap();

    assert_eq!(profile.samples, 4);
    near(Some(profile.bottlenecks[0].cpu_percentage), 75.0);
    assert_eq!(profile.bottlenecks[1].function_name, "[unknown]");
    assert_eq!(folded("17", None).unwrap_err(), ProfileError::FoldedLine { line: 1 });
}

#[test]
fn the_top_is_by_self_then_total_then_name() {
    let lines: Vec<String> = (0..40).map(|i| format!("root;mid{:02};leaf{i:02} {}", i % 3, 100 - i)).collect();

    let profile = folded(&lines.join("\n"), None).unwrap();

    assert_eq!(profile.bottlenecks.len(), 20);
    assert_eq!(profile.bottlenecks[0].function_name, "leaf00");
    let few = Limits { top: 3, ..Limits::default() };
    let ties = read(b"b 1\na 1\nr;c 1\nr;d 0", None, &few).unwrap();
    let names: Vec<&str> = ties.bottlenecks.iter().map(|b| b.function_name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn what_is_no_profile_is_refused_with_what_to_do() {
    assert!(matches!(folded("{\"traceEvents\": []}", None), Err(ProfileError::Foreign { .. })));
    assert_eq!(folded("{closure} x", None).unwrap_err(), ProfileError::FoldedLine { line: 1 });
    assert_eq!(folded("a;b 1\na;b -1", None).unwrap_err(), ProfileError::FoldedLine { line: 2 });
    assert_eq!(folded("a;b +1", None).unwrap_err(), ProfileError::FoldedLine { line: 1 });
    assert_eq!(folded("a 99999999999999999999", None).unwrap_err(), ProfileError::FoldedLine { line: 1 });
    assert_eq!(folded(" \n", None).unwrap_err(), ProfileError::Empty);
    assert_eq!(folded("", None).unwrap_err(), ProfileError::Empty);
    assert_eq!(folded("a;b 0", None).unwrap_err(), ProfileError::NoSamples);
    assert_eq!(folded("a 1", Some(0.0)).unwrap_err(), ProfileError::SampleTime);
    assert_eq!(folded("a 1", Some(f64::NAN)).unwrap_err(), ProfileError::SampleTime);
    assert_eq!(folded("a 18446744073709551615", Some(1e300)).unwrap_err(), ProfileError::Overflow);
    assert_eq!(cpu_file().read().map(|_| ()), Ok(()));
    assert_eq!(File::new(&[("cpu", "nanoseconds")]).read().unwrap_err(), ProfileError::NoSamples);
    let other = File::new(&[("goroutine\u{202e}\n", "count"), ("delay", "nanoseconds")]).read().unwrap_err();
    assert_eq!(other.to_string(), "the profile measures goroutine, delay; give a CPU or a heap profile");
    assert!(matches!(read(b"\x7fELF\x02\x01\x01\0", None, &Limits::default()), Err(ProfileError::Malformed { .. })));
    let gzip = gzip(b"a;b 1");
    assert_eq!(read(&gzip[..gzip.len() - 4], None, &Limits::default()).unwrap_err(), ProfileError::Gzip);
}

#[test]
fn what_points_nowhere_or_is_negative_is_refused() {
    let refused = |change: &dyn Fn(&mut File)| {
        let mut file = cpu_file();
        change(&mut file);
        file.read().unwrap_err()
    };
    let malformed = |e: &ProfileError| matches!(e, ProfileError::Malformed { .. });

    assert!(malformed(&refused(&|file| file.function[0].name = 999)));
    assert!(malformed(&refused(&|file| file.function[0].name = -1)));
    assert!(malformed(&refused(&|file| file.sample_type[0].unit = i64::MIN)));
    assert!(malformed(&refused(&|file| file.sample[0].location_id = vec![77])));
    assert!(malformed(&refused(&|file| file.location[0].line[0].function_id = 77)));
    assert!(malformed(&refused(&|file| file.sample[0].value = vec![1])));
    assert!(malformed(&refused(&|file| file.string_table.clear())));
    assert_eq!(refused(&|file| file.sample[0].value = vec![1, -5]), ProfileError::Negative);
    let huge = |file: &mut File| file.sample.iter_mut().for_each(|sample| sample.value = vec![i64::MAX, i64::MAX]);
    let mut file = cpu_file();
    huge(&mut file);
    let profile = file.read().unwrap();
    assert!(profile.total_cpu_time_ms.unwrap() > 1e12);
    assert!(profile.bottlenecks.iter().map(|b| b.cpu_percentage).sum::<f64>() <= 100.000_001);
    file.location[0].line[0].line = i64::MIN;
    file.duration_nanos = -1;
    assert_eq!(file.read().unwrap().duration_ms, None);
}

#[test]
fn members_of_a_gzip_file_are_joined_and_bounded() {
    let many = |members: usize| [gzip(b"").repeat(members - 1), gzip(b"a;b 1")].concat();
    let joined = [gzip(b"a;b 1\na;"), gzip(b"c 2")].concat();
    assert_eq!(read(&joined, None, &Limits::default()).unwrap(), folded("a;b 1\na;c 2", None).unwrap());
    assert!(read(&many(64), None, &Limits::default()).is_ok());
    for members in [65, 800_000] {
        assert_eq!(
            read(&many(members), None, &Limits::default()).unwrap_err(),
            ProfileError::TooMany { what: "gzip members", limit: 64 }
        );
    }
    let tight = Limits { max_unzipped_bytes: 10, ..Limits::default() };
    assert_eq!(read(&joined, None, &tight).unwrap_err(), ProfileError::TooLarge { limit: 10, unzipped: true });
}

#[test]
fn limits_hold() {
    let small = Limits {
        max_input_bytes: 1 << 20,
        max_unzipped_bytes: 1 << 20,
        max_samples: 10,
        max_entries: 10,
        max_cells: 1_000,
        max_depth: 4,
        top: 5,
    };
    let bomb = gzip(&vec![b'a'; 64 << 20]);
    assert!(bomb.len() < small.max_input_bytes);
    assert_eq!(read(&bomb, None, &small).unwrap_err(), ProfileError::TooLarge { limit: 1 << 20, unzipped: true });
    let large = vec![b'a'; (1 << 20) + 1];
    assert_eq!(read(&large, None, &small).unwrap_err(), ProfileError::TooLarge { limit: 1 << 20, unzipped: false });
    assert!(matches!(read(&[0x12, 0].repeat(11), None, &small), Err(ProfileError::TooMany { what: "samples", .. })));
    assert!(matches!(read(&[0x32, 0].repeat(11), None, &small), Err(ProfileError::TooMany { what: "strings", .. })));
    assert!(matches!(read(&[0x22, 0].repeat(11), None, &small), Err(ProfileError::TooMany { .. })));
    assert!(matches!(read(&[0x0a, 0].repeat(65), None, &small), Err(ProfileError::TooMany { .. })));
    assert!(matches!(
        read("a 1\n".repeat(11).as_bytes(), None, &small),
        Err(ProfileError::TooMany { what: "stacks", .. })
    ));
    let names: Vec<String> = (0..4).map(|i| format!("a{i};b{i};c{i} 1")).collect();
    assert!(matches!(
        read(names.join("\n").as_bytes(), None, &small),
        Err(ProfileError::TooMany { what: "different frames", .. })
    ));
    let deep = read(b"root;a;b;c;d 1", None, &small).unwrap();
    assert_eq!(deep.bottlenecks.len(), 4, "the leaf's side stays");
    assert_eq!(deep.bottlenecks[0].function_name, "d");
    let mut lines = File::new(&[("cpu", "ms")]);
    lines.location(&[("f", "f", 1); 11]);
    assert!(matches!(read(&lines.encode_to_vec(), None, &small), Err(ProfileError::TooMany { .. })));
}

#[test]
fn inlined_calls_cannot_multiply_without_end() {
    let mut file = File::new(&[("cpu", "ms")]);
    let wide = file.location(&vec![("f", "f", 1); 1_024]);
    (0..40_000).for_each(|_| file.sample(&[wide], &[1]));

    let refused = file.read().unwrap_err();

    assert!(matches!(refused, ProfileError::TooMany { what: "frames", .. }), "{refused}");
}

#[test]
fn names_are_made_fit_to_be_shown() {
    let name = format!("ev\u{202e}il\u{7}{}", "x".repeat(10_000));

    let profile = folded(&format!("main 1\nmain;{name} 2"), None).unwrap();
    let mut file = File::new(&[("cpu", "ms")]);
    let leaf = file.location(&[("a\u{0}b", "\u{200b}", 1), ("\n", "p\u{2066}ath", 2)]);
    file.sample(&[leaf], &[1]);
    let binary = file.read().unwrap();

    assert!(profile.bottlenecks[0].function_name.starts_with("evilxxx"));
    assert_eq!(profile.bottlenecks[0].function_name.chars().count(), 500);
    assert_eq!((binary.bottlenecks[0].function_name.as_str(), &binary.bottlenecks[0].file_path), ("ab", &None));
    assert_eq!(binary.bottlenecks[1].function_name, "[unknown]");
    assert_eq!(binary.bottlenecks[1].file_path.as_deref(), Some("path"));
}

proptest! {
    #[test]
    fn any_bytes_give_a_profile_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for bytes in [bytes.clone(), gzip(&bytes)] {
            if let Ok(profile) = read(&bytes, Some(1.0), &Limits::default()) {
                sane(&profile);
            }
        }
    }

    #[test]
    fn a_damaged_profile_gives_a_profile_or_an_error(
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        end in any::<proptest::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = cpu_file().encode_to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        if let Ok(profile) = read(&bytes, None, &Limits::default()) {
            sane(&profile);
        }
    }

    #[test]
    fn any_text_gives_a_profile_or_an_error(text in "([a-z;() :\u{e9}\u{202e}]{0,12} ?[0-9]{0,3}\n){0,20}") {
        if let Ok(profile) = folded(&text, None) {
            sane(&profile);
        }
    }

    #[test]
    fn self_times_add_up(stacks in proptest::collection::vec(("[a-c](;[a-c]){0,4}", 1..1000_u32), 1..20)) {
        let lines: Vec<String> = stacks.iter().map(|(stack, count)| format!("{stack} {count}")).collect();
        let total: f64 = stacks.iter().map(|(_, count)| f64::from(*count)).sum();
        let profile = folded(&lines.join("\n"), Some(1.0)).unwrap();
        let itself: f64 = profile.bottlenecks.iter().filter_map(|b| b.self_time_ms).sum();
        prop_assert!((itself - total).abs() < 1e-6);
        prop_assert!(profile.bottlenecks.iter().all(|b| b.total_time_ms.unwrap() <= total + 1e-6));
        prop_assert!(profile.bottlenecks.is_sorted_by(|a, b| a.self_time_ms >= b.self_time_ms));
    }
}

#[test]
fn what_is_at_a_limit_is_read() {
    let small = Limits {
        max_input_bytes: 1 << 10,
        max_unzipped_bytes: 1 << 10,
        max_samples: 10,
        max_entries: 10,
        ..Limits::default()
    };
    let read = |bytes: &[u8]| read(bytes, None, &small);
    let padded = |length: usize| [b"a 1\n".as_slice(), &vec![b'\n'; length - 4]].concat();
    assert!(read(&padded(1 << 10)).is_ok());
    assert_eq!(read(&padded((1 << 10) + 1)), Err(ProfileError::TooLarge { limit: 1 << 10, unzipped: false }));
    assert!(read(&gzip(&padded(1 << 10))).is_ok());
    assert_eq!(read(&gzip(&padded((1 << 10) + 1))), Err(ProfileError::TooLarge { limit: 1 << 10, unzipped: true }));
    let stacks = |count: usize| "a 1\n".repeat(count).into_bytes();
    assert!(read(&stacks(10)).is_ok());
    assert_eq!(read(&stacks(11)), Err(ProfileError::TooMany { what: "stacks", limit: 10 }));
    let frames = |count: usize| (0..count).map(|n| format!("f{n}")).collect::<Vec<_>>().join(";") + " 1";
    assert!(read(frames(10).as_bytes()).is_ok());
    assert!(matches!(read(frames(11).as_bytes()), Err(ProfileError::TooMany { limit: 10, .. })));
    let sampled = |count: usize| {
        let mut file = File::new(&[("cpu", "ms")]);
        let leaf = file.location(&[("f", "f", 1)]);
        (0..count).for_each(|_| file.sample(&[leaf], &[1]));
        file.encode_to_vec()
    };
    assert!(read(&sampled(10)).is_ok());
    assert_eq!(read(&sampled(11)), Err(ProfileError::TooMany { what: "samples", limit: 10 }));
}

#[test]
fn the_tree_of_calls_has_a_bound() {
    let limits = Limits { max_cells: 10, ..Limits::default() };
    let stacks = |count: usize| (0..count).map(|n| format!("f{n} 1")).collect::<Vec<_>>().join("\n");
    assert!(read(stacks(9).as_bytes(), None, &limits).is_ok(), "nine nodes and the root");
    let refused = read(stacks(11).as_bytes(), None, &limits).unwrap_err();
    assert_eq!(refused, ProfileError::TooMany { what: "different calls", limit: 10 });
    let mut kinds = File::new(&[("cpu", "ms"), ("wall", "ms"), ("inuse_space", "bytes")]);
    for name in ["a", "b", "c", "d"] {
        let leaf = kinds.location(&[(name, "", 0)]);
        kinds.sample(&[leaf], &[1, 1, 1]);
    }
    let refused = read(&kinds.encode_to_vec(), None, &limits).unwrap_err();
    assert!(matches!(refused, ProfileError::TooMany { what: "different calls", .. }), "{refused}");
}
