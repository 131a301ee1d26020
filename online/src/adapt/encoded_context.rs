//! A user's state at some time, and what an encoder made of it.

use std::sync::{Mutex, PoisonError};

use common::policy::State;

use crate::context::Context;

/// A context that no longer changes, and the encoder's state of it, which is computed once. Callers keep it, in an
/// [`std::sync::Arc`], until the context changes or another policy takes over.
#[derive(Debug)]
pub struct EncodedContext {
    context: Context,
    /// The revision of the encoder's weights, and its state of the context.
    encoded: Mutex<Option<(u64, Box<[f32]>)>>,
}

impl EncodedContext {
    /// A context that was not encoded yet.
    pub fn new(context: Context) -> Self {
        EncodedContext {
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

/// Writes a row of `width` numbers for each context to `rows`: what an encoder of this revision has left there, or what
/// `make` gives for those contexts where it has left nothing, which is kept.
pub(super) fn recall_all<'a>(
    revision: u64,
    width: usize,
    user_contexts: impl IntoIterator<Item = &'a EncodedContext>,
    rows: &mut Vec<f32>,
    make: impl FnOnce(&[State]) -> Vec<f32>,
) {
    rows.clear();
    let mut missing: Vec<(usize, &EncodedContext)> = Vec::new();
    for (at, user_context) in user_contexts.into_iter().enumerate() {
        if !user_context.recall(revision, rows) {
            rows.resize((at + 1) * width, 0.0);
            missing.push((at, user_context));
        }
    }
    if missing.is_empty() {
        return;
    }
    let states: Vec<State> = missing
        .iter()
        .map(|(_, user_context)| user_context.context().state())
        .collect();
    let made = make(&states);
    for ((at, user_context), row) in missing.into_iter().zip(made.chunks_exact(width)) {
        rows[at * width..(at + 1) * width].copy_from_slice(row);
        user_context.keep(revision, row);
    }
}
