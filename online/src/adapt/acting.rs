//! From moments to distributions: what every strategy with a network does before it draws.

use common::policy::distribution::{mask, powers, restrict};
use common::policy::{Network, State};

use super::situation::recall_all;
use super::{Moment, Room, Situation};
use crate::explore::Deck;

/// Moments whose logits are held at once.
pub(super) const ROWS: usize = 32;

/// Writes the encoder's states of the situations to `states`, `[situations, hidden]`. With a `revision` of the encoder's
/// weights they are taken from and left in the situations.
pub(super) fn encode<'a>(
    network: &Network,
    revision: Option<u64>,
    situations: impl IntoIterator<Item = &'a Situation>,
    states: &mut Vec<f32>,
) {
    match revision {
        Some(revision) => {
            let make = |contexts: &[State]| network.encode(contexts);
            recall_all(revision, network.config().hidden, situations, states, make);
        }
        None => {
            let state = |situation: &'a Situation| situation.context().state();
            let contexts: Vec<State> = situations.into_iter().map(state).collect();
            *states = network.encode(&contexts);
        }
    }
}

/// The network's logits for encoded `states`, none masked.
pub(super) fn logits(network: &Network, states: &[f32], logits: &mut Vec<f32>) {
    let queries = network.queries(states);
    logits.resize(
        states.len() / network.config().hidden * network.config().items,
        0.0,
    );
    network.logits(&queries, logits);
}

/// Makes `deck` the softmax of what may be chosen at `moment`; `logits` are masked.
pub(super) fn deal(deck: &mut Deck, logits: &mut [f32], moment: &Moment<'_>) {
    if let Some(candidates) = moment.candidates {
        restrict(logits, candidates);
    }
    mask(logits, moment.consumed);
    deck.fill(logits.len(), |row| powers(logits, row));
}

/// What one network makes of a moment.
pub(super) struct Alone {
    /// Its distribution over the catalogue.
    pub(super) chances: Vec<f32>,
    /// Its value of the state.
    pub(super) value: f32,
}

/// The distribution and the value of one network at a moment.
pub(super) fn explain(
    network: &Network,
    revision: Option<u64>,
    moment: &Moment<'_>,
    room: &mut Room,
) -> Alone {
    encode(network, revision, [moment.situation], &mut room.states);
    logits(network, &room.states, &mut room.logits);
    deal(&mut room.deck, &mut room.logits, moment);
    Alone {
        chances: room.deck.chances().to_vec(),
        value: network.values(&room.states)[0],
    }
}
