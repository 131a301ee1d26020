//! What is measured: each signal's AUC by user.

use common::parallel;
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

/// The AUCs of one signal.
pub(super) struct Signal {
    pub(super) name: String,
    /// Of each user, where the signal has one.
    pub(super) aucs: Vec<Option<f64>>,
}

/// What every other signal is compared with.
const POPULARITY: &str = "popularity";
const CATEGORIES: &str = "categories in common";

/// The signals on some candidate lists, in the order in which they are shown.
pub(super) struct Signals<'a> {
    lists: &'a [Candidates],
    /// The items that the user of each list likes.
    liked: Vec<Vec<u32>>,
    workers: usize,
    measured: Vec<Signal>,
}

impl<'a> Signals<'a> {
    /// Measures what there is without a language model: popularity, and what items share with the liked ones.
    pub(super) fn new(held_out: &'a HeldOut, catalogue: &Items, states: &States, workers: usize) -> Self {
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
            workers,
            measured: Vec::new(),
        };
        signals.add(POPULARITY, |_, list| {
            let count = |&item: &u32| f64::from(held_out.popularity[item as usize]);
            Some(list.items.iter().map(count).collect())
        });
        if let Some(terms) = Terms::categories(catalogue) {
            signals.add(CATEGORIES, |liked, list| Some(terms.cosines(liked, &list.items)));
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
        scores: impl Fn(&Traits, &[u32], &Candidates) -> Vec<f64> + Sync,
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
    pub(super) fn add_scores(&mut self, name: &str, scores: &[Option<Vec<f64>>]) {
        let lists = self.lists.iter().zip(scores);
        let aucs = lists
            .map(|(list, scores)| auc_of(list, scores.as_deref()?))
            .collect();
        self.measured.push(Signal {
            name: preferences(name),
            aucs,
        });
    }

    fn add(&mut self, name: &str, scores: impl Fn(&[u32], &Candidates) -> Option<Vec<f64>> + Sync) {
        let aucs = self.aucs(scores);
        self.measured.push(Signal {
            name: name.to_string(),
            aucs,
        });
    }

    fn aucs(&self, scores: impl Fn(&[u32], &Candidates) -> Option<Vec<f64>> + Sync) -> Vec<Option<f64>> {
        let of_users = |(from, count): (usize, usize)| {
            let users = self.liked[from..from + count]
                .iter()
                .zip(&self.lists[from..from + count]);
            let aucs = users.map(|(liked, list)| auc_of(list, &scores(liked, list)?));
            aucs.collect::<Vec<_>>()
        };
        parallel::map(parallel::slices(self.lists.len(), self.workers), of_users).concat()
    }

    /// All that was measured.
    pub(super) fn finish(self) -> Vec<Signal> {
        self.measured
    }
}

/// The name of the signal that preferences of a name are.
pub(super) fn preferences(name: &str) -> String {
    format!("{name}: preferences")
}

/// The area of one list; nothing can be said of a user with likes alone, or with none.
fn auc_of(list: &Candidates, scores: &[f64]) -> Option<f64> {
    let scored = scores.iter().zip(&list.positive);
    let area = auc(scored.map(|(&score, &positive)| (score, positive, 1.0)));
    (!area.is_nan()).then_some(area)
}

/// The means of all signals over users; a signal without a user is left out.
pub(super) fn measures(signals: &[Signal]) -> Vec<Measure> {
    let place = |name: &str| signals.iter().position(|signal| signal.name == name);
    let over = |at: usize, baseline: Option<usize>| {
        let baseline = baseline.filter(|&baseline| baseline != at)?;
        Estimate::of_difference(&signals[at].aucs, &signals[baseline].aucs)
    };
    let measure = |at: usize| {
        let Signal { name, aucs } = &signals[at];
        let known: Vec<f64> = aucs.iter().flatten().copied().collect();
        Some(Measure {
            signal: name.clone(),
            auc: Estimate::of(&known)?,
            over_popularity: over(at, place(POPULARITY)),
            over_categories: over(at, place(CATEGORIES)),
        })
    };
    (0..signals.len()).filter_map(measure).collect()
}
