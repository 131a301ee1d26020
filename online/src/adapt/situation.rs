//! A user's state at some time, and what an encoder made of it.

use std::sync::{Mutex, PoisonError};

use crate::policy::Context;

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
    pub(super) fn recall(&self, revision: u64, states: &mut Vec<f32>) -> bool {
        match &*self.encoded.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((of, state)) if *of == revision => {
                states.extend_from_slice(state);
                true
            }
            _ => false,
        }
    }

    /// Keeps the state that an encoder of this revision has computed.
    pub(super) fn keep(&self, revision: u64, state: &[f32]) {
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        *encoded = Some((revision, state.into()));
    }
}
