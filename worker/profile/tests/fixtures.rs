//! Profiles that profilers wrote are read as what they are: what uses most, and which of a change's functions it is.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;

use eco_coder_profile::{
    ChangedFunction, Format, Functions, Limits, Matched, Measures, Options, Profile, attribute, compare, flame_graph,
    read,
};

fn fixture(name: &str) -> Profile {
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).unwrap();
    read(&bytes, &Options::default(), &Limits::default()).unwrap()
}

fn first(profile: &Profile, sample_type: usize) -> String {
    Functions::of(profile, sample_type).top(1)[0].function.name.to_string()
}

#[test]
fn each_profiler_s_file_is_read_as_what_it_is() {
    let read = |name: &str| {
        let profile = fixture(name);
        let chosen = profile.choose(None).unwrap();
        assert!(flame_graph(&profile, chosen).unwrap().contains("</svg>"), "{name}");
        (profile.format(), profile.sample_types()[chosen].measures, first(&profile, chosen))
    };
    let row = |format, measures, first: &str| (format, measures, first.to_owned());
    let listcomp = "search.<locals>.<listcomp>";
    assert_eq!(read("shop.speedscope.json"), row(Format::Speedscope, Measures::WallTime, listcomp));
    assert_eq!(read("shop.folded"), row(Format::Folded, Measures::Samples, listcomp));
    assert_eq!(read("shop.cpuprofile"), row(Format::CpuProfile, Measures::CpuTime, "price"));
    assert_eq!(read("orders-cpu.pprof"), row(Format::Pprof, Measures::CpuTime, "runtime.asyncPreempt"));
    let heap = "encoding/json.(*decodeState).literalStore";
    assert_eq!(read("orders-heap.pprof"), row(Format::Pprof, Measures::Memory, heap));
    let perf = fixture("orders.perf");
    assert_eq!((perf.format(), perf.samples(), perf.sample_types()[0].measures), (Format::Perf, 10, Measures::CpuTime));
}

#[test]
fn a_heap_s_sample_types_are_chosen_by_name() {
    let heap = fixture("orders-heap.pprof");
    let names: Vec<&str> = heap.sample_types().iter().map(|kind| kind.name.as_str()).collect();
    assert_eq!(names, ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]);
    assert_eq!(heap.choose(Some("alloc_space")), Ok(1));
    assert_eq!(heap.choose(None), Ok(3), "as the file says itself");
}

#[test]
fn a_change_s_functions_are_found_with_what_is_in_them() {
    let function = |path: &str, name: &str, start_line, end_line| ChangedFunction {
        path: path.into(),
        name: name.into(),
        start_line,
        end_line,
    };
    let python = [function("shop.py", "search", 4, 5), function("shop.py", "price", 2, 3)];
    let found = |profile: &Profile, changed: &[ChangedFunction]| {
        let chosen = profile.choose(None).unwrap();
        let row =
            |one: eco_coder_profile::Attributed<'_>| (one.function.name.clone(), one.matched, one.self_share > 0.1);
        attribute(profile, chosen, changed).into_iter().map(row).collect::<Vec<_>>()
    };
    let both = [("search".to_owned(), Matched::Lines, true), ("price".to_owned(), Matched::Lines, true)];
    assert_eq!(found(&fixture("shop.speedscope.json"), &python), both);
    assert_eq!(found(&fixture("shop.folded"), &python), both);
    let node = [function("shop.js", "price", 2, 2), function("shop.js", "parse", 4, 4)];
    assert_eq!(found(&fixture("shop.cpuprofile"), &node), [("price".to_owned(), Matched::Lines, true)]);
    let go = [function("orders.go", "main", 60, 90), function("orders.go", "check", 54, 58)];
    assert_eq!(found(&fixture("orders-heap.pprof"), &go), [("main".to_owned(), Matched::Lines, true)]);
}

#[test]
fn a_profile_compared_with_itself_is_the_same_on_both_sides() {
    for name in ["shop.cpuprofile", "orders-cpu.pprof", "orders-heap.pprof", "orders.perf"] {
        let comparison = compare(&fixture(name), &fixture(name), None).unwrap();
        assert!(comparison.rows.iter().all(|row| row.base == row.head), "{name}");
    }
}
