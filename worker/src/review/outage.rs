//! GitHub gave no answer, or refused the token: does that cost the pull request anything?
//!
//! Not while it gives nobody an answer: then nothing is known to be wrong with this one. And not soon if only this one is
//! left without: a part of GitHub that is down for hours looks the same from here, and would fill the dead letters with
//! every pull request of that time. It is asked again further and further apart, and charged when its time is up.

use std::time::Duration;

use eco_coder_github::ApiError;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::job::Job;

use super::Reviewer;

/// The longest wait between two looks at a pull request that GitHub is silent about.
const FURTHEST: Duration = Duration::from_mins(15);

/// Who is left without an answer.
enum Silence {
    /// Everybody, as far as can be seen from here.
    All,
    /// This pull request.
    One,
}

impl Reviewer {
    /// When to go on and why, free of charge; or else what has failed, in words for whoever reads the dead letter.
    pub(super) async fn outage(
        &self,
        job: &Job,
        error: String,
        retry_after: Option<Duration>,
    ) -> Result<(Timestamp, String), String> {
        let least = retry_after.unwrap_or_default();
        if matches!(self.silence(job).await, Silence::All) {
            tracing::warn!(component = "review", error, "GitHub gives no answer; jobs wait");
            return Ok((self.env.now() + self.outage_wait().max(least), error));
        }
        let now = self.env.now();
        let since = job.redriven_at.unwrap_or_default().max(job.accepted_at);
        let (waited, patience) = (since.until(now), self.settings.silence);
        if waited >= patience {
            return Err(format!(
                "{error}. GitHub answers other calls, and has left this pull request without for {} minutes: open it on \
                 GitHub. If it loads, redrive; if it doesn't, wait for githubstatus.com, or make the change smaller",
                patience.as_secs() / 60
            ));
        }
        let longest = longest_wait(waited, self.settings.outage);
        let after = self.env.between(longest / 2, longest).max(least);
        Ok((now + after, format!("{error}. GitHub answers others; this costs no attempt until {}", since + patience)))
    }

    /// Before a GitHub that is out of reach is asked again.
    pub(super) fn outage_wait(&self) -> Duration {
        self.env.between(self.settings.outage / 2, self.settings.outage)
    }

    /// Asks for the pull request, and if that gets no answer for something that is nobody's.
    async fn silence(&self, job: &Job) -> Silence {
        let answers = match self.github.pull(&job.repo, job.pull).await {
            Err(ApiError::Unavailable { .. }) => is_answer(&self.github.answers(&job.repo).await),
            answer => is_answer(&answer),
        };
        if answers { Silence::One } else { Silence::All }
    }
}

/// The longest wait after so long a silence: at first as for an outage, then further and further apart.
fn longest_wait(waited: Duration, outage: Duration) -> Duration {
    (waited / 2).clamp(outage, FURTHEST.max(outage))
}

/// A refused token and a limit are about everything that is asked, as silence is.
fn is_answer<T>(answer: &Result<T, ApiError>) -> bool {
    !matches!(
        answer,
        Err(ApiError::Unavailable { .. }
            | ApiError::RateLimited { .. }
            | ApiError::Unauthorized
            | ApiError::AppRefused { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_pull_request_is_looked_at_further_and_further_apart_and_a_bounded_number_of_times() {
        let (outage, patience) = (Duration::from_mins(1), Duration::from_hours(12));
        let (mut waited, mut looks, mut last) = (Duration::ZERO, 0, Duration::ZERO);
        while waited < patience {
            let longest = longest_wait(waited, outage);
            assert!(longest >= last && longest <= FURTHEST, "{waited:?}: {longest:?}");
            // The shortest that the dice can give.
            waited += longest / 2;
            (looks, last) = (looks + 1, longest);
        }
        assert!(looks < 120, "{looks}");
        assert_eq!(longest_wait(Duration::from_hours(1), Duration::from_hours(1)), Duration::from_hours(1));
    }

    #[test]
    fn silence_limits_and_a_refused_token_are_no_answer_and_all_else_is() {
        let unavailable =
            ApiError::Unavailable { reason: "it answered 503".to_owned(), retry_after: None, late: false };
        for error in
            [unavailable, ApiError::Unauthorized, ApiError::RateLimited { until: Timestamp(0), secondary: true }]
        {
            assert!(!is_answer(&Err::<(), _>(error)));
        }
        for error in [ApiError::NotFound, ApiError::Forbidden { message: String::new() }] {
            assert!(is_answer(&Err::<(), _>(error)));
        }
        assert!(is_answer(&Ok(())));
    }
}
