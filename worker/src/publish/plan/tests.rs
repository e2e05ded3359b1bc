use proptest::prelude::*;

use super::*;

const REQUEST: Duration = Duration::from_secs(30);

fn start(comment: &CommentState, silent: bool) -> (Plan, Step) {
    Plan::start(comment, Timestamp::from_seconds(1000), REQUEST, silent)
}

/// Plays what is seen, in order, and returns all steps.
fn play(comment: &CommentState, silent: bool, seen: impl IntoIterator<Item = Seen>) -> Vec<Step> {
    let (mut plan, first) = start(comment, silent);
    let mut steps = vec![first];
    steps.extend(seen.into_iter().map(|s| plan.next(s)));
    steps
}

#[test]
fn a_known_comment_is_updated_and_looked_at() {
    let steps = play(&CommentState::Known { id: 7 }, false, [Seen::Updated, Seen::Listed(vec![7])]);
    assert_eq!(steps, [Step::Update(7), Step::List, Step::Settled(Some(7))]);
}

#[test]
fn a_double_that_came_late_is_removed_by_the_next_publishing() {
    let younger = play(&CommentState::Known { id: 7 }, false, [Seen::Updated, Seen::Listed(vec![7, 9]), Seen::Deleted]);
    assert_eq!(younger[2..], [Step::Delete(vec![9]), Step::Settled(Some(7))]);
    let seen = [Seen::Updated, Seen::Listed(vec![5, 7]), Seen::Updated, Seen::Listed(vec![5, 7]), Seen::Deleted];
    let older = play(&CommentState::Known { id: 7 }, false, seen);
    assert_eq!(older[2..], [Step::Update(5), Step::List, Step::Delete(vec![7]), Step::Settled(Some(5))]);
}

#[test]
fn the_first_comment_is_created_once_and_looked_for_after() {
    let steps = play(&CommentState::None, false, [Seen::Listed(vec![]), Seen::Created(5), Seen::Listed(vec![5])]);
    assert_eq!(steps, [Step::List, Step::Create, Step::List, Step::Settled(Some(5))]);
}

#[test]
fn a_stale_list_after_the_create_changes_nothing() {
    let steps = play(&CommentState::None, false, [Seen::Listed(vec![]), Seen::Created(5), Seen::Listed(vec![])]);
    assert_eq!(steps.last(), Some(&Step::Settled(Some(5))));
}

#[test]
fn of_two_creates_at_once_the_oldest_stays_whoever_made_it() {
    let begin = [Seen::Listed(vec![]), Seen::Created(6)];
    let both = || Seen::Listed(vec![5, 6]);
    let younger = begin.into_iter().chain([both(), Seen::Updated, both(), Seen::Deleted]);
    let steps = play(&CommentState::None, false, younger);
    assert_eq!(steps[3..], [Step::Update(5), Step::List, Step::Delete(vec![6]), Step::Settled(Some(5))]);
    let older = [Seen::Listed(vec![]), Seen::Created(5), both(), Seen::Deleted];
    assert_eq!(play(&CommentState::None, false, older)[3..], [Step::Delete(vec![6]), Step::Settled(Some(5))]);
}

#[test]
fn an_ambiguous_create_is_adopted_if_it_is_found() {
    let seen = [Seen::Listed(vec![]), Seen::Unknown, Seen::Listed(vec![9]), Seen::Updated, Seen::Listed(vec![9])];
    let steps = play(&CommentState::None, false, seen);
    assert_eq!(steps[2..], [Step::List, Step::Update(9), Step::List, Step::Settled(Some(9))]);
}

#[test]
fn an_ambiguous_create_that_is_not_found_is_waited_for_before_another_is_made() {
    let steps = play(&CommentState::None, false, [Seen::Listed(vec![]), Seen::Unknown, Seen::Listed(vec![])]);
    assert_eq!(steps.last(), Some(&Step::Wait { until: Timestamp::from_seconds(1030) }));
}

#[test]
fn a_deleted_comment_is_posted_once_more() {
    let seen = [Seen::Gone, Seen::Listed(vec![]), Seen::Created(8), Seen::Listed(vec![8])];
    let steps = play(&CommentState::Known { id: 7 }, false, seen);
    assert_eq!(steps, [Step::Update(7), Step::List, Step::Create, Step::List, Step::Settled(Some(8))]);
}

#[test]
fn somebody_elses_create_under_way_is_waited_out() {
    let creating = |since| CommentState::Creating { nonce: "n".into(), since: Timestamp::from_seconds(since) };
    assert_eq!(start(&creating(971), false).1, Step::Wait { until: Timestamp::from_seconds(1001) });
    assert_eq!(start(&creating(970), false).1, Step::List);
    assert_eq!(start(&creating(99_999), false).1, Step::List, "a clock that was put back");
}

#[test]
fn silence_makes_no_comment_but_keeps_one_up_to_date() {
    assert_eq!(play(&CommentState::None, true, [Seen::Listed(vec![])]).last(), Some(&Step::Settled(None)));
    assert_eq!(play(&CommentState::None, true, [Seen::Listed(vec![3])]).last(), Some(&Step::Update(3)));
}

/// GitHub under several publishings, one after the other: creates may be lost, of unknown outcome or late, lists stale,
/// comments deleted.
#[derive(Default)]
struct World {
    comments: Vec<u64>,
    late: Vec<u64>,
    next: u64,
}

proptest! {
    #[test]
    fn a_publishing_that_meets_no_trouble_leaves_exactly_one_comment(
        faults in prop::collection::vec(0u8..7, 0..60),
        known in prop::option::of(1u64..4),
    ) {
        let mut world = World { comments: known.into_iter().collect(), next: 10, ..World::default() };
        let mut faults = faults.into_iter();
        let mut row = known.map_or(CommentState::None, |id| CommentState::Known { id });
        for clean in [false, false, false, true] {
            if clean {
                // All that was on its way has arrived.
                let late = std::mem::take(&mut world.late);
                world.comments.extend(late);
            }
            // Each begins when what the one before had under way could have arrived.
            let (mut plan, mut step) = start(&row, false);
            for _ in 0..20 {
                let fault = if clean { 0 } else { faults.next().unwrap_or(0) };
                let seen = match step {
                    Step::Update(id) if world.comments.contains(&id) && fault != 1 => Seen::Updated,
                    Step::Update(id) => {
                        world.comments.retain(|c| *c != id);
                        Seen::Gone
                    }
                    Step::List if fault == 2 => Seen::Listed(vec![]),
                    Step::List => Seen::Listed(world.comments.clone()),
                    Step::Create => {
                        row = CommentState::None;
                        world.next += 1;
                        match fault {
                            3 => {}
                            4 => world.late.push(world.next),
                            _ => world.comments.push(world.next),
                        }
                        if matches!(fault, 3..=5) { Seen::Unknown } else { Seen::Created(world.next) }
                    }
                    Step::Delete(ref ids) => {
                        world.comments.retain(|c| !ids.contains(c));
                        Seen::Deleted
                    }
                    Step::Settled(id) => {
                        row = id.map_or(CommentState::None, |id| CommentState::Known { id });
                        break;
                    }
                    Step::GiveUp | Step::Wait { .. } => break,
                };
                step = plan.next(seen);
            }
            let over = matches!(step, Step::Settled(_) | Step::GiveUp | Step::Wait { .. });
            prop_assert!(over, "no end: {:?}", step);
        }
        prop_assert_eq!(world.comments.len(), 1);
    }
}

#[test]
fn a_comment_that_is_gone_each_time_is_given_up_one_past_the_bound() {
    let gone = [Seen::Gone, Seen::Listed(vec![8])];
    let steps = play(&CommentState::Known { id: 7 }, false, std::iter::repeat_n(gone, 3).flatten().take(5));
    assert_eq!(steps[1..5], [Step::List, Step::Update(8), Step::List, Step::Update(8)]);
    assert_eq!(steps[5], Step::GiveUp);
}
