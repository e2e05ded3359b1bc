//! `.cpuprofile` of V8, as Node's `--cpu-prof` and Chrome write it: a tree of nodes, and which of them was seen when. Times
//! are microseconds.
//! Source: <https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile>
//!
//! A sample stands for the time until the next one, the last for the time until the end. What V8 calls `(idle)` is time
//! that went by and no CPU time.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::Deserialize;

use crate::model::{Builder, Raw};
use crate::{Format, Limits, Profile, ProfileError, SampleType};

/// A node, as it stands in the file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node<'a> {
    id: u64,
    #[serde(borrow)]
    call_frame: CallFrame<'a>,
    #[serde(default)]
    hit_count: u64,
    #[serde(default)]
    children: Vec<u64>,
    #[serde(default)]
    parent: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallFrame<'a> {
    #[serde(borrow)]
    function_name: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    /// From 0; -1: none.
    #[serde(default)]
    line_number: i64,
}

/// A node that was read.
struct Row {
    id: u64,
    frame: u32,
    hits: u64,
    is_root: bool,
    is_idle: bool,
}

/// What was read so far.
pub(super) struct CpuProfile<'l> {
    limits: &'l Limits,
    builder: Builder<'static>,
    rows: Vec<Row>,
    /// Callee and caller, by their ids.
    calls: Vec<(u64, u64)>,
    samples: Vec<u64>,
    deltas: Vec<i64>,
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
}

impl<'l> CpuProfile<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            builder: Builder::new(limits),
            rows: Vec::new(),
            calls: Vec::new(),
            samples: Vec::new(),
            deltas: Vec::new(),
            start: None,
            end: None,
        }
    }

    pub(super) fn is_there(&self) -> bool {
        !self.rows.is_empty()
    }

    pub(super) fn node(&mut self, node: &Node<'_>) -> Result<(), ProfileError> {
        let most = self.limits.max_cells;
        if self.rows.len() >= most || self.calls.len() + node.children.len() > most {
            return Err(ProfileError::TooMany { what: "nodes", limit: most });
        }
        let CallFrame { function_name, url, line_number } = &node.call_frame;
        let name = if function_name.is_empty() { "(anonymous)" } else { function_name };
        let start_line = u32::try_from(line_number.saturating_add(1)).unwrap_or(0);
        let file = path(url);
        let raw = Raw { name: name.as_bytes(), file: &file, module: b"", start_line };
        let function = self.builder.symbols.rare(raw)?;
        let frame = self.builder.symbols.frame(function, start_line)?;
        let (is_root, is_idle) = (name == "(root)", name == "(idle)" && url.is_empty());
        self.rows.push(Row { id: node.id, frame, hits: node.hit_count, is_root, is_idle });
        self.calls.extend(node.children.iter().map(|child| (*child, node.id)));
        self.calls.extend(node.parent.map(|parent| (node.id, parent)));
        Ok(())
    }

    pub(super) fn sample(&mut self, id: u64) -> Result<(), ProfileError> {
        within(&mut self.samples, id, self.limits)
    }

    pub(super) fn delta(&mut self, microseconds: i64) -> Result<(), ProfileError> {
        within(&mut self.deltas, microseconds, self.limits)
    }

    pub(super) fn finish(mut self) -> Result<Profile, ProfileError> {
        let mut numbers: HashMap<u64, usize, RandomState> = HashMap::default();
        for (number, row) in self.rows.iter().enumerate() {
            if numbers.insert(row.id, number).is_some() {
                return Err(ProfileError::Malformed { what: "two nodes have one id" });
            }
        }
        let nodes = self.place(&numbers)?;
        let seen = |id: &u64| numbers.get(id).copied();
        self.builder.duration_ms = self.start.zip(self.end).map(|(start, end)| (end - start) / 1e3);
        if self.samples.is_empty() && self.deltas.is_empty() {
            let kind = self.builder.sample_type(SampleType::samples(None))?;
            for (row, node) in self.rows.iter().zip(&nodes).filter(|(row, _)| !row.is_idle) {
                self.builder.samples = self.builder.samples.saturating_add(row.hits);
                self.builder.add(kind, *node, row.hits as f64)?;
            }
            return self.builder.finish(Format::CpuProfile);
        }
        if self.samples.len() != self.deltas.len() {
            return Err(ProfileError::Malformed { what: "samples and timeDeltas differ in number" });
        }
        let cpu = self.builder.sample_type(SampleType::new(b"cpu", b"microseconds", None))?;
        let wall = self.builder.sample_type(SampleType::new(b"wall", b"microseconds", None))?;
        self.builder.samples = self.samples.len() as u64;
        let elapsed: i128 = self.deltas.iter().map(|delta| i128::from(*delta)).sum();
        let last = self.start.zip(self.end).map_or(0.0, |(start, end)| end - start - elapsed as f64).max(0.0);
        let (mut now, mut furthest) = (i128::from(self.deltas.first().copied().unwrap_or(0)), i128::MIN);
        for (index, id) in self.samples.iter().enumerate() {
            let number = seen(id).ok_or(ProfileError::Malformed { what: "a sample's node is missing" })?;
            // The clock may step back: time is counted once.
            furthest = furthest.max(now);
            let value = match self.deltas.get(index + 1) {
                Some(delta) => {
                    now += i128::from(*delta);
                    (now - furthest).max(0) as f64
                }
                None => last,
            };
            self.builder.add(wall, nodes[number], value)?;
            if !self.rows[number].is_idle {
                self.builder.add(cpu, nodes[number], value)?;
            }
        }
        self.builder.finish(Format::CpuProfile)
    }

    /// The node of our tree for each of the file's. Callers may come after those they call; a circle has no root.
    fn place(&mut self, numbers: &HashMap<u64, usize, RandomState>) -> Result<Vec<u32>, ProfileError> {
        let missing = ProfileError::Malformed { what: "a node's child or parent is missing" };
        let mut callers: Vec<Option<usize>> = vec![None; self.rows.len()];
        for (callee, caller) in &self.calls {
            let (Some(called), Some(by)) = (numbers.get(callee), numbers.get(caller)) else {
                return Err(missing);
            };
            if callers[*called].is_some_and(|known| known != *by) {
                return Err(ProfileError::Malformed { what: "a node has two parents" });
            }
            callers[*called] = Some(*by);
        }
        let mut placed: Vec<Option<u32>> = vec![None; self.rows.len()];
        let mut way = Vec::new();
        for number in 0..self.rows.len() {
            let (mut at, mut node) = (Some(number), 0);
            while let Some(row) = at {
                if let Some(known) = placed[row] {
                    node = known;
                    break;
                }
                way.push(row);
                if way.len() > self.rows.len() {
                    return Err(ProfileError::Malformed { what: "its nodes call in a circle" });
                }
                at = callers[row];
            }
            for row in way.drain(..).rev() {
                let Row { frame, is_root, .. } = self.rows[row];
                node = if is_root { node } else { self.builder.tree.child(node, frame)? };
                placed[row] = Some(node);
            }
        }
        Ok(placed.into_iter().flatten().collect())
    }
}

fn within<T>(list: &mut Vec<T>, item: T, limits: &Limits) -> Result<(), ProfileError> {
    if list.len() >= limits.max_samples {
        return Err(ProfileError::TooMany { what: "samples", limit: limits.max_samples });
    }
    list.push(item);
    Ok(())
}

/// The path of a URL: without `file://`, a query or a fragment, and with what was escaped.
fn path(url: &str) -> Vec<u8> {
    let Some(path) = url.strip_prefix("file://") else {
        let end = url.find(['?', '#']).filter(|_| url.contains("://")).unwrap_or(url.len());
        return url.as_bytes()[..end].to_vec();
    };
    let path = path.split(['?', '#']).next().unwrap_or(path).as_bytes();
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        let escaped =
            hex(0).zip(hex(1)).filter(|_| *first == b'%').and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        plain.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    plain
}

#[cfg(test)]
mod tests;
