//! MovieLens-100K in RecBole's layout: `ml-100k.inter`, `ml-100k.item`, `ml-100k.user`.
//!
//! Harper and Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use common::Result;
use common::fingerprint::Fingerprint;
use common::ids::{Dictionary, IdKind};
use common::schema::interactions::{Feedback, Interactions, Kind};
use common::schema::items::Items;
use common::schema::users::Users;

use super::Imported;
use super::bad_rows::{BadRow, BadRows};
use super::tsv;

const INTERACTIONS: &str = "ml-100k.inter";
const ITEMS: &str = "ml-100k.item";
const USERS: &str = "ml-100k.user";

/// The fingerprints of the three files, by name.
///
/// # Errors
/// When one cannot be read.
pub fn fingerprints(folder: &Path) -> Result<BTreeMap<String, Fingerprint>> {
    [INTERACTIONS, ITEMS, USERS]
        .into_iter()
        .map(|name| {
            let found = Fingerprint::of_file(&folder.join(name)).map_err(|e| {
                e.hint(format!(
                    "--input must be the folder that holds {INTERACTIONS}, {ITEMS} and {USERS}"
                ))
            })?;
            Ok((name.to_string(), found))
        })
        .collect()
}

/// Reads the three files of `folder`.
///
/// # Errors
/// A missing file or column; and, unless `skip_bad_rows`, the first bad row: cut short, not UTF-8, an id that
/// appears twice or is in no dictionary, a rating outside 1 to 5, a repeated pair of user and item.
pub fn read(folder: &Path, like_threshold: f32, skip_bad_rows: bool) -> Result<Imported> {
    let mut bad_rows = BadRows::new(skip_bad_rows);
    let items = read_items(&folder.join(ITEMS), &mut bad_rows)?;
    let users = read_users(&folder.join(USERS), &mut bad_rows)?;
    let interactions = read_interactions(
        &folder.join(INTERACTIONS),
        &users.ids,
        &items.ids,
        like_threshold,
        &mut bad_rows,
    )?;
    Ok(Imported {
        items,
        users,
        interactions,
        bad_rows,
    })
}

/// Adds an id to its dictionary; a repeated one is a bad row.
fn add_id(ids: &mut Dictionary, id: &str, column: &'static str) -> Result<(), BadRow> {
    if ids.code(id).is_some() {
        return Err(BadRow::new("repeated id", format!("the id {id} appears twice")).column(column));
    }
    ids.intern(id);
    Ok(())
}

fn read_items(path: &Path, bad_rows: &mut BadRows) -> Result<Items> {
    let mut items = Items {
        ids: Dictionary::new(IdKind::Integer),
        ..Items::default()
    };
    tsv::read(
        path,
        &["item_id", "movie_title", "release_year", "class"],
        bad_rows,
        |row| {
            let (id, title) = (row.integer_id(0)?, row.text(1)?);
            // Two films have no year ("V", "unkonwn"); that is how the data was published.
            let year = row.text(2)?.parse::<u16>().ok();
            let genres: Vec<String> = row
                .text(3)?
                .split_whitespace()
                .filter(|genre| *genre != "unknown")
                .map(String::from)
                .collect();
            add_id(&mut items.ids, id, "item_id")?;
            items.title.push(titled(title, year));
            items.text.push(describe(year, &genres));
            items.categories.push(genres);
            Ok(())
        },
    )?;
    Ok(items)
}

/// "Usual Suspects, The" of 1995 is "The Usual Suspects (1995)".
fn titled(title: &str, year: Option<u16>) -> String {
    const ARTICLES: [&str; 11] = [
        "The", "A", "An", "Il", "El", "La", "Le", "Les", "Die", "Der", "Das",
    ];
    let moved = title
        .rsplit_once(", ")
        .filter(|(_, last)| ARTICLES.contains(last));
    let title = moved.map_or_else(
        || title.to_string(),
        |(name, article)| format!("{article} {name}"),
    );
    year.map_or(title.clone(), |year| format!("{title} ({year})"))
}

fn describe(year: Option<u16>, genres: &[String]) -> Option<String> {
    let genres = (!genres.is_empty()).then(|| genres.join(", "));
    match (year, genres) {
        (Some(year), Some(genres)) => Some(format!("A film of {year}. Genres: {genres}.")),
        (Some(year), None) => Some(format!("A film of {year}.")),
        (None, Some(genres)) => Some(format!("A film. Genres: {genres}.")),
        (None, None) => None,
    }
}

fn read_users(path: &Path, bad_rows: &mut BadRows) -> Result<Users> {
    const COLUMNS: [&str; 5] = ["user_id", "age", "gender", "occupation", "zip_code"];
    let mut users = Users {
        ids: Dictionary::new(IdKind::Integer),
        ..Users::default()
    };
    tsv::read(path, &COLUMNS, bad_rows, |row| {
        let mut attributes = BTreeMap::new();
        for (at, name) in COLUMNS.iter().enumerate().skip(1) {
            let value = row.text(at)?;
            if !value.is_empty() {
                attributes.insert((*name).to_string(), value.to_string());
            }
        }
        add_id(&mut users.ids, row.integer_id(0)?, "user_id")?;
        users.attributes.push(attributes);
        Ok(())
    })?;
    Ok(users)
}

fn read_interactions(
    path: &Path,
    users: &Dictionary,
    items: &Dictionary,
    like_threshold: f32,
    bad_rows: &mut BadRows,
) -> Result<Interactions> {
    let mut log = Interactions {
        users: users.clone(),
        items: items.clone(),
        user: Vec::new(),
        item: Vec::new(),
        timestamp: Vec::new(),
        feedback: Vec::new(),
        propensity: Vec::new(),
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold,
        },
    };
    let mut seen = HashSet::new();
    tsv::read(
        path,
        &["user_id", "item_id", "rating", "timestamp"],
        bad_rows,
        |row| {
            let known = |ids: &Dictionary, id: &str, column, file| {
                ids.code(id).ok_or_else(|| {
                    BadRow::new("unknown id", format!("the id {id} is not in {file}"))
                        .column(column)
                        .hint(format!("add it to {file}"))
                })
            };
            let user = known(users, row.integer_id(0)?, "user_id", USERS)?;
            let item = known(items, row.integer_id(1)?, "item_id", ITEMS)?;
            let (rating, seconds) = (row.number(2)?, row.number(3)?);
            if !(1.0..=5.0).contains(&rating) {
                let what = format!("the rating {rating} is outside 1 to 5");
                return Err(BadRow::new("rating outside 1 to 5", what).column("rating"));
            }
            // Up to the year 9999; what lies beyond is no time in seconds.
            if !(0.0..=253_402_300_799.0).contains(&seconds) {
                let what = format!("the timestamp {seconds} is no time in seconds since 1970");
                return Err(BadRow::new("timestamp out of range", what).column("timestamp"));
            }
            if !seen.insert((user, item)) {
                let what = format!("user {} has rated item {} before", users.id(user), items.id(item));
                return Err(
                    BadRow::new("repeated pair of user and item", what).hint("keep one of the two rows")
                );
            }
            log.user.push(user);
            log.item.push(item);
            log.feedback.push(rating as f32);
            log.timestamp.push((seconds * 1000.0).round() as i64);
            log.propensity.push(None);
            Ok(())
        },
    )?;
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_read_as_people_write_them() {
        assert_eq!(
            titled("Usual Suspects, The", Some(1995)),
            "The Usual Suspects (1995)"
        );
        assert_eq!(titled("Misérables, Les", Some(1995)), "Les Misérables (1995)");
        assert_eq!(titled("Good, Bad", None), "Good, Bad");
    }

    #[test]
    fn texts_say_what_is_known() {
        let genres = ["Comedy".to_string(), "War".to_string()];
        assert_eq!(
            describe(Some(1970), &genres).unwrap(),
            "A film of 1970. Genres: Comedy, War."
        );
        assert_eq!(describe(None, &[]), None);
    }
}
