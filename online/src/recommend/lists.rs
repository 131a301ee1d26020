//! Whom to recommend to, and what may be recommended to each: what the files given say, in the codes of the policy's catalogue.

use std::collections::HashMap;
use std::path::Path;

use common::ids::{Dictionary, IdKind};
use common::schema::{candidates, consumed, states, users};
use common::{Error, Result, terminal};

use super::RecommendConfig;
use crate::live::State;

/// What was read of the files.
#[derive(Default)]
pub(crate) struct Lists {
    /// Whom to recommend to.
    pub(crate) users: Dictionary,
    /// By user code: what is known in place of the state's own knowledge, oldest first.
    histories: HashMap<u32, Vec<(u32, bool)>>,
    /// By user code: ascending, each once. None where all items are candidates of all users.
    candidates: Option<HashMap<u32, Vec<u32>>>,
    /// Of all users: ascending, each once.
    items: Option<Vec<u32>>,
    /// By user code.
    excluded: HashMap<u32, Vec<u32>>,
}

impl Lists {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// A file that is missing or damaged, or of which nothing is in the policy's catalogue.
    pub(super) fn read(config: &RecommendConfig, state: &State) -> Result<Self> {
        let catalogue = state.items();
        let states = config.states.as_deref().map(states::read).transpose()?;
        let lists = config.candidates.as_deref().map(candidates::read).transpose()?;
        let users = match (&config.users, &states, &lists) {
            (Some(path), ..) => users::read_ids(path)?,
            (None, Some(states), _) => states.users.clone(),
            (None, None, Some(lists)) => distinct(IdKind::Text, lists.user_id.iter().map(String::as_str)),
            (None, None, None) => everybody(state),
        };
        let mut unknown = Unknown::default();
        let mut histories = HashMap::new();
        if let (Some(states), Some(path)) = (&states, &config.states) {
            for (at, id) in states.users.ids().enumerate() {
                if let Some(user) = users.code(id) {
                    let rows = states.items[at].iter().zip(&states.liked[at]);
                    let known =
                        rows.filter_map(|(item, liked)| Some((unknown.code(catalogue, item)?, *liked)));
                    histories.insert(user, known.collect());
                }
            }
            unknown.warn("items of the histories", path);
        }
        let candidates = match (lists, &config.candidates) {
            (Some(lists), Some(path)) => Some(of_users(&lists, &users, catalogue, path)?),
            _ => None,
        };
        Ok(Lists {
            histories,
            candidates,
            items: config
                .items
                .as_deref()
                .map(|path| of_all(path, catalogue))
                .transpose()?,
            excluded: match &config.exclude {
                Some(path) => excluded(path, &users, catalogue)?,
                None => HashMap::new(),
            },
            users,
        })
    }

    /// Of all who are known, with nothing left out but what they have had.
    pub(crate) fn everybody(state: &State) -> Self {
        Lists {
            users: everybody(state),
            ..Lists::default()
        }
    }

    /// The history that a file gives of a user.
    pub(super) fn history(&self, user: u32) -> Option<&[(u32, bool)]> {
        self.histories.get(&user).map(Vec::as_slice)
    }

    /// What may not be recommended to the user though it were a candidate.
    pub(super) fn excluded(&self, user: u32) -> &[u32] {
        self.excluded.get(&user).map_or(&[], Vec::as_slice)
    }

    /// Of the user's candidates those that are not in `closed`, which is ascending; none where all items are candidates.
    pub(super) fn candidates(&self, user: u32, closed: &[u32]) -> Option<Vec<u32>> {
        let open = |item: &u32| closed.binary_search(item).is_err();
        let of_all = |item: &u32| {
            self.items
                .as_ref()
                .is_none_or(|items| items.binary_search(item).is_ok())
        };
        match (&self.candidates, &self.items) {
            (Some(lists), _) => {
                let own = lists.get(&user).map_or(&[][..], Vec::as_slice);
                Some(
                    own.iter()
                        .copied()
                        .filter(|item| open(item) && of_all(item))
                        .collect(),
                )
            }
            (None, Some(items)) => Some(items.iter().copied().filter(open).collect()),
            (None, None) => None,
        }
    }
}

/// All who are known; text where some of their ids are not of the table's kind.
fn everybody(state: &State) -> Dictionary {
    let table = state.table().kind();
    let kind = match state.everybody().all(|id| table.holds(id)) {
        true => table,
        false => IdKind::Text,
    };
    distinct(kind, state.everybody())
}

fn distinct<'a>(kind: IdKind, ids: impl Iterator<Item = &'a str>) -> Dictionary {
    let mut users = Dictionary::new(kind);
    ids.for_each(|id| {
        users.intern(id);
    });
    users
}

fn of_users(
    lists: &candidates::Candidates,
    users: &Dictionary,
    catalogue: &Dictionary,
    path: &Path,
) -> Result<HashMap<u32, Vec<u32>>> {
    let mut unknown = Unknown::default();
    let mut found: HashMap<u32, Vec<u32>> = HashMap::new();
    for (id, items) in lists.user_id.iter().zip(&lists.items) {
        if let Some(user) = users.code(id) {
            let codes = items.iter().filter_map(|item| unknown.code(catalogue, item));
            found.entry(user).or_default().extend(codes);
        }
    }
    unknown.refuse_all("candidates", path)?;
    found.values_mut().for_each(sort);
    Ok(found)
}

/// The catalogue's codes of a table of items.
fn of_all(path: &Path, catalogue: &Dictionary) -> Result<Vec<u32>> {
    let mut unknown = Unknown::default();
    let ids = common::schema::items::read_ids(path)?;
    let mut codes = ids.ids().filter_map(|id| unknown.code(catalogue, id)).collect();
    unknown.refuse_all("items", path)?;
    sort(&mut codes);
    Ok(codes)
}

fn excluded(path: &Path, users: &Dictionary, catalogue: &Dictionary) -> Result<HashMap<u32, Vec<u32>>> {
    let pairs = consumed::read_pairs(path)?;
    let user: Vec<Option<u32>> = pairs.users.ids().map(|id| users.code(id)).collect();
    let item: Vec<Option<u32>> = pairs.items.ids().map(|id| catalogue.code(id)).collect();
    let mut found: HashMap<u32, Vec<u32>> = HashMap::new();
    for (of_user, of_item) in pairs.user.iter().zip(&pairs.item) {
        if let (Some(user), Some(item)) = (user[*of_user as usize], item[*of_item as usize]) {
            found.entry(user).or_default().push(item);
        }
    }
    Ok(found)
}

fn sort(codes: &mut Vec<u32>) {
    codes.sort_unstable();
    codes.dedup();
}

/// Items that the catalogue lacks, counted.
#[derive(Default)]
struct Unknown {
    known: usize,
    unknown: usize,
    such_as: Option<String>,
}

impl Unknown {
    fn code(&mut self, catalogue: &Dictionary, id: &str) -> Option<u32> {
        let code = catalogue.code(id);
        match code {
            Some(_) => self.known += 1,
            None => {
                self.unknown += 1;
                self.such_as.get_or_insert_with(|| id.to_string());
            }
        }
        code
    }

    fn warn(&self, what: &str, path: &Path) {
        if let Some(id) = &self.such_as {
            terminal::warn(&format!(
                "{}: {} of {} {what} are not in the policy's catalogue, such as `{id}`: they are left out",
                path.display(),
                self.unknown,
                self.unknown + self.known
            ));
        }
    }

    /// As [`Unknown::warn`]; refuses where the catalogue has none of them.
    fn refuse_all(&self, what: &str, path: &Path) -> Result<()> {
        if self.known == 0 {
            let such_as = self
                .such_as
                .as_ref()
                .map_or(String::new(), |id| format!(", such as `{id}`"));
            return Err(Error::usage(format!(
                "none of the {what} is in the policy's catalogue{such_as}"
            ))
            .file(path)
            .hint("give the ids that the policy was trained with"));
        }
        self.warn(what, path);
        Ok(())
    }
}
