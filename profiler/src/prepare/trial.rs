//! One model on a fixed load: how fast it reads, and what.

use std::collections::BTreeSet;
use std::path::Path;

use common::Result;

use crate::batch::{self, Cache, Means, Prompt};
use crate::model::Model;
use crate::prompt::{Item, Template, Templates};
use crate::vocab::{self, Domain};

/// Titles and genres, a film a line.
const FILMS: &str = include_str!("films.txt");
/// Prompts per worker: several units of work for each.
const PROMPTS: usize = 48;
/// How often the load is timed; the fastest counts, as what disturbs a run only slows it.
const RUNS: usize = 2;

/// What a trial found.
pub(super) struct Trial {
    /// Tokens per second over all workers.
    pub(super) speed: f64,
    /// The traits of every film of the list, K each.
    traits: Vec<Vec<f32>>,
}

/// How far one model's traits are from another's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drift {
    /// The mean absolute difference, as a share of the standard deviation of the other's.
    pub(super) share: f64,
    /// Spearman's rank correlation over a film's traits, the mean over films.
    pub(super) rank: f64,
}

/// Runs the load on the model at `path`; `scratch` is a folder for what has been read, which must be new.
///
/// # Errors
/// When the model cannot be loaded or run.
pub(super) fn run(path: &Path, scratch: &Path, workers: usize) -> Result<Trial> {
    let model = Model::load(path, 0)?;
    let words = words(&model)?;
    let templates = Templates::load(Domain::Film, None, &[Template::Item])?;
    let beginning = templates.item_beginning()?;
    let prompts = prompts(&templates, workers)?;
    let (films, load) = prompts.split_at(FILMS.lines().count() + 1);
    let read = |prompts: &[Prompt], name: &str| {
        let cache = Cache::beside(&scratch.join(name))?;
        let means = Means {
            model: &model,
            cache: &cache,
            workers,
            label: "a trial",
            alone: false,
        };
        let (rows, effort) = batch::log_probabilities(means, &beginning, prompts, &words)?;
        let rows = rows.into_iter().collect::<Result<Vec<_>>>();
        rows.map(|rows| (rows, effort))
    };
    // This also brings the weights into memory, before the time counts.
    let (mut rows, _) = read(films, "films")?;
    let neutral = rows.pop().unwrap_or_default();
    for row in &mut rows {
        row.iter_mut()
            .zip(&neutral)
            .for_each(|(with, without)| *with -= without);
    }
    let mut speed: f64 = 0.0;
    for run in 0..RUNS {
        let (_, effort) = read(load, &run.to_string())?;
        speed = speed.max(effort.tokens as f64 / effort.time.as_secs_f64().max(1e-9));
    }
    Ok(Trial { speed, traits: rows })
}

/// The tokens of the vocabulary's words, those left out whose token another has.
fn words(model: &Model) -> Result<Vec<i32>> {
    let mut tokens = Vec::new();
    let mut seen = BTreeSet::new();
    for word in vocab::words(Domain::Film, None)? {
        let token = vocab::tokens(model, &[word])?;
        tokens.extend(token.into_iter().filter(|&token| seen.insert(token)));
    }
    Ok(tokens)
}

/// Every film once, and the subject left out; after these the load: the films again, each round under other titles.
fn prompts(templates: &Templates, workers: usize) -> Result<Vec<Prompt>> {
    let films = FILMS.lines().filter_map(|line| line.split_once('|'));
    let item = |title: &str, genres: &str| {
        let genres: Vec<String> = genres.split(", ").map(String::from).collect();
        Item::new(title, None, &genres)
    };
    let once = films.clone().map(|(title, genres)| item(title, genres));
    let rounds = films
        .cycle()
        .take(PROMPTS * workers)
        .enumerate()
        .map(|(number, (title, genres))| item(&format!("{title}, part {}", number + 2), genres));
    once.chain([Item::default()])
        .chain(rounds)
        .enumerate()
        .map(|(number, item)| {
            Ok(Prompt {
                subject: format!("built-in prompt {number}"),
                text: templates.item(&item)?,
            })
        })
        .collect()
}

/// How far `other` is from `original`.
pub(super) fn drift(original: &Trial, other: &Trial) -> Drift {
    let pairs = || original.traits.iter().zip(&other.traits);
    let all: Vec<(f64, f64)> = pairs()
        .flat_map(|(a, b)| a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b))))
        .collect();
    let count = all.len().max(1) as f64;
    let mean = all.iter().map(|(a, _)| a).sum::<f64>() / count;
    let variance = all.iter().map(|(a, _)| (a - mean).powi(2)).sum::<f64>() / count;
    let difference = all.iter().map(|(a, b)| (a - b).abs()).sum::<f64>() / count;
    let ranks: Vec<f64> = pairs().map(|(a, b)| correlation(&ranks(a), &ranks(b))).collect();
    Drift {
        share: difference / variance.sqrt().max(f64::MIN_POSITIVE),
        rank: ranks.iter().sum::<f64>() / ranks.len().max(1) as f64,
    }
}

/// The place of each value in their order; ties share the mean of theirs.
fn ranks(values: &[f32]) -> Vec<f64> {
    let below = |value: f32| values.iter().filter(|&&other| other < value).count() as f64;
    let equal = |value: f32| values.iter().filter(|&&other| other == value).count() as f64;
    values
        .iter()
        .map(|&value| below(value) + (equal(value) - 1.0) / 2.0)
        .collect()
}

/// Pearson's correlation; 1 where neither varies.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut product, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        product += (a - mean_a) * (b - mean_b);
        of_a += (a - mean_a).powi(2);
        of_b += (b - mean_b).powi(2);
    }
    if of_a == 0.0 && of_b == 0.0 {
        return 1.0;
    }
    product / (of_a * of_b).sqrt().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(traits: Vec<Vec<f32>>) -> Trial {
        Trial { speed: 1.0, traits }
    }

    #[test]
    fn drift_is_a_share_of_what_the_traits_tell_apart() {
        let original = trial(vec![vec![1.0, -1.0, 1.0, -1.0]]);
        let same = drift(&original, &original);
        assert_eq!((same.share, same.rank), (0.0, 1.0));
        let moved = drift(&original, &trial(vec![vec![1.5, -1.5, 0.5, -0.5]]));
        assert!((moved.share - 0.5).abs() < 1e-9, "{moved:?}");
        let swapped = drift(&original, &trial(vec![vec![-1.0, 1.0, -1.0, 1.0]]));
        assert!(
            (swapped.rank + 1.0).abs() < 1e-9 && swapped.share == 2.0,
            "{swapped:?}"
        );
    }

    #[test]
    fn ties_share_their_rank() {
        assert_eq!(ranks(&[2.0, 1.0, 2.0]), [1.5, 0.0, 1.5]);
    }

    #[test]
    fn the_load_grows_with_the_workers_and_the_films_do_not() {
        let templates = Templates::load(Domain::Film, None, &[Template::Item]).unwrap();
        let (one, two) = (prompts(&templates, 1).unwrap(), prompts(&templates, 2).unwrap());
        assert_eq!((one.len(), two.len()), (33 + PROMPTS, 33 + 2 * PROMPTS));
        assert_eq!(one[..33], two[..33]);
        let distinct: BTreeSet<&str> = two.iter().map(|prompt| prompt.text.as_str()).collect();
        assert_eq!(distinct.len(), two.len());
    }
}
