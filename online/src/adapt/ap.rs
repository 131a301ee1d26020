//! A-iALP_ap: the frozen prior and a fresh online policy, mixed. The paper leaves open how the weight moves; here the
//! schedule is a choice ([`super::Rule`]).
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
//! while the prior acts, and so falls when the prior's weight does. The third is what [`common::policy::a2c`] does.

use common::Result;
use common::policy::Network;
use common::policy_artifact::{NetworkConfig, Weights};
use serde::{Deserialize, Serialize};

use super::acting::{self, ROWS};
use super::mixing::{Evidence, Mixer};
use super::{
    Buffers, Carried, ChoiceRequest, Experience, Explanation, Hyper, Learner, Strategy, from_scratch, saved,
};
use crate::explore::{Draw, Slate, mixed_slate};

/// The mixture w * prior + (1 - w) * online.
#[derive(Debug)]
pub struct Ap {
    prior: Network,
    online: Learner,
    mixer: Mixer,
    seed: u64,
}

/// What [`Ap`] saves.
#[derive(Serialize, Deserialize)]
struct Saved {
    mixer: Vec<u8>,
    online: Vec<u8>,
}

impl Ap {
    /// Mixes `prior` with a policy of random weights; `seed` decides them and the draws.
    pub fn new(config: NetworkConfig, prior: Weights, hyper: &Hyper, seed: u64) -> Self {
        let online = from_scratch(config.clone(), hyper.learning, seed).off_policy();
        Ap {
            mixer: Mixer::new(hyper.mixing),
            prior: Network::new(config, prior),
            online,
            seed,
        }
    }
}

impl Strategy for Ap {
    fn choose(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate> {
        let items = self.prior.config().items;
        let weight = self.mixer.weight();
        let mut slates = Vec::with_capacity(choices.len());
        let Buffers {
            states,
            logits,
            other_logits,
            categorical,
            other,
            ..
        } = buffers;
        for chunk in choices.chunks(ROWS) {
            let user_contexts = chunk.iter().map(|choice| choice.user_context);
            acting::encode(&self.prior, Some(0), user_contexts.clone(), states);
            acting::logits(&self.prior, states, logits);
            acting::encode(self.online.network(), None, user_contexts, states);
            acting::logits(self.online.network(), states, other_logits);
            let rows = logits
                .chunks_exact_mut(items)
                .zip(other_logits.chunks_exact_mut(items));
            for ((prior, online), choice) in rows.zip(chunk) {
                acting::deal(categorical, prior, choice);
                acting::deal(other, online, choice);
                let mut draw = Draw::new(self.seed, &choice.key, choice.greedy);
                slates.push(mixed_slate(categorical, other, weight, choice.k, 0, &mut draw));
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
        let advantages = self.online.update(experience)?;
        let steps = experience
            .trajectories
            .iter()
            .flat_map(|trajectory| &trajectory.steps);
        for (step, advantage) in steps.zip(advantages) {
            self.mixer.observe(&Evidence {
                shown: step.shown,
                reward: step.reward,
                advantage,
            });
        }
        Ok(())
    }

    fn remember(&self, memory: &mut [f32], item: u32, liked: bool) {
        self.prior.remember(memory, item, liked);
    }

    fn version(&self) -> u64 {
        self.online.version()
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&Saved {
            mixer: self.mixer.save(),
            online: self.online.save(),
        })
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let saved: Saved = saved::unpack(bytes)?;
        let mut mixer = self.mixer.clone();
        mixer.restore(&saved.mixer)?;
        self.online.restore(&saved.online)?;
        self.mixer = mixer;
        Ok(())
    }

    fn explain(&self, choice: &ChoiceRequest<'_>, buffers: &mut Buffers) -> Explanation {
        let prior = acting::explain(&self.prior, Some(0), choice, buffers);
        let (weight, reasons) = (self.mixer.weight(), self.mixer.reasons());
        let online = acting::explain(self.online.network(), None, choice, buffers);
        Explanation {
            value: Some(prior.value),
            adapted_value: Some(online.value),
            reasons,
            ..Explanation::mixed(prior.probabilities, online.probabilities, weight)
        }
    }

    fn carry_over(&mut self, from: &[u8], map: &[Option<u32>], same_space: bool) -> Result<Carried> {
        let old: Saved = saved::unpack(from)?;
        let mut mixer = self.mixer.clone();
        let mixing = mixer.carry(&old.mixer, same_space);
        let mut carried = self.online.take_over(&old.online, map, same_space)?;
        if carried.kept.is_empty() || !mixing? {
            carried.dropped.push("mixing");
        } else {
            self.mixer = mixer;
            carried.kept.push("mixing");
        }
        Ok(carried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::{EncodedContext, Name};
    use crate::context::Context;
    use common::policy::distribution::{mask, softmax};

    #[test]
    fn the_logged_probability_is_that_of_the_mixture() {
        let config = NetworkConfig {
            items: 30,
            dims: 4,
            hidden: 5,
            traits: 2,
            window: 10,
            encoder: common::policy_artifact::Encoder::Gru,
        };
        let prior = Weights::init(&config, 1);
        let mut hyper = Hyper::for_strategy(Name::Ap);
        (hyper.mixing.decay, hyper.mixing.floor) = (4, 0.3);
        let mut ap = Ap::new(config.clone(), prior.clone(), &hyper, 2);
        let context = Context {
            traits: vec![0.5, -1.0],
            history: vec![(3, 1.0), (7, -1.0)],
            memory: Vec::new(),
        };
        let alone = |weights: Weights| {
            let network = Network::new(config.clone(), weights);
            let mut logits = vec![0.0; 30];
            network.logits(&network.queries(&network.encode(&[context.state()])), &mut logits);
            mask(&mut logits, &[3, 7]);
            let mut probabilities = vec![0.0; 30];
            softmax(&logits, &mut probabilities);
            probabilities
        };
        let (prior, online) = (alone(prior), alone(Weights::init(&config, 2)));
        let user_context = EncodedContext::new(context);
        let choice = |number: u64| ChoiceRequest {
            user_context: &user_context,
            consumed: &[3, 7],
            consumed_set: None,
            candidates: None,
            k: 1,
            key: [number, 0, 0],
            greedy: false,
        };
        let mut buffers = Buffers::new();
        for (answered, weight) in [(0, 1.0), (2, 0.65), (4, 0.3), (6, 0.3)] {
            let mut seen = None;
            for slate in ap.choose(&[choice(2 * answered), choice(2 * answered + 1)], &mut buffers) {
                let item = slate.items[0] as usize;
                assert!(item != 3 && item != 7);
                assert_eq!(
                    slate.propensities[0],
                    weight * prior[item] + (1.0 - weight) * online[item]
                );
                assert_eq!((slate.prior[0], slate.adapted[0]), (prior[item], online[item]));
                seen = slate.shown(0);
            }
            for _ in 0..2 {
                ap.mixer.observe(&Evidence {
                    shown: seen.unwrap(),
                    reward: 1.0,
                    advantage: 0.5,
                });
            }
        }
    }
}
