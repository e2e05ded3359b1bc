//! Which reviews are told of in the log from beginning to end, and which only where something is wrong. Chosen by the session, so
//! that a review is there as a whole or not at all, whichever workers it goes through.

use std::fmt::Debug;

use sha2::{Digest, Sha256};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::{AUDIT, TOOL};

/// The field by which a span is a review's.
const SESSION: &str = "session_id";

/// Passes everything but the informational lines of the reviews that are left out.
pub(super) struct OfReviews {
    share: f64,
}

/// A review's span has it if the review is left out.
struct LeftOut;

impl OfReviews {
    /// `share` is from 0 to 1.
    pub(super) fn new(share: f64) -> Self {
        Self { share }
    }

    fn keeps(&self, session: &str) -> bool {
        let digest = Sha256::digest(session);
        let first = digest.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte));
        f64::from(first) < self.share * (f64::from(u32::MAX) + 1.0)
    }
}

impl<S> Filter<S> for OfReviews
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn enabled(&self, _metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let always = *metadata.level() <= Level::WARN || [AUDIT, TOOL].contains(&metadata.target());
        always
            || self.share >= 1.0
            || context.event_scope(event).into_iter().flatten().all(|span| span.extensions().get::<LeftOut>().is_none())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.share >= 1.0 {
            return;
        }
        let mut session = Session(None);
        attributes.record(&mut session);
        if session.0.is_some_and(|session| !self.keeps(&session))
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().insert(LeftOut);
        }
    }
}

struct Session(Option<String>);

impl Visit for Session {
    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == SESSION {
            self.0 = Some(value.to_owned());
        }
    }
}
