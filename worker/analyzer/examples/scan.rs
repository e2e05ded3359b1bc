//! Runs the rules over a directory and prints what they say, to judge a rule by what it does to well-kept code:
//! `scan DIRECTORY [RULE-ID]`. With `--fixes` it prints what the fixes would change as well, and with `--apply COPY` it writes
//! each file that a fix changes, mended, to the same place below COPY; the directory itself is only read. With `--json` it
//! prints every finding, skipped and partial file as a line of JSON in a fixed order, so that two builds can be compared.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs, io, thread};

use eco_coder_analyzer::{FileAnalysis, Fix, Limits, Options, STACK_BYTES, Skipped, analyze, apply_fixes};

fn main() -> io::Result<()> {
    let mut wanted = Wanted { root: PathBuf::from("."), only: None, fixes: false, copy: None, json: false };
    let mut plain = 0;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), plain) {
            ("--fixes", _) => wanted.fixes = true,
            ("--json", _) => wanted.json = true,
            ("--apply", _) => wanted.copy = arguments.next().map(PathBuf::from),
            (_, 0) => (wanted.root, plain) = (PathBuf::from(&argument), 1),
            _ => wanted.only = Some(argument),
        }
    }
    thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || scan(&wanted))?
        .join()
        .map_err(|_| io::Error::other("the scan panicked"))?
}

/// What the command line asks for.
struct Wanted {
    root: PathBuf,
    only: Option<String>,
    fixes: bool,
    copy: Option<PathBuf>,
    json: bool,
}

/// How often a rule spoke, and had a fix.
#[derive(Debug, Default)]
struct Count {
    findings: u32,
    fixes: u32,
}

fn scan(wanted: &Wanted) -> io::Result<()> {
    let mut paths = Vec::new();
    files_below(&wanted.root, &mut paths)?;
    paths.sort();
    let options = Options { include_low_confidence: true, ..Options::default() };
    let (mut counts, mut skipped) = (BTreeMap::<String, Count>::new(), BTreeMap::<String, u32>::new());
    let (mut bytes, mut lines, mut looked_at, mut in_part) = (0, 0, 0, 0);
    let (mut refused, mut applied) = (0, 0);
    let started = Instant::now();
    for path in &paths {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let place = path.strip_prefix(&wanted.root).unwrap_or(path);
        let name = place.to_string_lossy();
        let answer = analyze(&name, &text, None, &options, &Limits::default());
        if wanted.json {
            print_json(&name, answer)?;
            continue;
        }
        let mut analysis = match answer {
            Ok(analysis) => analysis,
            Err(reason) => {
                *skipped.entry(reason.to_string()).or_default() += 1;
                continue;
            }
        };
        bytes += text.len();
        lines += text.lines().filter(|line| !line.trim().is_empty()).count();
        looked_at += 1;
        refused += analysis.refused_fixes;
        if let Some(partial) = &analysis.partial {
            in_part += 1;
            println!("{name}: {partial}");
        }
        for finding in &analysis.findings {
            let count = counts.entry(finding.rule_id.clone()).or_default();
            count.findings += 1;
            count.fixes += u32::from(finding.fixable);
        }
        analysis.findings.retain(|finding| wanted.only.as_ref().is_none_or(|id| *id == finding.rule_id));
        for finding in &analysis.findings {
            let line = text.lines().nth(finding.start_line as usize - 1).unwrap_or_default().trim();
            println!("{} {}:{} {line}", finding.rule_id, path.display(), finding.start_line);
            if let Some(fix) = finding.fix.as_ref().filter(|_| wanted.fixes) {
                print_change(&text, fix);
            }
        }
        let fixes: Vec<&Fix> = analysis.findings.iter().filter_map(|finding| finding.fix.as_ref()).collect();
        if let Some(copy) = wanted.copy.as_ref().filter(|_| !fixes.is_empty()) {
            let (mended, done) = apply_fixes(&text, &fixes);
            applied += done.iter().filter(|done| **done).count();
            let target = copy.join(place);
            fs::create_dir_all(target.parent().unwrap_or(copy))?;
            fs::write(target, mended)?;
        }
    }
    if wanted.json {
        return Ok(());
    }
    // `evidence/precision.py` reads this, and the last line, of lines that aren't blank.
    let found: BTreeMap<&String, u32> = counts.iter().map(|(rule, count)| (rule, count.findings)).collect();
    println!("\n{found:#?}\nskipped {skipped:#?}");
    let (findings, fixes) = counts.values().fold((0, 0), |sum, count| (sum.0 + count.findings, sum.1 + count.fixes));
    println!("{findings} findings, {fixes} fixes, {refused} refused, {applied} applied");
    println!("looked at {looked_at} files, {lines} lines, {in_part} in part: {bytes} bytes in {:?}", started.elapsed());
    Ok(())
}

fn print_json(name: &str, answer: Result<FileAnalysis, Skipped>) -> io::Result<()> {
    let line = match answer {
        Ok(analysis) => serde_json::to_string(&(name, analysis))?,
        Err(skipped) => serde_json::to_string(&(name, skipped))?,
    };
    println!("{line}");
    Ok(())
}

fn print_change(text: &str, fix: &Fix) {
    let count = (fix.end_line - fix.start_line + 1) as usize;
    for line in text.lines().skip(fix.start_line as usize - 1).take(count) {
        println!("    - {line}");
    }
    for line in fix.replacement.lines() {
        println!("    + {line}");
    }
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
