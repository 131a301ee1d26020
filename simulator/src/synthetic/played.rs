//! What users did: the log under the logging policy and the held-out truth under the uniform one, by pieces of users.

use std::ops::Range;

use common::ids::Dictionary;
use common::rng::{RngExt, stream};
use common::schema::interactions::Rows;

use super::exposure::Shown;
use super::world::World;

/// 2020-01-01, and a minute between a user's rows: times say the order and nothing else.
const START: i64 = 1_577_836_800_000;
const STEP: i64 = 60_000;

/// Rows of interactions, codes being indices of users and items.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) user: Vec<u32>,
    pub(super) item: Vec<u32>,
    timestamp: Vec<i64>,
    pub(super) feedback: Vec<f32>,
    propensity: Vec<Option<f32>>,
}

impl Played {
    fn push(&mut self, user: u32, (item, propensity): (u32, f64), step: usize, liked: bool) {
        self.user.push(user);
        self.item.push(item);
        self.timestamp.push(START + step as i64 * STEP);
        self.feedback.push(f32::from(u8::from(liked)));
        self.propensity.push(Some(propensity as f32));
    }

    /// The rows as they are written.
    pub(super) fn rows<'a>(&'a self, users: &'a Dictionary, items: &'a Dictionary) -> Rows<'a> {
        Rows {
            users,
            items,
            user: &self.user,
            item: &self.item,
            timestamp: &self.timestamp,
            feedback: &self.feedback,
            propensity: &self.propensity,
        }
    }
}

/// All that belongs to a stretch of users.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) user_vector: Vec<f32>,
    pub(super) user_bias: Vec<f32>,
    pub(super) log: Played,
    pub(super) held_out: Played,
    /// The items of each user's log, ascending, end to end.
    pub(super) consumed: Vec<u32>,
}

/// Plays `users`: `log_length` exposures each, then `held_out` others.
pub(super) fn play(world: &World, seed: u64, users: Range<u32>, log_length: usize, held_out: usize) -> Piece {
    let mut piece = Piece::default();
    for user in users {
        let truth = world.user(user);
        let mut shown = Shown::default();
        let mut rng = stream(seed, "synthetic log", &[u64::from(user)]);
        for step in 0..log_length {
            let drawn = world.exposure.draw(&mut rng, &mut shown);
            let liked = rng.random::<f32>() < world.probability(&truth, drawn.0);
            piece.log.push(user, drawn, step, liked);
        }
        piece.consumed.extend_from_slice(&shown.items);
        let mut rng = stream(seed, "synthetic held-out", &[u64::from(user)]);
        for step in 0..held_out {
            let drawn = world.exposure.draw_uniform(&mut rng, &mut shown);
            let liked = rng.random::<f32>() < world.probability(&truth, drawn.0);
            piece.held_out.push(user, drawn, log_length + step, liked);
        }
        piece.user_vector.extend_from_slice(&truth.vector);
        piece.user_bias.push(truth.bias);
    }
    piece
}
