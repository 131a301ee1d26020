//! A block of the replay in memory.

use std::ops::Range;

use common::schema::replay::Block;

use crate::data::Event;

/// The whole logs of consecutive users, each oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequences {
    /// The first user's code.
    pub first_user: u32,
    /// Where each user's events begin; one more than there are users.
    offsets: Vec<u32>,
    events: Vec<Event>,
}

impl Sequences {
    /// Those of consecutive users from `first_user` on; `lengths` cuts `events`, whose number it sums up to.
    pub(crate) fn new(first_user: u32, lengths: impl IntoIterator<Item = u32>, events: Vec<Event>) -> Self {
        let mut offsets = vec![0];
        let mut end = 0;
        for length in lengths {
            end += length;
            offsets.push(end);
        }
        Sequences {
            first_user,
            offsets,
            events,
        }
    }

    /// The users' codes.
    pub fn users(&self) -> Range<u32> {
        let count = self.offsets.len().saturating_sub(1) as u32;
        self.first_user..self.first_user + count
    }

    /// The user's whole log, oldest first; empty for a user of another block.
    pub fn events(&self, user: u32) -> &[Event] {
        if !self.users().contains(&user) {
            return &[];
        }
        let at = (user - self.first_user) as usize;
        &self.events[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }

    /// How many interactions there are.
    pub fn interactions(&self) -> usize {
        self.events.len()
    }

    /// As it is written.
    pub(super) fn to_block(&self) -> Block {
        Block {
            first_user: self.first_user,
            lengths: self.offsets.windows(2).map(|pair| pair[1] - pair[0]).collect(),
            items: self.events.iter().map(|(item, _)| *item).collect(),
            feedback: self.events.iter().map(|(_, feedback)| *feedback).collect(),
        }
    }

    /// As it was read; none where an item is not among the `items` first codes or feedback is neither 1 nor -1.
    pub(super) fn of_block(block: Block, items: usize) -> Option<Self> {
        let events: Vec<Event> = block.items.into_iter().zip(block.feedback).collect();
        let fine = |(item, feedback): &Event| (*item as usize) < items && feedback.abs() == 1.0;
        let whole = events.iter().all(fine);
        whole.then(|| Sequences::new(block.first_user, block.lengths, events))
    }
}
