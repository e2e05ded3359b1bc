//! How much of a profile is read before it is refused. Owns the bounds and no reading.

/// How much of a profile is read before it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file. Beyond: an error.
    pub max_input_bytes: usize,
    /// Bytes after unzipping. Beyond: an error.
    pub max_unzipped_bytes: usize,
    /// Samples, lines of folded stacks, events. Beyond: an error.
    pub max_samples: usize,
    /// Entries of a table: strings, functions and locations, lines, different frames. Beyond: an error.
    pub max_entries: usize,
    /// Nodes of the tree of calls, times kinds of values. Beyond: an error.
    pub max_cells: usize,
    /// Frames of one stack, from the leaf; what is further towards the root isn't counted, and so lacks in the totals of
    /// those functions.
    pub max_depth: usize,
    /// How many bottlenecks a summary keeps.
    pub top: usize,
}

/// For a service that reads what strangers send: the worst file takes up to 400 MB, its own bytes included.
impl Default for Limits {
    fn default() -> Self {
        Self {
            max_input_bytes: 16 << 20,
            max_unzipped_bytes: 64 << 20,
            max_samples: 1_000_000,
            max_entries: 250_000,
            max_cells: 2_000_000,
            max_depth: 1_024,
            top: 20,
        }
    }
}

impl Limits {
    /// For a person with a file of their own: a gigabyte, and what memory a desktop has.
    pub fn of_a_person() -> Self {
        Self {
            max_input_bytes: 1 << 30,
            max_unzipped_bytes: 1 << 30,
            max_samples: 50_000_000,
            max_entries: 5_000_000,
            max_cells: 32_000_000,
            ..Self::default()
        }
    }
}
