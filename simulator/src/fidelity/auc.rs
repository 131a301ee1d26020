//! Area under the ROC curve: the probability that a liked cell ranks above one not liked, ties counting half.

use common::stats::auc_of_tied;

use super::cells::TestCells;

/// Cells in rising order of a score: whose each is and whether it was liked, with the ends of stretches of equal
/// score. Laid out in that order because the bootstrap passes over it hundreds of times.
#[derive(Debug)]
pub(super) struct Ranked {
    user: Vec<u32>,
    liked: Vec<bool>,
    tie_ends: Vec<u32>,
}

impl Ranked {
    /// Those of `test` at the places `cells`, by `scores` (of all of them).
    pub(super) fn new(test: &TestCells, mut cells: Vec<u32>, scores: &[f32]) -> Self {
        let score = |cell: u32| scores[cell as usize];
        cells.sort_by(|&a, &b| score(a).total_cmp(&score(b)));
        let ends =
            (1..=cells.len()).filter(|&at| at == cells.len() || score(cells[at]) != score(cells[at - 1]));
        Ranked {
            tie_ends: ends.map(|at| at as u32).collect(),
            user: cells.iter().map(|&cell| test.user[cell as usize]).collect(),
            liked: cells.iter().map(|&cell| test.liked[cell as usize]).collect(),
        }
    }

    /// The area when each user's cells count so many times; NaN unless both kinds of cell are there.
    pub(super) fn auc(&self, users: &[f32]) -> f64 {
        let mut from = 0;
        auc_of_tied(self.tie_ends.iter().map(|&end| {
            let end = end as usize;
            let (mut tied_liked, mut tied_other) = (0.0, 0.0);
            for (&user, &liked) in self.user[from..end].iter().zip(&self.liked[from..end]) {
                let weight = f64::from(users[user as usize]);
                if liked {
                    tied_liked += weight
                } else {
                    tied_other += weight
                }
            }
            from = end;
            (tied_liked, tied_other)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(scores: &[f32], liked: &[bool]) -> Ranked {
        let test = TestCells {
            user: (0..scores.len() as u32).collect(),
            liked: liked.to_vec(),
            ..TestCells::default()
        };
        Ranked::new(&test, (0..scores.len() as u32).collect(), scores)
    }

    #[test]
    fn counts_pairs_in_order_and_ties_half() {
        let auc = |scores: &[f32], liked: &[bool]| ranked(scores, liked).auc(&[1.0; 4]);
        assert_eq!(auc(&[1.0, 2.0, 3.0], &[false, false, true]), 1.0);
        assert_eq!(auc(&[3.0, 2.0, 1.0], &[false, false, true]), 0.0);
        assert_eq!(auc(&[1.0, 1.0, 1.0], &[false, true, true]), 0.5);
        // Pairs: (3 > 1), (3 > 2), (2 = 2), (2 > 1) of 4.
        assert_eq!(auc(&[1.0, 2.0, 2.0, 3.0], &[false, false, true, true]), 3.5 / 4.0);
        assert!(auc(&[1.0, 2.0], &[true, true]).is_nan());
    }

    #[test]
    fn a_user_counts_so_many_times() {
        let area = ranked(&[1.0, 2.0, 3.0], &[false, true, false]).auc(&[1.0, 1.0, 3.0]);
        assert_eq!(area, 0.25);
    }
}
