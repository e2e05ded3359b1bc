//! Sets of line numbers, as sorted ranges: which lines of a file a pull request changed. Knows nothing of diffs.

use std::ops::RangeInclusive;

/// A set of 1-based line numbers. Line 0 doesn't exist and is never a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineSet {
    /// Sorted, disjoint, with a gap of at least one line between neighbours.
    ranges: Vec<(u32, u32)>,
}

impl LineSet {
    /// A set of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The union of the ranges, in any order, overlapping or not. Ranges that run backwards are empty.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let mut sorted: Vec<(u32, u32)> =
            ranges.into_iter().map(|r| ((*r.start()).max(1), *r.end())).filter(|(start, end)| start <= end).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
        for (start, end) in sorted {
            match merged.last_mut() {
                Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self { ranges: merged }
    }

    /// Adds one line.
    pub fn insert(&mut self, line: u32) {
        if line == 0 {
            return;
        }
        let at = self.ranges.partition_point(|r| r.1 < line);
        if self.ranges.get(at).is_some_and(|r| r.0 <= line) {
            return;
        }
        let joins_left = at > 0 && self.ranges[at - 1].1 + 1 == line;
        let joins_right = self.ranges.get(at).is_some_and(|r| r.0 - 1 == line);
        match (joins_left, joins_right) {
            (true, true) => {
                self.ranges[at - 1].1 = self.ranges[at].1;
                self.ranges.remove(at);
            }
            (true, false) => self.ranges[at - 1].1 = line,
            (false, true) => self.ranges[at].0 = line,
            (false, false) => self.ranges.insert(at, (line, line)),
        }
    }

    /// Whether the line is in the set.
    pub fn contains(&self, line: u32) -> bool {
        self.intersects(line..=line)
    }

    /// Whether any line of the range is in the set.
    pub fn intersects(&self, lines: RangeInclusive<u32>) -> bool {
        let at = self.ranges.partition_point(|r| r.1 < *lines.start());
        !lines.is_empty() && self.ranges.get(at).is_some_and(|r| r.0 <= *lines.end())
    }

    /// Whether there is no line in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many lines are in the set.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|r| u64::from(r.1 - r.0) + 1).sum()
    }

    /// The lines as ranges, in order.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> + '_ {
        self.ranges.iter().map(|&(start, end)| start..=end)
    }
}

impl FromIterator<u32> for LineSet {
    fn from_iter<I: IntoIterator<Item = u32>>(lines: I) -> Self {
        Self::from_ranges(lines.into_iter().map(|line| line..=line))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_merge() {
        let set: LineSet = [3, 1, 2, 7].into_iter().collect();
        assert_eq!(set.ranges().collect::<Vec<_>>(), [1..=3, 7..=7]);
        assert_eq!(set.len(), 4);
        assert!(set.contains(2) && !set.contains(4) && !set.contains(0));
        assert!(set.intersects(4..=7) && !set.intersects(4..=6));
    }

    #[test]
    fn the_extremes_hold() {
        let set = LineSet::from_ranges([0..=u32::MAX]);
        assert_eq!(set.len(), u64::from(u32::MAX));
        assert!(set.contains(u32::MAX) && !set.contains(0));
        let mut set = LineSet::from_ranges([u32::MAX - 1..=u32::MAX - 1]);
        set.insert(u32::MAX);
        set.insert(0);
        assert_eq!(set.len(), 2);
        #[expect(clippy::reversed_empty_ranges, reason = "what a broken diff could hold")]
        let backwards = LineSet::from_ranges([5..=3]);
        assert!(backwards.is_empty());
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(built in prop::collection::vec((1_u32..60, 0_u32..5), 0..12), added in prop::collection::vec(1_u32..70, 0..20)) {
            let mut model: BTreeSet<u32> = built.iter().flat_map(|&(s, n)| s..=s + n).collect();
            let mut set = LineSet::from_ranges(built.iter().map(|&(s, n)| s..=s + n));
            for line in added {
                set.insert(line);
                model.insert(line);
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            for line in 0..75 {
                prop_assert_eq!(set.contains(line), model.contains(&line));
                prop_assert_eq!(set.intersects(line..=line + 3), (line..=line + 3).any(|l| model.contains(&l)));
            }
            prop_assert_eq!(&set, &model.into_iter().collect::<LineSet>());
        }
    }
}
