//! What the service keeps and writes down of a user when it decides.

use common::policy::State;
use serde::{Deserialize, Serialize};

/// What the policy knows of a user when it decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The user's standardised traits, as many as the network has (zeros where unknown).
    pub traits: Vec<f32>,
    /// The last interactions, at most the network's window, oldest first: item and feedback (+1 liked, -1 not).
    pub history: Vec<(u32, f32)>,
    /// What is kept of all that the user did: the encoder's numbers
    /// ([`common::policy_artifact::NetworkConfig::memory`]: S, n+, n-), then those of the strategy
    /// ([`crate::adapt::Strategy::memory`]). Empty where only `history` is known: it is then made from that.
    /// Decisions and events on disk go without: what is learnt of an answer is learnt at the user's present memory.
    #[serde(skip)]
    pub memory: Vec<f32>,
}

impl Context {
    /// As the network reads it.
    pub fn state(&self) -> State<'_> {
        State {
            history: &self.history,
            memory: &self.memory,
            traits: &self.traits,
        }
    }
}
