//! Hyper-parameters that suit the dataset, chosen by log loss on cells that the fit did not see.
//!
//! Datasets differ in how far the held-out part is from the log (a drift of items, users whose held-out part does not
//! grow with their log), in how much there is to learn a vector from, and in what features are worth. One penalty
//! stands for each, so a search goes over them in turn, from the defaults, and keeps a value where it lowers the
//! loss. The loss is taken after the slopes of [`levels`], since calibration follows in any case. The test fold is never looked at.

use serde::Serialize;

use super::cells::Cells;
use super::fit::Config;
use super::levels;
use super::train::{LIKES_TO_CHOOSE_ON, Sides};
use crate::dataset::Dataset;

/// One set of hyper-parameters that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Mean log loss on cells that the fit did not see, after the best slopes; with half of the passes.
    pub log_loss: f64,
    /// What was tried.
    pub config: Config,
}

/// The values of one step of the search, put into the best configuration so far.
type Step = fn(&Config) -> Vec<Config>;

const STEPS: [Step; 4] = [
    |best| {
        let with = |l2_shift| Config {
            l2_shift,
            ..best.clone()
        };
        [0.3, 1.0, 3.0].map(with).to_vec()
    },
    |best| {
        let with = |l2_vector| Config {
            l2_vector,
            ..best.clone()
        };
        [2.0, 8.0].map(with).to_vec()
    },
    |best| {
        let with = |l2_feature_vector| Config {
            l2_feature_vector,
            ..best.clone()
        };
        [30.0, 300.0].map(with).to_vec()
    },
    // Words are many and say little each: they need a stronger penalty than categories.
    |best| {
        let with = |l2_feature_vector| Config {
            l2_feature_vector,
            title_words: true,
            ..best.clone()
        };
        [best.l2_feature_vector, 1_000.0].map(with).to_vec()
    },
];

/// All trials, the start first, and the best of them; the earlier one of two that are equal.
pub(super) fn choose(
    dataset: &Dataset,
    cells: &mut Cells,
    start: &Config,
    seed: u64,
) -> (Config, Vec<Trial>) {
    let mut sides = Sides::new(dataset, start);
    let mut words = start.title_words;
    let mut trial = |config: Config| {
        if config.title_words != words {
            words = config.title_words;
            sides = Sides::new(dataset, &config);
        }
        // Half of the passes tell which values are better.
        let shorter = Config {
            epochs: config.epochs.div_ceil(2),
            ..config.clone()
        };
        Trial {
            log_loss: levels::fit(&sides.unseen(cells, &shorter, seed, LIKES_TO_CHOOSE_ON)).log_loss,
            config,
        }
    };
    let mut trials = vec![trial(start.clone())];
    let mut best = 0;
    for step in STEPS {
        for config in step(&trials[best].config.clone()) {
            if trials.iter().any(|tried| tried.config == config) {
                continue;
            }
            trials.push(trial(config));
        }
        let better = |at: &usize| trials[*at].log_loss < trials[best].log_loss;
        best = (0..trials.len())
            .filter(better)
            .min_by(|&a, &b| trials[a].log_loss.total_cmp(&trials[b].log_loss))
            .unwrap_or(best);
    }
    (trials[best].config.clone(), trials)
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::dataset;
    use super::*;
    use crate::dataset::Rated;

    /// Users like the items whose title has the word of their kind; every item is new, so that nothing else tells.
    fn told_by_titles() -> Dataset {
        let (mut log, mut held_out) = (Vec::new(), Vec::new());
        for (user, item) in (0..60u32).flat_map(|user| (0..120u32).map(move |item| (user, item))) {
            let liked = user % 3 == item % 3;
            match (user * 7 + item * 13) % 16 {
                0 if liked => log.push(Rated { user, item, liked }),
                1 | 2 if liked => held_out.push(Rated { user, item, liked }),
                _ => {}
            }
        }
        let mut data = dataset(60, 120, log, held_out);
        data.items.title = (0..120)
            .map(|item| format!("{} thing", ["red", "green", "blue"][item % 3]))
            .collect();
        data
    }

    #[test]
    fn the_best_trial_is_chosen_and_words_are_used_where_they_tell() {
        let data = told_by_titles();
        let mut cells = Cells::new(&data, 0);
        let start = Config {
            rank: 4,
            epochs: 60,
            ..Config::default()
        };
        let (chosen, trials) = choose(&data, &mut cells, &start, 0);
        assert_eq!(trials[0].config, start);
        let least = trials
            .iter()
            .map(|trial| trial.log_loss)
            .fold(f64::INFINITY, f64::min);
        let of_chosen = trials
            .iter()
            .find(|trial| trial.config == chosen)
            .unwrap()
            .log_loss;
        assert_eq!(of_chosen, least);
        assert!(chosen.title_words, "{trials:?}");
        assert!(
            of_chosen < 0.98 * trials[0].log_loss,
            "{of_chosen} {}",
            trials[0].log_loss
        );
    }
}
