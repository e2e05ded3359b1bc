use crate::testing::profile;
use crate::{Format, Functions, Limits, Measures, Options, Profile, ProfileError, read};

const CLOCK: &str = "\
# comment of --header
python3  4242/4243  [001]  123.456789:   10101010 cpu-clock:ppp: 
\t           55d0c0de search+0x1f (/usr/bin/app with spaces)
\t           55d0c0df ns::f(std::vector<int, std::allocator<int> > const&)+0x2 (/usr/lib/libns.so.1)
\t           7f0000 [unknown] (/usr/lib/libc.so.6)

Web Content: x  1 [000]   123.5:   20202020 cpu-clock:ppp:
\t           55d0c0aa search+0x2f (/usr/bin/app with spaces)
\t           7f0001 [unknown] ([unknown])
";

fn refused(text: &str) -> ProfileError {
    read(text.as_bytes(), &Options::default(), &Limits::default()).unwrap_err()
}

fn used(profile: &Profile) -> Vec<(String, f64, f64)> {
    let functions = Functions::of(profile, 0);
    functions.top(9).iter().map(|one| (one.function.name.to_string(), one.itself, one.total)).collect()
}

#[test]
fn a_clock_s_samples_weigh_their_nanoseconds() {
    let profile = profile(CLOCK);

    assert_eq!((profile.format(), profile.samples()), (Format::Perf, 2));
    let kind = &profile.sample_types()[0];
    assert_eq!((kind.name.as_str(), kind.measures, kind.ms), ("cpu-clock", Measures::CpuTime, Some(1e-6)));
    let expected = [
        ("search", 30_303_030.0, 30_303_030.0),
        ("[unknown]", 0.0, 20_202_020.0),
        ("libc.so.6", 0.0, 10_101_010.0),
        ("ns::f(std::vector<int, std::allocator<int> > const&)", 0.0, 10_101_010.0),
    ];
    assert_eq!(used(&profile), expected.map(|(name, itself, total)| (name.to_owned(), itself, total)));
    assert_eq!(&*profile.functions()[0].module, "app with spaces");
}

#[test]
fn events_are_sample_types_and_without_a_period_a_sample_is_one() {
    let profile = profile(
        "a 1 1.0: cycles:u:\n\t 1 f (x)\n\na 1 1.1: instructions:u:\n\t 2 g (x)\na 1 1.2: cycles:u: \n\t 1 f (x)\n",
    );

    let kinds: Vec<(&str, Measures)> = profile.sample_types().iter().map(|k| (k.name.as_str(), k.measures)).collect();
    assert_eq!(kinds, [("cycles", Measures::Samples), ("instructions", Measures::Other)]);
    assert_eq!((profile.total(0), profile.total(1)), (2.0, 1.0));
}

#[test]
fn a_sample_without_a_call_graph_has_its_frame_on_its_line() {
    let profile =
        profile("a 1 1.0: 5 cpu-clock: ffffffff81 do_idle+0x1 ([kernel.kallsyms])\na 1 2.0: 6 cpu-clock: 12 f (/x)\n");

    assert_eq!(used(&profile), [("f".to_owned(), 6.0, 6.0), ("do_idle".to_owned(), 5.0, 5.0)]);
}

#[test]
fn places_come_with_srcline_and_inlined_frames_have_no_module() {
    let profile = profile(
        "a 1 1.0: 5 cpu-clock:\n\t 12 inner (inlined)\n  /build/src/a.rs:41\n\t 12 outer+0x1 (/x)\n  /build/src/a.rs:99\n",
    );

    let [inner, outer] = profile.functions() else { panic!("{:?}", profile.functions()) };
    assert_eq!((&*inner.name, &*inner.module), ("inner", ""));
    assert_eq!(&*outer.module, "x");
    let functions = Functions::of(&profile, 0);
    let places: Vec<(&str, u32)> = functions.top(9).iter().map(|one| (&*one.function.file, one.line)).collect();
    assert_eq!(places, [("/build/src/a.rs", 41), ("/build/src/a.rs", 99)]);
}

#[test]
fn what_perf_script_never_writes_is_refused_with_its_line() {
    assert_eq!(refused("a 1 1.0: 5 cpu-clock:\n\t zz f (x)\n"), ProfileError::PerfLine { line: 2 });
    assert_eq!(refused("a 1 1.0: 5 cpu-clock:\n\t 12 f (x)\n\nhello\n"), ProfileError::PerfLine { line: 4 });
    assert_eq!(refused("a 1 1.0: 5 cpu-clock:\n\t 12 f (x)\n\n\t 12 f (x)\n"), ProfileError::PerfLine { line: 4 });
    assert_eq!(refused("hello world:"), ProfileError::FoldedLine { line: 1 });
    assert_eq!(refused("a 1 1.0: 0 cpu-clock:\n\t 12 f (x)\n"), ProfileError::NoSamples);
    assert!(matches!(refused("PERFILE2\0\0"), ProfileError::Foreign { .. }));
}

#[test]
fn a_perf_script_is_read_up_to_its_bounds() {
    let sample = |n: usize| format!("a 1 1.0: 5 cpu-clock:\n\t 12 f{n} (x)\n\n");
    let limits = Limits { max_samples: 10, ..Limits::default() };
    let text = |count: usize| (0..count).map(sample).collect::<String>();
    let read = |text: &str, limits: &Limits| read(text.as_bytes(), &Options::default(), limits);
    assert!(read(&text(10), &limits).is_ok());
    assert_eq!(read(&text(11), &limits), Err(ProfileError::TooMany { what: "samples", limit: 10 }));
    let few = Limits { max_entries: 10, ..Limits::default() };
    assert!(read(&text(10), &few).is_ok());
    assert!(matches!(read(&text(11), &few), Err(ProfileError::TooMany { limit: 10, .. })));
    let deep = format!("a 1 1.0: 5 cpu-clock:\n{}", "\t 12 f (x)\n".repeat(5_000));
    assert_eq!(read(&deep, &few).unwrap().nodes().len(), 1_025);
}
