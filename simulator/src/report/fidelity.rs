//! How far the environment can be trusted: what `simulator fidelity` measured, measure by measure.

use std::collections::BTreeMap;

use common::Result;

use super::aggregate::Measurements;
use super::interval::Estimate;
use super::table::Summaries;

/// The splits of fidelity metrics, and on what they were measured.
const SPLITS: [(&str, &str); 4] = [
    (
        "test",
        "On held-out pairs of user and item that neither the fit nor the calibration has seen",
    ),
    (
        "cross_fitted",
        "Cross-fitted: the fit repeated with other held-out pairs left out, each predicted by a model that did not see it",
    ),
    ("all", "Over all users and items outside their logs"),
    ("bars", "What an environment must reach: 1 reached, 0 not"),
];

/// Metrics whose name ends so are bounds of the metric that it starts with.
const BOUNDS: [&str; 2] = ["_low", "_high"];

/// Whom or what a measure is of, in the order of the lines.
const SUBJECTS: [(&str, &str); 6] = [
    ("user_model", "user model"),
    ("observed", "observed"),
    ("oracle", "oracle"),
    ("popularity", "popularity"),
    ("random", "random"),
    ("environment", "environment"),
];

/// What the measures are called and what they mean, in the order of the lines.
const MEASURES: [(&str, &str, &str); 19] = [
    (
        "auc",
        "AUC",
        "how often a liked pair has a higher probability than one that is not; 0.5 is chance",
    ),
    ("auc_gain", "AUC, user model minus popularity", ""),
    (
        "auc_within_users",
        "AUC within users",
        "the same among each user's own pairs, mean over users",
    ),
    (
        "auc_within_users_gain",
        "AUC within users, user model minus popularity",
        "",
    ),
    (
        "rmse",
        "RMSE",
        "root mean squared error of the probability of a like",
    ),
    (
        "calibration_error",
        "calibration error",
        "mean distance of probability and frequency, in bins of equal size",
    ),
    (
        "calibration_noise",
        "of the calibration error",
        "what a perfect model would show: sampling noise",
    ),
    ("like_rate", "like-rate", "predicted and observed share of likes"),
    (
        "calibration_error_best",
        "calibration error at the top",
        "among each user's ten most probable items",
    ),
    (
        "calibration_noise_best",
        "of the calibration error at the top",
        "what a perfect model would show: sampling noise",
    ),
    (
        "like_rate_best",
        "like-rate at the top",
        "among each user's ten most probable items",
    ),
    (
        "like_rate_all",
        "like-rate",
        "predicted and observed share of likes",
    ),
    (
        "expected_return",
        "expected return",
        "likes per episode; the oracle knows every probability: no policy does better",
    ),
    (
        "times_random",
        "return, times random's",
        "how much there is to gain",
    ),
    (
        "saturation",
        "saturation",
        "the oracle's likes per step: near 1, good policies can hardly be told apart",
    ),
    (
        "users_without_reward",
        "users without reward",
        "share of users whom even the oracle gives less than one like in twenty episodes",
    ),
    (
        "users_without_reward_worst_group",
        "the same in the worst group",
        "",
    ),
    (
        "users_without_gain",
        "users without reward or gain",
        "share of those of them whom the oracle gives less than three times random's",
    ),
    (
        "users_without_gain_worst_group",
        "without reward or gain in the worst group",
        "",
    ),
];

/// Fidelity of one environment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fidelity {
    /// The oracle's expected return, where it was measured: no policy does better.
    pub(super) oracle: Option<Estimate>,
    /// One group a split: on what it was measured, and the measures.
    pub(super) groups: Vec<(&'static str, Vec<Measure>)>,
}

/// One measure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measure {
    /// What it is called.
    pub(super) name: String,
    /// What it means; may be empty.
    pub(super) meaning: &'static str,
    /// Whom it is of, and the value.
    pub(super) values: Vec<(String, Estimate)>,
}

impl Fidelity {
    /// Of one environment; `None` when it was not measured.
    pub(super) fn of(measurements: &Measurements, environment: &str) -> Result<Option<Self>> {
        let mut fidelity = Fidelity {
            oracle: None,
            groups: Vec::new(),
        };
        for (split, title) in SPLITS {
            let summaries = measurements.summaries(environment, split)?;
            let oracle = summaries.get(&("oracle".to_string(), "expected_return".to_string()));
            fidelity.oracle = fidelity.oracle.or(oracle.copied());
            if !summaries.is_empty() {
                fidelity.groups.push((title, measures(&summaries)));
            }
        }
        Ok((!fidelity.groups.is_empty()).then_some(fidelity))
    }
}

/// A metric's place among the known ones and its name.
type Ranked<'a> = (usize, &'a str);
/// Whose value it is (the subject's place among the known ones and its name), and the value.
type Entry<'a> = (usize, &'a str, Estimate);

/// The measures in order: those that are known, then others by name.
fn measures(summaries: &Summaries) -> Vec<Measure> {
    let mut by_metric: BTreeMap<Ranked<'_>, Vec<Entry<'_>>> = BTreeMap::new();
    for ((subject, metric), estimate) in summaries {
        if is_bound(summaries, subject, metric) {
            continue;
        }
        let place = MEASURES
            .iter()
            .position(|known| known.0 == metric)
            .unwrap_or(MEASURES.len());
        let subject_place = SUBJECTS
            .iter()
            .position(|known| known.0 == subject)
            .unwrap_or(SUBJECTS.len());
        let value = (
            subject_place,
            subject.as_str(),
            with_bounds(summaries, subject, metric, *estimate),
        );
        by_metric.entry((place, metric)).or_default().push(value);
    }
    let measure = |((place, metric), mut values): (Ranked<'_>, Vec<Entry<'_>>)| {
        values.sort_by_key(|&(place, subject, _)| (place, subject));
        let spaced = |name: &str| name.replace('_', " ");
        Measure {
            name: MEASURES
                .get(place)
                .map_or_else(|| spaced(metric), |known| known.1.to_string()),
            meaning: MEASURES.get(place).map_or("", |known| known.2),
            values: values
                .into_iter()
                .map(|(at, subject, estimate)| {
                    (
                        SUBJECTS
                            .get(at)
                            .map_or_else(|| spaced(subject), |known| known.1.to_string()),
                        estimate,
                    )
                })
                .collect(),
        }
    };
    by_metric.into_iter().map(measure).collect()
}

fn is_bound(summaries: &Summaries, subject: &str, metric: &str) -> bool {
    let base = BOUNDS.iter().find_map(|end| metric.strip_suffix(end));
    base.is_some_and(|base| summaries.contains_key(&(subject.to_string(), base.to_string())))
}

/// The bounds that were measured with a value take the place of an interval over seeds.
fn with_bounds(summaries: &Summaries, subject: &str, metric: &str, estimate: Estimate) -> Estimate {
    let [low, high] = BOUNDS.map(|end| {
        summaries
            .get(&(subject.to_string(), format!("{metric}{end}")))
            .map(|bound| bound.mean)
    });
    Estimate {
        interval: low.zip(high).map(|(low, high)| [low, high]).or(estimate.interval),
        ..estimate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summaries(values: &[(&str, &str, f64)]) -> Summaries {
        let estimate = |value: f64| Estimate {
            mean: value,
            interval: None,
            n: 1,
        };
        values
            .iter()
            .map(|(s, metric, value)| ((s.to_string(), metric.to_string()), estimate(*value)))
            .collect()
    }

    #[test]
    fn bounds_become_the_interval_of_their_measure() {
        let found = measures(&summaries(&[
            ("popularity", "auc", 0.7),
            ("user_model", "auc_high", 0.9),
            ("user_model", "auc", 0.8),
            ("user_model", "auc_low", 0.75),
        ]));
        assert_eq!((found.len(), found[0].name.as_str()), (1, "AUC"));
        let values: Vec<_> = found[0]
            .values
            .iter()
            .map(|(s, e)| (s.as_str(), e.mean, e.interval))
            .collect();
        assert_eq!(
            values,
            [("user model", 0.8, Some([0.75, 0.9])), ("popularity", 0.7, None)]
        );
    }

    #[test]
    fn unknown_measures_stand_last_by_name() {
        let found = measures(&summaries(&[
            ("user_model", "a_new_one", 1.0),
            ("new_kind", "rmse", 0.3),
        ]));
        let names: Vec<&str> = found.iter().map(|measure| measure.name.as_str()).collect();
        assert_eq!(names, ["RMSE", "a new one"]);
        assert_eq!(found[0].values[0].0, "new kind");
    }
}
