//! Scratch memory of decisions, as many pieces as are used at the same time.

use std::sync::{Mutex, PoisonError};

use crate::adapt::Buffers;

/// BufferPool that nobody uses at present.
#[derive(Default)]
pub(super) struct BufferPool(Mutex<Vec<Buffers>>);

impl BufferPool {
    pub(super) fn take(&self) -> Buffers {
        self.free().pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, buffers: Buffers) {
        self.free().push(buffers);
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Buffers>> {
        // A list of buffers is whole whoever has panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
