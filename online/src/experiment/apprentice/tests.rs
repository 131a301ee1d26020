//! Estimates against the truth, readiness under continuous looking, and what is claimed without propensities.

use super::*;
use common::rng::{RngExt, stream};
use std::sync::Arc;

use crate::adapt::EncodedContext;
use crate::context::Context;
use crate::explore::Slate;

const LIKED: [f64; 4] = [0.1, 0.2, 0.3, 0.6];

/// Lets a system that shows items with `incumbent` teach a policy of `target`; the report at the end, and whether `look`
/// ever held on the way.
fn taught(
    seed: u64,
    rounds: u32,
    incumbent: [f64; 4],
    target: [f32; 4],
    known: bool,
    look: impl Fn(&Report) -> bool,
) -> (Apprentice, bool) {
    let mut rng = stream(seed, "apprentice", &[]);
    let mut apprentice = Apprentice::default();
    let mut held = false;
    let pick = |probabilities: &[f64], at: f64| {
        let mut left = at;
        let found = probabilities.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        found.unwrap_or(3)
    };
    for request in 0..rounds {
        let item = pick(&incumbent, rng.random());
        let own = pick(&target.map(f64::from), rng.random());
        let user = rng.random_range(0..400u32).to_string();
        let context = Arc::new(EncodedContext::new(Context {
            traits: vec![],
            history: vec![],
            memory: vec![],
        }));
        let decision = Decision {
            request: u64::from(request),
            arm: 0,
            user,
            decided_after: 0,
            epoch: 0,
            version: 0,
            user_context: context,
            slate: Slate {
                items: vec![item as u32],
                propensities: vec![incumbent[item] as f32],
                ..Slate::default()
            },
        };
        let model = &apprentice.model;
        let lesson = Lesson {
            own: own as u32,
            own_propensity: target[own],
            target: target[item],
            propensity: known.then_some(incumbent[item] as f32),
            modelled: model.reward(&item.to_string()),
            expected: (0..4)
                .map(|b| f64::from(target[b]) * model.reward(&b.to_string()))
                .sum(),
        };
        apprentice.shown(&decision, lesson, 10);
        let liked = rng.random::<f64>() < LIKED[item];
        let event = decision.event(0, f32::from(u8::from(liked)), 0).unwrap();
        apprentice.answered(&event, &item.to_string());
        if request % 16 == 0 {
            held |= look(&apprentice.report());
        }
    }
    (apprentice, held)
}

fn value(of: [f64; 4]) -> f64 {
    of.iter().zip(LIKED).map(|(p, like)| p * like).sum()
}

#[test]
fn values_are_found_and_a_better_policy_is_ready_and_no_other() {
    let incumbent = [0.4, 0.3, 0.2, 0.1];
    let better = [0.1, 0.2, 0.2, 0.5];
    let (apprentice, _) = taught(1, 20_000, incumbent, better, true, |_| false);
    let report = apprentice.report();
    let truth = value(better.map(f64::from));
    for found in [report.snips.unwrap(), report.dr.unwrap()] {
        assert!(found.lower < truth && truth < found.upper, "{truth}: {found:?}");
        assert!((found.estimate - truth).abs() < 0.03, "{truth}: {found:?}");
    }
    let (snips, dr) = (report.snips_difference.unwrap(), report.dr_difference.unwrap());
    assert!(
        dr.upper - dr.lower < snips.upper - snips.lower,
        "{dr:?} {snips:?}"
    );
    assert!(report.ready && report.reasons.is_empty(), "{:?}", report.reasons);
    assert!((report.incumbent.unwrap() - value(incumbent)).abs() < 0.02);
    assert!((report.mean_weight.unwrap() - 1.0).abs() < 0.05);
    // Both draw alike in sum of p q of the rounds.
    let alike: f64 = incumbent.iter().zip(better).map(|(p, q)| p * f64::from(q)).sum();
    assert!((report.agreement.unwrap() - alike).abs() < 0.02);
    assert!((report.target_probability.unwrap() - alike).abs() < 0.02);
    let again = Apprentice::restore(&apprentice.snapshot()).unwrap();
    assert_eq!(again.snapshot(), apprentice.snapshot());
    assert_eq!(again.report().ready, report.ready);

    let (worse, _) = taught(2, 20_000, incumbent, [0.7, 0.1, 0.1, 0.1], true, |_| false);
    assert!(!worse.report().ready && worse.report().reasons[0].contains("is not above 0"));
}

#[test]
fn who_looks_all_the_time_finds_an_equal_policy_ready_no_more_often_than_the_level_says() {
    // Another policy of the same value: items of 0.2 in place of those of 0.1 and 0.3.
    let (incumbent, equal) = ([0.35, 0.1, 0.35, 0.2], [0.15, 0.5, 0.15, 0.2]);
    assert!((value(incumbent) - value(equal.map(f64::from))).abs() < 1e-6);
    let found = (0..60).filter(|seed| taught(*seed, 4_000, incumbent, equal, true, |report| report.ready).1);
    assert!(found.count() <= 3);
}

#[test]
fn without_propensities_nothing_is_claimed_and_why_is_said() {
    let (apprentice, _) = taught(1, 500, [0.25; 4], [0.25; 4], false, |_| false);
    let report = apprentice.report();
    assert_eq!(
        (report.answered, report.answered_without_propensity, report.snips),
        (0, 500, None)
    );
    assert!(
        !report.ready && report.reasons[0].contains("send `propensity`"),
        "{:?}",
        report.reasons
    );
    assert!(report.agreement.is_some());
    assert!(!Apprentice::default().report().ready);
}
