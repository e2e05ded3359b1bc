//! Files of benchmark tools, told apart by what is in them: untrusted bytes in, benchmarks out. Whatever is wrong with one
//! benchmark leaves that one out and is said; a file that can't be read at all is an error that says which forms can.
//!
//! Several files of one name are rounds: process runs of their own.

mod criterion;
mod go;
mod hyperfine;
mod jmh;
mod json;
mod pytest;

use std::collections::HashMap;

use crate::benchmark::{BadSample, Benchmark, Metric, Tool};
use json::{Kind, kind_of};

/// Most files of one side.
pub const MAX_FILES: usize = 20_000;

/// Longest file.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// Most benchmarks of one side.
pub const MAX_BENCHMARKS: usize = 5_000;

/// Most samples of one side, all benchmarks together.
pub const MAX_SAMPLES: usize = 5_000_000;

/// Remarks that are said in full.
const MAX_REMARKS: usize = 20;

/// What was read of one side.
#[derive(Debug, Default)]
pub struct Reading {
    /// The benchmarks, each name and metric once, in the order in which they were found.
    pub benchmarks: Vec<Benchmark>,
    /// What was left out and why, in words.
    pub remarks: Vec<String>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No file holds a benchmark.
    #[error(
        "no benchmark results here: they can be of criterion (target/criterion), cargo-criterion (JSON messages), pytest-benchmark \
             (JSON), go test -bench (text), hyperfine (JSON) or JMH (JSON){0}"
    )]
    Nothing(String),
    /// A file of a known form that is broken.
    #[error("{path} can't be read as results of {tool}: {reason}")]
    Broken {
        /// The file, as it was given.
        path: String,
        /// The form that it seems to have.
        tool: Tool,
        /// What is wrong.
        reason: String,
    },
    /// More than is taken.
    #[error("{what}: at most {limit} are compared at once; give fewer")]
    TooMuch {
        /// Files, benchmarks, samples.
        what: &'static str,
        /// How many are taken.
        limit: usize,
    },
}

/// Whether a file of a directory is worth reading, by its path: criterion's folders hold several others, and reports.
pub fn may_hold_results(path: &str) -> bool {
    let (folders, name) = path.rsplit_once(['/', '\\']).unwrap_or(("", path));
    let known =
        name.rsplit_once('.').is_none_or(|(_, end)| matches!(end, "json" | "jsonl" | "ndjson" | "txt" | "out" | "log"));
    let beside = matches!(name, "estimates.json" | "tukey.json" | "baseline.json");
    known && !beside && !name.starts_with('.') && !folders.split(['/', '\\']).any(|folder| folder == "report")
}

/// Reads one side: files as (path, bytes), in the order of their rounds.
pub fn read<P: AsRef<str>, B: AsRef<[u8]>>(files: &[(P, B)]) -> Result<Reading, ReadError> {
    if files.len() > MAX_FILES {
        return Err(ReadError::TooMuch { what: "files", limit: MAX_FILES });
    }
    let mut found = Found::default();
    let mut folders = criterion::Folders::default();
    for (index, (path, bytes)) in files.iter().enumerate() {
        let (path, bytes) = (path.as_ref(), bytes.as_ref());
        found.file = index;
        if bytes.len() > MAX_FILE_BYTES {
            found.remark(path, "longer than 64 MiB: left out");
            continue;
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let read = match kind_of(bytes) {
            Kind::Hyperfine => hyperfine::read(bytes, &mut found),
            Kind::Pytest => pytest::read(bytes, &mut found),
            Kind::Jmh => jmh::read(bytes, &mut found),
            Kind::CriterionSample => folders.sample(path, bytes, index),
            Kind::CriterionName => folders.name(path, bytes),
            Kind::Lines => json::lines(bytes, &mut found),
            Kind::Text => {
                go::read(bytes, &mut found);
                Ok(())
            }
            Kind::Other => Ok(()),
            Kind::Broken(reason) => {
                found.remark(path, &reason);
                Ok(())
            }
        };
        read.map_err(|error| error.of(path))?;
        found.within_bounds()?;
    }
    folders.into_benchmarks(&mut found);
    found.within_bounds()?;
    let reading = found.reading();
    if reading.benchmarks.is_empty() {
        let why = reading.remarks.join("; ");
        return Err(ReadError::Nothing(if why.is_empty() { why } else { format!(". {why}") }));
    }
    Ok(reading)
}

/// A file of a known form that is broken.
#[derive(Debug)]
struct Broken {
    tool: Tool,
    reason: String,
}

impl Broken {
    /// From serde's words, which name a line and a kind and never the text itself, but for unknown names: none is refused.
    fn json(tool: Tool, error: &serde_json::Error) -> Self {
        Self { tool, reason: printable(&error.to_string()) }
    }

    fn of(self, path: &str) -> ReadError {
        ReadError::Broken { path: printable(path), tool: self.tool, reason: self.reason }
    }
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Found {
    benchmarks: Vec<Benchmark>,
    /// Where a name and metric stands, and the file (and part of it) that it was last found in.
    places: HashMap<(String, Metric), (usize, (usize, usize))>,
    samples: usize,
    file: usize,
    /// A file may hold the output of several process runs, one after the other.
    part: usize,
    remarks: Vec<String>,
    more_remarks: usize,
}

impl Found {
    /// Takes a benchmark with its samples by round. In one file of one run, a name that comes again has more samples; in
    /// another, another round.
    fn add(&mut self, name: &str, metric: Metric, tool: Tool, rounds: &[Vec<f64>]) {
        self.take(name, Benchmark::new(name, metric, tool, rounds));
    }

    /// Takes a benchmark whose samples are missing.
    fn add_summary(&mut self, name: &str, metric: Metric, tool: Tool, summary: f64) {
        self.take(name, Benchmark::without_samples(name, metric, tool, summary));
    }

    fn take(&mut self, name: &str, benchmark: Result<Benchmark, BadSample>) {
        let benchmark = match benchmark {
            Ok(benchmark) => benchmark.in_one_session(),
            Err(problem) => return self.remark(name, &format!("{problem}: left out")),
        };
        self.samples += benchmark.samples().len();
        let run = (self.file, self.part);
        let key = (benchmark.name().to_owned(), benchmark.metric());
        let next = self.benchmarks.len();
        let (place, last) = self.places.entry(key).or_insert((next, run));
        match self.benchmarks.get_mut(*place) {
            Some(known) => known.append(benchmark, *last != run),
            None => self.benchmarks.push(benchmark),
        }
        *last = run;
    }

    /// Something was left out: of what, and why.
    fn remark(&mut self, of: &str, why: &str) {
        if self.remarks.len() < MAX_REMARKS {
            let of = if of.trim().is_empty() { "a benchmark" } else { of };
            self.remarks.push(format!("{}: {why}", printable(of)));
        } else {
            self.more_remarks += 1;
        }
    }

    fn within_bounds(&self) -> Result<(), ReadError> {
        if self.benchmarks.len() > MAX_BENCHMARKS {
            return Err(ReadError::TooMuch { what: "benchmarks", limit: MAX_BENCHMARKS });
        }
        if self.samples > MAX_SAMPLES {
            return Err(ReadError::TooMuch { what: "samples", limit: MAX_SAMPLES });
        }
        Ok(())
    }

    fn reading(mut self) -> Reading {
        // A mean of each file is no sample to speak of until there are files enough.
        let enough = |b: &Benchmark| b.metric() != Metric::CpuTime || b.sessions() >= crate::units::MIN_ROUNDS;
        self.benchmarks.retain(enough);
        if self.more_remarks > 0 {
            self.remarks.push(format!("and {} more", self.more_remarks));
        }
        Reading { benchmarks: self.benchmarks, remarks: self.remarks }
    }
}

/// Another's words in ours: short, and without what steers a terminal.
fn printable(text: &str) -> String {
    const MOST: usize = 120;
    let shown: String = text.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MOST).is_some() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests;
