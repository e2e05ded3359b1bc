//! What is asked for: the profiling group's name and the period, as AWS takes them. Parsed once.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// The longest name, in characters. Source: the service's model.
const MAX_NAME: usize = 255;

/// The shortest period: CodeGuru aggregates no less.
const SHORTEST: Duration = Duration::from_mins(5);
/// The longest period that one call takes.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// A profiling group's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProfilingGroup(String);

/// The name can't be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be 1 to 255 letters, digits, '_' and '-': the name that CodeGuru Profiler lists")]
pub struct GroupError;

impl TryFrom<&str> for ProfilingGroup {
    type Error = GroupError;

    fn try_from(name: &str) -> Result<Self, GroupError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let fits = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(legal);
        if fits { Ok(Self(name.to_owned())) } else { Err(GroupError) }
    }
}

impl fmt::Display for ProfilingGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much of the service's time is looked at: 5 minutes to 7 days, whole seconds. Shown as ISO 8601.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(Duration);

/// The period is too short, too long, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be an ISO 8601 duration from PT5M to P7D, such as P1D")]
pub struct PeriodError;

impl Period {
    /// How long it is.
    pub fn length(self) -> Duration {
        self.0
    }
}

/// A day: what CodeGuru's own page shows first.
impl Default for Period {
    fn default() -> Self {
        Self(Duration::from_hours(24))
    }
}

impl TryFrom<Duration> for Period {
    type Error = PeriodError;

    fn try_from(length: Duration) -> Result<Self, PeriodError> {
        let whole = Duration::from_secs(length.as_secs());
        if (SHORTEST..=LONGEST).contains(&length) { Ok(Self(whole)) } else { Err(PeriodError) }
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        iso_duration(text).ok_or(PeriodError)?.try_into()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let part = |value: u64, unit: &str| if value == 0 { String::new() } else { format!("{value}{unit}") };
        let time = [part(seconds / 3600 % 24, "H"), part(seconds / 60 % 60, "M"), part(seconds % 60, "S")].concat();
        write!(f, "P{}{}{time}", part(seconds / 86_400, "D"), if time.is_empty() { "" } else { "T" })
    }
}

/// An ISO 8601 duration (`PT24H`, `P7D`) that isn't negative; days have 24 hours, months and years no length.
pub fn iso_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    Duration::try_from(span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_shown_as_it_is_read() {
        for (text, shown) in [
            ("P1D", "P1D"),
            ("PT24H", "P1D"),
            ("PT5M", "PT5M"),
            ("P7D", "P7D"),
            ("P1W", "P7D"),
            ("PT90061S", "P1DT1H1M1S"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.to_string(), shown);
            assert_eq!(shown.parse(), Ok(period));
        }
        assert_eq!(Period::default().to_string(), "P1D");
    }

    #[test]
    fn periods_are_from_five_minutes_to_seven_days() {
        for (text, is_one) in [("PT300S", true), ("PT299S", false), ("P7D", true), ("PT604801S", false), ("P1M", false)]
        {
            assert_eq!(text.parse::<Period>().is_ok(), is_one, "{text}");
        }
    }
}
