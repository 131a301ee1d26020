//! Area under the ROC curve: the chance that a liked cell ranks above one not liked, ties counting half.

/// Cells in rising order of a score, with the ends of stretches of equal score.
#[derive(Debug)]
pub(super) struct Ranked {
    order: Vec<u32>,
    tie_ends: Vec<u32>,
}

impl Ranked {
    pub(super) fn new(scores: &[f32]) -> Self {
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_by(|&a, &b| scores[a as usize].total_cmp(&scores[b as usize]));
        let mut tie_ends = Vec::new();
        for at in 1..=order.len() {
            if at == order.len() || scores[order[at] as usize] != scores[order[at - 1] as usize] {
                tie_ends.push(at as u32);
            }
        }
        Ranked { order, tie_ends }
    }

    /// The area when each cell counts `weight(cell)` times; NaN unless both kinds of cell are there.
    pub(super) fn auc(&self, liked: &[bool], weight: impl Fn(usize) -> f64) -> f64 {
        let (mut below, mut pairs, mut positive) = (0.0, 0.0, 0.0);
        let mut from = 0;
        for &end in &self.tie_ends {
            let (mut tied_liked, mut tied_other) = (0.0, 0.0);
            for &cell in &self.order[from..end as usize] {
                let cell = cell as usize;
                if liked[cell] {
                    tied_liked += weight(cell)
                } else {
                    tied_other += weight(cell)
                }
            }
            pairs += tied_liked * (below + 0.5 * tied_other);
            below += tied_other;
            positive += tied_liked;
            from = end as usize;
        }
        pairs / (positive * below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_pairs_in_order_and_ties_half() {
        let auc = |scores: &[f32], liked: &[bool]| Ranked::new(scores).auc(liked, |_| 1.0);
        assert_eq!(auc(&[1.0, 2.0, 3.0], &[false, false, true]), 1.0);
        assert_eq!(auc(&[3.0, 2.0, 1.0], &[false, false, true]), 0.0);
        assert_eq!(auc(&[1.0, 1.0, 1.0], &[false, true, true]), 0.5);
        // Pairs: (3 > 1), (3 > 2), (2 = 2), (2 > 1) of 4.
        assert_eq!(auc(&[1.0, 2.0, 2.0, 3.0], &[false, false, true, true]), 3.5 / 4.0);
        assert!(auc(&[1.0, 2.0], &[true, true]).is_nan());
    }

    #[test]
    fn a_weight_counts_a_cell_so_many_times() {
        let ranked = Ranked::new(&[1.0, 2.0, 3.0]);
        let area = ranked.auc(&[false, true, false], |cell| if cell == 2 { 3.0 } else { 1.0 });
        assert_eq!(area, 0.25);
    }
}
