//! Prints what the analyser knows of a directory's code beside findings, to compare with what other tools say of it:
//! `shape functions DIRECTORY` (tab-separated: file, name, first and last line, lines of code, parameters, cyclomatic and
//! cognitive complexity, the latter without named functions within), `shape notes DIRECTORY` as if all of it were new,
//! or `shape cost DIRECTORY`, which takes the time. Reads files only.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use eco_coder_analyzer::{Base, Limits, NoteTaker, Options, STACK_BYTES, analyze, inspect, shape};

fn main() -> io::Result<()> {
    let mode = env::args().nth(1).unwrap_or_default();
    let root = PathBuf::from(env::args().nth(2).unwrap_or_else(|| ".".to_owned()));
    thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || match mode.as_str() {
            "functions" => functions(&root),
            "notes" => notes(&root),
            "cost" => cost(&root),
            _ => Err(io::Error::other("say what: functions, notes or cost, and of which directory")),
        })?
        .join()
        .map_err(|_| io::Error::other("the walk panicked"))?
}

fn functions(root: &Path) -> io::Result<()> {
    for (name, text) in sources(root)? {
        let Ok(shape) = shape(&name, &text, &Limits::default()) else { continue };
        for f in shape.functions() {
            let guess = if f.is_guess { "\tguess" } else { "" };
            println!(
                "{name}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}{guess}",
                f.name,
                f.first_line,
                f.last_line,
                f.code_lines,
                f.parameters,
                f.cyclomatic,
                f.cognitive,
                f.own_cognitive
            );
        }
    }
    Ok(())
}

fn notes(root: &Path) -> io::Result<()> {
    let mut taker = NoteTaker::default();
    for (name, text) in sources(root)? {
        if let Ok(shape) = shape(&name, &text, &Limits::default()) {
            taker.file(&name, shape, Base::Absent, None);
        }
    }
    let started = Instant::now();
    let notes = taker.finish();
    let took = started.elapsed();
    println!("{notes:#?}\nduplicates found in {took:?}");
    Ok(())
}

/// The time of [`analyze`], and of [`inspect`], over the same files, in turns, the best of five.
fn cost(root: &Path) -> io::Result<()> {
    let sources = sources(root)?;
    let (options, limits) = (Options::default(), Limits::default());
    let mut best = [Duration::MAX; 2];
    let mut tokens = 0;
    for _ in 0..5 {
        let started = Instant::now();
        for (name, text) in &sources {
            let _ = analyze(name, text, None, &options, &limits);
        }
        best[0] = best[0].min(started.elapsed());
        let started = Instant::now();
        tokens = 0;
        for (name, text) in &sources {
            tokens += inspect(name, text, None, &options, &limits).map_or(0, |(_, shape)| shape.tokens());
        }
        best[1] = best[1].min(started.elapsed());
    }
    let bytes: usize = sources.iter().map(|(_, text)| text.len()).sum();
    println!("{} files, {bytes} bytes, {tokens} tokens; analyze {:?}, inspect {:?}", sources.len(), best[0], best[1]);
    println!("more: {:.1} %", (best[1].as_secs_f64() / best[0].as_secs_f64() - 1.0) * 100.0);
    Ok(())
}

/// Path and text of every file below a directory that is in a language with rules.
fn sources(root: &Path) -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    files_below(root, &mut files)?;
    files.sort();
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    Ok(files.iter().filter_map(|path| Some((name(path), fs::read_to_string(path).ok()?))).collect())
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_below(&entry.path(), found)?;
        } else if kind.is_file() && eco_coder_analyzer::Language::of_path(&entry.path().to_string_lossy()).is_some() {
            found.push(entry.path());
        }
    }
    Ok(())
}
