//! Last.fm of HetRec 2011: `artists.dat`, `tags.dat`, `user_artists.dat`, `user_taggedartists.dat`.
//!
//! Cantador, Brusilovsky and Kuflik, Second Workshop on Information Heterogeneity and Fusion in Recommender Systems,
//! RecSys 2011. Users have no attributes, and listening counts no time. A random half of each user's artists is
//! held out; the order of that same draw is the log's `timestamp`, so that order carries no information.

mod tags;

use std::collections::BTreeMap;
use std::path::Path;

use common::Result;
use common::bad_rows::BadRows;
use common::ids::{Dictionary, IdKind};
use common::schema::interactions::{Feedback, Interactions, Kind};
use common::schema::items::Items;
use common::schema::users::Users;

use super::bad_rows::BadRow;
use super::encoding::mended;
use super::split::{self, Split};
use super::write::{Imported, Job, write};
use super::{Config, add_id, clean, counted, fingerprints, known_id, tsv};
use crate::dataset::Unrated;

const ARTISTS: &str = "artists.dat";
const TAGS: &str = "tags.dat";
const LISTENED: &str = "user_artists.dat";
const TAGGED: &str = "user_taggedartists.dat";

/// Imports the dataset; `seed` draws the share `log_share` of each user's artists that goes to the log.
///
/// # Errors
/// A missing file or column, outputs of another run, I/O failures; and, unless they are set aside, the first bad row:
/// cut short, wrong encoding, an id that appears twice or is in no dictionary, a count that is not a whole number from 1
/// on, a repeated pair.
pub fn import(config: &Config, log_share: f64, seed: u64) -> Result<()> {
    let job = Job {
        verb: "lfm",
        dataset: "lfm",
        out: &config.out,
        overwrite: config.overwrite,
        cut: config.cut,
        split: Split::Random { log_share, seed },
        unrated: Unrated::Negative,
        like_threshold: config.like_threshold,
        max_bad: config.max_bad,
        seed: Some(seed),
        inputs: fingerprints(&config.input, &[ARTISTS, TAGS, LISTENED, TAGGED])?,
    };
    write(job, |bad_rows| read(config, log_share, seed, bad_rows))
}

fn read(config: &Config, log_share: f64, seed: u64, bad_rows: &mut BadRows) -> Result<Imported> {
    let file = |name| config.input.join(name);
    let mut notes = Vec::new();
    let (artists, names) = read_artists(&file(ARTISTS), bad_rows, &mut notes)?;
    let kind = Feedback {
        kind: Kind::Count,
        like_threshold: config.like_threshold,
    };
    let mut all = Interactions::new(Dictionary::new(IdKind::Integer), artists.clone(), kind);
    read_listened(&file(LISTENED), &mut all, bad_rows)?;
    split::order_at_random(&mut all, seed, "import lfm");
    let (log, truth) = split::apart(&all, &split::by_time(&all, log_share));
    let tags = tags::read(&file(TAGS), &file(TAGGED), &names, &truth, bad_rows, &mut notes)?;
    let text = tags.iter().map(|tags| describe(tags)).collect();
    Ok(Imported {
        items: Items {
            ids: artists,
            title: names,
            text,
            categories: tags,
        },
        users: Users {
            attributes: vec![BTreeMap::new(); all.users.len()],
            ids: all.users,
        },
        log,
        truth,
        notes,
    })
}

fn describe(tags: &[String]) -> Option<String> {
    (!tags.is_empty()).then(|| format!("An artist tagged {}.", tags.join(", ")))
}

fn read_artists(
    path: &Path,
    bad_rows: &mut BadRows,
    notes: &mut Vec<String>,
) -> Result<(Dictionary, Vec<String>)> {
    let mut ids = Dictionary::new(IdKind::Integer);
    let (mut names, mut mended_names) = (Vec::new(), 0_u64);
    tsv::read(path, &["id", "name"], bad_rows, |row| {
        let (id, published) = (row.integer_id(0)?, row.text(1)?);
        let mended = mended(published);
        let name = clean::fold(mended.as_deref().unwrap_or(published));
        if name.is_empty() {
            return Err(
                BadRow::new("artist without a name", format!("artist {id} has no name")).column("name"),
            );
        }
        add_id(&mut ids, id, "id")?;
        mended_names += u64::from(mended.is_some());
        names.push(name);
        Ok(())
    })?;
    if mended_names > 0 {
        notes.push(format!(
            "{ARTISTS}: mended the encoding of {}",
            counted(mended_names, "name")
        ));
    }
    Ok((ids, names))
}

/// Reads who listened to what into `all`, whose users are those found here.
fn read_listened(path: &Path, all: &mut Interactions, bad_rows: &mut BadRows) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    tsv::read(path, &["userID", "artistID", "weight"], bad_rows, |row| {
        let user = row.integer_id(0)?;
        let artist = known_id(&all.items, row.integer_id(1)?, "artistID", ARTISTS)?;
        let count = row.text(2)?;
        let Some(count) = count.parse::<u32>().ok().filter(|&count| count >= 1) else {
            let what = format!("the listening count {count:?} is not a whole number from 1 on");
            return Err(BadRow::new("listening count out of range", what).column("weight"));
        };
        let user = all.users.intern(user);
        if !seen.insert((user, artist)) {
            let (user, artist) = (all.users.id(user), all.items.id(artist));
            let what = format!("user {user} has a count of artist {artist} before");
            return Err(
                BadRow::new("repeated pair of user and artist", what).hint("keep one of the two rows")
            );
        }
        all.push(user, artist, 0, count as f32, None);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sentences() {
        assert_eq!(
            describe(&["britpop".into(), "90s".into()]).unwrap(),
            "An artist tagged britpop, 90s."
        );
        assert_eq!(describe(&[]), None);
    }
}
