//! How much the prior has to say in A-iALP_ap: the weight w of w * prior + (1 - w) * online.
//!
//! A rule, one file each, gives a weight; before it stands the warm-up, over it the gate.

mod decaying;
mod gate;
mod learned;

pub use gate::GateSettings;
pub(super) use gate::radius;

use common::Result;
use serde::{Deserialize, Serialize};

use super::{Reason, saved};
use crate::explore::Shown;
use gate::Gate;
use learned::Hedge;

/// Which rule gives the prior's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Always the same; 0 leaves the prior out
    Fixed,
    /// Falling in a line from 1 to the floor
    Decaying,
    /// One weight for all, moved by which of the two earned more (Hedge)
    Learned,
}

/// How the prior is weighted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mixing {
    /// The rule.
    pub rule: Rule,
    /// The fixed weight, or what a falling weight ends at and a learned one stays away from 0 and 1 by.
    pub floor: f32,
    /// Answered recommendations until a falling weight has reached the floor.
    pub decay: u64,
    /// Answered recommendations that the prior alone makes at first, while the critic learns and the actor does not
    /// (warm-up; WSRL, Zhou et al. 2024, arXiv 2412.07762).
    pub warm_up: u64,
    /// The conservative gate; none: open.
    pub gate: Option<GateSettings>,
}

impl Mixing {
    /// Falling to a tenth over the first answers.
    pub const DEFAULT: Mixing = Mixing {
        rule: Rule::Decaying,
        floor: 0.1,
        decay: 10_000,
        warm_up: 0,
        gate: None,
    };
}

/// What one answered recommendation says about the two policies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub(super) shown: Shown,
    /// What came back.
    pub(super) reward: f32,
    /// How much more that was, with the state it led to, than the critic expected.
    pub(super) advantage: f32,
}

impl Evidence {
    /// The importance-weighted gain of the adapted policy over the prior: in expectation over the draw, the adapted
    /// policy's advantage minus the prior's. The weights are bounded, because what was drawn from mixes both.
    fn gain(&self) -> f64 {
        let Shown {
            propensity,
            prior,
            adapted,
            ..
        } = self.shown;
        f64::from(self.advantage) * f64::from(adapted - prior) / f64::from(propensity)
    }
}

/// What the rule has learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Learnt {
    Nothing,
    Hedge(Hedge),
}

/// The weight as it stands.
#[derive(Debug, Clone)]
pub(super) struct Mixer {
    settings: Mixing,
    state: State,
}

/// What [`Mixer`] saves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    answered: u64,
    learnt: Learnt,
    gate: Option<Gate>,
}

impl Mixer {
    /// At the start.
    pub(super) fn new(settings: Mixing) -> Self {
        let learnt = match settings.rule {
            Rule::Fixed | Rule::Decaying => Learnt::Nothing,
            Rule::Learned => Learnt::Hedge(Hedge::default()),
        };
        let state = State {
            answered: 0,
            learnt,
            gate: settings.gate.map(|_| Gate::default()),
        };
        Mixer { settings, state }
    }

    /// Whether the prior still acts alone.
    fn warming(&self) -> bool {
        self.state.answered < self.settings.warm_up
    }

    /// The prior's weight.
    pub(super) fn weight(&self) -> f32 {
        if self.warming() {
            return 1.0;
        }
        let wanted = self.wanted();
        match (&self.state.gate, &self.settings.gate) {
            (Some(gate), Some(settings)) if !gate.is_open(settings) => wanted.max(1.0 - settings.alpha),
            _ => wanted,
        }
    }

    /// The weight by the rule alone.
    fn wanted(&self) -> f32 {
        let floor = self.settings.floor;
        match &self.state.learnt {
            Learnt::Nothing if self.settings.rule == Rule::Decaying => {
                let since = self.state.answered.saturating_sub(self.settings.warm_up);
                decaying::weight(floor, self.settings.decay, since)
            }
            Learnt::Nothing => floor,
            Learnt::Hedge(hedge) => between(hedge.weight(), floor),
        }
    }

    /// Learns from an answered recommendation.
    pub(super) fn observe(&mut self, evidence: &Evidence) {
        let warm = self.warming();
        self.state.answered += 1;
        if warm {
            return;
        }
        // Weighed before anything is learnt from this answer, so that what is weighed does not depend on it.
        let wanted = self.wanted();
        if let (Some(gate), Some(settings)) = (&mut self.state.gate, &self.settings.gate) {
            gate.observe(settings, &evidence.shown, wanted, evidence.reward);
        }
        match &mut self.state.learnt {
            Learnt::Nothing => {}
            Learnt::Hedge(hedge) => hedge.observe(evidence.gain()),
        }
    }

    /// What led to the weight.
    pub(super) fn reasons(&self) -> Vec<Reason> {
        let mut reasons = vec![Reason {
            name: "answered",
            value: self.state.answered as f64,
            meaning: match self.settings.warm_up {
                0 => "recommendations answered so far".into(),
                n if self.warming() => {
                    format!("recommendations answered so far; the prior acts alone until {n}")
                }
                n => format!("recommendations answered so far; the warm-up of {n} is over"),
            },
        }];
        if let (Some(gate), Some(settings)) = (&self.state.gate, &self.settings.gate) {
            reasons.extend(gate.reasons(settings));
        }
        match &self.state.learnt {
            Learnt::Nothing => {}
            Learnt::Hedge(hedge) => reasons.extend(hedge.reasons()),
        }
        reasons.push(Reason {
            name: "wanted_weight",
            value: f64::from(self.wanted()),
            meaning: "the prior's weight by the rule alone, before warm-up and gate".into(),
        });
        reasons
    }

    /// All that was learnt.
    pub(super) fn save(&self) -> Vec<u8> {
        saved::pack(&self.state)
    }

    /// Takes over what [`Mixer::save`] gave.
    ///
    /// # Errors
    /// Bytes that are damaged or belong to other settings.
    pub(super) fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let state: State = saved::unpack(bytes)?;
        let sound = match (&state.learnt, &self.state.learnt) {
            (Learnt::Nothing, Learnt::Nothing) => true,
            (Learnt::Hedge(hedge), Learnt::Hedge(_)) => hedge.is_sound(),
            _ => false,
        };
        let gate_is_sound = match (&state.gate, &self.state.gate) {
            (None, None) => true,
            (Some(gate), Some(_)) => gate.is_sound(),
            _ => false,
        };
        if !sound || !gate_is_sound {
            return Err(saved::damaged(
                "the prior's weight was learnt under other settings",
            ));
        }
        self.state = state;
        Ok(())
    }

    /// Counts as many answers as `other` has, and with `same_space` takes over what it knows of states; the gate starts anew,
    /// because it compares with a prior that is new.
    pub(super) fn carry(&mut self, bytes: &[u8], same_space: bool) -> Result<bool> {
        let mut other = self.clone();
        other.restore(bytes)?;
        self.state.answered = other.state.answered;
        if same_space {
            self.state.learnt = other.state.learnt;
        }
        Ok(same_space)
    }
}

fn between(weight: f64, floor: f32) -> f32 {
    let floor = floor.min(0.5);
    (weight as f32).clamp(floor, 1.0 - floor)
}
