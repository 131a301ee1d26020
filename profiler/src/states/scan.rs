//! The lazy scan of a log: the last interactions of each user.

use std::path::{Path, PathBuf};

use common::ids::{Dictionary, IdKind};
use common::schema::interactions::{FEEDBACK, Feedback, ITEM_ID, TIMESTAMP, USER_ID};
use common::schema::states::{States, state_hash};
use common::{Error, Result};
use polars::prelude::*;

use super::check;

const ROW: &str = "__row";
const COUNT: &str = "__count";
const FIRST: &str = "__first";
const BAD: &str = "__bad";

/// The log as a lazy frame; nothing is read yet.
pub(crate) fn lazy(file: &Path) -> Result<LazyFrame> {
    let path = PlRefPath::try_from_path(file).map_err(|e| polars_error(&e, file))?;
    let arguments = ScanArgsParquet {
        glob: false,
        ..ScanArgsParquet::default()
    };
    LazyFrame::scan_parquet(path, arguments).map_err(|e| polars_error(&e, file))
}

/// The states of all users of the log in `files`, in the order in which users first appear: the last `window`
/// interactions of each by time, ties in the order of rows.
pub(super) fn states(files: &[PathBuf], window: u32, feedback: Feedback) -> Result<States> {
    for file in files {
        check::columns(file)?;
    }
    let ids = id_kind(&files[0])?;
    let frame = query(files, window)?
        .collect()
        .map_err(|e| polars_error(&e, &files[0]))?;
    read(&frame, ids, feedback, files)
}

fn query(files: &[PathBuf], window: u32) -> Result<LazyFrame> {
    let parts = files
        .iter()
        .map(|file| Ok(lazy(file)?.select(columns())))
        .collect::<Result<Vec<_>>>()?;
    let log = concat(parts, UnionArgs::default()).map_err(|e| polars_error(&e, &files[0]))?;
    let last = |column: &str| {
        col(column)
            .sort_by([col(TIMESTAMP), col(ROW)], SortMultipleOptions::default())
            .tail(Some(window as usize))
    };
    Ok(log
        .with_row_index(ROW, None)
        .group_by([col(USER_ID)])
        .agg([
            last(ITEM_ID),
            last(FEEDBACK),
            len().cast(DataType::UInt32).alias(COUNT),
            col(ROW).min().alias(FIRST),
            col(BAD).any(true).alias(BAD),
        ])
        .sort([FIRST], SortMultipleOptions::default()))
}

/// The columns of a log in one type each, whatever the file's.
fn columns() -> [Expr; 5] {
    [
        col(USER_ID).cast(DataType::String),
        col(ITEM_ID).cast(DataType::String),
        milliseconds(),
        col(FEEDBACK).cast(DataType::Float32),
        check::bad_row().alias(BAD),
    ]
}

pub(crate) fn milliseconds() -> Expr {
    let time = DataType::Datetime(TimeUnit::Milliseconds, None);
    // An integer is milliseconds already: the detour over a time changes nothing.
    col(TIMESTAMP).cast(time).cast(DataType::Int64)
}

/// Integer ids are written as integers again.
fn id_kind(file: &Path) -> Result<IdKind> {
    let schema = lazy(file)?.collect_schema().map_err(|e| polars_error(&e, file))?;
    let integer = schema.get(USER_ID).is_some_and(DataType::is_integer);
    Ok(if integer { IdKind::Integer } else { IdKind::Text })
}

fn read(frame: &DataFrame, ids: IdKind, feedback: Feedback, files: &[PathBuf]) -> Result<States> {
    let place = &files[0];
    let failed = |e: PolarsError| polars_error(&e, place);
    if frame.column(BAD).map_err(failed)?.bool().map_err(failed)?.any() {
        // Only now are the files read again, for the place of the first bad row.
        files.iter().try_for_each(|file| check::values(file))?;
    }
    if frame.height() == 0 {
        return Err(Error::data("the log is empty: it has no row").file(place));
    }
    let users = frame.column(USER_ID).map_err(failed)?.str().map_err(failed)?;
    let counts = frame.column(COUNT).map_err(failed)?.u32().map_err(failed)?;
    let items = frame.column(ITEM_ID).map_err(failed)?.list().map_err(failed)?;
    let values = frame.column(FEEDBACK).map_err(failed)?.list().map_err(failed)?;
    let names = users.iter().map(|user| user.unwrap_or_default().to_string());
    let mut states = States {
        users: Dictionary::from_values(ids, names)
            .map_err(|user| Error::data(format!("the user `{user}` was grouped twice")).file(place))?,
        interactions: counts.iter().map(Option::unwrap_or_default).collect(),
        ..States::default()
    };
    for (items, values) in items.amortized_iter().zip(values.amortized_iter()) {
        let (Some(items), Some(values)) = (items, values) else {
            return Err(Error::data("a user without interactions").file(place));
        };
        let items: Vec<String> = items
            .as_ref()
            .str()
            .map_err(failed)?
            .iter()
            .map(|i| i.unwrap_or_default().into())
            .collect();
        let values: Vec<f32> = values
            .as_ref()
            .f32()
            .map_err(failed)?
            .iter()
            .map(Option::unwrap_or_default)
            .collect();
        let liked: Vec<bool> = values.iter().map(|&value| feedback.is_like(value)).collect();
        states.state_hash.push(state_hash(&items, &liked));
        states.items.push(items);
        states.feedback.push(values);
        states.liked.push(liked);
    }
    Ok(states)
}

/// Polars' failure in our voice.
pub(crate) fn polars_error(error: &PolarsError, file: &Path) -> Error {
    match error {
        PolarsError::IO { error, .. } if error.kind() == std::io::ErrorKind::NotFound => {
            Error::usage("cannot read: no such file or folder").file(file)
        }
        _ => Error::data(format!("the log cannot be read: {error}"))
            .file(file)
            .hint("it may have been cut short in a copy; copy or make it again"),
    }
}
