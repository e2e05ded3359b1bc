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

/// The part of a run that is whole statements and worth reporting, as start and length. `a` and `b` are of equal length
/// and have the same shapes.
pub(super) fn copy(a: &[Token], b: &[Token]) -> Option<(usize, usize)> {
    let (start, end) = whole(a);
    let (a, b) = (a.get(start..end)?, b.get(start..end)?);
    let good =
        a.len() >= MIN_TOKENS && lines(a).min(lines(b)) >= MIN_LINES && !is_data(a) && is_varied(a) && same_names(a, b);
    good.then_some((start, end - start))
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

/// The longest part in which every bracket has its other half, without the brackets around it.
fn whole(tokens: &[Token]) -> (usize, usize) {
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
    let (mut best, mut start) = ((0, 0), 0);
    for at in breaks {
        if at - start > best.1 - best.0 {
            best = (start, at);
        }
        start = at + 1;
    }
    best
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
