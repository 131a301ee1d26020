//! The model of rewards: each item's mean so far, drawn towards that of all.

use common::ids::{Dictionary, IdKind};

use crate::live::State;

/// Answers that an item's mean is drawn towards that of all by.
const PRIOR_ANSWERS: f64 = 10.0;

/// Mean rewards of items.
#[derive(Debug)]
pub(super) struct Model {
    items: Dictionary,
    /// Answers and rewards of each.
    means: Vec<(f64, f64)>,
    answers: f64,
    rewards: f64,
}

impl Default for Model {
    fn default() -> Self {
        Model {
            items: Dictionary::new(IdKind::Text),
            means: Vec::new(),
            answers: 0.0,
            rewards: 0.0,
        }
    }
}

impl Model {
    /// Answers about an item, and the sum of their rewards.
    pub(super) fn add(&mut self, item: &str, answers: f64, rewards: f64) {
        let code = self.items.intern(item) as usize;
        if code == self.means.len() {
            self.means.push((0.0, 0.0));
        }
        self.means[code].0 += answers;
        self.means[code].1 += rewards;
        self.answers += answers;
        self.rewards += rewards;
    }

    /// Items with their answers and the sums of their rewards.
    pub(super) fn items(&self) -> impl Iterator<Item = (&str, f64, f64)> {
        let items = self.items.ids().zip(&self.means);
        items.map(|(id, (answers, rewards))| (id, *answers, *rewards))
    }

    /// The mean of all answers; 0 before the first.
    fn mean(&self) -> f64 {
        self.rewards / self.answers.max(1.0)
    }

    fn of(&self, (answers, rewards): (f64, f64)) -> f64 {
        (rewards + PRIOR_ANSWERS * self.mean()) / (answers + PRIOR_ANSWERS)
    }

    /// The modelled reward of `item`.
    pub(super) fn reward(&self, item: &str) -> f64 {
        let code = self.items.code(item);
        code.map_or(self.mean(), |code| self.of(self.means[code as usize]))
    }

    /// The mean of the modelled rewards under a distribution over the catalogue of `state`.
    pub(super) fn expectation(&self, state: &State, probabilities: &[f32]) -> f64 {
        let mean = self.mean();
        // Items that nobody answered have the mean of all.
        let known = self.items.ids().zip(&self.means).filter_map(|(id, found)| {
            let probability = probabilities.get(state.items().code(id)? as usize)?;
            Some(f64::from(*probability) * (self.of(*found) - mean))
        });
        mean + known.sum::<f64>()
    }
}
