//! `profiles.parquet`: what the language model reads in users and items. Columns `kind` (`user` or `item`),
//! `id`, `state_hash` (nullable: items have none), `traits` (list of f32 of one length: the calibrated log-odds
//! over the trait vocabulary, natural logarithm), `summary` (nullable JSON text), `confidence` (f32 in [0, 1]),
//! `fame` (nullable f32: the log-probability of the item's title as that of something known, natural logarithm),
//! `prompt` (nullable text: the content address of the prompt that the traits were read from, by which a later run knows that
//! they need not be read again). The vocabulary, one word a trait, stands in the footer.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{FixedSizeListArray, Float32Array};
use arrow::datatypes::{DataType, Field};

use super::column::{optional_text_array, text_array};
use super::pieces::{Finder, Pieces};
use super::table::Table;
use super::write::{self, Columns};
use crate::ids::Dictionary;
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
const FAME: &str = "fame";
const PROMPT: &str = "prompt";
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
    /// The log-probability of an item's title as that of something known, in nats; users have none. Empty where
    /// nothing tells.
    pub fame: Vec<Option<f32>>,
    /// The content address of the prompt that the traits were read from; empty where nothing tells.
    pub prompt: Vec<Option<String>>,
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

    /// The fame of row `row`.
    pub fn fame_of(&self, row: usize) -> Option<f32> {
        self.fame.get(row).copied().flatten()
    }

    /// The content address of the prompt of row `row`.
    pub fn prompt_of(&self, row: usize) -> Option<&str> {
        self.prompt.get(row).and_then(Option::as_deref)
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
/// the vocabulary, NaN or infinite traits, an id that is there twice, a confidence outside [0, 1].
pub fn read(path: &Path) -> Result<Profiles> {
    let table = Table::open(path)?;
    table.require_artifact(&[PROFILES])?;
    table.require_rows("list of profiles")?;
    of_table(&table)
}

fn of_table(table: &Table) -> Result<Profiles> {
    let path = table.path();
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
    let kind = kinds(table)?;
    let mut seen = [Dictionary::default(), Dictionary::default()];
    let id = table.text(ID)?;
    for (row, (&kind, id)) in kind.iter().zip(&id).enumerate() {
        let of_kind = &mut seen[kind as usize];
        let before = of_kind.len();
        if of_kind.intern(id) as usize != before {
            let error = Error::data(format!("the {} `{id}` has two profiles", kind.as_str()));
            return Err(table.place(error.hint("keep one of them"), ID, row));
        }
    }
    Ok(Profiles {
        kind,
        id,
        state_hash: table.text_or_null(STATE_HASH)?,
        traits: table.number_rows(TRAITS, vocabulary.len())?,
        summary: table.text_or_null(SUMMARY)?,
        confidence: table.shares(CONFIDENCE)?,
        fame: match table.has(FAME) {
            true => table.numbers_or_null(FAME)?,
            false => Vec::new(),
        },
        prompt: match table.has(PROMPT) {
            true => table.text_or_null(PROMPT)?,
            false => Vec::new(),
        },
        vocabulary,
    })
}

fn kinds(table: &Table) -> Result<Vec<Kind>> {
    let mut kinds = Vec::with_capacity(table.rows());
    for (row, text) in table.text(KIND)?.iter().enumerate() {
        kinds.push(match text.as_str() {
            "user" => Kind::User,
            "item" => Kind::Item,
            _ => {
                let error = Error::data(format!("the kind `{text}` is neither user nor item"));
                return Err(table.place(error, KIND, row));
            }
        });
    }
    Ok(kinds)
}

/// What another run may take over of a profile, where its prompt is the same.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The content address of its prompt; none where it was made otherwise.
    pub prompt: Option<String>,
    /// K traits.
    pub traits: Vec<f32>,
    /// How sure the model was.
    pub confidence: f32,
    /// How well known an item is.
    pub fame: Option<f32>,
}

/// The profiles of items or of users by their ids, in memory for some of them.
///
/// # Errors
/// A missing or unreadable file, another artifact, no vocabulary.
pub fn finder(path: &Path, kind: Kind) -> Result<Finder<Profile>> {
    let columns = [KIND, ID, STATE_HASH, TRAITS, SUMMARY, CONFIDENCE, FAME, PROMPT];
    let pieces = Pieces::open(path, &[PROFILES], &columns)?;
    Ok(Finder::new(
        pieces,
        match kind {
            Kind::Item => |piece| of_kind(piece, Kind::Item),
            Kind::User => |piece| of_kind(piece, Kind::User),
        },
    ))
}

fn of_kind(piece: &Table, wanted: Kind) -> Result<Vec<(String, Profile)>> {
    let read = of_table(piece)?;
    let rows = (0..read.len()).filter(|&row| read.kind[row] == wanted);
    let profile = |row: usize| {
        let profile = Profile {
            prompt: read.prompt_of(row).map(String::from),
            traits: read.traits_of(row).to_vec(),
            confidence: read.confidence[row],
            fame: read.fame_of(row),
        };
        (read.id[row].clone(), profile)
    };
    Ok(rows.map(profile).collect())
}

/// How many profiles of items stand at `path`.
///
/// # Errors
/// A missing or unreadable file, a missing column, an unknown kind.
pub fn count_items(path: &Path) -> Result<usize> {
    let mut pieces = Pieces::open(path, &[PROFILES], &[KIND])?;
    let mut count = 0;
    while let Some(piece) = pieces.next_piece()? {
        let kinds = kinds(&piece)?;
        count += kinds.iter().filter(|&&kind| kind == Kind::Item).count();
    }
    Ok(count)
}

/// Writes profiles.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, profiles: &Profiles) -> Result<()> {
    write_pieces(path, manifest, &profiles.vocabulary, |write| write(profiles))
}

/// Writes profiles over `vocabulary`, which they need not hold, in the pieces that `fill` hands to its argument, with memory for
/// a row group; that none appears twice is the caller's to see to.
///
/// # Errors
/// As [`write`], and those of `fill`.
pub fn write_pieces<T>(
    path: &Path,
    manifest: &Manifest,
    vocabulary: &[String],
    fill: impl FnOnce(&mut dyn FnMut(&Profiles) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let schema = write::schema(columns(&Profiles::default(), vocabulary.len())?)?;
    let words = serde_json::Value::from(vocabulary.to_vec()).to_string();
    write::stream(path, manifest, &[(VOCABULARY_KEY, words)], schema, |write| {
        fill(&mut |profiles| write(columns(profiles, vocabulary.len())?))
    })
}

fn columns(profiles: &Profiles, words: usize) -> Result<Columns> {
    let field = Arc::new(Field::new("item", DataType::Float32, false));
    let values = Arc::new(Float32Array::from(profiles.traits.clone()));
    let traits = FixedSizeListArray::try_new(field, words as i32, values, None)?;
    let optional = |values: &[Option<String>]| optional_text_array(values.iter().map(Option::as_deref));
    let fame: Float32Array = (0..profiles.len()).map(|row| profiles.fame_of(row)).collect();
    let prompts = (0..profiles.len()).map(|row| profiles.prompt_of(row));
    Ok(vec![
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
        (FAME, Arc::new(fame) as _, true),
        (PROMPT, optional_text_array(prompts), true),
    ])
}
