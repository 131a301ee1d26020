//! What a policy gets to know of users: their last states, traits, and what they have consumed.

use std::ops::Range;

use common::Result;
use common::ids::Dictionary;
use common::policy_artifact::PolicyUsers;

use super::{Dataset, Event, Traits};

/// Hands all users to `write`, a block of the replay at a time: what they have consumed is held for one block. `remember` sets
/// the memories of a piece of users, the first of whom has the code it is given.
///
/// # Errors
/// A replay that cannot be read; those of `write`.
pub(crate) fn write_users(
    dataset: &Dataset,
    traits: &Traits,
    remember: &dyn Fn(usize, &mut PolicyUsers),
    write: &mut dyn FnMut(&PolicyUsers) -> Result<()>,
) -> Result<()> {
    for number in 0..dataset.replay.blocks() {
        let block = dataset.replay.read(number)?;
        let mut piece = piece(dataset, traits, block.users(), |user| {
            dataset.consumed(user, block.events(user))
        });
        remember(block.users().start as usize, &mut piece);
        write(&piece)?;
    }
    let rest = dataset.replay.users() as u32..dataset.users.len() as u32;
    let mut piece = piece(dataset, traits, rest.clone(), |user| dataset.consumed(user, &[]));
    remember(rest.start as usize, &mut piece);
    write(&piece)
}

fn piece(
    dataset: &Dataset,
    traits: &Traits,
    users: Range<u32>,
    consumed: impl Fn(u32) -> Vec<u32>,
) -> PolicyUsers {
    let mut ids = Dictionary::new(dataset.users.kind());
    users.clone().for_each(|user| {
        ids.intern(dataset.users.id(user));
    });
    let (from, to) = (users.start as usize, users.end as usize);
    let history: Vec<Vec<Event>> = dataset.states[from..to].to_vec();
    PolicyUsers {
        ids,
        history,
        traits: traits.users[from * traits.count..to * traits.count].to_vec(),
        answered: users
            .clone()
            .map(|user| dataset.answers(user).iter().map(|(item, _)| *item).collect())
            .collect(),
        consumed: users.map(consumed).collect(),
        memory: Vec::new(),
    }
}
