//! Builds a profile while a file is read: what every reader tells it, in its own order.

use super::symbols::Symbols;
use super::tree::Tree;
use super::{Format, Profile, SampleType};
use crate::{Limits, ProfileError};

pub(crate) use super::symbols::Raw;

/// Kinds of values of one profile; real ones have up to eight.
const MAX_SAMPLE_TYPES: usize = 64;

pub(crate) struct Builder<'a> {
    pub(crate) symbols: Symbols<'a>,
    pub(crate) tree: Tree,
    sample_types: Vec<SampleType>,
    weights: Vec<Vec<f64>>,
    cells: usize,
    max_cells: usize,
    pub(crate) default_type: Option<usize>,
    pub(crate) samples: u64,
    pub(crate) duration_ms: Option<f64>,
}

impl Builder<'_> {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            symbols: Symbols::new(limits.max_entries),
            tree: Tree::new(limits.max_cells),
            sample_types: Vec::new(),
            weights: Vec::new(),
            cells: 0,
            max_cells: limits.max_cells,
            default_type: None,
            samples: 0,
            duration_ms: None,
        }
    }

    /// Another kind of values; its number.
    pub(crate) fn sample_type(&mut self, of: SampleType) -> Result<usize, ProfileError> {
        if self.sample_types.len() >= MAX_SAMPLE_TYPES {
            return Err(ProfileError::TooMany { what: "kinds of values", limit: MAX_SAMPLE_TYPES });
        }
        self.sample_types.push(of);
        self.weights.push(Vec::new());
        Ok(self.sample_types.len() - 1)
    }

    pub(crate) fn sample_types(&self) -> &[SampleType] {
        &self.sample_types
    }

    /// Adds a value to a node itself.
    pub(crate) fn add(&mut self, sample_type: usize, node: u32, value: f64) -> Result<(), ProfileError> {
        if value < 0.0 {
            return Err(ProfileError::Negative);
        }
        if !value.is_finite() {
            return Err(ProfileError::Overflow);
        }
        let (Some(weights), node) = (self.weights.get_mut(sample_type), node as usize) else { return Ok(()) };
        if value == 0.0 {
            return Ok(());
        }
        if node >= weights.len() {
            self.cells += node + 1 - weights.len();
            if self.cells > self.max_cells {
                return Err(ProfileError::TooMany { what: "different calls", limit: self.max_cells });
            }
            weights.resize(node + 1, 0.0);
        }
        weights[node] += value;
        Ok(())
    }

    /// The profile, with the frames as they were interned.
    pub(crate) fn finish(self, format: Format) -> Result<Profile, ProfileError> {
        let (functions, frames) = self.symbols.finish();
        let profile = Profile {
            format,
            sample_types: self.sample_types,
            default_type: self.default_type,
            functions,
            frames,
            nodes: self.tree.finish(),
            weights: self.weights,
            samples: self.samples,
            duration_ms: self.duration_ms.filter(|ms| ms.is_finite() && *ms > 0.0),
        };
        check(&profile)?;
        Ok(profile)
    }

    /// The profile, of a format that has a table of frames of its own: its nodes name places in the table, and `table` has
    /// the number of the interned frame at each.
    pub(crate) fn finish_with(self, format: Format, table: &[u32]) -> Result<Profile, ProfileError> {
        let mut profile = self.finish(format)?;
        for node in profile.nodes.iter_mut().skip(1) {
            let frame = table.get(node.frame as usize);
            node.frame = *frame.ok_or(ProfileError::Malformed { what: "a sample's frame is missing" })?;
        }
        Ok(profile)
    }
}

/// No sum is beyond what a number can hold, in the file's unit or as time.
fn check(profile: &Profile) -> Result<(), ProfileError> {
    let of = |(index, kind): (usize, &SampleType)| profile.total(index) * kind.ms.unwrap_or(1.0).max(1.0);
    let fits = profile.sample_types.iter().enumerate().map(of).all(f64::is_finite);
    if fits { Ok(()) } else { Err(ProfileError::Overflow) }
}
