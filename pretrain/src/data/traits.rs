//! Which traits a policy is trained with.

use clap::ValueEnum;
use common::rng::{shuffle, stream};
use serde::Serialize;

use super::log::Dataset;

/// Where a policy's traits come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TraitSource {
    /// The profiles as they are
    #[default]
    Profile,
    /// The profiles' rows permuted among items and among users: a control of the same size and the same
    /// distribution of traits, without the language model's information
    Shuffled,
    /// No traits
    None,
}

impl TraitSource {
    /// As in artifacts.
    pub fn as_str(self) -> &'static str {
        match self {
            TraitSource::Profile => "profile",
            TraitSource::Shuffled => "shuffled",
            TraitSource::None => "none",
        }
    }
}

/// The traits that one policy is trained with, standardised, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traits {
    /// K.
    pub count: usize,
    /// N x K.
    pub items: Vec<f32>,
    /// U x K.
    pub users: Vec<f32>,
    /// How well known each item is to the language model, N values of mean 0 and variance 1, 0 where it is not told; none
    /// where no profile tells.
    pub fame: Option<Vec<f32>>,
}

impl Traits {
    /// Of `dataset`, as `source` says; each seed has its own permutation.
    pub fn of(dataset: &Dataset, source: TraitSource, seed: u64) -> Self {
        let Some(profiles) = dataset.profiles.as_ref().filter(|_| source != TraitSource::None) else {
            return Traits::default();
        };
        let mut traits = Traits {
            count: profiles.count,
            items: profiles.items.clone(),
            users: profiles.users.clone(),
            fame: profiles.fame.clone(),
        };
        if source == TraitSource::Shuffled {
            if let Some(fame) = &mut traits.fame {
                permute(fame, 1, &profiles.known_items, seed, "traits/items");
            }
            permute(
                &mut traits.items,
                profiles.count,
                &profiles.known_items,
                seed,
                "traits/items",
            );
            permute(
                &mut traits.users,
                profiles.count,
                &profiles.known_users,
                seed,
                "traits/users",
            );
        }
        traits
    }

    /// Item `item`'s traits.
    pub fn item(&self, item: u32) -> &[f32] {
        &self.items[item as usize * self.count..(item as usize + 1) * self.count]
    }

    /// User `user`'s traits.
    pub fn user(&self, user: usize) -> &[f32] {
        &self.users[user * self.count..(user + 1) * self.count]
    }
}

/// Permutes the rows `known` among themselves.
fn permute(values: &mut [f32], width: usize, known: &[u32], seed: u64, purpose: &str) {
    let mut order = known.to_vec();
    shuffle(&mut stream(seed, purpose, &[]), &mut order);
    let before = values.to_vec();
    for (&to, &from) in known.iter().zip(&order) {
        let (to, from) = (to as usize * width, from as usize * width);
        values[to..to + width].copy_from_slice(&before[from..from + width]);
    }
}

#[cfg(test)]
mod tests {
    use super::permute;

    #[test]
    fn known_rows_change_places_and_others_stay() {
        let before: Vec<f32> = (0..40).map(|i| i as f32).collect();
        let known: Vec<u32> = (0..20).filter(|&i| i != 7).collect();
        let mut after = before.clone();
        permute(&mut after, 2, &known, 5, "test");
        assert_ne!(after, before);
        assert_eq!(after[14..16], before[14..16]);
        let sorted = |values: &[f32]| {
            let mut rows: Vec<(u32, u32)> = values
                .chunks(2)
                .map(|row| (row[0] as u32, row[1] as u32))
                .collect();
            rows.sort_unstable();
            rows
        };
        assert_eq!(sorted(&after), sorted(&before));
    }
}
