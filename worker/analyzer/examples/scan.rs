//! Runs the rules over a directory and prints what they say, to judge a rule by what it does to well-kept code:
//! `scan DIRECTORY [RULE-ID]`. `scan DIRECTORY json` prints every finding, skipped and partial file as a line of JSON
//! in a fixed order, so that two builds can be compared. Reads files only.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs, io, thread};

use eco_coder_analyzer::{FileAnalysis, Limits, Options, STACK_BYTES, Skipped, analyze};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let root = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let only = arguments.next();
    thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || scan(&root, only.as_deref()))?
        .join()
        .map_err(|_| io::Error::other("the scan panicked"))?
}

fn scan(root: &Path, only: Option<&str>) -> io::Result<()> {
    let mut files = Vec::new();
    files_below(root, &mut files)?;
    files.sort();
    let options = Options { include_low_confidence: true, ..Options::default() };
    let (mut counts, mut skipped, mut bytes) = (BTreeMap::<String, u32>::new(), BTreeMap::<String, u32>::new(), 0);
    let started = Instant::now();
    for path in &files {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
        let answer = analyze(&name, &text, None, &options, &Limits::default());
        bytes += text.len();
        if only == Some("json") {
            print_json(&name, answer)?;
            continue;
        }
        match answer {
            Ok(analysis) => {
                if let Some(partial) = analysis.partial {
                    println!("{name}: {partial}");
                }
                for finding in analysis.findings {
                    *counts.entry(finding.rule_id.clone()).or_default() += 1;
                    if only.is_none_or(|id| id == finding.rule_id) {
                        let line = text.lines().nth(finding.start_line as usize - 1).unwrap_or_default().trim();
                        println!("{} {}:{} {line}", finding.rule_id, path.display(), finding.start_line);
                    }
                }
            }
            Err(reason) => *skipped.entry(reason.to_string()).or_default() += 1,
        }
    }
    if only != Some("json") {
        println!("\n{counts:#?}\nskipped {skipped:#?}\n{bytes} bytes in {:?}", started.elapsed());
    }
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
