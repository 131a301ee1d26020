//! From requests to distributions: what every strategy with a network does before it draws.

use common::policy::distribution::{mask, mask_set, powers, restrict};
use common::policy::{Network, State};

use super::encoded_context::recall_all;
use super::{Buffers, ChoiceRequest, EncodedContext};
use crate::explore::Categorical;

/// Moments whose logits are held at once.
pub(super) const ROWS: usize = 32;

/// Writes the encoder's states of the contexts to `states`, `[contexts, hidden]`. With a `revision` of the encoder's
/// weights they are taken from and left in the contexts.
pub(super) fn encode<'a>(
    network: &Network,
    revision: Option<u64>,
    user_contexts: impl IntoIterator<Item = &'a EncodedContext>,
    states: &mut Vec<f32>,
) {
    match revision {
        Some(revision) => {
            let make = |contexts: &[State]| network.encode(contexts);
            recall_all(revision, network.config().hidden, user_contexts, states, make);
        }
        None => {
            let state = |user_context: &'a EncodedContext| user_context.context().state();
            let contexts: Vec<State> = user_contexts.into_iter().map(state).collect();
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

/// Makes `categorical` the softmax of what may be chosen at `request`; `logits` are masked.
pub(super) fn deal(categorical: &mut Categorical, logits: &mut [f32], choice: &ChoiceRequest<'_>) {
    close(logits, choice);
    categorical.fill(logits.len(), |row| powers(logits, row));
}

/// Masks what may not be chosen at `request`.
pub(super) fn close(logits: &mut [f32], choice: &ChoiceRequest<'_>) {
    match (choice.candidates, choice.consumed_set) {
        // Something is left open.
        (None, Some(set)) => mask_set(logits, set),
        (None, None) => mask(logits, choice.consumed),
        (Some(candidates), _) => {
            restrict(logits, candidates);
            mask(logits, choice.consumed);
        }
    }
}

/// What one network makes of a request.
pub(super) struct Alone {
    /// Its distribution over the catalogue.
    pub(super) probabilities: Vec<f32>,
    /// Its value of the state.
    pub(super) value: f32,
}

/// The distribution and the value of one network at a request.
pub(super) fn explain(
    network: &Network,
    revision: Option<u64>,
    choice: &ChoiceRequest<'_>,
    buffers: &mut Buffers,
) -> Alone {
    encode(network, revision, [choice.user_context], &mut buffers.states);
    logits(network, &buffers.states, &mut buffers.logits);
    deal(&mut buffers.categorical, &mut buffers.logits, choice);
    Alone {
        probabilities: buffers.categorical.probabilities().to_vec(),
        value: network.values(&buffers.states)[0],
    }
}
