//! Who and what a measurement on held-out likes cannot use: counted, and told.

use std::collections::BTreeMap;

use common::terminal;
use serde::{Deserialize, Serialize};

use super::History;

/// Counts of what was passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Users who can be asked about, before a sample is drawn.
    pub usable_users: usize,
    /// Held-out likes of items that the catalogue lacks.
    pub unknown_likes: usize,
    /// Held-out likes of items that the user met at another time too.
    pub repeated_likes: usize,
    /// Users none of whose likes is held out, or none of whose held-out likes can be used.
    pub users_without_held_out: usize,
    /// Users with no like in their state, or none of an item that the catalogue has.
    pub users_without_likes: usize,
    /// Users who have met every item that could be drawn.
    pub users_without_unseen: usize,
    /// Users for whom fewer items could be drawn than asked for.
    pub users_with_few_unseen: usize,
}

impl LeftOut {
    /// The last `per_user` likes that can be asked about.
    pub(super) fn positives(&mut self, history: &History, per_user: usize) -> Vec<u32> {
        let mut times: BTreeMap<u32, u32> = BTreeMap::new();
        for &item in history.items.iter().flatten() {
            *times.entry(item).or_default() += 1;
        }
        let mut positives = Vec::new();
        for at in history.held_out(per_user) {
            match history.items[at] {
                None => self.unknown_likes += 1,
                Some(item) if times.get(&item) == Some(&1) => positives.push(item),
                Some(_) => self.repeated_likes += 1,
            }
        }
        positives
    }

    /// Whether a user can be asked about.
    pub(super) fn usable(&mut self, positives: &[u32], has_likes: bool) -> bool {
        let usable = !positives.is_empty() && has_likes;
        match (positives.is_empty(), has_likes) {
            (true, _) => self.users_without_held_out += 1,
            (false, false) => self.users_without_likes += 1,
            (false, true) => self.usable_users += 1,
        }
        usable
    }

    /// Whether `drawn` unseen items are any at all, of `wanted`.
    pub(super) fn enough(&mut self, drawn: usize, wanted: usize) -> bool {
        if drawn == 0 {
            self.users_without_unseen += 1;
        } else if drawn < wanted {
            self.users_with_few_unseen += 1;
        }
        drawn > 0
    }

    /// Adds what was counted of other users.
    pub fn add(&mut self, other: Self) {
        let LeftOut {
            usable_users,
            unknown_likes,
            repeated_likes,
            users_without_held_out,
            users_without_likes,
            users_without_unseen,
            users_with_few_unseen,
        } = other;
        self.usable_users += usable_users;
        self.unknown_likes += unknown_likes;
        self.repeated_likes += repeated_likes;
        self.users_without_held_out += users_without_held_out;
        self.users_without_likes += users_without_likes;
        self.users_without_unseen += users_without_unseen;
        self.users_with_few_unseen += users_with_few_unseen;
    }

    /// Says on stderr what was left out.
    pub fn report(&self) {
        let lines = [
            (
                self.users_without_held_out,
                "users have no held-out like that can be asked about",
            ),
            (
                self.users_without_likes,
                "users have no like in their state to judge by",
            ),
            (
                self.users_without_unseen,
                "users have met every item that could be drawn",
            ),
            (
                self.unknown_likes,
                "held-out likes are of items that the catalogue lacks",
            ),
            (
                self.repeated_likes,
                "held-out likes are of items that the user met at another time too",
            ),
        ];
        for (count, what) in lines.into_iter().filter(|(count, _)| *count > 0) {
            terminal::warn(&format!("{count} {what}: left out"));
        }
        if self.users_with_few_unseen > 0 {
            terminal::warn(&format!(
                "{} users have fewer unseen items than asked for: they get what there is",
                self.users_with_few_unseen
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likes_that_cannot_be_asked_about_are_counted() {
        let history = History {
            items: vec![Some(1), Some(2), Some(1), None, Some(3)],
            liked: vec![false, true, true, true, true],
        };
        let mut left_out = LeftOut::default();
        assert_eq!(left_out.positives(&history, 3), [3]);
        assert_eq!((left_out.unknown_likes, left_out.repeated_likes), (1, 1));
        assert!(left_out.usable(&[3], true));
        assert!(!left_out.usable(&[], true) && !left_out.usable(&[3], false));
        assert_eq!(
            (left_out.users_without_held_out, left_out.users_without_likes),
            (1, 1)
        );
        assert!(left_out.enough(5, 5) && left_out.enough(2, 5) && !left_out.enough(0, 5));
        assert_eq!(
            (left_out.users_without_unseen, left_out.users_with_few_unseen),
            (1, 1)
        );
    }
}
