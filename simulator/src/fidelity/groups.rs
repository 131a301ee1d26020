//! Users for whom no policy can earn anything, over all and in the group where they are most.
//!
//! "Without possible reward" has two readings, and both are shown. The first is absolute: even the best items
//! together give less than [`POSSIBLE_RETURN`] likes per episode. It says for how many users an episode is nearly
//! always empty, whatever the policy. In a dataset where a user likes one or two of thousands of items in all the
//! likes are that thin, and many users fall below it although a good policy earns many times what chance earns from
//! them. The second asks in addition that no policy can do better than [`GAIN`] times chance: there is nothing to be
//! learned about such a user. A user who likes a good share of everything has reward whatever the policy does, so
//! the second condition alone would count the most rewarding users as without reward.

use std::collections::BTreeMap;

use common::schema::users::Users;

use crate::sparse::SparseRows;

/// Below this expected return of the best items (one like in twenty episodes) a user counts as one without
/// possible reward.
pub(super) const POSSIBLE_RETURN: f64 = 0.05;
/// So many times the return of random items a policy must be able to reach for there to be something to learn.
pub(super) const GAIN: f64 = 3.0;
/// Groups of fewer users than this are left out: one user would be too large a share.
const SMALLEST_GROUP: usize = 20;

/// Shares of users without something.
#[derive(Debug, PartialEq)]
pub(super) struct Shares {
    /// Among all users.
    pub(super) overall: f64,
    /// The group with the largest share, and that share; `None` where no group is large enough.
    pub(super) worst: Option<(String, f64)>,
}

/// The share of `sampled` users for whom `without` holds, by group. Groups are the values of the users' attributes,
/// and the quarters of users by the length of their log.
pub(super) fn shares(users: &Users, log: &SparseRows, sampled: &[u32], without: &[bool]) -> Shares {
    let lengths = {
        let mut lengths: Vec<usize> = sampled.iter().map(|&user| log.row(user as usize).len()).collect();
        lengths.sort_unstable();
        lengths
    };
    let quarter = |length: usize| {
        let shorter = lengths.partition_point(|&other| other < length);
        1 + 4 * shorter / lengths.len().max(1)
    };
    let mut groups: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (&user, &without) in sampled.iter().zip(without) {
        let none = usize::from(without);
        let attributes = users.attributes[user as usize]
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let by_length = format!(
            "log length, quarter {} of 4",
            quarter(log.row(user as usize).len())
        );
        for group in attributes.chain([by_length]) {
            let counts = groups.entry(group).or_default();
            *counts = (counts.0 + none, counts.1 + 1);
        }
    }
    let mut worst: Option<(String, f64)> = None;
    for (name, (none, all)) in groups {
        let share = none as f64 / all as f64;
        if all >= SMALLEST_GROUP && worst.as_ref().is_none_or(|(_, most)| share > *most) {
            worst = Some((name, share));
        }
    }
    Shares {
        overall: without.iter().filter(|without| **without).count() as f64 / sampled.len().max(1) as f64,
        worst,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_with_most_is_found_and_small_ones_are_left_out() {
        // 60 users: 40 of kind a, 19 of kind b, one of kind c; every b, c and every fourth a has no reward.
        let kind = |user: usize| {
            if user < 40 {
                "a"
            } else if user < 59 {
                "b"
            } else {
                "c"
            }
        };
        let users = Users {
            attributes: (0..60)
                .map(|u| BTreeMap::from([("kind".to_string(), kind(u).to_string())]))
                .collect(),
            ..Users::default()
        };
        let without: Vec<bool> = (0..60).map(|user| user >= 40 || user % 4 == 0).collect();
        let sampled: Vec<u32> = (0..60).collect();
        let log = SparseRows::from_pairs(60, (0..60).map(|user| (user, 0)));
        let found = shares(&users, &log, &sampled, &without);
        assert_eq!(found.overall, 0.5);
        // All logs are of one length, hence all users in the first quarter: half of them without reward.
        assert_eq!(found.worst, Some(("log length, quarter 1 of 4".to_string(), 0.5)));
    }
}
