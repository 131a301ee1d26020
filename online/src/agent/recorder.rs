//! Gathers the steps of a rollout: each state once, each episode's steps together.

use super::session::Session;
use crate::adapt::{Experience, Step, Trajectory};

/// The experience since the last update.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    experience: Experience,
    /// Counts rollouts, so that a session knows whether its situation is in this one.
    rollout: u64,
}

impl Recorder {
    /// The index of the session's state, which is added where it is new.
    pub(super) fn context(&mut self, session: &mut Session) -> usize {
        match session.recorded {
            Some((rollout, index)) if rollout == self.rollout => index,
            _ => {
                self.experience.contexts.push(session.situation.clone());
                let index = self.experience.contexts.len() - 1;
                session.recorded = Some((self.rollout, index));
                index
            }
        }
    }

    /// Takes the steps of an episode that has ended.
    pub(super) fn close(&mut self, steps: Vec<Step>) {
        if !steps.is_empty() {
            self.experience
                .trajectories
                .push(Trajectory { steps, next: None });
        }
    }

    /// Takes the steps of an episode that goes on.
    pub(super) fn cut(&mut self, session: &mut Session) {
        if !session.trajectory.is_empty() {
            let steps = std::mem::take(&mut session.trajectory);
            let next = Some(self.context(session));
            self.experience.trajectories.push(Trajectory { steps, next });
        }
    }

    /// Hands out the rollout and begins the next.
    pub(super) fn finish(&mut self) -> Experience {
        self.rollout += 1;
        std::mem::take(&mut self.experience)
    }
}
