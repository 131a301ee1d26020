//! Anyone's Parquet files in the common formats: interactions, and where there are, items, users and held-out truth.

pub(crate) mod args;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use common::bad_rows::{BadRows, MaxBad};
use common::ids::{Dictionary, IdKind};
use common::schema::interactions::{self, Interactions};
use common::schema::items::{self, Items};
use common::schema::table;
use common::schema::users::{self, Users};
use common::{Error, Result, output};

use super::bad_rows::{BadRow, Place};
use super::cut::LogCut;
use super::split::{self, Split};
use super::write::{Imported, Job, write};
use crate::dataset::{Layout, Unrated};

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The dataset's name.
    pub name: String,
    /// The log, or all interactions: a file, or a folder of part files.
    pub interactions: PathBuf,
    /// The catalogue; without one, every item of the interactions gets its id as its title.
    pub items: Option<PathBuf>,
    /// The users; without them, those of the interactions, without attributes.
    pub users: Option<PathBuf>,
    /// What is held out, where the split is [`Split::Given`].
    pub truth: Option<PathBuf>,
    /// How log and truth are told apart.
    pub split: Split,
    /// How much of the log is left.
    pub cut: LogCut,
    /// What a pair says that is in neither.
    pub unrated: Unrated,
    /// Feedback of at least this is a like; needed where the file does not say so itself.
    pub like_threshold: Option<f32>,
    /// Folder of the imported dataset, see [`crate::dataset::Layout`].
    pub out: PathBuf,
    /// Rows with ids that items or users do not list that may be set aside.
    pub max_bad: MaxBad,
    /// Replace what another run has written.
    pub overwrite: bool,
}

impl Config {
    /// The source files, by role.
    fn sources(&self) -> Vec<(&'static str, &Path)> {
        let given = [
            ("items", &self.items),
            ("users", &self.users),
            ("truth", &self.truth),
        ];
        let given = given
            .into_iter()
            .filter_map(|(role, path)| Some((role, path.as_deref()?)));
        given
            .chain([("interactions", self.interactions.as_path())])
            .collect()
    }
}

/// Imports the files.
///
/// # Errors
/// What the readers of `common` refuse (a missing file or column, a wrong type, a null, feedback that is not a number,
/// held-out truth where a log is wanted); outputs of another run; I/O failures; and, unless they are set aside, the
/// first row with an id that items or users do not list.
pub fn import(config: &Config) -> Result<()> {
    let sources = config.sources().into_iter().map(|(_, path)| path);
    output::folder_of(&config.out, &Layout::OWN, sources)?;
    let feedback = interactions::feedback_of_log(&config.interactions, config.like_threshold)?;
    let mut inputs = BTreeMap::new();
    for (role, path) in config.sources() {
        inputs.insert(role.to_string(), table::fingerprint(path)?);
    }
    let job = Job {
        verb: "custom",
        dataset: &config.name,
        out: &config.out,
        overwrite: config.overwrite,
        cut: config.cut,
        split: config.split,
        unrated: config.unrated,
        like_threshold: feedback.like_threshold,
        max_bad: config.max_bad,
        seed: match config.split {
            Split::Random { seed, .. } => Some(seed),
            Split::Time { .. } | Split::Given => None,
        },
        inputs,
    };
    write(job, |bad_rows| read(config, feedback.like_threshold, bad_rows))
}

fn read(config: &Config, like_threshold: f32, bad_rows: &mut BadRows) -> Result<Imported> {
    let all = interactions::read_log(&config.interactions, Some(like_threshold))?;
    let truth = match &config.truth {
        Some(path) => Some(read_truth(path, like_threshold)?),
        None => None,
    };
    let parts: Vec<&Interactions> = [&all].into_iter().chain(&truth).collect();
    let items = match &config.items {
        Some(path) => items::read(path)?,
        None => made_items(&parts),
    };
    let users = match &config.users {
        Some(path) => users::read(path)?,
        None => made_users(&parts),
    };
    let all = coded(&all, &users.ids, &items.ids, &config.interactions, bad_rows)?;
    let (log, truth) = match (config.split, truth, &config.truth) {
        (Split::Given, Some(truth), Some(path)) => {
            (all, coded(&truth, &users.ids, &items.ids, path, bad_rows)?)
        }
        (Split::Time { log_share }, None, _) => split::apart(&all, &split::by_time(&all, log_share)),
        (Split::Random { log_share, seed }, None, _) => {
            split::apart(&all, &split::at_random(&all, log_share, seed))
        }
        _ => {
            return Err(
                Error::usage("the split `given` and held-out truth need each other")
                    .hint("pass both or none"),
            );
        }
    };
    Ok(Imported {
        notes: repeated(&log, &truth),
        items,
        users,
        log,
        truth,
    })
}

/// What is to be said of pairs of user and item that have several rows.
fn repeated(log: &Interactions, truth: &Interactions) -> Vec<String> {
    let pairs = |part: &Interactions| -> HashSet<(u32, u32)> {
        part.user.iter().copied().zip(part.item.iter().copied()).collect()
    };
    let (of_log, of_truth) = (pairs(log), pairs(truth));
    let both = of_truth.intersection(&of_log).count();
    let rows = log.len() + truth.len();
    let repeated = rows - (of_log.len() + of_truth.len() - both);
    let mut notes = Vec::new();
    if repeated > 0 {
        notes.push(format!(
            "{repeated} of {rows} rows repeat a pair of user and item"
        ));
    }
    if both > 0 {
        notes.push(format!(
            "{both} held-out pairs stand in the log too: an environment counts them as consumed and gives nothing for them"
        ));
    }
    notes
}

/// Held-out truth, whether Headstart wrote it as such or it is anyone's table of interactions.
fn read_truth(path: &Path, like_threshold: f32) -> Result<Interactions> {
    let manifest = table::read_manifest(path)?;
    if manifest.is_some_and(|manifest| manifest.artifact == interactions::TRUTH) {
        let mut truth = interactions::read_truth(path)?;
        truth.kind.like_threshold = like_threshold;
        return Ok(truth);
    }
    interactions::read_log(path, Some(like_threshold))
}

/// The ids of all parts, in order of appearance, of the kind that all parts have, or text.
fn joined<'a>(dictionaries: impl Iterator<Item = &'a Dictionary> + Clone) -> Dictionary {
    let kinds = dictionaries.clone().map(Dictionary::kind);
    let kind = kinds.reduce(IdKind::and).unwrap_or_default();
    let mut all = Dictionary::new(kind);
    for dictionary in dictionaries {
        for code in 0..dictionary.len() as u32 {
            all.intern(dictionary.id(code));
        }
    }
    all
}

fn made_items(parts: &[&Interactions]) -> Items {
    let ids = joined(parts.iter().map(|part| &part.items));
    Items {
        title: (0..ids.len() as u32)
            .map(|code| ids.id(code).to_string())
            .collect(),
        text: vec![None; ids.len()],
        categories: vec![vec![]; ids.len()],
        ids,
    }
}

fn made_users(parts: &[&Interactions]) -> Users {
    let ids = joined(parts.iter().map(|part| &part.users));
    Users {
        attributes: vec![BTreeMap::new(); ids.len()],
        ids,
    }
}

/// `part` in the codes of these users and items; rows of others are bad.
fn coded(
    part: &Interactions,
    users: &Dictionary,
    items: &Dictionary,
    path: &Path,
    bad_rows: &mut BadRows,
) -> Result<Interactions> {
    let codes = |from: &Dictionary, to: &Dictionary| -> Vec<Option<u32>> {
        (0..from.len() as u32)
            .map(|code| to.code(from.id(code)))
            .collect()
    };
    let (user_codes, item_codes) = (codes(&part.users, users), codes(&part.items, items));
    let (mut kept, mut user, mut item) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..part.len() {
        let (from_user, from_item) = (part.user[row], part.item[row]);
        let bad = match (user_codes[from_user as usize], item_codes[from_item as usize]) {
            (Some(user_code), Some(item_code)) => {
                kept.push(row);
                user.push(user_code);
                item.push(item_code);
                continue;
            }
            (None, _) => unlisted(part.users.id(from_user), "user_id", "users"),
            (_, None) => unlisted(part.items.id(from_item), "item_id", "items"),
        };
        bad.set_aside(bad_rows, path, Place::Row(row))?;
    }
    Ok(Interactions {
        users: users.clone(),
        items: items.clone(),
        user,
        item,
        ..split::subset(part, &kept)
    })
}

fn unlisted(id: &str, column: &str, list: &str) -> BadRow {
    BadRow::new(
        "id that is not listed",
        format!("the id `{id}` is not among the {list}"),
    )
    .column(column)
    .hint(format!("add it to the file of --{list}"))
}
