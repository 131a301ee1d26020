//! Which arm a user belongs to: sticky, and as shares change no more users move than must.
//!
//! A user's hash under the experiment's seed names one of 10,000 places, and each place belongs to an arm. An arm whose share
//! shrinks gives its highest places to the reference, one whose share grows takes the reference's lowest: all others stay.

use common::rng::number_of;
use common::{Error, Result};
use serde::{Deserialize, Serialize};

/// Places, and so the finest share.
pub(crate) const PLACES: u32 = 10_000;

/// The arm of each place; 0 is the reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Assignment {
    seed: u64,
    owners: Vec<u16>,
}

impl Assignment {
    /// Everybody belongs to the reference.
    pub(crate) fn new(seed: u64) -> Self {
        Assignment {
            seed,
            owners: vec![0; PLACES as usize],
        }
    }

    /// The arm of `user`.
    pub(crate) fn arm_of(&self, user: &str) -> u16 {
        let place = number_of(self.seed, "arm", user) % u64::from(PLACES);
        // A snapshot of another number of places is refused where it is read.
        self.owners[place as usize]
    }

    /// How many places an arm has.
    pub(crate) fn places(&self, arm: u16) -> u32 {
        self.owners.iter().filter(|owner| **owner == arm).count() as u32
    }

    /// Gives each of these arms so many places, and the reference the rest. Arms that are not named keep theirs.
    ///
    /// # Errors
    /// More places than there are; nothing changes then.
    pub(crate) fn change(&mut self, places: &[(u16, u32)]) -> Result<()> {
        let wanted = |arm: u16| places.iter().find(|(of, _)| *of == arm).map(|(_, count)| *count);
        let others = self
            .owners
            .iter()
            .filter(|arm| **arm != 0 && wanted(**arm).is_none());
        let total: u64 = places.iter().map(|(_, count)| u64::from(*count)).sum();
        if total + others.count() as u64 > u64::from(PLACES) {
            return Err(Error::usage("the shares of the arms are more than 1 together"));
        }
        for &(arm, count) in places {
            let surplus = self.places(arm).saturating_sub(count) as usize;
            let last = self.owners.iter_mut().rev().filter(|owner| **owner == arm);
            last.take(surplus).for_each(|owner| *owner = 0);
        }
        for &(arm, count) in places {
            let lacking = count.saturating_sub(self.places(arm)) as usize;
            let first = self.owners.iter_mut().filter(|owner| **owner == 0);
            first.take(lacking).for_each(|owner| *owner = arm);
        }
        Ok(())
    }

    /// Whether it was read as it was written.
    pub(crate) fn is_whole(&self) -> bool {
        self.owners.len() == PLACES as usize
    }
}

/// The places of a share.
///
/// # Errors
/// A share that is not from 0 to 1, or finer than a place.
pub(crate) fn places_of(share: f64) -> Result<u32> {
    let places = share * f64::from(PLACES);
    let whole = places.round();
    if !(0.0..=f64::from(PLACES)).contains(&places) || (places - whole).abs() > 1e-6 {
        return Err(Error::usage(format!(
            "the share {share} is not a number from 0 to 1 in steps of 0.0001"
        )));
    }
    Ok(whole as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_move_only_as_far_as_shares_force_them() {
        let users: Vec<String> = (0..5_000).map(|user| format!("u{user}")).collect();
        let mut assignment = Assignment::new(7);
        let arms = |assignment: &Assignment| -> Vec<u16> {
            users.iter().map(|user| assignment.arm_of(user)).collect()
        };
        let mut before = arms(&assignment);
        assert!(before.iter().all(|arm| *arm == 0));
        let first = {
            assignment.change(&[(1, 1_000), (2, 2_000)]).unwrap();
            assignment.clone()
        };
        for (change, may_move) in [
            (&[(1, 3_000)][..], [(0, 1)].as_slice()),
            (&[(2, 500)], &[(2, 0)]),
            (&[(1, 1_000), (2, 2_000)], &[(1, 0), (1, 2), (0, 2)]),
            (&[(1, 0)], &[(1, 0)]),
            (&[(1, 8_000)], &[(0, 1)]),
        ] {
            before = if change == [(1, 3_000)] {
                arms(&first)
            } else {
                before
            };
            assignment.change(change).unwrap();
            let after = arms(&assignment);
            for (from, to) in before.iter().zip(&after).filter(|(from, to)| from != to) {
                assert!(may_move.contains(&(*from, *to)), "{change:?}: {from} to {to}");
            }
            for &(arm, places) in change {
                assert_eq!(assignment.places(arm), places);
                let share = after.iter().filter(|of| **of == arm).count() as f64 / users.len() as f64;
                assert!((share - f64::from(places) / 1e4).abs() < 0.03, "{arm}: {share}");
            }
            before = after;
        }
        let whole = assignment.clone();
        assert!(assignment.change(&[(3, 5)]).is_err(), "arms 1 and 2 have all");
        assert_eq!(assignment, whole);
    }

    #[test]
    fn the_same_shares_again_are_the_same_users() {
        let mut assignment = Assignment::new(1);
        assignment.change(&[(1, 1_000)]).unwrap();
        let before = assignment.clone();
        assignment.change(&[(1, 4_000)]).unwrap();
        assignment.change(&[(1, 1_000)]).unwrap();
        assert_eq!(assignment, before);
        let other = |seed| {
            let mut assignment = Assignment::new(seed);
            assignment.change(&[(1, 5_000)]).unwrap();
            (0..64)
                .map(|user| assignment.arm_of(&user.to_string()))
                .collect::<Vec<_>>()
        };
        assert_ne!(other(1), other(2), "the seed decides");
    }

    #[test]
    fn shares_are_whole_places() {
        assert_eq!(places_of(0.2).unwrap(), 2_000);
        assert_eq!(places_of(0.0001).unwrap(), 1);
        for share in [-0.1, 1.1, f64::NAN, 1.0 / 3.0] {
            assert!(places_of(share).is_err(), "{share}");
        }
    }
}
