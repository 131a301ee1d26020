//! What is recommended: who may get what, and with which probabilities.

use std::collections::BTreeMap;

use super::*;

#[test]
fn slates_come_as_often_as_their_propensities_say_and_their_probabilities_sum_to_one() {
    for strategy in [Name::Random, Name::Frozen, Name::Ap, Name::Adapter] {
        let state = State::new(artifact(&ITEMS[..4], 4, 1), &settings(strategy)).unwrap();
        let mut buffers = Buffers::new();
        let mut seen: BTreeMap<Vec<u32>, (f64, f64)> = BTreeMap::new();
        let draws = 20_000;
        for request in 0..draws {
            let slate = state.decide(&ask("new", 2), request, &mut buffers).unwrap().slate;
            let probability = slate.propensities.iter().map(|&p| f64::from(p)).product();
            seen.entry(slate.items).or_insert((0.0, probability)).0 += 1.0 / draws as f64;
        }
        assert_eq!(seen.len(), 12, "{strategy:?}: ordered pairs of 4 items");
        let total: f64 = seen.values().map(|(_, probability)| probability).sum();
        assert!((total - 1.0).abs() < 1e-5, "{strategy:?}: {total}");
        for (items, (share, probability)) in &seen {
            assert!(
                (share - probability).abs() < 0.015,
                "{strategy:?} {items:?}: {share} {probability}"
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
        let (mut state, mut pending, mut buffers) = (state_of(strategy), Pending::new(64), Buffers::new());
        // u0 begins with 2 of the 8 items consumed.
        for round in 0..6 {
            let decision = state.decide(&ask("u0", 8), round, &mut buffers).unwrap();
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
        let slate = state.decide(&ask("u0", 2), 9, &mut buffers).unwrap().slate;
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
        let (state, mut buffers) = (state_of(strategy), Buffers::new());
        let of = |user, candidates, request, buffers: &mut Buffers| {
            let ask = Ask {
                candidates: Some(candidates),
                ..ask(user, 1)
            };
            state.decide(&ask, request, buffers).unwrap().slate.items
        };
        for request in 0..50 {
            // u0 has consumed 0 and 1.
            assert_eq!(of("u0", &[0, 5], request, &mut buffers), [5], "{strategy:?}");
            assert!(
                [0, 1].contains(&of("u0", &[0, 1], request, &mut buffers)[0]),
                "{strategy:?}"
            );
            assert!(
                [2, 6].contains(&of("new", &[2, 6], request, &mut buffers)[0]),
                "{strategy:?}"
            );
        }
    }
}

#[test]
fn a_given_state_decides_in_place_of_the_kept_one() {
    let (state, mut buffers) = (state_of(Name::Frozen), Buffers::new());
    let given = context(&[0.1, 0.2], &[(3, 1.0), (4, -1.0)]);
    let asked = Ask {
        given: Some(&given),
        ..ask("u0", 8)
    };
    let decision = state.decide(&asked, 0, &mut buffers).unwrap();
    assert_eq!(decision.user_context.context(), &given);
    let mut items = decision.slate.items;
    items.sort_unstable();
    // Neither what u0 has consumed nor what the given state says.
    assert_eq!(items, [2, 5, 6, 7]);
    let kept = state.decide(&ask("u0", 8), 0, &mut buffers).unwrap();
    assert_eq!(kept.user_context.context().traits, [0.5, -0.5]);
}

#[test]
fn an_unknown_user_is_a_newcomer_and_leaves_no_trace() {
    let (state, mut buffers) = (state_of(Name::Ft), Buffers::new());
    let before = state.digest();
    let one = state.decide(&ask("one", 3), 5, &mut buffers).unwrap();
    let other = state.decide(&ask("other", 3), 5, &mut buffers).unwrap();
    assert_eq!(one.user_context.context(), &context(&[0.0, 0.0], &[]));
    assert_eq!(one.slate, other.slate);
    assert!(!state.knows("one") && state.changed_users() == 0);
    assert_eq!(state.digest(), before);
}

#[test]
fn a_temperature_divides_the_logits_and_the_propensities_are_those_of_what_is_done() {
    let of = |temperature| {
        let settings = Settings {
            temperature,
            ..settings(Name::Frozen)
        };
        let mut artifact = artifact(&ITEMS, 4, 1);
        artifact.weights.item_bias = (0..8).map(|item| item as f32 * 0.3).collect();
        let state = State::new(artifact, &settings).unwrap();
        let (_, explanation) = state.explain(&ask("ann", 1), &mut Buffers::new()).unwrap();
        explanation.acting
    };
    let (own, hot, cold) = (of(None), of(Some(2.0)), of(Some(1e-3)));
    let roots: f32 = own.iter().map(|p| p.sqrt()).sum();
    for (own, hot) in own.iter().zip(hot) {
        assert!((own.sqrt() / roots - hot).abs() < 1e-5, "{own} {hot}");
    }
    assert!(cold.iter().any(|&p| p > 0.999), "{cold:?}");
}
