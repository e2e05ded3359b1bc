//! One file, for findings and for its shape, from one parse.

use crate::choice::Options;
use crate::file::{FileAnalysis, Limits, Skipped};
use crate::language::Language;
use crate::lines::LineSet;
use crate::parse::Deadline;
use crate::scan::analyze_and;
use crate::shape::{self, Shape};
use crate::tree::Tree;

/// [`crate::analyze`] and [`crate::shape`] of one file, which is parsed once.
///
/// Findings are those of [`crate::analyze`]; the shape is of the whole file whatever is `changed`. A file without
/// changed lines has neither. The time limit is for both together; what the findings leave of it is the shape's.
pub fn inspect(
    path: &str,
    text: &str,
    changed: Option<&LineSet>,
    options: &Options,
    limits: &Limits,
) -> Result<(FileAnalysis, Shape), Skipped> {
    let mut shape = Shape::default();
    let mut look = |language: Language, tree: &Tree, deadline: &Deadline| {
        shape = shape::of_tree(path, text, language, tree, deadline);
    };
    let analysis = analyze_and(path, text, changed, options, limits, Some(&mut look))?;
    Ok((analysis, shape))
}
