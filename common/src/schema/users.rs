//! `users.parquet`: what is known of users. Columns `user_id`, `attributes` (map of text to text).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, MapBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, Fields};

use super::column::{MOST_TEXT, id_array};
use super::pieces::{self, Finder, Pieces};
use super::stream;
use super::table::Table;
use super::write::{self, Columns};
use crate::ids::{Dictionary, IdKind};
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const USERS: &str = "users";
const USER_ID: &str = super::interactions::USER_ID;
const ATTRIBUTES: &str = "attributes";

/// Users in memory, in code order of `ids`.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// User ids; a row's code is its place in the file.
    pub ids: Dictionary,
    /// Each user's attributes ("age" -> "24").
    pub attributes: Vec<BTreeMap<String, String>>,
}

/// Reads users.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, a null or repeated id.
pub fn read(path: &Path) -> Result<Users> {
    let table = Table::open(path)?;
    table.require_artifact(&[USERS])?;
    Ok(Users {
        ids: table.unique_ids(USER_ID)?,
        attributes: attributes(&table)?,
    })
}

/// The attributes of users by their ids, in memory for some of them, of a file in which no user stands twice.
///
/// # Errors
/// A missing or unreadable file, another artifact, a repeated user.
pub fn finder(path: &Path) -> Result<Finder<BTreeMap<String, String>>> {
    let pieces = Pieces::open(path, &[USERS], &[USER_ID, ATTRIBUTES])?;
    pieces::require_unique(path, USER_ID)?;
    Ok(Finder::new(pieces, |piece| {
        let ids = piece.unique_ids(USER_ID)?;
        Ok(ids.ids().map(String::from).zip(attributes(piece)?).collect())
    }))
}

fn attributes(table: &Table) -> Result<Vec<BTreeMap<String, String>>> {
    let mut attributes = Vec::with_capacity(table.rows());
    for chunk in table.chunks(ATTRIBUTES, &wanted())? {
        let maps = chunk.array.as_map();
        for row in 0..maps.len() {
            let mut of_user = BTreeMap::new();
            if maps.is_valid(row) {
                let entries = maps.value(row);
                let (keys, values) = (
                    entries.column(0).as_string::<i64>(),
                    entries.column(1).as_string::<i64>(),
                );
                for at in 0..keys.len() {
                    if keys.is_valid(at) && values.is_valid(at) {
                        of_user.insert(keys.value(at).to_string(), values.value(at).to_string());
                    }
                }
            }
            attributes.push(of_user);
        }
    }
    Ok(attributes)
}

/// A map of text to text, whose values may be null.
fn wanted() -> DataType {
    let field = |name, nullable| Field::new(name, DataType::LargeUtf8, nullable);
    let pair = DataType::Struct(Fields::from(vec![field("keys", false), field("values", true)]));
    DataType::Map(Arc::new(Field::new("entries", pair, false)), false)
}

/// Reads the ids of users and nothing else, batch by batch.
///
/// # Errors
/// A missing or unreadable file, a missing column, a null or repeated id.
pub fn read_ids(path: &Path) -> Result<Dictionary> {
    stream::unique_ids(path, USER_ID, &[USERS])
}

/// Writes users.
///
/// # Errors
/// On I/O failure, or an id that does not fit its dictionary's kind.
pub fn write(path: &Path, manifest: &Manifest, users: &Users) -> Result<()> {
    write_pieces(path, manifest, users.ids.kind(), |write| write(users))
}

/// Writes users in the pieces that `fill` hands to its argument, each with a dictionary of its own users, with memory
/// for one of them. `ids` is the type of the ids; that none appears twice is the caller's to see to.
///
/// # Errors
/// As [`write`], and those of `fill`.
pub fn write_pieces<T>(
    path: &Path,
    manifest: &Manifest,
    ids: IdKind,
    fill: impl FnOnce(&mut dyn FnMut(&Users) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let empty = Users {
        ids: Dictionary::new(ids),
        ..Users::default()
    };
    let schema = write::schema(columns(&empty)?)?;
    write::stream(path, manifest, &[], schema, |write| {
        fill(&mut |users| write(columns(users)?))
    })
}

fn columns(users: &Users) -> Result<Columns> {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    let mut bytes = 0;
    for of_user in &users.attributes {
        for (key, value) in of_user {
            bytes += key.len() + value.len();
            if bytes > MOST_TEXT {
                return Err(
                    Error::data("the attributes of the users are more than 2 GiB of text").column(ATTRIBUTES),
                );
            }
            maps.keys().append_value(key);
            maps.values().append_value(value);
        }
        maps.append(true)?;
    }
    Ok(vec![
        (USER_ID, id_array(&users.ids, 0..users.ids.len() as u32)?, false),
        (ATTRIBUTES, Arc::new(maps.finish()) as _, false),
    ])
}
