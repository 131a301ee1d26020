//! The state is a fold: whatever it is interrupted by, and however it is put together again, it is the same to the byte.

use super::*;

const STRATEGIES: [Name; 8] = [
    Name::Random,
    Name::Popularity,
    Name::Frozen,
    Name::Linucb,
    Name::Scratch,
    Name::Ft,
    Name::Ap,
    Name::Adapter,
];

type Fresh = fn(Name) -> State;

/// Every strategy, on a policy without and on one with memories.
fn everything() -> impl Iterator<Item = (Name, Fresh)> {
    let policies: [Fresh; 2] = [state_of, remembering];
    STRATEGIES
        .into_iter()
        .flat_map(move |strategy| policies.map(|fresh| (strategy, fresh)))
}

/// Goes on from `state` with what happened from `from` on.
fn go_on(state: &mut State, pending: &mut Pending, acts: &[Act]) {
    let mut buffers = Buffers::new();
    for act in acts {
        match act {
            Act::Recommended(decision) => {
                let Decision {
                    user, request, slate, ..
                } = decision;
                let again = state.decide(&ask(user, slate.items.len()), *request, &mut buffers);
                assert_eq!(
                    again.unwrap().slate,
                    *slate,
                    "a decision follows from the state alone"
                );
                pending.insert(decision.clone());
            }
            Act::Answered(event) => {
                let mut again = event.clone();
                (again.episode, again.step) = (u32::MAX, u32::MAX);
                state.apply(&mut again).unwrap();
                assert_eq!((again.episode, again.step), (event.episode, event.step));
                pending.answered(event.request, event.position, event.reward);
            }
        }
    }
}

#[test]
fn a_snapshot_at_any_point_and_the_rest_give_the_uninterrupted_state() {
    for (strategy, fresh) in everything() {
        let (acts, whole, all) = history_of(fresh(strategy), 60, 1);
        for cut in 0..=acts.len() {
            let (mut state, mut pending) = (fresh(strategy), Pending::new(16));
            go_on(&mut state, &mut pending, &acts[..cut]);
            let (mut restored, mut kept) = (fresh(strategy), Pending::new(16));
            restored.restore(&state.snapshot()).unwrap();
            kept.restore(&pending.snapshot()).unwrap();
            assert_eq!(restored.digest(), state.digest(), "{strategy:?} {cut}");
            go_on(&mut restored, &mut kept, &acts[cut..]);
            assert_eq!(restored.digest(), whole.digest(), "{strategy:?} {cut}");
            assert_eq!(kept.snapshot(), all.snapshot(), "{strategy:?} {cut}");
        }
    }
}

#[test]
fn events_that_went_over_a_disk_give_the_same_state() {
    for (strategy, fresh) in everything() {
        let (acts, whole, _) = history_of(fresh(strategy), 80, 2);
        let mut state = fresh(strategy);
        for act in &acts {
            if let Act::Answered(event) = act {
                let bytes = postcard::to_stdvec(event).unwrap();
                state.apply(&mut postcard::from_bytes(&bytes).unwrap()).unwrap();
            }
        }
        assert_eq!(state.digest(), whole.digest(), "{strategy:?}");
        assert_eq!(
            state.version() > 0,
            !matches!(strategy, Name::Random | Name::Popularity | Name::Frozen)
        );
    }
}

#[test]
fn different_histories_give_different_states() {
    let (_, one, _) = history(Name::Ft, 60, 1);
    let (_, other, _) = history(Name::Ft, 60, 2);
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn a_damaged_snapshot_is_refused_and_changes_nothing() {
    let (acts, state, pending) = history(Name::Ft, 30, 3);
    let (bytes, kept) = (state.snapshot(), pending.snapshot());
    let (mut fresh, mut empty) = (state_of(Name::Ft), Pending::new(16));
    let (before, none) = (fresh.digest(), empty.snapshot());
    for length in (0..bytes.len()).step_by(7) {
        assert!(fresh.restore(&bytes[..length]).is_err(), "{length}");
        assert_eq!(fresh.digest(), before);
    }
    for length in 0..kept.len() {
        assert!(empty.restore(&kept[..length]).is_err(), "{length}");
        assert_eq!(empty.snapshot(), none);
    }
    let mut other = State::new(artifact(&ITEMS, 4, 2), &settings(Name::Ft)).unwrap();
    let error = other.restore(&bytes).unwrap_err().to_string();
    assert!(error.contains("snapshot is of the policy"), "{error}");
    assert!(!acts.is_empty());
}

#[test]
fn a_smaller_ring_keeps_the_latest() {
    let (_, _, pending) = history(Name::Random, 60, 4);
    let mut small = Pending::new(3);
    small.restore(&pending.snapshot()).unwrap();
    let next = pending.next_request();
    assert_eq!((small.len(), small.next_request()), (3, next));
    assert!(small.entries().all(|entry| entry.decision.request + 3 >= next));
}
