//! Which mends are offered on lines, after a report is made and before it is posted.

use eco_coder_analyzer::{Finding, Fix};

use super::Reviewer;
use crate::publish::Suggestions;
use crate::publish::suggestions::Suggestion;
use crate::report::Report;
use crate::subject::Head;

impl Reviewer {
    /// What is to stand on lines; `stood`: something may stand there from an earlier review. `None`: that can't be said now, and
    /// what stands is left alone. The report has every finding, so it doesn't wait for this.
    pub(super) async fn suggestions(&self, head: &Head, report: &Report, stood: bool) -> Option<Suggestions> {
        let most = self.settings.suggestions;
        let mends = match self.inspector.mends(head, report, most).await {
            Ok(mends) => mends,
            Err(error) => {
                tracing::warn!(component = "review", %error, "the mends could not be made again; none is offered on lines");
                return None;
            }
        };
        let of = |(finding, fix): &(Finding, Fix)| Suggestion::new(self.publisher.deployment(), finding, fix);
        Some(Suggestions { wanted: mends.iter().filter_map(of).collect(), may_stand: stood })
    }
}
