//! The bytes of an aggregated profile in, where the service's time goes out. Pure: calls nobody.
//!
//! AWS publishes no schema of it. This reads what its open agent for Python writes and what its documents name, passes
//! over everything else, and refuses what contradicts it. What isn't there is absent: without `cpuTimeInSeconds` there is
//! no CPU time, without sample weights there are no times of functions; no profile of CodeGuru's counts invocations or
//! knows the service's memory.
//!
//! A graph is as deep as its senders make it: nothing here recurses, and each node is forgotten when it is closed.

mod functions;

use std::borrow::Cow;

use aws_smithy_json::deserialize::{EscapedStr, Token, json_token_iter};
use eco_coder_shared::env::Timestamp;

use self::functions::{Functions, Place};
use eco_coder_profile::{ProfileError, Summary, unzip};

/// How much of a profile is read before it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the answer. Beyond: an error.
    pub max_input_bytes: usize,
    /// Bytes after unzipping. Beyond: an error.
    pub max_unzipped_bytes: usize,
    /// Nodes of the graph. Beyond: an error.
    pub max_nodes: usize,
    /// Different functions. Beyond: an error.
    pub max_functions: usize,
    /// Frames of a stack. Beyond: an error. Source: the most that `GetProfile` takes as `maxDepth`.
    pub max_depth: usize,
    /// How many bottlenecks are kept.
    pub top: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_input_bytes: 16 << 20,
            max_unzipped_bytes: 64 << 20,
            max_nodes: 1_000_000,
            max_functions: 250_000,
            max_depth: 10_000,
            top: 20,
        }
    }
}

/// More samples in one node than any service has: what keeps the sums finite.
const MAX_COUNT: f64 = 1e15;
/// More CPU seconds than a million cores have in a week.
const MAX_CPU_SECONDS: f64 = 1e12;
/// The year 10000, in ms.
const MAX_TIME: f64 = 253_402_300_800_000.0;

/// Why a profile can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallGraphError {
    /// No bytes, or nothing but blanks.
    #[error("the profile is empty")]
    Empty,
    /// More bytes than are read.
    #[error("the profile has more than {limit} bytes{}; set a shorter profiles.period", if *.unzipped { " unzipped" } else { "" })]
    TooLarge {
        /// Bytes that are read.
        limit: usize,
        /// Whether it was unzipping that reached them.
        unzipped: bool,
    },
    /// More of something than is read.
    #[error("the profile has more than {limit} {what}; set a shorter profiles.period")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// Said to be gzip and isn't, or cut off.
    #[error("the profile can't be unzipped: it is damaged or cut off")]
    Gzip,
    /// Packed in another way.
    #[error("the profile is packed in a way that is not read; only gzip is")]
    Encoding,
    /// Amazon Ion instead of JSON.
    #[error("the profile is not JSON, which was asked for")]
    NotJson,
    /// JSON, but no profile.
    #[error("the profile is damaged or has another form: {what}")]
    Malformed {
        /// What didn't fit.
        what: &'static str,
    },
    /// No node has a count.
    #[error("the profile has no samples")]
    NoSamples,
    /// Counts, but none of time that is used.
    #[error("all samples of the profile are of threads that wait: it has no CPU time and no wall time to show")]
    OnlyWaiting,
}

impl From<ProfileError> for CallGraphError {
    fn from(e: ProfileError) -> Self {
        match e {
            ProfileError::TooLarge { limit, unzipped } => Self::TooLarge { limit, unzipped },
            ProfileError::TooMany { what, limit } => Self::TooMany { what, limit },
            _ => Self::Gzip,
        }
    }
}

/// A profile, and the time it covers.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregated {
    /// Since when, if it says.
    pub start: Option<Timestamp>,
    /// Until when, if it says.
    pub end: Option<Timestamp>,
    /// What it says.
    pub profile: Summary,
}

/// Reads a profile as `GetProfile` answers. `encoding` is the answer's Content-Encoding; what is gzip without saying so is
/// unzipped, too.
pub(super) fn read(bytes: &[u8], encoding: Option<&str>, limits: &Limits) -> Result<Aggregated, CallGraphError> {
    if bytes.len() > limits.max_input_bytes {
        return Err(CallGraphError::TooLarge { limit: limits.max_input_bytes, unzipped: false });
    }
    let encoding = encoding.map(str::trim).filter(|encoding| !encoding.is_empty() && *encoding != "identity");
    let unzipped;
    let bytes = match encoding {
        _ if bytes.starts_with(&[0x1f, 0x8b]) => {
            unzipped = unzip(bytes, limits.max_unzipped_bytes)?;
            &unzipped
        }
        Some("gzip" | "x-gzip") => return Err(CallGraphError::Gzip),
        Some(_) => return Err(CallGraphError::Encoding),
        None => bytes,
    };
    // Ion's binary mark, version 1.0.
    if bytes.starts_with(&[0xe0, 0x01, 0x00, 0xea]) {
        return Err(CallGraphError::NotJson);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(CallGraphError::Empty);
    }
    let mut reader = Reader::new(limits);
    for token in json_token_iter(bytes) {
        reader.take(&token.map_err(|_| malformed("it is not JSON"))?)?;
    }
    reader.end()
}

fn malformed(what: &'static str) -> CallGraphError {
    CallGraphError::Malformed { what }
}

/// States of threads whose samples are counted, in the order of [`Counts`]: the first three are CPU time as CodeGuru
/// counts it, the last is all that the Python agent knows.
const STATES: [&str; 4] = ["RUNNABLE", "BLOCKED", "NATIVE", "WALL_TIME"];

/// Samples by state.
type Counts = [f64; STATES.len()];

/// What the samples are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cpu,
    Wall,
}

impl Kind {
    fn states(self) -> std::ops::Range<usize> {
        match self {
            Self::Cpu => 0..3,
            Self::Wall => 3..4,
        }
    }

    fn of(self, counts: &Counts) -> f64 {
        counts[self.states()].iter().sum()
    }
}

/// An object or array that is being read; what is in others is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Profile,
    Metadata,
    Weights,
    Node,
    Counts,
    Lines,
    Children,
}

/// A node that isn't closed yet.
struct Frame<'a> {
    /// `None`: the graph's root, which is no function.
    function: Option<usize>,
    own: Counts,
    /// Of the nodes below that are closed.
    below: Counts,
    file: Option<Cow<'a, str>>,
    line: Option<u32>,
}

struct Reader<'a, 'l> {
    limits: &'l Limits,
    within: Vec<Within>,
    /// How deep in something that is passed over.
    passing: usize,
    key: Cow<'a, str>,
    frames: Vec<Frame<'a>>,
    nodes: usize,
    functions: Functions<'a>,
    total: Counts,
    has_other_states: bool,
    weights: [Option<f64>; STATES.len()],
    cpu_seconds: Option<f64>,
    duration_ms: Option<f64>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    is_over: bool,
}

impl<'a, 'l> Reader<'a, 'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            within: Vec::new(),
            passing: 0,
            key: Cow::Borrowed(""),
            frames: Vec::new(),
            nodes: 0,
            functions: Functions::new(limits.max_functions),
            total: Counts::default(),
            has_other_states: false,
            weights: [None; STATES.len()],
            cpu_seconds: None,
            duration_ms: None,
            start: None,
            end: None,
            is_over: false,
        }
    }

    fn take(&mut self, token: &Token<'a>) -> Result<(), CallGraphError> {
        if self.is_over {
            return Err(malformed("something stands behind it"));
        }
        match *token {
            Token::StartObject { .. } | Token::StartArray { .. } if self.passing > 0 => self.passing += 1,
            Token::EndObject { .. } | Token::EndArray { .. } if self.passing > 0 => self.passing -= 1,
            _ if self.passing > 0 => {}
            Token::ObjectKey { key, .. } => self.key = unescaped(key)?,
            Token::StartObject { .. } => self.begin_object()?,
            Token::StartArray { .. } => match self.within.last() {
                None => return Err(malformed("it is not an object")),
                Some(Within::Node) if self.key == "line" => self.within.push(Within::Lines),
                Some(_) => self.passing = 1,
            },
            Token::EndObject { .. } | Token::EndArray { .. } => {
                if self.within.pop() == Some(Within::Node) {
                    self.close();
                }
                self.is_over = self.within.is_empty();
            }
            Token::ValueNumber { value, .. } => self.number(value.to_f64_lossy())?,
            Token::ValueString { value, .. } => self.text(value)?,
            Token::ValueBool { .. } | Token::ValueNull { .. } if self.within.is_empty() => {
                return Err(malformed("it is not an object"));
            }
            Token::ValueBool { .. } | Token::ValueNull { .. } => {}
        }
        Ok(())
    }

    fn begin_object(&mut self) -> Result<(), CallGraphError> {
        let within = match (self.within.last(), &*self.key) {
            (None, _) => Within::Profile,
            (Some(Within::Profile), "agentMetadata") => Within::Metadata,
            (Some(Within::Metadata), "sampleWeights") => Within::Weights,
            (Some(Within::Profile), "callgraph") => {
                self.open(false)?;
                Within::Node
            }
            (Some(Within::Children), _) => {
                self.open(true)?;
                Within::Node
            }
            (Some(Within::Node), "counts") => Within::Counts,
            (Some(Within::Node), "children") => Within::Children,
            (Some(_), _) => {
                self.passing = 1;
                return Ok(());
            }
        };
        self.within.push(within);
        Ok(())
    }

    fn open(&mut self, is_function: bool) -> Result<(), CallGraphError> {
        self.nodes += 1;
        let too_many = |what, limit| Err(CallGraphError::TooMany { what, limit });
        if self.nodes > self.limits.max_nodes {
            return too_many("nodes", self.limits.max_nodes);
        }
        // The root is no frame of a stack.
        if self.frames.len() > self.limits.max_depth {
            return too_many("frames in a stack", self.limits.max_depth);
        }
        let function = if is_function { Some(self.functions.open(std::mem::take(&mut self.key))?) } else { None };
        let (own, below) = (Counts::default(), Counts::default());
        self.frames.push(Frame { function, own, below, file: None, line: None });
        Ok(())
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let mut all = frame.own;
        add(&mut all, &frame.below);
        match self.frames.last_mut() {
            Some(caller) => add(&mut caller.below, &all),
            None => add(&mut self.total, &all),
        }
        if let Some(function) = frame.function {
            let place = Place { samples: frame.own.iter().sum(), file: frame.file, line: frame.line };
            self.functions.close(function, &frame.own, &all, place);
        }
    }

    fn number(&mut self, value: f64) -> Result<(), CallGraphError> {
        let positive = Some(value).filter(|value| value.is_finite() && *value > 0.0);
        match (self.within.last(), &*self.key) {
            (None, _) => return Err(malformed("it is not an object")),
            (Some(Within::Counts), state) => {
                if !(0.0..=MAX_COUNT).contains(&value) {
                    return Err(malformed("a count is negative or has no meaning"));
                }
                match (STATES.iter().position(|known| *known == state), self.frames.last_mut()) {
                    (Some(state), Some(frame)) => frame.own[state] += value,
                    _ => self.has_other_states |= value > 0.0,
                }
            }
            (Some(Within::Lines), _) => {
                if let Some(frame) = self.frames.last_mut()
                    && frame.line.is_none()
                {
                    frame.line = line(value);
                }
            }
            (Some(Within::Node), "line") => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.line = line(value);
                }
            }
            (Some(Within::Weights), state) => {
                if let Some(state) = STATES.iter().position(|known| *known == state) {
                    self.weights[state] = positive;
                }
            }
            (Some(Within::Metadata), "cpuTimeInSeconds") => {
                self.cpu_seconds = positive.filter(|seconds| *seconds <= MAX_CPU_SECONDS);
            }
            (Some(Within::Metadata), "durationInMs") => self.duration_ms = positive.filter(|ms| *ms <= MAX_TIME),
            (Some(Within::Profile), "start") => self.start = time(value),
            (Some(Within::Profile), "end") => self.end = time(value),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, value: EscapedStr<'a>) -> Result<(), CallGraphError> {
        match (self.within.last(), &*self.key) {
            (None, _) => return Err(malformed("it is not an object")),
            (Some(Within::Profile), "start") => self.start = Timestamp::parse_rfc3339(&unescaped(value)?),
            (Some(Within::Profile), "end") => self.end = Timestamp::parse_rfc3339(&unescaped(value)?),
            (Some(Within::Node), "file") => {
                let file = unescaped(value)?;
                if let Some(frame) = self.frames.last_mut() {
                    frame.file = Some(file);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(self) -> Result<Aggregated, CallGraphError> {
        if !self.is_over {
            return Err(malformed("it is cut off"));
        }
        if self.nodes == 0 {
            return Err(malformed("it has no callgraph"));
        }
        let kind = match (Kind::Cpu.of(&self.total), Kind::Wall.of(&self.total)) {
            (cpu, _) if cpu > 0.0 => Kind::Cpu,
            (_, wall) if wall > 0.0 => Kind::Wall,
            _ if self.has_other_states => return Err(CallGraphError::OnlyWaiting),
            _ => return Err(CallGraphError::NoSamples),
        };
        let total = kind.of(&self.total);
        // The agent's weight is how many samples it takes in a second.
        let ms = |counts: &Counts| {
            let parts = kind.states().filter(|state| counts[*state] > 0.0);
            let times = parts.map(|state| Some(counts[state] / self.weights[state]? * 1e3));
            times.sum::<Option<f64>>().filter(|ms| ms.is_finite())
        };
        // All functions have times, or none: a part would be taken for the whole.
        let ms = |counts: &Counts| ms(&self.total).and_then(|_| ms(counts));
        let is_in_order = self.start.zip(self.end).is_none_or(|(start, end)| start <= end);
        let profile = Summary {
            total_cpu_time_ms: self.cpu_seconds.map(|seconds| seconds * 1e3),
            total_memory_mb: None,
            duration_ms: self.duration_ms,
            sample_type: if kind == Kind::Cpu { "cpu" } else { "wall" }.to_owned(),
            bottlenecks: self.functions.top(self.limits.top, kind, total, ms),
            memory_consumers: Vec::new(),
            samples: whole(total),
        };
        Ok(Aggregated { start: self.start.filter(|_| is_in_order), end: self.end.filter(|_| is_in_order), profile })
    }
}

fn add(sum: &mut Counts, counts: &Counts) {
    for (sum, count) in sum.iter_mut().zip(counts) {
        *sum += count;
    }
}

fn unescaped(text: EscapedStr<'_>) -> Result<Cow<'_, str>, CallGraphError> {
    text.to_unescaped().map_err(|_| malformed("a text in it is not JSON"))
}

/// Counts of an aggregate may be fractions; there is one sample at least.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of floats saturates, and it isn't negative"
)]
fn whole(samples: f64) -> u64 {
    (samples.round() as u64).max(1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range that is checked")]
fn line(value: f64) -> Option<u32> {
    (1.0..=f64::from(u32::MAX)).contains(&value).then_some(value as u32)
}

/// Milliseconds since 1970, as the agents write it.
#[expect(clippy::cast_possible_truncation, reason = "within the range that is checked")]
fn time(value: f64) -> Option<Timestamp> {
    (1.0..MAX_TIME).contains(&value).then_some(Timestamp(value as i64))
}

#[cfg(test)]
mod tests;
