//! What the tests of the built binary share.

pub(crate) mod edits;
pub(crate) mod gguf;
pub(crate) mod small;
pub(crate) mod tiny_model;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, RecordBatch};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::{items, states};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// How a run of `profiler` ended.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Requires exit code 0.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// Requires exit code `code` and all of `words` on stderr, and no panic.
    pub(crate) fn refused(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in: {}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

/// Runs `profiler` in `folder` with arguments split at spaces.
pub(crate) fn profiler(folder: &Path, arguments: &str) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_profiler"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("the binary runs");
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Starts `profiler` in `folder` and kills it as soon as `CACHE` there holds so many files, or lets it end before.
pub(crate) fn killed(folder: &Path, arguments: &str, cache: &str, units: usize) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_profiler"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .spawn()
        .unwrap();
    let cache = folder.join(cache);
    while child.try_wait().unwrap().is_none() && (!cache.is_dir() || files(&cache).len() < units) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// All files below `folder`.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

/// A catalogue of two and one user's state, `items.parquet` and `states.parquet` in `folder`.
pub(crate) fn two_films(folder: &Path) {
    let ids =
        |names: &[&str]| Dictionary::from_values(IdKind::Text, names.iter().map(|n| n.to_string())).unwrap();
    let catalogue = items::Items {
        ids: ids(&["1", "2"]),
        title: vec!["Alien".into(), "Heat".into()],
        text: vec![None, None],
        categories: vec![vec![], vec![]],
    };
    items::write(
        &folder.join("items.parquet"),
        &Manifest::new(items::ITEMS, "test"),
        &catalogue,
    )
    .unwrap();
    let one = states::States {
        users: ids(&["u"]),
        items: vec![vec!["1".into()]],
        feedback: vec![vec![5.0]],
        liked: vec![vec![true]],
        interactions: vec![1],
        state_hash: vec!["h".into()],
    };
    states::write(
        &folder.join("states.parquet"),
        &Manifest::new(states::STATES, "test"),
        &one,
    )
    .unwrap();
}

/// A column of `values`, such as `Int64Array::from(vec![1])`.
pub(crate) fn column(values: impl Array + 'static) -> ArrayRef {
    Arc::new(values)
}

/// A table of these columns, all of which may be null.
pub(crate) fn table(columns: impl IntoIterator<Item = (&'static str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, values)| (name, values, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// `table` with other values in a column, or with a column more.
pub(crate) fn with(table: &RecordBatch, name: &str, values: ArrayRef) -> RecordBatch {
    let schema = table.schema();
    let kept = schema.fields().iter().zip(table.columns());
    let mut columns: Vec<(&str, ArrayRef, bool)> = kept
        .map(|(field, values)| (field.name().as_str(), values.clone(), true))
        .collect();
    match columns.iter_mut().find(|column| column.0 == name) {
        Some(column) => column.1 = values,
        None => columns.push((name, values, true)),
    }
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Writes `table` as a plain Parquet file, as a user's own would be.
pub(crate) fn write(path: &Path, table: &RecordBatch) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let snappy = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, table.schema(), Some(snappy)).unwrap();
    writer.write(table).unwrap();
    writer.close().unwrap();
}

/// The model that `make setup` puts into the cache folder: the smallest `*.gguf` under `models`.
pub(crate) fn model() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("HEADSTART_CACHE").unwrap_or_else(|| {
        let caches = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        caches.unwrap_or_default().join("headstart")
    });
    let models = cache.join("models");
    let mut found = Vec::new();
    collect(&models, &mut found);
    let smallest = found.into_iter().min();
    smallest
        .unwrap_or_else(|| panic!("no model in {}: `make setup` fetches it", models.display()))
        .1
}

fn collect(folder: &Path, found: &mut Vec<(u64, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.filter_map(|entry| entry.ok().map(|e| e.path())) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "gguf") {
            found.push((path.metadata().map_or(u64::MAX, |m| m.len()), path));
        }
    }
}

/// The model in the format that llama.cpp runs fast on most CPUs; the shipped one may be several times slower.
pub(crate) fn fast_model(folder: &Path) -> PathBuf {
    let shipped = model();
    let prepare = format!(
        "prepare --model {} --format q4_0 --out fast.gguf",
        shipped.display()
    );
    profiler(folder, &prepare).done();
    folder.join("fast.gguf")
}
