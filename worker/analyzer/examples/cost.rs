//! Runs the rules over directories and prints what each step, rule and check took:
//!
//! ```sh
//! cargo run --release -p eco-coder-analyzer --features cost --example cost -- DIRECTORY...
//! ```
//!
//! Counting costs about 80 ns each time, which is part of what is printed. Reads files only.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use eco_coder_analyzer::{Cost, Language, Limits, Options, STACK_BYTES, analyze, costs};

fn main() -> io::Result<()> {
    thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(run)?
        .join()
        .map_err(|_| io::Error::other("the analysis panicked"))?
}

fn run() -> io::Result<()> {
    let (mut bytes, mut files, mut spent) = (0, 0, Duration::ZERO);
    for root in env::args().skip(1).map(PathBuf::from) {
        let mut paths = Vec::new();
        files_below(&root, &mut paths)?;
        for path in paths {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            (bytes, files) = (bytes + text.len(), files + 1);
            let started = Instant::now();
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy();
            drop(analyze(&name, &text, None, &Options::default(), &Limits::default()));
            spent += started.elapsed();
        }
    }
    println!("{files} files, {:.1} MB, {:.0} ms\n", bytes as f64 / 1e6, milliseconds(spent));
    println!("| | times | ms | us each | share |\n|---|---|---|---|---|");
    let all = costs();
    let (rules, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
        all.into_iter().partition(|(name, _)| name.starts_with("EC-"));
    let (steps, checks): (BTreeMap<_, _>, BTreeMap<_, _>) =
        rest.into_iter().partition(|(name, _)| name.starts_with("step "));
    for group in [steps, rules, checks] {
        let mut rows: Vec<(String, Cost)> = group.into_iter().collect();
        rows.sort_by_key(|(_, cost)| std::cmp::Reverse(cost.time));
        for (name, cost) in rows {
            let time = milliseconds(cost.time);
            let each = time * 1e3 / cost.times.max(1) as f64;
            println!(
                "| {name} | {} | {time:.1} | {each:.2} | {:.1}% |",
                cost.times,
                time * 100.0 / milliseconds(spent)
            );
        }
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_below(&entry.path(), found)?;
        } else if kind.is_file() && Language::of_path(&entry.path().to_string_lossy()).is_some() {
            found.push(entry.path());
        }
    }
    Ok(())
}
