//! `eco-coder scan`: whole files and folders, every line, without git or GitHub. Changes files only if asked to, by `--fix`.

mod fix;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use clap::Args;
use eco_coder_analyzer::{Category, Finding, Fix, Limits, Options, STACK_BYTES, Severity, Skipped, analyze, skip_path};
use eco_coder_worker::repository::{self, Compiled, RepositorySettings};
use serde::Serialize;

use self::fix::Mended;
use super::sarif;
use super::terminal::{Progress, Style, out};

/// Arguments of `scan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  eco-coder scan src
  eco-coder scan app.py lib/ --format json
  eco-coder scan . --fail-on high
  eco-coder scan src --fix                             applies the mechanical fixes there are
  eco-coder scan . --format sarif > eco-coder.sarif    for GitHub code scanning

`.eco-coder.toml` of the folder you are in says which rules speak, and has rules of your own
(docs/repository-settings.md).")]
pub struct ScanArgs {
    /// Files and folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// markdown, json or sarif
    #[arg(long, default_value = "markdown", value_parser = ["markdown", "json", "sarif"])]
    format: String,
    /// Files looked at at once; without it, as many as there are processors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Exit with 1 if there is a finding of this severity or above
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// Rules that are off
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    disable: Vec<String>,
    /// The repository's settings; without it, .eco-coder.toml of this folder if there is one, and "none" for none
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Apply the mechanical fixes there are to the files, and tell what is left
    #[arg(long)]
    fix: bool,
}

/// One finding, as `--format json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    file_path: &'a str,
    start_line: u32,
    end_line: u32,
    rule_id: &'a str,
    aliases: &'a [String],
    severity: Severity,
    category: Category,
    description: &'a str,
    recommendation: &'a str,
    /// Lines to put in place of others, if that mends it.
    fix: Option<FixRow<'a>>,
}

/// A fix, as `--format json` prints it.
#[derive(Serialize)]
struct FixRow<'a> {
    /// From 1.
    start_line: u32,
    /// Inclusive.
    end_line: u32,
    /// Without a line break at its end; empty: the lines are removed.
    replacement: &'a str,
}

/// Runs `scan`.
pub fn run(args: &ScanArgs) -> anyhow::Result<ExitCode> {
    let mut files = BTreeSet::new();
    for path in &args.paths {
        anyhow::ensure!(path.exists(), "{} does not exist", path.display());
        collect(path, &mut files, true)?;
    }
    let files: Vec<PathBuf> = files.into_iter().collect();
    let repository = repository(args.settings.as_deref())?.compile();
    for problem in &repository.problems {
        eprintln!("eco-coder: {}", printable(problem));
    }
    let disabled_rules = args.disable.iter().cloned().collect();
    let chosen = Chosen { operator: Options { disabled_rules, ..Options::default() }, repository };
    let Scanned { mut findings, mut gaps, mut mended, mut unwritten } = scan(&files, &chosen, args.jobs, args.fix)?;
    findings.sort_by(|a, b| (&a.file_path, a.start_line, &a.rule_id).cmp(&(&b.file_path, b.start_line, &b.rule_id)));
    mended.sort_by(|a, b| a.0.cmp(&b.0));
    unwritten.sort();
    gaps.sort();
    tell_of_fixes(&mended, &unwritten);
    match args.format.as_str() {
        "json" => {
            tell_of_gaps(&gaps);
            let rows: Vec<Row<'_>> = findings.iter().map(row).collect();
            out!("{}", serde_json::to_string_pretty(&rows)?);
        }
        "sarif" => {
            tell_of_gaps(&gaps);
            out!("{}", serde_json::to_string_pretty(&sarif::log(&findings.iter().collect::<Vec<_>>()))?);
        }
        _ => print_markdown(&findings, files.len(), &gaps)?,
    }
    let failed =
        !unwritten.is_empty() || args.fail_on.is_some_and(|least| findings.iter().any(|f| f.severity >= least));
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn row(finding: &Finding) -> Row<'_> {
    Row {
        file_path: &finding.file_path,
        start_line: finding.start_line,
        end_line: finding.end_line,
        rule_id: &finding.rule_id,
        aliases: &finding.aliases,
        severity: finding.severity,
        category: finding.category,
        description: &finding.description,
        recommendation: &finding.recommendation,
        fix: finding.fix.as_ref().map(|Fix { start_line, end_line, replacement }| FixRow {
            start_line: *start_line,
            end_line: *end_line,
            replacement,
        }),
    }
}

/// What is said of rules: on the command line, and in the repository.
struct Chosen {
    operator: Options,
    repository: Compiled,
}

/// The repository's settings, and the rules that they name.
fn repository(file: Option<&Path>) -> anyhow::Result<RepositorySettings> {
    let usual = Path::new(repository::PATH);
    let path = match file {
        Some(path) if path == Path::new("none") => return Ok(RepositorySettings::default()),
        None if !usual.exists() => return Ok(RepositorySettings::default()),
        chosen => chosen.unwrap_or(usual),
    };
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()));
    let mut settings = RepositorySettings::of(&read(path)?);
    let folder = path.parent().unwrap_or(Path::new(""));
    for name in settings.rule_files().to_vec() {
        let text = read(&folder.join(&name))?;
        settings.add_rules(name, text);
    }
    Ok(settings)
}

/// Files below `path` that the analyser has rules for. Hidden folders and links are not followed; a file named by the
/// user is always taken.
fn collect(path: &Path, files: &mut BTreeSet<PathBuf>, named: bool) -> anyhow::Result<()> {
    if named && !path.is_file() && !path.is_dir() {
        anyhow::bail!("{} is neither a file nor a folder", path.display());
    }
    if path.is_file() {
        if named || skip_path(&path.to_string_lossy()).is_none() {
            files.insert(path.to_owned());
        }
        return Ok(());
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries: Vec<_> = match entries {
        Ok(entries) => entries,
        Err(e) if named => anyhow::bail!("{} can't be read: {e}", path.display()),
        // One closed folder is no reason to look at nothing: it is listed with the files that can't be read.
        Err(_) => {
            files.insert(path.to_owned());
            return Ok(());
        }
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type()?;
        if !hidden && (kind.is_dir() || kind.is_file()) {
            collect(&entry.path(), files, false)?;
        }
    }
    Ok(())
}

/// What came of all files, in no order.
#[derive(Default)]
struct Scanned {
    findings: Vec<Finding>,
    gaps: Vec<Gap>,
    mended: Vec<(PathBuf, Mended)>,
    /// Files whose fixes were not written, and why.
    unwritten: Vec<(PathBuf, String)>,
}

/// A file that was not looked at, or not all of it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Gap {
    path: PathBuf,
    extent: Extent,
    reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    Whole,
    Part,
}

/// What came of one.
#[derive(Default)]
struct Looked {
    findings: Vec<Finding>,
    /// Why it was looked at only in part.
    partial: Option<String>,
    mended: Mended,
    unwritten: Option<String>,
}

/// Analyses on that many threads, or as many as there are processors, with the stacks that deep files need.
fn scan(files: &[PathBuf], chosen: &Chosen, jobs: Option<u16>, fix: bool) -> anyhow::Result<Scanned> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Scanned> = Mutex::default();
    let progress = Progress::start("analysing", files.len());
    // The largest first, so that no thread is left with one when the others are done.
    let mut sized: Vec<(&Path, std::io::Result<u64>)> =
        files.iter().map(|path| (path.as_path(), std::fs::metadata(path).map(|data| data.len()))).collect();
    sized.sort_by_key(|(_, size)| Reverse(*size.as_ref().unwrap_or(&0)));
    let work = || {
        while let Some((path, size)) = sized.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = look_at(path, size, chosen, fix);
            progress.step();
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match outcome {
                Ok(looked) => {
                    let gap = |reason| Gap { path: path.to_path_buf(), extent: Extent::Part, reason };
                    found.gaps.extend(looked.partial.map(gap));
                    found.findings.extend(looked.findings);
                    found.unwritten.extend(looked.unwritten.map(|reason| (path.to_path_buf(), reason)));
                    if looked.mended != Mended::default() {
                        found.mended.push((path.to_path_buf(), looked.mended));
                    }
                }
                Err(reason) => found.gaps.push(Gap { path: path.to_path_buf(), extent: Extent::Whole, reason }),
            }
        }
    };
    let threads = jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    std::thread::scope(|scope| -> std::io::Result<()> {
        for _ in 0..threads {
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work)?;
        }
        Ok(())
    })?;
    progress.finish();
    Ok(found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn look_at(path: &Path, size: &std::io::Result<u64>, chosen: &Chosen, fix: bool) -> Result<Looked, String> {
    // As the repository's settings call it.
    let name = path.to_string_lossy();
    let name = name.strip_prefix("./").unwrap_or(&name);
    if chosen.repository.exclude().is_match(name) {
        return Err(format!("excluded by {}", repository::PATH));
    }
    let options = &chosen.repository.options(name, &chosen.operator);
    let limits = Limits::default();
    let size = *size.as_ref().map_err(ToString::to_string)?;
    if size > limits.max_bytes as u64 {
        return Err(Skipped::TooLarge { bytes: size, limit: limits.max_bytes as u64 }.to_string());
    }
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned())?;
    let analysis = analyze(&path.to_string_lossy(), &text, None, options, &limits).map_err(|s| s.to_string())?;
    if !fix || analysis.findings.iter().all(|finding| finding.fix.is_none()) {
        return Ok(Looked { findings: analysis.findings, partial: analysis.partial, ..Looked::default() });
    }
    let (after, mended, left) = fix::mend(path, &text, options).map_err(|s| s.to_string())?;
    Ok(match fix::replace(path, &text, &after) {
        Ok(()) => Looked { findings: left.findings, partial: left.partial, mended, unwritten: None },
        Err(reason) => Looked {
            findings: analysis.findings,
            partial: analysis.partial,
            unwritten: Some(reason),
            ..Looked::default()
        },
    })
}

/// What `--fix` did, and what it couldn't, on standard error: standard output is the report of what is left.
fn tell_of_fixes(mended: &[(PathBuf, Mended)], unwritten: &[(PathBuf, String)]) {
    for (path, done) in mended {
        let path = printable(&path.to_string_lossy());
        for (rule, line) in &done.fixes {
            eprintln!("fixed {path} line {line} {rule}");
        }
        if done.unfinished {
            eprintln!("{path}: there are more fixes; run it again");
        }
    }
    for (path, reason) in unwritten {
        eprintln!("not fixed {}: {reason}", printable(&path.to_string_lossy()));
    }
}

/// Where standard output is a list of findings and nothing else.
fn tell_of_gaps(gaps: &[Gap]) {
    for Gap { path, extent, reason } in gaps {
        let extent = match extent {
            Extent::Whole => "not looked at",
            Extent::Part => "looked at in part",
        };
        eprintln!("eco-coder: {}: {extent}: {}", printable(&path.to_string_lossy()), printable(reason));
    }
}

fn print_markdown(findings: &[Finding], files: usize, gaps: &[Gap]) -> anyhow::Result<()> {
    let style = Style::of_stdout();
    let mut last = "";
    for finding in findings {
        if finding.file_path != last {
            out!("{}### {}\n", if last.is_empty() { "" } else { "\n" }, style.bold(&printable(&finding.file_path)));
            last = &finding.file_path;
        }
        let lines = if finding.start_line == finding.end_line {
            format!("line {}", finding.start_line)
        } else {
            format!("lines {}-{}", finding.start_line, finding.end_line)
        };
        out!(
            "- **{}** ({}, {}) {lines}: {} {} `{}`{}",
            finding.title,
            style.severity(finding.severity),
            finding.category,
            finding.description,
            finding.recommendation,
            finding.rule_id,
            if finding.fixable { " fixable" } else { "" }
        );
    }
    let blank = if findings.is_empty() { "" } else { "\n" };
    let of = |extent: Extent| gaps.iter().filter(move |gap| gap.extent == extent);
    let (found, seen) = (findings.len(), files - of(Extent::Whole).count());
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    out!("{blank}{found} finding{} in {seen} file{}.", plural(found), plural(seen));
    let fixable = findings.iter().filter(|finding| finding.fixable).count();
    if fixable > 0 {
        out!("{fixable} can be fixed with --fix.");
    }
    for (extent, title) in [(Extent::Whole, "Not looked at"), (Extent::Part, "Looked at in part")] {
        for (i, gap) in of(extent).enumerate() {
            if i == 0 {
                out!("\n{title}:\n");
            }
            out!("- {}: {}", printable(&gap.path.to_string_lossy()), gap.reason);
        }
    }
    Ok(())
}

/// A file name may hold anything; a terminal must not obey it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
