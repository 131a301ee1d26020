//! Apprentice: what another system shows and what comes back for it, as lessons for a policy that shows nothing itself.
//!
//! Of each item shown this keeps what the policy would have done then: its own draw, the probability pi(a|x) that it gave the
//! shown item, and what a model of rewards said. The model is each item's mean reward so far, drawn towards that of all by ten
//! answers; it has seen nothing of the answer that it is used for. With the present system's propensity mu, w = pi / mu and the
//! reward r, the policy's value is estimated by (Swaminathan and Joachims 2015, eq. 8; Dudik et al. 2014, eq. 3.3)
//!
//! ```text
//! SNIPS = sum of w r / sum of w        DR = mean of v + w (r - q(a)),   v = sum over items of pi(b|x) q(b)
//! ```
//!
//! and held to the present system's mean r on the same answers. Variances are those of linearised sums over users, and the
//! intervals hold at all times at once ([`common::stats::sequence_half`]). The policy learns on the way: what is
//! estimated is the value of what it would have done as it was at each moment.

mod model;
mod report;
#[cfg(test)]
mod tests;

pub use report::Report;

use std::collections::BTreeMap;

use common::stats::LEVEL;
use serde::{Deserialize, Serialize};

use self::model::Model;
use super::clusters::{Clusters, Saved};
use super::tally::{FEWEST_USERS, Interval};
use crate::live::{Decision, Event, State};

/// Of a user's sums: answers, r, r r, w, w w, w r, and v + w (r - q).
const ANSWERS: usize = 0;
const REWARDS: usize = 1;
const SQUARES: usize = 2;
const WEIGHTS: usize = 3;
const WEIGHTS_SQUARED: usize = 4;
const WEIGHED: usize = 5;
const ROBUST: usize = 6;
const SUMS: usize = 7;

/// What the policy would have done where another system showed an item.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// The item that it drew itself, which nobody saw.
    pub own: u32,
    /// The probability that it drew it with.
    pub own_propensity: f32,
    /// The probability that it gave the shown item.
    pub target: f32,
    /// The probability that the present system showed it with, where that is known.
    pub propensity: Option<f32>,
    /// The modelled reward of the shown item.
    pub modelled: f64,
    /// The modelled reward of what it would have shown.
    pub expected: f64,
}

/// Lessons that wait for their answers, the model of rewards, and the sums.
#[derive(Debug, Default)]
pub(crate) struct Apprentice {
    /// Which policy the sums are of.
    epoch: u32,
    /// By request; those that can no longer be answered go.
    lessons: BTreeMap<u64, Lesson>,
    model: Model,
    shown: u64,
    same: u64,
    target: f64,
    without_propensity: u64,
    sums: Clusters<SUMS>,
}

#[derive(Serialize, Deserialize)]
struct SavedApprentice {
    epoch: u32,
    lessons: Vec<(u64, Lesson)>,
    items: Vec<(String, f64, f64)>,
    shown: u64,
    same: u64,
    target: f64,
    without_propensity: u64,
    sums: Vec<Saved>,
}

impl Apprentice {
    /// What the policy would do, `own` and by the distribution `acting`, where the present system shows `item`.
    pub(crate) fn lesson(
        &self,
        state: &State,
        own: (u32, f32),
        acting: &[f32],
        item: u32,
        propensity: Option<f32>,
    ) -> Lesson {
        Lesson {
            own: own.0,
            own_propensity: own.1,
            target: acting.get(item as usize).map_or(0.0, |p| p.clamp(0.0, 1.0)),
            propensity,
            modelled: self.model.reward(state.items().id(item)),
            expected: self.model.expectation(state, acting),
        }
    }

    /// The present system showed something; no more than `kept` lessons wait for their answers.
    pub(crate) fn shown(&mut self, decision: &Decision, lesson: Lesson, kept: usize) {
        self.serve(decision.epoch);
        if self.lessons.len() >= kept {
            self.lessons.pop_first();
        }
        self.shown += 1;
        self.same += u64::from(decision.slate.items.first() == Some(&lesson.own));
        self.target += f64::from(lesson.target);
        self.lessons.insert(decision.request, lesson);
    }

    /// Something came back; `item` is the id of what was shown. Answers to what was shown under a former policy teach the
    /// model of rewards alone.
    pub(crate) fn answered(&mut self, event: &Event, item: &str) {
        let Some(lesson) = self.lessons.remove(&event.request) else {
            return;
        };
        let reward = f64::from(event.reward);
        self.model.add(item, 1.0, reward);
        if event.epoch != self.epoch {
            return;
        }
        let Some(propensity) = lesson.propensity else {
            self.without_propensity += 1;
            return;
        };
        let weight = f64::from(lesson.target) / f64::from(propensity);
        let mut sums = [0.0; SUMS];
        sums[ANSWERS] = 1.0;
        sums[REWARDS] = reward;
        sums[SQUARES] = reward * reward;
        sums[WEIGHTS] = weight;
        sums[WEIGHTS_SQUARED] = weight * weight;
        sums[WEIGHED] = weight * reward;
        sums[ROBUST] = lesson.expected + weight * (reward - lesson.modelled);
        self.sums.add(&event.user, sums);
    }

    /// The policy of this epoch acts: what was counted of another is not its own.
    fn serve(&mut self, epoch: u32) {
        if self.epoch != epoch {
            *self = Apprentice {
                epoch,
                lessons: std::mem::take(&mut self.lessons),
                model: std::mem::take(&mut self.model),
                ..Apprentice::default()
            };
        }
    }

    /// What is known so far.
    pub(crate) fn report(&self) -> Report {
        let total = |of: usize| self.sums.total(of);
        let answers = total(ANSWERS);
        let share = |count: f64| (self.shown > 0).then(|| count / self.shown as f64);
        let some = |value: f64| (answers > 0.0).then_some(value);
        let effective = match total(WEIGHTS_SQUARED) > 0.0 {
            true => total(WEIGHTS).powi(2) / total(WEIGHTS_SQUARED),
            false => 0.0,
        };
        let (incumbent, snips, robust) = (
            total(REWARDS) / answers,
            total(WEIGHED) / total(WEIGHTS),
            total(ROBUST) / answers,
        );
        let row = |entries: &[(usize, f64)]| {
            let mut row = [0.0; SUMS];
            entries.iter().for_each(|(at, weight)| row[*at] = *weight);
            row
        };
        let of_snips = row(&[
            (WEIGHED, 1.0 / total(WEIGHTS)),
            (WEIGHTS, -snips / total(WEIGHTS)),
        ]);
        let of_robust = row(&[(ROBUST, 1.0 / answers), (ANSWERS, -robust / answers)]);
        let of_incumbent = row(&[(REWARDS, 1.0 / answers), (ANSWERS, -incumbent / answers)]);
        let less = |a: [f64; SUMS]| {
            let mut difference = a;
            let parts = difference.iter_mut().zip(of_incumbent);
            parts.for_each(|(a, b)| *a -= b);
            difference
        };
        let spread = total(SQUARES) / answers - incumbent * incumbent;
        let interval = |estimate: f64, residuals: [f64; SUMS]| self.interval(estimate, residuals, spread);
        let mut report = Report {
            shown: self.shown,
            agreement: share(self.same as f64),
            target_probability: share(self.target),
            answered: answers as u64,
            answered_without_propensity: self.without_propensity,
            users: self.sums.users() as u64,
            incumbent: some(incumbent),
            snips: interval(snips, of_snips),
            dr: interval(robust, of_robust),
            snips_difference: interval(snips - incumbent, less(of_snips)),
            dr_difference: interval(robust - incumbent, less(of_robust)),
            effective_sample_size: effective,
            mean_weight: some(total(WEIGHTS) / answers),
            ready: false,
            reasons: Vec::new(),
        };
        report.reasons = report.against();
        report.ready = report.reasons.is_empty();
        report
    }

    /// An estimate with the variance of a sum over users; none below 100 users, or where no weight is left.
    fn interval(&self, estimate: f64, residuals: [f64; SUMS], spread: f64) -> Option<Interval> {
        if self.sums.users() < FEWEST_USERS {
            return None;
        }
        Interval::always(estimate, self.sums.variance(residuals), spread, 1.0 - LEVEL)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shown == 0 && self.lessons.is_empty() && self.model.items().next().is_none()
    }

    /// As bytes; none where nothing was ever shown.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let saved = SavedApprentice {
            epoch: self.epoch,
            lessons: self
                .lessons
                .iter()
                .map(|(request, lesson)| (*request, *lesson))
                .collect(),
            items: self
                .model
                .items()
                .map(|(id, answers, rewards)| (id.to_string(), answers, rewards))
                .collect(),
            shown: self.shown,
            same: self.same,
            target: self.target,
            without_propensity: self.without_propensity,
            sums: self.sums.save(),
        };
        // Writing to memory does not fail.
        postcard::to_stdvec(&saved).unwrap_or_default()
    }

    /// What [`Apprentice::snapshot`] gave; none where it is damaged.
    pub(crate) fn restore(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Apprentice::default());
        }
        let saved: SavedApprentice = postcard::from_bytes(bytes).ok()?;
        let mut model = Model::default();
        for (item, answers, rewards) in &saved.items {
            model.add(item, *answers, *rewards);
        }
        Some(Apprentice {
            epoch: saved.epoch,
            lessons: saved.lessons.into_iter().collect(),
            model,
            shown: saved.shown,
            same: saved.same,
            target: saved.target,
            without_propensity: saved.without_propensity,
            sums: Clusters::restore(&saved.sums)?,
        })
    }
}
