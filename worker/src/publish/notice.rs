//! What is said beside a commit, in words: a check run's title and summary, or the line of a commit status. Pure. Nobody
//! else's words are in a title; in a summary they are inert.

use std::time::Duration;

use eco_coder_github::{CheckState, CheckText, Conclusion, Status, StatusState};
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;
use sha2::{Digest, Sha256};

use super::sanitize;
use crate::report::{Report, markdown};

/// The longest reason of a failure, in characters.
const MAX_REASON: usize = 300;
const DAY_MS: i64 = 86_400_000;

/// How far the review of a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Put down until a time.
    Waiting,
    /// Under way.
    Running,
    /// The comment stands, or none is wanted.
    Posted,
    /// The comment stands, and says what is missing.
    Degraded,
    /// A newer head came before it was reviewed.
    Superseded,
    /// Given up.
    Failed,
    /// Nothing is to be reviewed any more.
    Stopped,
}

/// Why a review waits. Short waits, for what is asked again in a moment, are none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Too many calls to GitHub.
    GitHubLimit,
    /// The model, or who else is asked, has no time or no answer yet.
    Tools,
    /// Outside of working hours.
    Hours,
}

impl Stage {
    /// Is it the last word, as far as is known?
    pub fn is_last(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    fn check(self) -> CheckState {
        match self {
            Self::Waiting => CheckState::Queued,
            Self::Running => CheckState::InProgress,
            Self::Posted => CheckState::Completed(Conclusion::Success),
            Self::Degraded | Self::Stopped => CheckState::Completed(Conclusion::Neutral),
            Self::Superseded => CheckState::Completed(Conclusion::Cancelled),
            Self::Failed => CheckState::Completed(Conclusion::Failure),
        }
    }

    /// A commit status has nothing between success and failure. Success only where a comment stands or none is wanted.
    fn status(self) -> StatusState {
        match self {
            Self::Waiting | Self::Running => StatusState::Pending,
            Self::Posted | Self::Degraded => StatusState::Success,
            Self::Superseded | Self::Failed | Self::Stopped => StatusState::Error,
        }
    }
}

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How far it is.
    pub stage: Stage,
    /// One line, plain text.
    pub title: String,
    /// Markdown; empty: the title says it all.
    pub summary: String,
    /// The comment.
    pub url: Option<String>,
}

impl Notice {
    fn new(stage: Stage, title: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { stage, title: title.into(), summary: summary.into(), url: None }
    }

    /// The review has begun.
    pub fn running(head: &CommitSha) -> Self {
        let summary =
            format!("`{}` is being reviewed. What comes of it will be said here and in a comment.", head.short());
        Self::new(Stage::Running, "Reviewing", summary)
    }

    /// It goes on at `until`.
    pub fn waiting(pause: Pause, until: Timestamp, now: Timestamp) -> Self {
        let (why, more) = match pause {
            Pause::GitHubLimit => ("Waiting for GitHub's rate limit", "GitHub takes no more calls until then."),
            Pause::Tools => ("Waiting for a service that is asked", "What is known so far is kept."),
            Pause::Hours => (
                "Outside of working hours",
                "Whoever runs Eco-Coder has set hours for reviews. Re-run this check to have it reviewed at once.",
            ),
        };
        let title = format!("{why}; goes on at {}", clock(until, now));
        Self::new(Stage::Waiting, title, format!("Nothing is lost, and nothing is to be done. {more}"))
    }

    /// The report is posted.
    pub fn posted(report: &Report, url: Option<&str>) -> Self {
        let stage = if report.is_degraded() { Stage::Degraded } else { Stage::Posted };
        let url = url.filter(|url| markdown::is_plain_url(url));
        let summary = markdown::check_summary(report, url);
        Self { url: url.map(ToOwned::to_owned), ..Self::new(stage, markdown::summary_line(report), summary) }
    }

    /// There is a newer head.
    pub fn superseded(by: &CommitSha) -> Self {
        let summary = format!("This commit was not reviewed: `{}` came after it, and is.", by.short());
        Self::new(Stage::Superseded, format!("Superseded by {}", by.short()), summary)
    }

    /// It is given up after so many attempts.
    pub fn failed(attempts: u32, reason: &str) -> Self {
        let title = format!("The review failed after {attempts} attempt{}", if attempts == 1 { "" } else { "s" });
        let short: String = reason.chars().take(MAX_REASON).collect();
        let summary = format!(
            "{}\n\nRe-run this check for another try. Whoever runs Eco-Coder finds the job among its dead letters.",
            sanitize::text(&short)
        );
        Self::new(Stage::Failed, title, summary)
    }

    /// Nothing is to be reviewed any more, in words of ours.
    pub fn stopped(why: &str) -> Self {
        Self::new(Stage::Stopped, format!("Not reviewed: {why}"), "Nothing is to be done.")
    }

    /// As a check run says it.
    pub fn check(&self) -> CheckText {
        CheckText {
            state: self.stage.check(),
            title: self.title.clone(),
            summary: self.summary.clone(),
            details_url: self.url.clone(),
        }
    }

    /// As a commit status says it.
    pub fn status(&self, context: &str) -> Status {
        Status {
            state: self.stage.status(),
            context: context.to_owned(),
            description: Some(self.title.clone()),
            target_url: self.url.clone(),
        }
    }

    /// Tells what says the same.
    pub fn digest(&self) -> String {
        let Self { stage, title, summary, url } = self;
        let whole = format!("{stage:?}\n{title}\n{summary}\n{}", url.as_deref().unwrap_or_default());
        hex::encode(&Sha256::digest(whole.as_bytes())[..8])
    }
}

/// `14:05 UTC`; with the day if it is another one. The minute after, so that nobody looks too early.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let at = at + Duration::from_millis(59_999);
    let text = at.to_string();
    let (day, time) = text.split_once('T').unwrap_or(("", &text));
    let time = time.get(..5).unwrap_or(time);
    if at.0.div_euclid(DAY_MS) == now.0.div_euclid(DAY_MS) {
        format!("{time} UTC")
    } else {
        format!("{day} {time} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::sanitize::fuzzing::harm;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_wait_says_when_it_ends_and_on_which_day_if_that_is_another() {
        let now = at("2026-11-26T13:05:00Z");
        let title = |until: &str| Notice::waiting(Pause::GitHubLimit, at(until), now).title;
        assert_eq!(title("2026-11-26T14:04:30Z"), "Waiting for GitHub's rate limit; goes on at 14:05 UTC");
        assert_eq!(title("2026-11-26T14:05:00Z"), "Waiting for GitHub's rate limit; goes on at 14:05 UTC");
        let hours = Notice::waiting(Pause::Hours, at("2026-11-30T08:00:00Z"), now);
        assert_eq!(hours.title, "Outside of working hours; goes on at 2026-11-30 08:00 UTC");
        assert_eq!(hours.status("eco-coder").state, StatusState::Pending);
    }

    #[test]
    fn success_is_said_of_nothing_but_a_posted_report() {
        let head: CommitSha = "a".repeat(40).parse().unwrap();
        for notice in [
            Notice::running(&head),
            Notice::waiting(Pause::Tools, Timestamp(1), Timestamp(0)),
            Notice::superseded(&head),
            Notice::failed(3, "no"),
            Notice::stopped("the pull request is closed"),
        ] {
            assert_ne!(notice.check().state, CheckState::Completed(Conclusion::Success), "{notice:?}");
            assert_ne!(notice.status("eco-coder").state, StatusState::Success, "{notice:?}");
            assert_ne!(notice.stage, Stage::Posted);
        }
    }

    #[test]
    fn the_reason_of_a_failure_is_inert_and_short() {
        let reason = format!("<img src=x> @octocat fixes #1 [a](https://evil.test) \u{202e}{}", "x".repeat(5_000));
        let notice = Notice::failed(1, &reason);
        assert_eq!(notice.title, "The review failed after 1 attempt");
        assert!(notice.summary.chars().count() < 800, "{}", notice.summary);
        assert_eq!(harm(&notice.summary), Vec::<String>::new(), "{}", notice.summary);
        assert!(!notice.summary.contains('\u{202e}') && !notice.summary.contains("<img"), "{}", notice.summary);
    }

    #[test]
    fn what_says_the_same_has_the_same_digest() {
        let head: CommitSha = "a".repeat(40).parse().unwrap();
        assert_eq!(Notice::running(&head).digest(), Notice::running(&head).digest());
        assert_ne!(Notice::failed(2, "x").digest(), Notice::failed(3, "x").digest());
        assert_eq!(Notice::failed(2, "x").digest().len(), 16);
    }
}
