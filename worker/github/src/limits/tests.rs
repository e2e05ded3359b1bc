use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const SECONDARY: &str = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes."}"#;
const ABUSE: &str = r#"{"message":"You have triggered an abuse detection mechanism."}"#;
const PERMISSION: &str = r#"{"message":"Resource not accessible by integration"}"#;
const PRIMARY: &str = r#"{"message":"API rate limit exceeded for user ID 1."}"#;

fn verdict(status: u16, headers: &[(&str, &str)], body: &str) -> Verdict {
    classify(status, &headers.iter().copied().collect(), body.as_bytes(), NOW)
}

/// A limit that ends `seconds` from now.
fn limited(seconds: u64, secondary: bool) -> Verdict {
    Verdict::Limited { until: NOW + Duration::from_secs(seconds), secondary }
}

/// Headers, body, what it means as a 403, what as a 429.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Verdict, Verdict);

#[test]
fn every_403_and_429_gets_its_right_wait() {
    const RETRY: (&str, &str) = ("retry-after", "30");
    const NONE_LEFT: (&str, &str) = ("x-ratelimit-remaining", "0");
    const SOME_LEFT: (&str, &str) = ("x-ratelimit-remaining", "4999");
    const RESET: (&str, &str) = ("x-ratelimit-reset", "1700000600");
    const SOON: (&str, &str) = ("x-ratelimit-reset", "1700000005");
    const PAST: (&str, &str) = ("x-ratelimit-reset", "1699999000");
    // GitHub's clock, ten minutes before ours and ten after it; its reset is ten minutes from its own now.
    const BEHIND: (&str, &str) = ("date", "Tue, 14 Nov 2023 22:03:20 GMT");
    const AHEAD: (&str, &str) = ("date", "Tue, 14 Nov 2023 22:23:20 GMT");
    const OF_BEHIND: (&str, &str) = ("x-ratelimit-reset", "1700000000");
    const OF_AHEAD: (&str, &str) = ("x-ratelimit-reset", "1700001200");
    const FAR: (&str, &str) = ("x-ratelimit-reset", "99999999999");
    let cases: &[Case<'_>] = &[
        (&[], "", Verdict::Forbidden, limited(60, true)),
        (&[], PERMISSION, Verdict::Forbidden, limited(60, true)),
        (&[SOME_LEFT, RESET], PERMISSION, Verdict::Forbidden, limited(60, true)),
        (&[], SECONDARY, limited(60, true), limited(60, true)),
        (&[], ABUSE, limited(60, true), limited(60, true)),
        (&[SOME_LEFT, RESET], SECONDARY, limited(60, true), limited(60, true)),
        (&[RETRY], SECONDARY, limited(30, true), limited(30, true)),
        (&[RETRY], "", limited(30, true), limited(30, true)),
        (&[RETRY, SOME_LEFT, RESET], "", limited(30, true), limited(30, true)),
        (&[RETRY, NONE_LEFT, RESET], PRIMARY, limited(30, false), limited(30, false)),
        (&[RETRY, NONE_LEFT, RESET], SECONDARY, limited(30, true), limited(30, true)),
        (&[NONE_LEFT, RESET], PRIMARY, limited(600, false), limited(600, false)),
        (&[NONE_LEFT, RESET], SECONDARY, limited(600, true), limited(600, true)),
        (&[NONE_LEFT, SOON], SECONDARY, limited(60, true), limited(60, true)),
        (&[NONE_LEFT, PAST], PRIMARY, limited(1, false), limited(1, false)),
        (&[NONE_LEFT, OF_BEHIND, BEHIND], PRIMARY, limited(600, false), limited(600, false)),
        (&[NONE_LEFT, OF_AHEAD, AHEAD], PRIMARY, limited(600, false), limited(600, false)),
        (&[NONE_LEFT, PAST, AHEAD], PRIMARY, limited(1, false), limited(1, false)),
        (&[NONE_LEFT, RESET, ("date", "yesterday")], PRIMARY, limited(600, false), limited(600, false)),
        (
            &[NONE_LEFT, RESET, ("date", "Wed, 14 Nov 1900 22:03:20 GMT")],
            PRIMARY,
            limited(3600, false),
            limited(3600, false),
        ),
        (&[("retry-after", "Tue, 14 Nov 2023 22:24:05 GMT"), AHEAD], "", limited(45, true), limited(45, true)),
        (&[RETRY, AHEAD], "", limited(30, true), limited(30, true)),
        (&[NONE_LEFT, RESET], PERMISSION, limited(600, false), limited(600, false)),
        (&[SOME_LEFT, PAST], PERMISSION, Verdict::Forbidden, limited(60, true)),
        (&[("x-ratelimit-remaining", "1"), RESET], PRIMARY, Verdict::Forbidden, limited(60, true)),
        (&[NONE_LEFT, FAR], PRIMARY, limited(3600, false), limited(3600, false)),
        (&[NONE_LEFT], PRIMARY, limited(60, false), limited(60, false)),
        (&[NONE_LEFT, ("x-ratelimit-reset", "soon")], "", limited(60, false), limited(60, false)),
        (&[("retry-after", "0")], "", limited(1, true), limited(1, true)),
        (&[("retry-after", "999999999999")], "", limited(3600, true), limited(3600, true)),
        (&[("retry-after", "18446744073709551615")], "", limited(3600, true), limited(3600, true)),
        (&[("retry-after", "Tue, 14 Nov 2023 22:14:05 GMT")], "", limited(45, true), limited(45, true)),
        (&[("retry-after", "Tue, 14 Nov 2000 22:14:05 GMT")], "", limited(1, true), limited(1, true)),
        (&[("retry-after", "later")], PERMISSION, Verdict::Forbidden, limited(60, true)),
        (&[("x-ratelimit-remaining", "-0x")], PERMISSION, Verdict::Forbidden, limited(60, true)),
    ];
    for (headers, body, on_403, on_429) in cases {
        assert_eq!(verdict(403, headers, body), *on_403, "403 {headers:?} {body}");
        assert_eq!(verdict(429, headers, body), *on_429, "429 {headers:?} {body}");
    }
}

#[test]
fn other_statuses_mean_what_they_say() {
    for (status, expected) in [
        (200, Verdict::Success),
        (204, Verdict::Success),
        (304, Verdict::Refused),
        (307, Verdict::Refused),
        (400, Verdict::Invalid),
        (401, Verdict::Unauthorized),
        (404, Verdict::NotFound),
        (406, Verdict::Refused),
        (408, Verdict::Broken { retry_after: None }),
        (409, Verdict::Refused),
        (410, Verdict::Gone),
        (422, Verdict::Invalid),
        (451, Verdict::Gone),
        (500, Verdict::Broken { retry_after: None }),
        (504, Verdict::Broken { retry_after: None }),
    ] {
        assert_eq!(verdict(status, &[], SECONDARY), expected, "{status}");
    }
    let asked = Some(Duration::from_secs(7));
    assert_eq!(verdict(503, &[("retry-after", "7")], ""), Verdict::Broken { retry_after: asked });
}

#[test]
fn a_success_can_be_the_last_one() {
    let headers = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000600")].into_iter().collect();
    assert_eq!(exhausted(&headers, NOW), Some(NOW + Duration::from_mins(10)));
    assert_eq!(exhausted(&[("x-ratelimit-remaining", "1")].into_iter().collect(), NOW), None);
    assert_eq!(exhausted(&Headers::default(), NOW), None);
}

#[test]
fn a_share_of_the_hour_is_low_at_the_bound_and_not_after_its_end() {
    let headers = |remaining| {
        [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", "1700000600")]
    };
    let quota = |remaining| Quota::of(&headers(remaining).into_iter().collect(), NOW).unwrap();
    assert!(!quota("1000").is_below(20, NOW));
    assert!(quota("999").is_below(20, NOW));
    assert!(!quota("0").is_below(0, NOW));
    assert!(!quota("999").is_below(20, NOW + Duration::from_mins(10)), "the hour is over");
    assert_eq!(Quota::of(&Headers::default(), NOW), None);
}

proptest! {
    #[test]
    fn no_answer_panics_and_every_wait_is_between_a_second_and_an_hour(
        status in any::<u16>(), retry in "\\PC{0,12}|[0-9]{1,20}", remaining in "0|[0-9]{1,3}|\\PC{0,3}",
        reset in "[0-9]{1,20}|\\PC{0,5}", body in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        let headers = [("retry-after", retry), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", reset)];
        if let Verdict::Limited { until, .. } = classify(status, &headers.into_iter().collect(), &body, NOW) {
            prop_assert!((NOW + SHORTEST_WAIT..=NOW + LONGEST_WAIT).contains(&until));
        }
    }
}

#[test]
fn the_last_calls_of_an_hour_are_for_writes() {
    let now = Timestamp::from_seconds(1_700_000_000);
    let kept = |limit: u64, remaining: u64, reset: i64| {
        let headers = Headers::from_iter([
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset", reset.to_string()),
        ]);
        reserved(&headers, now)
    };
    let reset = 1_700_000_600;
    assert_eq!(kept(5_000, RESERVED, reset), Some(Timestamp::from_seconds(reset)));
    for none in [(5_000, RESERVED + 1, reset), (5_000, 0, reset), (60, 1, reset), (5_000, 1, 1_699_999_999)] {
        assert_eq!(kept(none.0, none.1, none.2), None, "{none:?}");
    }
    assert_eq!(kept(5_000, 1, 1_800_000_000), Some(now + LONGEST_WAIT));
    assert_eq!(reserved(&Headers::default(), now), None);
}
