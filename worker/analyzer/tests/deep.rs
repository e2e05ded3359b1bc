//! Runs of tokens that once filled the memory: each ends in an answer, in a child process whose peak is read.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use eco_coder_analyzer::{Limits, Options, STACK_BYTES, Skipped, inspect};

/// Names the child's case; absent in the test itself.
const CASE: &str = "ECO_CODER_DEEP_CASE";

/// What goes before, and the run that the grammar can read in two ways or leaves open.
const CASES: [(&str, &str, &str); 33] = [
    ("A.java", "class A { int x = ", "a<"),
    ("A.java", "class A { int x = ", "<a"),
    ("A.java", "class A { int x = ", "a=>"),
    ("A.java", "class A { int x = ", "a<a."),
    ("a.ts", "", "a<b,"),
    ("a.ts", "x = ", "a<a&"),
    ("a.tsx", "x = ", "a<"),
    ("a.tsx", "x = ", "a<a<b,"),
    ("a.js", "x = ", "a<"),
    ("a.go", "package a\nvar x = ", "a<"),
    ("a.go", "package a\nvar x = ", "a["),
    ("a.rs", "fn f() { ", "a::<"),
    ("a.py", "", "/*"),
    ("a.py", "x = ", "a<"),
    ("A.cs", "class A { int x = ", "a<"),
    ("A.cs", "class A { int x = ", "(a"),
    ("A.cs", "class A { int x = ", "a<a?["),
    ("a.php", "<?php $x = ", "a<"),
    ("a.php", "<?php $x = ", "[$a"),
    ("a.php", "<?php ", "'a' ?> <?php ("),
    ("a.py", "x = ", "[a,"),
    ("a.py", "x = ", "f(*"),
    ("a.py", "", "for (a,"),
    ("a.py", "x = ", "f'{"),
    // What closes nothing: in strings, in comments, in one that begins before its line.
    ("a.py", "x = ", "[')',']',"),
    ("a.py", "x = \"\"\"\n(\"\"\" + ", "[\"\"\"]\"\"\","),
    ("A.java", "class A { int x = ", "a</*>*/"),
    ("A.java", "class A { int x = ", "f(')',"),
    ("a.ts", "", "a<'>',"),
    ("a.ts", "x = `\n`+", "a<b(`)`,"),
    ("a.tsx", "x = ", "<a>{"),
    ("A.cs", "class A { int x = ", "a<(@\")\","),
    ("a.rs", "fn f() { ", "a::<'\\'', "),
];

/// How often a run is repeated: just below what is bounded, just below what is harmless in Python, and far beyond.
const REPEATS: [u32; 3] = [960, 15_000, 100_000];

/// The most the child may have held, kB.
const PEAK_KB: u64 = 500_000;

#[test]
fn runs_left_open_cost_bounded_memory() {
    if let Ok(case) = env::var(CASE) {
        return child(&case);
    }
    let cases: Vec<(usize, u32)> = (0..CASES.len()).flat_map(|index| REPEATS.map(|repeats| (index, repeats))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&(index, repeats)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            keeps_within(index, repeats);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
}

/// One case, in a child.
fn keeps_within(index: usize, repeats: u32) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "runs_left_open_cost_bounded_memory", "--nocapture"])
        .env(CASE, format!("{index} {repeats}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let about = format!("{:?} x {repeats}: {said}", CASES[index]);
    assert!(output.status.success(), "{about}");
    let peak = said.lines().find_map(|line| line.split_once("VmHWM:")?.1.split_whitespace().next()).unwrap();
    assert!(peak.parse::<u64>().unwrap() < PEAK_KB, "{about}");
}

#[expect(clippy::print_stdout, reason = "how the child reports")]
fn child(case: &str) {
    let (index, repeats) = case.split_once(' ').unwrap();
    let (path, before, run) = CASES[index.parse::<usize>().unwrap()];
    let text = format!("{before}{}", format!("{}\n", run.repeat(40)).repeat(repeats.parse::<usize>().unwrap() / 40));
    let limits = Limits { time: Duration::from_secs(5), ..Limits::default() };
    let answer = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || inspect(path, &text, None, &Options::default(), &limits))
        .unwrap()
        .join()
        .unwrap();
    assert!(matches!(answer, Ok(_) | Err(Skipped::TooDeep { .. } | Skipped::TimedOut)), "{answer:?}");
    println!("\n{}", fs::read_to_string("/proc/self/status").unwrap());
}
