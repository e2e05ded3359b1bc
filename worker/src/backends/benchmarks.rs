//! Benchmark results in files, of base and head: `DIR/OWNER/REPO/SHA/`, with what lies below it. Reads and compares, never writes;
//! one pair is in memory at a time, over all reviews.

use std::io;
use std::path::{Path, PathBuf};

use eco_coder_bench::{Comparison, MAX_FILES, Metric, Options, ReadError, Reading, Row, compare, may_hold_results};
use eco_coder_carbon::Input;
use eco_coder_shared::ids::{CommitSha, RepoName};

use super::cpu::CpuPool;
use super::cpu::budget::CpuBudget;
use super::measured::{self, MeasuredFootprint};
use crate::results::{Benchmarks, CarbonChange};
use crate::subject::Target;

/// Bytes of one side's files together.
const MAX_BYTES: u64 = 128 << 20;
/// Folders below the one that is given.
const MAX_DEPTH: usize = 16;
/// Rows that are kept, those that say something first.
const MAX_ROWS: usize = 200;
/// Remarks that are kept.
const MAX_REMARKS: usize = 10;
/// Executions that a footprint's change is told of.
const EXECUTIONS: u32 = 1_000_000;
/// The reader's stack: JSON is read up to a depth of 128.
const STACK_BYTES: usize = 4 << 20;

/// The engine.
pub struct BenchmarkFiles {
    dir: PathBuf,
    /// Of one thread: it has one pair in hand.
    reader: CpuPool,
}

/// Why one side can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// The disk, or a right to it.
    #[error("{path} can't be read: {error}")]
    Io {
        /// Which file or folder.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// More than is read.
    #[error("{path}: more than {what}: give a part of it")]
    TooMuch {
        /// Which folder.
        path: String,
        /// Than what.
        what: String,
    },
    /// Nothing is there.
    #[error("{path} is neither a file nor a folder")]
    NotThere {
        /// What was named.
        path: String,
    },
    /// A folder of other things.
    #[error("{path} holds no file that could be benchmark results")]
    Nothing {
        /// Which folder.
        path: String,
    },
    /// No results, or broken ones.
    #[error("{path}: {error}")]
    Read {
        /// Which file or folder.
        path: String,
        /// What is wrong with it.
        error: ReadError,
    },
}

impl BenchmarkFiles {
    /// Looks in `dir`.
    pub fn new(dir: PathBuf) -> io::Result<Self> {
        Ok(Self { dir, reader: CpuPool::start(1, STACK_BYTES)? })
    }

    /// The files' names, sizes and times on both sides: changes when there are others. Cheap.
    pub async fn fingerprint(&self, repository: &RepoName, base: &CommitSha, head: &CommitSha) -> String {
        let sides = [self.place(repository, base), self.place(repository, head)];
        let look = move || sides.map(|side| fingerprint(&side).unwrap_or_default()).join("\n\n");
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// Is there anything of this commit? Cheap.
    pub async fn has_results(&self, repository: &RepoName, sha: &CommitSha) -> bool {
        tokio::fs::metadata(self.place(repository, sha)).await.is_ok_and(|place| place.is_dir())
    }

    /// Base against head; `None`: head has no results.
    pub async fn compared(&self, target: &Target, carbon: &Input) -> Option<Benchmarks> {
        let (base, head) =
            (self.place(&target.repository, &target.merge_base_sha), self.place(&target.repository, &target.head_sha));
        let carbon = carbon.clone();
        let work = move |_| head.is_dir().then(|| both(&base, &head, &carbon));
        match self.reader.run(target.repository_id, &CpuBudget::unlimited(), work).await {
            Ok((compared, _)) => compared,
            Err(error) => Some(Benchmarks::without(error.to_string())),
        }
    }

    fn place(&self, repository: &RepoName, sha: &CommitSha) -> PathBuf {
        self.dir.join(repository.owner()).join(repository.name()).join(sha.as_str())
    }
}

fn both(base: &Path, head: &Path, carbon: &Input) -> Benchmarks {
    let head = match side(head, MAX_BYTES) {
        Ok(reading) => reading,
        Err(error) => return Benchmarks::without(format!("head: {}", words(&error, head))),
    };
    if !base.is_dir() {
        return Benchmarks::without("there are no results of the base to compare head's with".to_owned());
    }
    let base = match side(base, MAX_BYTES) {
        Ok(reading) => reading,
        Err(error) => return Benchmarks::without(format!("base: {}", words(&error, base))),
    };
    let comparison = compare(&base.benchmarks, &head.benchmarks, &Options::default());
    let co2e = comparison.rows.iter().filter_map(|row| change(row, carbon)).take(MAX_ROWS).collect();
    let remarks = [("base", base.remarks), ("head", head.remarks)].into_iter();
    let remarks = remarks.flat_map(|(side, all)| all.into_iter().map(move |one| format!("{side}: {one}")));
    Benchmarks { remarks: remarks.take(MAX_REMARKS).collect(), comparison: bounded(comparison), co2e }
}

/// Without the place on this machine.
fn words(error: &SideError, place: &Path) -> String {
    error.to_string().replace(&place.display().to_string(), "results")
}

/// Those that changed first, then those without a verdict; the sentence is of all.
fn bounded(mut comparison: Comparison) -> Comparison {
    if comparison.rows.len() > MAX_ROWS {
        let weight = |row: &Row| u8::from(row.verdict.is_worse()) * 2 + u8::from(row.verdict.is_better());
        comparison.rows.sort_by_key(|row| std::cmp::Reverse(weight(row)));
        comparison.rows.truncate(MAX_ROWS);
    }
    comparison.only_in_base.truncate(MAX_ROWS);
    comparison.only_in_head.truncate(MAX_ROWS);
    comparison
}

/// What a changed time means in CO2e, one execution keeping one thread busy for that long.
fn change(row: &Row, carbon: &Input) -> Option<CarbonChange> {
    if !matches!(row.metric, Metric::Time | Metric::CpuTime) || !(row.verdict.is_worse() || row.verdict.is_better()) {
        return None;
    }
    let input = Input { execution_count: EXECUTIONS.into(), ..carbon.clone() };
    let grams = |nanoseconds: f64, samples: usize| {
        let cpu = measured::of_a_benchmark(nanoseconds / 1e9, samples as u64, &row.name)?;
        MeasuredFootprint::of(&cpu, None, &input).ok().map(|footprint| footprint.co2e_grams)
    };
    let base = grams(row.base?, row.samples[0])?;
    // A million executions cost their mean.
    let (ratio, ends) = match row.mean_ratio {
        Some(mean) => (mean.ratio, Some((mean.low, mean.high))),
        None => (row.ratio?, row.ci_low.zip(row.ci_high)),
    };
    let interval = ends.map(|(low, high)| (base * (low - 1.0), base * (high - 1.0)));
    Some(CarbonChange {
        name: row.name.clone(),
        executions: EXECUTIONS.into(),
        base_g: base,
        head_g: base * ratio,
        interval_g: interval,
    })
}

/// The results below a folder, or in a file, of at most so many bytes.
pub fn side(path: &Path, max_bytes: u64) -> Result<Reading, SideError> {
    let place = || path.display().to_string();
    let mut paths = Vec::new();
    if path.is_dir() {
        collect(path, 0, &mut paths)?;
    } else if path.is_file() {
        paths.push(path.to_owned());
    } else {
        return Err(SideError::NotThere { path: place() });
    }
    if paths.is_empty() {
        return Err(SideError::Nothing { path: place() });
    }
    let mut total = 0;
    let mut files = Vec::with_capacity(paths.len());
    for file in paths {
        let unreadable = |error| SideError::Io { path: file.display().to_string(), error };
        total += std::fs::metadata(&file).map_err(unreadable)?.len();
        if total > max_bytes {
            let what = format!("{} MiB of results", max_bytes >> 20);
            return Err(SideError::TooMuch { path: place(), what });
        }
        let bytes = std::fs::read(&file).map_err(unreadable)?;
        files.push((file.strip_prefix(path).unwrap_or(&file).to_string_lossy().into_owned(), bytes));
    }
    if let [(name, _)] = files.as_mut_slice() {
        *name = place();
    }
    eco_coder_bench::read(&files).map_err(|error| SideError::Read { path: place(), error })
}

/// Files below a folder, in the order of their names; links are not followed.
fn collect(path: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), SideError> {
    let unreadable = |error| SideError::Io { path: path.display().to_string(), error };
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(unreadable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (below, kind) = (entry.path(), entry.file_type().map_err(unreadable)?);
        if kind.is_dir() && depth < MAX_DEPTH {
            collect(&below, depth + 1, paths)?;
        } else if kind.is_file() && may_hold_results(&below.to_string_lossy()) {
            if paths.len() >= MAX_FILES {
                return Err(SideError::TooMuch {
                    path: path.display().to_string(),
                    what: format!("{MAX_FILES} files"),
                });
            }
            paths.push(below);
        }
    }
    Ok(())
}

fn fingerprint(dir: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    if !dir.is_dir() || collect(dir, 0, &mut paths).is_err() {
        return Ok(String::new());
    }
    let one = |path: &PathBuf| {
        let metadata = std::fs::metadata(path)?;
        Ok(format!("{}:{}:{:?}", path.display(), metadata.len(), metadata.modified()?))
    };
    Ok(paths.iter().map(one).collect::<io::Result<Vec<_>>>()?.join("\n"))
}

#[cfg(test)]
mod tests;
