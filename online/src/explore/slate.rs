//! What was drawn at one decision, with all that a later update needs of it.

use serde::{Deserialize, Serialize};

/// Items to show, in order, and the probabilities they were drawn with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Slate {
    /// Distinct codes, in order of position; fewer than were asked for where fewer may be chosen.
    pub items: Vec<u32>,
    /// The probability of each, given those above it (Plackett-Luce): their product is that of the slate.
    pub propensities: Vec<f32>,
    /// The probability of each among all that might be chosen for the first position; empty for strategies that choose by
    /// other numbers. It is for the caller and is not kept.
    #[serde(skip)]
    pub scores: Vec<f32>,
    /// Where two policies are mixed: the same under the prior alone; else empty.
    pub prior: Vec<f32>,
    /// Where two policies are mixed: the same under the adapted policy alone; else empty.
    pub adapted: Vec<f32>,
    /// The prior's share of the mixture: 1 for the prior alone, 0 where there is none.
    pub weight: f32,
    /// Items drawn from the adapted policy at this state, with replacement: a sample of the sum in its gradient. Empty
    /// for strategies that need none.
    pub negatives: Vec<u32>,
}

/// One item of a slate and its probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The item's code.
    pub item: u32,
    /// The probability it was drawn with, given the items above it.
    pub propensity: f32,
    /// The same under the prior alone; the propensity where nothing was mixed.
    pub prior: f32,
    /// The same under the adapted policy alone; the propensity where nothing was mixed.
    pub adapted: f32,
    /// The prior's share of the mixture.
    pub weight: f32,
}

impl Slate {
    /// The item at `position`, counted from 0.
    pub fn shown(&self, position: usize) -> Option<Shown> {
        let propensity = *self.propensities.get(position)?;
        let alone = |probabilities: &[f32]| probabilities.get(position).copied().unwrap_or(propensity);
        Some(Shown {
            item: *self.items.get(position)?,
            propensity,
            prior: alone(&self.prior),
            adapted: alone(&self.adapted),
            weight: self.weight,
        })
    }

    /// The negatives that belong to `position`: draws that show an item above it are left out, which makes the rest
    /// draws from what was left to choose from there.
    pub fn negatives_at(&self, position: usize) -> Vec<u32> {
        let above = &self.items[..position.min(self.items.len())];
        let open = |item: &&u32| !above.contains(item);
        self.negatives.iter().filter(open).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_above_is_no_negative_below() {
        let slate = Slate {
            items: vec![4, 2],
            propensities: vec![0.5, 0.25],
            weight: 1.0,
            negatives: vec![4, 1, 2, 4],
            ..Slate::default()
        };
        assert_eq!(slate.negatives_at(0), vec![4, 1, 2, 4]);
        assert_eq!(slate.negatives_at(1), vec![1, 2]);
        let shown = slate.shown(1).unwrap();
        assert_eq!((shown.item, shown.prior, shown.adapted), (2, 0.25, 0.25));
        assert_eq!(slate.shown(2), None);
    }
}
