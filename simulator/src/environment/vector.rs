//! Many environments stepped as one, in struct-of-arrays form, with Gymnasium's conventions.
//!
//! Autoreset is Gymnasium's NEXT_STEP mode: the step after the one that ended an episode begins the next and
//! ignores the action given for it. Every episode has its own random stream, keyed by (seed, environment index,
//! episode of that environment): its user and rewards depend on the actions alone, not on how many environments
//! run beside it or on which worker runs them.

use common::rng::{ChaCha8Rng, RngExt, stream};

use super::Environment;
use super::rules::{End, Rules};

/// What one step gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Drawn reward, 0 or 1; 0 on a reset.
    pub reward: f32,
    /// Its expectation: the probability it was drawn with.
    pub expected: f32,
    /// Whether the action named an item that the user had consumed.
    pub repeat: bool,
    /// How the episode ended with this step, if it did.
    pub end: Option<End>,
}

/// `len` environments side by side; all vectors have one entry an environment.
#[derive(Debug)]
pub struct VectorEnvironment<'a> {
    environment: &'a Environment,
    rules: Rules,
    seed: u64,
    episode: Vec<u64>,
    user: Vec<u32>,
    step: Vec<u32>,
    dislikes: Vec<u32>,
    shown: Vec<Vec<u32>>,
    over: Vec<bool>,
    rng: Vec<ChaCha8Rng>,
}

impl<'a> VectorEnvironment<'a> {
    /// Environments 0 to `len` - 1, each at the start of its first episode.
    ///
    /// # Panics
    /// When `environment` has no user.
    pub fn new(environment: &'a Environment, rules: Rules, seed: u64, len: usize) -> Self {
        let mut made = VectorEnvironment {
            environment,
            rules,
            seed,
            episode: vec![0; len],
            user: vec![0; len],
            step: vec![0; len],
            dislikes: vec![0; len],
            shown: vec![Vec::with_capacity(rules.horizon as usize); len],
            over: vec![false; len],
            rng: (0..len as u64).map(|env| episode_stream(seed, env, 0)).collect(),
        };
        for env in 0..len {
            made.begin(env);
        }
        made
    }

    /// How many environments there are.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
    }

    /// Puts every environment at the start of its first episode.
    pub fn reset(&mut self) {
        for env in 0..self.len() {
            self.episode[env] = 0;
            self.begin(env);
        }
    }

    /// The user of environment `env`.
    pub fn user(&self, env: usize) -> u32 {
        self.user[env]
    }

    /// How many steps the episode of environment `env` has had.
    pub fn step_of(&self, env: usize) -> u32 {
        self.step[env]
    }

    /// How many episodes environment `env` had before the current one.
    pub fn episode(&self, env: usize) -> u64 {
        self.episode[env]
    }

    /// Steps environment `env` with item code `action`, or begins its next episode where the last one is over.
    ///
    /// # Panics
    /// When `action` is no item code.
    pub fn step_one(&mut self, env: usize, action: u32) -> Outcome {
        if self.over[env] {
            self.episode[env] += 1;
            self.begin(env);
            return Outcome::default();
        }
        let user = self.user[env];
        let repeat =
            self.shown[env].contains(&action) || self.environment.consumed.contains(user as usize, action);
        let expected = if repeat {
            0.0
        } else {
            self.environment.model.probability(user, action)
        };
        // Drawn whatever the probability, so that the stream stays in step with the episode.
        let liked = self.rng[env].random::<f32>() < expected;
        self.shown[env].push(action);
        self.step[env] += 1;
        self.dislikes[env] = if liked { 0 } else { self.dislikes[env] + 1 };
        let end = self.rules.end(self.step[env], self.dislikes[env]);
        self.over[env] = end.is_some();
        Outcome {
            reward: f32::from(u8::from(liked)),
            expected,
            repeat,
            end,
        }
    }

    /// Steps all environments, action `i` in environment `i`.
    ///
    /// # Panics
    /// When there is not one action an environment, or one is no item code.
    pub fn step(&mut self, actions: &[u32], outcomes: &mut Vec<Outcome>) {
        assert_eq!(actions.len(), self.len(), "one action an environment");
        outcomes.clear();
        outcomes.extend((0..actions.len()).map(|env| self.step_one(env, actions[env])));
    }

    fn begin(&mut self, env: usize) {
        let mut rng = episode_stream(self.seed, env as u64, self.episode[env]);
        self.user[env] = rng.random_range(0..self.environment.users.len() as u32);
        self.rng[env] = rng;
        self.step[env] = 0;
        self.dislikes[env] = 0;
        self.shown[env].clear();
        self.over[env] = false;
    }
}

fn episode_stream(seed: u64, env: u64, episode: u64) -> ChaCha8Rng {
    stream(seed, "env", &[env, episode])
}

#[cfg(test)]
mod tests {
    use super::super::rules::Rule;
    use super::super::tests::small;
    use super::*;

    /// (user, item, reward) of every step of environment `env` under a fixed choice of actions.
    fn trajectory(len: usize, env: usize, steps: usize) -> Vec<(u32, u32, f32)> {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, Rules::new(Rule::Fixed, Some(4), None), 7, len);
        let mut outcomes = Vec::new();
        let mut trajectory = Vec::new();
        for step in 0..steps {
            let actions: Vec<u32> = (0..len).map(|env| ((env + step) % 6) as u32).collect();
            let user = vector.user(env);
            vector.step(&actions, &mut outcomes);
            trajectory.push((user, actions[env], outcomes[env].reward));
        }
        trajectory
    }

    #[test]
    fn a_trajectory_does_not_depend_on_the_batch() {
        assert_eq!(trajectory(1, 0, 200), trajectory(8, 0, 200));
        assert_eq!(trajectory(4, 3, 200), trajectory(8, 3, 200));
        assert_ne!(trajectory(8, 0, 200), trajectory(8, 6, 200));
    }

    #[test]
    fn the_step_after_the_end_begins_the_next_episode() {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, Rules::new(Rule::Fixed, Some(2), None), 0, 1);
        assert_eq!(vector.step_one(0, 0).end, None);
        assert_eq!(vector.step_one(0, 1).end, Some(End::Truncated));
        assert_eq!((vector.episode(0), vector.step_of(0)), (0, 2));
        assert_eq!(vector.step_one(0, 5), Outcome::default());
        assert_eq!((vector.episode(0), vector.step_of(0)), (1, 0));
    }

    #[test]
    fn what_was_consumed_gives_nothing() {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, Rules::new(Rule::Fixed, Some(3), None), 0, 1);
        let consumed = environment.consumed.row(vector.user(0) as usize)[0];
        assert!(vector.step_one(0, consumed).repeat);
        let first = vector.step_one(0, (consumed + 1) % 6);
        assert!(!first.repeat && first.expected > 0.0);
        let again = vector.step_one(0, (consumed + 1) % 6);
        assert!(again.repeat && again.expected == 0.0 && again.reward == 0.0);
    }

    #[test]
    fn rewards_come_with_their_probability() {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, Rules::new(Rule::Fixed, Some(1), None), 0, 1);
        let (mut drawn, mut expected) = (0.0, 0.0);
        for step in 0..40_000u32 {
            let outcome = vector.step_one(0, step / 2 % 6);
            drawn += f64::from(outcome.reward);
            expected += f64::from(outcome.expected);
        }
        assert!((drawn / expected - 1.0).abs() < 0.02, "{drawn} {expected}");
    }
}
