//! What the adapter has learnt, as bytes and back, and into another policy.

use common::Result;
use serde::{Deserialize, Serialize};

use super::super::Carried;
use super::super::saved::{self, numbers};
use super::Adapter;
use super::gate::Gate;

/// All that the adapter saves; users' parts are in their memories.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) answers: u64,
    pub(super) global: [f64; 2],
    pub(super) covariance: [f64; 3],
    /// The items with an answer, ascending.
    pub(super) items: Vec<u32>,
    pub(super) means: Vec<f32>,
    pub(super) variances: Vec<f32>,
    pub(super) gate: Gate,
}

impl Saved {
    /// Checks what belongs to a catalogue of `items`.
    fn check(&self, items: usize) -> Result<()> {
        let ascending = self.items.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || self.items.last().is_some_and(|&item| item as usize >= items) {
            return Err(saved::damaged("the answered items are not those of a catalogue"));
        }
        numbers("the items' means", &self.means, self.items.len())?;
        numbers("the items' variances", &self.variances, self.items.len())?;
        if self.variances.iter().any(|variance| *variance < 0.0) || !self.gate.is_sound() {
            return Err(saved::damaged("a variance or a count cannot be"));
        }
        Ok(())
    }
}

impl Adapter {
    pub(super) fn pack(&self) -> Vec<u8> {
        let beliefs = &self.beliefs;
        let touched = (0..self.network.config().items).filter(|&item| beliefs.is_touched(item));
        let items: Vec<u32> = touched.map(|item| item as u32).collect();
        let of = |values: &[f32]| items.iter().map(|&item| values[item as usize]).collect();
        saved::pack(&Saved {
            answers: self.answers,
            global: beliefs.global,
            covariance: beliefs.covariance,
            means: of(&beliefs.means),
            variances: of(&beliefs.variances),
            gate: self.gate.clone(),
            items,
        })
    }

    pub(super) fn unpack(&mut self, bytes: &[u8]) -> Result<()> {
        let saved: Saved = saved::unpack(bytes)?;
        saved.check(self.network.config().items)?;
        let mut beliefs = self.untouched();
        (beliefs.global, beliefs.covariance) = (saved.global, saved.covariance);
        if !beliefs.is_sound() {
            return Err(saved::damaged("the belief about all items is not a Gaussian"));
        }
        for ((&item, &mean), &variance) in saved.items.iter().zip(&saved.means).zip(&saved.variances) {
            beliefs.set(item as usize, mean, variance);
        }
        self.beliefs = beliefs;
        self.gate = saved.gate;
        self.answers = saved.answers;
        Ok(())
    }

    /// beta_j is a number in the log-odds of a like and means the same under any policy: it goes with its item. c and s
    /// translate the logits of the policy, which is another, and the gate compares with it: they start anew.
    pub(super) fn carry(&mut self, from: &[u8], map: &[Option<u32>]) -> Result<Carried> {
        let old: Saved = saved::unpack(from)?;
        old.check(map.len())?;
        let mut carried = Carried {
            kept: vec!["items"],
            dropped: vec!["likes of the policy", "gate"],
            ..Carried::default()
        };
        for ((&item, &mean), &variance) in old.items.iter().zip(&old.means).zip(&old.variances) {
            if let Some(new) = map[item as usize] {
                self.beliefs.set(new as usize, mean, variance);
                carried.items += 1;
            }
        }
        self.answers = old.answers;
        Ok(carried)
    }
}
