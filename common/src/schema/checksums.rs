//! Checksums of a Parquet artifact in its own footer: of each column chunk, and of all that follows the last.
//!
//! The library that writes our files cannot write the format's own page checksums. The footer's metadata therefore holds,
//! under [`KEY`], eight hexadecimal digits a checksum (CRC-32): first that of the file from the end of the last column
//! chunk on, with its own eight digits taken as zeros; then one a column chunk, row group by row group. A reader checks
//! the first, and of the others those of the columns that it decodes.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};

use parquet::arrow::ArrowWriter;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};

use super::pages;

/// Its key in the footer.
pub(super) const KEY: &str = "headstart.checksums";
const DIGITS: usize = 8;
const UNKNOWN: &str = "00000000";
/// A footer is some kilobytes, and some bytes a column chunk: one that is larger has no checksum.
const MOST_TAIL: u64 = 1 << 30;

/// The checksums of a file that fit it.
#[derive(Clone, Debug)]
pub(super) struct Checksums {
    chunks: Vec<u32>,
    columns: usize,
}

impl Checksums {
    /// Of the column in a row group.
    pub(super) fn of(&self, row_group: usize, column: usize) -> Option<u32> {
        self.chunks.get(row_group * self.columns + column).copied()
    }

    /// Reads the checksums that a footer holds as `text` and checks the end of the file by the first.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn read(
        file: &mut (impl Read + Seek),
        length: u64,
        groups: &[RowGroupMetaData],
        text: &str,
    ) -> Result<Self, String> {
        let columns = groups.first().map_or(0, RowGroupMetaData::num_columns);
        let end = end_of_chunks(groups).filter(|&end| end <= length && length - end <= MOST_TAIL);
        let end = end.ok_or("the footer does not fit the file")?;
        if text.len() != DIGITS * (1 + groups.len() * columns) || !text.is_ascii() {
            return Err("the footer has other numbers of checksums and of columns".into());
        }
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(end))
            .and_then(|_| file.read_to_end(&mut tail))
            .map_err(|e| format!("it cannot be read: {e}"))?;
        let place = find(&tail, text.as_bytes()).ok_or("the checksums are not where they should be")?;
        tail[place..place + DIGITS].copy_from_slice(UNKNOWN.as_bytes());
        let mut numbers = text.as_bytes().chunks(DIGITS).map(|digits| {
            std::str::from_utf8(digits)
                .ok()
                .and_then(|text| u32::from_str_radix(text, 16).ok())
        });
        if numbers.next().flatten() != Some(crc32fast::hash(&tail)) {
            return Err("the checksum of the footer is not that of its bytes".into());
        }
        let chunks = numbers
            .collect::<Option<_>>()
            .ok_or("a checksum is not a number")?;
        Ok(Checksums { chunks, columns })
    }
}

/// Ends the file that `writer` has written, with its checksums.
pub(super) fn finish(mut writer: ArrowWriter<&mut BufWriter<&mut File>>) -> parquet::errors::Result<()> {
    writer.flush()?;
    writer.sync()?;
    let groups = writer.flushed_row_groups().to_vec();
    let mut text = UNKNOWN.to_string();
    let file = writer.inner_mut().get_mut();
    for chunk in groups.iter().flat_map(RowGroupMetaData::columns) {
        let (begin, length) = chunk.byte_range();
        text += &format!("{:08x}", pages::checksum(file, begin, length)?);
    }
    file.seek(SeekFrom::End(0))?;
    writer.append_key_value_metadata(KeyValue::new(KEY.to_string(), text.clone()));
    writer.finish()?;
    writer.sync()?;
    let file = writer.inner_mut().get_mut();
    let end = end_of_chunks(&groups).unwrap_or(0);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(end))?;
    file.read_to_end(&mut tail)?;
    let place = find(&tail, text.as_bytes()).ok_or_else(|| {
        parquet::errors::ParquetError::General("the footer lacks what was put in it".into())
    })?;
    file.seek(SeekFrom::Start(end + place as u64))?;
    write!(file, "{:08x}", crc32fast::hash(&tail))?;
    file.seek(SeekFrom::End(0))?;
    Ok(())
}

/// Where the last column chunk ends; none where a chunk has no place.
fn end_of_chunks(groups: &[RowGroupMetaData]) -> Option<u64> {
    let mut end = 4;
    for chunk in groups.iter().flat_map(RowGroupMetaData::columns) {
        let (begin, length) = place(chunk)?;
        end = end.max(begin.checked_add(length)?);
    }
    Some(end)
}

/// The first byte of a column chunk and its length; none where the footer has a number below zero.
pub(super) fn place(chunk: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let begin = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    Some((
        u64::try_from(begin).ok()?,
        u64::try_from(chunk.compressed_size()).ok()?,
    ))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}
