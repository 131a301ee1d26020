//! An imported dataset on disk: where its parts lie, and reading them as one, coded by one pair of dictionaries.

use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::ids::Dictionary;
use common::schema::at;
use common::schema::interactions::{self, Interactions, Kind};
use common::schema::items::{self, Items};
use common::schema::table;
use common::schema::users::{self, Users};
use common::{Error, Result, input};
use serde::{Deserialize, Serialize};

use crate::import;

/// The name of a dataset that no import of ours has named.
pub const CUSTOM: &str = "custom";

/// Where the parts of an imported dataset lie.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The log, which every tool may read.
    pub log: PathBuf,
    /// The catalogue.
    pub items: PathBuf,
    /// The users.
    pub users: PathBuf,
    /// What users had in the rows that were cut from the log, which every tool may read; where rows were cut.
    pub consumed: PathBuf,
    /// The held-out interactions: for the simulator alone.
    pub truth: PathBuf,
    /// The rows that were cut from the log: for the simulator alone; where rows were cut.
    pub withheld: PathBuf,
}

impl Layout {
    /// All that the folder of an import may hold: what is replaced with it.
    pub const OWN: [&str; 6] = [
        "log/interactions.parquet",
        "log/items.parquet",
        "log/users.parquet",
        "log/consumed.parquet",
        "truth/interactions.parquet",
        "truth/withheld.parquet",
    ];

    /// The layout under `folder`: what all tools may read in `log/`, what only the simulator may in `truth/`.
    pub fn new(folder: &Path) -> Self {
        let [log, items, users, consumed, truth, withheld] = Self::OWN.map(|name| folder.join(name));
        Layout {
            log,
            items,
            users,
            consumed,
            truth,
            withheld,
        }
    }
}

/// One pair of user and item, by code, and whether the user liked the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rated {
    /// User code.
    pub user: u32,
    /// Item code.
    pub item: u32,
    /// Whether the feedback is a like.
    pub liked: bool,
}

/// What a pair of user and item that is in neither log nor truth says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unrated {
    /// That the user did not take the item up: a no. So it is where the truth holds all that users took up later
    /// (films rated, artists heard, things bought).
    #[default]
    Negative,
    /// Nothing. So it is where the truth holds the answers to items that were shown at random (Coat).
    Unknown,
}

/// A dataset in memory; codes are row numbers of `users` and `items`.
#[derive(Debug)]
pub struct Dataset {
    /// The dataset's name, such as `movielens`.
    pub name: String,
    /// The catalogue.
    pub items: Items,
    /// The users.
    pub users: Users,
    /// The log's pairs, those that were cut from it among them.
    pub log: Vec<Rated>,
    /// The held-out pairs.
    pub held_out: Vec<Rated>,
    /// What all other pairs say.
    pub unrated: Unrated,
    /// The mean held-out rating of what was not liked, and of what was liked, where the feedback is ratings.
    pub mean_ratings: Option<[f32; 2]>,
    /// Content fingerprints of the parts, by role.
    pub fingerprints: Vec<(&'static str, Fingerprint)>,
}

impl Dataset {
    /// Reads an imported dataset. Rows that were cut from the log count as its own: an environment knows all that users had,
    /// however much of the log others may see.
    ///
    /// # Errors
    /// Missing or damaged parts, parts of different imports, ids that items or users do not list.
    pub fn read(folder: &Path) -> Result<Self> {
        let layout = Layout::new(folder);
        let fingerprints = fingerprints(folder)?;
        let manifest = table::read_manifest(&layout.log)?;
        let of_cut = [&layout.withheld, &layout.consumed];
        let of_cut = of_cut.into_iter().filter(|path| input::exists(path));
        for other in [&layout.truth, &layout.items, &layout.users]
            .into_iter()
            .chain(of_cut)
        {
            if let (Some(ours), Some(theirs)) = (&manifest, table::read_manifest(other)?)
                && (&ours.inputs, &ours.config, ours.seed) != (&theirs.inputs, &theirs.config, theirs.seed)
            {
                let both = format!(
                    "{} and {} are of different imports",
                    layout.log.display(),
                    other.display()
                );
                return Err(Error::usage(both).hint("import the dataset again with --overwrite"));
            }
        }
        if import::is_cut(manifest.as_ref()) && !input::exists(&layout.withheld) {
            return Err(
                Error::usage("rows were cut from the log, and the file that holds them is missing")
                    .file(&layout.withheld)
                    .hint("import the dataset again with --overwrite"),
            );
        }
        let (items, users) = (items::read(&layout.items)?, users::read(&layout.users)?);
        let log = interactions::read_cut_log(&layout.log)?;
        let held_out = interactions::read_truth(&layout.truth)?;
        let mut pairs = recode(&log, &users.ids, &items.ids, &layout.log)?;
        if input::exists(&layout.withheld) {
            let cut = interactions::read_withheld(&layout.withheld)?;
            pairs.extend(recode(&cut, &users.ids, &items.ids, &layout.withheld)?);
        }
        if pairs.is_empty() {
            return Err(Error::data("the log is empty: it has no row").file(&layout.log));
        }
        Ok(Dataset {
            name: import::dataset_name(manifest.as_ref()),
            unrated: import::unrated(manifest.as_ref()),
            mean_ratings: mean_ratings(&held_out),
            log: pairs,
            held_out: recode(&held_out, &users.ids, &items.ids, &layout.truth)?,
            items,
            users,
            fingerprints,
        })
    }
}

/// The mean rating of what was not liked, and of what was; `None` without both, or where the feedback is no rating.
fn mean_ratings(held_out: &Interactions) -> Option<[f32; 2]> {
    if held_out.kind.kind != Kind::Rating {
        return None;
    }
    let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
    for (row, &rating) in held_out.feedback.iter().enumerate() {
        let liked = usize::from(held_out.is_like(row));
        sums[liked] += f64::from(rating);
        counts[liked] += 1.0;
    }
    (counts[0] > 0.0 && counts[1] > 0.0).then(|| [0, 1].map(|liked| (sums[liked] / counts[liked]) as f32))
}

/// Content fingerprints of the parts of the dataset in `folder`, by role: of four, and of the rows that were cut from the
/// log, where there are any.
///
/// # Errors
/// When a part is missing.
pub fn fingerprints(folder: &Path) -> Result<Vec<(&'static str, Fingerprint)>> {
    let layout = Layout::new(folder);
    let four = [
        ("log", &layout.log),
        ("truth", &layout.truth),
        ("items", &layout.items),
        ("users", &layout.users),
    ];
    let withheld = input::exists(&layout.withheld).then_some(("withheld", &layout.withheld));
    four.into_iter()
        .chain(withheld)
        .map(|(role, path)| {
            let found = Fingerprint::of_file(path).map_err(|e| {
                e.hint("--data must be the folder that `simulator import` wrote, with log/ and truth/ inside")
            })?;
            Ok((role, found))
        })
        .collect()
}

fn recode(log: &Interactions, users: &Dictionary, items: &Dictionary, path: &Path) -> Result<Vec<Rated>> {
    let codes = |from: &Dictionary, to: &Dictionary| -> Vec<Option<u32>> {
        from.ids().map(|id| to.code(id)).collect()
    };
    let unlisted = |id: &str, what: &str| {
        Error::data(format!("the id `{id}` is not among the {what}"))
            .hint(format!("add it to {what}.parquet"))
    };
    let (user_codes, item_codes) = (codes(&log.users, users), codes(&log.items, items));
    (0..log.len())
        .map(|row| {
            let (user, item) = (log.user[row], log.item[row]);
            Ok(Rated {
                user: user_codes[user as usize]
                    .ok_or_else(|| at::user(unlisted(log.users.id(user), "users"), path, row))?,
                item: item_codes[item as usize]
                    .ok_or_else(|| at::item(unlisted(log.items.id(item), "items"), path, row))?,
                liked: log.is_like(row),
            })
        })
        .collect()
}
