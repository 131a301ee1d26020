//! Coat Shopping: `train.ascii`, `test.ascii`, `item_features.ascii`, `user_features.ascii` and the two feature maps.
//!
//! Schnabel, Swaminathan, Singh, Chandak and Joachims, Recommendations as Treatments, ICML 2016. The ratings that
//! users chose to give are the log; their propensities are not known. Those of coats drawn at random are the truth.
//! A pair that is rated in both stays in both. Ids are row numbers from 0. Ratings have no time: each user's are put
//! in a random order, drawn by the seed, so that the order of the coats carries no information.

mod words;

use std::path::Path;

use common::Result;
use common::bad_rows::BadRows;
use common::ids::{Dictionary, IdKind};
use common::schema::interactions::{Feedback, Interactions, Kind};
use common::schema::items::Items;
use common::schema::users::Users;

use super::bad_rows::{BadRow, Place};
use super::one_hot::{self, Values};
use super::split::{self, Split};
use super::write::{Imported, Job, write};
use super::{Config, fingerprints, lines};
use crate::dataset::Unrated;

const LOG: &str = "train.ascii";
const TRUTH: &str = "test.ascii";
const ITEMS: &str = "item_features.ascii";
const ITEMS_MAP: &str = "item_features_map.txt";
const USERS: &str = "user_features.ascii";
const USERS_MAP: &str = "user_features_map.txt";

/// Imports the dataset; `seed` draws the order of each user's ratings.
///
/// # Errors
/// A missing file, a feature map that cannot be read, outputs of another run, I/O failures; and, unless they are
/// skipped, the first bad row: a line of another width than there are features or coats, more or fewer lines than
/// users, a feature other than 0 and 1, a rating outside 0 to 5.
pub fn import(config: &Config, seed: u64) -> Result<()> {
    let job = Job {
        verb: "coat",
        dataset: "coat",
        out: &config.out,
        overwrite: config.overwrite,
        cut: config.cut,
        split: Split::Given,
        unrated: Unrated::Unknown,
        like_threshold: config.like_threshold,
        max_bad: config.max_bad,
        seed: Some(seed),
        inputs: fingerprints(&config.input, &[LOG, TRUTH, ITEMS, ITEMS_MAP, USERS, USERS_MAP])?,
    };
    write(job, |bad_rows| read(config, seed, bad_rows))
}

/// The rows of a feature matrix, and the code of each, `None` for one that was left out.
struct Coded {
    ids: Dictionary,
    codes: Vec<Option<u32>>,
}

impl Coded {
    fn new(rows: &Values) -> Self {
        let mut ids = Dictionary::new(IdKind::Integer);
        let codes = rows.iter().enumerate().map(|(row, values)| {
            let id = values.as_ref().map(|_| row.to_string());
            id.map(|id| ids.intern(&id))
        });
        let codes = codes.collect();
        Coded { ids, codes }
    }
}

fn read(config: &Config, seed: u64, bad_rows: &mut BadRows) -> Result<Imported> {
    let file = |name: &str| config.input.join(name);
    let coats = one_hot::read(&file(ITEMS), &file(ITEMS_MAP), &words::GROUPS, bad_rows)?;
    let people = one_hot::read(&file(USERS), &file(USERS_MAP), &[], bad_rows)?;
    let (items, users) = (Coded::new(&coats), Coded::new(&people));
    let kind = Feedback {
        kind: Kind::Rating,
        like_threshold: config.like_threshold,
    };
    let mut ratings = |name: &str, purpose: &str| -> Result<Interactions> {
        let mut all = Interactions::new(users.ids.clone(), items.ids.clone(), kind);
        read_ratings(&file(name), &users.codes, &items.codes, &mut all, bad_rows)?;
        split::order_at_random(&mut all, seed, purpose);
        Ok(all)
    };
    let log = ratings(LOG, "import coat log")?;
    let truth = ratings(TRUTH, "import coat truth")?;

    let coats = coats.into_iter().flatten();
    let mut catalogue = Items {
        ids: items.ids,
        ..Items::default()
    };
    for coat in coats.map(|values| words::Coat::new(&values)) {
        catalogue.title.push(coat.title());
        catalogue.text.push(Some(coat.text()));
        catalogue.categories.push(coat.categories());
    }
    Ok(Imported {
        items: catalogue,
        users: Users {
            ids: users.ids,
            attributes: people.into_iter().flatten().map(words::attributes).collect(),
        },
        log,
        truth,
        notes: vec![],
    })
}

/// Adds the ratings of a matrix (a line a user, a column a coat, 0 = unrated) to `all`.
fn read_ratings(
    path: &Path,
    users: &[Option<u32>],
    items: &[Option<u32>],
    all: &mut Interactions,
    bad_rows: &mut BadRows,
) -> Result<()> {
    let lines = lines::read(path)?;
    for (at, line) in lines.iter().enumerate() {
        let fields = lines::fields(line);
        let place = Place::Line(at + 1);
        if let Some(bad) = wrong_shape(at, fields.len(), users.len(), items.len()) {
            bad.set_aside(bad_rows, path, place)?;
            continue;
        }
        for (column, field) in fields.iter().enumerate() {
            match rating(field) {
                Ok(0) => {}
                Ok(rating) => match (users[at], items[column]) {
                    (Some(user), Some(item)) => all.push(user, item, 0, f32::from(rating), None),
                    _ => {
                        let what = format!("user {at} or coat {column} was left out");
                        let bad = BadRow::new("rating of a user or coat that was left out", what);
                        bad.column(format!("{}", column + 1))
                            .set_aside(bad_rows, path, place)?;
                    }
                },
                Err(bad) => bad
                    .column(format!("{}", column + 1))
                    .set_aside(bad_rows, path, place)?,
            }
        }
    }
    for missing in lines.len()..users.len() {
        let what = format!("the file ends here, but {USERS} has {} users", users.len());
        let bad = BadRow::new("missing line", what).hint("the file may have been cut short; copy it again");
        bad.set_aside(bad_rows, path, Place::Line(missing + 1))?;
    }
    Ok(())
}

fn wrong_shape(line: usize, width: usize, users: usize, items: usize) -> Option<BadRow> {
    if line >= users {
        let what = format!("the file has more lines than {USERS} has users ({users})");
        return Some(BadRow::new("line of no user", what));
    }
    (width != items).then(|| {
        let what = format!("the line has {width} ratings, {ITEMS} has {items} coats");
        BadRow::new("wrong number of ratings", what)
            .hint("the line may have been cut short; copy the file again or mend the line")
    })
}

fn rating(field: &str) -> Result<u8, BadRow> {
    match field.parse::<u8>() {
        Ok(rating @ 0..=5) => Ok(rating),
        _ => Err(BadRow::new(
            "rating outside 1 to 5",
            format!("the rating {field:?} is neither 0 (unrated) nor 1 to 5"),
        )),
    }
}
