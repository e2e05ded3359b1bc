//! Adds up stacks: self and total value of each function, and which of its lines has most. Knows no file format.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{Bottleneck, ProfileError, name};

/// What a function without a name is called.
const UNKNOWN: &str = "[unknown]";

/// A frame of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// From [`Tally::function`].
    pub(super) function: usize,
    /// 0: not known.
    pub(super) line: u32,
}

/// The sums. Names are borrowed from the file.
#[derive(Default)]
pub(super) struct Tally<'a> {
    functions: Vec<Function<'a>>,
    /// By the numbers of name and file.
    index: HashMap<(usize, usize), usize>,
    /// Names and files are compared once each: hostile ones are long, alike, and in many functions.
    names: HashMap<&'a [u8], usize>,
    lines: HashMap<(usize, u32), Value>,
    max_functions: usize,
    total: u128,
    /// Counts the stacks: which one a function was last seen in.
    stack: u64,
}

struct Function<'a> {
    name: &'a [u8],
    file: &'a [u8],
    start_line: u32,
    value: Value,
    seen_in: u64,
}

/// Ordered by self, then total. Up to a million values of 2^64 fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Value {
    itself: u128,
    total: u128,
}

impl<'a> Tally<'a> {
    pub(super) fn new(max_functions: usize) -> Self {
        Self { max_functions, ..Self::default() }
    }

    /// The number of a function's name or file; the same for the same text.
    pub(super) fn name(&mut self, text: &'a [u8]) -> usize {
        let next = self.names.len();
        *self.names.entry(name::head(text)).or_insert(next)
    }

    /// The function's number; the same for the same name and file, of which the first of the start lines counts.
    pub(super) fn function(&mut self, name: &'a [u8], file: &'a [u8], start_line: u32) -> Result<usize, ProfileError> {
        let key = (self.name(name), self.name(file));
        self.numbered(key, name, file, start_line)
    }

    /// As [`Self::function`], for names whose numbers are known.
    pub(super) fn numbered(
        &mut self,
        key: (usize, usize),
        name: &'a [u8],
        file: &'a [u8],
        start_line: u32,
    ) -> Result<usize, ProfileError> {
        if let Some(known) = self.index.get(&key) {
            if let Some(function) = self.functions.get_mut(*known).filter(|_| start_line > 0) {
                let first = if function.start_line == 0 { start_line } else { function.start_line.min(start_line) };
                function.start_line = first;
            }
            return Ok(*known);
        }
        if self.functions.len() >= self.max_functions {
            return Err(ProfileError::TooMany { what: "functions", limit: self.max_functions });
        }
        let (name, file) = (name::head(name), name::head(file));
        self.functions.push(Function { name, file, start_line, value: Value::default(), seen_in: 0 });
        self.index.insert(key, self.functions.len() - 1);
        Ok(self.functions.len() - 1)
    }

    /// Adds a stack, leaf first. A function that is in it more than once counts once in its total, with the line next to
    /// the leaf.
    pub(super) fn add(&mut self, frames: impl IntoIterator<Item = Frame>, value: u128) {
        self.total = self.total.saturating_add(value);
        self.stack += 1;
        if value == 0 {
            return;
        }
        for (depth, frame) in frames.into_iter().enumerate() {
            let Some(function) = self.functions.get_mut(frame.function) else { continue };
            if function.seen_in == self.stack {
                continue;
            }
            function.seen_in = self.stack;
            let itself = if depth == 0 { value } else { 0 };
            function.value.add(itself, value);
            if frame.line > 0 {
                self.lines.entry((frame.function, frame.line)).or_default().add(itself, value);
            }
        }
    }

    /// The value of all stacks.
    pub(super) fn total(&self) -> u128 {
        self.total
    }

    /// The functions with most, by self, then total, then name. `ms` is the time of a value of 1.
    pub(super) fn top(&self, count: usize, ms: Option<f64>) -> Vec<Bottleneck> {
        let mut hottest: HashMap<usize, (Value, Reverse<u32>)> = HashMap::new();
        for ((function, line), value) in &self.lines {
            let candidate = (*value, Reverse(*line));
            let best = hottest.entry(*function).or_insert(candidate);
            *best = (*best).max(candidate);
        }
        let mut order: Vec<usize> = (0..self.functions.len()).filter(|f| self.functions[*f].value.total > 0).collect();
        let rank = |f: &usize| {
            let function = &self.functions[*f];
            (Reverse(function.value), function.name, function.file)
        };
        if count < order.len() {
            order.select_nth_unstable_by(count, |a, b| rank(a).cmp(&rank(b)));
            order.truncate(count);
        }
        order.sort_unstable_by(|a, b| rank(a).cmp(&rank(b)));
        let time = |value: u128| ms.map(|ms| value as f64 * ms);
        let bottleneck = |f: usize| {
            let function = &self.functions[f];
            let line = hottest.get(&f).map_or(function.start_line, |(_, Reverse(line))| *line);
            let shown = name::shown(function.name);
            Bottleneck {
                function_name: if shown.is_empty() { UNKNOWN.to_owned() } else { shown },
                file_path: Some(name::shown(function.file)).filter(|file| !file.is_empty()),
                line_number: Some(line).filter(|line| *line > 0),
                cpu_percentage: (function.value.itself as f64 / self.total as f64 * 100.0).min(100.0),
                total_percentage: None,
                self_time_ms: time(function.value.itself),
                total_time_ms: time(function.value.total),
                invocation_count: None,
            }
        };
        order.into_iter().map(bottleneck).collect()
    }
}

impl Value {
    fn add(&mut self, itself: u128, total: u128) {
        self.itself = self.itself.saturating_add(itself);
        self.total = self.total.saturating_add(total);
    }
}
