//! Polars over one file of a log: what is asked of the whole of it.

use std::path::Path;

use common::schema::interactions::{ITEM_ID, TIMESTAMP, USER_ID};
use common::{Error, Result};
use polars::prelude::*;

/// The file as a lazy frame; nothing is read yet.
pub(super) fn lazy(file: &Path) -> Result<LazyFrame> {
    let path = PlRefPath::try_from_path(file).map_err(|e| polars_error(&e, file))?;
    let arguments = ScanArgsParquet {
        glob: false,
        ..ScanArgsParquet::default()
    };
    LazyFrame::scan_parquet(path, arguments).map_err(|e| polars_error(&e, file))
}

/// Runs a query over `file`, streaming; it has one result.
pub(super) fn collect(query: LazyFrame, file: &Path) -> Result<DataFrame> {
    let result = query.collect_with_engine(Engine::Streaming);
    Ok(result.map_err(|e| polars_error(&e, file))?.unwrap_single())
}

/// A column of a log in one type, whatever the file's.
pub(super) fn typed(column: &str) -> Expr {
    match column {
        USER_ID | ITEM_ID => col(column).cast(DataType::String),
        // An integer is milliseconds already: the detour over a time changes nothing.
        TIMESTAMP => col(column)
            .cast(DataType::Datetime(TimeUnit::Milliseconds, None))
            .cast(DataType::Int64),
        _ => col(column).cast(DataType::Float32),
    }
}

/// Polars' failure in our voice.
pub(super) fn polars_error(error: &PolarsError, file: &Path) -> Error {
    match error {
        PolarsError::IO { error, .. } if error.kind() == std::io::ErrorKind::NotFound => {
            Error::usage("cannot read: no such file or folder").file(file)
        }
        _ => Error::data(format!("the log cannot be read: {error}"))
            .file(file)
            .hint("it may have been cut short in a copy; copy or make it again"),
    }
}
