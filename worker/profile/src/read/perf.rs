//! What `perf script` prints: for each sample a line that ends with its event, then its frames from the leaf on, a line each.
//! A sample weighs what its event counted since the last one (its period), as `perf report` weighs it.
//!
//! Of the fields, the time and the event are needed; `-F +srcline` gives places, too. The command's name, process and
//! processor are passed over.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::text::{lines, number};
use crate::model::{Builder, Raw};
use crate::{Format, Limits, Profile, ProfileError, SampleType};

/// Is the first line the head of a sample?
pub(super) fn is_perf(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 1_000;
    let mut content = lines(bytes).take(LOOKED_AT).map(<[u8]>::trim_ascii);
    let first = content.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    first.is_some_and(|line| !line.last().is_some_and(u8::is_ascii_digit) && Head::of(line).is_some())
}

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Profile, ProfileError> {
    let mut reader = Reader {
        builder: Builder::new(limits),
        limits,
        events: Vec::new(),
        seen: HashMap::default(),
        sample: None,
        stack: Vec::new(),
        last: None,
    };
    for (line, text) in (1..).zip(lines(bytes)) {
        let content = text.trim_ascii();
        if content.is_empty() {
            reader.end()?;
        } else if !text.starts_with(b"#") {
            reader.line(text.starts_with(b" ") || text.starts_with(b"\t"), content, line)?;
        }
    }
    reader.end()?;
    reader.builder.finish(Format::Perf)
}

/// The first line of a sample.
struct Head<'a> {
    event: &'a [u8],
    period: Option<u64>,
    /// A sample without a call graph has its only frame on the same line.
    frame: &'a [u8],
}

impl<'a> Head<'a> {
    /// `comm 12/34 [001] 5.678901:  250000 cpu-clock:u:`, of which comm may hold spaces and colons.
    fn of(line: &'a [u8]) -> Option<Self> {
        let mut rest = line;
        loop {
            let (word, after) = word(rest);
            if word.is_empty() {
                return None;
            }
            rest = after;
            if is_time(word) {
                break;
            }
        }
        let (first, after) = word(rest);
        let period = number(first).filter(|_| !first.is_empty());
        let (event, frame) = if period.is_some() { word(after) } else { (first, after) };
        let event = event.strip_suffix(b":")?;
        (!event.is_empty()).then_some(Self { event, period, frame })
    }
}

struct Reader<'a, 'l> {
    builder: Builder<'a>,
    limits: &'l Limits,
    /// Names without modifiers, and whether samples say their period.
    events: Vec<(&'a [u8], bool)>,
    seen: HashMap<(&'a [u8], &'a [u8]), u32, RandomState>,
    /// Kind and value of the sample that is being read.
    sample: Option<(usize, f64)>,
    /// Its frames, leaf first.
    stack: Vec<u32>,
    /// The last frame, after which a line with its place may come.
    last: Option<Raw<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn line(&mut self, is_indented: bool, content: &'a [u8], line: usize) -> Result<(), ProfileError> {
        let wrong = ProfileError::PerfLine { line };
        if is_indented && self.sample.is_some() {
            let is_read = self.frame(content)? || self.place(content)?;
            return if is_read { Ok(()) } else { Err(wrong) };
        }
        let head = Head::of(content).ok_or(wrong.clone())?;
        self.end()?;
        self.begin(&head)?;
        if head.frame.is_empty() || self.frame(head.frame)? { Ok(()) } else { Err(wrong) }
    }

    fn begin(&mut self, head: &Head<'a>) -> Result<(), ProfileError> {
        self.builder.samples += 1;
        if self.builder.samples > self.limits.max_samples as u64 {
            return Err(ProfileError::TooMany { what: "samples", limit: self.limits.max_samples });
        }
        // `cpu-clock:u`: the modifiers say where it was counted.
        let name = head.event.iter().position(|b| *b == b':').map_or(head.event, |colon| &head.event[..colon]);
        let known = self.events.iter().position(|(known, _)| *known == name);
        let kind = if let Some(known) = known {
            known
        } else {
            self.events.push((name, head.period.is_some()));
            self.builder.sample_type(SampleType::event(name, head.period.is_some()))?
        };
        let has_period = self.events.get(kind).is_some_and(|(_, has_period)| *has_period);
        self.sample = Some((kind, head.period.filter(|_| has_period).map_or(1.0, |period| period as f64)));
        Ok(())
    }

    /// `55d0c0de main+0x1f (/usr/bin/app)`; false: the line is none.
    fn frame(&mut self, content: &'a [u8]) -> Result<bool, ProfileError> {
        let (address, rest) = word(content);
        if rest.is_empty() || !address.iter().all(u8::is_ascii_hexdigit) {
            return Ok(false);
        }
        let (symbol, module) = split(rest);
        self.intern()?;
        let name = if symbol.is_empty() || symbol == b"[unknown]" { module } else { symbol };
        self.last = Some(Raw { name, module, ..Raw::default() });
        Ok(true)
    }

    /// Takes the last frame as it is: no place came after it.
    fn intern(&mut self) -> Result<(), ProfileError> {
        let Some(raw) = self.last.take() else { return Ok(()) };
        if let Some(known) = self.seen.get(&(raw.name, raw.module)) {
            self.push(*known);
            return Ok(());
        }
        if self.seen.len() >= self.limits.max_entries {
            return Err(ProfileError::TooMany { what: "different frames", limit: self.limits.max_entries });
        }
        let function = self.builder.symbols.function(raw)?;
        let new = self.builder.symbols.frame(function, 0)?;
        self.seen.insert((raw.name, raw.module), new);
        self.push(new);
        Ok(())
    }

    /// What is further from the leaf than the limit isn't counted.
    fn push(&mut self, frame: u32) {
        if self.stack.len() < self.limits.max_depth {
            self.stack.push(frame);
        }
    }

    /// `orders.rs:41`, of the frame before; false: the line is none.
    fn place(&mut self, content: &'a [u8]) -> Result<bool, ProfileError> {
        let Some(colon) = content.iter().rposition(|b| *b == b':').filter(|colon| *colon > 0) else { return Ok(false) };
        let (file, digits) = (&content[..colon], &content[colon + 1..]);
        let line = number(digits).and_then(|line| u32::try_from(line).ok());
        let Some(line) = line.filter(|_| !digits.is_empty()) else { return Ok(false) };
        if let Some(raw) = self.last.take() {
            let function = self.builder.symbols.function(Raw { file, ..raw })?;
            let frame = self.builder.symbols.frame(function, line)?;
            self.push(frame);
        }
        Ok(true)
    }

    fn end(&mut self) -> Result<(), ProfileError> {
        self.intern()?;
        if let Some((kind, value)) = self.sample.take() {
            let node = self.builder.tree.stack(&self.stack)?;
            self.builder.add(kind, node, value)?;
        }
        self.stack.clear();
        Ok(())
    }
}

/// Symbol and the name of its binary: `operator()(int)+0x1f (/usr/bin/app)`. Both may hold spaces and brackets.
fn split(rest: &[u8]) -> (&[u8], &[u8]) {
    let open = rest.windows(2).rposition(|pair| pair == b" (").filter(|_| rest.ends_with(b")"));
    let (symbol, path) = match open {
        Some(open) => (&rest[..open], &rest[open + 2..rest.len() - 1]),
        None => (rest, b"".as_slice()),
    };
    let offset = symbol.windows(3).rposition(|mark| mark == b"+0x");
    let is_offset = |at: &usize| symbol[at + 3..].iter().all(u8::is_ascii_hexdigit);
    let symbol = offset.filter(is_offset).map_or(symbol, |at| &symbol[..at]);
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let module = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
    (symbol.trim_ascii(), if matches!(module, b"[unknown]" | b"inlined") { b"" } else { module })
}

/// The first word, and what comes after it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_ascii_start())
}

/// `1234.567890:`
fn is_time(word: &[u8]) -> bool {
    let Some(time) = word.strip_suffix(b":") else { return false };
    let mut parts = time.split(|b| *b == b'.');
    let are_digits = |part: Option<&[u8]>| part.is_some_and(|part| !part.is_empty() && number(part).is_some());
    are_digits(parts.next()) && are_digits(parts.next()) && parts.next().is_none()
}

#[cfg(test)]
mod tests;
