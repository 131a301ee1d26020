//! The rival: what is known of each item from all users alike.
//!
//! Two scores, because datasets differ in which is the stronger; the measures take the better one of both on the
//! very cells that are measured, which favours the rival.

use crate::dataset::Unrated;
use crate::user_model::cells::{Cells, Fold, PARTS};

/// How many scores there are.
pub(super) const SCORES: usize = 2;
/// Cells of the mean like-rate that are added to each item's own.
const PRIOR_CELLS: f32 = 5.0;

/// For each item: its likes in the log and the fit fold, and the like-rate among its cells in the fit fold, a few
/// cells of the mean rate added to them.
pub(super) fn scores(cells: &Cells) -> Vec<[f32; SCORES]> {
    let (mut likes, mut liked, mut shown) = (
        vec![0.0; cells.items()],
        vec![0.0f32; cells.items()],
        vec![0.0f32; cells.items()],
    );
    for user in 0..cells.users() {
        let in_fit = |item: &&u32| cells.fold(user as u32, **item) == Fold::Fit;
        for &item in cells.log_liked.row(user) {
            likes[item as usize] += 1.0;
        }
        for &item in cells.held_out_liked.row(user).iter().filter(in_fit) {
            likes[item as usize] += 1.0;
            liked[item as usize] += 1.0;
        }
        match cells.unrated {
            Unrated::Unknown => {
                for &item in cells.held_out.row(user).iter().filter(in_fit) {
                    shown[item as usize] += 1.0;
                }
            }
            // All but those of the log; the share that lies in the fit fold differs little between items.
            Unrated::Negative => {
                for &item in cells.log.row(user) {
                    shown[item as usize] -= 1.0;
                }
            }
        }
    }
    if cells.unrated == Unrated::Negative {
        let share = (PARTS - 2) as f32 / PARTS as f32;
        shown
            .iter_mut()
            .for_each(|shown| *shown = share * (*shown + cells.users() as f32));
    }
    let sum = |of: &[f32]| of.iter().map(|&value| f64::from(value)).sum::<f64>();
    let mean = (sum(&liked) / sum(&shown).max(1.0)) as f32;
    (0..cells.items())
        .map(|item| {
            let rate = (liked[item] + PRIOR_CELLS * mean) / (shown[item] + PRIOR_CELLS);
            [likes[item], rate]
        })
        .collect()
}
