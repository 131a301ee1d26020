//! What comes back for a recommendation, and what becomes of it.

use std::fmt;

use super::decision::Event;

/// Feedback for one recommended item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feedback<'a> {
    /// Which recommendation.
    pub subject: Subject<'a>,
    /// The reward; finite, at most 1e6 in absolute value.
    pub reward: f32,
    /// When it came, in milliseconds since 1970. It orders nothing: what came first was applied first.
    pub timestamp_ms: i64,
}

/// The ways to say which recommendation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// By the decision's number, and the item's code, which a slate of one does not need.
    Request {
        /// The number.
        request: u64,
        /// The item.
        item: Option<u32>,
    },
    /// The newest recommendation of an item to a user.
    Shown {
        /// The user's id.
        user: &'a str,
        /// The item's code.
        item: u32,
    },
}

/// What [`super::Pending::take`] found.
#[derive(Debug, Clone)]
pub enum Taken {
    /// An open recommendation, which now counts as answered: the event is to be applied.
    Open(Event),
    /// It was answered with this very reward before: nothing is to be done.
    Duplicate,
}

/// Why feedback is not taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Refusal {
    /// No such recommendation was made.
    Unknown,
    /// It was made so long ago that it is forgotten, or its item has left the catalogue.
    Expired,
    /// It was answered with another reward.
    Conflict {
        /// That reward.
        given: f32,
    },
    /// The item is not in the slate of that request.
    NotRecommended,
    /// The slate has several items, and the feedback names none.
    Ambiguous,
    /// The reward is not a finite number, or beyond [`super::MOST_REWARD`].
    Reward,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unknown => f.write_str("no such recommendation was made"),
            Refusal::Expired => {
                f.write_str("the recommendation is too old, or its item has left the catalogue")
            }
            Refusal::Conflict { given } => {
                write!(
                    f,
                    "the recommendation was answered already, with the reward {given}"
                )
            }
            Refusal::NotRecommended => f.write_str("the item was not recommended by that request"),
            Refusal::Ambiguous => f.write_str("several items were recommended: the feedback must name one"),
            Refusal::Reward => write!(
                f,
                "the reward is not a number from -{0} to {0}",
                super::decision::MOST_REWARD
            ),
        }
    }
}
