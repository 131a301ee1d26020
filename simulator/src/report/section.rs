//! Everything the report says about one environment.

use std::collections::{BTreeMap, BTreeSet};

use common::Result;
use common::schema::metrics::Metric;

use super::aggregate::{Along, Measurements};
use super::curves::Curve;
use super::fidelity::Fidelity;
use super::shown::{self, Grid};
use super::table::{self, DRAWN, EXPECTED, Measure, Row, Summaries};
use super::verdict::{self, Comparison};
use super::{methods, number, palette, picture};
use crate::metric::{COVERAGE, LENGTH, ONLINE, REPEATS, RETURN_MEAN, REWARD_MEAN};

/// One environment.
pub(super) struct Section {
    /// Its name.
    pub(super) environment: String,
    /// Episodes of the longest run; 0 when no method was run.
    pub(super) episodes: u64,
    /// The seeds of all methods.
    pub(super) seeds: BTreeSet<u64>,
    /// How return is counted in `rows`, `curves` and `comparisons`.
    pub(super) measure: Measure,
    /// The table.
    pub(super) rows: Vec<Row>,
    /// The table with drawn returns, where `rows` holds expected ones.
    pub(super) drawn: Vec<Row>,
    /// The learning curves.
    pub(super) curves: Vec<Curve>,
    /// The lines of its panel in the picture.
    pub(super) picture: Vec<Curve>,
    /// What the language model did.
    pub(super) comparisons: Vec<Comparison>,
    /// What was shown and to whom, where it was measured.
    pub(super) shown: Vec<Grid>,
    /// How far the environment can be trusted, where it was measured.
    pub(super) fidelity: Option<Fidelity>,
    /// What a reader must know before comparing.
    pub(super) notes: Vec<String>,
}

impl Section {
    /// One section an environment, by name.
    pub(super) fn all(metrics: &[Metric]) -> Result<Vec<Section>> {
        let measurements = Measurements::new(metrics)?;
        let mut environments: BTreeMap<&str, Vec<&Metric>> = BTreeMap::new();
        for metric in metrics {
            environments.entry(&metric.environment).or_default().push(metric);
        }
        environments
            .into_iter()
            .map(|(name, metrics)| Section::new(name, &metrics, &measurements))
            .collect()
    }

    fn new(environment: &str, metrics: &[&Metric], measurements: &Measurements) -> Result<Section> {
        let online = measurements.summaries(environment, ONLINE)?;
        let runs = Runs::of(metrics);
        let methods = &runs.methods;
        let measure = Measure::choose(&online, methods);
        let mut points = measurements.curves(environment, ONLINE, measure.curve, Along::Blocks)?;
        let curves = methods.iter().enumerate().filter_map(|(at, method)| {
            let (shade, stroke) = palette::style(method, at);
            let points = points.remove(method)?;
            Some(Curve {
                name: methods::name(method),
                colour: shade.light,
                stroke,
                points,
            })
        });
        let fidelity = Fidelity::of(measurements, environment)?;
        let tenths = measurements.curves(environment, ONLINE, measure.curve, Along::Tenths)?;
        let mean = |method: &str| {
            let key = (method.to_string(), measure.mean.to_string());
            online
                .get(&key)
                .map_or(f64::NEG_INFINITY, |estimate| estimate.mean)
        };
        let oracle = fidelity.as_ref().and_then(|f| f.oracle);
        let picture = picture::lines(tenths, mean, oracle, runs.longest());
        let mut rows = table::rows(&online, methods, &measure);
        if !rows.is_empty() {
            rows.extend(fidelity.as_ref().and_then(|f| f.oracle).map(Row::oracle));
        }
        let mut notes = runs.notes();
        notes.extend(repeats(&online, methods));
        notes.extend(of_ratings(&online, methods));
        Ok(Section {
            environment: environment.to_string(),
            episodes: runs.longest(),
            rows,
            drawn: if measure == EXPECTED {
                table::rows(&online, methods, &DRAWN)
            } else {
                Vec::new()
            },
            curves: curves.collect(),
            picture,
            shown: shown::grids(&online, methods),
            comparisons: verdict::compare(measurements, environment, &measure, methods, mean)?,
            fidelity,
            notes,
            seeds: runs.seeds.into_values().flatten().collect(),
            measure,
        })
    }
}

/// A note for each method that lost steps on items the user had consumed already.
fn repeats(online: &Summaries, methods: &[String]) -> Vec<String> {
    let share = |method: &String| {
        online
            .get(&(method.clone(), REPEATS.to_string()))
            .map_or(0.0, |share| share.mean)
    };
    let lost = methods.iter().filter(|method| share(method) > 0.0).map(|method| {
        format!(
            "{}: {:.2} % of the actions named an item that the user had consumed already; each gave 0.",
            methods::name(method),
            100.0 * share(method)
        )
    });
    lost.collect()
}

/// The measures of EasyRL4Rec for each method that was given ratings, and that they are no likes.
fn of_ratings(online: &Summaries, methods: &[String]) -> Vec<String> {
    let measures = |method: &String| {
        let value = |metric: &str| {
            let estimate = online.get(&(method.clone(), metric.to_string())).copied();
            number::estimate(estimate, number::plain)
        };
        online
            .contains_key(&(method.clone(), REWARD_MEAN.to_string()))
            .then(|| {
                format!(
                    "{}: R_cumu {}, R_avg {}, length {}, coverage {}.",
                    methods::name(method),
                    value(RETURN_MEAN),
                    value(REWARD_MEAN),
                    value(LENGTH),
                    value(COVERAGE)
                )
            })
    };
    let mut notes: Vec<String> = methods.iter().filter_map(measures).collect();
    if !notes.is_empty() {
        notes.insert(
            0,
            "The rewards here are ratings, as in EasyRL4Rec: where likes are spoken of, read the sum of an episode's \
             ratings."
                .to_string(),
        );
    }
    notes
}

/// Which methods were run, with which seeds, over how many episodes.
struct Runs {
    methods: Vec<String>,
    seeds: BTreeMap<String, BTreeSet<u64>>,
    episodes: BTreeSet<u64>,
}

impl Runs {
    fn of(metrics: &[&Metric]) -> Runs {
        let mut seeds: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let mut episodes = BTreeSet::new();
        for metric in metrics.iter().filter(|metric| metric.split == ONLINE) {
            seeds
                .entry(metric.method.clone())
                .or_default()
                .insert(metric.seed);
            if metric.metric == EXPECTED.mean || metric.metric == DRAWN.mean {
                episodes.insert(metric.step);
            }
        }
        let mut methods: Vec<String> = seeds.keys().cloned().collect();
        methods::sort(&mut methods);
        Runs {
            methods,
            seeds,
            episodes,
        }
    }

    fn longest(&self) -> u64 {
        self.episodes.last().copied().unwrap_or(0)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.episodes.len() > 1 {
            let lengths: Vec<String> = self.episodes.iter().map(|n| number::count(*n)).collect();
            notes.push(format!(
                "The runs differ in length ({} episodes), so their first and last 10 % and their means are over \
                 different stretches: compare with care.",
                lengths.join(", ")
            ));
        }
        let different: BTreeSet<&BTreeSet<u64>> = self.seeds.values().collect();
        if different.len() > 1 {
            notes.push(
                "The methods were not all run with the same seeds; differences are over seeds in common."
                    .into(),
            );
        }
        if self.seeds.values().any(|seeds| seeds.len() < 2) {
            notes.push(
                "With fewer than 2 seeds there is no interval: nothing can be concluded from one run.".into(),
            );
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(environment: &str, method: &str, seed: u64, metric: &str, step: u64, value: f64) -> Metric {
        let (environment, method, metric) = (environment.into(), method.into(), metric.into());
        Metric {
            environment,
            method,
            seed,
            split: ONLINE.into(),
            metric,
            step,
            value,
        }
    }

    #[test]
    fn environments_are_kept_apart() {
        let metrics = [
            row("b", "bc", 0, DRAWN.mean, 10, 1.0),
            row("a", "bc", 0, DRAWN.mean, 10, 3.0),
        ];
        let sections = Section::all(&metrics).unwrap();
        let means: Vec<(&str, f64)> = sections
            .iter()
            .map(|s| (s.environment.as_str(), s.rows[0].cells[2].unwrap().mean))
            .collect();
        assert_eq!(means, [("a", 3.0), ("b", 1.0)]);
    }

    #[test]
    fn ratings_are_told_from_likes() {
        let mut metrics = Vec::new();
        for (metric, value) in [
            (RETURN_MEAN, 6.0),
            (REWARD_MEAN, 3.0),
            (LENGTH, 2.0),
            (COVERAGE, 0.5),
        ] {
            metrics.extend([0, 1].map(|seed| row("a", "bc", seed, metric, 10, value)));
        }
        let notes = Section::all(&metrics).unwrap().remove(0).notes.join("\n");
        assert!(notes.contains("rewards here are ratings"), "{notes}");
        for words in ["R_cumu 6.000", "R_avg 3.000", "length 2.000", "coverage 0.500"] {
            assert!(notes.contains(words), "{words}: {notes}");
        }
    }

    #[test]
    fn runs_that_cannot_be_compared_are_noted() {
        let even = [
            row("a", "bc", 0, DRAWN.mean, 10, 1.0),
            row("a", "bc", 1, DRAWN.mean, 10, 1.0),
        ];
        assert!(Section::all(&even).unwrap()[0].notes.is_empty());
        let uneven = [
            row("a", "bc", 0, DRAWN.mean, 10, 1.0),
            row("a", "ialp", 1, DRAWN.mean, 2000, 3.0),
        ];
        let notes = Section::all(&uneven).unwrap().remove(0).notes.join("\n");
        assert!(
            notes.contains("10, 2 000 episodes") && notes.contains("same seeds"),
            "{notes}"
        );
        assert!(notes.contains("fewer than 2 seeds"), "{notes}");
    }
}
