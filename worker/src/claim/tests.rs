use proptest::prelude::*;

use super::*;

const LEASE: Duration = Duration::from_mins(2);

fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn claim_at(row: &Row, holder: &str, now: i64) -> Verdict {
    let claim = Transition::Claim { holder: holder.into(), now: at(now), lease: LEASE, first_receive: true };
    apply(row, &claim).1
}

fn mine(verdict: Verdict) -> Row {
    match verdict {
        Verdict::Mine(row) => *row,
        other => panic!("not mine: {other:?}"),
    }
}

fn step(row: &Row, transition: &Transition) -> Row {
    mine(apply(row, transition).1)
}

fn charge(row: &Row, head: char, redriven: Option<i64>) -> Row {
    step(row, &Transition::Charge { epoch: row.epoch, head: sha(head), redriven: redriven.map(at), alone: false })
}

#[test]
fn who_waits_says_until_when_and_why_and_is_refunded() {
    let row = charge(&mine(claim_at(&Row::default(), "a", 0)), 'a', None);
    let until = Timestamp::from_seconds(900);
    let waits = |why: &str| Waits { until, why: why.to_owned() };
    let down = release(&row, Exit::Waits(waits(&"x".repeat(501))));
    assert_eq!((down.attempts, down.under_way, down.waits.as_ref()), (0, None, Some(&waits(&"x".repeat(500)))));
    assert_eq!(mine(claim_at(&down, "b", 900)).waits, None, "it goes on");
}

fn release(row: &Row, exit: Exit) -> Row {
    step(row, &Transition::Release { epoch: row.epoch, exit })
}

fn done(not_before: i64) -> Exit {
    Exit::Done {
        digest: Some("d".into()),
        sight: Some("s".into()),
        updated_at: at(0),
        forced: None,
        not_before: at(not_before),
    }
}

fn failed(error: &str) -> Exit {
    Exit::Failed { error: error.into(), head: sha('a'), redriven: None }
}

#[test]
fn a_failure_before_the_head_is_known_is_counted_too() {
    let mut row = Row::default();
    for attempt in 1..=3 {
        row = release(&mine(claim_at(&row, "a", attempt)), failed("no answer"));
        assert_eq!((i64::from(row.attempts), row.is_suspect()), (attempt, false));
    }
    assert_eq!(row.last_error.as_deref(), Some("no answer"));
}

#[test]
fn times_of_a_clock_that_was_put_back_bind_nobody() {
    let held = mine(claim_at(&Row::default(), "a", 1_000_000));
    assert_eq!(mine(claim_at(&held, "b", 10)).epoch, 2);
    let cooling = release(&held, done(1_000_030));
    assert_eq!(mine(claim_at(&cooling, "b", 10)).epoch, 2);
}

#[test]
fn a_free_row_is_taken_and_a_busy_one_hides_and_tells_the_holder() {
    let held = mine(claim_at(&Row::default(), "a", 1000));
    assert_eq!((held.epoch, held.holder.as_deref(), held.lease_until), (1, Some("a"), at(1120)));

    let second = Transition::Claim { holder: "b".into(), now: at(1001), lease: LEASE, first_receive: true };
    let (told, verdict) = apply(&held, &second);
    assert_eq!(verdict, Verdict::Hide { until: at(1120) });
    assert_eq!(told.unwrap().wanted, 1);

    let again = Transition::Claim { holder: "b".into(), now: at(1002), lease: LEASE, first_receive: false };
    assert_eq!(apply(&held, &again).0, None);
}

#[test]
fn the_lease_ends_at_its_instant_and_a_late_holder_can_do_nothing() {
    let first = mine(claim_at(&Row::default(), "a", 0));
    assert_eq!(claim_at(&first, "b", 119), Verdict::Hide { until: at(120) });
    let second = mine(claim_at(&first, "b", 120));
    assert_eq!(second.epoch, 2);
    for transition in [
        Transition::Renew { epoch: 1, now: at(120), lease: LEASE },
        Transition::Charge { epoch: 1, head: sha('a'), redriven: None, alone: false },
        Transition::MayWrite { epoch: 1, now: at(120), request: Duration::ZERO },
        Transition::Creating { epoch: 1, nonce: "n".into(), now: at(120) },
        Transition::Commented { epoch: 1, comment: CommentState::Known { id: 1 }, head: None },
        Transition::Release { epoch: 1, exit: Exit::Free },
    ] {
        assert_eq!(apply(&second, &transition), (None, Verdict::Late), "{transition:?}");
    }
}

#[test]
fn an_expired_lease_that_nobody_took_can_be_renewed() {
    let row = mine(claim_at(&Row::default(), "a", 0));
    let row = step(&row, &Transition::Renew { epoch: 1, now: at(500), lease: LEASE });
    assert_eq!(row.lease_until, at(620));
}

#[test]
fn a_clock_that_steps_back_never_shortens_a_lease() {
    let row = mine(claim_at(&Row::default(), "a", 1000));
    let row = step(&row, &Transition::Renew { epoch: 1, now: at(10), lease: LEASE });
    assert_eq!(row.lease_until, at(1120));
}

#[test]
fn a_write_begins_only_if_the_lease_outlasts_the_request() {
    let row = mine(claim_at(&Row::default(), "a", 0));
    let may = |now, request| {
        apply(&row, &Transition::MayWrite { epoch: 1, now: at(now), request: Duration::from_secs(request) }).1
    };
    assert!(matches!(may(89, 30), Verdict::Mine(_)));
    assert_eq!(may(90, 30), Verdict::Late);
}

#[test]
fn after_a_review_the_cool_down_hides_the_next_hint() {
    let row = mine(claim_at(&Row::default(), "a", 0));
    let row = release(&row, done(30));
    assert_eq!(claim_at(&row, "b", 29), Verdict::Hide { until: at(30) });
    assert_eq!(mine(claim_at(&row, "b", 30)).done.as_deref(), Some("d"));
}

#[test]
fn waiting_is_free_failing_is_charged_and_dying_is_both_charged_and_suspect() {
    let row = charge(&mine(claim_at(&Row::default(), "a", 0)), 'a', None);
    assert_eq!(row.attempts, 1);
    let waited = release(&row, Exit::Free);
    assert_eq!((waited.attempts, waited.is_suspect()), (0, false));
    let failed = release(&row, failed(&"x".repeat(900)));
    assert_eq!((failed.attempts, failed.is_suspect()), (1, false));
    assert_eq!(failed.last_error.unwrap().len(), MAX_ERROR);
    let after_death = mine(claim_at(&row, "a", 120));
    assert_eq!((after_death.attempts, after_death.is_suspect()), (1, true));
    assert_eq!(charge(&after_death, 'a', None).attempts, 2);
}

#[test]
fn a_wait_does_not_refund_the_attempt_of_one_who_died_before() {
    let dead = charge(&mine(claim_at(&Row::default(), "a", 0)), 'a', None);
    let waited = release(&mine(claim_at(&dead, "a", 120)), Exit::Free);
    assert_eq!((waited.attempts, waited.is_suspect()), (1, true));
    let again = mine(claim_at(&waited, "a", 121));
    let refunded = release(&charge(&again, 'a', None), Exit::Free);
    assert_eq!((refunded.attempts, refunded.is_suspect()), (1, true), "having waited clears of nothing");
    let settled = release(&charge(&mine(claim_at(&refunded, "a", 122)), 'a', None), failed("e"));
    assert_eq!((settled.attempts, settled.is_suspect()), (2, false));
}

#[test]
fn what_died_beside_others_has_one_attempt_more_alone_and_what_died_alone_has_none() {
    let alone =
        |row: &Row, alone| step(row, &Transition::Charge { epoch: row.epoch, head: sha('a'), redriven: None, alone });
    let beside = mine(claim_at(&alone(&mine(claim_at(&Row::default(), "a", 0)), false), "a", 120));
    assert_eq!((beside.attempts, beside.is_over(beside.attempts, 1)), (1, false));
    let waited = release(&alone(&beside, true), Exit::Free);
    let again = mine(claim_at(&waited, "a", 121));
    assert!(!again.is_over(again.attempts, 1), "it has not had its attempt");
    let by_itself = mine(claim_at(&alone(&again, true), "a", 300));
    assert_eq!((by_itself.attempts, by_itself.is_over(by_itself.attempts, 1)), (2, true));
    let failed = release(&alone(&again, true), failed("e"));
    assert!(failed.is_over(failed.attempts, 1));
}

#[test]
fn attempts_are_per_head_and_a_redrive_starts_them_afresh_once() {
    let row = charge(&mine(claim_at(&Row::default(), "a", 0)), 'a', None);
    let row = release(&row, failed("one"));
    let row = charge(&mine(claim_at(&row, "a", 1)), 'a', None);
    let row = release(&row, failed("two"));
    assert_eq!((row.attempts_for(&sha('a'), None), row.attempts_for(&sha('b'), None)), (2, 0));
    assert_eq!(row.attempts_for(&sha('a'), Some(at(2))), 0);

    let row = charge(&mine(claim_at(&row, "redriven", 2)), 'a', Some(2));
    assert_eq!((row.attempts, row.last_error.as_deref()), (1, None));
    let row = release(&row, failed("three"));
    let row = charge(&mine(claim_at(&row, "redriven", 3)), 'a', Some(2));
    assert_eq!(row.attempts, 2, "the same redrive doesn't start them again");
    assert_eq!(row.attempts_for(&sha('a'), Some(at(1))), 2, "nor does an older one");
}

#[test]
fn a_row_survives_its_encoding_and_rows_of_older_builds_are_read() {
    let row = charge(&mine(claim_at(&Row::default(), "a", 0)), 'a', None);
    let text = serde_json::to_string(&row).unwrap();
    assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
}

fn transition() -> impl Strategy<Value = Transition> {
    let epoch = 0u64..4;
    let now = (0i64..400).prop_map(at);
    prop_oneof![
        (0u8..3, now.clone(), any::<bool>()).prop_map(|(holder, now, first_receive)| Transition::Claim {
            holder: holder.to_string(),
            now,
            lease: LEASE,
            first_receive
        }),
        (epoch.clone(), now.clone()).prop_map(|(epoch, now)| Transition::Renew { epoch, now, lease: LEASE }),
        (epoch.clone(), prop::char::range('a', 'c')).prop_map(|(epoch, head)| Transition::Charge {
            epoch,
            head: sha(head),
            redriven: None,
            alone: false
        }),
        (epoch.clone(), now).prop_map(|(epoch, now)| Transition::Creating { epoch, nonce: "n".into(), now }),
        epoch.clone().prop_map(|epoch| Transition::Release { epoch, exit: Exit::Free }),
        epoch.prop_map(|epoch| Transition::Release { epoch, exit: failed("e") }),
    ]
}

proptest! {
    #[test]
    fn epochs_never_fall_and_only_the_current_epoch_changes_more_than_wanted(
        transitions in prop::collection::vec(transition(), 1..40)
    ) {
        let mut row = Row::default();
        for transition in transitions {
            let (changed, verdict) = apply(&row, &transition);
            if let Some(next) = &changed {
                prop_assert!(next.epoch >= row.epoch);
                let is_claim = matches!(transition, Transition::Claim { .. });
                if matches!(verdict, Verdict::Hide { .. }) {
                    prop_assert_eq!(&Row { wanted: row.wanted, ..next.clone() }, &row);
                } else if !is_claim {
                    prop_assert_eq!(transition.epoch(), row.epoch);
                }
            }
            if let Verdict::Mine(seen) = &verdict {
                prop_assert_eq!(&**seen, changed.as_ref().unwrap_or(&row));
            }
            row = changed.unwrap_or(row);
        }
    }
}
