//! `eco-coder profile`: where a profile's time and memory go, and how two of them differ. Reads one or two files, and prints
//! text that fits a terminal, JSON, or a flame graph.

mod figures;
mod table;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use eco_coder_profile::{
    Functions, Limits, Options, Profile, compare, flame_graph, flame_graph_of_difference, read, shown,
};
use serde::Serialize;

/// Arguments of `profile`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  eco-coder profile show cpu.pprof                            the functions that use most
  eco-coder profile show app.cpuprofile --format svg > a.svg  a flame graph, without scripts
  eco-coder profile show heap.pb.gz --sample-type alloc_space
  eco-coder profile compare base.pprof head.pprof             both sides, function by function

Formats, told apart by their content, gzip or not: pprof, folded stacks, the output of `perf script`,
.cpuprofile of Node and Chrome, speedscope's JSON (py-spy). docs/profiles.md says how to record each.")]
pub struct ProfileArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The functions of a profile that use most CPU time and memory
    Show {
        /// The profile; - reads standard input
        file: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// What each function uses in two profiles; no verdict: one profile of each says nothing of noise
    Compare {
        /// The profile of the base
        base: PathBuf,
        /// The profile of the head
        head: PathBuf,
        #[command(flatten)]
        how: How,
    },
}

/// What both take.
#[derive(Debug, Args)]
struct How {
    /// text, json, or svg: a flame graph, of two profiles that of their difference
    #[arg(long, default_value = "text", value_enum)]
    format: Shape,
    /// What to look at, if the profile has several: cpu, wall, samples, inuse_space, alloc_space
    #[arg(long, value_name = "NAME")]
    sample_type: Option<String>,
    /// How many functions
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    top: u32,
    /// CPU time that one count of folded stacks stands for, ms
    #[arg(long, value_name = "MS")]
    folded_sample_ms: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Text,
    Json,
    Svg,
}

/// Runs `profile`.
pub fn run(args: &ProfileArgs) -> anyhow::Result<()> {
    match &args.command {
        Command::Show { file, how } => show(&open(file, how)?, file, how),
        Command::Compare { base, head, how } => compared(&open(base, how)?, &open(head, how)?, how),
    }
}

fn show(profile: &Profile, file: &Path, how: &How) -> anyhow::Result<()> {
    let chosen = profile.choose(how.sample_type.as_deref())?;
    match how.format {
        Shape::Svg => print(&flame_graph(profile, chosen)?),
        Shape::Json => print(&format!("{:#}\n", serde_json::to_value(shown_as_json(profile, chosen, how.top))?)),
        Shape::Text => {
            print(&table::of_profile(profile, &sections(profile, chosen, how), &name(file), how.top as usize))
        }
    }
}

/// The sample type that was chosen; and if nobody chose and it isn't memory, memory, too.
fn sections(profile: &Profile, chosen: usize, how: &How) -> Vec<usize> {
    let memory = profile.memory().filter(|memory| *memory != chosen && profile.total(*memory) > 0.0);
    std::iter::once(chosen).chain(memory.filter(|_| how.sample_type.is_none())).collect()
}

fn compared(base: &Profile, head: &Profile, how: &How) -> anyhow::Result<()> {
    let name = how.sample_type.as_deref();
    if how.format == Shape::Svg {
        return print(&flame_graph_of_difference(base, head, name)?);
    }
    let mut comparison = compare(base, head, name)?;
    let all = comparison.rows.len();
    comparison.rows.truncate(how.top as usize);
    if how.format == Shape::Json {
        return print(&format!("{:#}\n", serde_json::to_value(&comparison)?));
    }
    print(&table::of_comparison(&comparison, all))
}

/// A profile, as `--format json` prints it.
#[derive(Serialize)]
struct ShownProfile<'a> {
    format: eco_coder_profile::Format,
    samples: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    sample_types: &'a [eco_coder_profile::SampleType],
    /// What `functions` is about.
    sample_type: &'a str,
    /// In the sample type's unit.
    total: f64,
    functions: Vec<ShownFunction<'a>>,
}

#[derive(Serialize)]
struct ShownFunction<'a> {
    function: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    file: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    module: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(rename = "self")]
    itself: f64,
    total: f64,
    self_share: f64,
    total_share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_ms: Option<f64>,
}

fn shown_as_json(profile: &Profile, sample_type: usize, top: u32) -> ShownProfile<'_> {
    let functions = Functions::of(profile, sample_type);
    let kind = profile.sample_types().get(sample_type);
    let ms = |value: f64| kind.and_then(|kind| kind.ms).map(|ms| value * ms);
    let rows = functions.top(top as usize).into_iter().map(|one| ShownFunction {
        function: &one.function.name,
        file: &one.function.file,
        module: &one.function.module,
        line: Some(one.line).filter(|line| *line > 0),
        itself: one.itself,
        total: one.total,
        self_share: functions.share(one.itself),
        total_share: functions.share(one.total),
        self_ms: ms(one.itself),
        total_ms: ms(one.total),
    });
    ShownProfile {
        format: profile.format(),
        samples: profile.samples(),
        duration_ms: profile.duration_ms(),
        sample_types: profile.sample_types(),
        sample_type: kind.map_or("", |kind| &kind.name),
        total: functions.total(),
        functions: rows.collect(),
    }
}

fn open(path: &Path, how: &How) -> anyhow::Result<Profile> {
    let limits = Limits::of_a_person();
    let mut bytes = Vec::new();
    // One byte more than is read: enough for its refusal, however large it is.
    let most = limits.max_input_bytes as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).context("standard input can't be read")?;
    } else {
        if path.is_dir() {
            bail!("{} is a folder; name the profile in it", name(path));
        }
        let file = File::open(path).with_context(|| format!("{} can't be opened", name(path)))?;
        // A file says how long it is: growing a buffer to it takes twice the room.
        let length = file.metadata().map_or(0, |data| data.len()).min(most);
        bytes.reserve_exact(usize::try_from(length).unwrap_or(0).saturating_add(1));
        file.take(most).read_to_end(&mut bytes).with_context(|| format!("{} can't be read", name(path)))?;
    }
    let options = Options { folded_sample_ms: how.folded_sample_ms };
    read(&bytes, &options, &limits).with_context(|| name(path))
}

/// A file name may hold anything; a terminal must not obey it.
fn name(path: &Path) -> String {
    shown(path.to_string_lossy().as_bytes())
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests;
