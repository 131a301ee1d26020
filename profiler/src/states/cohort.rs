//! The later passes over a log: what the states of some of its users hold.

use std::ops::Range;

use common::Result;
use common::ids::Dictionary;
use common::logs::{Batch, Column, Scan};
use common::parallel;
use common::schema::interactions::Feedback;
use common::schema::states::Cut;
use common::schema::times::Times;

use super::latest::Latest;
use super::tally::Tally;

/// Bytes for the entries of one cohort: users with more between them are done in several, each with passes of its own.
const MEMORY: usize = 1 << 29;

/// What all passes know.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a> {
    pub(super) log: &'a Scan,
    pub(super) tally: &'a Tally,
    pub(super) cut: Cut,
    pub(super) feedback: Feedback,
    pub(super) workers: usize,
}

/// Consecutive users and the last interactions of each. They are assigned to one shard per worker.
pub(super) struct Cohort {
    pub(super) users: Range<usize>,
    shards: Vec<Shard>,
}

struct Shard {
    /// Where each user's state ends, as the time and row of the first interaction after it; empty where nothing is held
    /// out.
    ends: Vec<(i64, u64)>,
    /// Interactions of each user before that end.
    seen: Vec<u32>,
    /// The last of these, each an item's code with its feedback.
    kept: Latest<(u32, f32)>,
}

/// Cuts all users into cohorts of bounded memory.
pub(super) fn ranges(settings: Settings) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut memory) = (0, 0);
    for user in 0..settings.tally.users.len() {
        let entries = usize::from(settings.capacity(user)) + usize::from(settings.held_out(user));
        let more = entries * Latest::<u64>::ENTRY;
        if memory + more > MEMORY && user > start {
            ranges.push(start..user);
            (start, memory) = (user, 0);
        }
        memory += more;
    }
    ranges.push(start..settings.tally.users.len());
    ranges
}

impl Settings<'_> {
    fn capacity(self, user: usize) -> u16 {
        self.tally.rows[user].min(self.cut.window) as u16
    }

    fn held_out(self, user: usize) -> u16 {
        let likes = self.tally.likes.get(user).copied().unwrap_or(0);
        likes.min(self.cut.hold_out) as u16
    }

    /// The users of each shard.
    fn assigned(self, users: &Range<usize>) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
        let (shards, end) = (self.workers, users.end);
        (users.start..users.start + shards).map(move |first| (first..end).step_by(shards))
    }
}

impl Cohort {
    /// Reads `users` from the log. `items` gets the items that it lacks, `times` the times of all rows.
    ///
    /// # Errors
    /// When a file cannot be read, and for the first bad row.
    pub(super) fn read(
        settings: Settings,
        users: Range<usize>,
        items: &mut Dictionary,
        times: &mut Times,
    ) -> Result<Self> {
        let mut shards: Vec<Shard> = settings
            .assigned(&users)
            .map(|users| Shard {
                ends: Vec::new(),
                seen: vec![0; users.clone().count()],
                kept: Latest::new(users.map(|user| settings.capacity(user))),
            })
            .collect();
        if settings.cut.hold_out > 0 {
            find_ends(settings, &users, &mut shards)?;
        }
        let columns = [Column::User, Column::Item, Column::Time, Column::Feedback];
        settings.log.columns("states", &columns, |batch| {
            let rows = Rows::of(batch, settings)?;
            times.add(rows.time);
            let item = batch.items(items);
            rows.distribute(&users, &mut shards, |shard, user, row| {
                let time = rows.time[row];
                let end = shard.ends.get(user);
                if end.is_none_or(|&end| (time, batch.first_row + row as u64) < end) {
                    shard.seen[user] += 1;
                    shard.kept.push(user, time, (item[row], rows.feedback[row]));
                }
            });
            Ok(())
        })?;
        Ok(Cohort { users, shards })
    }

    /// How many interactions of `user` there are before the end of the state.
    pub(super) fn seen(&self, user: usize) -> u32 {
        let place = user - self.users.start;
        self.shards[place % self.shards.len()].seen[place / self.shards.len()]
    }

    /// The last of them, oldest first: an item's code, and the feedback.
    pub(super) fn kept(&self, user: usize) -> impl Iterator<Item = (u32, f32)> {
        let place = user - self.users.start;
        let shard = &self.shards[place % self.shards.len()];
        shard.kept.of(place / self.shards.len()).map(|(_, entry)| entry)
    }
}

/// A pass that finds where the states end: before the last likes.
fn find_ends(settings: Settings, users: &Range<usize>, shards: &mut [Shard]) -> Result<()> {
    let mut likes: Vec<Latest<u64>> = settings
        .assigned(users)
        .map(|users| Latest::new(users.map(|user| settings.held_out(user))))
        .collect();
    let columns = [Column::User, Column::Time, Column::Feedback];
    settings.log.columns("last likes", &columns, |batch| {
        let rows = Rows::of(batch, settings)?;
        rows.distribute(users, &mut likes, |likes, user, row| {
            if settings.feedback.is_like(rows.feedback[row]) {
                likes.push(user, rows.time[row], batch.first_row + row as u64);
            }
        });
        Ok(())
    })?;
    for (shard, likes) in shards.iter_mut().zip(likes) {
        let users = 0..shard.seen.len();
        shard.ends = users
            .map(|user| likes.of(user).next().unwrap_or((i64::MAX, u64::MAX)))
            .collect();
    }
    Ok(())
}

/// The rows of a batch, by the codes of their users.
struct Rows<'a> {
    user: Vec<u32>,
    time: &'a [i64],
    feedback: &'a [f32],
}

impl<'a> Rows<'a> {
    fn of(batch: &'a Batch<'_>, settings: Settings) -> Result<Self> {
        Ok(Rows {
            user: batch.known_users(&settings.tally.users)?,
            time: &batch.timestamp,
            feedback: &batch.feedback,
        })
    }

    /// Hands every row of one of `users` to `take`, each shard's in their order: the shard, the user's place in it, the
    /// row.
    fn distribute<S: Send>(
        &self,
        users: &Range<usize>,
        shards: &mut [S],
        take: impl Fn(&mut S, usize, usize) + Sync,
    ) {
        let (start, count) = (users.start as u32, shards.len() as u32);
        parallel::map((0..count).zip(shards), |(number, shard)| {
            for (row, &user) in self.user.iter().enumerate() {
                // Users before the first wrap around and are too large.
                let place = user.wrapping_sub(start);
                if (place as usize) < users.len() && place % count == number {
                    take(shard, (place / count) as usize, row);
                }
            }
        });
    }
}
