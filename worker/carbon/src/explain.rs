//! A footprint with the way it came about: every figure with its unit, its formula and its source.

use serde::Serialize;

use crate::CarbonError;
use crate::footprint::{Footprint, calculate};
use crate::input::Input;
use crate::trace::{Line, Trace};

/// A footprint and the lines of its calculation, in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Each step, from what was stated to the year's kilograms.
    pub lines: Vec<Line>,
    /// What they come to.
    pub footprint: Footprint,
}

/// As [`footprint`](crate::footprint), and takes down every step.
///
/// # Errors
/// As those of [`footprint`](crate::footprint).
pub fn explain(input: &Input) -> Result<Explanation, CarbonError> {
    let mut trace = Trace::on();
    let footprint = calculate(input, &mut trace)?;
    Ok(Explanation { lines: trace.lines(), footprint })
}
