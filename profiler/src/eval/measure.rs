//! What is measured: each signal's AUC by user.

use common::schema::items::Items;
use common::schema::states::States;
use common::stats::auc;

use super::estimate::Estimate;
use super::overlap::Terms;
use super::traits::Traits;
use crate::candidates::{Candidates, HeldOut};

/// Shuffles that the control is a mean over.
const SHUFFLES: u64 = 10;

/// One signal, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Its name.
    pub signal: String,
    /// The AUC, mean over users.
    pub auc: Estimate,
    /// The AUC minus popularity's, paired by user.
    pub over_popularity: Option<Estimate>,
    /// The AUC minus that of the overlap of categories, paired by user.
    pub over_categories: Option<Estimate>,
}

/// The AUC of each user, where the signal has one.
struct Signal {
    name: String,
    aucs: Vec<Option<f64>>,
}

/// The signals on some candidate lists, in the order in which they are shown.
pub(super) struct Signals<'a> {
    lists: &'a [Candidates],
    /// The items that the user of each list likes.
    liked: Vec<Vec<u32>>,
    measured: Vec<Signal>,
    popularity: usize,
    categories: Option<usize>,
}

impl<'a> Signals<'a> {
    /// Measures what there is without a language model: popularity, and what items share with the liked ones.
    pub(super) fn new(held_out: &'a HeldOut, catalogue: &Items, states: &States) -> Self {
        let liked = |list: &Candidates| {
            let state = states.items[list.row].iter().zip(&states.liked[list.row]);
            state
                .filter(|(_, liked)| **liked)
                .filter_map(|(id, _)| catalogue.ids.code(id))
                .collect()
        };
        let mut signals = Signals {
            lists: &held_out.candidates,
            liked: held_out.candidates.iter().map(liked).collect(),
            measured: Vec::new(),
            popularity: 0,
            categories: None,
        };
        signals.add("popularity", |_, list| {
            let count = |&item: &u32| f64::from(held_out.popularity[item as usize]);
            Some(list.items.iter().map(count).collect())
        });
        if let Some(terms) = Terms::categories(catalogue) {
            signals.categories = Some(signals.measured.len());
            signals.add("categories in common", |liked, list| {
                Some(terms.cosines(liked, &list.items))
            });
        }
        if let Some(terms) = Terms::title_words(catalogue) {
            signals.add("title words in common", |liked, list| {
                Some(terms.cosines(liked, &list.items))
            });
        }
        signals
    }

    /// Measures traits, and the same traits handed to the wrong items and users.
    pub(super) fn add_traits(&mut self, name: &str, traits: &Traits, seed: u64) {
        let by_liked =
            |traits: &Traits, liked: &[u32], list: &Candidates| traits.by_liked(liked, &list.items);
        let by_user = |traits: &Traits, _: &[u32], list: &Candidates| traits.by_user(list.row, &list.items);
        self.add(&format!("{name}: mean liked"), |liked, list| {
            Some(by_liked(traits, liked, list))
        });
        self.add(&format!("{name}: user"), |liked, list| {
            Some(by_user(traits, liked, list))
        });
        self.add_shuffled(&format!("{name}: mean liked, shuffled"), traits, seed, by_liked);
        self.add_shuffled(&format!("{name}: user, shuffled"), traits, seed, by_user);
    }

    /// The AUC of each user is the mean over some shuffles: users share items, so that one shuffle would favour
    /// or hurt many of them alike.
    fn add_shuffled(
        &mut self,
        name: &str,
        traits: &Traits,
        seed: u64,
        scores: impl Fn(&Traits, &[u32], &Candidates) -> Vec<f64>,
    ) {
        let mut means = vec![Some(0.0); self.lists.len()];
        for shuffle in 0..SHUFFLES {
            let shuffled = traits.shuffled(seed, shuffle);
            let aucs = self.aucs(|liked, list| Some(scores(&shuffled, liked, list)));
            for (mean, auc) in means.iter_mut().zip(aucs) {
                *mean = mean.and_then(|mean| Some(mean + auc? / SHUFFLES as f64));
            }
        }
        self.measured.push(Signal {
            name: name.to_string(),
            aucs: means,
        });
    }

    /// Measures scores that were given for each list, where they were.
    pub(super) fn add_scores(&mut self, name: &str, scores: Vec<Option<Vec<f64>>>) {
        let mut scores = scores.into_iter();
        self.add(&format!("{name}: preferences"), |_, _| scores.next().flatten());
    }

    fn add(&mut self, name: &str, scores: impl FnMut(&[u32], &Candidates) -> Option<Vec<f64>>) {
        let aucs = self.aucs(scores);
        self.measured.push(Signal {
            name: name.to_string(),
            aucs,
        });
    }

    fn aucs(&self, mut scores: impl FnMut(&[u32], &Candidates) -> Option<Vec<f64>>) -> Vec<Option<f64>> {
        let of_user = |(liked, list): (&Vec<u32>, &Candidates)| {
            let scored = scores(liked, list)?.into_iter().zip(&list.positive);
            let area = auc(scored.map(|(score, &positive)| (score, positive, 1.0)));
            // Nothing can be said of a user with likes alone, or with none.
            (!area.is_nan()).then_some(area)
        };
        self.liked.iter().zip(self.lists).map(of_user).collect()
    }

    /// All that was measured; a signal without a user is left out.
    pub(super) fn finish(self) -> Vec<Measure> {
        let over = |at: usize, baseline: Option<usize>| {
            let baseline = baseline.filter(|&baseline| baseline != at)?;
            Estimate::of_difference(&self.measured[at].aucs, &self.measured[baseline].aucs)
        };
        let measure = |at: usize| {
            let Signal { name, aucs } = &self.measured[at];
            let known: Vec<f64> = aucs.iter().flatten().copied().collect();
            Some(Measure {
                signal: name.clone(),
                auc: Estimate::of(&known)?,
                over_popularity: over(at, Some(self.popularity)),
                over_categories: over(at, self.categories),
            })
        };
        (0..self.measured.len()).filter_map(measure).collect()
    }
}
