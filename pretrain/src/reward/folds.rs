//! Users in folds: some to fit on, some to calibrate on, some to measure on.

use super::calibration::Platt;
use super::features::{FEATURES, Features};
use super::logistic::{Fitted, Observation, fit};
use super::pairs::Group;

/// Folds of users.
pub(crate) const FOLDS: usize = 5;
pub(crate) const TO_FIT: fn(usize) -> bool = |fold| fold < 3;
const TO_CALIBRATE: fn(usize) -> bool = |fold| fold == 3;
pub(crate) const TO_MEASURE: fn(usize) -> bool = |fold| fold == 4;
/// Precision of the coefficients' normal prior.
pub(crate) const RIDGE: f64 = 1.0;

/// Users in random order, assigned in turn.
pub(crate) struct Folds<'a> {
    pub(crate) groups: &'a [Group],
}

impl<'a> Folds<'a> {
    pub(crate) fn of(&self, wanted: fn(usize) -> bool) -> Vec<&'a Group> {
        let groups = self.groups.iter().enumerate();
        groups
            .filter(|(at, _)| wanted(at % FOLDS))
            .map(|(_, group)| group)
            .collect()
    }

    /// Coefficients that explain what users of the folds to fit on liked.
    pub(crate) fn fit(&self, features: &Features) -> Fitted<FEATURES> {
        let observations: Vec<_> = self.observations(features, TO_FIT).collect();
        fit(&observations, RIDGE)
    }

    /// The calibration of their logits, on users of their own.
    pub(crate) fn calibrate(&self, features: &Features, fitted: &Fitted<FEATURES>) -> Platt {
        let logits = self.observations(features, TO_CALIBRATE).map(|o| Observation {
            x: [fitted.logit(&o.x)],
            offset: 0.0,
            success: o.success,
            weight: o.weight,
            group: o.group,
        });
        Platt::fit(logits)
    }

    fn observations(
        &self,
        features: &Features,
        wanted: fn(usize) -> bool,
    ) -> impl Iterator<Item = Observation<FEATURES>> {
        let groups = self.of(wanted).into_iter().enumerate();
        groups.flat_map(move |(at, group)| {
            group.pairs.iter().map(move |pair| Observation {
                x: features.of(&group.context, pair.item).x,
                offset: 0.0,
                success: pair.liked,
                weight: pair.weight,
                group: at,
            })
        })
    }
}
