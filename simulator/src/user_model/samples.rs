//! The cells of one epoch.
//!
//! Where an unrated cell says nothing ([`Unrated::Unknown`]): all ratings that the fit may see, likes and dislikes,
//! the same in every epoch. Where it is a no: all likes, and negatives drawn uniformly from all cells that the fit
//! may see. Those are kept with probability pi = draws / items for each user, likes with probability 1. The odds
//! among the sampled cells are then 1/pi times the true odds, so that the fit adds -ln(pi) to its logit while
//! training and is left with the true logit (King and Zeng, Logistic Regression in Rare Events Data, 2001).

use common::rng::{RngExt, stream};
use rayon::prelude::*;

use super::cells::{Cells, Fold};
use crate::dataset::Unrated;

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

/// The ratings of `user` that the fit may see: those of the log, then those held out in the fit fold.
fn ratings<'a>(
    cells: &'a Cells,
    user: u32,
    log: &'a [u32],
    held_out: &'a [u32],
) -> impl Iterator<Item = Sample> {
    let row = user as usize;
    let log = log.iter().map(move |&item| Sample {
        user,
        item,
        held_out: None,
        log: Some(cells.log_liked.contains(row, item)),
    });
    let held_out = held_out
        .iter()
        .filter(move |&&item| cells.fold(user, item) == Fold::Fit)
        .map(move |&item| Sample {
            user,
            item,
            held_out: Some(cells.held_out_liked.contains(row, item)),
            log: None,
        });
    log.chain(held_out)
}

/// All likes of `user` that the fit may see.
pub(super) fn likes(cells: &Cells, user: u32) -> impl Iterator<Item = Sample> {
    let row = user as usize;
    ratings(
        cells,
        user,
        cells.log_liked.row(row),
        cells.held_out_liked.row(row),
    )
}

/// How many negatives are drawn for each user, `negatives` for a like; `None` where none are, since all ratings are
/// there with their true share of likes.
pub(super) fn draws(cells: &Cells, negatives: f64) -> Option<usize> {
    if cells.unrated == Unrated::Unknown {
        return None;
    }
    let likes: usize = (0..cells.users() as u32)
        .map(|user| likes(cells, user).count())
        .sum();
    Some((negatives * likes as f64 / cells.users() as f64).ceil().max(1.0) as usize)
}

/// What is known of a user's items, one byte an item: looked up for every draw, hence no search.
struct Marks(Vec<u8>);

const LOG: u8 = 1;
const LIKED: u8 = 2;
const HELD_OUT: u8 = 4;

impl Marks {
    fn new(items: usize) -> Self {
        Marks(vec![0; items])
    }

    /// Adds what is known of `user`; a second call takes it away.
    fn toggle(&mut self, cells: &Cells, user: u32) {
        let row = user as usize;
        let rows = [
            (&cells.log, LOG),
            (&cells.log_liked, LIKED),
            (&cells.held_out, HELD_OUT),
            (&cells.held_out_liked, LIKED),
        ];
        for (rows, mark) in rows {
            for &item in rows.row(row) {
                self.0[item as usize] ^= mark;
            }
        }
    }

    /// What a cell says when it is drawn as a negative; `None` for likes and for folds that the fit must not see.
    fn negative(&self, cells: &Cells, user: u32, item: u32) -> Option<Sample> {
        let marks = self.0[item as usize];
        if marks & LIKED != 0 {
            return None;
        }
        let (held_out, log) = if marks & LOG != 0 {
            (None, Some(false))
        } else if cells.fold(user, item) != Fold::Fit {
            return None;
        } else {
            // A held-out dislike is no news about the log, which it was cut from.
            (Some(false), (marks & HELD_OUT == 0).then_some(false))
        };
        Some(Sample {
            user,
            item,
            held_out,
            log,
        })
    }
}

/// The samples of `epoch` by user, ratings first, then negatives; see [`draws`].
pub(super) fn draw(cells: &Cells, seed: u64, epoch: u64, draws: Option<usize>) -> Vec<Vec<Sample>> {
    let of_user = |marks: &mut Marks, user: u32| {
        let Some(draws) = draws else {
            let row = user as usize;
            return ratings(cells, user, cells.log.row(row), cells.held_out.row(row)).collect();
        };
        let mut rng = stream(seed, "user model negatives", &[epoch, u64::from(user)]);
        let items = cells.items() as u32;
        marks.toggle(cells, user);
        let negatives = (0..draws).filter_map(|_| marks.negative(cells, user, rng.random_range(0..items)));
        let samples = likes(cells, user).chain(negatives).collect();
        marks.toggle(cells, user);
        samples
    };
    (0..cells.users() as u32)
        .into_par_iter()
        .map_init(|| Marks::new(cells.items()), of_user)
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
    use crate::dataset::{Dataset, Rated};

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
        let samples = &draw(&cells, 3, 0, Some(5_000))[0];
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

    #[test]
    fn where_unrated_cells_say_nothing_ratings_alone_are_samples() {
        let pair = |item: u32| Rated {
            user: 0,
            item,
            liked: item.is_multiple_of(3),
        };
        let data = Dataset {
            unrated: Unrated::Unknown,
            ..dataset(1, 200, (0..20).map(pair).collect(), (20..100).map(pair).collect())
        };
        let cells = Cells::new(&data, 3);
        assert_eq!(draws(&cells, 4.0), None);
        let samples = &draw(&cells, 3, 0, None)[0];
        let expected: Vec<u32> = (0..20)
            .chain((20..100).filter(|&item| cells.fold(0, item) == Fold::Fit))
            .collect();
        assert_eq!(samples.iter().map(|s| s.item).collect::<Vec<_>>(), expected);
        for sample in samples {
            let label = Some(sample.item.is_multiple_of(3));
            let (log, held_out) = if sample.item < 20 {
                (label, None)
            } else {
                (None, label)
            };
            assert_eq!((sample.log, sample.held_out), (log, held_out));
        }
    }
}
