//! Bytes in, a profile out: tells the formats apart by their content and hands each to its reader. Never looks at a file's
//! name.

mod cpuprofile;
mod folded;
mod json;
mod perf;
mod pprof;
mod speedscope;
mod text;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::folded::read as folded;
#[cfg(test)]
pub(crate) use self::pprof::messages;
use crate::gzip::{is_gzip, unzip};
use crate::{Limits, Profile, ProfileError};

/// What a file can't say itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The CPU time that one count of folded stacks stands for, ms; without it they have no time. Other formats bring their
    /// own.
    pub folded_sample_ms: Option<f64>,
}

/// Reads a profile, whichever of the formats it has, gzip or not.
pub fn read(bytes: &[u8], options: &Options, limits: &Limits) -> Result<Profile, ProfileError> {
    let profile = unchecked(bytes, options, limits)?;
    let has_samples = (0..profile.sample_types().len()).any(|sample_type| profile.total(sample_type) > 0.0);
    if has_samples { Ok(profile) } else { Err(ProfileError::NoSamples) }
}

/// As [`read`], of a profile that may have no sample.
pub(crate) fn unchecked(bytes: &[u8], options: &Options, limits: &Limits) -> Result<Profile, ProfileError> {
    if bytes.len() > limits.max_input_bytes {
        return Err(ProfileError::TooLarge { limit: limits.max_input_bytes, unzipped: false });
    }
    let unzipped;
    let bytes = if is_gzip(bytes) {
        unzipped = unzip(bytes, limits.max_unzipped_bytes)?;
        &unzipped
    } else {
        bytes
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(ProfileError::Empty);
    }
    if bytes.starts_with(b"FLR\0") {
        return Err(ProfileError::Foreign {
            what: "a recording of Java Flight Recorder",
            instead: "convert it: docs/profiles.md has the command (`jfr print --events ExecutionSample`), or have \
                      async-profiler write `collapsed`",
        });
    }
    if bytes.starts_with(b"PERFILE2") {
        return Err(ProfileError::Foreign {
            what: "a perf.data file",
            instead: "run `perf script -i perf.data > profile.perf` on the machine that recorded it",
        });
    }
    if is_json(bytes) {
        return json::read(bytes, limits);
    }
    if !is_text(bytes) {
        return pprof::read(bytes, limits);
    }
    if perf::is_perf(bytes) { perf::read(bytes, limits) } else { folded::read(bytes, options.folded_sample_ms, limits) }
}

/// How much of a JSON file is looked at.
const BEGINNING: usize = 4 << 10;

/// By its first 4 KiB: is this JSON that a profiler writes? For folders in which other JSON lies, too: V8's begins with nodes
/// that have a `callFrame` (or with the times), speedscope's names its schema, or has `shared` frames or `profiles`.
pub fn may_be_json_of_a_profile(beginning: &[u8]) -> bool {
    let beginning = beginning.get(..BEGINNING).unwrap_or(beginning);
    let beginning = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
    // What is cut within a character is still JSON up to there.
    let text = String::from_utf8_lossy(beginning);
    let has = |key: &str| {
        text.match_indices(&format!("\"{key}\"")).any(|(at, key)| text[at + key.len()..].trim_start().starts_with(':'))
    };
    let is_v8 =
        has("callFrame") && has("nodes") || has("timeDeltas") || has("startTime") && has("endTime") && has("nodes");
    let is_speedscope = text.contains("speedscope.app/file-format-schema") || has("shared") && has("frames");
    text.trim_start().starts_with('{') && (is_v8 || is_speedscope)
}

/// An object, or an array of objects. Folded stacks may begin with `[unknown]` or `{closure}`.
fn is_json(bytes: &[u8]) -> bool {
    let mut tokens = bytes.trim_ascii_start().iter();
    let (first, rest) = (tokens.next(), tokens.as_slice().trim_ascii_start().first());
    matches!((first, rest), (Some(b'{'), Some(b'"' | b'}') | None) | (Some(b'['), Some(b'{')))
}

/// The first line of a text has no control characters. That of a pprof file has: the tags and short lengths of its first
/// message.
fn is_text(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 8 << 10;
    let line = bytes.trim_ascii_start().split(|b| *b == b'\n').next().unwrap_or_default();
    !line.trim_ascii_end().iter().take(LOOKED_AT).any(|b| b.is_ascii_control() && *b != b'\t')
}
