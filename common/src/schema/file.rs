//! The one place where a Parquet file is opened: its footer is checked against the file, and its pages before they are
//! decoded.
//!
//! Threat model: a file may be cut short, be no Parquet at all, have a bit turned over anywhere, promise more than its
//! bytes can keep, lack columns or have one twice. Each is one [`Error`] with its place. What a file may ask for is bounded
//! by its own length and a budget, see [`FREE_VALUES`] and [`super::pages`].

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Type};
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::checksums::{self, Checksums};
use super::pages::{self, ColumnChunk, Fault};
use crate::input::{Input, OpenObject};
use crate::{Error, Result, fence, input};

/// Values that a column may hold, whatever the length of the file, and for each byte of it. A log has some bytes per row, so
/// that only a file of equal rows by the ten million comes to more.
pub const FREE_VALUES: u64 = 1 << 23;
const VALUES_A_BYTE: u64 = 4;
/// Rows of a batch when a file is read, where they are not too long.
const BATCH_ROWS: usize = 65_536;
/// Bytes of memory that a column may take when it is read whole, whatever the length of the file; and for each byte of it.
const FREE_MEMORY: u64 = 512 << 20;
const MEMORY_RATIO: u64 = 64;
/// Bytes of text that a batch may take, as far as can be told before it is decoded.
const BATCH_TEXT: u64 = 256 << 20;

/// A Parquet file whose footer was read and checked.
#[derive(Clone, Debug)]
pub struct ParquetFile {
    path: PathBuf,
    /// The version of the object that the footer is of, where it is one.
    object: Option<OpenObject>,
    length: u64,
    footer: ArrowReaderMetadata,
    row_groups: Vec<usize>,
    checksums: Option<Checksums>,
}

impl ParquetFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// When there is none, or it is not a whole Parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = input::open(path)?;
        let object = file.object();
        let footer = fence::decode(|| ArrowReaderMetadata::load(&file, Default::default()))
            .map_err(|e| e.file(path))?
            .map_err(|e| unread(object.as_ref(), not_whole(path, e)))?;
        let length = file.length().map_err(|e| Error::io(e, "read", path))?;
        let groups = footer.metadata().row_groups();
        let rows = |group: &RowGroupMetaData| usize::try_from(group.num_rows());
        let row_groups = groups.iter().map(rows).collect::<Result<Vec<_>, _>>();
        let row_groups = row_groups.map_err(|_| not_whole(path, "a row group has fewer than no rows"))?;
        let sum = row_groups
            .iter()
            .map(|&rows| rows as u64)
            .fold(0, u64::saturating_add);
        let promised = footer.metadata().file_metadata().num_rows();
        if u64::try_from(promised) != Ok(sum) {
            let differ = format!("the row groups have {sum} rows, the footer says {promised}");
            return Err(not_whole(path, differ));
        }
        let mut opened = ParquetFile {
            path: path.to_path_buf(),
            object,
            length,
            row_groups,
            checksums: None,
            footer,
        };
        if let Some(text) = opened.metadata(checksums::KEY) {
            let groups = opened.footer.metadata().row_groups();
            let read = Checksums::read(&mut file, length, groups, &text);
            opened.checksums = Some(read.map_err(|what| opened.unread(changed(path, what)))?);
        }
        Ok(opened)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        self.footer.schema()
    }

    /// The type of a column.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn column_type(&self, column: &str) -> Result<&DataType> {
        match self.schema().column_with_name(column) {
            Some((_, field)) => Ok(field.data_type()),
            None => Err(missing(self.schema(), column, &self.path)),
        }
    }

    /// Whether the column is there.
    pub fn has(&self, column: &str) -> bool {
        self.schema().column_with_name(column).is_some()
    }

    /// Rows of each row group.
    pub fn row_groups(&self) -> &[usize] {
        &self.row_groups
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.row_groups.iter().map(|&rows| rows as u64).sum()
    }

    /// The footer's metadata.
    pub(super) fn pairs(&self) -> &[KeyValue] {
        let pairs = self.footer.metadata().file_metadata().key_value_metadata();
        pairs.map_or(&[], Vec::as_slice)
    }

    /// A value of the footer's metadata.
    pub fn metadata(&self, key: &str) -> Option<String> {
        let found = self.pairs().iter().find(|pair| pair.key == key);
        found.and_then(|pair| pair.value.clone())
    }

    /// Checks all that can be checked of these columns, those of them that the file has, before they are decoded; gives the
    /// most rows that should be decoded together.
    ///
    /// # Errors
    /// Two columns of one name, damaged pages, more values or larger pages than a file of this length may ask for.
    pub fn check(&self, columns: &[&str]) -> Result<usize> {
        for column in columns {
            let fields = self.schema().fields().iter();
            if fields.filter(|field| field.name() == column).count() > 1 {
                return Err(Error::data(format!("column `{column}` stands twice in the file"))
                    .file(&self.path)
                    .column(column)
                    .hint("which of the two is meant? drop or rename the other"));
            }
        }
        self.affordable(self.rows())?;
        let mut file = self.input(columns)?;
        let leaves = self.footer.parquet_schema();
        let mut batch = usize::MAX;
        for leaf in 0..leaves.num_columns() {
            let column = leaves.get_column_root(leaf).name();
            if columns.contains(&column) {
                batch = batch.min(self.check_leaf(&mut file, leaf, column)?);
            }
        }
        Ok(batch)
    }

    /// As [`ParquetFile::check`], of one column of the format, which may be part of a nested one.
    fn check_leaf(&self, file: &mut Input, leaf: usize, column: &str) -> Result<usize> {
        let nested = self.footer.parquet_schema().column(leaf).max_rep_level() > 0;
        let (mut all, mut batch) = (0_u64, usize::MAX);
        for (number, (group, &rows)) in self
            .footer
            .metadata()
            .row_groups()
            .iter()
            .zip(&self.row_groups)
            .enumerate()
        {
            let place = |error: Error| error.file(&self.path).column(column).row_group(number);
            let damaged = |what: String| {
                place(Error::data(format!("the file is damaged: {what}"))).hint("copy or make it again")
            };
            let meta = group
                .columns()
                .get(leaf)
                .ok_or_else(|| damaged("the column is not there".into()))?;
            if let Compression::BROTLI(_) | Compression::LZO = meta.compression() {
                let codec = meta.compression().to_string();
                return Err(place(Error::data(format!(
                    "the column is compressed with {codec}, which is not read"
                )))
                .hint("write the file with zstd, snappy, lz4, gzip or no compression"));
            }
            let (begin, length) = checksums::place(meta)
                .filter(|(begin, length)| begin.checked_add(*length).is_some_and(|end| end <= self.length))
                .ok_or_else(|| damaged("the footer places the column outside of the file".into()))?;
            let values = u64::try_from(meta.num_values())
                .ok()
                .filter(|&values| values == rows as u64 || nested && values > rows as u64)
                .ok_or_else(|| damaged(format!("{} values in {rows} rows", meta.num_values())))?;
            all = all.saturating_add(values);
            self.affordable(all).map_err(|e| e.column(column))?;
            let chunk = ColumnChunk {
                begin,
                length,
                values,
                kind: meta.column_type(),
            };
            let fault = |fault| match fault {
                Fault::Read(error) => Error::io(error, "read", &self.path),
                Fault::Damaged(what) => damaged(what),
                Fault::TooLarge(what) => place(Error::data(what))
                    .hint("no tool writes such a page; copy the file, or write it again with smaller pages"),
            };
            if let Some(promised) = self.checksums.as_ref().and_then(|all| all.of(number, leaf))
                && pages::checksum(file, begin, length).map_err(|e| fault(e.into()))? != promised
            {
                return Err(damaged(
                    "the checksum of the column is not that of its bytes".into(),
                ));
            }
            let dictionary = pages::check(file, &chunk).map_err(fault)?;
            let rows = self.batch_rows(meta, rows, dictionary);
            batch = batch.min(rows.map_err(|what| self.unread(damaged(what)))?);
        }
        Ok(batch)
    }

    /// Requires that a file of this length may have so many values in a column.
    fn affordable(&self, values: u64) -> Result<()> {
        let most = FREE_VALUES + VALUES_A_BYTE * self.length;
        if values <= most {
            return Ok(());
        }
        Err(Error::data(format!(
            "{values} values or more in a column of a file of {} bytes; at most {most} are read",
            self.length
        ))
        .file(&self.path)
        .hint(format!(
            "a column may have {FREE_VALUES} values and {VALUES_A_BYTE} more for each byte of the file; write several files"
        )))
    }

    /// Requires that a file of this length may take so many bytes of memory for one of its columns.
    pub(super) fn fits_memory(&self, bytes: u64, column: &str) -> Result<()> {
        let most = FREE_MEMORY + MEMORY_RATIO * self.length;
        if bytes <= most {
            return Ok(());
        }
        Err(Error::data(format!(
            "the column takes {bytes} bytes of memory or more, the file has {}; at most {most} are taken",
            self.length
        ))
        .file(&self.path)
        .column(column)
        .hint("shorten the texts in it"))
    }

    /// Rows of a column chunk to decode together: a dictionary may hold one long text that every row repeats.
    fn batch_rows(&self, meta: &ColumnChunkMetaData, rows: usize, dictionary: u64) -> Result<usize, String> {
        let rows = rows.clamp(1, BATCH_ROWS);
        let text = meta
            .unencoded_byte_array_data_bytes()
            .and_then(|bytes| u64::try_from(bytes).ok());
        if meta.column_type() != Type::BYTE_ARRAY
            || text.is_some_and(|bytes| bytes <= BATCH_TEXT)
            || dictionary.saturating_mul(rows as u64) <= BATCH_TEXT
        {
            return Ok(usize::MAX);
        }
        let longest = fence::decode(|| self.longest(meta)).map_err(|e| e.to_string())??;
        Ok(((BATCH_TEXT / longest.max(1)) as usize).max(1))
    }

    /// The longest text of a column chunk's dictionary.
    fn longest(&self, meta: &ColumnChunkMetaData) -> Result<u64, String> {
        let file = Arc::new(self.input(&[]).map_err(|e| e.to_string())?);
        let mut pages = SerializedPageReader::new(file, meta, 1, None).map_err(|e| e.to_string())?;
        let page = pages.get_next_page().map_err(|e| e.to_string())?;
        let Some(Page::DictionaryPage { buf, .. }) = page else {
            return Ok(0);
        };
        let (mut rest, mut longest) = (buf.as_ref(), 0);
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length);
            longest = longest.max(u64::from(length));
            rest = after.get(length as usize..).unwrap_or_default();
        }
        Ok(longest)
    }

    /// The file again, of which these columns are going to be read.
    fn input(&self, columns: &[&str]) -> Result<Input> {
        let Some(object) = &self.object else {
            return input::open(&self.path);
        };
        let wanted = |chunk: &&ColumnChunkMetaData| {
            columns.iter().any(|column| {
                chunk
                    .column_path()
                    .parts()
                    .first()
                    .is_some_and(|root| root == column)
            })
        };
        let range = |chunk: &ColumnChunkMetaData| -> Option<Range<u64>> {
            let (begin, length) = checksums::place(chunk)?;
            Some(begin..begin.saturating_add(length))
        };
        let chunks = self
            .footer
            .metadata()
            .row_groups()
            .iter()
            .flat_map(RowGroupMetaData::columns);
        Ok(Input::Object(object.clone()).wanting(chunks.filter(wanted).filter_map(range)))
    }

    /// The error of what could not be decoded, or why it could not be read.
    pub(crate) fn unread(&self, error: Error) -> Error {
        unread(self.object.as_ref(), error)
    }

    /// A reader of these columns, those of them that the file has; [`ParquetFile::check`] them first.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub fn reader(&self, columns: &[&str]) -> Result<ParquetRecordBatchReaderBuilder<Input>> {
        let file = self.input(columns)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.footer.clone());
        let roots = self.schema().fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| columns.contains(&field.name().as_str()));
        let only = ProjectionMask::roots(builder.parquet_schema(), roots.map(|(root, _)| root));
        Ok(builder.with_projection(only))
    }

    /// Hands each row group whole, with all columns, to `take`.
    ///
    /// # Errors
    /// As [`ParquetFile::each_batch`].
    pub(super) fn each_group(&self, mut take: impl FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        let fields = self.schema().fields().iter();
        let columns: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
        self.check(&columns)?;
        for (group, &rows) in self.row_groups.iter().enumerate() {
            let reader = self.reader(&columns)?.with_row_groups(vec![group]);
            let mut batches = self.decoded(reader.with_batch_size(rows.max(1)), &columns, rows as u64)?;
            while let Some((_, batch)) = batches.next()? {
                take(batch)?;
            }
        }
        Ok(())
    }

    /// Hands these columns, those of them that the file has, to `take`: a batch of rows at a time, with how many rows stand
    /// before it. A file without a row has one empty batch.
    ///
    /// # Errors
    /// As [`ParquetFile::check`]; a file that cannot be decoded or has other rows than its footer says; those of `take`.
    pub(super) fn each_batch(
        &self,
        columns: &[&str],
        mut take: impl FnMut(usize, RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut batches = self.batches(columns, BATCH_ROWS)?;
        while let Some((before, batch)) = batches.next()? {
            take(before, batch)?;
        }
        Ok(())
    }

    /// As [`ParquetFile::each_batch`], one after the other as they are asked for, of at most `most` rows.
    ///
    /// # Errors
    /// As [`ParquetFile::check`].
    pub(super) fn batches(&self, columns: &[&str], most: usize) -> Result<Batches> {
        let rows = self.check(columns)?.min(most);
        let reader = self.reader(columns)?.with_batch_size(rows);
        self.decoded(reader, columns, self.rows())
    }

    /// What `reader` gives of these columns, which is `promised` rows.
    fn decoded(
        &self,
        reader: ParquetRecordBatchReaderBuilder<Input>,
        columns: &[&str],
        promised: u64,
    ) -> Result<Batches> {
        let kept = self.schema().fields().iter();
        let kept = kept
            .filter(|field| columns.contains(&field.name().as_str()))
            .cloned();
        let mut batches = Batches {
            columns: columns.iter().map(ToString::to_string).collect(),
            file: self.clone(),
            schema: Arc::new(Schema::new(kept.collect::<Vec<_>>())),
            reader: None,
            promised,
            before: 0,
            ended: false,
        };
        let reader = fence::decode(|| reader.build()).map_err(|e| e.file(&self.path))?;
        batches.reader = Some(reader.map_err(|e| batches.damaged(&e))?);
        Ok(batches)
    }
}

/// The rows of a file, a batch at a time.
pub(super) struct Batches {
    columns: Vec<String>,
    file: ParquetFile,
    schema: SchemaRef,
    reader: Option<ParquetRecordBatchReader>,
    promised: u64,
    before: usize,
    ended: bool,
}

impl Batches {
    /// The next batch, with how many rows stand before it.
    ///
    /// # Errors
    /// A file that cannot be decoded or has other rows than its footer says.
    pub(super) fn next(&mut self) -> Result<Option<(usize, RecordBatch)>> {
        let Some(reader) = self.reader.as_mut().filter(|_| !self.ended) else {
            return Ok(None);
        };
        let next = fence::decode(|| reader.next()).map_err(|e| self.damaged(&e.what()))?;
        if let Some(batch) = next.transpose().map_err(|e| self.damaged(&e))? {
            let before = self.before;
            self.before += batch.num_rows();
            return Ok(Some((before, batch)));
        }
        self.ended = true;
        let (before, promised) = (self.before, self.promised);
        if before as u64 != promised {
            return Err(self.damaged(&format!("it has {before} rows, its footer says {promised}")));
        }
        Ok((before == 0).then(|| (0, RecordBatch::new_empty(self.schema.clone()))))
    }

    fn damaged(&self, e: &dyn std::fmt::Display) -> Error {
        let error = self.file.unread(undecodable(e, &self.file.path));
        match self.columns.as_slice() {
            [only] => error.column(only),
            _ => error,
        }
    }
}

/// `error`, or why the object could not be read: what decodes it may have been given no more than the end of it.
fn unread(object: Option<&OpenObject>, error: Error) -> Error {
    object.and_then(OpenObject::failure).unwrap_or(error)
}

/// The error of a file that its format's reader cannot decode.
pub(crate) fn undecodable(error: &dyn std::fmt::Display, path: &Path) -> Error {
    Error::data(format!("the file cannot be decoded: {error}")).file(path)
}

fn not_whole(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::data(format!("no whole Parquet file: {why}"))
        .file(path)
        .hint("it may have been cut short in a copy; copy or make it again")
}

fn changed(path: &Path, what: String) -> Error {
    let error = Error::data(format!("the file is damaged: {what}")).file(path);
    error.hint("it was changed since it was written; copy or make it again")
}

/// The error of a column that is not there.
pub(super) fn missing(schema: &Schema, column: &str, path: &Path) -> Error {
    let found: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("`{}`", field.name()))
        .collect();
    Error::data(format!(
        "column `{column}` is missing; the file has {}",
        found.join(", ")
    ))
    .file(path)
    .column(column)
    .hint(format!("rename the column that holds it to `{column}`"))
}
