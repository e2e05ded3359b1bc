//! Profile files: bytes of a pprof protobuf (gzip or plain) or of folded stacks in, where the time goes out. Pure: never
//! opens a file. A profile comes from outside: what it can make this code hold or do is bounded by [`Limits`], and names
//! are shortened and stripped of what doesn't show.
//!
//! What a profile doesn't say is absent: folded stacks have no unit, wall-clock samples are no CPU time, a heap has no
//! share of the CPU, and no sampling profiler counts invocations.

mod folded;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod messages;
pub(super) mod name;
mod protobuf;
mod tally;
mod wire;

use std::io::Read;

use flate2::bufread::GzDecoder;
use serde::{Deserialize, Serialize};

/// A profile, as far as it can be derived from the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// CPU time of all samples, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_cpu_time_ms: Option<f64>,
    /// Memory of a heap profile, MB of 2^20 bytes: in use, or (if the file has only that) allocated over its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_memory_mb: Option<f64>,
    /// How long was sampled, wall time, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// What the bottlenecks' figures are shares of, as the file names it: `cpu`, `samples`, `wall`, `inuse_space`.
    pub sample_type: String,
    /// The functions that use most, by self time, then total time. Empty for a heap profile.
    pub bottlenecks: Vec<Bottleneck>,
    /// How many samples the figures rest on.
    pub samples: u64,
}

/// A function, and what it uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// As the profiler names it, at most 500 characters.
    pub function_name: String,
    /// As the profiler names it, often absolute; at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_path: Option<String>,
    /// The line of the function that most samples are on, else where it starts. From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_number: Option<u32>,
    /// Share of the profile in the function itself, without what it calls: 0 to 100. Over all functions at most 100.
    pub cpu_percentage: f64,
    /// Share of the profile in the function and what it calls: 0 to 100. A recursive call counts once. Only of profiles
    /// whose times may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_percentage: Option<f64>,
    /// Time in the function itself, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_time_ms: Option<f64>,
    /// Time in the function and what it calls, ms. A recursive call counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_time_ms: Option<f64>,
    /// How often it was called; sampling profilers don't know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_count: Option<u64>,
}

/// How much of a profile is read before it is refused. Reading holds the unzipped file and, for each entry, less than
/// 1 KB: 240 MB for the worst file within the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file. Beyond: an error.
    pub max_input_bytes: usize,
    /// Bytes after unzipping. Beyond: an error.
    pub max_unzipped_bytes: usize,
    /// Samples, or lines of folded stacks. Beyond: an error.
    pub max_samples: usize,
    /// Entries of a table: strings, functions and locations, lines, different frames. Beyond: an error.
    pub max_entries: usize,
    /// Frames of one stack, from the leaf; what is further towards the root isn't counted, and so lacks in the totals of
    /// those functions.
    pub max_depth: usize,
    /// How many bottlenecks are kept.
    pub top: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_input_bytes: 16 << 20,
            max_unzipped_bytes: 64 << 20,
            max_samples: 1_000_000,
            max_entries: 250_000,
            max_depth: 1_024,
            top: 20,
        }
    }
}

/// Why a profile can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No bytes, or nothing but blanks.
    #[error("the profile is empty; was the profiler stopped before the file was copied?")]
    Empty,
    /// More bytes than are read.
    #[error("the profile has more than {limit} bytes{}; record a shorter time", if *.unzipped { " unzipped" } else { "" })]
    TooLarge {
        /// Bytes that are read.
        limit: usize,
        /// Whether it was unzipping that reached them.
        unzipped: bool,
    },
    /// More of something than is read.
    #[error("the profile has more than {limit} {what}; record a shorter time, or sample less often")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// Not gzip after all, or cut off.
    #[error("the profile can't be unzipped; copy it again, it is damaged or cut off")]
    Gzip,
    /// Neither a pprof protobuf nor folded stacks.
    #[error(
        "the profile is neither pprof nor folded stacks, or damaged ({what}); write it as pprof (.pb.gz) or as lines of `main;f;g 12`"
    )]
    Malformed {
        /// What didn't fit.
        what: &'static str,
    },
    /// A line of folded stacks isn't one.
    #[error("line {line} of the profile isn't a folded stack: frames separated by `;`, a space, a count")]
    FoldedLine {
        /// From 1.
        line: usize,
    },
    /// The difference of two profiles.
    #[error("the profile has negative values, as the difference of two profiles has; give one profile")]
    Negative,
    /// Every value is 0, or there is no sample.
    #[error("the profile has no samples; run the code for longer, or sample more often")]
    NoSamples,
    /// Neither time, nor samples, nor memory.
    #[error("the profile measures {found}; give a CPU or a heap profile")]
    NotMeasured {
        /// What it has, shortened and stripped.
        found: String,
    },
    /// Figures beyond what a number can hold.
    #[error("the profile's times are too large; check the sampling period")]
    Overflow,
    /// The period of folded stacks isn't one.
    #[error("the time of a sample must be more than 0 ms")]
    SampleTime,
}

/// Reads a profile, whichever of the formats it has. `folded_sample_ms` is the CPU time that one count of folded stacks
/// stands for, ms; without it they give shares only. A pprof file brings its own.
pub fn read(bytes: &[u8], folded_sample_ms: Option<f64>, limits: &Limits) -> Result<Profile, ProfileError> {
    if bytes.len() > limits.max_input_bytes {
        return Err(ProfileError::TooLarge { limit: limits.max_input_bytes, unzipped: false });
    }
    let unzipped;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        unzipped = unzip(bytes, limits.max_unzipped_bytes)?;
        &unzipped
    } else {
        bytes
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(ProfileError::Empty);
    }
    if is_text(bytes) { folded::read(bytes, folded_sample_ms, limits) } else { protobuf::read(bytes, limits) }
}

/// Parts of a gzip file, each with a header of its own: profilers write one, tools that join or zip in parallel a few.
const MAX_GZIP_MEMBERS: usize = 64;

/// Unzips all members. An empty one costs 20 bytes of file and a fresh decoder, so their number is bounded too.
pub(super) fn unzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ProfileError> {
    let mut unzipped = Vec::new();
    let mut rest = bytes;
    let mut members = 0;
    while !rest.is_empty() {
        if members == MAX_GZIP_MEMBERS {
            return Err(ProfileError::TooMany { what: "gzip members", limit: MAX_GZIP_MEMBERS });
        }
        members += 1;
        let most = u64::try_from(limit - unzipped.len()).unwrap_or(u64::MAX).saturating_add(1);
        let mut decoder = GzDecoder::new(rest);
        decoder.by_ref().take(most).read_to_end(&mut unzipped).map_err(|_| ProfileError::Gzip)?;
        if unzipped.len() > limit {
            return Err(ProfileError::TooLarge { limit, unzipped: true });
        }
        rest = decoder.into_inner();
    }
    Ok(unzipped)
}

/// The first line of a text has no control characters. That of a pprof file has: the tags and short lengths of its first
/// message.
fn is_text(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 8 << 10;
    let line = bytes.trim_ascii_start().split(|b| *b == b'\n').next().unwrap_or_default();
    !line.trim_ascii_end().iter().take(LOOKED_AT).any(|b| b.is_ascii_control() && *b != b'\t')
}

#[cfg(test)]
mod tests;
