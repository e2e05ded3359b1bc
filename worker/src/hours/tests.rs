use eco_coder_shared::env::{Env, ManualEnv};
use proptest::prelude::*;

use super::*;

fn hours(zone: &str, days: &str, from: &str, to: &str) -> Hours {
    let days = (!days.is_empty()).then(|| days.split(' ').map(ToOwned::to_owned).collect());
    let table = HoursTable { zone: Some(zone.into()), days, from: Some(from.into()), to: Some(to.into()) };
    Hours::from_table(&table).unwrap().unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// When it opens, seen at this time; "open" if it is.
fn opens(hours: &Hours, now: &str) -> String {
    hours.opens(at(now)).map_or("open".to_owned(), |at| at.to_string().replace(".000Z", "Z"))
}

const WEEK: &str = "mon tue wed thu fri";

#[test]
fn outside_of_the_hours_it_opens_at_the_next_ones_and_not_on_a_weekend() {
    // 2026-11-27 is a Friday; Vienna is an hour ahead of UTC in winter.
    let office = hours("Europe/Vienna", WEEK, "08:00", "18:00");
    for (now, expected) in [
        ("2026-11-27T06:59:59Z", "2026-11-27T07:00:00Z"),
        ("2026-11-27T07:00:00Z", "open"),
        ("2026-11-27T16:59:59Z", "open"),
        ("2026-11-27T17:00:00Z", "2026-11-30T07:00:00Z"),
        ("2026-11-28T12:00:00Z", "2026-11-30T07:00:00Z"),
        ("2026-11-29T23:30:00Z", "2026-11-30T07:00:00Z"),
        // Summer: two hours ahead.
        ("2026-07-01T05:59:59Z", "2026-07-01T06:00:00Z"),
        ("2026-07-01T06:00:00Z", "open"),
    ] {
        assert_eq!(opens(&office, now), expected, "{now}");
    }
}

#[test]
fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
    let night = hours("UTC", WEEK, "22:00", "06:00");
    for (now, expected) in [
        ("2026-11-27T21:59:59Z", "2026-11-27T22:00:00Z"),
        ("2026-11-27T22:00:00Z", "open"),
        // Saturday morning: what began on Friday.
        ("2026-11-28T05:59:59Z", "open"),
        ("2026-11-28T06:00:00Z", "2026-11-30T22:00:00Z"),
        ("2026-11-28T23:00:00Z", "2026-11-30T22:00:00Z"),
        // Monday morning: nothing began on Sunday.
        ("2026-11-30T05:00:00Z", "2026-11-30T22:00:00Z"),
    ] {
        assert_eq!(opens(&night, now), expected, "{now}");
    }
}

#[test]
fn whole_days_and_the_whole_week_are_open() {
    let always = hours("America/New_York", "", "00:00", "24:00");
    for now in ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z", "2026-11-28T04:59:59Z"] {
        assert_eq!(opens(&always, now), "open");
    }
    let weekend = hours("UTC", "sat sun", "00:00", "24:00");
    assert_eq!(opens(&weekend, "2026-11-27T23:59:59Z"), "2026-11-28T00:00:00Z");
    assert_eq!(opens(&weekend, "2026-11-29T23:59:59Z"), "open");
    assert_eq!(opens(&weekend, "2026-11-30T00:00:00Z"), "2026-12-05T00:00:00Z");
    let one = hours("UTC", "fri", "09:00", "10:00");
    assert_eq!(opens(&one, "2026-11-27T10:00:00Z"), "2026-12-04T09:00:00Z");
}

#[test]
fn an_opening_that_clocks_are_put_forward_over_is_at_the_jump() {
    // Vienna, 2026-03-29: from 02:00 to 03:00, at 01:00 UTC.
    let early = hours("Europe/Vienna", "", "02:30", "05:00");
    assert_eq!(opens(&early, "2026-03-29T00:10:00Z"), "2026-03-29T01:00:00Z");
    assert_eq!(opens(&early, "2026-03-29T01:00:00Z"), "open");
    assert_eq!(opens(&early, "2026-03-29T03:00:00Z"), "2026-03-30T00:30:00Z");
    // All of these hours are skipped on that day.
    let skipped = hours("Europe/Vienna", "", "02:00", "03:00");
    assert_eq!(opens(&skipped, "2026-03-29T00:30:00Z"), "2026-03-30T00:00:00Z");
}

#[test]
fn hours_that_clocks_are_put_back_into_are_open_again() {
    // Vienna, 2026-10-25: from 03:00 back to 02:00, at 01:00 UTC.
    let early = hours("Europe/Vienna", "", "02:00", "02:30");
    for (now, expected) in [
        ("2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z"),
        ("2026-10-25T00:29:59Z", "open"),
        ("2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
        ("2026-10-25T01:00:00Z", "open"),
        ("2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z"),
    ] {
        assert_eq!(opens(&early, now), expected, "{now}");
    }
    // An opening that comes twice: closed between the two.
    let later = hours("Europe/Vienna", "", "02:30", "12:00");
    assert_eq!(opens(&later, "2026-10-25T00:29:00Z"), "2026-10-25T00:30:00Z");
    assert_eq!(opens(&later, "2026-10-25T01:00:00Z"), "2026-10-25T01:30:00Z");
}

#[test]
fn a_clock_that_is_moved_to_the_opening_finds_it_open() {
    let office = hours("Pacific/Auckland", WEEK, "09:00", "17:00");
    let env = ManualEnv::new(at("2026-04-03T23:00:00Z"), 1);
    let mut waits = 0;
    while let Some(until) = office.opens(env.now()) {
        env.advance(env.now().until(until).min(Duration::from_mins(15)));
        waits += 1;
    }
    // Easter Saturday to Monday nine o'clock there, over the end of summer time, a quarter of an hour at a time.
    assert_eq!((env.now().to_string().as_str(), waits), ("2026-04-05T21:00:00.000Z", 184));
}

#[test]
fn what_is_no_working_time_is_refused_with_the_setting_and_what_to_write() {
    let table = |zone: Option<&str>, days: Option<Vec<&str>>, from: Option<&str>, to: Option<&str>| HoursTable {
        zone: zone.map(Into::into),
        days: days.map(|days| days.into_iter().map(Into::into).collect()),
        from: from.map(Into::into),
        to: to.map(Into::into),
    };
    let refused = |table: HoursTable| Hours::from_table(&table).unwrap_err().to_string();
    assert!(Hours::from_table(&HoursTable::default()).unwrap().is_none());
    assert!(Hours::from_table(&table(Some("europe/vienna"), None, None, None)).unwrap().is_some());
    for (table, key) in [
        (table(None, None, Some("08:00"), None), "hours.from"),
        (table(None, Some(vec!["mon"]), None, None), "hours.days"),
        (table(Some("Europe/Atlantis"), None, None, None), "hours.zone"),
        (table(Some("UTC"), Some(vec!["monday"]), None, None), "hours.days"),
        (table(Some("UTC"), Some(vec![]), None, None), "hours.days"),
        (table(Some("UTC"), None, Some("8:00"), None), "hours.from"),
        (table(Some("UTC"), None, Some("08:60"), None), "hours.from"),
        (table(Some("UTC"), None, Some("24:00"), None), "hours.from"),
        (table(Some("UTC"), None, Some("08:00"), Some("08:00")), "hours.from"),
        (table(Some("UTC"), None, None, Some("24:01")), "hours.to"),
        (table(Some("UTC"), None, Some("08:00"), Some("00:00")), "hours.to"),
        (table(Some("UTC"), None, None, Some("-1:00")), "hours.to"),
    ] {
        assert!(refused(table).contains(key), "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against a search minute by minute.
    #[test]
    fn the_next_opening_is_the_first_minute_that_is_open(
        minute in 0i64..(366 * 24 * 60), from in 0u16..1440, length in 1u16..1440, days in 1u8..128,
        zone in prop::sample::select(vec!["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    ) {
        let to = if from + length > 1440 { (from + length) % 1440 } else { from + length };
        let days = std::array::from_fn(|day| days >> day & 1 == 1);
        let hours = Hours { zone: find_zone(zone).unwrap(), days, from, to };
        let now = Timestamp::from_seconds(1_767_225_600 + minute * 60);
        let is_open = |at: Timestamp| hours.is_open(Instant::from_millisecond(at.0).unwrap());
        let first = (0..=9 * 24 * 60u64).map(|minutes| now + Duration::from_mins(minutes)).find(|at| is_open(*at));
        prop_assert_eq!(hours.opens(now), first.filter(|at| *at > now));
    }
}
