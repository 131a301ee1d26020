//! `replay.parquet`: a log grouped by user, each user's interactions in the order of time. Columns `user` (u32, a code,
//! ascending without a gap), `items` (list of u32, codes), `feedback` (list of f32, +1 liked, -1 not). A row group is a
//! block: it can be read alone.
//!
//! Codes mean nothing by themselves: the file belongs to the log, and to the catalogue, that its manifest records.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, ListArray, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Float32Type, UInt32Type};

use super::file::ParquetFile;
use super::table;
use super::write::{self, Columns, RowGroups};
use crate::manifest::Manifest;
use crate::{Error, Result, fence};

/// Artifact kind.
pub const REPLAY: &str = "replay";
const USER: &str = "user";
const ITEMS: &str = "items";
const FEEDBACK: &str = super::interactions::FEEDBACK;

/// The whole logs of consecutive users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The first user's code.
    pub first_user: u32,
    /// How many interactions each user has.
    pub lengths: Vec<u32>,
    /// The items' codes, one user's after the other's.
    pub items: Vec<u32>,
    /// The feedback on each.
    pub feedback: Vec<f32>,
}

/// An open file, its footer read.
#[derive(Debug)]
pub struct Blocks {
    file: ParquetFile,
    users: Vec<u32>,
}

/// Writes the blocks that `fill` hands to its argument, with memory for one of them. That users follow one another is
/// the caller's to see to.
///
/// # Errors
/// On I/O failure, and those of `fill`.
pub fn write_blocks<T>(
    path: &Path,
    manifest: &Manifest,
    fill: impl FnOnce(&mut dyn FnMut(Block) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let schema = write::schema(columns(Block::default()))?;
    write::stream_groups(path, manifest, &[], schema, RowGroups::Pieces, |write| {
        fill(&mut |block| write(columns(block)))
    })
}

fn columns(block: Block) -> Columns {
    let users = block.first_user..block.first_user + block.lengths.len() as u32;
    let offsets = OffsetBuffer::from_lengths(block.lengths.iter().map(|&length| length as usize));
    let list = |values: ArrayRef| {
        let field = Arc::new(Field::new("item", values.data_type().clone(), true));
        Arc::new(ListArray::new(field, offsets.clone(), values, None)) as ArrayRef
    };
    vec![
        (USER, Arc::new(UInt32Array::from_iter_values(users)) as _, false),
        (ITEMS, list(Arc::new(UInt32Array::from(block.items))), false),
        (
            FEEDBACK,
            list(Arc::new(Float32Array::from(block.feedback))),
            false,
        ),
    ]
}

impl Blocks {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// A missing or unreadable file, another artifact.
    pub fn open(path: &Path) -> Result<Self> {
        let file = ParquetFile::open(path)?;
        table::require_artifact(&file, &[REPLAY])?;
        file.check(&[USER, ITEMS, FEEDBACK])?;
        let groups = file.row_groups().iter();
        Ok(Blocks {
            users: groups.map(|&rows| rows as u32).collect(),
            file,
        })
    }

    /// How many users each block holds.
    pub fn users(&self) -> &[u32] {
        &self.users
    }

    /// Reads the block with this number.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged there.
    pub fn read(&self, number: usize) -> Result<Block> {
        let placed = |error: Error| {
            let hint = "remove the file: it is made again from the log";
            error.file(self.file.path()).row_group(number).hint(hint)
        };
        let reader = self.file.reader(&[USER, ITEMS, FEEDBACK])?;
        let rows = self.users.get(number).copied().unwrap_or(0) as usize;
        let batches = fence::decode(|| -> parquet::errors::Result<Vec<RecordBatch>> {
            let reader = reader.with_row_groups(vec![number]).with_batch_size(rows.max(1));
            Ok(reader.build()?.collect::<arrow::error::Result<_>>()?)
        })
        .map_err(placed)?;
        let mut block = Block::default();
        let undecodable = |e| placed(Error::data(format!("the file cannot be decoded: {e}")));
        for batch in batches.map_err(|e| self.file.unread(undecodable(e)))? {
            let taken = take(&batch, &mut block);
            taken.ok_or_else(|| placed(Error::data("the columns are not those of a replay")))?;
        }
        Ok(block)
    }
}

/// Adds the rows of `batch` to `block`; none where they are not as they should be.
fn take(batch: &RecordBatch, block: &mut Block) -> Option<()> {
    let users = batch.column_by_name(USER)?.as_primitive_opt::<UInt32Type>()?;
    if block.lengths.is_empty() {
        block.first_user = *users.values().first()?;
    }
    let next = block.first_user + block.lengths.len() as u32;
    if !users.values().iter().copied().eq(next..next + users.len() as u32) {
        return None;
    }
    let lists = |column: &str, kind: &DataType| {
        let lists = batch.column_by_name(column)?.as_list_opt::<i32>()?;
        let whole = lists.null_count() == 0 && lists.values().null_count() == 0;
        (whole && lists.value_type() == *kind).then_some(lists)
    };
    let (items, feedback) = (
        lists(ITEMS, &DataType::UInt32)?,
        lists(FEEDBACK, &DataType::Float32)?,
    );
    if items.offsets() != feedback.offsets() {
        return None;
    }
    let ends = items.offsets();
    let (from, to) = (ends.first() as usize, ends.last() as usize);
    block.lengths.extend(ends.lengths().map(|length| length as u32));
    let values = items.values().as_primitive_opt::<UInt32Type>()?.values();
    block.items.extend_from_slice(values.get(from..to)?);
    let values = feedback.values().as_primitive_opt::<Float32Type>()?.values();
    block.feedback.extend_from_slice(values.get(from..to)?);
    Some(())
}
