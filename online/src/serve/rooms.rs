//! Scratch memory of decisions, as many pieces as are used at the same time.

use std::sync::{Mutex, PoisonError};

use crate::adapt::Room;

/// Rooms that nobody uses at present.
#[derive(Default)]
pub(super) struct Rooms(Mutex<Vec<Room>>);

impl Rooms {
    pub(super) fn take(&self) -> Room {
        self.free().pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, room: Room) {
        self.free().push(room);
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Room>> {
        // A list of rooms is whole whoever has panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
