//! Whose taste decides what a user likes: the user's own, or, under drift, more and more that of a stranger.
//!
//! Under drift with period E, in the episodes k E to (k + 1) E - 1 of an environment a user with the taste of u_k
//! moves to that of u_(k+1): the probability of a like is (1 - w) p(u_k, i) + w p(u_(k+1), i), where w rises from 0
//! to 1. u_0 is the user; every later one is drawn uniformly by (seed, user, k). Because the strangers are users
//! like all others, like-rates of items over all users stay what they were and calibration holds at every moment.

use common::rng::{RngExt, stream};

use super::Environment;

/// A mixture of the tastes of two users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interest {
    from: u32,
    to: u32,
    /// The second user's weight, from 0 to below 1.
    weight: f32,
}

impl Interest {
    /// The user's own taste.
    pub fn own(user: u32) -> Self {
        Interest {
            from: user,
            to: user,
            weight: 0.0,
        }
    }

    /// The taste of `user`, one of `users`, in the `episode`-th episode (from 0) under drift with `period`.
    pub fn drifted(seed: u64, users: u32, user: u32, period: u32, episode: u64) -> Self {
        let stranger = |moves: u64| match moves {
            0 => user,
            _ => stream(seed, "drift", &[u64::from(user), moves]).random_range(0..users),
        };
        let moves = episode / u64::from(period);
        Interest {
            from: stranger(moves),
            to: stranger(moves + 1),
            weight: (episode % u64::from(period)) as f32 / period as f32,
        }
    }

    /// What tells this interest from others; equal exactly where the interests are.
    pub(crate) fn key(&self) -> (u32, u32, u32) {
        (self.from, self.to, self.weight.to_bits())
    }

    /// Probability that `item`, not consumed, is taken up and liked.
    #[inline]
    pub fn probability(&self, environment: &Environment, item: u32) -> f32 {
        let p = environment.model.probability(self.from, item);
        if self.weight == 0.0 {
            return p;
        }
        p + self.weight * (environment.model.probability(self.to, item) - p)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;
    use super::*;

    #[test]
    fn interest_begins_as_the_users_own_and_moves_without_a_leap() {
        let environment = small();
        let at = |episode| Interest::drifted(5, 4, 2, 10, episode);
        assert_eq!(
            at(0).probability(&environment, 5),
            environment.model.probability(2, 5)
        );
        for episode in 0..60 {
            let [now, next] = [episode, episode + 1].map(|e| at(e).probability(&environment, 5));
            assert!((now - next).abs() < 0.1, "{now} {next}");
        }
        let strangers: Vec<u32> = (0..20).map(|moves| at(10 * moves).from).collect();
        assert!((0..4).all(|user| strangers.contains(&user)), "{strangers:?}");
        assert!((0..19).all(|k| at(10 * k + 9).to == at(10 * (k + 1)).from));
    }
}
