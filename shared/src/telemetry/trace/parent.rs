//! W3C's trace context, as it travels in a job: which trace goes on, from which span, and whether it is kept.

use std::fmt;
use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// `00-TRACE-SPAN-FLAGS`, in hex: neither id is zero. Of the flags only "sampled" is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    sampled: bool,
}

/// It is no `traceparent` of version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no traceparent: 00, 32, 16 and 2 lower-case hex digits with a dash in between, and no id of zeros alone"
)]
pub struct NoTraceParent;

impl TraceParent {
    pub(super) fn of(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace: u128::from_be_bytes(context.trace_id().to_bytes()),
            span: u64::from_be_bytes(context.span_id().to_bytes()),
            sampled: context.is_sampled(),
        })
    }

    pub(super) fn remote(self) -> SpanContext {
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let (trace, span) = (TraceId::from(self.trace), SpanId::from(self.span));
        SpanContext::new(trace, span, flags, true, TraceState::default())
    }

    /// For a field of a message that anybody may have written: what is no trace context is none, whatever else it is.
    pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(serde_json::from_str::<&str>(raw.get()).ok().and_then(|text| text.parse().ok()))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let hex = |range: std::ops::Range<usize>| {
            text.get(range).filter(|part| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        };
        let read = || {
            let dashes = [2, 35, 52].iter().all(|at| text.as_bytes()[*at] == b'-');
            let (trace, span, flags) = (hex(3..35)?, hex(36..52)?, hex(53..55)?);
            let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
            let span = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
            let flags = u8::from_str_radix(flags, 16).ok()?;
            (dashes && text.starts_with("00")).then_some(Self { trace, span, sampled: flags & 1 == 1 })
        };
        if text.len() == 55 { read().ok_or(NoTraceParent) } else { Err(NoTraceParent) }
    }
}

impl Serialize for TraceParent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn it_comes_back_as_it_was_written() {
        let parent: TraceParent = TEXT.parse().unwrap();
        assert_eq!(parent.to_string(), TEXT);
        assert_eq!(TraceParent::of(&parent.remote()), Some(parent));
        let left_out: TraceParent = TEXT.replace("-01", "-00").parse().unwrap();
        assert!(!left_out.remote().is_sampled() && parent.remote().is_sampled());
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = TEXT.repeat(1_000);
        let others = [
            "",
            "00-0-0-01",
            &TEXT.to_uppercase(),
            &TEXT.replace("00-", "01-"),
            &TEXT.replace("00-", "ff-"),
            &TEXT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &TEXT.replace("b7ad6b7169203331", &"0".repeat(16)),
            &TEXT.replace('-', "_"),
            &TEXT.replace("-01", "-+1"),
            &format!("{TEXT}-more"),
            &format!("00-é{}", &TEXT[5..]),
            &"é".repeat(55),
            &long,
        ];
        for other in others {
            assert_eq!(other.parse::<TraceParent>(), Err(NoTraceParent), "{other:.80}");
        }
    }
}
