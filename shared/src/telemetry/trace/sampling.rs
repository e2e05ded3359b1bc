//! Which traces are kept: decided once, where a trace begins, and followed by all who continue it.

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// Follows the parent. Without one, only what serves or consumes begins a trace, and this share of them is kept; a step that is
/// taken outside of any review tells nothing.
#[derive(Debug, Clone)]
pub(super) struct Rooted(Sampler);

impl Rooted {
    /// `share` is from 0 to 1.
    pub(super) fn new(share: f64) -> Self {
        Self(Sampler::TraceIdRatioBased(share))
    }
}

impl ShouldSample for Rooted {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let known = parent.map(|parent| parent.span().span_context().clone()).filter(SpanContext::is_valid);
        let kept = match known {
            Some(parent) => parent.is_sampled(),
            None if matches!(kind, SpanKind::Server | SpanKind::Consumer) => {
                return self.0.should_sample(None, trace, name, kind, attributes, links);
            }
            None => false,
        };
        let decision = if kept { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TraceParent;
    use super::*;

    fn is_kept(share: f64, parent: Option<&str>, trace: u128, kind: &SpanKind) -> bool {
        let parent = parent.map(|parent| {
            let parent: TraceParent = parent.parse().unwrap();
            Context::new().with_remote_span_context(parent.into())
        });
        let result = Rooted::new(share).should_sample(parent.as_ref(), TraceId::from(trace), "name", kind, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    #[test]
    fn what_continues_a_trace_does_as_its_parent_did() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0";
        for kind in [SpanKind::Consumer, SpanKind::Internal] {
            assert!(is_kept(0.0, Some(&format!("{parent}1")), 1, &kind));
            assert!(!is_kept(1.0, Some(&format!("{parent}0")), 1, &kind));
        }
    }

    #[test]
    fn a_trace_begins_where_something_is_served_or_consumed_and_the_share_of_them_is_kept() {
        let spread = |n: u128| n * (u128::MAX / 1_000);
        let kept = |share| (1..1_000).filter(|n| is_kept(share, None, spread(*n), &SpanKind::Server)).count();
        assert_eq!((kept(0.0), kept(1.0)), (0, 999));
        assert!((200..300).contains(&kept(0.25)), "{}", kept(0.25));
        assert!(is_kept(1.0, None, 1, &SpanKind::Consumer));
        assert!(!is_kept(1.0, None, 1, &SpanKind::Internal));
    }
}
