//! The adapter as a whole: it learns, comes back from its bytes, and carries over into another policy.

use std::sync::Arc;

use common::policy_artifact::Encoder;

use super::*;
use crate::adapt::{Name, Situation};
use crate::policy::Context;

const ITEMS: usize = 40;

fn config() -> NetworkConfig {
    NetworkConfig {
        items: ITEMS,
        dims: 6,
        hidden: 5,
        traits: 1,
        window: 4,
        encoder: Encoder::Gru,
    }
}

fn hyper() -> Hyper {
    Hyper::for_strategy(Name::Adapter)
}

fn adapter(weights: u64, hyper: Hyper) -> Adapter {
    let items = PolicyItems {
        popularity: vec![1.0; ITEMS],
        ..PolicyItems::default()
    };
    Adapter::new(config(), Weights::init(&config(), weights), &items, hyper, 7)
}

fn situation() -> Arc<Situation> {
    Arc::new(Situation::new(Context {
        traits: vec![0.5],
        history: vec![(3, 1.0)],
        memory: Vec::new(),
    }))
}

fn moment(situation: &Situation, k: usize, number: u64) -> Moment<'_> {
    Moment {
        situation,
        consumed: &[3],
        candidates: None,
        k,
        key: [number, 0, 0],
    }
}

/// Plays `answers` recommendations, one by one; those of items that `liked` says earn 1.
fn play(adapter: &mut Adapter, answers: std::ops::Range<u64>, liked: impl Fn(u32) -> bool) -> f32 {
    let (situation, mut room, mut earned) = (situation(), Room::new(), 0.0);
    for number in answers {
        let slate = adapter
            .choose(&[moment(&situation, 1, number)], &mut room)
            .remove(0);
        let shown = slate.shown(0).unwrap();
        let reward = f32::from(liked(shown.item));
        earned += reward;
        let step = Step {
            context: 0,
            consumed: vec![],
            shown,
            negatives: slate.negatives_at(0),
            reward,
        };
        let experience = Experience {
            contexts: vec![situation.clone()],
            trajectories: vec![Trajectory {
                steps: vec![step],
                next: None,
            }],
        };
        adapter.learn(&experience).unwrap();
    }
    earned
}

fn scanning(scan: Scan) -> Hyper {
    Hyper { scan, ..hyper() }
}

#[test]
fn it_learns_what_is_liked_and_the_prior_gives_way() {
    for scan in [Scan::Exact, Scan::Quantised] {
        learns_what_is_liked(scanning(scan));
    }
}

fn learns_what_is_liked(hyper: Hyper) {
    let mut adapter = adapter(1, hyper);
    let first = play(&mut adapter, 0..500, |item| item % 4 == 0);
    play(&mut adapter, 500..3500, |item| item % 4 == 0);
    let last = play(&mut adapter, 3500..4000, |item| item % 4 == 0);
    assert!(last > 1.5 * first, "{first} {last}");
    let explanation = adapter.explain(&moment(&situation(), 1, 0), &mut Room::new());
    assert!(explanation.weight < 0.5, "{explanation:?}");
    let liked = |chances: &[f32]| chances.iter().step_by(4).sum::<f32>();
    assert!(liked(&explanation.adapted) > liked(&explanation.prior) + 0.3);
}

#[test]
fn coarse_scores_act_nearly_as_exact_ones() {
    let [exact, coarse] = [Scan::Exact, Scan::Quantised].map(|scan| {
        let adapter = adapter(1, scanning(scan));
        adapter.explain(&moment(&situation(), 1, 0), &mut Room::new())
    });
    let moved = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(p, q)| (p - q).abs()).sum::<f32>() / 2.0;
    for (exact, coarse) in [(exact.prior, coarse.prior), (exact.adapted, coarse.adapted)] {
        assert!(moved(&exact, &coarse) < 0.02);
        assert_ne!(exact, coarse, "the switch does nothing");
    }
}

#[test]
fn its_bytes_bring_it_back_and_damaged_ones_change_nothing() {
    for scan in [Scan::Exact, Scan::Quantised] {
        comes_back_from_its_bytes(scanning(scan));
    }
}

fn comes_back_from_its_bytes(hyper: Hyper) {
    let mut one = adapter(1, hyper);
    play(&mut one, 0..300, |item| item % 4 == 0);
    let saved = one.save();
    let mut other = adapter(1, hyper);
    other.restore(&saved).unwrap();
    assert_eq!(other.save(), saved);
    for adapter in [&mut one, &mut other] {
        play(adapter, 300..400, |item| item % 4 == 0);
    }
    assert_eq!(one.save(), other.save());
    let before = other.save();
    for bad in [&saved[..saved.len() - 1], &[&saved[..], &[0]].concat(), &[]] {
        assert!(other.restore(bad).is_err());
    }
    // An item beyond the catalogue, and a number that is not finite.
    let mut strange: state::Saved = crate::adapt::saved::unpack(&saved).unwrap();
    strange.items[0] = ITEMS as u32;
    assert!(other.restore(&crate::adapt::saved::pack(&strange)).is_err());
    let mut strange: state::Saved = crate::adapt::saved::unpack(&saved).unwrap();
    strange.bend[0] = f32::NAN;
    assert!(other.restore(&crate::adapt::saved::pack(&strange)).is_err());
    assert_eq!(other.save(), before);
}

#[test]
fn a_return_that_is_too_large_is_refused_and_changes_nothing() {
    let mut adapter = adapter(1, hyper());
    play(&mut adapter, 0..50, |_| true);
    let before = adapter.save();
    let situation = situation();
    let slate = adapter
        .choose(&[moment(&situation, 1, 99)], &mut Room::new())
        .remove(0);
    let step = |reward| Step {
        context: 0,
        consumed: vec![],
        shown: slate.shown(0).unwrap(),
        negatives: slate.negatives_at(0),
        reward,
    };
    let experience = Experience {
        contexts: vec![situation],
        trajectories: vec![
            Trajectory {
                steps: vec![step(1.0)],
                next: None,
            },
            Trajectory {
                steps: vec![step(f32::MAX)],
                next: None,
            },
        ],
    };
    assert!(adapter.learn(&experience).is_err());
    assert_eq!(adapter.save(), before);
}

#[test]
fn items_carry_over_by_id_and_vectors_only_into_the_same_space() {
    let mut old = adapter(1, hyper());
    play(&mut old, 0..500, |item| item % 4 == 0);
    let saved = old.save();
    // Item 0 is gone, all others moved up by one.
    let map: Vec<Option<u32>> = (0..ITEMS as u32).map(|item| item.checked_sub(1)).collect();
    let bias = |adapter: &Adapter, item: u32| {
        adapter
            .sparse
            .rows
            .place(item)
            .map(|p| adapter.sparse.rows.bias(p))
    };
    for kin in [true, false] {
        let mut new = adapter(2, hyper());
        let carried = new.carry_over(&saved, &map, kin).unwrap();
        let gone = usize::from(old.sparse.rows.place(0).is_some());
        assert_eq!(carried.items, old.sparse.rows.items().len() - gone);
        for item in 1..ITEMS as u32 {
            assert_eq!(bias(&old, item), bias(&new, item - 1), "{item}");
        }
        assert_eq!(new.sparse.bend == old.sparse.bend, kin);
        assert_eq!(carried.dropped.contains(&"value"), !kin);
    }
}

#[test]
fn the_gate_holds_the_share_until_something_is_shown() {
    let situation = situation();
    let fresh = adapter(1, hyper());
    let weight = |adapter: &Adapter| {
        adapter
            .explain(&moment(&situation, 1, 0), &mut Room::new())
            .weight
    };
    assert!((weight(&fresh) - 0.9).abs() < 1e-6);
    let mut open = hyper();
    open.mixing.gate = None;
    assert_eq!(weight(&adapter(1, open)), 0.5);
    let mut warm = hyper();
    warm.mixing.warm_up = 10;
    let mut warm = adapter(1, warm);
    assert_eq!(weight(&warm), 1.0);
    play(&mut warm, 0..10, |_| true);
    assert!(warm.sparse.rows.items().is_empty() && warm.sparse.offset != 0.0);
    assert!(weight(&warm) < 1.0);
}

#[test]
fn a_slate_is_distinct_and_within_the_candidates() {
    let adapter = adapter(1, hyper());
    let situation = situation();
    let moment = Moment {
        candidates: Some(&[1, 3, 8, 9]),
        ..moment(&situation, 9, 0)
    };
    let slate = adapter.choose(&[moment], &mut Room::new()).remove(0);
    let mut items = slate.items.clone();
    items.sort_unstable();
    assert_eq!(items, vec![1, 8, 9]);
    assert_eq!((slate.prior.len(), slate.negatives.len()), (3, 16));
}
