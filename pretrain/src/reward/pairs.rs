//! What the reward model is fit on: (state, item) pairs of the log's own tail, with what became of them.

use std::collections::HashSet;

use common::rng::{RngExt, stream};

use super::features::{Context, Features};
use crate::data::{Dataset, Event, Preference, Traits, last, tail_start};

/// The last part of each user's log that the model is fit on; the rest is what it may know.
pub(crate) const TAIL: f32 = 0.5;
/// Pairs drawn a user from the catalogue's items that the user is not known to have had; each stands for its share.
const NEGATIVES: usize = 200;

/// A user's state and what was, or was not, taken up and liked in it.
pub(crate) struct Group {
    pub(crate) context: Context,
    pub(crate) pairs: Vec<Pair>,
}

/// An item met, or not met, in a state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) item: u32,
    pub(crate) liked: bool,
    /// How many pairs it stands for.
    pub(crate) weight: f64,
}

/// Of one user: the state is the window before the later half of `log`; the item a row of that half (liked or not), or
/// one of the catalogue that the user is not known to have had (not liked; a sample, weighted by what it stands for).
///
/// A user's traits were read from the state at the end of the log. A pair whose item is in that state would see its
/// own answer, so such items are left out; where nothing liked would remain, the user's traits are left unknown
/// instead.
pub(crate) fn of_log(
    user: usize,
    log: &[Event],
    dataset: &Dataset,
    traits: &Traits,
    features: &Features,
    seed: u64,
) -> Group {
    let (head, tail) = log.split_at(tail_start(log.len(), TAIL));
    // A repeat is not an action: the policy never offers a consumed item.
    let mut consumed: HashSet<u32> = head.iter().map(|(item, _)| *item).collect();
    let fresh: Vec<Event> = tail
        .iter()
        .copied()
        .filter(|(item, _)| consumed.insert(*item))
        .collect();
    consumed.extend(dataset.consumed_without_feedback(user as u32));
    let profiled = |item: u32| dataset.states[user].iter().any(|(of_state, _)| *of_state == item);
    let clean: Vec<Event> = fresh
        .iter()
        .copied()
        .filter(|(item, _)| !profiled(*item))
        .collect();
    let unknown = vec![0.0; traits.count];
    let usable = traits.count > 0 && clean.iter().any(|(_, feedback)| *feedback > 0.0);
    let (fresh, user_traits) = if usable {
        (clean, traits.user(user))
    } else {
        (fresh, &unknown[..])
    };
    let met = fresh.iter().map(|&(item, feedback)| Pair {
        item,
        liked: feedback > 0.0,
        weight: 1.0,
    });
    let items = dataset.items.len();
    let unseen = items - consumed.len();
    let drawn = NEGATIVES.min(unseen);
    let mut rng = stream(seed, "reward/negatives", &[user as u64]);
    let missed = (0..drawn).map(|_| {
        let mut item = rng.random_range(0..items as u32);
        while consumed.contains(&item) {
            item = rng.random_range(0..items as u32);
        }
        Pair {
            item,
            liked: false,
            weight: unseen as f64 / drawn as f64,
        }
    });
    Group {
        context: features.context(last(head, dataset.window), user_traits),
        pairs: met.chain(missed).collect(),
    }
}

/// What the language model was asked about one user, in the user's state.
pub(crate) fn of_preference(
    preference: &Preference,
    dataset: &Dataset,
    traits: &Traits,
    features: &Features,
) -> Group {
    let user = preference.user as usize;
    let pair = |&item: &u32| Pair {
        item,
        liked: item == preference.chosen,
        weight: 1.0,
    };
    Group {
        context: features.context(&dataset.states[user], traits.user(user)),
        pairs: preference.candidates.iter().map(pair).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::example::{OF_A_KIND, two_kinds};
    use crate::data::{TraitSource, WithoutFeedback};

    #[test]
    fn what_a_user_is_known_to_have_had_is_no_negative() {
        let mut dataset = two_kinds();
        let log = dataset.logs().unwrap().swap_remove(0);
        let in_log = |item: &u32| log.iter().any(|(other, _)| other == item);
        let others: Vec<u32> = (0..2 * OF_A_KIND).filter(|item| !in_log(item)).collect();
        let (had, open) = others.split_at(others.len() - 2);
        let pairs = had.iter().map(|&item| (0, item)).collect();
        dataset.without_feedback = WithoutFeedback::of_pairs(60, pairs);
        let traits = Traits::of(&dataset, TraitSource::None, 0);
        let features = Features::new(&traits, &dataset.popularity);
        let group = of_log(0, &log, &dataset, &traits, &features, 0);
        let missed: Vec<&Pair> = group.pairs.iter().filter(|pair| !in_log(&pair.item)).collect();
        assert_eq!(missed.len(), 2);
        assert!(
            missed
                .iter()
                .all(|pair| open.contains(&pair.item) && pair.weight == 1.0)
        );
    }
}
