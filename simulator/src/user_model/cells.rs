//! The matrix of user-item cells: which are in the log, which were held out, and which fold each belongs to.
//!
//! Folds are drawn over all cells that are not in the log and say something. Where an unrated cell is a no
//! ([`Unrated::Negative`]) those are all cells outside the log, so that every fold is a fair sample of what a
//! policy can meet: the like-rate of the test fold is that of the whole. Where an unrated cell says nothing
//! ([`Unrated::Unknown`]) they are the held-out ratings alone; all others are in no fold.

use common::rng::{RngExt, stream};

use crate::dataset::{Dataset, Rated, Unrated};
use crate::sparse::SparseRows;

/// What a cell outside the log is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Fitting the user model: five of the [`PARTS`].
    Fit,
    /// Choosing its hyper-parameters and calibrating it: one part.
    Calibration,
    /// Measuring its fidelity: one part; neither fit, choice nor calibration sees it.
    Test,
}

/// Equal parts that the cells are assigned to: one is the test fold, one the calibration fold, the others the fit
/// fold. Changing their roles lets every part be the test fold once, with folds of the same sizes (cross-fitting).
pub const PARTS: u32 = 7;

/// Cells of the log and of the held-out part, by user.
#[derive(Debug)]
pub struct Cells {
    items: usize,
    fold_key: u64,
    /// The parts that are the test and the calibration fold.
    test: u32,
    calibration: u32,
    /// What a cell in neither log nor held-out part says.
    pub unrated: Unrated,
    /// Items in each user's log.
    pub log: SparseRows,
    /// Items in each user's log that the user liked.
    pub log_liked: SparseRows,
    /// Held-out items of each user.
    pub held_out: SparseRows,
    /// Held-out items that the user liked.
    pub held_out_liked: SparseRows,
}

impl Cells {
    /// The cells of `dataset` under the folds of `seed`. A held-out pair that is in the log too counts as log.
    pub fn new(dataset: &Dataset, seed: u64) -> Self {
        let users = dataset.users.ids.len();
        let log = rows(users, &dataset.log, |_| true);
        let new = |pair: &Rated| !log.contains(pair.user as usize, pair.item);
        Cells {
            items: dataset.items.ids.len(),
            fold_key: stream(seed, "user model folds", &[]).random(),
            test: PARTS - 1,
            calibration: PARTS - 2,
            unrated: dataset.unrated,
            log_liked: rows(users, &dataset.log, |pair| pair.liked),
            held_out: rows(users, &dataset.held_out, new),
            held_out_liked: rows(users, &dataset.held_out, |pair| pair.liked && new(pair)),
            log,
        }
    }

    /// Gives the parts their roles for the `rotation`-th of [`PARTS`] fits. An environment is fit under rotation 0.
    pub fn rotate(&mut self, rotation: u32) {
        self.test = (PARTS - 1 + rotation) % PARTS;
        self.calibrate_on(PARTS - 2);
    }

    /// Makes the `other`-th part after the test fold, of `PARTS - 1`, the calibration fold. [`Cells::rotate`] takes
    /// the last one.
    pub fn calibrate_on(&mut self, other: u32) {
        self.calibration = (self.test + 1 + other % (PARTS - 1)) % PARTS;
    }

    /// How many users there are.
    pub fn users(&self) -> usize {
        self.log.len()
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.items
    }

    /// The fold of a cell outside the log.
    pub fn fold(&self, user: u32, item: u32) -> Fold {
        let cell = (u64::from(user) << 32) | u64::from(item);
        // 32 bits of a hash keyed by the seed: a draw that belongs to the cell, made without a table.
        let draw = mix(self.fold_key ^ mix(cell)) >> 32;
        let part = ((draw * u64::from(PARTS)) >> 32) as u32;
        if part == self.test {
            Fold::Test
        } else if part == self.calibration {
            Fold::Calibration
        } else {
            Fold::Fit
        }
    }

    /// All cells of `user` outside the log that say something: each item and whether the user liked it.
    pub fn known(&self, user: u32) -> impl Iterator<Item = (u32, bool)> {
        let row = user as usize;
        let (log, liked) = (self.log.row(row), self.held_out_liked.row(row));
        let (all, rated) = match self.unrated {
            Unrated::Negative => (0..self.items as u32, [].as_slice()),
            Unrated::Unknown => (0..0, self.held_out.row(row)),
        };
        all.filter(move |item| log.binary_search(item).is_err())
            .chain(rated.iter().copied())
            .map(move |item| (item, liked.binary_search(&item).is_ok()))
    }

    /// Users for whom all items are looked at: all of them, or every n-th where there are more than about
    /// `most_cells` pairs of user and item.
    pub fn sampled_users(&self, most_cells: usize) -> Vec<u32> {
        let cells = self.users().saturating_mul(self.items);
        let stride = cells.div_ceil(most_cells.max(1)).max(1);
        (0..self.users() as u32).step_by(stride).collect()
    }
}

fn rows(users: usize, pairs: &[Rated], keep: impl Fn(&Rated) -> bool) -> SparseRows {
    SparseRows::from_pairs(
        users,
        pairs
            .iter()
            .filter(|pair| keep(pair))
            .map(|pair| (pair.user, pair.item)),
    )
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
pub(crate) mod tests {
    use common::ids::{Dictionary, IdKind};
    use common::schema::items::Items;
    use common::schema::users::Users;

    use super::*;

    /// A dataset of `users` and `items` with these pairs, no features.
    pub(crate) fn dataset(users: usize, items: usize, log: Vec<Rated>, held_out: Vec<Rated>) -> Dataset {
        let ids = |n: usize| Dictionary::from_values(IdKind::Integer, (0..n).map(|i| i.to_string())).unwrap();
        Dataset {
            name: "test".into(),
            items: Items {
                ids: ids(items),
                title: vec![String::new(); items],
                text: vec![None; items],
                categories: vec![Vec::new(); items],
            },
            users: Users {
                ids: ids(users),
                attributes: vec![Default::default(); users],
            },
            log,
            held_out,
            unrated: Unrated::Negative,
            mean_ratings: None,
            fingerprints: Vec::new(),
        }
    }

    fn rated(user: u32, item: u32, liked: bool) -> Rated {
        Rated { user, item, liked }
    }

    #[test]
    fn known_cells_leave_the_log_out() {
        let log = vec![rated(0, 1, true), rated(0, 2, false)];
        let cells = Cells::new(&dataset(1, 4, log, vec![rated(0, 3, true), rated(0, 1, true)]), 0);
        assert_eq!(cells.known(0).collect::<Vec<_>>(), [(0, false), (3, true)]);
        assert_eq!(cells.held_out.row(0), [3], "the log wins where a pair is in both");
    }

    #[test]
    fn where_unrated_cells_say_nothing_only_ratings_are_known() {
        let held_out = vec![rated(0, 3, true), rated(0, 1, false), rated(1, 0, false)];
        let data = Dataset {
            unrated: Unrated::Unknown,
            ..dataset(2, 5, vec![rated(0, 2, true)], held_out)
        };
        let cells = Cells::new(&data, 0);
        assert_eq!(cells.known(0).collect::<Vec<_>>(), [(1, false), (3, true)]);
        assert_eq!(cells.known(1).collect::<Vec<_>>(), [(0, false)]);
    }

    #[test]
    fn folds_have_their_shares_and_follow_the_seed() {
        let count = |seed: u64, fold| {
            let cells = Cells::new(&dataset(200, 100, vec![], vec![]), seed);
            (0..200)
                .flat_map(|u| (0..100).map(move |i| (u, i)))
                .filter(|&(u, i)| cells.fold(u, i) == fold)
                .count()
        };
        assert!((count(0, Fold::Fit) as f64 / 20_000.0 - 5.0 / 7.0).abs() < 0.01);
        assert!((count(0, Fold::Test) as f64 / 20_000.0 - 1.0 / 7.0).abs() < 0.01);
        assert_ne!(count(0, Fold::Test), count(1, Fold::Test));
    }

    #[test]
    fn rotations_test_and_calibrate_on_every_cell_once() {
        let mut cells = Cells::new(&dataset(20, 50, vec![], vec![]), 0);
        let mut found = [[0; 2]; 1_000];
        for rotation in 0..PARTS {
            cells.rotate(rotation);
            for cell in 0..1_000u32 {
                match cells.fold(cell / 50, cell % 50) {
                    Fold::Fit => {}
                    Fold::Calibration => found[cell as usize][0] += 1,
                    Fold::Test => found[cell as usize][1] += 1,
                }
            }
        }
        assert!(found.iter().all(|counts| *counts == [1, 1]));
    }

    #[test]
    fn every_part_but_the_test_fold_can_calibrate() {
        let mut cells = Cells::new(&dataset(1, 1_000, vec![], vec![]), 0);
        cells.rotate(3);
        let folds = |cells: &Cells| (0..1_000).map(|item| cells.fold(0, item)).collect::<Vec<Fold>>();
        let before = folds(&cells);
        let mut calibrated = vec![0; 1_000];
        for other in 0..PARTS - 1 {
            cells.calibrate_on(other);
            for (item, fold) in folds(&cells).into_iter().enumerate() {
                assert_eq!(fold == Fold::Test, before[item] == Fold::Test);
                calibrated[item] += u32::from(fold == Fold::Calibration);
            }
        }
        assert_eq!(folds(&cells), before, "the last one is that of the rotation");
        let once = |(count, fold): (&u32, &Fold)| *count == u32::from(*fold != Fold::Test);
        assert!(calibrated.iter().zip(&before).all(once));
    }

    #[test]
    fn a_large_matrix_is_sampled_by_user() {
        let cells = Cells::new(&dataset(10, 100, vec![], vec![]), 0);
        assert_eq!(cells.sampled_users(1_000).len(), 10);
        assert_eq!(cells.sampled_users(500), [0, 2, 4, 6, 8]);
    }
}
