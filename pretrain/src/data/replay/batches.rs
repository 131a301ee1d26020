//! Random batches from a replay that is read block by block, and the place in it that a checkpoint keeps.

use std::sync::Arc;

use common::rng::{shuffle, stream};
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{Replay, Sequences};
use crate::data::Event;

/// Blocks that are in memory, and mixed, at a time.
pub(super) const POOL: usize = 16;

/// Where a run is in the replay: goes into checkpoints.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cursor {
    /// Times that the whole replay has been through.
    pub epoch: u64,
    /// The pool in this epoch, from 0.
    pub pool: u64,
    /// Picks of the pool that have been given.
    pub at: u64,
}

/// An interaction of a user's log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pick {
    /// The user's code.
    pub user: u32,
    /// The place in the log, from 0, the oldest.
    pub at: u32,
}

/// Some blocks and their picks in random order.
#[derive(Debug)]
struct Pool {
    /// By their first users.
    blocks: Vec<Arc<Sequences>>,
    picks: Vec<Pick>,
}

/// Picks with the logs they are from.
#[derive(Clone, Debug)]
pub struct Batch {
    pool: Arc<Pool>,
    /// The interactions, in the order they were drawn.
    pub picks: Vec<Pick>,
}

/// Draws batches without end. An epoch visits the blocks in an order of its own, [`POOL`] of them at a time, and the picks
/// of these in random order: every pick comes once an epoch, but for the last few of a pool that make no whole batch.
/// Order and picks depend on seed, purpose and cursor alone.
pub struct Batches<'a, F> {
    replay: &'a Replay,
    seed: u64,
    purpose: &'static str,
    picks: F,
    cursor: Cursor,
    pool: Option<Arc<Pool>>,
}

impl<'a, F: Fn(u32, &[Event], &mut Vec<Pick>)> Batches<'a, F> {
    /// From `cursor` on. `picks` adds the interactions to learn from of a user's log.
    pub fn new(replay: &'a Replay, seed: u64, purpose: &'static str, picks: F, cursor: Cursor) -> Self {
        Batches {
            replay,
            seed,
            purpose,
            picks,
            cursor,
            pool: None,
        }
    }

    /// The next `count` picks; fewer only where a whole pool has no more than these.
    ///
    /// # Errors
    /// A replay without any pick; one that cannot be read.
    pub fn next(&mut self, count: usize) -> Result<Batch> {
        let pools = self.replay.blocks().div_ceil(POOL) as u64;
        // Two epochs from anywhere hold one from its start to its end.
        for _ in 0..=2 * pools {
            if self.cursor.pool >= pools {
                self.cursor = Cursor {
                    epoch: self.cursor.epoch + 1,
                    ..Cursor::default()
                };
            }
            let pool = match &self.pool {
                Some(pool) => pool.clone(),
                None if pools == 0 => break,
                None => Arc::new(self.load()?),
            };
            let from = (self.cursor.at as usize).min(pool.picks.len());
            let left = &pool.picks[from..];
            let whole_pool = from == 0 && !left.is_empty();
            if left.len() >= count.max(1) || whole_pool {
                let picks = left[..left.len().min(count.max(1))].to_vec();
                self.cursor.at = (from + picks.len()) as u64;
                self.pool = Some(pool.clone());
                return Ok(Batch { pool, picks });
            }
            self.pool = None;
            self.cursor.pool += 1;
            self.cursor.at = 0;
        }
        Err(Error::data("the log holds no interaction to learn from"))
    }

    /// Where the next batch begins.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn load(&self) -> Result<Pool> {
        let Cursor { epoch, pool, .. } = self.cursor;
        let mut order: Vec<usize> = (0..self.replay.blocks()).collect();
        shuffle(&mut stream(self.seed, self.purpose, &[epoch]), &mut order);
        let first = (pool as usize).saturating_mul(POOL).min(order.len());
        let numbers = &order[first..order.len().min(first + POOL)];
        let mut blocks = numbers
            .iter()
            .map(|&number| self.replay.read(number))
            .collect::<Result<Vec<_>>>()?;
        blocks.sort_by_key(|block| block.first_user);
        let mut picks = Vec::new();
        for block in &blocks {
            for user in block.users() {
                (self.picks)(user, block.events(user), &mut picks);
            }
        }
        shuffle(&mut stream(self.seed, self.purpose, &[epoch, pool]), &mut picks);
        Ok(Pool { blocks, picks })
    }
}

impl Batch {
    /// The whole log of a user of this batch; empty for another user.
    pub fn events(&self, user: u32) -> &[Event] {
        let after = self.pool.blocks.partition_point(|block| block.first_user <= user);
        match after.checked_sub(1) {
            Some(at) => self.pool.blocks[at].events(user),
            None => &[],
        }
    }
}
