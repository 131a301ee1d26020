//! What is measured and how: the part of an evaluation that its result depends on.

use clap::ValueEnum;
use serde::Serialize;

/// Which held-out interactions a list should have found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// Those that were liked: to rank high what was met and not liked is no merit
    #[default]
    Likes,
    /// Every interaction, liked or not
    All,
}

/// When lists are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// One list before each target, with the state moved on through what came before (RecBole's sequential evaluation);
    /// recall and hit are the same here
    #[default]
    Next,
    /// One list a user, before the first held-out interaction, for all of the user's targets together (RecBole's general
    /// recommendation)
    Set,
}

/// Which items are left out of lists and distributions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// What the user consumed before, by the policy's own table, consumed.parquet beside the held-out log and that log so far; a repeated interaction is
    /// then no target. It is how policies are trained and served
    #[default]
    Consumed,
    /// None (RecBole's sequential evaluation)
    None,
}

/// Which items lists are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Among {
    /// The policy's whole catalogue
    #[default]
    Catalogue,
    /// Those that occur in the held-out log: where it has withheld items alone (`pretrain split --withhold-items`), how well
    /// items are told apart that nobody had touched
    HeldOut,
}

/// What to do about held-out interactions with items that the policy's catalogue lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Bad data, with its row
    #[default]
    Refuse,
    /// Count them as what they are: targets that no list finds, actions that the policy never takes
    Miss,
}

/// What an interaction earns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// 1 for a like, else 0
    #[default]
    Like,
    /// The feedback as the log has it
    Feedback,
}

/// Everything about an evaluation but its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// What lists should find.
    pub targets: Targets,
    /// When lists are made.
    pub protocol: Protocol,
    /// Of which items.
    pub among: Among,
    /// What is left out of them.
    pub mask: Mask,
    /// About items that the catalogue lacks.
    pub unknown_items: Unknown,
    /// From where on feedback is a like; over what the log itself says.
    pub like_threshold: Option<f32>,
    /// What an interaction earns.
    pub reward: Reward,
    /// The target policy takes its most probable item, instead of drawing from its softmax.
    pub greedy: bool,
    /// Importance weights above this become this.
    pub max_weight: Option<f64>,
    /// SWITCH's threshold.
    pub tau: f64,
    /// The level of the two-sided intervals, in (0, 1).
    pub confidence: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            targets: Targets::default(),
            protocol: Protocol::default(),
            among: Among::default(),
            mask: Mask::default(),
            unknown_items: Unknown::default(),
            like_threshold: None,
            reward: Reward::default(),
            greedy: false,
            max_weight: None,
            tau: 10.0,
            confidence: 0.95,
        }
    }
}
