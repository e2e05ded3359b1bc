//! Folded stacks: a line a stack, root first, `main;f;g 12`. As profilers write it, a frame may end with its place,
//! `f (app/orders.py:12)`.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::text::{lines, number};
use crate::model::{Builder, Raw};
use crate::{Format, Limits, Profile, ProfileError, SampleType};

pub(crate) fn read(bytes: &[u8], sample_ms: Option<f64>, limits: &Limits) -> Result<Profile, ProfileError> {
    if sample_ms.is_some_and(|ms| !ms.is_finite() || ms <= 0.0) {
        return Err(ProfileError::SampleTime);
    }
    let mut builder = Builder::new(limits);
    let kind = builder.sample_type(SampleType::samples(sample_ms))?;
    let (mut stacks, mut samples) = (0, 0_u64);
    let mut seen: HashMap<&[u8], u32, RandomState> = HashMap::default();
    let mut frames = Vec::new();
    for (line, text) in (1..).zip(lines(bytes)) {
        // A leading space stays: without frames before it, the count is that of an empty stack.
        let text = text.trim_ascii_end();
        if text.is_empty() || text.starts_with(b"#") {
            continue;
        }
        stacks += 1;
        if stacks > limits.max_samples {
            return Err(ProfileError::TooMany { what: "stacks", limit: limits.max_samples });
        }
        let (stack, count) = split(text).ok_or(ProfileError::FoldedLine { line })?;
        frames.clear();
        for frame in stack.rsplit(|b| *b == b';').take(limits.max_depth) {
            let frame = frame.trim_ascii();
            let known = if let Some(known) = seen.get(frame) {
                *known
            } else {
                if seen.len() >= limits.max_entries {
                    return Err(ProfileError::TooMany { what: "different frames", limit: limits.max_entries });
                }
                let (name, file, line) = place(frame);
                let function = builder.symbols.function(Raw { name, file, ..Raw::default() })?;
                let new = builder.symbols.frame(function, line)?;
                seen.insert(frame, new);
                new
            };
            frames.push(known);
        }
        let node = builder.tree.stack(&frames)?;
        builder.add(kind, node, count as f64)?;
        samples = samples.saturating_add(count);
    }
    builder.samples = samples;
    builder.finish(Format::Folded)
}

/// `frames count`: frames may hold spaces.
fn split(line: &[u8]) -> Option<(&[u8], u64)> {
    let space = line.iter().rposition(|b| *b == b' ' || *b == b'\t')?;
    let count = number(&line[space + 1..])?;
    Some((line[..space].trim_ascii(), count))
}

/// Name, file and line of a frame; file and line only where both stand in brackets at its end.
fn place(frame: &[u8]) -> (&[u8], &[u8], u32) {
    let placed = || {
        let inner = frame.strip_suffix(b")")?;
        let open = inner.windows(2).rposition(|pair| pair == b" (")?;
        let place = &inner[open + 2..];
        let colon = place.iter().rposition(|b| *b == b':').filter(|colon| *colon > 0)?;
        let line = u32::try_from(number(&place[colon + 1..])?).ok()?;
        Some((inner[..open].trim_ascii(), &place[..colon], line))
    };
    placed().unwrap_or((frame, b"", 0))
}
