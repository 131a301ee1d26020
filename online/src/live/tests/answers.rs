//! Feedback: late, out of order, twice, for another reward, for nothing that was asked.

use super::*;

/// A state, its ring of 4 decisions, and scratch buffers.
fn live(strategy: Name) -> (State, Pending, Buffers) {
    (state_of(strategy), Pending::new(4), Buffers::new())
}

fn decide(state: &State, pending: &mut Pending, user: &str, k: usize) -> Decision {
    let decision = state
        .decide(&ask(user, k), pending.next_request(), &mut Buffers::new())
        .unwrap();
    pending.insert(decision.clone());
    decision
}

fn open(pending: &mut Pending, feedback: &Feedback<'_>) -> Event {
    match pending.take(feedback).unwrap() {
        Taken::Open(event) => event,
        Taken::Duplicate => panic!("it was answered already"),
    }
}

#[test]
fn feedback_counts_once_and_other_feedback_is_refused() {
    let (state, mut pending, _) = live(Name::Random);
    let slate = decide(&state, &mut pending, "new", 2).slate;
    let [one, two] = slate.items[..] else {
        panic!("two items")
    };
    assert_eq!(
        pending.take(&by_request(0, None, 1.0)).err(),
        Some(Refusal::Ambiguous)
    );
    let absent = (0..8).find(|item| !slate.items.contains(item)).unwrap();
    assert_eq!(
        pending.take(&by_request(0, Some(absent), 1.0)).err(),
        Some(Refusal::NotRecommended)
    );
    assert_eq!(
        pending.take(&by_user("new", absent, 1.0)).err(),
        Some(Refusal::Unknown)
    );
    assert_eq!(
        pending.take(&by_user("other", one, 1.0)).err(),
        Some(Refusal::Unknown)
    );
    assert_eq!(
        pending.take(&by_request(1, Some(one), 1.0)).err(),
        Some(Refusal::Unknown)
    );
    for reward in [f32::NAN, f32::INFINITY, 2e6] {
        assert_eq!(
            pending.take(&by_request(0, Some(one), reward)).err(),
            Some(Refusal::Reward)
        );
    }

    let event = open(&mut pending, &by_request(0, Some(two), 1.0));
    assert_eq!(
        (event.position, event.shown.item, event.timestamp_ms),
        (1, two, 7)
    );
    assert_eq!(event.shown.propensity, slate.propensities[1]);
    for again in [by_request(0, Some(two), 1.0), by_user("new", two, 1.0)] {
        assert!(matches!(pending.take(&again), Ok(Taken::Duplicate)));
    }
    assert_eq!(
        pending.take(&by_request(0, Some(two), 0.0)).err(),
        Some(Refusal::Conflict { given: 1.0 })
    );
    open(&mut pending, &by_user("new", one, 0.0));
}

#[test]
fn all_of_a_request_is_taken_or_nothing() {
    let (state, mut pending, _) = live(Name::Random);
    let items = decide(&state, &mut pending, "new", 3).slate.items;
    let of = |at: usize, reward| by_request(0, Some(items[at]), reward);
    open(&mut pending, &of(0, 1.0));
    let before = pending.snapshot();
    let refused = pending.take_all(&[of(1, 0.0), of(2, 1.0), of(0, 0.0)]);
    assert_eq!(refused.err(), Some((2, Refusal::Conflict { given: 1.0 })));
    assert_eq!(pending.take_all(&[of(1, 0.0), of(1, 1.0)]).err().unwrap().0, 1);
    // What was reopened can be answered, so nothing was taken.
    let taken = pending
        .take_all(&[of(0, 1.0), of(1, 0.0), of(1, 0.0), of(2, 1.0)])
        .unwrap();
    let open: Vec<bool> = taken.iter().map(|one| matches!(one, Taken::Open(_))).collect();
    assert_eq!(open, [false, true, false, true]);
    assert_ne!(before, pending.snapshot());
}

#[test]
fn what_is_too_old_is_forgotten_and_memory_is_bounded() {
    let (state, mut pending, _) = live(Name::Random);
    let first = decide(&state, &mut pending, "early", 1).slate.items[0];
    for round in 0..50 {
        decide(&state, &mut pending, &format!("x{}", round % 7), 1);
        assert!(pending.len() <= 4);
    }
    assert_eq!(
        pending.take(&by_request(0, None, 1.0)).err(),
        Some(Refusal::Expired)
    );
    assert_eq!(
        pending.take(&by_user("early", first, 1.0)).err(),
        Some(Refusal::Unknown)
    );
    assert_eq!(
        pending.take(&by_request(51, None, 1.0)).err(),
        Some(Refusal::Unknown)
    );
    open(&mut pending, &by_request(47, None, 1.0));
    // A decision that comes after newer ones have taken its place is not kept.
    let late = state.decide(&ask("late", 1), 43, &mut Buffers::new()).unwrap();
    pending.insert(late);
    assert_eq!(
        pending.take(&by_request(43, None, 1.0)).err(),
        Some(Refusal::Expired)
    );
}

#[test]
fn the_newest_recommendation_of_an_item_is_meant() {
    let (state, mut pending, _) = live(Name::Popularity);
    // The same item again, because nothing was answered.
    let item = decide(&state, &mut pending, "new", 1).slate.items[0];
    assert_eq!(decide(&state, &mut pending, "new", 1).slate.items, [item]);
    decide(&state, &mut pending, "u0", 1);
    assert_eq!(open(&mut pending, &by_user("new", item, 1.0)).request, 1);
    assert!(matches!(
        pending.take(&by_user("new", item, 1.0)),
        Ok(Taken::Duplicate)
    ));
    assert_eq!(open(&mut pending, &by_request(0, None, 0.0)).request, 0);
}

#[test]
fn late_feedback_moves_the_present_state_and_teaches_by_its_own() {
    let (mut state, mut pending, mut buffers) = live(Name::Frozen);
    let first = decide(&state, &mut pending, "u0", 1);
    let second = decide(&state, &mut pending, "u0", 2);
    let of_second = second
        .slate
        .items
        .iter()
        .find(|item| **item != first.slate.items[0])
        .unwrap();
    apply(
        &mut state,
        open(&mut pending, &by_request(1, Some(*of_second), 1.0)),
    );
    let event = apply(&mut state, open(&mut pending, &by_request(0, None, 1.0)));
    assert_eq!(event.context(), first.user_context.context());
    assert_eq!((event.episode, event.step, event.decided_after), (0, 1, 0));
    assert_eq!(state.applied(), 2);
    let now = state.decide(&ask("u0", 1), 9, &mut buffers).unwrap();
    // The window of 3: the oldest is gone.
    assert_eq!(
        now.user_context.context().history,
        [(0, -1.0), (*of_second, 1.0), (first.slate.items[0], 1.0)]
    );
    assert_eq!(now.decided_after, 2);
    let mut consumed = vec![0, 1, *of_second, first.slate.items[0]];
    consumed.sort_unstable();
    assert_eq!(state.consumed("u0"), consumed);
}

#[test]
fn an_event_of_no_decision_is_refused_and_changes_nothing() {
    let (mut state, mut pending, _) = live(Name::Ft);
    decide(&state, &mut pending, "new", 1);
    let event = open(&mut pending, &by_request(0, None, 1.0));
    let before = state.digest();
    type Damage = fn(&mut Event);
    let damages: [(Damage, &str); 5] = [
        (|event| event.shown.item = 8, "item 8"),
        (|event| event.negatives = vec![99], "item 99"),
        (|event| event.reward = f32::NAN, "reward NaN"),
        (|event| event.shown.propensity = 0.0, "probabilities of 0"),
        (|event| event.shown.adapted = 1.5, "adapted 1.5"),
    ];
    for (damage, says) in damages {
        let mut damaged = event.clone();
        damage(&mut damaged);
        let error = state.apply(&mut damaged).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("request 0"), "{error}");
        assert_eq!(state.digest(), before);
    }
}

#[test]
fn an_update_that_would_not_be_finite_is_left_out_and_the_event_counts() {
    let mut settings = settings(Name::Ft);
    settings.hyper.learning.rollout = 1;
    settings.hyper.learning.critic = f32::MAX;
    let mut state = State::new(artifact(&ITEMS, 4, 1), &settings).unwrap();
    let mut pending = Pending::new(4);
    decide(&state, &mut pending, "new", 1);
    let mut event = open(&mut pending, &by_request(0, None, 1e6));
    let applied = state.apply(&mut event).unwrap();
    assert!(!applied.updated && applied.refused.is_some());
    assert_eq!((state.applied(), state.version(), state.refused()), (1, 0, 1));
}
