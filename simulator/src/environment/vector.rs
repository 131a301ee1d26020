//! Many environments stepped as one, with Gymnasium's conventions.
//!
//! Autoreset is Gymnasium's NEXT_STEP mode: the step after the one that ended an episode begins the next and
//! ignores the action given for it. Every episode has its own random stream, keyed by (seed, environment index,
//! episode of that environment): its user and rewards depend on the actions alone, not on how many environments
//! run beside it or on which worker runs them.

use std::ops::Range;

use common::rng::{ChaCha8Rng, Family, RngExt};
use rayon::prelude::*;

use super::Environment;
use super::easyrl4rec::Protocol;
use super::interest::Interest;
use super::ratings::Ratings;
use super::rules::{End, Rules, Runs};
use super::similarity::Similarity;

/// Environments that one worker steps at a time; fewer than two such pieces are not worth a second worker.
const PIECE: usize = 256;

/// What one step gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Drawn reward, 0 or 1; under [`super::rules::Rule::EasyRl4Rec`] a rating; 0 on a reset.
    pub reward: f32,
    /// Its expectation: the probability it was drawn with; a rating is its own.
    pub expected: f32,
    /// Whether the action named an item that the user had consumed.
    pub repeat: bool,
    /// How the episode ended with this step, if it did.
    pub end: Option<End>,
}

/// Where one environment stands.
#[derive(Debug)]
struct Slot {
    /// The random streams of its episodes.
    streams: Family,
    episode: u64,
    user: u32,
    interest: Interest,
    step: u32,
    runs: Runs,
    over: bool,
    rng: ChaCha8Rng,
}

/// What all environments share.
#[derive(Debug)]
struct Shared<'a> {
    environment: &'a Environment,
    rules: Rules,
    /// Where similar items make users leave.
    similarity: Option<Similarity<'a>>,
    /// Where rewards are ratings.
    ratings: Option<(Protocol, &'a Ratings)>,
    seed: u64,
}

/// Environments side by side.
#[derive(Debug)]
pub struct VectorEnvironment<'a> {
    shared: Shared<'a>,
    slots: Vec<Slot>,
    /// The items shown in the episode: `horizon` places an environment.
    shown: Vec<u32>,
}

impl<'a> VectorEnvironment<'a> {
    /// The environments with these indices, each at the start of its first episode. Indices begin with 0 within
    /// the methods.
    ///
    /// # Panics
    /// When `environment` has no user, or not the ratings that `rules` ask for ([`Environment::complete`]).
    pub fn new(environment: &'a Environment, rules: Rules, seed: u64, indices: Range<u32>) -> Self {
        let ratings = rules.easyrl4rec.zip(environment.ratings.as_ref());
        assert_eq!(
            ratings.is_some(),
            rules.easyrl4rec.is_some(),
            "ratings to give as rewards"
        );
        let shared = Shared {
            environment,
            rules,
            similarity: rules.boredom.map(|_| Similarity::new(environment)),
            ratings,
            seed,
        };
        VectorEnvironment {
            slots: indices
                .clone()
                .map(|env| shared.begin(shared.streams(env), 0))
                .collect(),
            shown: vec![0; indices.len() * rules.horizon as usize],
            shared,
        }
    }

    /// How many environments there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Puts every environment at the start of its first episode.
    pub fn reset(&mut self) {
        for slot in &mut self.slots {
            *slot = self.shared.begin(slot.streams, 0);
        }
    }

    /// The user of environment `env`.
    pub fn user(&self, env: usize) -> u32 {
        self.slots[env].user
    }

    /// Whose taste decides in the current episode of environment `env`.
    pub fn interest(&self, env: usize) -> Interest {
        self.slots[env].interest
    }

    /// How many steps the episode of environment `env` has had.
    pub fn step_of(&self, env: usize) -> u32 {
        self.slots[env].step
    }

    /// The items that the episode of environment `env` has shown.
    pub fn shown(&self, env: usize) -> &[u32] {
        &self.shown[env * self.shared.rules.horizon as usize..][..self.slots[env].step as usize]
    }

    /// How many episodes environment `env` had before the current one.
    pub fn episode(&self, env: usize) -> u64 {
        self.slots[env].episode
    }

    /// Steps environment `env` with item code `action`, or begins its next episode where the last one is over.
    ///
    /// # Panics
    /// When `action` is not an item code.
    pub fn step_one(&mut self, env: usize, action: u32) -> Outcome {
        let horizon = self.shared.rules.horizon as usize;
        let shown = &mut self.shown[env * horizon..(env + 1) * horizon];
        self.shared.step(&mut self.slots[env], shown, action)
    }

    /// Steps all environments, action `i` in environment `i`, on the workers of rayon's current pool.
    ///
    /// # Panics
    /// When there is not one action and one outcome per environment, or an action is not an item code.
    pub fn step(&mut self, actions: &[u32], outcomes: &mut [Outcome]) {
        assert_eq!(actions.len(), self.len(), "one action per environment");
        assert_eq!(outcomes.len(), self.len(), "one outcome per environment");
        let shared = &self.shared;
        let horizon = shared.rules.horizon as usize;
        let piece = |slots: &mut [Slot], shown: &mut [u32], actions: &[u32], outcomes: &mut [Outcome]| {
            let slots = slots.iter_mut().zip(shown.chunks_exact_mut(horizon));
            for ((slot, shown), (&action, outcome)) in slots.zip(actions.iter().zip(outcomes)) {
                *outcome = shared.step(slot, shown, action);
            }
        };
        if self.slots.len() < 2 * PIECE {
            piece(&mut self.slots, &mut self.shown, actions, outcomes);
            return;
        }
        self.slots
            .par_chunks_mut(PIECE)
            .zip(self.shown.par_chunks_mut(PIECE * horizon))
            .zip(actions.par_chunks(PIECE).zip(outcomes.par_chunks_mut(PIECE)))
            .for_each(|((slots, shown), (actions, outcomes))| piece(slots, shown, actions, outcomes));
    }
}

impl Shared<'_> {
    fn streams(&self, env: u32) -> Family {
        Family::new(self.seed, "env", &[u64::from(env)])
    }

    fn begin(&self, streams: Family, episode: u64) -> Slot {
        let mut rng = streams.stream(episode);
        let users = self.environment.users.len() as u32;
        let user = rng.random_range(0..users);
        let interest = match self.rules.drift {
            Some(period) => Interest::drifted(self.seed, users, user, period, episode),
            None => Interest::own(user),
        };
        Slot {
            streams,
            episode,
            user,
            interest,
            step: 0,
            runs: Runs::default(),
            over: false,
            rng,
        }
    }

    fn step(&self, slot: &mut Slot, shown: &mut [u32], action: u32) -> Outcome {
        if slot.over {
            *slot = self.begin(slot.streams, slot.episode + 1);
            return Outcome::default();
        }
        let before = &shown[..slot.step as usize];
        let mut outcome = match self.ratings {
            Some((protocol, ratings)) => protocol.outcome(ratings, slot.user, before, action),
            None => self.like(slot, before, action),
        };
        shown[slot.step as usize] = action;
        slot.step += 1;
        outcome.end = outcome.end.or(self.rules.end(slot.step, slot.runs));
        slot.over = outcome.end.is_some();
        outcome
    }

    /// Draws whether `action` is taken up and liked after the items `before`, and counts on the slot's runs.
    fn like(&self, slot: &mut Slot, before: &[u32], action: u32) -> Outcome {
        let repeat =
            before.contains(&action) || self.environment.consumed.contains(slot.user as usize, action);
        let expected = if repeat {
            0.0
        } else {
            slot.interest.probability(self.environment, action)
        };
        // Drawn whatever the probability, so that the stream stays in step with the episode.
        let liked = slot.rng.random::<f32>() < expected;
        let similar = match (&self.similarity, before.last()) {
            (Some(similarity), Some(&last)) => similarity.too_similar(last, action),
            _ => false,
        };
        slot.runs = slot.runs.after(liked, similar);
        Outcome {
            reward: f32::from(u8::from(liked)),
            expected,
            repeat,
            end: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;
    use super::*;

    /// Everything that environment `env` of `len` shows in `steps` steps under a fixed choice of actions.
    fn trajectory(rules: Rules, len: u32, env: u32, steps: usize, workers: usize) -> Vec<(u32, Outcome)> {
        let environment = small();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .build()
            .unwrap();
        let mut vector = VectorEnvironment::new(&environment, rules, 7, 0..len);
        let mut outcomes = vec![Outcome::default(); len as usize];
        let mut trajectory = Vec::new();
        for step in 0..steps {
            let actions: Vec<u32> = (0..len as usize).map(|env| ((env + step) % 6) as u32).collect();
            let user = vector.user(env as usize);
            pool.install(|| vector.step(&actions, &mut outcomes));
            trajectory.push((user, outcomes[env as usize]));
        }
        trajectory
    }

    fn all_rules() -> [Rules; 3] {
        let drifting = Rules {
            drift: Some(7),
            ..Rules::fixed(4)
        };
        [Rules::fixed(4), Rules::leave(5, 2, 2), drifting]
    }

    #[test]
    fn a_trajectory_depends_on_neither_batch_nor_workers() {
        for rules in all_rules() {
            assert_eq!(trajectory(rules, 1, 0, 200, 1), trajectory(rules, 8, 0, 200, 1));
            assert_eq!(trajectory(rules, 4, 3, 200, 1), trajectory(rules, 8, 3, 200, 1));
            assert_ne!(trajectory(rules, 8, 0, 200, 1), trajectory(rules, 8, 6, 200, 1));
            let many = 5 * PIECE as u32 + 3;
            let alone = trajectory(rules, many, many - 1, 60, 1);
            assert_eq!(alone, trajectory(rules, many, many - 1, 60, 2));
            assert_eq!(alone, trajectory(rules, many + 1, many - 1, 60, 8));
        }
    }

    #[test]
    fn a_part_of_the_environments_is_as_in_the_whole() {
        let environment = small();
        for rules in all_rules() {
            let mut whole = VectorEnvironment::new(&environment, rules, 3, 0..9);
            let mut part = VectorEnvironment::new(&environment, rules, 3, 5..9);
            for step in 0..200 {
                let action = step % 6;
                assert_eq!(whole.step_one(7, action), part.step_one(2, action));
                assert_eq!(whole.user(7), part.user(2));
            }
            part.reset();
            whole.reset();
            assert_eq!((whole.user(7), whole.episode(7)), (part.user(2), 0));
        }
    }

    #[test]
    fn the_step_after_the_end_begins_the_next_episode() {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, Rules::fixed(2), 0, 0..1);
        assert_eq!(vector.step_one(0, 0).end, None);
        assert_eq!(vector.step_one(0, 1).end, Some(End::Truncated));
        assert_eq!((vector.episode(0), vector.step_of(0)), (0, 2));
        assert_eq!(vector.step_one(0, 5), Outcome::default());
        assert_eq!((vector.episode(0), vector.step_of(0)), (1, 0));
    }

    #[test]
    fn what_was_consumed_gives_nothing() {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, Rules::fixed(3), 0, 0..1);
        let consumed = environment.consumed.row(vector.user(0) as usize)[0];
        assert!(vector.step_one(0, consumed).repeat);
        let first = vector.step_one(0, (consumed + 1) % 6);
        assert!(!first.repeat && first.expected > 0.0);
        let again = vector.step_one(0, (consumed + 1) % 6);
        assert!(again.repeat && again.expected == 0.0 && again.reward == 0.0);
    }

    #[test]
    fn users_leave_when_bored_whatever_they_like() {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, Rules::leave(30, 30, 2), 0, 0..1);
        // The same item again and again is too similar to itself.
        let ends: Vec<_> = (0..3).map(|_| vector.step_one(0, 4).end).collect();
        assert_eq!(ends, [None, None, Some(End::Terminated)]);
    }

    #[test]
    fn rewards_come_with_their_probability() {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, Rules::fixed(1), 0, 0..1);
        let (mut drawn, mut expected) = (0.0, 0.0);
        for step in 0..40_000u32 {
            let outcome = vector.step_one(0, step / 2 % 6);
            drawn += f64::from(outcome.reward);
            expected += f64::from(outcome.expected);
        }
        assert!((drawn / expected - 1.0).abs() < 0.02, "{drawn} {expected}");
    }

    #[test]
    fn drift_changes_what_is_liked_and_not_how_much() {
        let environment = small();
        let mean = |drift| {
            let rules = Rules {
                drift,
                ..Rules::fixed(1)
            };
            let mut vector = VectorEnvironment::new(&environment, rules, 0, 0..64);
            let mut outcomes = vec![Outcome::default(); 64];
            let mut total = 0.0;
            for _ in 0..2_000 {
                vector.step(&[5; 64], &mut outcomes);
                total += outcomes
                    .iter()
                    .map(|outcome| f64::from(outcome.expected))
                    .sum::<f64>();
            }
            total
        };
        let (still, drifting) = (mean(None), mean(Some(9)));
        assert!(
            still != drifting && (still / drifting - 1.0).abs() < 0.02,
            "{still} {drifting}"
        );
    }
}
