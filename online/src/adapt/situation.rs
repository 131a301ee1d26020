//! A user's state at some time, and what an encoder made of it.

use std::sync::{Mutex, PoisonError};

use common::policy::State;

use crate::context::Context;

/// A context that no longer changes, and the encoder's state of it, which is computed once. Callers keep it, in an
/// [`std::sync::Arc`], until the context changes or another policy takes over.
#[derive(Debug)]
pub struct Situation {
    context: Context,
    /// The revision of the encoder's weights, and its state of the context.
    encoded: Mutex<Option<(u64, Box<[f32]>)>>,
}

impl Situation {
    /// A context that was not encoded yet.
    pub fn new(context: Context) -> Self {
        Situation {
            context,
            encoded: Mutex::new(None),
        }
    }

    /// The context.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Appends the state that an encoder of this revision has left here to `states`; false where there is none.
    fn recall(&self, revision: u64, states: &mut Vec<f32>) -> bool {
        match &*self.encoded.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((of, state)) if *of == revision => {
                states.extend_from_slice(state);
                true
            }
            _ => false,
        }
    }

    /// Keeps the state that an encoder of this revision has computed.
    fn keep(&self, revision: u64, state: &[f32]) {
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        *encoded = Some((revision, state.into()));
    }
}

/// Writes a row of `width` numbers for each situation to `rows`: what an encoder of this revision has left there, or what
/// `make` gives for those contexts where it has left nothing, which is kept.
pub(super) fn recall_all<'a>(
    revision: u64,
    width: usize,
    situations: impl IntoIterator<Item = &'a Situation>,
    rows: &mut Vec<f32>,
    make: impl FnOnce(&[State]) -> Vec<f32>,
) {
    rows.clear();
    let mut missing: Vec<(usize, &Situation)> = Vec::new();
    for (at, situation) in situations.into_iter().enumerate() {
        if !situation.recall(revision, rows) {
            rows.resize((at + 1) * width, 0.0);
            missing.push((at, situation));
        }
    }
    if missing.is_empty() {
        return;
    }
    let states: Vec<State> = missing
        .iter()
        .map(|(_, situation)| situation.context().state())
        .collect();
    let made = make(&states);
    for ((at, situation), row) in missing.into_iter().zip(made.chunks_exact(width)) {
        rows[at * width..(at + 1) * width].copy_from_slice(row);
        situation.keep(revision, row);
    }
}
