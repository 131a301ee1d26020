//! Fitting the reward model: coefficients, calibration and measurement, each on users of its own.

use common::rng::{shuffle, stream};
use common::{Error, Result};

use super::calibration::Platt;
use super::evidence::{CoLikes, Evidence, Weighing, choose};
use super::features::{FEATURES, Features};
use super::logistic::{Fitted, Observation, fit};
use super::measure::RewardFit;
use super::model::{RewardConfig, RewardModel};
use super::pairs::{Group, TAIL, of_log};
use crate::data::{Dataset, Event, Traits, tail_start};

/// Users that the fit reads at most: a handful of coefficients needs no more.
const USERS: usize = 20_000;
/// Folds of users.
const FOLDS: usize = 5;
const TO_FIT: fn(usize) -> bool = |fold| fold < 3;
const TO_CALIBRATE: fn(usize) -> bool = |fold| fold == 3;
const TO_MEASURE: fn(usize) -> bool = |fold| fold == 4;
/// Precision of the coefficients' normal prior.
const RIDGE: f64 = 1.0;

impl RewardModel {
    /// Fits on the later half of the log of at most 20,000 users; what the features know of other users is counted
    /// over the earlier halves alone. The model that is returned knows the whole log.
    ///
    /// # Errors
    /// Bad data, when fewer than five users have a liked interaction in their tail; a log that cannot be read.
    pub fn fit(
        dataset: &Dataset,
        traits: &Traits,
        config: &RewardConfig,
        seed: u64,
    ) -> Result<(Self, RewardFit)> {
        let mut heads = vec![0.0; dataset.items.len()];
        dataset.replay.visit(|_, log| {
            for (item, _) in head(log).iter().filter(|(_, feedback)| *feedback > 0.0) {
                heads[*item as usize] += 1.0;
            }
            Ok(())
        })?;
        let mut known = Features::new(traits, &heads);
        let mut users: Vec<u32> = (0..dataset.users.len() as u32).collect();
        shuffle(&mut stream(seed, "reward/users", &[]), &mut users);
        users.truncate(USERS);
        let logs = dataset.replay.of_users(&users)?;
        let groups: Vec<Group> = users
            .iter()
            .zip(&logs)
            .map(|(&user, log)| of_log(user as usize, log, dataset, traits, &known, seed))
            .filter(|group| group.pairs.iter().any(|pair| pair.liked))
            .collect();
        if groups.len() < FOLDS {
            return Err(Error::data(format!(
                "{} users have a liked interaction in the later half of their log; the reward model needs {FOLDS}",
                groups.len()
            ))
            .hint("train on a longer log, or with --method bc"));
        }
        let folds = Folds { groups: &groups };
        let mut features = Features::new(traits, &dataset.popularity);
        if config.evidence {
            let count = |part, likes: &[f32], weighing| -> Result<Evidence> {
                let total = likes.iter().map(|&l| f64::from(l)).sum();
                let counts = CoLikes::of_log(dataset, part, total, seed)?;
                Ok(Evidence::new(counts, likes, weighing))
            };
            let evidence = count(head, &heads, Weighing::default())?;
            let without = fit(&folds.observations(&known, TO_FIT).collect::<Vec<_>>(), RIDGE);
            let weighing = choose(&evidence, &known, &without, &folds.of(TO_FIT), RIDGE);
            known = known.with(evidence.weighed(weighing));
            features = features.with(count(|log| log, &dataset.popularity, weighing)?);
        }
        let (fitted, platt) = folds.fit(&known);
        let measured = RewardModel::new(known, &fitted, &platt, config);
        let report = RewardFit::new(&measured, &fitted, &folds.of(TO_MEASURE));
        Ok((RewardModel::new(features, &fitted, &platt, config), report))
    }
}

/// The part of a user's log that the features may know while the model is fit.
fn head(log: &[Event]) -> &[Event] {
    &log[..tail_start(log.len(), TAIL)]
}

/// Users in random order, dealt out in turn.
struct Folds<'a> {
    groups: &'a [Group],
}

impl<'a> Folds<'a> {
    fn of(&self, wanted: fn(usize) -> bool) -> Vec<&'a Group> {
        let groups = self.groups.iter().enumerate();
        groups
            .filter(|(at, _)| wanted(at % FOLDS))
            .map(|(_, group)| group)
            .collect()
    }

    /// Coefficients, and the calibration of their logits on other users.
    fn fit(&self, features: &Features) -> (Fitted<FEATURES>, Platt) {
        let fitted = fit(&self.observations(features, TO_FIT).collect::<Vec<_>>(), RIDGE);
        let logits = self.observations(features, TO_CALIBRATE).map(|o| Observation {
            x: [fitted.logit(&o.x)],
            offset: 0.0,
            success: o.success,
            weight: o.weight,
            group: o.group,
        });
        let platt = Platt::fit(logits);
        (fitted, platt)
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

#[cfg(test)]
mod tests {
    use super::super::logistic::logistic;
    use super::*;
    use crate::data::TraitSource;
    use crate::data::example::{OF_A_KIND, two_kinds};
    use crate::data::replay::Replay;

    fn fit(dataset: &Dataset, source: TraitSource, pessimism: f32) -> Result<(RewardModel, RewardFit)> {
        let traits = Traits::of(dataset, source, 0);
        let config = RewardConfig {
            pessimism,
            ..RewardConfig::default()
        };
        RewardModel::fit(dataset, &traits, &config, 0)
    }

    #[test]
    fn probabilities_follow_kind_and_are_calibrated() {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, TraitSource::Profile, 0);
        let (model, fit) = fit(&dataset, TraitSource::Profile, 0.0).unwrap();
        assert!(fit.liked_traits > 0.5, "{fit:?}");
        assert!(
            (fit.predicted - fit.observed).abs() < 0.05 && fit.calibration_error < 0.08,
            "{fit:?}"
        );
        let context = model.context(&dataset.states[0], traits.user(0));
        let mean = |items: std::ops::Range<u32>| {
            let count = items.len() as f32;
            items.map(|item| model.probability(&context, item)).sum::<f32>() / count
        };
        assert!(mean(0..OF_A_KIND) > 3.0 * mean(OF_A_KIND..2 * OF_A_KIND));
    }

    #[test]
    fn pessimism_answers_with_a_lower_bound() {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, TraitSource::Profile, 0);
        let (mean, _) = fit(&dataset, TraitSource::Profile, 0.0).unwrap();
        let (careful, _) = fit(&dataset, TraitSource::Profile, 2.0).unwrap();
        let context = mean.context(&dataset.states[0], traits.user(0));
        for item in 0..2 * OF_A_KIND {
            let found = mean.predict(&context, item);
            assert_eq!(mean.probability(&context, item), found.probability as f32);
            let bound = logistic(found.logit - 2.0 * found.error) as f32;
            assert_eq!(careful.probability(&context, item), bound);
            assert!(found.error > 0.0 && found.lower < found.probability && found.probability < found.upper);
        }
    }

    /// A user's traits that hold the answer, as if read from the very items to be predicted: were they used, the
    /// coefficient would say so.
    #[test]
    fn a_profile_does_not_predict_the_items_it_was_read_from() {
        let mut dataset = two_kinds();
        for (state, log) in dataset.logs().unwrap().iter().enumerate() {
            dataset.states[state] = log[tail_start(log.len(), TAIL)..].to_vec();
        }
        let (_, fit) = fit(&dataset, TraitSource::Profile, 0.0).unwrap();
        assert_eq!(fit.user_traits, 0.0, "{fit:?}");
    }

    #[test]
    fn a_log_without_likes_in_the_tail_is_refused() {
        let mut dataset = two_kinds();
        let mut logs = dataset.logs().unwrap();
        for log in &mut logs {
            log.iter_mut().skip(2).for_each(|event| event.1 = -1.0);
        }
        dataset.replay = Replay::of_logs(&logs, dataset.items.len());
        let error = fit(&dataset, TraitSource::None, 0.0).unwrap_err().to_string();
        assert!(
            error.contains("liked interaction") && error.contains("bc"),
            "{error}"
        );
    }
}
