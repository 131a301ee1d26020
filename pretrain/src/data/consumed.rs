//! What users are known to have had, of which no feedback is known: `consumed.parquet` beside the log. Such items are
//! never learnt from, and never offered.

use std::path::Path;

use common::ids::Dictionary;
use common::schema::at;
use common::schema::consumed::{Consumed, read};
use common::schema::users;
use common::{Error, Result};

use super::log::Dataset;
use super::{Event, distinct};

/// Items by user code, ascending; users beyond the last have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct WithoutFeedback {
    ends: Vec<usize>,
    items: Vec<u32>,
}

impl WithoutFeedback {
    /// From pairs of user and item in any order.
    pub(crate) fn of_pairs(users: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let end = |user: usize| pairs.partition_point(|(of, _)| *of as usize <= user);
        WithoutFeedback {
            ends: (0..users).map(end).collect(),
            items: pairs.iter().map(|(_, item)| *item).collect(),
        }
    }

    /// The items of `user`.
    pub(crate) fn of(&self, user: u32) -> &[u32] {
        let user = user as usize;
        let start = match user.checked_sub(1) {
            Some(before) => self.ends.get(before).copied(),
            None => Some(0),
        };
        match (start, self.ends.get(user)) {
            (Some(start), Some(&end)) => &self.items[start..end],
            _ => &[],
        }
    }
}

impl Dataset {
    /// All that `user` is known to have consumed, ascending: the items of `log`, which is the user's log or the part of it
    /// before some interaction, and those of which no feedback is known.
    pub fn consumed(&self, user: u32, log: &[Event]) -> Vec<u32> {
        let mut items = distinct(log);
        let others = self.consumed_without_feedback(user);
        if !others.is_empty() {
            items.extend(others);
            items.sort_unstable();
            items.dedup();
        }
        items
    }

    /// The items that `user` is known to have had, of which no feedback is known, ascending. None of them is in what is
    /// read of the user's log.
    pub fn consumed_without_feedback(&self, user: u32) -> &[u32] {
        self.without_feedback.of(user)
    }

    /// Takes what users have consumed from the file at `path`. Its users who are not known yet join the others.
    ///
    /// # Errors
    /// A file that is none of the kind, an item outside the catalogue, ids of another type than the log's, a replay that
    /// cannot be read.
    pub(super) fn take_consumed(&mut self, path: &Path) -> Result<()> {
        let read = read(path)?;
        let item = |code: u32| {
            self.items.code(read.items.id(code)).ok_or_else(|| {
                let what = format!("the item `{}` is not in the catalogue", read.items.id(code));
                read.bad_item(code, what, path)
                    .hint("give the items.parquet that belongs to this log")
            })
        };
        let item = (0..read.items.len() as u32)
            .map(item)
            .collect::<Result<Vec<u32>>>()?;
        let user = self.join(&read.users, path)?;
        let Consumed {
            user: users,
            item: items,
            ..
        } = &read;
        let pairs = users.iter().zip(items);
        let mut pairs: Vec<(u32, u32)> = pairs
            .map(|(&of, &what)| (user[of as usize], item[what as usize]))
            .collect();
        pairs.sort_unstable();
        let all = WithoutFeedback::of_pairs(self.users.len(), pairs);
        // Of what is in the log feedback is known.
        let mut rest = Vec::with_capacity(all.items.len());
        let mut keep = |user: u32, of_log: &[u32]| {
            let unknown = all
                .of(user)
                .iter()
                .filter(|&item| of_log.binary_search(item).is_err());
            rest.extend(unknown.map(|&item| (user, item)));
        };
        self.replay.visit(|user, events| {
            keep(user, &distinct(events));
            Ok(())
        })?;
        (self.replay.users() as u32..self.users.len() as u32).for_each(|user| keep(user, &[]));
        self.without_feedback = WithoutFeedback::of_pairs(self.users.len(), rest);
        Ok(())
    }

    /// The users of `users.parquet` at `path` join those that are known, where the log has none to tell of.
    ///
    /// # Errors
    /// A file that is none of the kind, ids of another type than the log's.
    pub(super) fn take_users(&mut self, path: &Path) -> Result<()> {
        self.join(&users::read_ids(path)?, path).map(drop)
    }

    /// While no user is known, the type of ids is that of the first who join.
    pub(super) fn take_kind(&mut self, users: &Dictionary) {
        if self.users.is_empty() {
            self.users = Dictionary::new(users.kind());
        }
    }

    /// The codes of `users`; those that are not known yet get one, and an empty state.
    fn join(&mut self, users: &Dictionary, path: &Path) -> Result<Vec<u32>> {
        self.take_kind(users);
        let kind = self.users.kind();
        if let Some(row) = users.ids().position(|id| !kind.holds(id)) {
            let error = Error::data(format!(
                "the user `{}` is not an integer, but the log's users are",
                users.id(row as u32)
            ))
            .hint("write users with one type of ids");
            return Err(at::user(error, path, row));
        }
        let codes = users.ids().map(|id| self.users.intern(id)).collect();
        self.states.resize(self.users.len(), Vec::new());
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::example::two_kinds;

    #[test]
    fn items_stand_by_user_each_once() {
        let found = WithoutFeedback::of_pairs(4, vec![(3, 1), (1, 9), (1, 2), (1, 9)]);
        let of: Vec<&[u32]> = (0..6).map(|user| found.of(user)).collect();
        assert_eq!(of, [&[][..], &[2, 9], &[], &[1], &[], &[]]);
        assert!(WithoutFeedback::default().of(0).is_empty());
    }

    #[test]
    fn the_log_and_the_rest_are_merged_in_order() {
        let mut dataset = two_kinds();
        assert_eq!(dataset.consumed(1, &[(7, 1.0), (3, -1.0), (7, 1.0)]), [3, 7]);
        dataset.without_feedback = WithoutFeedback::of_pairs(60, vec![(1, 5), (1, 0), (2, 8)]);
        assert_eq!(dataset.consumed(1, &[(7, 1.0), (3, -1.0)]), [0, 3, 5, 7]);
        assert_eq!(dataset.consumed(1, &[(5, 1.0)]), [0, 5]);
        assert_eq!(dataset.consumed(2, &[]), [8]);
        assert_eq!(dataset.consumed_without_feedback(1), [0, 5]);
    }
}
