//! Choosing how the evidence is read and what each source weighs, on what folds of the log do not know.
//!
//! First every reading of the collaborative evidence is fit beside popularity by conditional logit, and the likeliest is kept;
//! then all sources are fit together, once with popularity by a regression and once with it by the likes alone, of which the
//! likelier is kept. How many held-out likes come into users' first [`TOP`] items is reported, and chooses nothing: so few likes
//! decide it that weights moved by it follow luck (`docs/start.md`).

use common::stats::dot;
use rayon::prelude::*;
use serde::Serialize;

use super::collaborative::{Directions, Reading, Vectors, row};
use super::folds::{Asked, Fold, Log, problem};
use super::listwise::{Prior, Problem};
use super::popularity::{self, Popularity};
use super::sources::Source;

/// Readings that are tried.
const COLUMNS: [f32; 3] = [0.0, 0.2, 0.4];
const ROWS: [f32; 4] = [0.0, 0.25, 0.5, 0.75];
const RANKS: [usize; 4] = [8, 16, 32, 64];
const RIDGES: [f32; 2] = [100.0, 500.0];
/// Directions at most.
const MOST: usize = 64;
/// Directions that an item keeps at least, for what is learnt of users later.
const LEARNT: usize = 32;
/// A feature's standard deviation where no row tells it: about that of content where there are rows.
const SPREAD: f64 = 0.1;
/// Items of a user's list whose likes count: an episode's.
pub(super) const TOP: usize = 10;
/// Catalogues of more items are not scored whole while fitting.
const MOST_WHOLE: usize = 20_000;

/// A feature and what it weighs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Weight {
    /// Of what.
    pub(super) feature: String,
    /// In units of the logit for one standard deviation of the feature over candidates; popularity's for one nat.
    pub(super) weight: f64,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// How the collaborative evidence is read; none where there is none.
    pub(super) reading: Option<Reading>,
    /// Whether popularity is told by the likes alone, and not by a regression on what is known of items too.
    pub(super) by_counts: bool,
    /// What each source weighs.
    pub(super) weights: Vec<Weight>,
    /// Loss per held-out like, in nats.
    pub(super) loss: f64,
    /// Held-out likes among a user's first items.
    pub(super) top: f64,
    /// The same of the items liked most often.
    pub(super) popularity_top: f64,
}

/// The appeal model: a score is the sum of its features, each times its weight here.
pub(super) struct Appeal {
    pub(super) vectors: Vectors,
    pub(super) collaborative: f32,
    /// What popularity adds to each item, weighed.
    pub(super) popularity: Vec<f32>,
    /// Of each source: of liked and of disliked items.
    pub(super) content: Vec<[f32; 2]>,
    pub(super) report: Report,
}

/// What is tried, as features: the collaborative evidence, popularity, and for each source the nearness to what a user liked
/// and to what he did not.
struct Features<'a> {
    vectors: &'a Vectors,
    popularity: &'a [f32],
    sources: &'a [Source],
}

impl<'a> Features<'a> {
    /// Of each fold's evidence.
    fn of_folds(vectors: &'a [Vectors], popular: &'a [Vec<f32>], sources: &'a [Source]) -> Vec<Self> {
        vectors
            .iter()
            .zip(popular)
            .map(|(vectors, popularity)| Features {
                vectors,
                popularity,
                sources,
            })
            .collect()
    }

    /// Columns of features of `items` for a user of a part of the log.
    fn of(&self, fold: &Fold, user: usize, items: &[u32]) -> Vec<Vec<f32>> {
        let vectors = self.vectors;
        let query = vectors.query(fold.likes.entries(user));
        let score = |table: &[f32], width: usize, query: &[f32]| -> Vec<f32> {
            // Of whom nothing is known, nothing is near.
            if query.iter().all(|&x| x == 0.0) {
                return vec![0.0; items.len()];
            }
            items
                .iter()
                .map(|&item| dot(row(table, width, item), query))
                .collect()
        };
        let mut columns = vec![
            score(&vectors.item, vectors.rank, &query),
            items.iter().map(|&item| self.popularity[item as usize]).collect(),
        ];
        for source in self.sources {
            for had in [&fold.likes, &fold.dislikes] {
                columns.push(score(
                    &source.table,
                    source.width,
                    &source.mean(had.entries(user)),
                ));
            }
        }
        columns
    }
}

/// Fits the model to `log`; `sources` describe the items, and `popularity` is regressed on what is known of them.
pub(super) fn fit(log: &Log, popularity: &Popularity, sources: &[Source], seed: u64) -> Appeal {
    let (folds, times) = log.folds(seed);
    let popular: Vec<Vec<f32>> = folds
        .iter()
        .map(|fold| popularity.of(&fold.likes.counts()))
        .collect();
    let reading = choose(&folds, times, &popular, seed);
    let vectors: Vec<Vectors> = folds
        .par_iter()
        .map(|fold| match reading {
            Some(reading) => {
                directions(fold, reading.column, reading.row, seed).vectors(reading.rank, reading.ridge)
            }
            None => Vectors::default(),
        })
        .collect();
    let width = 2 + 2 * sources.len();
    let prior = prior(sources.len(), times);
    // What a user liked, and what others liked, speaks for an item or not at all.
    let likes: Vec<usize> = (0..width).filter(|at| at % 2 == 0 || *at == 1).collect();
    let held: usize = folds
        .iter()
        .flat_map(|fold| &fold.asked)
        .map(|asked| asked.held.len())
        .sum();
    // Popularity as what is known of items tells it, or as the likes alone do: whichever makes the held likes likelier.
    let counted: Vec<Vec<f32>> = folds
        .iter()
        .map(|fold| popularity::counted(&fold.likes.counts()))
        .collect();
    let features = Features::of_folds(&vectors, &popular, sources);
    let mut problem = problem(&folds, width, |number, asked| {
        features[number].of(&folds[number], asked.user, &asked.candidates)
    });
    let spread = standardise(&mut problem);
    let regressed = problem.fit(&prior, &likes);
    // Nothing else depends on popularity, and its column is not divided by anything.
    problem.features[1] = folds
        .iter()
        .zip(&counted)
        .flat_map(|(fold, counted)| {
            let candidates = fold.asked.iter().flat_map(|asked| &asked.candidates);
            candidates.map(|&item| counted[item as usize])
        })
        .collect();
    let by_likes = problem.fit(&prior, &likes);
    drop(problem);
    let by_counts = by_likes.1 < regressed.1;
    let (popular, (weights, loss)) = match by_counts {
        true => (&counted, by_likes),
        false => (&popular, regressed),
    };
    let features = Features::of_folds(&vectors, popular, sources);
    let (mut top, mut popularity_top) = (0.0, 0.0);
    if log.likes.width() <= MOST_WHOLE && held > 0 {
        let alone: Vec<f64> = (0..width).map(|at| f64::from(u8::from(at == 1))).collect();
        [top, popularity_top] = hits(log, &folds, &features, &spread, [&weights, &alone]);
    }
    let scaled: Vec<f32> = weights.iter().zip(&spread).map(|(w, s)| (w / s) as f32).collect();
    let whole = reading.map(|reading| {
        Directions::new(
            &log.likes,
            &log.likes.transposed(),
            reading.column,
            reading.row,
            MOST,
            seed,
        )
        .vectors_beyond(reading.rank, reading.rank.max(LEARNT), reading.ridge)
    });
    let mut names = vec!["collaborative".to_string(), "popularity".to_string()];
    names.extend(
        sources
            .iter()
            .flat_map(|s| [format!("{} of likes", s.name), format!("{} of dislikes", s.name)]),
    );
    Appeal {
        vectors: whole.unwrap_or_default(),
        collaborative: scaled[0],
        popularity: match by_counts {
            true => popularity::counted(&log.likes.counts()),
            false => popularity.of(&log.likes.counts()),
        }
        .iter()
        .map(|p| scaled[1] * p)
        .collect(),
        content: scaled[2..].as_chunks::<2>().0.to_vec(),
        report: Report {
            reading,
            by_counts,
            weights: names
                .into_iter()
                .zip(weights)
                .map(|(feature, weight)| Weight { feature, weight })
                .collect(),
            loss: loss / held.max(1) as f64,
            top,
            popularity_top,
        },
    }
}

/// What the weights are before any row: popularity is worth itself, content like what it was on MovieLens, and collaborative
/// evidence nothing.
fn prior(sources: usize, times: usize) -> Prior {
    let (mut mean, mut precision) = (vec![0.0, 1.0], vec![1.0, 1.0]);
    for _ in 0..sources {
        mean.extend([0.3, -0.05]);
        precision.extend([4.0, 4.0]);
    }
    // Rows that are asked several times say no more than once.
    precision.iter_mut().for_each(|p| *p *= times as f64);
    Prior { mean, precision }
}

fn directions(fold: &Fold, column: f32, row: f32, seed: u64) -> Directions {
    Directions::new(&fold.likes, &fold.columns, column, row, MOST, seed)
}

/// The likeliest reading beside popularity; none where it is not likelier than popularity alone by more than the likeliest of
/// so many readings would be by luck.
fn choose(folds: &[Fold], times: usize, popular: &[Vec<f32>], seed: u64) -> Option<Reading> {
    let fit = |vectors: &[Vectors]| {
        let mut problem = problem(folds, 2, |number, asked| {
            let features = Features {
                vectors: &vectors[number],
                popularity: &popular[number],
                sources: &[],
            };
            features.of(&folds[number], asked.user, &asked.candidates)
        });
        standardise(&mut problem);
        problem.fit(&prior(0, times), &[0]).1
    };
    let weightings: Vec<(f32, f32)> = COLUMNS.iter().flat_map(|&c| ROWS.map(|r| (c, r))).collect();
    let tried: Vec<Vec<(f64, Reading)>> = weightings
        .into_par_iter()
        .map(|(column, row)| {
            let found: Vec<Directions> = folds
                .iter()
                .map(|fold| directions(fold, column, row, seed))
                .collect();
            let settings = RANKS.iter().flat_map(|&rank| RIDGES.map(|ridge| (rank, ridge)));
            settings
                .map(|(rank, ridge)| {
                    let vectors: Vec<Vectors> = found.iter().map(|d| d.vectors(rank, ridge)).collect();
                    let reading = Reading {
                        column,
                        row,
                        rank,
                        ridge,
                    };
                    (fit(&vectors), reading)
                })
                .collect()
        })
        .collect();
    let tried: Vec<(f64, Reading)> = tried.into_iter().flatten().collect();
    let alone = fit(&vec![Vectors::default(); folds.len()]);
    let luck = times as f64 * (tried.len() as f64).ln();
    let best = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(loss, _)| *loss < alone - luck)
        .map(|(_, reading)| reading)
}

/// Divides every feature but popularity by its standard deviation over candidates, and returns what they were divided by.
fn standardise(problem: &mut Problem) -> Vec<f64> {
    let one = |(at, column): (usize, &mut Vec<f32>)| {
        let count = column.len().max(1) as f64;
        let mean = column.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let variance = column.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
        if at == 1 {
            return 1.0;
        }
        if variance <= 0.0 {
            return SPREAD;
        }
        let spread = variance.sqrt();
        column.iter_mut().for_each(|x| *x /= spread as f32);
        spread
    };
    problem.features.iter_mut().enumerate().map(one).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Held-out likes among the first items of the users who are asked, mean over these, by each of `weightings`.
fn hits<const N: usize>(
    log: &Log,
    folds: &[Fold],
    features: &[Features],
    spread: &[f64],
    weightings: [&[f64]; N],
) -> [f64; N] {
    let all: Vec<(usize, &Asked)> = folds
        .iter()
        .enumerate()
        .flat_map(|(number, fold)| fold.asked.iter().map(move |asked| (number, asked)))
        .collect();
    let found: Vec<[usize; N]> = all
        .into_par_iter()
        .map(|(number, asked)| {
            let items: Vec<u32> = asked.held.iter().copied().chain(log.open(asked.user)).collect();
            let mut columns = features[number].of(&folds[number], asked.user, &items);
            for (column, spread) in columns.iter_mut().zip(spread) {
                column.iter_mut().for_each(|x| *x /= *spread as f32);
            }
            weightings.map(|weights| first(&columns, weights, asked.held.len()))
        })
        .collect();
    std::array::from_fn(|at| {
        let each: Vec<f64> = found.iter().map(|hits| hits[at] as f64).collect();
        mean(&each)
    })
}

/// How many of the items before `held` are among the first [`TOP`] of all that `columns` score.
fn first(columns: &[Vec<f32>], weights: &[f64], held: usize) -> usize {
    let mut scores = vec![0.0f32; columns[0].len()];
    for (column, weight) in columns.iter().zip(weights) {
        for (score, x) in scores.iter_mut().zip(column) {
            *score += *weight as f32 * x;
        }
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    if order.len() > TOP {
        order.select_nth_unstable_by(TOP - 1, |&a, &b| scores[b].total_cmp(&scores[a]).then(b.cmp(&a)));
        order.truncate(TOP);
    }
    order.iter().filter(|&&at| at < held).count()
}
