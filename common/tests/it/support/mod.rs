//! What tests look up in Parquet files by the library's own reader.

pub(crate) mod formats;

use std::fs::File;
use std::path::Path;

use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// The footer.
pub(crate) fn footer(path: &Path) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .parse_and_finish(&File::open(path).unwrap())
        .unwrap()
}

/// Where the pages of a file end, and its footer begins.
pub(crate) fn end_of_pages(path: &Path) -> usize {
    let footer = footer(path);
    let chunks = footer.row_groups().iter().flat_map(|group| group.columns());
    chunks
        .map(|chunk| {
            let (begin, length) = chunk.byte_range();
            (begin + length) as usize
        })
        .max()
        .unwrap()
}
