//! One pass of a policy over the held-out log: where it ranks the targets, and what it would have done.

use std::borrow::Cow;

use common::policy::distribution::probabilities;
use common::policy_artifact::Policy;
use common::terminal::Progress;

use super::cross_fit::CrossFit;
use super::exposure::top;
use super::later::Later;
use super::ranking::{Metric, auc, places};
use super::replay::{Step, replay};
use super::settings::{Among, Protocol, Settings, Targets};

/// A list of the catalogue with something to find.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List {
    /// Places of the targets that it has, from 1, ascending.
    places: Vec<usize>,
    /// How many items it has.
    ranked: usize,
    /// How many targets there are; those outside the catalogue are in no place.
    targets: usize,
    /// Its first items.
    pub(crate) top: Vec<u32>,
}

impl List {
    pub(crate) fn measure(&self, metric: Metric) -> f64 {
        metric.of(&self.places, self.targets)
    }

    pub(crate) fn auc(&self) -> f64 {
        auc(&self.places, self.ranked, self.targets)
    }
}

/// What a policy did at each row of the held-out log.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// The list made there, if one was.
    pub(crate) lists: Vec<Option<List>>,
    /// The policy's propensity of the logged action.
    pub(crate) propensity: Vec<f64>,
    /// The policy's expectation of the modelled reward.
    pub(crate) value: Vec<f64>,
    /// The policy's probability of items that the held-out log does not have at all.
    pub(crate) never_logged: Vec<f64>,
    /// The policy's probability of items like the logged one; 0 where nothing is known of categories.
    pub(crate) alike: Vec<f64>,
}

/// What a policy would have done at a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Choice {
    propensity: f64,
    value: f64,
    never_logged: f64,
    alike: f64,
}

/// Passes `policy` over `later`; the first `kept` items of each list are kept.
pub(crate) fn measure(
    policy: &Policy,
    later: &Later,
    model: &CrossFit,
    settings: &Settings,
    kept: usize,
    progress: &Progress,
) -> Measured {
    let seen = replay(policy, later, settings.mask, progress, |mut step| {
        let list = list(later, settings, kept, &step);
        (list, choice(later, model, settings.greedy, &mut step))
    });
    let mut measured = Measured {
        lists: Vec::with_capacity(seen.len()),
        propensity: Vec::with_capacity(seen.len()),
        value: Vec::with_capacity(seen.len()),
        never_logged: Vec::with_capacity(seen.len()),
        alike: Vec::with_capacity(seen.len()),
    };
    for (list, choice) in seen {
        measured.lists.push(list);
        measured.propensity.push(choice.propensity);
        measured.value.push(choice.value);
        measured.never_logged.push(choice.never_logged);
        measured.alike.push(choice.alike);
    }
    measured
}

/// `policy`'s propensity of every logged action, drawn from its softmax, and that of items like it.
pub(crate) fn propensities(
    policy: &Policy,
    later: &Later,
    settings: &Settings,
    progress: &Progress,
) -> Vec<(f64, f64)> {
    replay(policy, later, settings.mask, progress, |mut step| {
        let propensity = softmax_of_logged(later, &mut step);
        (propensity, alike(later, &step, propensity))
    })
}

/// The list at this step, where one is made and has something to find.
fn list(later: &Later, settings: &Settings, kept: usize, step: &Step) -> Option<List> {
    let rows = match settings.protocol {
        Protocol::Next => step.row..step.row + 1,
        Protocol::Set if later.is_first(step.row) => later.rows(later.user[step.row] as usize),
        Protocol::Set => return None,
    };
    let wanted = rows.filter(|&row| settings.targets == Targets::All || later.liked[row]);
    let (mut items, mut unknown) = (Vec::new(), 0);
    for row in wanted {
        match later.item[row] {
            Some(item) if step.masked.binary_search(&item).is_ok() => {}
            Some(item) => items.push(item),
            None => unknown += 1,
        }
    }
    items.sort_unstable();
    items.dedup();
    let targets = items.len() + unknown;
    (targets > 0).then(|| {
        let mut logits = Cow::Borrowed(step.logits);
        if settings.among == Among::HeldOut {
            for (logit, occurs) in logits.to_mut().iter_mut().zip(&later.occurs) {
                *logit = if *occurs { *logit } else { f32::NEG_INFINITY };
            }
        }
        List {
            places: places(&logits, &items),
            ranked: logits.iter().filter(|logit| **logit > f32::NEG_INFINITY).count(),
            targets,
            top: top(&logits, kept),
        }
    })
}

/// The policy's propensity of the logged action, its expectation of the modelled reward, and how much of its probability is on
/// items that were never logged. Where everything is masked it shows nothing and earns nothing.
fn choice(later: &Later, model: &CrossFit, greedy: bool, step: &mut Step) -> Choice {
    if step.masked.len() == step.logits.len() {
        return Choice::default();
    }
    let row = step.row;
    if greedy {
        let best = most_probable(step.logits);
        let taken = later.item[row] == Some(best);
        let open = later.item[row].filter(|item| step.masked.binary_search(item).is_err());
        let alike = match (&later.categories, open) {
            (Some(categories), Some(item)) => categories.same(item, best),
            _ => false,
        };
        return Choice {
            alike: f64::from(u8::from(alike)),
            propensity: f64::from(u8::from(taken)),
            value: model.reward(later, row, Some(best)),
            never_logged: f64::from(u8::from(!later.occurs[best as usize])),
        };
    }
    let propensity = softmax_of_logged(later, step);
    let alike = alike(later, step, propensity);
    let never = step.scratch.iter().zip(&later.occurs);
    Choice {
        propensity,
        alike,
        value: model.expectation(later, row, step.scratch),
        never_logged: never
            .filter(|(_, occurs)| !**occurs)
            .map(|(&p, _)| f64::from(p))
            .sum(),
    }
}

/// The softmax probability of the logged action; all items' are in `scratch` afterwards.
fn softmax_of_logged(later: &Later, step: &mut Step) -> f64 {
    probabilities(step.logits, step.scratch);
    let Some(item) = later.item[step.row] else {
        return 0.0;
    };
    // From the most probable item's and in f64, where a small probability does not become 0.
    let best = most_probable(step.logits) as usize;
    let below = f64::from(step.logits[item as usize]) - f64::from(step.logits[best]);
    f64::from(step.scratch[best]) * below.exp()
}

/// The softmax probability of items like the logged one, which has the probability `own` itself; its probabilities are in `scratch`. 0
/// where the action is masked: no policy does that.
fn alike(later: &Later, step: &Step, own: f64) -> f64 {
    match (&later.categories, later.item[step.row]) {
        // In single precision a small probability may have become 0.
        (Some(categories), Some(item)) if own > 0.0 => categories.share(step.scratch, item).max(own),
        _ => 0.0,
    }
}

/// The first of the highest.
fn most_probable(logits: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (item, &logit) in logits.iter().enumerate() {
        if logit > best.1 {
            best = (item, logit);
        }
    }
    best.0 as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::categories::Categories;

    fn step<'a>(row: usize, logits: &'a [f32], masked: &'a [u32], scratch: &'a mut [f32]) -> Step<'a> {
        Step {
            row,
            logits,
            masked,
            scratch,
        }
    }

    const NONE: f32 = f32::NEG_INFINITY;

    #[test]
    fn targets_are_likes_that_were_not_consumed_and_unknown_items_are_missed() {
        let later = Later::of(&[
            &[(Some(1), true), (Some(2), false), (None, true), (Some(0), true)],
            &[(Some(0), true)],
        ]);
        let logits = [NONE, 0.5, 0.7, 0.1];
        let settings = Settings::default();
        let next = |row, settings: &Settings| list(&later, settings, 2, &step(row, &logits, &[0], &mut []));
        let found = |places: &[usize], targets| {
            Some(List {
                places: places.to_vec(),
                ranked: 3,
                targets,
                top: vec![2, 1],
            })
        };
        assert_eq!(next(0, &settings), found(&[2], 1));
        assert_eq!(next(1, &settings), None, "not liked");
        assert_eq!(next(2, &settings), found(&[], 1));
        assert_eq!(next(3, &settings), None, "consumed before");
        let all = Settings {
            targets: Targets::All,
            ..settings
        };
        assert_eq!(next(1, &all), found(&[1], 1));
        let set = Settings {
            protocol: Protocol::Set,
            ..all
        };
        assert_eq!(next(0, &set), found(&[1, 2], 3));
        assert_eq!(next(1, &set), None, "one list a user");
    }

    #[test]
    fn propensities_are_of_the_softmax_or_of_the_best_item() {
        let later = Later::of(&[
            &[(Some(1), true), (Some(2), true), (None, true)],
            &[(Some(0), true)],
        ]);
        let model = CrossFit::fit(&later, 4);
        let logits = [NONE, 0.0, 3.0_f32.ln(), 0.0];
        let mut scratch = [0.0; 4];
        let mut of = |row, greedy| {
            choice(
                &later,
                &model,
                greedy,
                &mut step(row, &logits, &[0], &mut scratch),
            )
            .propensity
        };
        assert!((of(0, false) - 0.2).abs() < 1e-6 && (of(1, false) - 0.6).abs() < 1e-6);
        assert_eq!(
            [of(2, false), of(0, true), of(1, true), of(2, true)],
            [0.0, 0.0, 1.0, 0.0]
        );
        let all = [NONE; 4];
        let nothing = choice(
            &later,
            &model,
            false,
            &mut step(0, &all, &[0, 1, 2, 3], &mut scratch),
        );
        assert_eq!(nothing, Choice::default());
    }

    #[test]
    fn items_like_the_logged_one_count_with_it_for_mips() {
        let mut later = Later::of(&[&[(Some(1), true), (Some(0), true)], &[(None, true)]]);
        let model = CrossFit::fit(&later, 4);
        later.categories = Some(Categories::of_names(&[&["a"], &["b"], &["b"], &["a"]]));
        let logits = [NONE, 0.0, 3.0_f32.ln(), 4.0_f32.ln()];
        let mut scratch = [0.0; 4];
        let mut of = |row, greedy| {
            let mut step = step(row, &logits, &[0], &mut scratch);
            choice(&later, &model, greedy, &mut step).alike
        };
        assert!((of(0, false) - 0.5).abs() < 1e-6);
        // One that was had already, one that no policy knows, and a best item that is not like it.
        assert_eq!([of(1, false), of(2, false), of(0, true)], [0.0; 3]);
    }

    #[test]
    fn what_the_log_never_shows_is_weighed_by_the_policys_probability() {
        // Items 0, 1 and 2 of four occur.
        let later = Later::of(&[&[(Some(1), true), (Some(2), true)], &[(Some(0), true)]]);
        let model = CrossFit::fit(&later, 4);
        let mut scratch = [0.0; 4];
        for (logit_of_3, drawn, greedy) in [(0.0, 0.25, 0.0), (9.0_f32.ln(), 0.75, 1.0)] {
            let logits = [0.0, 0.0, 0.0, logit_of_3];
            let mut of = |greedy| {
                choice(&later, &model, greedy, &mut step(0, &logits, &[], &mut scratch)).never_logged
            };
            assert!((of(false) - drawn).abs() < 1e-6 && of(true) == greedy);
        }
    }
}
