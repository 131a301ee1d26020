//! A-iALP_ap: the frozen prior and a fresh online policy, mixed with a weight that falls.
//!
//! The online policy learns from all steps, most of them the prior's at first, so how their advantages are weighted
//! decides what it becomes. Measured in a synthetic world (`examples/learning_curves.rs`: 500 items, 32 environments,
//! 6,400 episodes, 2 seeds, weight falling to 0 over 30,000 recommendations; the prior alone returns 0.80), return in
//! the worst and in the last eighth of the run:
//!
//! | weight of a step | worst | last |
//! |---|---|---|
//! | 1 (plain advantage-weighted learning) | 0.65 | 0.65 |
//! | min(1, pi / mu) (truncated importance weight) | 0.37 | 1.02 |
//! | 1 where the advantage is positive, min(1, pi / mu) where it is negative | 0.73 | 1.03 |
//!
//! The first pushes down without end what the online policy hardly does; the second is sound but learns next to nothing
//! while the prior acts, and so falls when the prior's weight does. The third is what [`crate::policy::a2c`] does.

use common::Result;
use common::policy_artifact::{NetworkConfig, Weights};
use common::rng::stream;
use serde::{Deserialize, Serialize};

use super::acting::{self, ROWS};
use super::{
    Carried, Experience, Explanation, Learner, Learning, Moment, Reason, Room, Strategy, from_scratch, saved,
};
use crate::explore::{Slate, mixed_slate};
use crate::policy::Network;

/// The prior's weight over time: 1 at first, falling in a line to `floor` after `decay` recommendations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Answered recommendations until the floor is reached.
    pub decay: u64,
    /// The weight from then on.
    pub floor: f32,
}

impl Schedule {
    /// What measured well.
    pub const DEFAULT: Schedule = Schedule {
        decay: 10_000,
        floor: 0.1,
    };

    /// The prior's weight after `answered` recommendations.
    pub fn weight(&self, answered: u64) -> f32 {
        let left = self.decay.saturating_sub(answered) as f32 / self.decay as f32;
        self.floor + (1.0 - self.floor) * left
    }
}

/// The mixture w * prior + (1 - w) * online.
#[derive(Debug)]
pub struct Ap {
    prior: Network,
    online: Learner,
    schedule: Schedule,
    seed: u64,
    answered: u64,
}

/// What [`Ap`] saves.
#[derive(Serialize, Deserialize)]
struct Saved {
    answered: u64,
    online: Vec<u8>,
}

impl Ap {
    /// Mixes `prior` with a policy of random weights; `seed` decides them and the draws.
    pub fn new(
        config: NetworkConfig,
        prior: Weights,
        learning: Learning,
        schedule: Schedule,
        seed: u64,
    ) -> Self {
        let online = from_scratch(config.clone(), learning, seed).off_policy();
        Ap {
            prior: Network::new(config, prior),
            online,
            schedule,
            seed,
            answered: 0,
        }
    }

    fn weight(&self) -> f32 {
        self.schedule.weight(self.answered)
    }
}

impl Strategy for Ap {
    fn choose(&self, moments: &[Moment<'_>], room: &mut Room) -> Vec<Slate> {
        let weight = self.weight();
        let items = self.prior.config().items;
        let mut slates = Vec::with_capacity(moments.len());
        let Room {
            states,
            logits,
            other_logits,
            deck,
            other,
            ..
        } = room;
        for chunk in moments.chunks(ROWS) {
            acting::encode(&self.prior, Some(0), chunk, states);
            acting::logits(&self.prior, states, logits);
            acting::encode(self.online.network(), None, chunk, states);
            acting::logits(self.online.network(), states, other_logits);
            let rows = logits
                .chunks_exact_mut(items)
                .zip(other_logits.chunks_exact_mut(items));
            for ((prior, online), moment) in rows.zip(chunk) {
                acting::deal(deck, prior, moment);
                acting::deal(other, online, moment);
                let mut rng = stream(self.seed, "action", &moment.key);
                slates.push(mixed_slate(deck, other, weight, moment.k, 0, &mut rng));
            }
        }
        slates
    }

    fn rollout(&self) -> Option<usize> {
        self.online.rollout()
    }

    fn wants_consumed(&self) -> bool {
        true
    }

    fn learn(&mut self, experience: &Experience) -> Result<()> {
        self.answered += experience
            .trajectories
            .iter()
            .map(|t| t.steps.len() as u64)
            .sum::<u64>();
        self.online.learn(experience)
    }

    fn version(&self) -> u64 {
        self.online.version()
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&Saved {
            answered: self.answered,
            online: self.online.save(),
        })
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let saved: Saved = saved::unpack(bytes)?;
        self.online.restore(&saved.online)?;
        self.answered = saved.answered;
        Ok(())
    }

    fn explain(&self, moment: &Moment<'_>, room: &mut Room) -> Explanation {
        let weight = self.weight();
        let prior = acting::explain(&self.prior, Some(0), moment, room);
        let online = acting::explain(self.online.network(), None, moment, room);
        let mix = |(q, p): (&f32, &f32)| weight * q + (1.0 - weight) * p;
        Explanation {
            acting: prior.chances.iter().zip(&online.chances).map(mix).collect(),
            prior: prior.chances,
            adapted: online.chances,
            weight,
            value: Some(prior.value),
            adapted_value: Some(online.value),
            reasons: vec![Reason {
                name: "answered",
                value: self.answered as f64,
                meaning: format!(
                    "recommendations answered so far: the prior's weight falls to {} by {}",
                    self.schedule.floor, self.schedule.decay
                ),
            }],
        }
    }

    fn carry_over(&mut self, from: &[u8], map: &[Option<u32>], kin: bool) -> Result<Carried> {
        let old: Saved = saved::unpack(from)?;
        let carried = self.online.take_over(&old.online, map, kin)?;
        if !carried.kept.is_empty() {
            self.answered = old.answered;
        }
        Ok(carried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::Situation;
    use crate::policy::Context;
    use crate::policy::distribution::{mask, softmax};

    #[test]
    fn the_weight_falls_in_a_line_to_the_floor() {
        let schedule = Schedule {
            decay: 100,
            floor: 0.2,
        };
        assert_eq!(
            [0, 50, 100, 1000].map(|answered| schedule.weight(answered)),
            [1.0, 0.6, 0.2, 0.2]
        );
    }

    #[test]
    fn the_logged_chance_is_that_of_the_mixture() {
        let config = NetworkConfig {
            items: 30,
            dims: 4,
            hidden: 5,
            traits: 2,
            window: 10,
            encoder: common::policy_artifact::Encoder::Gru,
        };
        let prior = Weights::init(&config, 1);
        let schedule = Schedule { decay: 4, floor: 0.3 };
        let mut ap = Ap::new(config.clone(), prior.clone(), Learning::DEFAULT, schedule, 2);
        let context = Context {
            traits: vec![0.5, -1.0],
            history: vec![(3, 1.0), (7, -1.0)],
        };
        let alone = |weights: Weights| {
            let network = Network::new(config.clone(), weights);
            let mut logits = vec![0.0; 30];
            network.logits(&network.queries(&network.encode(&[&context])), &mut logits);
            mask(&mut logits, &[3, 7]);
            let mut probabilities = vec![0.0; 30];
            softmax(&logits, &mut probabilities);
            probabilities
        };
        let (prior, online) = (alone(prior), alone(Weights::init(&config, 2)));
        let situation = Situation::new(context);
        let moment = |number: u64| Moment {
            situation: &situation,
            consumed: &[3, 7],
            candidates: None,
            k: 1,
            key: [number, 0, 0],
        };
        let mut room = Room::new();
        for answered in 0..6u64 {
            ap.answered = answered;
            let weight = schedule.weight(answered);
            for slate in ap.choose(&[moment(2 * answered), moment(2 * answered + 1)], &mut room) {
                let item = slate.items[0] as usize;
                assert!(item != 3 && item != 7);
                assert_eq!(
                    slate.propensities[0],
                    weight * prior[item] + (1.0 - weight) * online[item]
                );
                assert_eq!((slate.prior[0], slate.adapted[0]), (prior[item], online[item]));
            }
        }
    }
}
