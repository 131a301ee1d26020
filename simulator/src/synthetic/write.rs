//! Writing the world in pieces of users and items of a fixed size, made in parallel and put back in order.

use std::ops::Range;
use std::path::{Path, PathBuf};

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::interactions::{self, Feedback};
use common::schema::items::{self, Items};
use common::schema::users::{self, Users};
use common::terminal::Progress;
use common::{Error, Result};
use rayon::prelude::*;

use super::played::{Piece, Played, play};
use super::world::World;
use super::{Config, NAME, words};
use crate::environment::Environment;
use crate::sparse::SparseRows;
use crate::user_model::UserModel;
use crate::user_model::calibrate::Calibration;

/// Users or items of a piece.
const PIECE: u32 = 8_192;

const FEEDBACK: Feedback = Feedback::CLICKS;
const INTEGERS: (IdKind, IdKind) = (IdKind::Integer, IdKind::Integer);

/// Where the parts of the dataset go, and their manifests.
pub(super) struct Parts {
    pub(super) items: (PathBuf, Manifest),
    pub(super) users: (PathBuf, Manifest),
    pub(super) truth: (PathBuf, Manifest),
    pub(super) log: (PathBuf, Manifest),
}

/// Rows and likes of a part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) rows: u64,
    likes: u64,
}

impl Count {
    fn add(&mut self, played: &Played) {
        self.rows += played.feedback.len() as u64;
        self.likes += played.feedback.iter().filter(|&&f| FEEDBACK.is_like(f)).count() as u64;
    }

    pub(super) fn like_rate(&self) -> f64 {
        self.likes as f64 / self.rows.max(1) as f64
    }
}

/// What the interactions came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) log: Count,
    pub(super) held_out: Count,
}

/// Makes what `make` gives for pieces of 0 to `count`, several at once, and hands it to `take` in order.
fn in_pieces<P: Send>(
    count: u32,
    make: impl Fn(Range<u32>) -> Result<P> + Sync,
    mut take: impl FnMut(P) -> Result<()>,
) -> Result<()> {
    let piece = |number: u32| number * PIECE..(number + 1).saturating_mul(PIECE).min(count);
    let pieces = count.div_ceil(PIECE);
    let at_once = rayon::current_num_threads() as u32;
    for first in (0..pieces).step_by(at_once as usize) {
        let made: Vec<Result<P>> = (first..pieces.min(first + at_once))
            .into_par_iter()
            .map(|number| make(piece(number)))
            .collect();
        made.into_iter().try_for_each(|made| take(made?))?;
    }
    Ok(())
}

/// Integer ids that are their own codes.
pub(super) fn numbered(range: Range<u32>) -> Result<Dictionary> {
    Dictionary::from_values(IdKind::Integer, range.map(|number| number.to_string()))
        .map_err(|id| Error::data(format!("the id {id} appears twice")))
}

/// Writes the catalogue of `world`.
pub(super) fn items(world: &World, path: &Path, manifest: &Manifest) -> Result<()> {
    items::write_pieces(path, manifest, IdKind::Integer, |write| {
        let make = |range: Range<u32>| {
            let described = range.clone().map(|item| world.describe(item));
            let (title, text) = described.map(|(title, text)| (title, Some(text))).unzip();
            let topic = |item: u32| vec![words::topic(world.item_topic[item as usize] as usize)];
            Ok(Items {
                ids: numbered(range.clone())?,
                title,
                text,
                categories: range.map(topic).collect(),
            })
        };
        in_pieces(world.items(), make, |piece| write(&piece))
    })
}

/// Writes the `count` users of `world`.
pub(super) fn users(world: &World, count: u32, path: &Path, manifest: &Manifest) -> Result<()> {
    users::write_pieces(path, manifest, IdKind::Integer, |write| {
        let make = |range: Range<u32>| {
            Ok(Users {
                ids: numbered(range.clone())?,
                attributes: range.map(|user| world.attributes(user)).collect(),
            })
        };
        in_pieces(count, make, |piece| write(&piece))
    })
}

/// Writes the four parts of the dataset, and gives the environment that drew them. `ids` are those of users and items.
pub(super) fn dataset(
    config: &Config,
    world: &World,
    ids: (Dictionary, Dictionary),
    parts: &Parts,
) -> Result<(Environment, Counts)> {
    let (count, log_length) = (config.users as usize, config.log_length as usize);
    items(world, &parts.items.0, &parts.items.1)?;
    users(world, config.users, &parts.users.0, &parts.users.1)?;
    let mut model = UserModel {
        rank: config.rank,
        user_vector: Vec::with_capacity(count * config.rank),
        user_bias: Vec::with_capacity(count),
        item_vector: world.item_vector.clone(),
        item_bias: world.item_bias.clone(),
        calibration: Calibration::identity(),
    };
    let mut consumed = SparseRows::with_capacity(count, count * log_length);
    let mut popularity = vec![0; config.items as usize];
    let mut counts = Counts::default();
    let progress = Progress::new(NAME, u64::from(config.users), "users");
    let make = |range| {
        Ok(play(
            world,
            config.seed,
            range,
            log_length,
            config.held_out as usize,
        ))
    };
    let (truth, log) = (&parts.truth, &parts.log);
    interactions::write_pieces(&truth.0, &truth.1, &FEEDBACK, INTEGERS, |write_truth| {
        interactions::write_pieces(&log.0, &log.1, &FEEDBACK, INTEGERS, |write_log| {
            in_pieces(config.users, make, |piece: Piece| {
                write_log(&piece.log.rows(&ids.0, &ids.1))?;
                write_truth(&piece.held_out.rows(&ids.0, &ids.1))?;
                counts.log.add(&piece.log);
                counts.held_out.add(&piece.held_out);
                for (&item, &feedback) in piece.log.item.iter().zip(&piece.log.feedback) {
                    popularity[item as usize] += u32::from(FEEDBACK.is_like(feedback));
                }
                piece
                    .consumed
                    .chunks(log_length)
                    .for_each(|row| consumed.push_row(row));
                progress.add(piece.user_bias.len() as u64);
                model.user_vector.extend(piece.user_vector);
                model.user_bias.extend(piece.user_bias);
                Ok(())
            })
        })
    })?;
    let (users, items) = ids;
    let environment = Environment {
        name: NAME.to_string(),
        seed: config.seed,
        users,
        items,
        model,
        consumed,
        popularity,
        mean_ratings: None,
        ratings: None,
    };
    Ok((environment, counts))
}
