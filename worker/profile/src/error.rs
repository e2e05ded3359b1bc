//! Why a profile can't be used, and what to do instead. Never echoes more of a profile than a shortened word.

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
    /// None of the formats, or a damaged file of one.
    #[error(
        "the profile is in no format that is read, or damaged ({what}); write it as pprof (.pb.gz), .cpuprofile, \
         speedscope's JSON, `perf script` or lines of `main;f;g 12`"
    )]
    Malformed {
        /// What didn't fit.
        what: &'static str,
    },
    /// JSON that can't be read to its end, or has another value than the format has there.
    #[error("the profile's JSON is damaged or cut off at line {line}, column {column}; copy the file again")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A format that is known and not read.
    #[error("the profile is {what}, which is not read; {instead}")]
    Foreign {
        /// What it is, in words.
        what: &'static str,
        /// How to get one that is read.
        instead: &'static str,
    },
    /// A line of folded stacks isn't one.
    #[error("line {line} of the profile isn't a folded stack: frames separated by `;`, a space, a count")]
    FoldedLine {
        /// From 1.
        line: usize,
    },
    /// A line of `perf script` isn't one.
    #[error(
        "line {line} of the profile is none that `perf script` writes; run it without -F, or with -F +srcline alone"
    )]
    PerfLine {
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
    /// It has no sample type of the name that was asked for.
    #[error("the profile has no such sample type; it has: {found}")]
    NoSuchType {
        /// What it has, shortened and stripped.
        found: String,
    },
    /// Two profiles that measure different things.
    #[error("the profiles can't be compared: one measures {base}, the other {head}; record both in the same way")]
    Unlike {
        /// What the first measures, shortened and stripped.
        base: String,
        /// What the second measures, shortened and stripped.
        head: String,
    },
    /// Figures beyond what a number can hold.
    #[error("the profile's times are too large; check the sampling period")]
    Overflow,
    /// The period of folded stacks isn't one.
    #[error("the time of a sample must be more than 0 ms")]
    SampleTime,
}
