//! `items.parquet`: the catalogue. Columns `item_id`, `title`, `text` (nullable), `categories` (list of text).
//! `text` and `categories` may be left out.

use std::path::Path;

use super::column::{id_array, optional_text_array, text_array, text_list_array};
use super::stream;
use super::table::{self, Table};
use super::write::{self, Columns};
use crate::fingerprint::Fingerprint;
use crate::ids::{Dictionary, IdKind};
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const ITEMS: &str = "items";
const ITEM_ID: &str = super::interactions::ITEM_ID;
const TITLE: &str = "title";
const TEXT: &str = "text";
const CATEGORIES: &str = "categories";

/// The catalogue in memory; all vectors are in code order of `ids`.
#[derive(Clone, Debug, Default)]
pub struct Items {
    /// Item ids; a row's code is its place in the file.
    pub ids: Dictionary,
    /// Titles.
    pub title: Vec<String>,
    /// Longer texts.
    pub text: Vec<Option<String>>,
    /// Categories (genres, tags, departments).
    pub categories: Vec<Vec<String>>,
}

/// Reads a catalogue.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, a null or repeated id, an empty catalogue.
pub fn read(path: &Path) -> Result<Items> {
    let table = Table::open(path)?;
    table.require_artifact(&[ITEMS])?;
    let ids = table.unique_ids(ITEM_ID)?;
    let title = table.text(TITLE)?;
    table.require_rows("catalogue")?;
    let text = if table.has(TEXT) {
        table.text_or_null(TEXT)?
    } else {
        vec![None; table.rows()]
    };
    Ok(Items {
        categories: categories(&table)?,
        ids,
        title,
        text,
    })
}

/// Reads the ids of a catalogue and nothing else, batch by batch.
///
/// # Errors
/// A missing or unreadable file, a missing column, a null or repeated id, an empty catalogue.
pub fn read_ids(path: &Path) -> Result<Dictionary> {
    let ids = stream::unique_ids(path, ITEM_ID, &[ITEMS])?;
    if ids.is_empty() {
        return Err(Error::data("the catalogue is empty: it has no row").file(path));
    }
    Ok(ids)
}

/// Reads the ids of a catalogue and the categories of each item, which may all be empty, and nothing else.
///
/// # Errors
/// As [`read`], but for titles and texts.
pub fn read_categories(path: &Path) -> Result<(Dictionary, Vec<Vec<String>>)> {
    let table = Table::open(path)?;
    table.require_artifact(&[ITEMS])?;
    let ids = table.unique_ids(ITEM_ID)?;
    table.require_rows("catalogue")?;
    Ok((ids, categories(&table)?))
}

fn categories(table: &Table) -> Result<Vec<Vec<String>>> {
    match table.has(CATEGORIES) {
        true => table.text_lists(CATEGORIES),
        false => Ok(vec![Vec::new(); table.rows()]),
    }
}

/// What a catalogue is known by where another artifact records it: its rows, so that cuts of one dataset, which say in
/// their manifests how the log was cut, have the same catalogue.
///
/// # Errors
/// When it cannot be read.
pub fn fingerprint(path: &Path) -> Result<Fingerprint> {
    table::fingerprint_of_rows(path)
}

/// Requires that the artifact at `ours`, whose manifest is `made`, was made from the catalogue at `path`, whose fingerprint
/// is `print`. An artifact that does not record a catalogue passes; older builds recorded that of the whole file.
///
/// # Errors
/// Wrong usage, naming both, when they do not belong together.
pub fn require(made: &Manifest, print: &Fingerprint, ours: &Path, path: &Path) -> Result<()> {
    made.require_input(ITEMS, print, ours, path).or_else(|error| {
        let of_file = table::fingerprint(path)?;
        (made.inputs.get(ITEMS) == Some(&of_file))
            .then_some(())
            .ok_or(error)
    })
}

/// Writes a catalogue.
///
/// # Errors
/// On I/O failure, or an id that does not fit its dictionary's kind.
pub fn write(path: &Path, manifest: &Manifest, items: &Items) -> Result<()> {
    write_pieces(path, manifest, items.ids.kind(), |write| write(items))
}

/// Writes a catalogue in the pieces that `fill` hands to its argument, each with a dictionary of its own items, with
/// memory for one of them. `ids` is the type of the ids; that none appears twice is the caller's to see to.
///
/// # Errors
/// As [`write`], and those of `fill`.
pub fn write_pieces<T>(
    path: &Path,
    manifest: &Manifest,
    ids: IdKind,
    fill: impl FnOnce(&mut dyn FnMut(&Items) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let empty = Items {
        ids: Dictionary::new(ids),
        ..Items::default()
    };
    let schema = write::schema(columns(&empty)?)?;
    write::stream(path, manifest, &[], schema, |write| {
        fill(&mut |items| write(columns(items)?))
    })
}

fn columns(items: &Items) -> Result<Columns> {
    Ok(vec![
        (ITEM_ID, id_array(&items.ids, 0..items.ids.len() as u32)?, false),
        (TITLE, text_array(items.title.iter().map(String::as_str)), false),
        (
            TEXT,
            optional_text_array(items.text.iter().map(Option::as_deref)),
            true,
        ),
        (CATEGORIES, text_list_array(&items.categories), false),
    ])
}
