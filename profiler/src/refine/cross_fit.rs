//! The fit crossed over items.

use common::Result;
use common::rng::{self, RngExt};
use nalgebra::DMatrix;

use super::discriminants::{Discriminants, Likes};
use super::features::Features;

/// Discriminants of everything, and for each fold of the items those of all other folds.
pub(super) struct CrossFit {
    whole: Discriminants,
    folds: Vec<Fold>,
    fold_of: Vec<usize>,
}

struct Fold {
    others: Discriminants,
    /// Turns what `others` gives into the directions of the whole: each fit orders and turns its own.
    turn: DMatrix<f64>,
}

impl CrossFit {
    /// Fits; with fewer than two folds everything is fit once.
    ///
    /// # Errors
    /// As [`Discriminants::fit`].
    pub(super) fn new(
        features: &Features,
        likes: &Likes,
        dimensions: usize,
        ridge: f64,
        folds: usize,
        seed: u64,
    ) -> Result<Self> {
        let whole = Discriminants::fit(features, likes, dimensions, ridge, |_| true)?;
        let folds = if folds < 2 { 0 } else { folds };
        let draw = |item: usize| match folds {
            0 => 0,
            _ => rng::stream(seed, "refine folds", &[item as u64]).random_range(0..folds),
        };
        let fold_of: Vec<usize> = (0..features.len()).map(draw).collect();
        let fit = |fold: usize| {
            let is_other = |item: u32| fold_of[item as usize] != fold;
            let others = Discriminants::fit(features, likes, dimensions, ridge, is_other)?;
            let turn = turn(&others, &whole, features, |item| fold_of[item] != fold);
            Ok(Fold { others, turn })
        };
        let folds = (0..folds).map(fit).collect::<Result<_>>()?;
        Ok(CrossFit {
            whole,
            folds,
            fold_of,
        })
    }

    /// The fit of everything.
    pub(super) fn whole(&self) -> &Discriminants {
        &self.whole
    }

    /// The refined traits of item `at`, by the fit in which it had no part.
    pub(super) fn item(&self, features: &Features, at: usize) -> Vec<f64> {
        match self.folds.get(self.fold_of[at]) {
            None => self.whole.apply(features.row(at)),
            Some(fold) => {
                let own = fold.others.apply(features.row(at));
                let own = DMatrix::from_row_slice(1, own.len(), &own);
                (own * &fold.turn).iter().copied().collect()
            }
        }
    }
}

/// The rotation that brings `from` closest to `to` on the items in question (orthogonal Procrustes problem,
/// Schoenemann 1966).
fn turn(
    from: &Discriminants,
    to: &Discriminants,
    features: &Features,
    in_question: impl Fn(usize) -> bool,
) -> DMatrix<f64> {
    let dimensions = to.dimensions();
    let mut product = DMatrix::<f64>::zeros(dimensions, dimensions);
    for item in (0..features.len()).filter(|&item| in_question(item)) {
        let (a, b) = (from.apply(features.row(item)), to.apply(features.row(item)));
        for (row, a) in a.iter().enumerate() {
            for (column, b) in b.iter().enumerate() {
                product[(row, column)] += a * b;
            }
        }
    }
    let decomposed = product.svd(true, true);
    match (decomposed.u, decomposed.v_t) {
        (Some(u), Some(v)) => u * v,
        _ => DMatrix::identity(dimensions, dimensions),
    }
}
