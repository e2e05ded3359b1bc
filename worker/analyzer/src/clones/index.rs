//! Finds runs of tokens of the same kinds: windows with the same digest, sorted, then grown as far as they agree. Time
//! grows with n log n, and is bounded whatever the code is; the digests only point, and every token is compared.

use super::{CopyPlace, Duplicate, Duplicates, FileTokens, MAX_DUPLICATES, MAX_PLACES, MIN_TOKENS, judge};
use crate::lines::LineSet;
use crate::shape::tokens::Token;

/// Others that a window is compared with. What stands in more places is how code in this language begins.
const MAX_CANDIDATES: usize = 32;

/// Of these, the longest that are looked at closely.
const MAX_JUDGED: usize = 4;

/// What a close look at a token costs, in comparisons.
const LOOK: usize = 8;

/// Comparisons of tokens, for each token held, before it is given up.
const WORK_PER_TOKEN: usize = 32;

/// A shape that no token has, between files.
const END: u32 = 7;

struct File {
    path: String,
    changed: Option<LineSet>,
    start: usize,
    end: usize,
}

/// All tokens behind each other.
struct Code {
    tokens: Vec<Token>,
    files: Vec<File>,
    /// Digest of a window's shapes in the upper half, its start in the lower; sorted.
    windows: Vec<u64>,
    /// Comparisons left.
    work: usize,
}

/// Two places, and how far they agree.
#[derive(Clone, Copy)]
struct Match {
    here: usize,
    there: usize,
    length: usize,
}

pub(super) fn compare(files: Vec<FileTokens>, left_out: u32) -> Duplicates {
    let mut code = Code::of(files);
    let mut found = Vec::new();
    let mut covered = vec![false; code.tokens.len()];
    for at in 0..code.files.len() {
        code.search(at, &mut covered, &mut found);
    }
    found.sort_by(|a, b| b.tokens.cmp(&a.tokens).then_with(|| a.places.cmp(&b.places)));
    let more = found.len().saturating_sub(MAX_DUPLICATES);
    found.truncate(MAX_DUPLICATES);
    Duplicates { found, more: u32::try_from(more).unwrap_or(u32::MAX), left_out, is_partial: code.work == 0 }
}

impl Code {
    fn of(given: Vec<FileTokens>) -> Self {
        let mut tokens: Vec<Token> = Vec::with_capacity(given.iter().map(|file| file.tokens.len() + 1).sum());
        let mut files = Vec::with_capacity(given.len());
        for file in given {
            let start = tokens.len();
            tokens.extend_from_slice(&file.tokens);
            files.push(File { path: file.path, changed: file.changed, start, end: tokens.len() });
            tokens.push(Token { shape: END, text: 0, line: 0 });
        }
        let work = tokens.len().saturating_mul(WORK_PER_TOKEN);
        let mut windows = Vec::with_capacity(tokens.len());
        for file in &files {
            let shapes = tokens.get(file.start..file.end).unwrap_or_default();
            windows.extend(
                Rolling::over(shapes).zip(file.start as u64..).map(|(digest, at)| (u64::from(digest) << 32) | at),
            );
        }
        windows.sort_unstable();
        Self { tokens, files, windows, work }
    }

    /// Looks from left to right for what the changed lines of a file have elsewhere.
    fn search(&mut self, file: usize, covered: &mut [bool], found: &mut Vec<Duplicate>) {
        let (start, end) = (self.files[file].start, self.files[file].end);
        let digests: Vec<u32> = Rolling::over(&self.tokens[start..end]).collect();
        let changed = self.changed_before(file);
        let mut at = start;
        while at + MIN_TOKENS <= end && self.work > 0 {
            let touched = changed[at + MIN_TOKENS - start] > changed[at - start];
            if covered[at] || !touched {
                at += 1;
                continue;
            }
            let matches = self.matches(at, digests[at - start]);
            let Some(longest) = matches.first().copied() else {
                at += 1;
                continue;
            };
            for candidate in matches.iter().take(MAX_JUDGED) {
                let copies = self.judged(*candidate);
                for &(from, length) in &copies {
                    let places = self.places(&matches, from, length, candidate);
                    found.extend(self.duplicate(&places, from, length, covered));
                }
                if !copies.is_empty() {
                    break;
                }
            }
            // Windows further on in the longest match lead to it again.
            at = (longest.here + longest.length).saturating_sub(MIN_TOKENS).max(at) + 1;
        }
    }

    /// How many tokens before each of a file's are on changed lines.
    fn changed_before(&self, file: usize) -> Vec<usize> {
        let File { changed, start, end, .. } = &self.files[file];
        let mut count = 0;
        let mut counts = vec![0];
        for token in &self.tokens[*start..*end] {
            count += usize::from(changed.as_ref().is_none_or(|lines| lines.contains(token.line)));
            counts.push(count);
        }
        counts
    }

    /// Where else the window at `at` stands, grown both ways; the longest first.
    fn matches(&mut self, at: usize, digest: u32) -> Vec<Match> {
        let first = self.windows.partition_point(|&window| window < u64::from(digest) << 32);
        let others: Vec<usize> = self.windows[first..]
            .iter()
            .take_while(|&&window| window >> 32 == u64::from(digest))
            .map(|&window| usize::try_from(window & u64::from(u32::MAX)).unwrap_or(usize::MAX))
            .filter(|&other| other.abs_diff(at) >= MIN_TOKENS)
            .take(MAX_CANDIDATES)
            .collect();
        let mut matches: Vec<Match> = others.into_iter().filter_map(|other| self.grown(at, other)).collect();
        matches.sort_by_key(|m| (usize::MAX - m.length, m.there));
        matches
    }

    /// How far two places agree, forwards and backwards, without running into each other.
    fn grown(&mut self, at: usize, other: usize) -> Option<Match> {
        let apart = at.abs_diff(other);
        let agree = |a: usize, b: usize| match (self.tokens.get(a), self.tokens.get(b)) {
            (Some(a), Some(b)) => a.shape == b.shape && a.shape != END,
            _ => false,
        };
        let forward = (0..apart).take_while(|&n| agree(at + n, other + n)).count();
        let room = apart - forward;
        let backward = (1..=at.min(other).min(room)).take_while(|&n| agree(at - n, other - n)).count();
        let length = forward + backward;
        self.work = self.work.saturating_sub(length + 1);
        (forward >= MIN_TOKENS).then_some(Match { here: at - backward, there: other - backward, length })
    }

    /// The parts of a match that are copies, by where they start in the file that is looked at.
    fn judged(&mut self, m: Match) -> Vec<(usize, usize)> {
        self.work = self.work.saturating_sub(m.length.saturating_mul(LOOK));
        let (a, b) = (self.run(m.here, m.length), self.run(m.there, m.length));
        judge::copies(a, b).into_iter().map(|(start, length)| (m.here + start, length)).collect()
    }

    fn run(&self, start: usize, length: usize) -> &[Token] {
        self.tokens.get(start..start + length).unwrap_or_default()
    }

    /// Every place of a copy: those whose match holds all of it, with the same names, not one within another.
    fn places(&self, matches: &[Match], from: usize, length: usize, first: &Match) -> Vec<usize> {
        let copy = self.run(from, length);
        let mut places = vec![from, from - first.here + first.there];
        for m in matches.iter().filter(|m| m.here <= from && from + length <= m.here + m.length) {
            let place = from - m.here + m.there;
            if places.iter().all(|&other| other.abs_diff(place) >= length)
                && judge::same_names(copy, self.run(place, length))
            {
                places.push(place);
            }
        }
        places.sort_unstable();
        places
    }

    /// The report of a copy, unless it isn't on changed lines, or most of it is in another report.
    fn duplicate(&self, places: &[usize], from: usize, length: usize, covered: &mut [bool]) -> Option<Duplicate> {
        let known = covered[from..from + length].iter().filter(|&&covered| covered).count();
        if known * 2 > length {
            return None;
        }
        let mut named: Vec<CopyPlace> = places.iter().filter_map(|&place| self.place(place, length)).collect();
        if !named.iter().any(|place| place.is_changed) {
            return None;
        }
        for &place in places {
            covered[place..place + length].fill(true);
        }
        let more = named.len().saturating_sub(MAX_PLACES);
        // Whatever is cut off, one that is on changed lines stays.
        if !named.iter().take(MAX_PLACES).any(|place| place.is_changed)
            && let Some(changed) = named.iter().position(|place| place.is_changed)
        {
            named.swap(0, changed);
        }
        named.truncate(MAX_PLACES);
        named.sort();
        let lines = places.first().map_or(0, |&place| judge::lines(self.run(place, length)));
        Some(Duplicate {
            places: named,
            more_places: u32::try_from(more).unwrap_or(u32::MAX),
            lines: u32::try_from(lines).unwrap_or(u32::MAX),
            tokens: u32::try_from(length).unwrap_or(u32::MAX),
        })
    }

    fn place(&self, start: usize, length: usize) -> Option<CopyPlace> {
        let file = &self.files[self.files.partition_point(|file| file.end < start)];
        let run = self.run(start, length);
        let changed = run.iter().filter(|t| file.changed.as_ref().is_none_or(|lines| lines.contains(t.line))).count();
        Some(CopyPlace {
            file_path: file.path.clone(),
            first_line: run.first()?.line,
            last_line: run.last()?.line,
            is_changed: changed * 2 >= length,
        })
    }
}

/// Digests of all windows of [`MIN_TOKENS`] shapes, by Rabin and Karp's method.
struct Rolling<'t> {
    tokens: &'t [Token],
    at: usize,
    sum: u64,
    /// The base to the power of the window's length.
    leaving: u64,
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

impl<'t> Rolling<'t> {
    fn over(tokens: &'t [Token]) -> Self {
        let leaving = (0..MIN_TOKENS).fold(1_u64, |power, _| power.wrapping_mul(BASE));
        let sum = tokens.iter().take(MIN_TOKENS - 1).fold(0, |sum, token| Self::push(sum, *token));
        Self { tokens, at: 0, sum, leaving }
    }

    fn push(sum: u64, token: Token) -> u64 {
        sum.wrapping_mul(BASE).wrapping_add(u64::from(token.shape) | 1 << 32)
    }
}

impl Iterator for Rolling<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let last = self.tokens.get(self.at + MIN_TOKENS - 1)?;
        self.sum = Self::push(self.sum, *last);
        if let Some(gone) = self.at.checked_sub(1).and_then(|gone| self.tokens.get(gone)) {
            self.sum = self.sum.wrapping_sub((u64::from(gone.shape) | 1 << 32).wrapping_mul(self.leaving));
        }
        self.at += 1;
        u32::try_from(self.sum >> 32).ok()
    }
}
