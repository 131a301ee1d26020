//! Later passes over a log: the interactions of some users at a time, in the order of time.

use std::ops::Range;

use common::logs::{Column, Scan};
use common::{Error, Result};

use super::Sizes;
use super::census::Census;
use super::sequences::Sequences;
use crate::data::Event;
use crate::data::time_cut::TimeCut;

/// Cuts users into blocks: each closes once it holds `block` interactions or as many users.
pub(super) fn blocks(counts: &[u32], sizes: Sizes) -> Vec<Range<u32>> {
    let mut blocks = Vec::new();
    let (mut start, mut held) = (0, 0);
    for (user, &count) in (0u32..).zip(counts) {
        held += u64::from(count);
        if held >= sizes.block || u64::from(user + 1 - start) >= sizes.block {
            blocks.push(start..user + 1);
            (start, held) = (user + 1, 0);
        }
    }
    if (start as usize) < counts.len() {
        blocks.push(start..counts.len() as u32);
    }
    blocks
}

/// Hands every block to `take`, in order. The log is read once for as many blocks as hold `pass` interactions.
///
/// # Errors
/// A log that cannot be read or was changed since the census; those of `take`.
pub(super) fn gather(
    scan: &Scan,
    census: &Census,
    cut: TimeCut,
    sizes: Sizes,
    mut take: impl FnMut(Sequences) -> Result<()>,
) -> Result<()> {
    let blocks = blocks(&census.counts, sizes);
    let size = |block: &Range<u32>| -> u64 {
        let counts = &census.counts[block.start as usize..block.end as usize];
        counts.iter().map(|&count| u64::from(count)).sum()
    };
    let mut rest = &blocks[..];
    while !rest.is_empty() {
        let mut held = 0;
        let more = rest.iter().take_while(|block| {
            held += size(block);
            held <= sizes.pass
        });
        let (now, later) = rest.split_at(more.count().max(1));
        rest = later;
        let mut rows = Rows::read(scan, census, cut, now[0].start..now[now.len() - 1].end)?;
        for block in now {
            take(rows.block(census, block.clone()))?;
        }
    }
    Ok(())
}

fn changed() -> Error {
    Error::retry("the log was changed while it was read").hint("run again when nothing writes to it")
}

/// The rows of some users, one user's after the other's.
struct Rows {
    rows: Vec<(i64, Event)>,
    /// Where the rows begin of the users that have not been taken yet.
    taken: usize,
}

impl Rows {
    fn read(scan: &Scan, census: &Census, cut: TimeCut, users: Range<u32>) -> Result<Self> {
        let counts = &census.counts[users.start as usize..users.end as usize];
        let ends: Vec<usize> = counts
            .iter()
            .scan(0, |end, &count| {
                *end += count as usize;
                Some(*end)
            })
            .collect();
        let mut next: Vec<usize> = ends
            .iter()
            .zip(counts)
            .map(|(end, &count)| end - count as usize)
            .collect();
        let mut rows = vec![(0, (0, 0.0)); ends.last().copied().unwrap_or(0)];
        let mut cut = cut.pass();
        scan.columns(
            "the users' logs",
            &[Column::User, Column::Item, Column::Time, Column::Feedback],
            |batch| {
                let user = batch.known_users(&census.users)?;
                let item = batch.known_items(&census.items)?;
                for (row, (user, &time)) in user.into_iter().zip(&batch.timestamp).enumerate() {
                    // Every row passes the cut, those of other users too: ties are counted over all of them.
                    if cut.is_first(time) && users.contains(&user) {
                        let at = (user - users.start) as usize;
                        if next[at] == ends[at] {
                            return Err(changed());
                        }
                        let liked = scan.kind.is_like(batch.feedback[row]);
                        rows[next[at]] = (time, (item[row], if liked { 1.0 } else { -1.0 }));
                        next[at] += 1;
                    }
                }
                Ok(())
            },
        )?;
        if next != ends {
            return Err(changed());
        }
        Ok(Rows { rows, taken: 0 })
    }

    /// The next users' logs. The sort is stable: ties keep the order of rows.
    fn block(&mut self, census: &Census, users: Range<u32>) -> Sequences {
        let counts = &census.counts[users.start as usize..users.end as usize];
        let mut events = Vec::new();
        for &count in counts {
            let of_user = &mut self.rows[self.taken..self.taken + count as usize];
            of_user.sort_by_key(|(time, _)| *time);
            events.extend(of_user.iter().map(|(_, event)| *event));
            self.taken += count as usize;
        }
        Sequences::new(users.start, counts.iter().copied(), events)
    }
}
