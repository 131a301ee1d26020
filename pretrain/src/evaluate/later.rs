//! The held-out log: each user's interactions in time, over the codes of the policies' catalogue.

use std::ops::Range;
use std::path::Path;

use common::ids::Dictionary;
use common::schema::at;
use common::schema::{consumed, interactions, items};
use common::{Error, Result, terminal};

use super::categories::Categories;
use super::settings::{Reward, Settings, Unknown};
use crate::data::InputPaths;

/// Held-out interactions, a struct of arrays: users in the order of their first appearance, each in the order of time.
#[derive(Clone, Debug)]
pub(crate) struct Later {
    /// The users.
    pub(crate) users: Dictionary,
    /// Each row's user.
    pub(crate) user: Vec<u32>,
    /// Each row's item; none where the catalogue lacks it.
    pub(crate) item: Vec<Option<u32>>,
    /// Whether it was liked.
    pub(crate) liked: Vec<bool>,
    /// What it earned.
    pub(crate) reward: Vec<f64>,
    /// The propensity that the log has.
    pub(crate) propensity: Vec<Option<f32>>,
    /// What each user is known to have consumed of which no feedback is known, ascending, from `consumed.parquet` beside the
    /// log; users beyond the last have nothing.
    pub(crate) consumed: Vec<Vec<u32>>,
    /// What items are like, where the catalogue tells; read where no row has a propensity, for only then the logging policy's whole
    /// distribution is at hand, as it is estimated.
    pub(crate) categories: Option<Categories>,
    /// Whether each item of the catalogue occurs.
    pub(crate) occurs: Vec<bool>,
    /// Where each user's rows begin, and the end.
    starts: Vec<usize>,
}

impl Later {
    /// Reads the log at `paths` for policies over `catalogue`.
    ///
    /// # Errors
    /// As [`interactions::read_log`], a catalogue beside the log that is another one, an item outside the catalogue where
    /// `settings` do not let it pass, also in `consumed.parquet`; fewer than two users.
    pub(crate) fn read(paths: &InputPaths, catalogue: &Dictionary, settings: &Settings) -> Result<Self> {
        let path = paths.interactions();
        let log = interactions::read_log(&path, settings.like_threshold)?;
        if let Some(path) = paths.catalogue() {
            let found = items::read_ids(&path)?;
            if settings.unknown_items == Unknown::Refuse && found.fingerprint() != catalogue.fingerprint() {
                return Err(Error::usage(format!(
                    "the policy's catalogue ({} items) and the log's ({} items) do not belong together",
                    catalogue.len(),
                    found.len()
                ))
                .file(path)
                .hint("evaluate on a log of the items that the policy was trained for, or pass --unknown-items miss"));
            }
        }
        if log.users.len() < 2 {
            return Err(
                Error::data("the log has a single user: intervals need at least two")
                    .file(path)
                    .hint("evaluate on a log of more users"),
            );
        }
        let code: Vec<Option<u32>> = log.items.ids().map(|id| catalogue.code(id)).collect();
        let mut later = Later {
            users: Dictionary::new(log.users.kind()),
            user: Vec::with_capacity(log.len()),
            item: Vec::with_capacity(log.len()),
            liked: Vec::with_capacity(log.len()),
            reward: Vec::with_capacity(log.len()),
            propensity: Vec::with_capacity(log.len()),
            consumed: match paths.consumed() {
                Some(path) => consumed_beside(&path, &log.users, catalogue, settings)?,
                None => Vec::new(),
            },
            categories: match paths.catalogue() {
                Some(path) if log.propensity.iter().all(Option::is_none) => {
                    Categories::read(&path, catalogue)?
                }
                _ => None,
            },
            occurs: vec![false; catalogue.len()],
            starts: vec![0],
        };
        for item in code.iter().flatten() {
            later.occurs[*item as usize] = true;
        }
        for (user, rows) in log.rows_by_user().into_iter().enumerate() {
            for row in rows {
                let item = code[log.item[row] as usize];
                if item.is_none() && settings.unknown_items == Unknown::Refuse {
                    let id = log.items.id(log.item[row]);
                    let error = Error::data(format!("the item `{id}` is not in the policy's catalogue"))
                        .hint("drop such rows, or pass --unknown-items miss to count them as items no policy finds");
                    return Err(at::item(error, &path, row));
                }
                let liked = log.is_like(row);
                later.user.push(user as u32);
                later.item.push(item);
                later.liked.push(liked);
                later.reward.push(match settings.reward {
                    Reward::Like => f64::from(u8::from(liked)),
                    Reward::Feedback => f64::from(log.feedback[row]),
                });
                later.propensity.push(log.propensity[row]);
            }
            later.starts.push(later.user.len());
        }
        later.users = log.users;
        terminal::info(&format!(
            "held-out log: {} users, {} interactions, {} of them liked",
            later.users.len(),
            later.len(),
            later.liked.iter().filter(|liked| **liked).count()
        ));
        if later.unknown() > 0 {
            terminal::warn(&format!(
                "{} of {} interactions are with items that the policy's catalogue lacks: they count as missed",
                later.unknown(),
                later.len()
            ));
        }
        Ok(later)
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.user.len()
    }

    /// The rows of `user`.
    pub(crate) fn rows(&self, user: usize) -> Range<usize> {
        self.starts[user]..self.starts[user + 1]
    }

    /// Whether `row` is the first of its user.
    pub(crate) fn is_first(&self, row: usize) -> bool {
        self.starts[self.user[row] as usize] == row
    }

    /// Rows with an item outside the catalogue.
    pub(crate) fn unknown(&self) -> usize {
        self.item.iter().filter(|item| item.is_none()).count()
    }

    /// Cuts the users into runs of at least `rows` interactions, for work side by side.
    pub(crate) fn units(&self, rows: usize) -> Vec<Range<usize>> {
        let (mut units, mut from) = (Vec::new(), 0);
        for user in 0..self.users.len() {
            if self.starts[user + 1] - self.starts[from] >= rows || user + 1 == self.users.len() {
                units.push(from..user + 1);
                from = user + 1;
            }
        }
        units
    }

    /// For tests: `users` rows of (item, liked) each.
    #[cfg(test)]
    pub(crate) fn of(users: &[&[(Option<u32>, bool)]]) -> Self {
        let ids = (0..users.len()).map(|user| user.to_string());
        let rows = || users.iter().flat_map(|rows| rows.iter().copied());
        let starts = users.iter().scan(0, |end, rows| {
            *end += rows.len();
            Some(*end)
        });
        Later {
            users: Dictionary::from_values(common::ids::IdKind::Text, ids).unwrap(),
            user: users
                .iter()
                .zip(0..)
                .flat_map(|(rows, user)| rows.iter().map(move |_| user))
                .collect(),
            item: rows().map(|(item, _)| item).collect(),
            liked: rows().map(|(_, liked)| liked).collect(),
            reward: rows().map(|(_, liked)| f64::from(u8::from(liked))).collect(),
            propensity: rows().map(|_| None).collect(),
            consumed: Vec::new(),
            categories: None,
            occurs: (0..4)
                .map(|code| rows().any(|(item, _)| item == Some(code)))
                .collect(),
            starts: std::iter::once(0).chain(starts).collect(),
        }
    }
}

/// What the file at `path` tells of each of `users`.
fn consumed_beside(
    path: &Path,
    users: &Dictionary,
    catalogue: &Dictionary,
    settings: &Settings,
) -> Result<Vec<Vec<u32>>> {
    let read = consumed::read(path)?;
    let mut found = vec![Vec::new(); users.len()];
    for (&user, &item) in read.user.iter().zip(&read.item) {
        let id = read.items.id(item);
        match (users.code(read.users.id(user)), catalogue.code(id)) {
            (_, None) if settings.unknown_items == Unknown::Refuse => {
                let what = format!("the item `{id}` is not in the policy's catalogue");
                return Err(read
                    .bad_item(item, what, path)
                    .hint("drop such rows, or pass --unknown-items miss"));
            }
            (Some(user), Some(item)) => found[user as usize].push(item),
            _ => (),
        }
    }
    for items in &mut found {
        items.sort_unstable();
        items.dedup();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_hold_whole_users_and_all_of_them() {
        let row = (Some(0), true);
        let later = Later::of(&[&[row; 3], &[row; 4], &[row; 1], &[row; 9], &[row; 2]]);
        assert_eq!(later.units(5), [0..2, 2..4, 4..5]);
        assert_eq!(later.units(1), [0..1, 1..2, 2..3, 3..4, 4..5]);
        assert_eq!(later.units(100), vec![Range { start: 0, end: 5 }]);
        assert_eq!(later.rows(3), 8..17);
        assert!(later.is_first(8) && !later.is_first(9));
    }
}
