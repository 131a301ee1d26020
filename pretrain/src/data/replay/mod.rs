//! The log grouped by user, in blocks that are read one by one: a log of any size is never held whole.

mod batches;
mod census;
mod gather;
mod sequences;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use common::artifact::{self, Plan};
use common::logs::Scan;
use common::manifest::Manifest;
use common::schema::replay::{self, Blocks};
use common::{Error, Result};

pub use batches::{Batch, Batches, Cursor, Pick};
pub(crate) use census::Census;
pub use sequences::Sequences;

use super::Event;
use super::time_cut::TimeCut;

/// How much is held at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Interactions of a block, and its users, from where on it is closed.
    pub(crate) block: u64,
    /// Interactions that one pass over the log collects, at 16 bytes each.
    pub(crate) pass: u64,
    /// Interactions that stay in memory for the whole run, at 8 bytes each; a larger replay is written to a file.
    pub(crate) in_memory: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            block: 1 << 16,
            pass: 1 << 24,
            in_memory: 1 << 23,
        }
    }
}

/// Where a replay that is too large for memory is kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its manifest: a file that has the same one is not made again.
    pub(crate) manifest: Manifest,
    /// Replace another run's.
    pub(crate) overwrite: bool,
}

/// A log grouped by user, each user's interactions oldest first (ties in the order of rows), in blocks of whole users.
#[derive(Debug)]
pub struct Replay {
    store: Store,
    users: usize,
    items: usize,
    interactions: u64,
}

#[derive(Debug)]
enum Store {
    Memory(Vec<Arc<Sequences>>),
    File(Blocks, PathBuf),
}

impl Replay {
    /// The interactions of `scan` before `cut`. `census` is of the same log and cut.
    ///
    /// # Errors
    /// A log that cannot be read or was changed since the census, a file at `place` of another run, I/O failures.
    pub(crate) fn make(
        scan: &Scan,
        census: &Census,
        cut: TimeCut,
        place: &Place,
        sizes: Sizes,
    ) -> Result<Self> {
        let interactions = census.interactions();
        let store = if interactions <= sizes.in_memory {
            let mut blocks = Vec::new();
            gather::gather(scan, census, cut, sizes, |block| {
                blocks.push(Arc::new(block));
                Ok(())
            })?;
            Store::Memory(blocks)
        } else {
            let Place {
                path,
                manifest,
                overwrite,
            } = place;
            if artifact::plan(path, manifest, *overwrite)? == Plan::Write {
                replay::write_blocks(path, manifest, |write| {
                    gather::gather(scan, census, cut, sizes, |block| write(block.to_block()))
                })?;
            }
            Store::File(Blocks::open(path)?, path.clone())
        };
        Ok(Replay {
            store,
            users: census.users.len(),
            items: census.items.len(),
            interactions,
        })
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        match &self.store {
            Store::Memory(blocks) => blocks.len(),
            Store::File(blocks, _) => blocks.users().len(),
        }
    }

    /// How many users there are, those without an interaction among them.
    pub fn users(&self) -> usize {
        self.users
    }

    /// How many interactions there are.
    pub fn interactions(&self) -> u64 {
        self.interactions
    }

    /// Hands every user's log, in the order of codes, to `take`.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged; those of `take`.
    pub fn visit(&self, mut take: impl FnMut(u32, &[Event]) -> Result<()>) -> Result<()> {
        for number in 0..self.blocks() {
            let block = self.read(number)?;
            block
                .users()
                .try_for_each(|user| take(user, block.events(user)))?;
        }
        Ok(())
    }

    /// The logs of some users, in the order of `users`; empty for a user whom the replay does not know.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn of_users(&self, users: &[u32]) -> Result<Vec<Vec<Event>>> {
        let mut order: Vec<usize> = (0..users.len()).collect();
        order.sort_by_key(|&place| users[place]);
        let mut logs = vec![Vec::new(); users.len()];
        let mut wanted = order.into_iter().peekable();
        for number in 0..self.blocks() {
            if wanted.peek().is_none() {
                break;
            }
            let block = self.read(number)?;
            while let Some(place) = wanted.next_if(|&place| users[place] < block.users().end) {
                logs[place] = block.events(users[place]).to_vec();
            }
        }
        Ok(logs)
    }

    /// Of these logs, a user each, all in one block.
    #[cfg(test)]
    pub(crate) fn of_logs(logs: &[Vec<Event>], items: usize) -> Self {
        let lengths = logs.iter().map(|log| log.len() as u32);
        let block = Sequences::new(0, lengths, logs.concat());
        Replay {
            interactions: block.interactions() as u64,
            store: Store::Memory(vec![Arc::new(block)]),
            users: logs.len(),
            items,
        }
    }

    /// The block with this number, from 0; from the file, where the replay is kept in one.
    ///
    /// # Errors
    /// No such block; a file that cannot be read or is damaged.
    pub fn read(&self, block: usize) -> Result<Arc<Sequences>> {
        if block >= self.blocks() {
            let blocks = self.blocks();
            return Err(Error::usage(format!(
                "the replay has {blocks} blocks and no block {block}"
            )));
        }
        match &self.store {
            Store::Memory(blocks) => Ok(blocks[block].clone()),
            Store::File(blocks, path) => {
                let sequences = Sequences::of_block(blocks.read(block)?, self.items);
                sequences.map(Arc::new).ok_or_else(|| {
                    Error::data("the replay is damaged: it holds items or feedback that are none")
                        .file(path)
                        .row_group(block)
                        .hint("remove the file: it is made again from the log")
                })
            }
        }
    }
}
