//! Which lines of a file hold code, and how many of them lie between two others.

/// Marks lines while a file is walked over, in any order.
#[derive(Debug)]
pub(super) struct CodeLines {
    /// By row, from 0.
    marked: Vec<bool>,
}

impl CodeLines {
    /// No line of a text so far.
    pub(super) fn of(text: &str) -> Self {
        Self { marked: vec![false; text.split('\n').count()] }
    }

    /// A token lies on these rows, both included.
    pub(super) fn mark(&mut self, first: usize, last: usize) {
        let end = self.marked.len().min(last.saturating_add(1));
        if let Some(rows) = self.marked.get_mut(first..end) {
            rows.fill(true);
        }
    }

    /// Lines with code before each row, and after the last; a blank line in a string is none.
    pub(super) fn sums(mut self, text: &str) -> Vec<u32> {
        for (row, _) in text.split('\n').enumerate().filter(|(_, line)| line.trim_ascii().is_empty()) {
            self.mark_blank(row);
        }
        let mut sum = 0;
        let mut sums = Vec::with_capacity(self.marked.len() + 1);
        sums.push(0);
        for marked in self.marked {
            sum += u32::from(marked);
            sums.push(sum);
        }
        sums
    }

    fn mark_blank(&mut self, row: usize) {
        if let Some(marked) = self.marked.get_mut(row) {
            *marked = false;
        }
    }
}

/// Lines with code from `first` to `last`, both from 1 and included.
pub(super) fn between(sums: &[u32], first: u32, last: u32) -> u32 {
    let at = |line: usize| sums.get(line).or(sums.last()).copied().unwrap_or(0);
    at(last as usize).saturating_sub(at(first as usize - 1))
}
