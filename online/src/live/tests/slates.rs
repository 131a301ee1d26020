//! What is recommended: who may get what, and with which chances.

use std::collections::BTreeMap;

use super::*;

#[test]
fn slates_come_as_often_as_their_propensities_say_and_their_chances_sum_to_one() {
    for strategy in [Name::Random, Name::Frozen, Name::Ap, Name::Adapter] {
        let state = State::new(artifact(&ITEMS[..4], 4, 1), &settings(strategy)).unwrap();
        let mut room = Room::new();
        let mut seen: BTreeMap<Vec<u32>, (f64, f64)> = BTreeMap::new();
        let draws = 20_000;
        for request in 0..draws {
            let slate = state.decide(&ask("new", 2), request, &mut room).unwrap().slate;
            let chance = slate.propensities.iter().map(|&p| f64::from(p)).product();
            seen.entry(slate.items).or_insert((0.0, chance)).0 += 1.0 / draws as f64;
        }
        assert_eq!(seen.len(), 12, "{strategy:?}: ordered pairs of 4 items");
        let total: f64 = seen.values().map(|(_, chance)| chance).sum();
        assert!((total - 1.0).abs() < 1e-5, "{strategy:?}: {total}");
        for (items, (share, chance)) in &seen {
            assert!(
                (share - chance).abs() < 0.015,
                "{strategy:?} {items:?}: {share} {chance}"
            );
        }
    }
}

#[test]
fn consumed_items_come_only_to_who_has_had_them_all() {
    for strategy in [
        Name::Random,
        Name::Popularity,
        Name::Frozen,
        Name::Linucb,
        Name::Ft,
        Name::Ap,
        Name::Adapter,
    ] {
        let (mut state, mut pending, mut room) = (state_of(strategy), Pending::new(64), Room::new());
        // u0 begins with 2 of the 8 items consumed.
        for round in 0..6 {
            let decision = state.decide(&ask("u0", 8), round, &mut room).unwrap();
            assert_eq!(decision.slate.items.len(), 6 - round as usize, "{strategy:?}");
            let item = decision.slate.items[0];
            assert!(!state.consumed("u0").contains(&item));
            pending.insert(decision);
            let Ok(Taken::Open(event)) = pending.take(&by_request(round, Some(item), 0.0)) else {
                panic!("it is open");
            };
            apply(&mut state, event);
        }
        assert_eq!(state.consumed("u0").len(), 8);
        let slate = state.decide(&ask("u0", 2), 9, &mut room).unwrap().slate;
        assert_eq!(slate.items.len(), 2, "{strategy:?}: all is open again");
    }
}

#[test]
fn only_candidates_are_recommended() {
    for strategy in [
        Name::Random,
        Name::Popularity,
        Name::Frozen,
        Name::Linucb,
        Name::Ft,
        Name::Ap,
        Name::Adapter,
    ] {
        let (state, mut room) = (state_of(strategy), Room::new());
        let of = |user, candidates, request, room: &mut Room| {
            let ask = Ask {
                candidates: Some(candidates),
                ..ask(user, 1)
            };
            state.decide(&ask, request, room).unwrap().slate.items
        };
        for request in 0..50 {
            // u0 has consumed 0 and 1.
            assert_eq!(of("u0", &[0, 5], request, &mut room), [5], "{strategy:?}");
            assert!(
                [0, 1].contains(&of("u0", &[0, 1], request, &mut room)[0]),
                "{strategy:?}"
            );
            assert!(
                [2, 6].contains(&of("new", &[2, 6], request, &mut room)[0]),
                "{strategy:?}"
            );
        }
    }
}

#[test]
fn a_given_state_decides_in_place_of_the_kept_one() {
    let (state, mut room) = (state_of(Name::Frozen), Room::new());
    let given = context(&[0.1, 0.2], &[(3, 1.0), (4, -1.0)]);
    let asked = Ask {
        given: Some(&given),
        ..ask("u0", 8)
    };
    let decision = state.decide(&asked, 0, &mut room).unwrap();
    assert_eq!(decision.situation.context(), &given);
    let mut items = decision.slate.items;
    items.sort_unstable();
    // Neither what u0 has consumed nor what the given state says.
    assert_eq!(items, [2, 5, 6, 7]);
    let kept = state.decide(&ask("u0", 8), 0, &mut room).unwrap();
    assert_eq!(kept.situation.context().traits, [0.5, -0.5]);
}

#[test]
fn an_unknown_user_is_a_newcomer_and_leaves_no_trace() {
    let (state, mut room) = (state_of(Name::Ft), Room::new());
    let before = state.digest();
    let one = state.decide(&ask("one", 3), 5, &mut room).unwrap();
    let other = state.decide(&ask("other", 3), 5, &mut room).unwrap();
    assert_eq!(one.situation.context(), &context(&[0.0, 0.0], &[]));
    assert_eq!(one.slate, other.slate);
    assert!(!state.knows("one") && state.changed_users() == 0);
    assert_eq!(state.digest(), before);
}
