//! Ids of traces as X-Ray has always taken them: the second in which the trace began, then 96 random bits. To all others they are
//! ids like any.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

#[derive(Debug, Default)]
pub(super) struct Timed(RandomIdGenerator);

impl IdGenerator for Timed {
    fn new_trace_id(&self) -> TraceId {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
        timed(second, self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

fn timed(second: u64, random: TraceId) -> TraceId {
    let mut bytes = random.to_bytes();
    // The lower half of the eight, which lasts until 2106.
    bytes[..4].copy_from_slice(&second.to_be_bytes()[4..]);
    TraceId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_its_second_and_the_rest_is_random() {
        let id = timed(0x6926_f000, TraceId::from(u128::MAX));
        assert_eq!(id.to_string(), format!("6926f000{}", "f".repeat(24)));
        let ids = Timed::default();
        assert_ne!(ids.new_trace_id(), ids.new_trace_id());
    }
}
