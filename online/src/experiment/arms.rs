//! The arms of an experiment: the reference and the policies that are tried beside it, each a live state of its own.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::fingerprint::Fingerprint;
use common::schema::decisions::REFERENCE;
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::assignment::{Assignment, PLACES};
use super::tally::{Past, SavedTallies, Standing, Tallies};
use super::turn::{Change, Turn};
use crate::live::{Applied, Decision, Event, Pending, State};

/// What serves: the reference alone, or an experiment. What is asked of it is asked of the reference, but where an arm is named.
pub struct Arms {
    reference: State,
    experiment: Option<Box<Experiment>>,
}

struct Experiment {
    assignment: Assignment,
    /// By number.
    arms: Vec<Arm>,
    /// Arms that ever joined: the number of the latest.
    joined: u16,
    /// Recommendations are counted while the states are shared.
    tallies: Mutex<Tallies>,
}

struct Arm {
    name: String,
    state: State,
    stepped_back: bool,
}

/// An experiment on disk; the reference's state stands beside it.
#[derive(Serialize, Deserialize)]
struct SavedExperiment {
    assignment: Assignment,
    arms: Vec<SavedArm>,
    joined: u16,
    tallies: SavedTallies,
}

#[derive(Serialize, Deserialize)]
struct SavedArm {
    number: u16,
    epoch: u32,
    stepped_back: bool,
    state: Vec<u8>,
}

impl Deref for Arms {
    type Target = State;

    fn deref(&self) -> &State {
        &self.reference
    }
}

impl DerefMut for Arms {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.reference
    }
}

impl Experiment {
    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        // Sums are whole whoever has panicked.
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standings(&self, tallies: &Tallies) -> Vec<Standing> {
        let share = |arm: u16| f64::from(self.assignment.places(arm)) / f64::from(PLACES);
        let reference = Standing {
            arm: REFERENCE.to_string(),
            share: share(0),
            ..tallies.standing(0)
        };
        let arms = self.arms.iter().map(|arm| Standing {
            arm: arm.name.clone(),
            share: share(arm.state.arm()),
            stepped_back: arm.stepped_back,
            ..tallies.standing(arm.state.arm())
        });
        std::iter::once(reference).chain(arms).collect()
    }
}

impl Arms {
    /// The reference alone.
    pub(crate) fn new(reference: State) -> Self {
        Arms {
            reference,
            experiment: None,
        }
    }

    /// The experiment, while an arm takes part beside the reference.
    fn running(&self) -> Option<&Experiment> {
        let experiment = self.experiment.as_deref();
        experiment.filter(|experiment| !experiment.arms.is_empty())
    }

    /// The state that decides for `user`.
    pub fn of_user(&self, user: &str) -> &State {
        match self.running() {
            None => &self.reference,
            Some(experiment) => {
                let number = experiment.assignment.arm_of(user);
                self.state(number).unwrap_or(&self.reference)
            }
        }
    }

    /// The state of an arm; none where there is no such arm, or it has left.
    pub fn state(&self, number: u16) -> Option<&State> {
        match number {
            0 => Some(&self.reference),
            _ => self
                .others()
                .map(|arm| &arm.state)
                .find(|state| state.arm() == number),
        }
    }

    /// The number of the arm of this name, where it takes part.
    pub fn number_of(&self, name: &str) -> Option<u16> {
        let mut others = self.others();
        match name == REFERENCE && self.is_experiment() {
            true => Some(0),
            false => others.find(|arm| arm.name == name).map(|arm| arm.state.arm()),
        }
    }

    /// The name of an arm; none where there is no experiment, or it has left.
    pub fn name_of(&self, number: u16) -> Option<&str> {
        self.running()?;
        match number {
            0 => Some(REFERENCE),
            _ => self
                .others()
                .find(|arm| arm.state.arm() == number)
                .map(|arm| arm.name.as_str()),
        }
    }

    /// What is said of an arm in a line of the log: nothing of the reference alone.
    pub(crate) fn told(&self, number: u16) -> String {
        let name = self.name_of(number).map(|name| format!(" (arm `{name}`)"));
        name.unwrap_or_default()
    }

    /// The numbers of all arms, the reference's 0 first.
    pub fn numbers(&self) -> impl Iterator<Item = u16> {
        std::iter::once(0).chain(self.others().map(|arm| arm.state.arm()))
    }

    /// Whether an arm's catalogue has the item of this id.
    pub(crate) fn has_item(&self, id: &str) -> bool {
        let mut states = self.numbers().filter_map(|arm| self.state(arm));
        states.any(|state| state.items().code(id).is_some())
    }

    /// No arm recommends items of these ids from now on, and each all others.
    pub(crate) fn retire(&mut self, retired: &Arc<BTreeSet<String>>) {
        self.reference.retire(retired);
        let others = self
            .experiment
            .iter_mut()
            .flat_map(|experiment| &mut experiment.arms);
        others.for_each(|arm| arm.state.retire(retired));
    }

    /// The names of all arms but the reference.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.others().map(|arm| arm.name.as_str())
    }

    /// The arms as they stand, the reference first; none where there is no experiment.
    pub fn standings(&self) -> Vec<Standing> {
        let standings = |experiment: &Experiment| experiment.standings(&experiment.tallies());
        self.running().map_or_else(Vec::new, standings)
    }

    /// The periods that are over, oldest first.
    pub fn past(&self) -> Vec<Past> {
        let past = |experiment: &Experiment| experiment.tallies().past().to_vec();
        self.experiment.as_deref().map_or_else(Vec::new, past)
    }

    /// Counts what was recommended.
    pub(crate) fn shown(&self, decision: &Decision) {
        self.shown_to(decision.arm, &decision.user, decision.slate.items.len() as u32);
    }

    /// Counts so many items.
    pub(crate) fn shown_to(&self, arm: u16, user: &str, items: u32) {
        if let Some(experiment) = self.running() {
            experiment.tallies().shown(arm, user, items);
        }
    }

    /// The arm that is to be stepped back from, if one is.
    pub(crate) fn worse(&self) -> Option<u16> {
        let experiment = self.running()?;
        let tallies = experiment.tallies();
        let mut serving = experiment.arms.iter().map(|arm| arm.state.arm());
        serving.find(|arm| experiment.assignment.places(*arm) > 0 && tallies.is_worse(*arm))
    }

    /// Applies an answer: the arm that decided learns from it, all others take note.
    ///
    /// # Errors
    /// As [`State::apply`].
    pub fn apply(&mut self, event: &mut Event) -> Result<Applied> {
        let Some(experiment) = &mut self.experiment else {
            return self.reference.apply(event);
        };
        let Experiment { arms, tallies, .. } = &mut **experiment;
        let others = arms.iter_mut().map(|arm| &mut arm.state);
        let mut states: Vec<&mut State> = std::iter::once(&mut self.reference).chain(others).collect();
        // What an arm has decided that left since is in the codes of the reference.
        let decider = states.iter().position(|state| state.arm() == event.arm);
        let decider = states.swap_remove(decider.unwrap_or(0));
        let applied = decider.apply(event)?;
        let item = decider.items().id(event.shown.item);
        for state in states {
            let code = state.items().code(item);
            state.witness(&event.user, code, event.reward);
        }
        let tallies = tallies.get_mut().unwrap_or_else(PoisonError::into_inner);
        tallies.answered(event.arm, &event.user, event.request, event.reward);
        Ok(applied)
    }

    /// The number that the next arm gets.
    pub(crate) fn next_number(&self) -> Result<u16> {
        let joined = self.experiment.as_ref().map_or(0, |experiment| experiment.joined);
        let next = joined.checked_add(1);
        next.ok_or_else(|| Error::usage("there were more than 65,535 arms"))
    }

    /// An arm joins, with no user yet.
    pub(crate) fn join(&mut self, name: String, state: State, seed: u64) {
        let experiment = self.experiment.get_or_insert_with(|| {
            Box::new(Experiment {
                assignment: Assignment::new(seed),
                arms: Vec::new(),
                joined: 0,
                tallies: Mutex::default(),
            })
        });
        experiment.joined = state.arm();
        experiment.arms.push(Arm {
            name,
            state,
            stepped_back: false,
        });
    }

    /// The state of an arm, to be changed.
    pub(crate) fn state_mut(&mut self, number: u16) -> Option<&mut State> {
        if number == 0 {
            return Some(&mut self.reference);
        }
        let arms = &mut self.experiment.as_mut()?.arms;
        arms.iter_mut()
            .map(|arm| &mut arm.state)
            .find(|state| state.arm() == number)
    }

    /// Takes a turn whose policy, where it has one, has joined or taken over already: shares change, an arm leaves, and in any
    /// case a new period begins.
    ///
    /// # Errors
    /// Shares that do not fit together, an arm that does not take part; nothing changes then.
    pub(crate) fn turn(&mut self, turn: &Turn, pending: &mut Pending) -> Result<()> {
        let ended_by = turn
            .change
            .told(|arm| self.name_of(arm).unwrap_or("?").to_string());
        let Some(experiment) = &mut self.experiment else {
            return Err(Error::data("there is no experiment to change"));
        };
        let standings = experiment.standings(&experiment.tallies());
        let known = |number: u16| experiment.arms.iter().any(|arm| arm.state.arm() == number);
        match &turn.change {
            Change::Shares { shares, stepped_back } => {
                if let Some((arm, _)) = shares.iter().find(|(arm, _)| !known(*arm)) {
                    return Err(Error::data(format!("there is no arm {arm}")));
                }
                experiment.assignment.change(shares)?;
                for arm in &mut experiment.arms {
                    let number = arm.state.arm();
                    let named = shares.iter().any(|(of, _)| *of == number);
                    arm.stepped_back = *stepped_back == Some(number) || (arm.stepped_back && !named);
                }
            }
            Change::Left { arm } => {
                let place = experiment.arms.iter().position(|one| one.state.arm() == *arm);
                let place = place.ok_or_else(|| Error::data(format!("there is no arm {arm}")))?;
                experiment.assignment.change(&[(*arm, 0)])?;
                let left = experiment.arms.remove(place).state;
                let code = |id: &str| self.reference.items().code(id);
                let map: Vec<Option<u32>> = left.items().ids().map(code).collect();
                pending.change(*arm, &map, |decision| self.reference.adopt(decision, &map));
            }
            Change::Joined { .. } | Change::Swapped { .. } => {}
        }
        let past = Past {
            ended_by,
            arms: standings,
        };
        experiment.tallies().begin(turn.from_request, past);
        Ok(())
    }

    /// Whether the reference stands beside others.
    pub fn is_experiment(&self) -> bool {
        self.running().is_some()
    }

    /// The fingerprint of all that history decides: two with the same one are the same.
    pub fn digest(&self) -> Fingerprint {
        let Some(experiment) = &self.experiment else {
            return self.reference.digest();
        };
        let states: Vec<Vec<u8>> = std::iter::once(&self.reference)
            .chain(experiment.arms.iter().map(|arm| &arm.state))
            .map(State::snapshot)
            .collect();
        let counted = experiment.tallies().counted();
        let rest = postcard::to_stdvec(&(&experiment.assignment, counted)).unwrap_or_default();
        Fingerprint::of_parts(states.iter().chain([&rest]).map(Vec::as_slice))
    }

    /// Of each arm that takes part, the reference first, its number and the epoch of its policy.
    pub(crate) fn epochs(&self) -> Vec<(u16, u32)> {
        let others = self.others().map(|arm| (arm.state.arm(), arm.state.epoch()));
        std::iter::once((0, self.epoch())).chain(others).collect()
    }

    /// All but the reference's state, as bytes; none where there is no experiment.
    pub(crate) fn snapshot_of_experiment(&self) -> Vec<u8> {
        let Some(experiment) = &self.experiment else {
            return Vec::new();
        };
        let arms = experiment.arms.iter().map(|arm| SavedArm {
            number: arm.state.arm(),
            epoch: arm.state.epoch(),
            stepped_back: arm.stepped_back,
            state: arm.state.snapshot(),
        });
        let saved = SavedExperiment {
            assignment: experiment.assignment.clone(),
            arms: arms.collect(),
            joined: experiment.joined,
            tallies: experiment.tallies().save(),
        };
        // Writing to memory does not fail.
        postcard::to_stdvec(&saved).unwrap_or_default()
    }

    /// Takes over what [`Arms::snapshot_of_experiment`] gave; `fresh` makes the state of an arm and an epoch to which nothing has
    /// happened, with the arm's name.
    ///
    /// # Errors
    /// Bytes that are damaged, of which `told` makes its error, and those of `fresh`.
    pub(crate) fn restore_experiment(
        &mut self,
        bytes: &[u8],
        fresh: impl Fn(u16, u32) -> Result<(String, State)>,
        told: impl Fn(Error) -> Error,
    ) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let damaged = || told(Error::data("the snapshot's experiment is damaged"));
        let saved: SavedExperiment = postcard::from_bytes(bytes).map_err(|_| damaged())?;
        let mut arms = Vec::with_capacity(saved.arms.len());
        for arm in saved.arms {
            let (name, mut state) = fresh(arm.number, arm.epoch)?;
            state.restore(&arm.state).map_err(&told)?;
            arms.push(Arm {
                name,
                state,
                stepped_back: arm.stepped_back,
            });
        }
        if !saved.assignment.is_whole() {
            return Err(damaged());
        }
        self.experiment = Some(Box::new(Experiment {
            assignment: saved.assignment,
            arms,
            joined: saved.joined,
            tallies: Mutex::new(saved.tallies.restore().ok_or_else(damaged)?),
        }));
        Ok(())
    }

    fn others(&self) -> impl Iterator<Item = &Arm> {
        self.experiment.iter().flat_map(|experiment| &experiment.arms)
    }
}
