//! Users for whom no policy can earn anything, over all and in the group where they are most.

use std::collections::BTreeMap;

use common::schema::users::Users;

use crate::sparse::SparseRows;

/// Below this expected return of the best items (one like in twenty episodes) a user counts as one without
/// possible reward.
pub(super) const POSSIBLE_RETURN: f64 = 0.05;
/// Groups of fewer users than this are left out: one user would be too large a share.
const SMALLEST_GROUP: usize = 20;

/// Shares of users without possible reward.
#[derive(Debug, PartialEq)]
pub(super) struct WithoutReward {
    /// Among all users.
    pub(super) overall: f64,
    /// The group with the largest share, and that share; `None` where no group is large enough.
    pub(super) worst: Option<(String, f64)>,
}

/// Groups are the values of the users' attributes, and the quarters of users by the length of their log.
pub(super) fn without_reward(
    users: &Users,
    log: &SparseRows,
    sampled: &[u32],
    oracle: &[f64],
) -> WithoutReward {
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
    let mut without = 0;
    for (&user, &oracle) in sampled.iter().zip(oracle) {
        let none = usize::from(oracle < POSSIBLE_RETURN);
        without += none;
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
    WithoutReward {
        overall: without as f64 / sampled.len().max(1) as f64,
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
        let oracle: Vec<f64> = (0..60)
            .map(|user| if user >= 40 || user % 4 == 0 { 0.0 } else { 1.0 })
            .collect();
        let sampled: Vec<u32> = (0..60).collect();
        let log = SparseRows::from_pairs(60, (0..60).map(|user| (user, 0)));
        let found = without_reward(&users, &log, &sampled, &oracle);
        assert_eq!(found.overall, 0.5);
        // All logs are of one length, hence all users in the first quarter: half of them without reward.
        assert_eq!(found.worst, Some(("log length, quarter 1 of 4".to_string(), 0.5)));
    }
}
