//! What each function uses: itself, and with what it calls. A function that is on a stack more than once counts once in its
//! total. Knows no file format.

use std::cmp::Ordering;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::{Frame, Function, Node, Profile};

/// What a function uses, in the sample type's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FunctionUse<'a> {
    /// The function.
    pub function: &'a Function,
    /// Its number: the index into [`Profile::functions`].
    pub number: usize,
    /// In the function itself, without what it calls. Over all functions the whole, less what has no frame.
    pub itself: f64,
    /// In the function and what it calls.
    pub total: f64,
    /// The line of the function that most is on, else where it starts; 0: not known.
    pub line: u32,
}

/// The functions of a profile, with what each uses of one sample type.
#[derive(Debug, Clone)]
pub struct Functions<'a> {
    profile: &'a Profile,
    sums: Vec<Sum>,
    total: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    itself: f64,
    total: f64,
    line: u32,
}

impl<'a> Functions<'a> {
    /// Adds up the whole tree.
    pub fn of(profile: &'a Profile, sample_type: usize) -> Self {
        let cumulative = profile.cumulative(sample_type);
        let mut sums = vec![Sum::default(); profile.functions.len()];
        let mut lines: HashMap<Frame, (f64, f64), RandomState> = HashMap::default();
        // For each function the frame that is open nearest to the leaf.
        let mut open: Vec<Option<Frame>> = vec![None; profile.functions.len()];
        let mut opened: Vec<Option<Frame>> = Vec::new();
        walk(profile.nodes(), |step| match step {
            Step::Enter(node) => {
                let frame = profile.frame(node);
                opened.push(open[frame.function as usize].replace(frame));
            }
            Step::Leave(node) => {
                let (frame, outer) = (profile.frame(node), opened.pop().flatten());
                let (itself, all) = (profile.weight(sample_type, node), cumulative[node]);
                let sum = &mut sums[frame.function as usize];
                sum.itself += itself;
                if outer.is_none() {
                    sum.total += all;
                }
                open[frame.function as usize] = outer;
                // A recursive call's samples are on the line next to the leaf.
                if let Some(outer) = outer.filter(|outer| outer.line > 0) {
                    lines.entry(outer).or_default().1 -= all;
                }
                if frame.line > 0 && all > 0.0 {
                    let line = lines.entry(frame).or_default();
                    *line = (line.0 + itself, line.1 + all);
                }
            }
        });
        let mut hottest = vec![(0.0, 0.0, 0_u32); sums.len()];
        for (frame, (itself, all)) in lines {
            let best = &mut hottest[frame.function as usize];
            let by_use = itself.total_cmp(&best.0).then_with(|| all.total_cmp(&best.1));
            if by_use.then_with(|| best.2.cmp(&frame.line)) == Ordering::Greater || best.2 == 0 {
                *best = (itself, all, frame.line);
            }
        }
        for ((sum, (.., line)), function) in sums.iter_mut().zip(hottest).zip(&profile.functions) {
            // Added up in another order, a sum of the same values may differ in its last bit.
            sum.total = sum.total.max(sum.itself);
            sum.line = if line > 0 { line } else { function.start_line };
        }
        Self { profile, sums, total: profile.total(sample_type) }
    }

    /// The whole, what has no frame included.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// A value's share of the whole: 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        if self.total > 0.0 { (value / self.total).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// All that use anything, in the profile's order.
    pub fn iter(&self) -> impl Iterator<Item = FunctionUse<'a>> {
        let used = self.sums.iter().zip(&self.profile.functions).enumerate().filter(|(_, (sum, _))| sum.total > 0.0);
        used.map(|(number, (sum, function))| FunctionUse {
            function,
            number,
            itself: sum.itself,
            total: sum.total,
            line: sum.line,
        })
    }

    /// The functions that use most themselves; then, with what they call; then, by name.
    pub fn top(&self, count: usize) -> Vec<FunctionUse<'a>> {
        self.ranked(count, |a, b| b.itself.total_cmp(&a.itself).then_with(|| b.total.total_cmp(&a.total)))
    }

    /// The functions that use most with what they call; then, themselves; then, by name.
    pub fn top_by_total(&self, count: usize) -> Vec<FunctionUse<'a>> {
        self.ranked(count, |a, b| b.total.total_cmp(&a.total).then_with(|| b.itself.total_cmp(&a.itself)))
    }

    fn ranked(
        &self,
        count: usize,
        by: impl Fn(&FunctionUse<'_>, &FunctionUse<'_>) -> Ordering,
    ) -> Vec<FunctionUse<'a>> {
        let name = |one: &FunctionUse<'a>| (&one.function.name, &one.function.file, &one.function.module);
        let rank = |a: &FunctionUse<'a>, b: &FunctionUse<'a>| by(a, b).then_with(|| name(a).cmp(&name(b)));
        let mut all: Vec<FunctionUse<'a>> = self.iter().collect();
        if count < all.len() {
            all.select_nth_unstable_by(count, rank);
            all.truncate(count);
        }
        all.sort_unstable_by(rank);
        all
    }
}

/// A step of a walk through the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A node begins, before those that it calls.
    Enter(usize),
    /// It is over.
    Leave(usize),
}

/// Walks the tree from the root, which isn't visited itself, depth first and without recursion.
pub(crate) fn walk(nodes: &[Node], mut visit: impl FnMut(Step)) {
    const NONE: u32 = 0;
    let (mut first, mut next) = (vec![NONE; nodes.len()], vec![NONE; nodes.len()]);
    for (number, node) in nodes.iter().enumerate().skip(1).rev() {
        let this = u32::try_from(number).unwrap_or(NONE);
        next[number] = std::mem::replace(&mut first[node.parent as usize], this);
    }
    let mut at = first.first().copied().unwrap_or(NONE);
    while at != NONE {
        visit(Step::Enter(at as usize));
        if first[at as usize] != NONE {
            at = first[at as usize];
            continue;
        }
        visit(Step::Leave(at as usize));
        while next[at as usize] == NONE {
            at = nodes[at as usize].parent;
            if at == NONE {
                return;
            }
            visit(Step::Leave(at as usize));
        }
        at = next[at as usize];
    }
}
