//! The log, read and checked: per-user sequences over dense item codes.

use std::path::Path;

use common::ids::Dictionary;
use common::schema::{interactions, items, profiles, states};
use common::{Error, Result, terminal};

use super::inputs::InputPaths;
use super::profiles::ProfileTraits;
use super::{Event, WINDOW, last};

/// Everything that training reads, over dense codes. U users, N items.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The catalogue: code i is action i.
    pub items: Dictionary,
    /// The users of the log, and those of the states who are not in it.
    pub users: Dictionary,
    /// Each user's interactions, oldest first.
    pub logs: Vec<Vec<Event>>,
    /// Each user's state at the end of the log, oldest first.
    pub states: Vec<Vec<Event>>,
    /// Each user's items in the log, ascending, without repeats.
    pub consumed: Vec<Vec<u32>>,
    /// Each item's likes in the log.
    pub popularity: Vec<f32>,
    /// Most interactions a state holds.
    pub window: usize,
    /// Trait profiles, where given.
    pub(crate) profiles: Option<ProfileTraits>,
}

impl Dataset {
    /// Reads the inputs at `paths`.
    ///
    /// # Errors
    /// A missing or unreadable file, a missing column, a wrong type, an empty log, held-out truth in place of the
    /// log, items outside the catalogue, users of the states that the log does not know, profiles of other states.
    pub fn read(paths: &InputPaths) -> Result<Self> {
        let log_path = paths.interactions();
        let log = interactions::read_log(&log_path, paths.like_threshold)?;
        let items = match paths.catalogue() {
            Some(path) => items::read(&path)?.ids,
            None => log.items.clone(),
        };
        let code = log.items.ids().map(|id| items.code(id)).collect::<Vec<_>>();
        let mut popularity = vec![0.0; items.len()];
        let mut logs = Vec::with_capacity(log.users.len());
        for rows in log.rows_by_user() {
            let mut events = Vec::with_capacity(rows.len());
            for row in rows {
                let Some(item) = code[log.item[row] as usize] else {
                    return Err(outside_catalogue(log.items.id(log.item[row]), &log_path).row(row));
                };
                let liked = log.is_like(row);
                popularity[item as usize] += if liked { 1.0 } else { 0.0 };
                events.push((item, if liked { 1.0 } else { -1.0 }));
            }
            logs.push(events);
        }
        if popularity.iter().all(|&likes| likes == 0.0) {
            return Err(Error::data(format!(
                "no feedback reaches {}: nothing is liked",
                log.kind.like_threshold
            ))
            .file(&log_path)
            .hint("pass --like-threshold with the feedback from where on an interaction is a like"));
        }
        let mut dataset = Dataset {
            consumed: logs.iter().map(|events| distinct(events)).collect(),
            states: logs.iter().map(|events| last(events, WINDOW).to_vec()).collect(),
            window: WINDOW,
            users: log.users,
            items,
            logs,
            popularity,
            profiles: None,
        };
        let mut hashes = vec![None; dataset.users.len()];
        if let Some(path) = &paths.states {
            hashes = dataset.take_states(&states::read(path)?, path, &log_path)?;
        }
        if let Some(path) = &paths.profiles {
            let read = profiles::read(path)?;
            dataset.profiles = Some(ProfileTraits::new(
                &read,
                path,
                &dataset,
                &hashes,
                paths.states.as_deref(),
            )?);
        }
        Ok(dataset)
    }

    /// K, the traits of a profile; 0 without profiles.
    pub fn trait_count(&self) -> usize {
        self.profiles.as_ref().map_or(0, |profiles| profiles.count)
    }

    /// Takes the states of the users that `read` holds and returns each user's state hash. Users with an empty state need
    /// not be in the log: something else may be known of them.
    fn take_states(
        &mut self,
        read: &states::States,
        path: &Path,
        log_path: &Path,
    ) -> Result<Vec<Option<String>>> {
        let mut hashes = vec![None; self.users.len()];
        for (row, id) in read.users.ids().enumerate() {
            if read.items[row].is_empty() && self.users.code(id).is_none() {
                self.users.intern(id);
                self.logs.push(Vec::new());
                self.states.push(Vec::new());
                self.consumed.push(Vec::new());
                hashes.push(None);
            }
            let Some(user) = self.users.code(id) else {
                return Err(Error::usage(format!(
                    "{} and {} do not belong together: the log has no user `{id}`",
                    path.display(),
                    log_path.display()
                ))
                .file(path)
                .row(row)
                .hint("make the states again from this log with `profiler states`"));
            };
            let signs = read.liked[row]
                .iter()
                .map(|&liked| if liked { 1.0 } else { -1.0 });
            let events = read.items[row]
                .iter()
                .zip(signs)
                .map(|(id, sign)| match self.items.code(id) {
                    Some(item) => Ok((item, sign)),
                    None => Err(outside_catalogue(id, path).row(row)),
                });
            self.states[user as usize] = events.collect::<Result<_>>()?;
            hashes[user as usize] = Some(read.state_hash[row].clone());
        }
        self.window = self.states.iter().map(Vec::len).max().unwrap_or(0).max(WINDOW);
        let without = hashes.iter().filter(|hash| hash.is_none()).count();
        if without > 0 {
            let text = format!(
                "{without} users have no state in {}: theirs is taken from the log",
                path.display()
            );
            terminal::warn(&text);
        }
        Ok(hashes)
    }
}

fn distinct(events: &[Event]) -> Vec<u32> {
    let mut items: Vec<u32> = events.iter().map(|(item, _)| *item).collect();
    items.sort_unstable();
    items.dedup();
    items
}

fn outside_catalogue(id: &str, path: &Path) -> Error {
    Error::data(format!("the item `{id}` is not in the catalogue"))
        .file(path)
        .hint("give the items.parquet that belongs to this log")
}
