//! One policy takes over from another.

use super::*;

/// The items of the next policy: `b` and `d` are gone, `x` is new, the order is another.
const NEXT: [&str; 7] = ["x", "h", "g", "f", "e", "c", "a"];

fn taken(pending: &mut Pending, feedback: &Feedback<'_>) -> Event {
    match pending.take(feedback) {
        Ok(Taken::Open(event)) => event,
        other => panic!("{other:?}"),
    }
}

fn code(state: &State, id: &str) -> u32 {
    state.items().code(id).unwrap()
}

#[test]
fn what_users_have_lived_carries_over_by_id() {
    let (mut state, mut pending, mut buffers) = (state_of(Name::Ft), Pending::new(16), Buffers::new());
    for (request, item) in ["d", "h"].iter().enumerate() {
        let wanted = [code(&state, item)];
        let asked = Ask {
            candidates: Some(&wanted),
            ..ask("u1", 1)
        };
        pending.insert(state.decide(&asked, request as u64, &mut buffers).unwrap());
        let event = taken(&mut pending, &by_request(request as u64, None, 1.0));
        apply(&mut state, event);
    }
    let next = artifact(&NEXT, 4, 2);
    let successor = Successor::new(state.catalogue(), next, state.settings()).unwrap();
    let carried = state.swap(successor, &mut pending).unwrap();
    assert_eq!((carried.epoch, state.epoch(), state.applied()), (1, 1, 2));
    assert_eq!(
        (carried.items_shared, carried.items_new, carried.items_gone),
        (6, 1, 2)
    );
    assert_eq!(
        (carried.users_kept, carried.users_forgotten, carried.same_space),
        (1, 0, false)
    );
    let h = code(&state, "h");
    assert_eq!(h, 1);
    // u1's history was d, h; d is gone. The new table says that u1 has traits and nothing consumed.
    let decision = state.decide(&ask("u1", 7), 9, &mut buffers).unwrap();
    assert_eq!(
        decision.user_context.context(),
        &context(&[1.0, 0.0], &[(h, 1.0)])
    );
    assert_eq!((decision.epoch, state.consumed("u1")), (1, &[h][..]));
    // u0 never answered: what is known of them is the new table's.
    assert_eq!(state.consumed("u0"), [0, 1]);
}

#[test]
fn what_was_asked_before_a_swap_is_answered_behind_it_and_teaches_nothing() {
    let (mut state, mut pending, mut buffers) = (state_of(Name::Ft), Pending::new(16), Buffers::new());
    let asked = state.decide(&ask("new", 8), 0, &mut buffers).unwrap();
    assert_eq!(asked.slate.items.len(), 8);
    let chance_of_c = asked
        .slate
        .items
        .iter()
        .position(|&item| item == code(&state, "c"));
    let chance_of_c = asked.slate.propensities[chance_of_c.unwrap()];
    pending.insert(asked);
    let only_b = [code(&state, "b")];
    let asked = Ask {
        candidates: Some(&only_b),
        ..ask("new", 1)
    };
    pending.insert(state.decide(&asked, 1, &mut buffers).unwrap());

    let successor = Successor::new(state.catalogue(), artifact(&NEXT, 6, 2), state.settings()).unwrap();
    state.swap(successor, &mut pending).unwrap();
    assert_eq!(
        pending.take(&by_request(1, None, 1.0)).err(),
        Some(Refusal::Expired)
    );
    let c = code(&state, "c");
    for (request, reward) in [(0, 1.0), (0, 1.0)] {
        let feedback = by_request(request, Some(c), reward);
        if let Ok(Taken::Open(event)) = pending.take(&feedback) {
            assert_eq!((event.epoch, event.shown.propensity), (0, chance_of_c));
            apply(&mut state, event);
        }
    }
    assert_eq!((state.applied(), state.version()), (1, 0));
    assert_eq!(state.consumed("new"), [c]);
    // The state goes over a disk as before.
    let mut again = State::new(artifact(&NEXT, 6, 2), state.settings()).unwrap();
    again.restore(&state.snapshot()).unwrap();
    assert_eq!((again.digest(), again.epoch()), (state.digest(), 1));
}

#[test]
fn a_policy_trained_on_is_kin_and_one_trained_anew_is_not() {
    let state = state_of(Name::Frozen);
    let same_space = |mut next: Artifact, change: f32| {
        for (at, weight) in next.weights.item_embedding.iter_mut().enumerate() {
            *weight += change * if at % 2 == 0 { 1.0 } else { -1.0 };
        }
        state.catalogue().succession(&next).same_space
    };
    assert!(same_space(artifact(&ITEMS, 4, 1), 0.0));
    assert!(same_space(artifact(&ITEMS, 4, 1), 0.05));
    assert!(!same_space(artifact(&ITEMS, 4, 1), 5.0));
    assert!(!same_space(artifact(&ITEMS, 4, 2), 0.0));
    assert!(!same_space(artifact(&ITEMS, 6, 1), 0.0));
    assert!(!same_space(artifact(&["x", "y"], 4, 1), 0.0));
}

#[test]
fn what_does_not_fit_is_refused_and_the_old_policy_stays() {
    let (mut state, mut pending, _) = (state_of(Name::Ft), Pending::new(16), Buffers::new());
    let (before, none) = (state.digest(), pending.snapshot());
    let refused = |next: Artifact, state: &State| {
        let made = Successor::new(state.catalogue(), next, state.settings());
        made.err().unwrap().to_string()
    };
    assert!(refused(artifact(&["x", "y"], 4, 1), &state).contains("none of the 8 items"));
    let stale = Successor::new(state.catalogue(), artifact(&NEXT, 4, 2), state.settings()).unwrap();
    let other = Successor::new(state.catalogue(), artifact(&NEXT, 4, 2), &settings(Name::Ap)).unwrap();
    let error = state.swap(other, &mut pending).unwrap_err().to_string();
    assert!(error.contains("taken over meanwhile"), "{error}");
    assert_eq!((state.digest(), pending.snapshot()), (before, none));
    let fresh = Successor::new(state.catalogue(), artifact(&NEXT, 4, 2), state.settings()).unwrap();
    state.swap(fresh, &mut pending).unwrap();
    assert!(
        state.swap(stale, &mut pending).is_err(),
        "the policy it was to follow is gone"
    );
    assert_eq!(state.epoch(), 1);
}

#[test]
fn swaps_are_part_of_the_fold() {
    let run = |strategy: Name, encoder: Encoder, cut: bool| {
        let first = State::new(artifact_of(encoder, &ITEMS, 4, 1), &settings(strategy)).unwrap();
        let (acts, mut state, mut pending) = history_of(first, 40, 5);
        assert!(!acts.is_empty());
        let next = artifact_of(encoder, &NEXT, 4, 1);
        let successor = Successor::new(state.catalogue(), next.clone(), state.settings()).unwrap();
        state.swap(successor, &mut pending).unwrap();
        if cut {
            let (snapshot, kept) = (state.snapshot(), pending.snapshot());
            state = State::new(next, &settings(strategy)).unwrap();
            state.restore(&snapshot).unwrap();
            pending = Pending::new(16);
            pending.restore(&kept).unwrap();
        }
        let (mut rng, mut buffers) = (stream(6, "history", &[]), Buffers::new());
        for _ in 0..40 {
            let next = pending.next_request();
            pending.insert(state.decide(&ask("u3", 2), next, &mut buffers).unwrap());
            if let Some(event) = answer(&mut pending, &mut rng) {
                apply(&mut state, event);
            }
        }
        (state.digest(), pending.snapshot())
    };
    for strategy in [Name::Frozen, Name::Linucb, Name::Ft, Name::Ap, Name::Adapter] {
        for encoder in [Encoder::Gru, Encoder::History] {
            let [cut, whole] = [true, false].map(|cut| run(strategy, encoder, cut));
            assert_eq!(cut, whole, "{strategy:?} {encoder:?}");
        }
    }
}
