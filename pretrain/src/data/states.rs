//! Users' states: from the states file, or at the end of what is read of the log.

use std::path::Path;

use common::schema::at;
use common::schema::states::{States, state_hash};
use common::{Error, Result, terminal};

use super::log::Dataset;
use super::reading::Reading;
use super::{Event, last};

impl Dataset {
    /// Takes the states of the users that `read` holds and returns each user's state hash. Users with an empty state
    /// need not be in the log: something else may be known of them. Where only a part of the log is read, the states
    /// stay those at the end of the part.
    ///
    /// # Errors
    /// A user with a state whom the log does not know, an item outside the catalogue.
    pub(super) fn take_states(
        &mut self,
        read: &States,
        path: &Path,
        log_path: &Path,
        reading: Reading,
    ) -> Result<Vec<Option<String>>> {
        self.take_kind(&read.users);
        let mut hashes = vec![None; self.users.len()];
        for (row, id) in read.users.ids().enumerate() {
            if read.items[row].is_empty() && self.users.code(id).is_none() {
                self.users.intern(id);
                self.states.push(Vec::new());
                hashes.push(None);
            }
            let Some(user) = self.users.code(id) else {
                let error = Error::usage(format!(
                    "{} and {} do not belong together: the log has no user `{id}`",
                    path.display(),
                    log_path.display()
                ))
                .hint("make the states again from this log with `profiler states`");
                return Err(at::user(error, path, row));
            };
            let signs = read.liked[row]
                .iter()
                .map(|&liked| if liked { 1.0 } else { -1.0 });
            let events = read.items[row]
                .iter()
                .zip(signs)
                .map(|(id, sign)| match self.items.code(id) {
                    Some(item) => Ok((item, sign)),
                    None => Err(outside_catalogue(id, path, row)),
                });
            let events = events.collect::<Result<Vec<Event>>>()?;
            let state = &mut self.states[user as usize];
            // A window of one's own may be longer than the file's: a state that ends where the log ends is the log's.
            let continues = reading.window.is_some() && !events.is_empty() && state.ends_with(&events);
            if reading.is_whole() && !continues {
                *state = last(&events, self.window).to_vec();
            }
            hashes[user as usize] = Some(read.state_hash[row].clone());
        }
        let without = hashes.iter().filter(|hash| hash.is_none()).count();
        if without > 0 && reading.is_whole() {
            let text = format!(
                "{without} users have no state in {}: theirs is taken from the log",
                path.display()
            );
            terminal::warn(&text);
        }
        Ok(hashes)
    }

    /// The hashes of the users' states, of the last `window` interactions each.
    pub(super) fn state_hashes(&self, window: usize) -> Vec<Option<String>> {
        let hash = |state: &Vec<Event>| {
            let events = last(state, window).iter();
            let (ids, liked): (Vec<&str>, Vec<bool>) = events
                .map(|(item, feedback)| (self.items.id(*item), *feedback > 0.0))
                .unzip();
            Some(state_hash(&ids, &liked))
        };
        self.states.iter().map(hash).collect()
    }
}

fn outside_catalogue(id: &str, path: &Path, row: usize) -> Error {
    let error = Error::data(format!("the item `{id}` is not in the catalogue"))
        .hint("give the items.parquet that belongs to this log");
    at::items_of_state(error, path, row)
}
