//! `eco-coder bench`: benchmark results of base and head, read from files and compared. The verdicts are those of
//! eco-coder-bench; here are files, words and exit codes.

#![expect(clippy::print_stderr, reason = "what was left out is said beside the JSON, not in it")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use eco_coder_bench::{Comparison, Options, Reading, Row, Verdict, compare, figure, percent};
use eco_coder_worker::backends::benchmarks::side;

use super::terminal::{Style, out};

/// Bytes of one side's files together.
const MAX_BYTES: u64 = 512 << 20;

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compare benchmark results of two versions: what is faster, slower, or indistinguishable
    Compare(CompareArgs),
}

/// Arguments of `bench compare`.
#[derive(Debug, Args)]
#[command(
    after_help = "Results can be of criterion (target/criterion), cargo-criterion, pytest-benchmark, go test -bench, \
hyperfine and JMH. A verdict needs repeated samples, and several files of one side are rounds: docs/benchmarks.md.

Exit codes: 0 compared, whatever was found; 1 with --fail-on-slower, if something got slower or takes more memory; 2 \
nothing could be compared.

Examples:
  eco-coder bench compare base.json head.json
  eco-coder bench compare base/ head/ --fail-on-slower      # a file for each round
  eco-coder bench compare base.txt head.txt --format json"
)]
struct CompareArgs {
    /// Results of the base: a file, or a folder of files
    base: PathBuf,
    /// Results of the head: a file, or a folder of files
    head: PathBuf,
    /// text or json
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// A change of less than this is none, however sure
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, value_parser = of_percent)]
    min_change: f64,
    /// Show every benchmark, not only what changed
    #[arg(long)]
    all: bool,
    /// Exit with 1 if something got slower or takes more memory
    #[arg(long)]
    fail_on_slower: bool,
}

fn of_percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=1000.0).contains(&percent) => Ok(percent),
        _ => Err("must be a number of percent, 0 to 1000".to_owned()),
    }
}

/// Runs `bench`.
pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let Action::Compare(args) = &args.action;
    let (base, head) = (side(&args.base, MAX_BYTES)?, side(&args.head, MAX_BYTES)?);
    let options = Options { threshold: args.min_change / 100.0, ..Options::default() };
    let compared = compare(&base.benchmarks, &head.benchmarks, &options);
    anyhow::ensure!(!compared.rows.is_empty(), "{}", strangers(&compared));
    let left_out = left_out(&base, &head, &compared);
    if args.format == "json" {
        for line in &left_out {
            eprintln!("eco-coder: {line}");
        }
        out!("{}", serde_json::to_string_pretty(&compared.rows)?);
    } else {
        out!("{}", text(&compared, &left_out, args.all, Style::of_stdout()).trim_end());
    }
    let worse = compared.rows.iter().any(|row| row.verdict.is_worse());
    Ok(if args.fail_on_slower && worse { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn strangers(compared: &Comparison) -> String {
    let some = |names: &[String]| names.iter().take(3).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!(
        "base and head have no benchmark in common: base has {}, head has {}. Give them the same names (hyperfine: \
         --command-name)",
        some(&compared.only_in_base),
        some(&compared.only_in_head)
    )
}

/// What isn't in the rows, a line each.
fn left_out(base: &Reading, head: &Reading, compared: &Comparison) -> Vec<String> {
    const NAMED: usize = 10;
    let only = |side: &str, names: &[String]| {
        let shown = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!names.is_empty()).then(|| format!("only in {side}: {shown}{more}"))
    };
    let remarks = |side: &'static str, reading: &Reading| {
        reading.remarks.iter().map(move |remark| format!("{side}: {remark}")).collect::<Vec<_>>()
    };
    let only = [only("base", &compared.only_in_base), only("head", &compared.only_in_head)];
    only.into_iter().flatten().chain(remarks("base", base)).chain(remarks("head", head)).collect()
}

/// The sentence, a table of what changed, and what there is no verdict of.
fn text(compared: &Comparison, left_out: &[String], all: bool, style: Style) -> String {
    let mut text = format!("{}\n", style.bold(&compared.sentence()));
    let shown: Vec<&Row> =
        compared.rows.iter().filter(|row| all || row.verdict != Verdict::Indistinguishable).collect();
    let cells: Vec<[String; 6]> = shown.iter().map(|row| cells(row)).collect();
    if !cells.is_empty() {
        let head = ["benchmark", "base", "head", "change (95% interval)", "samples", "noise"].map(str::to_owned);
        let width =
            |column: usize| cells.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        text.push('\n');
        for (row, verdict) in std::iter::once((&head, None)).chain(cells.iter().zip(shown.iter().map(|row| Some(*row))))
        {
            let line = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            });
            text.push_str(&line.collect::<String>());
            text.push_str(&verdict.map(|row| format!("  {}", in_colour(row, style))).unwrap_or_default());
            text.push('\n');
        }
    }
    let reasons: Vec<String> = shown
        .iter()
        .filter_map(|row| Some((row, row.reason.as_ref()?)))
        .map(|(row, reason)| format!("- `{}`{}: {reason}\n", row.name, row.metric.label()))
        .collect();
    for (title, lines) in [("", reasons), ("Left out:\n", left_out.iter().map(|line| format!("- {line}\n")).collect())]
    {
        if !lines.is_empty() {
            text.extend(["\n", title, &lines.concat()]);
        }
    }
    let detectable = compared.rows.iter().filter_map(|row| row.detectable).fold(0.0, f64::max);
    if detectable > 0.0 {
        let least = percent(detectable);
        text.extend(["\nA change of ", &least, " or more would have been found in 4 of 5 such comparisons.\n"]);
    }
    text
}

fn cells(row: &Row) -> [String; 6] {
    let of = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| figure(row.metric, value));
    let [base, head] = row.samples;
    let samples = if base == head { base.to_string() } else { format!("{base}, {head}") };
    let noise = row.noise.map_or_else(|| "-".to_owned(), percent);
    [
        format!("{}{}", row.name, row.metric.label()),
        of(row.base),
        of(row.head),
        row.change().unwrap_or_else(|| "-".to_owned()),
        samples,
        noise,
    ]
}

fn in_colour(row: &Row, style: Style) -> String {
    match row.verdict {
        Verdict::Slower => style.bold("slower"),
        Verdict::More => style.bold("more"),
        Verdict::Faster => style.good("faster"),
        Verdict::Less => style.good("less"),
        Verdict::Indistinguishable => style.dim("indistinguishable"),
        Verdict::NoVerdict => style.dim("no verdict"),
    }
}
