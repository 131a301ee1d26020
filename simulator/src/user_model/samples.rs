//! The cells of one epoch: all likes, and negatives drawn uniformly from all cells that the fit may see.
//!
//! Negatives are kept with probability pi = draws / items for each user, likes with probability 1. The odds
//! among the sampled cells are then 1/pi times the true odds, so that the fit adds -ln(pi) to its logit while
//! training and is left with the true logit (King and Zeng, Logistic Regression in Rare Events Data, 2001).

use common::rng::{RngExt, stream};
use rayon::prelude::*;

use super::cells::{Cells, Fold};

/// One cell with what its two labels are; see [`super::fit`] for the two heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) user: u32,
    pub(super) item: u32,
    /// Label of the held-out head; `None` where the cell says nothing about it.
    pub(super) held_out: Option<bool>,
    /// Label of the log head.
    pub(super) log: Option<bool>,
}

/// All likes of `user` that the fit may see.
pub(super) fn likes(cells: &Cells, user: u32) -> impl Iterator<Item = Sample> {
    let log = cells.log_liked.row(user as usize).iter();
    let log = log.map(move |&item| Sample {
        user,
        item,
        held_out: None,
        log: Some(true),
    });
    let held_out = cells.held_out_liked.row(user as usize).iter();
    let held_out = held_out
        .filter(move |&&item| cells.fold(user, item) == Fold::Fit)
        .map(move |&item| Sample {
            user,
            item,
            held_out: Some(true),
            log: None,
        });
    log.chain(held_out)
}

/// What a cell says when it is drawn as a negative; `None` for likes and for folds that the fit must not see.
fn negative(cells: &Cells, user: u32, item: u32) -> Option<Sample> {
    let row = user as usize;
    if cells.log.contains(row, item) {
        let disliked = !cells.log_liked.contains(row, item);
        return disliked.then_some(Sample {
            user,
            item,
            held_out: None,
            log: Some(false),
        });
    }
    if cells.fold(user, item) != Fold::Fit || cells.held_out_liked.contains(row, item) {
        return None;
    }
    // A held-out dislike is no news about the log, which it was cut from.
    let log = if cells.held_out.contains(row, item) {
        None
    } else {
        Some(false)
    };
    Some(Sample {
        user,
        item,
        held_out: Some(false),
        log,
    })
}

/// The samples of `epoch` by user: likes first, then negatives out of `draws` draws a user.
pub(super) fn draw(cells: &Cells, seed: u64, epoch: u64, draws: usize) -> Vec<Vec<Sample>> {
    (0..cells.users() as u32)
        .into_par_iter()
        .map(|user| {
            let mut rng = stream(seed, "user model negatives", &[epoch, u64::from(user)]);
            let items = cells.items() as u32;
            let negatives = (0..draws).filter_map(|_| negative(cells, user, rng.random_range(0..items)));
            likes(cells, user).chain(negatives).collect()
        })
        .collect()
}

/// For each item the samples that name it, as (user, place among the user's samples), by user.
pub(super) struct ByItem {
    offsets: Vec<usize>,
    places: Vec<(u32, u32)>,
}

impl ByItem {
    pub(super) fn row(&self, item: usize) -> impl Iterator<Item = (u32, u32)> {
        self.places[self.offsets[item]..self.offsets[item + 1]]
            .iter()
            .copied()
    }
}

pub(super) fn by_item(samples: &[Vec<Sample>], items: usize) -> ByItem {
    let mut offsets = vec![0; items + 1];
    for sample in samples.iter().flatten() {
        offsets[sample.item as usize + 1] += 1;
    }
    for item in 0..items {
        offsets[item + 1] += offsets[item];
    }
    let mut next = offsets.clone();
    let mut places = vec![(0, 0); offsets[items]];
    for (of_user, user) in samples.iter().zip(0..) {
        for (sample, at) in of_user.iter().zip(0..) {
            let slot = &mut next[sample.item as usize];
            places[*slot] = (user, at);
            *slot += 1;
        }
    }
    ByItem { offsets, places }
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::dataset;
    use super::*;
    use crate::dataset::Rated;

    #[test]
    fn nothing_outside_the_fit_fold_is_ever_drawn() {
        let pairs = |held_out: bool| {
            let odd = u32::from(held_out);
            (0..40)
                .map(|i| Rated {
                    user: 0,
                    item: 2 * i + odd,
                    liked: i % 2 == 0,
                })
                .collect::<Vec<_>>()
        };
        let cells = Cells::new(&dataset(1, 200, pairs(false), pairs(true)), 3);
        let samples = &draw(&cells, 3, 0, 5_000)[0];
        for sample in samples {
            if cells.log.contains(0, sample.item) {
                let liked = cells.log_liked.contains(0, sample.item);
                assert_eq!((sample.log, sample.held_out), (Some(liked), None));
            } else {
                assert_eq!(cells.fold(0, sample.item), Fold::Fit);
                assert_eq!(
                    sample.held_out,
                    Some(cells.held_out_liked.contains(0, sample.item))
                );
            }
        }
        let seen: std::collections::BTreeSet<u32> = samples.iter().map(|s| s.item).collect();
        let allowed = (0..200)
            .filter(|&i| cells.log.contains(0, i) || cells.fold(0, i) == Fold::Fit)
            .count();
        assert_eq!(
            seen.len(),
            allowed,
            "every cell that the fit may see is drawn in the end"
        );
    }
}
