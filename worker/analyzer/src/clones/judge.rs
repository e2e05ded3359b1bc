//! Whether two runs of tokens of the same kinds are a copy that somebody would want to know of. Looks at the tokens of
//! the two, never at where they are.

use std::collections::{HashMap, HashSet};

use super::{MIN_LINES, MIN_TOKENS};
use crate::shape::tokens::{Sort, Token};

/// Names that must stand for the same name wherever they are, of a hundred.
const CONSISTENT: usize = 90;

/// Names that must be the same in both, of a hundred.
const EQUAL: usize = 60;

/// The most values among the tokens, of a hundred: beyond it is data.
const VALUES: usize = 30;

/// Tokens looked at together to tell a list of like statements.
const GRAM: usize = 8;

/// Runs of [`GRAM`] tokens that must be unlike each other, of a hundred.
const VARIED: usize = 50;

/// The parts of a run that are whole statements and worth reporting, as start and length. `a` and `b` are of equal
/// length and have the same shapes.
pub(super) fn copies(a: &[Token], b: &[Token]) -> Vec<(usize, usize)> {
    let is_copy = |&(start, end): &(usize, usize)| {
        let (Some(a), Some(b)) = (a.get(start..end), b.get(start..end)) else { return false };
        a.len() >= MIN_TOKENS
            && lines(a).min(lines(b)) >= MIN_LINES
            && has_branches(a)
            && !is_data(a)
            && is_varied(a)
            && same_names(a, b)
    };
    whole(a).into_iter().filter(is_copy).map(|(start, end)| (start, end - start)).collect()
}

/// Whether two runs of the same shapes use the same names, but for some that were changed one for one.
pub(super) fn same_names(a: &[Token], b: &[Token]) -> bool {
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    let (mut names, mut equal, mut consistent) = (0, 0, 0);
    for (a, b) in a.iter().zip(b).filter(|(a, _)| a.sort() == Sort::Name) {
        names += 1;
        equal += usize::from(a.text == b.text);
        let to = *there.entry(a.text).or_insert(b.text);
        let from = *back.entry(b.text).or_insert(a.text);
        consistent += usize::from(to == b.text && from == a.text);
    }
    equal * 100 >= names * EQUAL && consistent * 100 >= names * CONSISTENT
}

/// Lines that tokens are on.
pub(super) fn lines(tokens: &[Token]) -> usize {
    tokens.chunk_by(|a, b| a.line == b.line).count()
}

/// The parts in which every bracket has its other half, as start and end: what lies between those that haven't.
fn whole(tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut open = Vec::new();
    let mut breaks = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.sort() {
            Sort::Open => open.push(at),
            Sort::Close if open.pop().is_none() => breaks.push(at),
            _ => {}
        }
    }
    breaks.extend(open);
    breaks.push(tokens.len());
    let mut start = 0;
    let mut parts = Vec::with_capacity(breaks.len());
    for at in breaks {
        parts.push((start, at));
        start = at + 1;
    }
    parts
}

/// Whether something is decided: a run of mere statements (getters, a form that is built, fields that are set) is told
/// from a table by its words alone.
fn has_branches(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| token.sort() == Sort::Branch)
}

fn is_data(tokens: &[Token]) -> bool {
    let values = tokens.iter().filter(|token| token.sort() == Sort::Literal).count();
    values * 100 > tokens.len() * VALUES
}

fn is_varied(tokens: &[Token]) -> bool {
    let grams = tokens.windows(GRAM);
    let all = grams.len();
    let unlike: HashSet<u64> = grams
        .map(|gram| {
            gram.iter().fold(0, |sum: u64, token| sum.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(token.shape))
        })
        .collect();
    unlike.len() * 100 >= all * VARIED
}
