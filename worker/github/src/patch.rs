//! Which lines of the new file a patch adds: a pure parser of the patch text in GitHub's list of changed files, which
//! is a unified diff's hunks without file headers.
//!
//! The text is untrusted. Lines are counted as the hunk headers promise, so that a removed line `-- x` (which reads
//! `--- x` in a patch) is never mistaken for a header; a patch whose counts are wrong is refused, not guessed at. Lines
//! end at `\n` only, as in git: a lone carriage return is part of its line. Time and memory are linear in the text.

use std::ops::RangeInclusive;

#[cfg(test)]
mod tests;

/// Why a patch can't be read. The line is the patch's own, from 1; its text is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// A merge's diff against several parents (`@@@`): its columns can't be told apart without the parents.
    #[error("line {0} of the patch starts a combined diff: compare with one parent instead")]
    Combined(usize),
    /// Not a hunk header where one must be, or one with impossible numbers.
    #[error("line {0} of the patch is not a valid hunk header: read the whole file instead")]
    Header(usize),
    /// A hunk has more or fewer lines than its header says: truncated, or not git's.
    #[error("line {0} of the patch doesn't fit its hunk's line counts: read the whole file instead")]
    Count(usize),
    /// A line that is neither context, added, removed nor a marker.
    #[error("line {0} of the patch doesn't start with ' ', '+', '-' or '\\': read the whole file instead")]
    Prefix(usize),
}

/// Lines of one side of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first line, from 1. If `count` is zero: the line before the place, 0 at the start of the file.
    pub start: u32,
    /// How many lines.
    pub count: u32,
}

impl Span {
    /// Is this line one of them?
    pub fn contains(self, line: u32) -> bool {
        line >= self.start && line - self.start < self.count
    }

    /// The line after the last one.
    fn end(self) -> u32 {
        if self.count == 0 { self.start + 1 } else { self.start + self.count }
    }
}

/// One hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk<'a> {
    /// Lines of the old file.
    pub old: Span,
    /// Lines of the new file.
    pub new: Span,
    /// Lines of the new file that the hunk adds or changes: ascending, never touching each other.
    pub added: Vec<RangeInclusive<u32>>,
    /// The hunk's text, its header and any `\` marker included, without the last line's end.
    pub text: &'a str,
}

/// The lines of the new file that `patch` adds or changes: ascending, never touching each other. Empty for a patch that
/// only removes, and for an empty patch (renames and mode changes have none).
pub fn changed_lines(patch: &str) -> Result<Vec<RangeInclusive<u32>>, PatchError> {
    let mut lines = Vec::new();
    for hunk in hunks(patch)? {
        for range in hunk.added {
            push_range(&mut lines, range);
        }
    }
    Ok(lines)
}

/// All hunks of `patch`, in order.
pub fn hunks(patch: &str) -> Result<Vec<Hunk<'_>>, PatchError> {
    let mut lines = Lines { rest: patch, offset: 0, number: 0 };
    let mut hunks: Vec<Hunk<'_>> = Vec::new();
    let mut next = lines.next();
    while let Some(header) = next {
        let (old, new) = parse_header(&header)?;
        // Hunks go forward: otherwise a line would be reported twice, or out of order.
        if hunks.last().is_some_and(|last| first(old) < last.old.end() || first(new) < last.new.end()) {
            return Err(PatchError::Header(header.number));
        }
        let body = hunk_body(&mut lines, &header, old, new)?;
        hunks.push(Hunk { old, new, added: body.added, text: &patch[header.start..body.end] });
        next = body.next;
    }
    Ok(hunks)
}

/// The first line at or after the span.
fn first(span: Span) -> u32 {
    if span.count == 0 { span.start + 1 } else { span.start }
}

struct Body<'a> {
    added: Vec<RangeInclusive<u32>>,
    /// Where the hunk's text ends.
    end: usize,
    /// The line after the hunk.
    next: Option<Line<'a>>,
}

fn hunk_body<'a>(lines: &mut Lines<'a>, header: &Line<'_>, old: Span, new: Span) -> Result<Body<'a>, PatchError> {
    let mut body = Body { added: Vec::new(), end: header.start + header.text.len(), next: None };
    let (mut old_left, mut new_left) = (old.count, new.count);
    let mut at = first(new);
    loop {
        let Some(line) = lines.next() else {
            return if (old_left, new_left) == (0, 0) { Ok(body) } else { Err(PatchError::Count(lines.number)) };
        };
        let done = (old_left, new_left) == (0, 0);
        let take = |left: &mut u32| left.checked_sub(1).map(|n| *left = n).ok_or(PatchError::Count(line.number));
        match line.text.as_bytes().first() {
            Some(b'@') if done => {
                body.next = Some(line);
                return Ok(body);
            }
            Some(b'@') => return Err(PatchError::Count(line.number)),
            Some(b'+') => {
                take(&mut new_left)?;
                push_range(&mut body.added, at..=at);
                at += 1;
            }
            Some(b'-') => take(&mut old_left)?,
            // "\ No newline at end of file", in whatever language
            Some(b'\\') => {}
            // Some tools strip an empty context line's only space.
            Some(b' ' | b'\r') | None => {
                take(&mut old_left)?;
                take(&mut new_left)?;
                at += 1;
            }
            Some(_) => return Err(PatchError::Prefix(line.number)),
        }
        body.end = line.start + line.text.len();
    }
}

/// Appends, joining what touches.
fn push_range(ranges: &mut Vec<RangeInclusive<u32>>, range: RangeInclusive<u32>) {
    match ranges.last_mut() {
        Some(last) if *last.end() + 1 == *range.start() => *last = *last.start()..=*range.end(),
        _ => ranges.push(range),
    }
}

/// `@@ -1,2 +3,4 @@ anything`
fn parse_header(line: &Line<'_>) -> Result<(Span, Span), PatchError> {
    if line.text.starts_with("@@@") {
        return Err(PatchError::Combined(line.number));
    }
    let parse = || {
        let (old, rest) = line.text.strip_prefix("@@ -")?.split_once(" +")?;
        let (new, _heading) = rest.split_once(" @@")?;
        Some((parse_span(old)?, parse_span(new)?))
    };
    parse().ok_or(PatchError::Header(line.number))
}

/// `start` or `start,count`
fn parse_span(text: &str) -> Option<Span> {
    // `parse` alone would take a sign.
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok())?;
    let (start, count) = match text.split_once(',') {
        Some((start, count)) => (number(start)?, number(count)?),
        None => (number(text)?, 1),
    };
    // The line after the last must have a number too.
    start.checked_add(count)?.checked_add(1)?;
    (start > 0 || count == 0).then_some(Span { start, count })
}

/// One line, without its `\n`.
struct Line<'a> {
    text: &'a str,
    /// Where it starts, in bytes.
    start: usize,
    /// From 1.
    number: usize,
}

/// Lines ended by `\n`; the last may lack it, and there is no empty line after it.
struct Lines<'a> {
    rest: &'a str,
    offset: usize,
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (text, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.number += 1;
        let line = Line { text, start: self.offset, number: self.number };
        self.offset += self.rest.len() - rest.len();
        self.rest = rest;
        Some(line)
    }
}
