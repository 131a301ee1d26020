//! The policy's own tables: its actions (`items.parquet`) and the users it knows (`users.parquet`).

use std::path::Path;
use std::sync::Arc;

use arrow::array::Float32Array;

use super::NetworkConfig;
use crate::ids::{Dictionary, IdKind};
use crate::manifest::Manifest;
use crate::schema::column::{id_array, number_list_array, u32_list_array};
use crate::schema::interactions::{ITEM_ID, USER_ID};
use crate::schema::table::Table;
use crate::schema::write::{self, Columns};
use crate::{Error, Result};

const POPULARITY: &str = "popularity";
const TRAITS: &str = "traits";
const HISTORY: &str = "history";
const FEEDBACK: &str = "feedback";
const CONSUMED: &str = "consumed";
const MEMORY: &str = "memory";
const MEMORY_AT: &str = "memory_at";
const ANSWERED: &str = "answered";

/// The actions: columns `item_id`, `popularity` (likes in the log), `traits` (list of f32, standardised).
#[derive(Clone, Debug, Default)]
pub struct PolicyItems {
    /// Item ids; code i is action i.
    pub ids: Dictionary,
    /// Likes in the log.
    pub popularity: Vec<f32>,
    /// Standardised traits, row-major N x K.
    pub traits: Vec<f32>,
}

/// What the policy knows of users: columns `user_id`, `history` and `consumed` (lists of u32, the items'
/// places in `items.parquet`), `feedback` (list of f32, +1 liked, -1 not), `traits` (list of f32, standardised), and
/// where the encoder keeps one `memory` and `memory_at` (lists of f32 and u32) and `answered` (list of u32 as above; absent
/// in older files). A memory that is mostly zeros has its other numbers alone, and their places in `memory_at`.
#[derive(Clone, Debug, Default)]
pub struct PolicyUsers {
    /// User ids.
    pub ids: Dictionary,
    /// Each user's last items with feedback (+1 liked, -1 not), oldest first.
    pub history: Vec<Vec<(u32, f32)>>,
    /// Standardised traits, row-major U x K.
    pub traits: Vec<f32>,
    /// Action codes that the log shows as consumed, ascending.
    pub consumed: Vec<Vec<u32>>,
    /// Memories, row-major U x [`NetworkConfig::memory`]; empty where the encoder keeps none.
    pub memory: Vec<f32>,
    /// Action codes of recommendations whose answers are in the memory, ascending: they may be offered again. Empty where
    /// the policy has learnt from none.
    pub answered: Vec<Vec<u32>>,
}

fn rows(values: &[f32], rows: usize) -> Vec<Vec<f32>> {
    let width = values.len().checked_div(rows).unwrap_or(0);
    (0..rows)
        .map(|row| values[row * width..(row + 1) * width].to_vec())
        .collect()
}

/// The places and numbers of a memory that are to be written: all numbers without places, or those that are not 0.
fn thinned(memory: Vec<f32>) -> (Vec<u32>, Vec<f32>) {
    let is_told = |&(_, number): &(usize, &f32)| number.to_bits() != 0;
    let told = || memory.iter().enumerate().filter(is_told);
    if 2 * told().count() > memory.len() {
        return (Vec::new(), memory);
    }
    told().map(|(place, &number)| (place as u32, number)).unzip()
}

/// The memories of `width` numbers, one after the other.
fn memories(table: &Table, width: usize) -> Result<Vec<f32>> {
    if !table.has(MEMORY_AT) {
        return table.number_rows(MEMORY, width);
    }
    let (places, numbers) = (table.u32_lists(MEMORY_AT)?, table.number_lists(MEMORY)?);
    let mut all = Vec::new();
    let count = width.saturating_mul(table.rows());
    all.try_reserve_exact(count).map_err(|_| {
        let error = format!(
            "{} memories of {width} numbers do not fit in this machine's memory",
            table.rows()
        );
        Error::data(error).file(table.path()).column(MEMORY)
    })?;
    all.resize(count, 0.0);
    for (row, (places, numbers)) in places.iter().zip(&numbers).enumerate() {
        let memory = &mut all[row * width..][..width];
        if places.is_empty() && numbers.len() == width {
            memory.copy_from_slice(numbers);
            continue;
        }
        if places.len() != numbers.len() {
            let error = format!("{} numbers at {} places of {width}", numbers.len(), places.len());
            return Err(table.place(Error::data(error), MEMORY, row));
        }
        for (&place, &number) in places.iter().zip(numbers) {
            let to = memory.get_mut(place as usize).ok_or_else(|| {
                let error = Error::data(format!("`{place}` is not a place among {width}"));
                table.place(error, MEMORY_AT, row)
            })?;
            *to = number;
        }
    }
    Ok(all)
}

impl PolicyItems {
    pub(super) fn write(&self, path: &Path, manifest: &Manifest) -> Result<()> {
        let columns = vec![
            (ITEM_ID, id_array(&self.ids, 0..self.ids.len() as u32)?, false),
            (
                POPULARITY,
                Arc::new(Float32Array::from(self.popularity.clone())) as _,
                false,
            ),
            (
                TRAITS,
                number_list_array(&rows(&self.traits, self.ids.len())),
                false,
            ),
        ];
        write::write(path, manifest, &[], columns)
    }

    pub(super) fn read(path: &Path, network: &NetworkConfig) -> Result<Self> {
        let table = Table::open(path)?;
        Ok(PolicyItems {
            ids: table.unique_ids(ITEM_ID)?,
            popularity: table.numbers(POPULARITY)?,
            traits: table.number_rows(TRAITS, network.traits)?,
        })
    }
}

impl PolicyUsers {
    /// Writes users, of ids of the type `ids`, in the pieces that `fill` hands to its argument, with their memories where
    /// the policy `remembers`.
    pub(super) fn write_pieces(
        path: &Path,
        manifest: &Manifest,
        ids: IdKind,
        remembers: bool,
        fill: impl FnOnce(&mut dyn FnMut(&PolicyUsers) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let empty = PolicyUsers {
            ids: Dictionary::new(ids),
            ..PolicyUsers::default()
        };
        let schema = write::schema(empty.columns(remembers)?)?;
        write::stream(path, manifest, &[], schema, |write| {
            fill(&mut |users| write(users.columns(remembers)?))
        })
    }

    fn columns(&self, remembers: bool) -> Result<Columns> {
        let history: Vec<Vec<u32>> = self
            .history
            .iter()
            .map(|of| of.iter().map(|(item, _)| *item).collect())
            .collect();
        let feedback: Vec<Vec<f32>> = self
            .history
            .iter()
            .map(|of| of.iter().map(|(_, feedback)| *feedback).collect())
            .collect();
        let mut columns: Columns = vec![
            (USER_ID, id_array(&self.ids, 0..self.ids.len() as u32)?, false),
            (HISTORY, u32_list_array(&history), false),
            (FEEDBACK, number_list_array(&feedback), false),
            (
                TRAITS,
                number_list_array(&rows(&self.traits, self.ids.len())),
                false,
            ),
            (CONSUMED, u32_list_array(&self.consumed), false),
        ];
        if remembers {
            let memories = rows(&self.memory, self.ids.len()).into_iter().map(thinned);
            let (places, numbers): (Vec<Vec<u32>>, Vec<Vec<f32>>) = memories.unzip();
            columns.push((MEMORY, number_list_array(&numbers), false));
            columns.push((MEMORY_AT, u32_list_array(&places), false));
            let mut answered = self.answered.clone();
            answered.resize(self.ids.len(), Vec::new());
            columns.push((ANSWERED, u32_list_array(&answered), false));
        }
        Ok(columns)
    }

    pub(super) fn read(path: &Path, network: &NetworkConfig) -> Result<Self> {
        let table = Table::open(path)?;
        let ids = table.unique_ids(USER_ID)?;
        let codes = |column: &str| -> Result<Vec<Vec<u32>>> {
            let lists = table.u32_lists(column)?;
            for (row, list) in lists.iter().enumerate() {
                if let Some(code) = list.iter().find(|&&code| code as usize >= network.items) {
                    let error = Error::data(format!("`{code}` is not an action among {}", network.items));
                    return Err(table.place(error, column, row));
                }
            }
            Ok(lists)
        };
        let (history, consumed) = (codes(HISTORY)?, codes(CONSUMED)?);
        let answered = if table.has(ANSWERED) {
            codes(ANSWERED)?
        } else {
            Vec::new()
        };
        let feedback = table.number_lists(FEEDBACK)?;
        let memory = match network.memory() {
            0 => Vec::new(),
            width => memories(&table, width)?,
        };
        if let Some(row) = (0..table.rows()).find(|&row| history[row].len() != feedback[row].len()) {
            let error = Error::data(format!(
                "{} history items with {} feedbacks",
                history[row].len(),
                feedback[row].len()
            ));
            return Err(table.place(error, FEEDBACK, row));
        }
        Ok(PolicyUsers {
            ids,
            history: history
                .into_iter()
                .zip(feedback)
                .map(|(i, f)| i.into_iter().zip(f).collect())
                .collect(),
            traits: table.number_rows(TRAITS, network.traits)?,
            consumed,
            memory,
            answered,
        })
    }
}
