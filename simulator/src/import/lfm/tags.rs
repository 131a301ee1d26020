//! What users say of artists: the tags that the catalogue shows.
//!
//! Tags are given by the very users whose listening is held out, so those of held-out pairs are left out: whoever
//! tags an artist has heard it. So are tags that only one user ever gives, which would mark that user's artists. A tag
//! that a user gave to an artist twice counts once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use common::Result;
use common::bad_rows::BadRows;
use common::ids::{Dictionary, IdKind};
use common::schema::interactions::Interactions;

use super::{ARTISTS, LISTENED, TAGGED, TAGS};
use crate::import::bad_rows::BadRow;
use crate::import::encoding::mended;
use crate::import::{add_id, clean, counted, known_id, tsv};

/// Most tags of an artist.
const MOST: usize = 5;

/// The tags' names, in lower case.
struct Names {
    ids: Dictionary,
    /// Each tag's name as a code of `names`; tags of the same name share it, and unreadable ones have none.
    name: Vec<Option<u32>>,
    names: Dictionary,
}

/// Each artist's tags, the foremost first: by how many users gave the artist the tag, then by how many users ever
/// gave it, then by name. Those of the held-out pairs in `truth` are left out, and so is the artist's own name, which
/// `artists` has in code order.
pub(super) fn read(
    tags: &Path,
    tagged: &Path,
    artists: &[String],
    truth: &Interactions,
    bad_rows: &mut BadRows,
    notes: &mut Vec<String>,
) -> Result<Vec<Vec<String>>> {
    let tags = read_names(tags, bad_rows, notes)?;
    let held_out: HashSet<(u32, u32)> = truth
        .user
        .iter()
        .copied()
        .zip(truth.item.iter().copied())
        .collect();
    // Users by artist and tag, each once.
    let mut given: BTreeMap<(u32, u32), HashSet<u32>> = BTreeMap::new();
    let (mut unlisted, mut hidden) = (0_u64, 0_u64);
    tsv::read(tagged, &["userID", "artistID", "tagID"], bad_rows, |row| {
        let user = known_id(&truth.users, row.integer_id(0)?, "userID", LISTENED)?;
        let artist = truth.items.code(row.integer_id(1)?);
        let tag = known_id(&tags.ids, row.integer_id(2)?, "tagID", TAGS)?;
        let Some(artist) = artist else {
            unlisted += 1;
            return Ok(());
        };
        if held_out.contains(&(user, artist)) {
            hidden += 1;
        } else if let Some(name) = tags.name[tag as usize] {
            given.entry((artist, name)).or_default().insert(user);
        }
        Ok(())
    })?;
    if unlisted > 0 {
        notes.push(format!(
            "{TAGGED}: left out {} of artists that are not in {ARTISTS}",
            counted(unlisted, "tag")
        ));
    }
    notes.push(format!(
        "{TAGGED}: left out {} that users gave to artists held out from them",
        counted(hidden, "tag")
    ));
    Ok(foremost(&given, &tags.names, artists))
}

fn foremost(
    given: &BTreeMap<(u32, u32), HashSet<u32>>,
    names: &Dictionary,
    artists: &[String],
) -> Vec<Vec<String>> {
    let mut users_of: HashMap<u32, HashSet<u32>> = HashMap::new();
    for ((_, name), users) in given {
        users_of.entry(*name).or_default().extend(users);
    }
    let ever = |name: &u32| users_of.get(name).map_or(0, HashSet::len);
    let artists: Vec<String> = artists.iter().map(|name| name.to_lowercase()).collect();
    let mut ranked = vec![Vec::new(); artists.len()];
    for ((artist, tag), users) in given.iter().filter(|((_, tag), _)| ever(tag) > 1) {
        let (artist, name) = (*artist as usize, names.id(*tag));
        if name != artists[artist] {
            ranked[artist].push((Reverse(users.len()), Reverse(ever(tag)), name));
        }
    }
    ranked
        .into_iter()
        .map(|mut tags| {
            tags.sort_unstable();
            tags.truncate(MOST);
            tags.into_iter().map(|(_, _, name)| name.to_string()).collect()
        })
        .collect()
}

fn read_names(path: &Path, bad_rows: &mut BadRows, notes: &mut Vec<String>) -> Result<Names> {
    let mut tags = Names {
        ids: Dictionary::new(IdKind::Integer),
        name: Vec::new(),
        names: Dictionary::new(IdKind::Text),
    };
    let (mut foreign, mut repaired, mut unreadable) = (0_u64, 0_u64, 0_u64);
    tsv::read(path, &["tagID", "tagValue"], bad_rows, |row| {
        let id = row.integer_id(0)?;
        let (published, windows_1252) = row.text_or_windows_1252(1);
        let mended = mended(&published);
        let name = clean::fold(mended.as_ref().unwrap_or(&published)).to_lowercase();
        if name.is_empty() {
            return Err(BadRow::new("tag without a name", format!("tag {id} has no name")).column("tagValue"));
        }
        add_id(&mut tags.ids, id, "tagID")?;
        foreign += u64::from(windows_1252);
        repaired += u64::from(mended.is_some());
        // The published file has lost characters: what stands for them cannot be read by anyone.
        let readable = !name.contains('\u{fffd}');
        unreadable += u64::from(!readable);
        tags.name.push(readable.then(|| tags.names.intern(&name)));
        Ok(())
    })?;
    for (count, what) in [
        (foreign, "not in UTF-8, read as Windows-1252"),
        (repaired, "with a broken encoding, mended"),
        (unreadable, "with lost characters (U+FFFD), left out"),
    ] {
        if count > 0 {
            notes.push(format!("{TAGS}: {} {what}", counted(count, "tag")));
        }
    }
    Ok(tags)
}
