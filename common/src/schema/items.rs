//! `items.parquet`: the catalogue. Columns `item_id`, `title`, `text` (nullable), `categories` (list of text).
//! `text` and `categories` may be left out.

use std::path::Path;
use std::sync::Arc;

use arrow::array::StringArray;

use super::column::{batch, id_array, text_array, text_list_array};
use super::table::{self, Table};
use crate::Result;
use crate::ids::Dictionary;
use crate::manifest::Manifest;

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
    let table = Table::read(path)?;
    table.require_artifact(&[ITEMS])?;
    let ids = table.unique_ids(ITEM_ID)?;
    let title = table.text(TITLE)?;
    table.require_rows("catalogue")?;
    let text = if table.has(TEXT) {
        table.text_or_null(TEXT)?
    } else {
        vec![None; table.rows()]
    };
    let categories = if table.has(CATEGORIES) {
        table.text_lists(CATEGORIES)?
    } else {
        vec![Vec::new(); table.rows()]
    };
    Ok(Items {
        ids,
        title,
        text,
        categories,
    })
}

/// Writes a catalogue.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, items: &Items) -> Result<()> {
    let columns = vec![
        (ITEM_ID, id_array(&items.ids, 0..items.ids.len() as u32)?, false),
        (TITLE, text_array(items.title.iter().map(String::as_str)), false),
        (
            TEXT,
            Arc::new(StringArray::from_iter(items.text.iter().map(Option::as_deref))) as _,
            true,
        ),
        (CATEGORIES, text_list_array(&items.categories), false),
    ];
    table::write(path, manifest, &[], &batch(columns)?)
}
