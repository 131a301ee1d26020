//! Learning from logged interactions: the loop that behaviour cloning, SQN, SA2C, CQL and Cal-QL share. They differ in
//! what they make of a transition, which is their file's `loss`.

use candle_core::{Device, Tensor};
use clap::ValueEnum;
use common::policy::dropout::Dropout;
use common::rng::{shuffle, stream};
use common::{Error, Result};
use serde::Serialize;

use super::Trained;
use crate::data::replay::{Batch, Batches, Cursor, Pick};
use crate::data::{Event, last, tail_start};
use crate::evaluate::{Held, recall};
use crate::network::categorical::{Choices, Sampling};
use crate::network::parameters::Parameters;
use crate::network::slab::Slab;
use crate::network::{Network, State};
use crate::run::{Loss, Run, Setting};

/// Transitions of a shard: its gradient is computed by one thread.
const SHARD: usize = 64;
/// Users whose tails are read to choose the best weights, and the held-out choices that are ranked, at most.
const MOST_HELD: usize = 4_096;
/// Where the discount has fallen to this a return is cut.
const NEGLIGIBLE: f32 = 1e-4;

/// Which interactions the actor imitates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Imitate {
    /// Those that were liked: choose what users chose and liked
    #[default]
    Likes,
    /// All: choose what users chose (next-item prediction)
    All,
}

/// Hyper-parameters that all methods share which learn from logged interactions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LoggedConfig {
    /// Updates.
    pub steps: u64,
    /// Interactions per update.
    pub batch: usize,
    /// Adam's step size at first; it falls linearly to 0.
    pub learning_rate: f32,
    /// Discount.
    pub gamma: f32,
    /// The last part of each user's log that is held out; the weights with the best recall@10 on it are kept.
    pub validation: f32,
    /// Which interactions the actor imitates.
    pub imitate: Imitate,
    /// The share of what the encoder reads, and of what attention's blocks add, that is left out while training.
    pub dropout: f32,
    /// Updates between two evaluations.
    pub evaluate_every: u64,
}

impl Default for LoggedConfig {
    fn default() -> Self {
        LoggedConfig {
            steps: 2_000,
            batch: 256,
            learning_rate: 5e-3,
            gamma: 0.9,
            validation: 0.1,
            imitate: Imitate::Likes,
            dropout: 0.0,
            evaluate_every: 100,
        }
    }
}

/// A logged interaction with what came before and after.
pub(crate) struct Transition<'a> {
    /// What the user's log held before.
    before: &'a [Event],
    /// What else the user has consumed, at some time.
    without_feedback: &'a [u32],
    /// The state before.
    pub(crate) state: State<'a>,
    /// The state after.
    pub(crate) next: State<'a>,
    /// The action: the item.
    pub(crate) item: u32,
    /// 1 for a like, else 0.
    pub(crate) reward: f32,
    /// Whether nothing comes after it: the end of what is trained on.
    pub(crate) last: bool,
    /// The log's discounted return from here on.
    pub(crate) target: f32,
    /// Whether the actor imitates it: never a repeat, for the policy never offers a consumed item.
    pub(crate) chosen: bool,
}

impl Transition<'_> {
    /// The items consumed before, in any order.
    fn consumed(&self) -> impl Iterator<Item = u32> {
        let before = self.before.iter().map(|(item, _)| *item);
        before.chain(self.without_feedback.iter().copied())
    }
}

/// A part of an update's transitions.
pub(crate) struct Shard<'a> {
    /// The part.
    pub(crate) transitions: &'a [Transition<'a>],
    /// Transitions of the whole update, over which means are taken.
    pub(crate) count: usize,
    /// Those of them that the actor imitates.
    pub(crate) chosen: usize,
    /// The update's number, from 1.
    pub(crate) step: u64,
    /// The run's seed.
    pub(crate) seed: u64,
    /// The shard's number in the update.
    index: u64,
    dropout: f32,
}

/// Draws transitions from the heads of all logs, updates by `loss`, and keeps the weights with the best recall on the tails.
/// `policy` makes the policy's tensors of the parameters.
pub(crate) fn train(
    config: &LoggedConfig,
    mut run: Run,
    policy: impl Fn(Parameters) -> Parameters,
    loss: impl Fn(&Network, &Shard) -> candle_core::Result<Loss> + Sync,
) -> Result<Trained> {
    let heads = Heads::new(run.setting, config);
    heads.require_a_choice()?;
    let logs = heads.held_logs()?;
    let held = heads.held(&logs);
    let mut batches = heads.batches(run.cursor);
    while let Some(step) = run.next_step() {
        let batch = batches.next()?;
        run.cursor = batches.cursor();
        let transitions = heads.transitions(&batch);
        let chosen: Vec<u32> = transitions.iter().map(|t| t.item).collect();
        let states = transitions
            .iter()
            .flat_map(|t| t.state.history.iter().chain(t.next.history));
        let slab = run.slab(&chosen, states.map(|(item, _)| *item));
        let shards: Vec<Shard> = heads.shards(&transitions, step).collect();
        let rate = config.learning_rate * run.left();
        run.update(&slab, &shards, rate, &loss)?;
        if run.due(config.evaluate_every) {
            run.report();
            let candidate = policy(run.parameters.clone());
            let score = match held.is_empty() {
                true => f64::NAN,
                false => recall(&candidate.policy(), &held, 10),
            };
            run.record("tail", &[("recall@10", score)]);
            run.keep_best(score, candidate);
            run.checkpoint()?;
        }
    }
    Ok(run.finish(policy))
}

/// The heads of all logs, to train on, and their tails, to choose weights by.
pub(super) struct Heads<'a> {
    setting: Setting<'a>,
    config: &'a LoggedConfig,
    /// The traits of a user of whom nothing is known.
    unknown: Vec<f32>,
}

/// Batches of transitions of all heads, without end.
pub(super) struct HeadBatches<'a> {
    #[allow(clippy::type_complexity, reason = "a closure has no name")]
    batches: Batches<'a, Box<dyn Fn(u32, &[Event], &mut Vec<Pick>) + 'a>>,
    count: usize,
}

impl HeadBatches<'_> {
    pub(super) fn next(&mut self) -> Result<Batch> {
        self.batches.next(self.count)
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.batches.cursor()
    }
}

impl<'a> Heads<'a> {
    pub(super) fn new(setting: Setting<'a>, config: &'a LoggedConfig) -> Self {
        Heads {
            unknown: vec![0.0; setting.network.traits],
            setting,
            config,
        }
    }

    /// Batches from `cursor` on.
    pub(super) fn batches(&self, cursor: Cursor) -> HeadBatches<'a> {
        let validation = self.config.validation;
        let picks = move |user: u32, log: &[Event], picks: &mut Vec<Pick>| {
            let end = tail_start(log.len(), validation) as u32;
            picks.extend((0..end).map(|at| Pick { user, at }));
        };
        let Setting { dataset, seed, .. } = self.setting;
        HeadBatches {
            batches: Batches::new(&dataset.replay, seed, "pretrain/logged", Box::new(picks), cursor),
            count: self.config.batch,
        }
    }

    /// The parts of an update.
    pub(super) fn shards<'t>(
        &self,
        transitions: &'t [Transition<'t>],
        step: u64,
    ) -> impl Iterator<Item = Shard<'t>> {
        let chosen = transitions.iter().filter(|t| t.chosen).count();
        let (count, seed, dropout) = (transitions.len(), self.setting.seed, self.config.dropout);
        transitions
            .chunks(SHARD)
            .enumerate()
            .map(move |(index, part)| Shard {
                transitions: part,
                count,
                chosen,
                step,
                seed,
                index: index as u64,
                dropout,
            })
    }

    fn is_chosen(&self, log: &[Event], at: usize) -> bool {
        let (item, feedback) = log[at];
        let wanted = feedback > 0.0 || self.config.imitate == Imitate::All;
        wanted && !log[..at].iter().any(|(earlier, _)| *earlier == item)
    }

    /// The state before the interaction `at`. The user's traits were read from the state at the end of the log: an item in
    /// that state is learnt, and ranked, without them, or it would be found by its own reflection.
    fn state<'l>(&'l self, user: u32, log: &'l [Event], at: usize, item: u32) -> State<'l> {
        let Setting { dataset, traits, .. } = self.setting;
        let seen = dataset.states[user as usize]
            .iter()
            .any(|(of_state, _)| *of_state == item);
        State {
            history: last(&log[..at], dataset.window),
            memory: &[],
            traits: if seen {
                &self.unknown
            } else {
                traits.user(user as usize)
            },
        }
    }

    pub(super) fn require_a_choice(&self) -> Result<()> {
        let mut any = false;
        self.setting.dataset.replay.visit(|_, log| {
            let end = tail_start(log.len(), self.config.validation);
            any = any || (0..end).any(|at| self.is_chosen(log, at));
            Ok(())
        })?;
        match any {
            true => Ok(()),
            false => Err(Error::data(
                "the log holds no liked interaction to learn from, besides those held out",
            )),
        }
    }

    /// The logs of some users, drawn at random where there are many.
    fn held_logs(&self) -> Result<Vec<(u32, Vec<Event>)>> {
        let replay = &self.setting.dataset.replay;
        let mut users: Vec<u32> = (0..replay.users() as u32).collect();
        shuffle(
            &mut stream(self.setting.seed, "pretrain/held users", &[]),
            &mut users,
        );
        users.truncate(MOST_HELD);
        users.sort_unstable();
        let logs = replay.of_users(&users)?;
        Ok(users.into_iter().zip(logs).collect())
    }

    /// The choices in the tails of `logs`.
    fn held<'l>(&'l self, logs: &'l [(u32, Vec<Event>)]) -> Vec<Held<'l>> {
        let mut held = Vec::new();
        for (user, log) in logs {
            for at in tail_start(log.len(), self.config.validation)..log.len() {
                if self.is_chosen(log, at) {
                    held.push(Held {
                        state: self.state(*user, log, at, log[at].0),
                        consumed: self.setting.dataset.consumed(*user, &log[..at]),
                        item: log[at].0,
                    });
                }
            }
        }
        shuffle(&mut stream(self.setting.seed, "pretrain/held", &[]), &mut held);
        held.truncate(MOST_HELD);
        held
    }

    pub(super) fn transitions<'l>(&'l self, batch: &'l Batch) -> Vec<Transition<'l>> {
        let one = |pick: &Pick| {
            let (log, at) = (batch.events(pick.user), pick.at as usize);
            let end = tail_start(log.len(), self.config.validation);
            let (item, feedback) = log[at];
            let (mut target, mut weight) = (0.0, 1.0);
            for (_, feedback) in &log[at..end] {
                if weight < NEGLIGIBLE {
                    break;
                }
                target += weight * feedback.max(0.0);
                weight *= self.config.gamma;
            }
            Transition {
                before: &log[..at],
                without_feedback: self.setting.dataset.consumed_without_feedback(pick.user),
                state: self.state(pick.user, log, at, item),
                next: self.state(pick.user, log, at + 1, item),
                item,
                reward: feedback.max(0.0),
                last: at + 1 == end,
                target,
                chosen: self.is_chosen(log, at),
            }
        };
        batch.picks.iter().map(one).collect()
    }
}

impl Shard<'_> {
    /// The states before.
    fn states(&self) -> Vec<State<'_>> {
        self.transitions.iter().map(|t| t.state).collect()
    }

    /// The states before, encoded for training.
    pub(crate) fn encode(&self, network: &Network) -> candle_core::Result<Tensor> {
        let mut dropout = (self.dropout > 0.0).then(|| {
            let rng = stream(self.seed, "pretrain/dropout", &[self.step, self.index]);
            Dropout::new(self.dropout, rng)
        });
        network.encode_training(&self.states(), dropout.as_mut())
    }

    /// The states after.
    pub(crate) fn next_states(&self) -> Vec<State<'_>> {
        self.transitions.iter().map(|t| t.next).collect()
    }

    /// The share that a transition has of a mean over the update.
    pub(crate) fn share(&self) -> f64 {
        1.0 / self.count as f64
    }

    /// The actor's cross-entropy on what it imitates, each weighted by `weight` of the transition's place in the shard; and the
    /// parts "loss" and "entropy" of the report. None where the shard has nothing to imitate.
    pub(crate) fn imitation(
        &self,
        network: &Network,
        encoded: &Tensor,
        weight: impl Fn(usize) -> f32,
    ) -> candle_core::Result<Option<Loss>> {
        let (mut choices, mut rows, mut weights) = (Choices::default(), Vec::new(), Vec::new());
        for (place, t) in self.transitions.iter().enumerate().filter(|(_, t)| t.chosen) {
            let consumed = t.consumed();
            if choices.push(network.slab(), rows.len() as u32, t.item, consumed) {
                rows.push(place as u32);
                weights.push(weight(place));
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let count = rows.len();
        let sampling = Sampling::over(network.slab(), true);
        let rows = Tensor::from_vec(rows, count, &Device::Cpu)?;
        let outcome = choices.apply(&network.logits(&encoded.index_select(&rows, 0)?)?, sampling)?;
        let share = 1.0 / self.chosen as f64;
        let log_p = outcome.narrow(1, 0, 1)?.squeeze(1)?;
        let plain = f64::from(log_p.sum_all()?.to_scalar::<f32>()?) * -share;
        let entropy = f64::from(outcome.narrow(1, 1, 1)?.sum_all()?.to_scalar::<f32>()?) * share;
        let loss = ((log_p * Tensor::from_vec(weights, count, &Device::Cpu)?)?.sum_all()? * -share)?;
        Ok(Some((loss, vec![("loss", plain), ("entropy", entropy)])))
    }

    /// The critic's squared error to `targets`, one per transition, times a half. It reads the encoder and does not shape it.
    pub(crate) fn critic(
        &self,
        network: &Network,
        encoded: &Tensor,
        targets: Vec<f32>,
    ) -> candle_core::Result<Loss> {
        let targets = Tensor::from_vec(targets, self.transitions.len(), &Device::Cpu)?;
        let error = (targets - network.values(&encoded.detach())?)?;
        let loss = (error.sqr()?.sum_all()? * (0.5 * self.share()))?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        Ok((loss, vec![("value loss", value)]))
    }

    /// The log's own returns.
    pub(crate) fn returns(&self) -> Vec<f32> {
        self.transitions.iter().map(|t| t.target).collect()
    }

    /// The places of the items consumed before each transition, and, `after` it, of its own item too.
    pub(crate) fn masked(&self, slab: &Slab, after: bool) -> Vec<Vec<u32>> {
        let of = |t: &Transition| {
            let own = after.then_some(t.item);
            let items = t.consumed().chain(own);
            items.filter_map(|item| slab.candidate(item)).collect()
        };
        self.transitions.iter().map(of).collect()
    }

    /// The places of the items chosen; every update's slab has them as candidates.
    pub(crate) fn actions(&self, slab: &Slab) -> candle_core::Result<Vec<u32>> {
        let places = self.transitions.iter().map(|t| slab.candidate(t.item));
        match places.collect() {
            Some(places) => Ok(places),
            None => candle_core::bail!("a chosen item is not a candidate"),
        }
    }
}

/// The sum of losses, and all their parts.
pub(crate) fn total(losses: impl IntoIterator<Item = Loss>) -> candle_core::Result<Loss> {
    let mut losses = losses.into_iter();
    let Some((mut sum, mut parts)) = losses.next() else {
        candle_core::bail!("a loss without a part")
    };
    for (loss, more) in losses {
        sum = (sum + loss)?;
        parts.extend(more);
    }
    Ok((sum, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::smoke::{LOGGED, World};
    use crate::data::{TraitSource, WithoutFeedback};

    #[test]
    fn what_a_user_is_known_to_have_had_is_masked() {
        let mut world = World::new(TraitSource::None);
        let logs = world.dataset.logs().unwrap();
        let in_log = |user: usize, item: &u32| logs[user].iter().any(|(other, _)| other == item);
        let had: Vec<u32> = (0..logs.len())
            .map(|user| (0..40).find(|item| !in_log(user, item)).unwrap())
            .collect();
        let pairs = (0..).zip(had.iter().copied()).collect();
        world.dataset.without_feedback = WithoutFeedback::of_pairs(60, pairs);
        let run = world.run(1, 0, None);
        let heads = Heads::new(run.setting, &LOGGED);
        let batch = heads.batches(Cursor::default()).next().unwrap();
        let transitions = heads.transitions(&batch);
        let masked = heads
            .shards(&transitions, 1)
            .flat_map(|shard| shard.masked(&Slab::Whole, false));
        let masked: Vec<Vec<u32>> = masked.collect();
        assert_eq!(masked.len(), batch.picks.len());
        for (pick, masked) in batch.picks.iter().zip(masked) {
            assert!(masked.contains(&had[pick.user as usize]));
            assert_eq!(masked.len(), pick.at as usize + 1);
        }
        let logs = heads.held_logs().unwrap();
        for held in heads.held(&logs) {
            assert!(had.iter().any(|item| held.consumed.contains(item)));
            assert!(held.consumed.is_sorted_by(|a, b| a < b));
        }
    }
}
