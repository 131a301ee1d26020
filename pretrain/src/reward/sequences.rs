//! The log as the reward model reads it: user by user.

use common::Result;
use common::rng::{shuffle, stream};

use crate::data::{Dataset, Event};

/// A user with a log.
pub(crate) struct Sequence {
    pub(crate) user: usize,
    /// Oldest first.
    pub(crate) log: Vec<Event>,
}

/// Hands every user's log to `take`, in the order of their codes.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn each_sequence(dataset: &Dataset, mut take: impl FnMut(usize, &[Event])) -> Result<()> {
    for (user, log) in dataset.logs.iter().enumerate() {
        take(user, log);
    }
    Ok(())
}

/// At most `count` users drawn at random, in random order: one pass over the log, and no more of it in memory than
/// theirs.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn sample(dataset: &Dataset, count: usize, seed: u64) -> Result<Vec<Sequence>> {
    let mut users: Vec<usize> = (0..dataset.users.len()).collect();
    shuffle(&mut stream(seed, "reward/users", &[]), &mut users);
    users.truncate(count);
    let mut place = vec![None; dataset.users.len()];
    for (at, &user) in users.iter().enumerate() {
        place[user] = Some(at);
    }
    let empty = |user| Sequence {
        user,
        log: Vec::new(),
    };
    let mut sequences: Vec<Sequence> = users.into_iter().map(empty).collect();
    each_sequence(dataset, |user, log| {
        if let Some(at) = place[user] {
            sequences[at].log = log.to_vec();
        }
    })?;
    Ok(sequences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::example::two_kinds;

    #[test]
    fn each_user_is_drawn_at_most_once_and_with_the_own_log() {
        let dataset = two_kinds();
        let drawn = sample(&dataset, 20, 3).unwrap();
        assert!(drawn.iter().all(|s| s.log == dataset.logs[s.user]));
        let mut users: Vec<usize> = drawn.iter().map(|s| s.user).collect();
        assert!(!users.is_sorted(), "in random order");
        users.sort_unstable();
        users.dedup();
        assert_eq!(users.len(), 20);
        assert_eq!(sample(&dataset, 1000, 3).unwrap().len(), 60);
    }
}
