//! The logging policy's propensities: the log's own where it has them, else estimated.

use common::policy_artifact::{Policy, PolicyUsers};
use common::terminal::{self, Progress};
use common::{Error, Result};
use serde::Serialize;

use super::evidence::Weights;
use super::later::Later;
use super::measure::propensities;
use super::replay::Consumed;
use super::settings::Settings;

/// Where propensities come from that the log does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The log has them all.
    Log,
    /// A policy that was trained to do what the log shows (`--behaviour`).
    Behaviour,
    /// How often each item is met in the held-out log, whoever the user.
    Popularity,
}

impl Source {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Source::Log => "the log's own",
            Source::Behaviour => "estimated by the policy of --behaviour",
            Source::Popularity => "estimated by the items' smoothed popularity",
        }
    }
}

/// The logging policy's propensity of each logged action.
#[derive(Clone, Debug)]
pub(crate) struct Logging {
    /// One a row.
    pub(crate) propensity: Vec<f64>,
    /// That of items like the logged one, where all propensities are estimated and the catalogue has categories: what the log itself
    /// says is of the logged action alone.
    alike: Option<Vec<f64>>,
    /// How many are estimated.
    pub(crate) estimated: usize,
    /// How.
    pub(crate) source: Source,
}

impl Logging {
    /// Of `later`; what the log lacks is estimated by `behaviour`, or else by popularity among the items that a user of
    /// the table `users` has not consumed.
    pub(crate) fn of(
        later: &Later,
        behaviour: Option<&Policy>,
        users: &PolicyUsers,
        items: usize,
        settings: &Settings,
    ) -> Result<Self> {
        let estimated = later.propensity.iter().filter(|p| p.is_none()).count();
        let (source, guess) = match behaviour {
            _ if estimated == 0 => (Source::Log, Vec::new()),
            Some(policy) => {
                let progress = Progress::new("propensities", later.len() as u64, "interactions");
                (
                    Source::Behaviour,
                    propensities(policy, later, settings, &progress),
                )
            }
            None => (
                Source::Popularity,
                by_popularity(later, items, Consumed::new(users, later, settings.mask)),
            ),
        };
        let own = later.propensity.iter().enumerate();
        let knows_all = later.categories.is_some() && estimated == later.len();
        Ok(Logging {
            propensity: own
                .map(|(row, p)| p.map_or_else(|| guess[row].0, f64::from))
                .collect(),
            alike: knows_all.then(|| guess.iter().map(|(_, alike)| *alike).collect()),
            estimated,
            source,
        })
    }

    /// Warns where propensities are estimated.
    pub(crate) fn warn(&self) {
        if self.estimated > 0 {
            terminal::warn(&format!(
                "the log has no propensity for {} of {} interactions: they are {}. Off-policy estimates are then only as good \
                 as this estimate, and their intervals do not know of its errors",
                self.estimated,
                self.propensity.len(),
                self.source.describe()
            ));
        }
    }

    /// The importance weights of a policy with these propensities of the logged actions, at most `max_weight`; and how
    /// many were above that.
    ///
    /// # Errors
    /// Bad data where an action was logged that, by the estimate, could not have been.
    pub(crate) fn weights(&self, later: &Later, target: &[f64], max_weight: Option<f64>) -> Result<Weights> {
        ratios(later, target, &self.propensity, max_weight)
    }

    /// The same of items like the logged ones, where that is known.
    ///
    /// # Errors
    /// As [`Logging::weights`].
    pub(crate) fn weights_alike(
        &self,
        later: &Later,
        target: &[f64],
        max_weight: Option<f64>,
    ) -> Option<Result<Weights>> {
        let logging = self.alike.as_ref()?;
        Some(ratios(later, target, logging, max_weight))
    }
}

fn ratios(later: &Later, target: &[f64], logging: &[f64], max_weight: Option<f64>) -> Result<Weights> {
    let mut weights = Vec::with_capacity(target.len());
    for (row, (target, logging)) in target.iter().zip(logging).enumerate() {
        let weight = if *target == 0.0 { 0.0 } else { target / logging };
        if !weight.is_finite() {
            let user = later.users.id(later.user[row]);
            return Err(Error::data(format!(
                "the estimated propensity of an action that user `{user}` was shown is 0"
            ))
            .hint("pass another --behaviour, one that could have written this log, or leave it out"));
        }
        weights.push(weight);
    }
    Ok(Weights::clipped(weights, max_weight))
}

/// An item's interactions and one, over all items' interactions and one each, among the items not consumed before; and the same of the
/// items like it together.
fn by_popularity(later: &Later, items: usize, mut consumed: Consumed) -> Vec<(f64, f64)> {
    let mut share = vec![1.0; items];
    for item in later.item.iter().flatten() {
        share[*item as usize] += 1.0;
    }
    let total: f64 = share.iter().sum();
    share.iter_mut().for_each(|share| *share /= total);
    let sums = later.categories.as_ref().map(|of| of.sums(&share));
    let of_row = |row: usize| {
        let before = consumed.before(row);
        match later.item[row] {
            Some(item) if before.binary_search(&item).is_err() => {
                let open = 1.0 - before.iter().map(|item| share[*item as usize]).sum::<f64>();
                let own = share[item as usize];
                let alike = match (&later.categories, &sums) {
                    (Some(categories), Some(sums)) => {
                        let gone = before.iter().filter(|&&other| categories.same(item, other));
                        let gone: f64 = gone.map(|&other| share[other as usize]).sum();
                        (sums[categories.at(item)] - gone).max(own)
                    }
                    _ => own,
                };
                (own / open, alike / open)
            }
            // A repeat, or an item that no policy knows: no policy does that, and the propensity does not matter.
            _ => (1.0, 1.0),
        }
    };
    (0..later.len()).map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use common::ids::{Dictionary, IdKind};

    use super::*;
    use crate::evaluate::categories::Categories;
    use crate::evaluate::settings::Mask;

    fn later() -> Later {
        Later::of(&[
            &[(Some(0), true), (Some(1), true), (Some(1), true)],
            &[(Some(1), true)],
        ])
    }

    /// Of three items; user 0 has consumed item 2 already.
    fn users() -> PolicyUsers {
        PolicyUsers {
            ids: Dictionary::from_values(IdKind::Text, ["0".to_string()]).unwrap(),
            history: vec![vec![]],
            traits: vec![],
            consumed: vec![vec![2]],
            memory: Vec::new(),
            answered: Vec::new(),
        }
    }

    #[test]
    fn popularity_is_smoothed_and_among_what_is_open() {
        // Shares 2/7, 4/7, 1/7.
        let settings = Settings::default();
        let logging = Logging::of(&later(), None, &users(), 3, &settings).unwrap();
        let expected = [2.0 / 6.0, 1.0, 1.0, 4.0 / 7.0];
        for (found, expected) in logging.propensity.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!((logging.estimated, logging.source), (4, Source::Popularity));
        let unmasked = Settings {
            mask: Mask::None,
            ..settings
        };
        let logging = Logging::of(&later(), None, &users(), 3, &unmasked).unwrap();
        assert!((logging.propensity[0] - 2.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn the_logs_own_are_kept_and_the_rest_estimated() {
        let mut later = later();
        later.propensity = vec![Some(0.25), None, Some(0.5), Some(1.0)];
        let logging = Logging::of(&later, None, &users(), 3, &Settings::default()).unwrap();
        assert_eq!((logging.propensity[0], logging.propensity[2]), (0.25, 0.5));
        assert_eq!(logging.estimated, 1);
        later.propensity[1] = Some(0.1);
        let logging = Logging::of(&later, None, &users(), 3, &Settings::default()).unwrap();
        assert_eq!((logging.estimated, logging.source), (0, Source::Log));
    }

    #[test]
    fn items_that_are_alike_are_as_probable_as_all_of_them_that_are_open() {
        // Shares 2/7, 4/7, 1/7; items 0 and 2 are alike, and user 0 has had item 2.
        let mut later = later();
        later.categories = Some(Categories::of_names(&[&["a"], &["b"], &["a"]]));
        let of = |later: &Later, settings: &Settings| {
            Logging::of(later, None, &users(), 3, settings).unwrap().alike
        };
        let unmasked = Settings {
            mask: Mask::None,
            ..Settings::default()
        };
        for (settings, expected) in [
            (Settings::default(), [2.0 / 6.0, 1.0, 1.0, 4.0 / 7.0]),
            (unmasked, [3.0 / 7.0, 4.0 / 7.0, 4.0 / 7.0, 4.0 / 7.0]),
        ] {
            for (found, expected) in of(&later, &settings).unwrap().iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
        // What the log says is of the logged action alone.
        later.propensity[0] = Some(0.5);
        assert_eq!(of(&later, &unmasked), None);
    }

    #[test]
    fn weights_are_clipped_and_counted_and_never_infinite() {
        let logging = Logging {
            propensity: vec![0.5, 0.25, 0.0, 0.1],
            alike: None,
            estimated: 4,
            source: Source::Behaviour,
        };
        let weights = |target: &[f64], most| {
            let found = logging.weights(&later(), target, most);
            found.map(|weights| (weights.values, weights.clipped))
        };
        assert_eq!(
            weights(&[0.5, 0.5, 0.0, 0.4], None).unwrap(),
            (vec![1.0, 2.0, 0.0, 4.0], 0)
        );
        assert_eq!(
            weights(&[0.5, 0.5, 0.0, 0.4], Some(1.5)).unwrap(),
            (vec![1.0, 1.5, 0.0, 1.5], 2)
        );
        assert!(
            weights(&[0.5, 0.5, 0.1, 0.4], None)
                .unwrap_err()
                .to_string()
                .contains("--behaviour")
        );
    }
}
