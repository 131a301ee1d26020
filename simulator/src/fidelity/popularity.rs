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
        vec![0_u32; cells.items()],
        vec![0_u32; cells.items()],
        vec![0_i64; cells.items()],
    );
    for user in 0..cells.users() {
        let in_fit = |item: &&u32| cells.fold(user as u32, **item) == Fold::Fit;
        for &item in cells.log_liked.row(user) {
            likes[item as usize] += 1;
        }
        for &item in cells.held_out_liked.row(user).iter().filter(in_fit) {
            likes[item as usize] += 1;
            liked[item as usize] += 1;
        }
        match cells.unrated {
            Unrated::Unknown => {
                for &item in cells.held_out.row(user).iter().filter(in_fit) {
                    shown[item as usize] += 1;
                }
            }
            // All but those of the log; the share that lies in the fit fold differs little between items.
            Unrated::Negative => {
                for &item in cells.log.row(user) {
                    shown[item as usize] -= 1;
                }
            }
        }
    }
    let share = (PARTS - 2) as f32 / PARTS as f32;
    let shown = |item: usize| match cells.unrated {
        Unrated::Unknown => shown[item] as f32,
        Unrated::Negative => share * (shown[item] + cells.users() as i64) as f32,
    };
    let all_liked = liked.iter().map(|&liked| f64::from(liked)).sum::<f64>();
    let all_shown = (0..cells.items()).map(|item| f64::from(shown(item))).sum::<f64>();
    let mean = (all_liked / all_shown.max(1.0)) as f32;
    (0..cells.items())
        .map(|item| {
            let rate = (liked[item] as f32 + PRIOR_CELLS * mean) / (shown(item) + PRIOR_CELLS);
            [likes[item] as f32, rate]
        })
        .collect()
}
