//! Fitting the reward model: on the log's own tail, or without a log on what the language model would choose.

use common::rng::{shuffle, stream};
use common::{Error, Result, terminal};

use super::evidence::{CoLikes, Evidence, Weighing, choose};
use super::features::Features;
use super::folds::{FOLDS, Folds, TO_FIT, TO_MEASURE};
use super::measure::RewardFit;
use super::model::{RewardConfig, RewardModel};
use super::pairs::{Group, TAIL, of_log, of_preference};
use crate::data::{Dataset, Event, LikeCounts, Traits, tail_start};

/// Users (or preferences) that the fit reads at most: a handful of coefficients needs no more.
const USERS: usize = 20_000;

impl RewardModel {
    /// Fits on the later half of the log of at most 20,000 users; what the features know of other users is counted
    /// over the earlier halves alone. The model that is returned knows the whole log.
    ///
    /// Where fewer than five users have a liked interaction in their tail, the language model's preferences take the
    /// log's place, see [`RewardModel::fit_preferences`].
    ///
    /// # Errors
    /// Without preferences to take its place: wrong usage where nothing is liked in the log, bad data where too little
    /// is; a log that cannot be read.
    pub fn fit(
        dataset: &Dataset,
        traits: &Traits,
        config: &RewardConfig,
        seed: u64,
    ) -> Result<(Self, RewardFit)> {
        let mut heads = LikeCounts::new(dataset.items.len());
        dataset.replay.visit(|_, log| {
            heads.add(head(log));
            Ok(())
        })?;
        let heads = heads.to_f32();
        let mut known = Features::new(traits, &heads);
        let users = drawn(dataset.users.len(), seed);
        let logs = dataset.replay.of_users(&users)?;
        let groups: Vec<Group> = users
            .iter()
            .zip(&logs)
            .map(|(&user, log)| of_log(user as usize, log, dataset, traits, &known, seed))
            .filter(|group| group.pairs.iter().any(|pair| pair.liked))
            .collect();
        if groups.len() < FOLDS {
            if dataset.preferences.is_empty() {
                return Err(too_little(dataset, groups.len()));
            }
            terminal::info(
                "the log is too short for a reward model: it is fit on the language model's preferences",
            );
            return Self::fit_preferences(dataset, traits, config, seed);
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
            let weighing = choose(&evidence, &known, &folds.fit(&known), &folds.of(TO_FIT));
            known = known.with(evidence.weighed(weighing));
            features = features.with(count(|log| log, &dataset.popularity, weighing)?);
        }
        Ok(Self::on(&folds, known, features, config))
    }

    /// Fits on what the language model would choose, without a log: its choice counts as liked, the other candidates as
    /// not. A probability is then that of being chosen among candidates; popularity is unknown.
    ///
    /// # Errors
    /// Bad data, where the dataset has fewer than five preferences.
    pub fn fit_preferences(
        dataset: &Dataset,
        traits: &Traits,
        config: &RewardConfig,
        seed: u64,
    ) -> Result<(Self, RewardFit)> {
        let preferences = &dataset.preferences;
        if preferences.len() < FOLDS {
            return Err(Error::data(format!(
                "there are {} preferences; the reward model needs {FOLDS}",
                preferences.len()
            ))
            .hint("let `profiler prefer` ask about more users"));
        }
        let features = Features::new(traits, &vec![0.0; dataset.items.len()]);
        let groups: Vec<Group> = drawn(preferences.len(), seed)
            .into_iter()
            .map(|at| of_preference(&preferences[at as usize], dataset, traits, &features))
            .collect();
        Ok(Self::on(
            &Folds { groups: &groups },
            features.clone(),
            features,
            config,
        ))
    }

    /// Fits, calibrates and measures with the features that are `known` then; the model looks at `features`.
    fn on(folds: &Folds, known: Features, features: Features, config: &RewardConfig) -> (Self, RewardFit) {
        let fitted = folds.fit(&known);
        let platt = folds.calibrate(&known, &fitted);
        let measured = RewardModel::new(known, &fitted, &platt, config);
        let report = RewardFit::new(&measured, &fitted, &folds.of(TO_MEASURE));
        (RewardModel::new(features, &fitted, &platt, config), report)
    }
}

/// At most [`USERS`] of `count` numbers, in random order.
fn drawn(count: usize, seed: u64) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count as u32).collect();
    shuffle(&mut stream(seed, "reward/users", &[]), &mut numbers);
    numbers.truncate(USERS);
    numbers
}

/// The part of a user's log that the features may know while the model is fit.
fn head(log: &[Event]) -> &[Event] {
    &log[..tail_start(log.len(), TAIL)]
}

fn too_little(dataset: &Dataset, users: usize) -> Error {
    if dataset.popularity.iter().all(|&likes| likes == 0.0) {
        return Error::usage("there is neither feedback nor a preference to fit the reward model on")
            .hint("pass --preferences with the file that `profiler prefer` writes, or a log with feedback");
    }
    Error::data(format!(
        "{users} users have a liked interaction in the later half of their log; the reward model needs {FOLDS}"
    ))
    .hint("train on a longer log, pass --preferences from `profiler prefer`, or train with --method bc")
}

#[cfg(test)]
mod tests {
    use common::stats::logistic;

    use super::*;
    use crate::data::example::{OF_A_KIND, two_kinds};
    use crate::data::replay::Replay;
    use crate::data::{Preference, TraitSource};

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

    /// Users whose traits the language model's choices follow, and nothing else to learn from.
    fn preferred() -> Dataset {
        let mut dataset = two_kinds();
        dataset.popularity.fill(0.0);
        dataset.replay = Replay::of_logs(&vec![Vec::new(); 60], dataset.items.len());
        dataset.states.fill(Vec::new());
        let preference = |user: u32| Preference {
            user,
            candidates: (0..10).chain(OF_A_KIND..OF_A_KIND + 10).collect(),
            chosen: (user / 2) % 10 + OF_A_KIND * (user % 2),
        };
        dataset.preferences = (0..60).map(preference).collect();
        dataset
    }

    #[test]
    fn without_a_log_the_language_models_choices_are_learnt() {
        let dataset = preferred();
        let traits = Traits::of(&dataset, TraitSource::Profile, 0);
        let (model, fit) = fit(&dataset, TraitSource::Profile, 0.0).unwrap();
        assert!(fit.user_traits > 0.5 && fit.popularity == 0.0, "{fit:?}");
        assert!((fit.predicted - 0.05).abs() < 0.01, "one of twenty: {fit:?}");
        let context = model.context(&[], traits.user(1));
        let second_kind = model.probability(&context, OF_A_KIND + 15);
        assert!(second_kind > 2.0 * model.probability(&context, 15));
    }

    #[test]
    fn with_neither_log_nor_preferences_there_is_nothing_to_fit() {
        let mut dataset = preferred();
        dataset.preferences.clear();
        let error = fit(&dataset, TraitSource::Profile, 0.0).unwrap_err();
        assert_eq!(error.class(), common::error::Class::Usage);
        assert!(error.to_string().contains("--preferences"), "{error}");
        dataset.preferences = preferred().preferences[..3].to_vec();
        let error = fit(&dataset, TraitSource::Profile, 0.0).unwrap_err().to_string();
        assert!(error.contains("3 preferences"), "{error}");
    }

    /// Traits say nothing here, and all items are about as popular: only what others liked beside it tells a kind.
    #[test]
    fn evidence_tells_what_traits_and_popularity_cannot() {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, TraitSource::None, 0);
        let with = |evidence| {
            let config = RewardConfig {
                evidence,
                ..RewardConfig::default()
            };
            RewardModel::fit(&dataset, &traits, &config, 0).unwrap()
        };
        let ((_, without), (model, fit)) = (with(false), with(true));
        assert!(
            fit.auc > 0.75 && fit.auc > without.auc + 0.2,
            "{} {}",
            fit.auc,
            without.auc
        );
        assert_eq!((without.prior_weight, without.evidence), (1.0, 0.0));
        assert!(fit.prior_weight < 1.0 && fit.evidence > 0.0);
        // One like of the first kind is enough of a hint; no like is none.
        let context = model.context(&[(3, 1.0)], &[]);
        assert!(model.probability(&context, 5) > model.probability(&context, OF_A_KIND + 5));
        assert_eq!(model.prior_weight(&model.context(&[], &[]), 5), 1.0);
    }
}
