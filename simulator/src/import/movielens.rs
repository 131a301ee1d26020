//! MovieLens-100K in RecBole's layout: `ml-100k.inter`, `ml-100k.item`, `ml-100k.user`.
//!
//! Harper and Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use common::Result;
use common::bad_rows::BadRows;
use common::ids::{Dictionary, IdKind};
use common::schema::interactions::{Feedback, Interactions, Kind};
use common::schema::items::Items;
use common::schema::users::Users;

use super::bad_rows::BadRow;
use super::split::{self, Split};
use super::write::{Imported, Job, write};
use super::{Config, add_id, fingerprints, known_id, tsv};
use crate::dataset::Unrated;

const INTERACTIONS: &str = "ml-100k.inter";
const ITEMS: &str = "ml-100k.item";
const USERS: &str = "ml-100k.user";

/// Imports MovieLens-100K; of each user's ratings the earliest `log_share` go to the log.
///
/// # Errors
/// A missing file or column, outputs of another run, I/O failures; and, unless they are set aside, the first bad row:
/// cut short, not UTF-8, an id that appears twice or is in no dictionary, a rating outside 1 to 5, a repeated pair.
pub fn import(config: &Config, log_share: f64) -> Result<()> {
    let job = Job {
        verb: "movielens",
        dataset: "movielens",
        out: &config.out,
        overwrite: config.overwrite,
        cut: config.cut,
        split: Split::Time { log_share },
        unrated: Unrated::Negative,
        like_threshold: config.like_threshold,
        max_bad: config.max_bad,
        seed: None,
        inputs: fingerprints(&config.input, &[INTERACTIONS, ITEMS, USERS])?,
    };
    write(job, |bad_rows| read(config, log_share, bad_rows))
}

fn read(config: &Config, log_share: f64, bad_rows: &mut BadRows) -> Result<Imported> {
    let items = read_items(&config.input.join(ITEMS), bad_rows)?;
    let users = read_users(&config.input.join(USERS), bad_rows)?;
    let kind = Feedback {
        kind: Kind::Rating,
        like_threshold: config.like_threshold,
    };
    let mut all = Interactions::new(users.ids.clone(), items.ids.clone(), kind);
    read_interactions(&config.input.join(INTERACTIONS), &mut all, bad_rows)?;
    let (log, truth) = split::apart(&all, &split::by_time(&all, log_share));
    Ok(Imported {
        items,
        users,
        log,
        truth,
        notes: vec![],
    })
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

fn read_interactions(path: &Path, all: &mut Interactions, bad_rows: &mut BadRows) -> Result<()> {
    let mut seen = HashSet::new();
    tsv::read(
        path,
        &["user_id", "item_id", "rating", "timestamp"],
        bad_rows,
        |row| {
            let user = known_id(&all.users, row.integer_id(0)?, "user_id", USERS)?;
            let item = known_id(&all.items, row.integer_id(1)?, "item_id", ITEMS)?;
            let (rating, seconds) = (row.number(2)?, row.number(3)?);
            if !(1.0..=5.0).contains(&rating) {
                let what = format!("the rating {rating} is outside 1 to 5");
                return Err(BadRow::new("rating outside 1 to 5", what).column("rating"));
            }
            // Up to the year 9999; what lies beyond is not a time in seconds.
            if !(0.0..=253_402_300_799.0).contains(&seconds) {
                let what = format!("the timestamp {seconds} is not a time in seconds since 1970");
                return Err(BadRow::new("timestamp out of range", what).column("timestamp"));
            }
            if !seen.insert((user, item)) {
                let (user, item) = (all.users.id(user), all.items.id(item));
                let what = format!("user {user} has rated item {item} before");
                return Err(
                    BadRow::new("repeated pair of user and item", what).hint("keep one of the two rows")
                );
            }
            all.push(user, item, (seconds * 1000.0).round() as i64, rating as f32, None);
            Ok(())
        },
    )
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
