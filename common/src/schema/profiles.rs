//! `profiles.parquet`: what the language model reads in users and items. Columns `kind` (`user` or `item`),
//! `id`, `state_hash` (nullable: items have none), `traits` (list of f32 of one length: the calibrated log-odds
//! over the trait vocabulary, natural logarithm), `summary` (nullable JSON text), `confidence` (f32 in [0, 1]).
//! The vocabulary, one word a trait, stands in the footer.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{FixedSizeListArray, Float32Array};
use arrow::datatypes::{DataType, Field};

use super::column::{optional_text_array, text_array};
use super::table::Table;
use super::write;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const PROFILES: &str = "profiles";
const KIND: &str = "kind";
const ID: &str = "id";
const STATE_HASH: &str = "state_hash";
const TRAITS: &str = "traits";
const SUMMARY: &str = "summary";
const CONFIDENCE: &str = "confidence";
const VOCABULARY_KEY: &str = "headstart.traits";

/// Whose profile a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A user's state.
    User,
    /// An item.
    Item,
}

impl Kind {
    /// As in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Item => "item",
        }
    }
}

/// Profiles in memory, a struct of arrays.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    /// The trait vocabulary, K words.
    pub vocabulary: Vec<String>,
    /// User or item.
    pub kind: Vec<Kind>,
    /// Ids, as text.
    pub id: Vec<String>,
    /// The state that a user's profile was read from.
    pub state_hash: Vec<Option<String>>,
    /// Traits, row-major, rows x K.
    pub traits: Vec<f32>,
    /// JSON summaries.
    pub summary: Vec<Option<String>>,
    /// How sure the model was, in [0, 1].
    pub confidence: Vec<f32>,
}

impl Profiles {
    /// How many profiles there are.
    pub fn len(&self) -> usize {
        self.id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.id.is_empty()
    }

    /// The traits of row `row`, K values.
    pub fn traits_of(&self, row: usize) -> &[f32] {
        let k = self.vocabulary.len();
        &self.traits[row * k..(row + 1) * k]
    }
}

/// Reads profiles.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, an unknown kind, traits of another length than
/// the vocabulary, NaN or infinite traits.
pub fn read(path: &Path) -> Result<Profiles> {
    let table = Table::read(path)?;
    table.require_artifact(&[PROFILES])?;
    table.require_rows("list of profiles")?;
    let vocabulary: Vec<String> = match table.metadata(VOCABULARY_KEY) {
        Some(json) => serde_json::from_str(&json).map_err(|e| {
            Error::data(format!("the footer's trait vocabulary cannot be read: {e}")).file(path)
        })?,
        None => {
            return Err(
                Error::data(format!("the footer has no trait vocabulary ({VOCABULARY_KEY})")).file(path),
            );
        }
    };
    let mut kind = Vec::with_capacity(table.rows());
    for (row, text) in table.text(KIND)?.iter().enumerate() {
        kind.push(match text.as_str() {
            "user" => Kind::User,
            "item" => Kind::Item,
            _ => {
                let error = Error::data(format!("the kind `{text}` is neither user nor item"));
                return Err(table.place(error, KIND, row));
            }
        });
    }
    let lists = table.number_lists(TRAITS)?;
    if let Some(row) = lists.iter().position(|list| list.len() != vocabulary.len()) {
        let error = Error::data(format!(
            "{} traits, but the vocabulary has {}",
            lists[row].len(),
            vocabulary.len()
        ));
        return Err(error.file(path).column(TRAITS).row(row));
    }
    Ok(Profiles {
        kind,
        id: table.text(ID)?,
        state_hash: table.text_or_null(STATE_HASH)?,
        traits: lists.concat(),
        summary: table.text_or_null(SUMMARY)?,
        confidence: table.numbers(CONFIDENCE)?,
        vocabulary,
    })
}

/// Writes profiles.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, profiles: &Profiles) -> Result<()> {
    let field = Arc::new(Field::new("item", DataType::Float32, false));
    let values = Arc::new(Float32Array::from(profiles.traits.clone()));
    let traits = FixedSizeListArray::try_new(field, profiles.vocabulary.len() as i32, values, None)?;
    let optional = |values: &[Option<String>]| optional_text_array(values.iter().map(Option::as_deref));
    let columns = vec![
        (
            KIND,
            text_array(profiles.kind.iter().map(|kind| kind.as_str())),
            false,
        ),
        (ID, text_array(profiles.id.iter().map(String::as_str)), false),
        (STATE_HASH, optional(&profiles.state_hash), true),
        (TRAITS, Arc::new(traits) as _, false),
        (SUMMARY, optional(&profiles.summary), true),
        (
            CONFIDENCE,
            Arc::new(Float32Array::from(profiles.confidence.clone())) as _,
            false,
        ),
    ];
    let vocabulary = serde_json::Value::from(profiles.vocabulary.clone()).to_string();
    write::write(path, manifest, &[(VOCABULARY_KEY, vocabulary)], columns)
}
