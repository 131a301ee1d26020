//! The log taken apart: each fold knows the rest of the log and is asked for what it does not know.

use common::rng::{RngExt, shuffle, stream};
use rayon::prelude::*;

use super::listwise::{Group, Problem};
use super::rows::Rows;

/// Folds of the log's rows.
const FOLDS: u32 = 3;
/// Likes times items up to which a log is taken apart more than once, and how often at most.
const REPEAT_BELOW: usize = 10_000_000;
const MOST_TIMES: usize = 5;
/// Between the seeds of two times, which must not be those of two policies.
const LARGE_STEP: u64 = 1 << 32;
/// Users of a fold who are asked at most.
const USERS: usize = 300;
/// Items beside the liked ones that a user's choice is compared with at most, in fitting.
const OTHERS: usize = 2_048;

/// What users are known to have done.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// What each user liked, and what came back to recommendations ([`crate::data::Dataset::answers`]).
    pub(crate) likes: Rows,
    /// What each user had and did not like.
    pub(crate) dislikes: Rows,
    /// What must not be offered: what the log has, and what is known to be consumed besides.
    pub(crate) consumed: Rows,
}

/// A part of the log, and what it does not know.
pub(super) struct Fold {
    pub(super) likes: Rows,
    /// The likes by item.
    pub(super) columns: Rows,
    pub(super) dislikes: Rows,
    pub(super) asked: Vec<Asked>,
}

/// A user who is asked.
pub(super) struct Asked {
    pub(super) user: usize,
    /// What this user liked and the fold does not know.
    pub(super) held: Vec<u32>,
    /// The candidates that weights are fit on: `held`, then others.
    pub(super) candidates: Vec<u32>,
    offset: f32,
}

impl Log {
    /// The folds, and how often the log was taken apart: `seed` draws where. A small log is taken apart several times, so that
    /// what is found does not hang on one draw.
    pub(super) fn folds(&self, seed: u64) -> (Vec<Fold>, usize) {
        let work = self.likes.pairs().max(1) * self.likes.width().max(1);
        let times = (REPEAT_BELOW / work).clamp(1, MOST_TIMES);
        let folds = (0..times as u64).flat_map(|time| {
            let seed = seed + time * LARGE_STEP;
            (0..FOLDS).map(move |number| self.fold(number, seed))
        });
        (folds.collect(), times)
    }

    fn fold(&self, number: u32, seed: u64) -> Fold {
        let part = |rows: &Rows, purpose: &str, inside: bool| {
            let lists = (0..rows.len()).map(|user| {
                let mut rng = stream(seed, purpose, &[user as u64]);
                let drawn = rows
                    .entries(user)
                    .map(|entry| (entry, rng.random_range(0..FOLDS)));
                drawn
                    .filter(|((_, value), fold)| (*fold == number) == inside && (!inside || *value > 0.0))
                    .map(|(entry, _)| entry)
                    .collect()
            });
            Rows::weighed(lists.collect::<Vec<_>>(), rows.width())
        };
        let likes = part(&self.likes, "appeal/likes", false);
        let held = part(&self.likes, "appeal/likes", true);
        let mut users: Vec<usize> = (0..held.len())
            .filter(|&user| !held.row(user).is_empty())
            .collect();
        shuffle(
            &mut stream(seed, "appeal/asked", &[u64::from(number)]),
            &mut users,
        );
        users.truncate(USERS);
        let asked = users
            .into_par_iter()
            .map(|user| self.ask(user, held.row(user), seed))
            .collect();
        Fold {
            columns: likes.transposed(),
            likes,
            dislikes: part(&self.dislikes, "appeal/dislikes", false),
            asked,
        }
    }

    fn ask(&self, user: usize, held: &[u32], seed: u64) -> Asked {
        let mut open = self.open(user);
        // What was answered may be offered again; liked or not, it is nothing that was passed over.
        open.retain(|item| self.likes.row(user).binary_search(item).is_err());
        let there = open.len();
        if there > OTHERS {
            let mut rng = stream(seed, "appeal/others", &[user as u64]);
            for at in 0..OTHERS {
                let with = rng.random_range(at..there);
                open.swap(at, with);
            }
            open.truncate(OTHERS);
        }
        let offset = if open.is_empty() {
            0.0
        } else {
            (there as f32 / open.len() as f32).ln()
        };
        Asked {
            user,
            held: held.to_vec(),
            candidates: held.iter().copied().chain(open).collect(),
            offset,
        }
    }

    /// What may be offered to `user`, ascending.
    pub(crate) fn open(&self, user: usize) -> Vec<u32> {
        let mut consumed = self.consumed.row(user).iter().copied().peekable();
        (0..self.likes.width() as u32)
            .filter(|item| consumed.next_if_eq(item).is_none())
            .collect()
    }
}

/// The problem of `folds` with the features that `of` gives for a fold's user and candidates, a column each.
pub(super) fn problem<'a, F>(folds: &'a [Fold], width: usize, of: F) -> Problem
where
    F: Fn(usize, &'a Asked) -> Vec<Vec<f32>> + Sync,
{
    let mut problem = Problem {
        groups: Vec::new(),
        features: vec![Vec::new(); width],
    };
    for (number, fold) in folds.iter().enumerate() {
        let rows: Vec<Vec<Vec<f32>>> = fold.asked.par_iter().map(|asked| of(number, asked)).collect();
        for (asked, rows) in fold.asked.iter().zip(rows) {
            let start = problem.features[0].len();
            for (column, values) in problem.features.iter_mut().zip(rows) {
                column.extend(values);
            }
            problem.groups.push(Group {
                start,
                end: start + asked.candidates.len(),
                liked: asked.held.len(),
                offset: asked.offset,
            });
        }
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_like_is_asked_for_once_and_never_known_then() {
        let lists: Vec<Vec<u32>> = (0..20u32)
            .map(|u| (0..9).map(|i| (i * 3 + u) % 40).collect())
            .collect();
        let likes = Rows::new(lists.clone(), 40);
        let log = Log {
            consumed: likes.clone(),
            dislikes: Rows::new(vec![vec![]; 20], 40),
            likes,
        };
        let folds: Vec<Fold> = (0..FOLDS).map(|number| log.fold(number, 1)).collect();
        let mut asked = vec![Vec::<u32>::new(); 20];
        for fold in &folds {
            for one in &fold.asked {
                assert!(
                    one.held
                        .iter()
                        .all(|item| !fold.likes.row(one.user).contains(item))
                );
                assert!(one.candidates.starts_with(&one.held));
                assert_eq!(one.candidates.len(), one.held.len() + 40 - 9);
                asked[one.user].extend(&one.held);
            }
        }
        for (mut asked, mut list) in asked.into_iter().zip(lists) {
            asked.sort_unstable();
            list.sort_unstable();
            assert_eq!(asked, list);
        }
    }
}
