//! What an answer means: success, a limit with its end, a missing permission, or trouble. Pure; the client acts on it.
//!
//! GitHub uses 403 for both missing permissions and limits. A limit shows by `retry-after`, by no requests remaining, or
//! (secondary limits, sometimes) by its words only; anything else is a permission, and waiting doesn't mend that.
//! Source: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use std::time::Duration;

use eco_coder_shared::env::Timestamp;

use crate::transport::Headers;

#[cfg(test)]
mod tests;

/// The least wait for a secondary limit that names no time. Source: GitHub's documentation of rate limits.
pub const SECONDARY_WAIT: Duration = Duration::from_mins(1);
/// No wait is longer: the primary limit's window is an hour, so a later time is a mistake or a wrong clock, and asking
/// once an hour harms nobody.
pub const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The least wait for a limit that ought to be over already: clocks differ.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// The last calls of the hour, at most; they are for writes: who has reviewed can still post, and say why it waits.
const RESERVED: u64 = 20;
/// How much of a body is searched for GitHub's words.
const SEARCHED: usize = 4096;

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx.
    Success,
    /// A rate limit: nothing was done.
    Limited {
        /// When to try again.
        until: Timestamp,
        /// Not the hourly limit.
        secondary: bool,
    },
    /// 401.
    Unauthorized,
    /// 403 for want of permission.
    Forbidden,
    /// 404.
    NotFound,
    /// 410, 451.
    Gone,
    /// 400, 422.
    Invalid,
    /// 408, 5xx: a write may have been applied all the same.
    Broken {
        /// How long GitHub asks to wait.
        retry_after: Option<Duration>,
    },
    /// Any other status.
    Refused,
}

/// What the answer means at `now`.
pub fn classify(status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Verdict {
    match status {
        200..=299 => Verdict::Success,
        400 | 422 => Verdict::Invalid,
        401 => Verdict::Unauthorized,
        403 | 429 => limit(status, headers, body, now).unwrap_or(Verdict::Forbidden),
        404 => Verdict::NotFound,
        410 | 451 => Verdict::Gone,
        408 | 500.. => Verdict::Broken { retry_after: retry_after(headers, now) },
        _ => Verdict::Refused,
    }
}

fn limit(status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Option<Verdict> {
    let asked = retry_after(headers, now);
    let exhausted = exhausted(headers, now);
    let worded = mentions_secondary(body);
    let (until, secondary) = match (asked, exhausted) {
        (Some(asked), _) => (now + asked.max(SHORTEST_WAIT), worded || exhausted.is_none()),
        (None, Some(reset)) if worded => (reset.max(now + SECONDARY_WAIT), true),
        (None, Some(reset)) => (reset, false),
        (None, None) if worded || status == 429 => (now + SECONDARY_WAIT, true),
        (None, None) => return None,
    };
    Some(Verdict::Limited { until: until.min(now + LONGEST_WAIT), secondary })
}

/// When requests are allowed again, if this answer says that none remain.
pub fn exhausted(headers: &Headers, now: Timestamp) -> Option<Timestamp> {
    if headers.number("x-ratelimit-remaining") != Some(0) {
        return None;
    }
    // None remain, and nobody says until when: as for a limit that names no time.
    let reset = reset(headers, now).unwrap_or(now + SECONDARY_WAIT);
    Some(reset.clamp(now + SHORTEST_WAIT, now + LONGEST_WAIT))
}

/// What is left of the hourly limit, as an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests in an hour.
    pub limit: u64,
    /// Of these, still to be had.
    pub remaining: u64,
    /// When all of them are there again, by our clock.
    pub reset: Timestamp,
}

impl Quota {
    /// What the answer says; none if it says nothing.
    pub(crate) fn of(headers: &Headers, now: Timestamp) -> Option<Self> {
        let (limit, remaining) = (headers.number("x-ratelimit-limit")?, headers.number("x-ratelimit-remaining")?);
        Some(Self { limit, remaining, reset: reset(headers, now)? })
    }

    /// Is less than this share left?
    pub fn is_below(&self, percent: u64, now: Timestamp) -> bool {
        now < self.reset && self.remaining.saturating_mul(100) < self.limit.saturating_mul(percent)
    }
}

/// When the hour is over, by our clock: what lies between GitHub's `date` and its reset is what is waited for, so that a
/// clock of ours that is wrong neither asks every second nor waits for ever.
fn reset(headers: &Headers, now: Timestamp) -> Option<Timestamp> {
    let seconds = headers.number("x-ratelimit-reset").and_then(|seconds| i64::try_from(seconds).ok())?;
    Some(now + clock(headers, now).until(Timestamp::from_seconds(seconds)))
}

/// GitHub's clock, or ours if the answer doesn't tell.
fn clock(headers: &Headers, now: Timestamp) -> Timestamp {
    headers.value("date").and_then(http_date).unwrap_or(now)
}

fn http_date(text: &str) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(Timestamp(date.as_millisecond()))
}

/// When reads are right again, if this answer says that only the last few calls of the hour remain: a hundredth, and 20 at most.
pub fn reserved(headers: &Headers, now: Timestamp) -> Option<Timestamp> {
    let Quota { limit, remaining, reset } = Quota::of(headers, now)?;
    let until = reset.min(now + LONGEST_WAIT);
    (remaining > 0 && remaining <= RESERVED.min(limit / 100) && until > now).then_some(until)
}

/// `retry-after`: seconds, as GitHub sends it, or a date, as HTTP allows and proxies do.
fn retry_after(headers: &Headers, now: Timestamp) -> Option<Duration> {
    let value = headers.value("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(clock(headers, now).until(http_date(value)?))
}

/// GitHub's words for limits that come without headers.
fn mentions_secondary(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(&body[..body.len().min(SEARCHED)]).to_ascii_lowercase();
    ["secondary rate limit", "abuse detection mechanism"].iter().any(|words| body.contains(words))
}
