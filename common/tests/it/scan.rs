//! A log read in batches is the log that is read whole, and bad rows are refused with their place or skipped.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use common::Result;
use common::bad_rows::{BadRows, MaxBad};
use common::error::Class;
use common::ids::{Dictionary, IdKind};
use common::logs::Scan;
use common::manifest::Manifest;
use common::schema::interactions::{self, Feedback, Interactions, Kind, LOG, TRUTH};
use common::schema::replay::{self, Block, Blocks, REPLAY};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

type Columns = Vec<(&'static str, ArrayRef)>;

fn columns() -> Columns {
    vec![
        (
            "user_id",
            Arc::new(StringArray::from(vec!["u", "v", "u", "w", "v"])) as _,
        ),
        ("item_id", Arc::new(Int64Array::from(vec![7, 8, 9, 8, 7])) as _),
        ("timestamp", Arc::new(Int64Array::from(vec![5, 4, 3, 2, 1])) as _),
        (
            "feedback",
            Arc::new(Float64Array::from(vec![1.0, 5.0, 4.0, 2.0, 3.0])) as _,
        ),
        (
            "propensity",
            Arc::new(Float32Array::from(vec![None, Some(0.5), None, Some(1.0), None])) as _,
        ),
    ]
}

/// Two rows per row group.
fn write(path: &Path, columns: Columns) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let groups = WriterProperties::builder()
        .set_max_row_group_row_count(Some(2))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(groups)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The log by way of a scan, and how many rows were skipped.
fn scanned(path: &Path, bad_rows: BadRows) -> Result<(Interactions, u64)> {
    let scan = Scan::open(path, Some(4.0), bad_rows)?;
    let (users, items) = (Dictionary::new(scan.users), Dictionary::new(scan.items));
    let mut log = Interactions::new(users, items, scan.kind);
    let skipped = scan.rows("test", |batch| {
        log.user.extend(batch.users(&mut log.users));
        log.item.extend(batch.items(&mut log.items));
        assert_eq!(
            batch.known_users(&log.users)?,
            log.user[log.user.len() - batch.len()..]
        );
        log.timestamp.extend(&batch.timestamp);
        log.feedback.extend(&batch.feedback);
        log.propensity.extend(&batch.propensity);
        Ok(())
    })?;
    Ok((log, skipped))
}

fn assert_same(one: &Interactions, other: &Interactions) {
    assert!(one.users.ids().eq(other.users.ids()) && one.items.ids().eq(other.items.ids()));
    assert_eq!(
        (one.users.kind(), one.items.kind()),
        (other.users.kind(), other.items.kind())
    );
    assert!(one.user == other.user && one.item == other.item && one.timestamp == other.timestamp);
    assert!(one.feedback == other.feedback && one.propensity == other.propensity && one.kind == other.kind);
}

#[test]
fn batches_are_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.parquet");
    let rows = 150_000_u32;
    let ids =
        |count: u32| Dictionary::from_values(IdKind::Integer, (0..count).map(|n| n.to_string())).unwrap();
    let log = Interactions {
        users: ids(1000),
        items: ids(90),
        user: (0..rows).map(|row| row % 1000).collect(),
        item: (0..rows).map(|row| row % 90).collect(),
        timestamp: (0..i64::from(rows)).map(|row| row * 7 % 1001).collect(),
        feedback: (0..rows).map(|row| (row % 6) as f32).collect(),
        propensity: (0..rows).map(|row| (row % 3 > 0).then_some(0.25)).collect(),
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 4.0,
        },
    };
    interactions::write(&path, &Manifest::new(LOG, "test"), &log).unwrap();
    let (found, skipped) = scanned(&path, BadRows::refuse()).unwrap();
    assert_same(&found, &log);
    assert_eq!(skipped, 0);
}

#[test]
fn part_files_of_other_types_are_one_log() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), columns());
    let mut second = columns();
    second.pop();
    second[1].1 = Arc::new(StringArray::from(vec!["7", "x", "9", "8", "7"]));
    write(&folder.path().join("b.parquet"), second);
    let (found, _) = scanned(folder.path(), BadRows::refuse()).unwrap();
    assert_eq!(
        found.items.kind(),
        IdKind::Text,
        "integers pass as text where one file has text"
    );
    assert_eq!(found.item, [0, 1, 2, 1, 0, 0, 3, 2, 1, 0]);
    assert_eq!(found.propensity[..2], [None, Some(0.5)]);
    assert_eq!(found.propensity[5..], [None; 5]);
}

#[test]
fn each_kind_of_bad_row_is_refused_with_its_place_or_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.parquet");
    let bad: [(usize, ArrayRef, &str); 8] = [
        (
            0,
            Arc::new(StringArray::from(vec![
                Some("u"),
                Some("v"),
                Some("u"),
                None,
                Some("v"),
            ])),
            "null",
        ),
        (
            0,
            Arc::new(StringArray::from(vec!["u", "v", "u", "", "v"])),
            "empty",
        ),
        (
            1,
            Arc::new(Int64Array::from(vec![Some(7), Some(8), Some(9), None, Some(7)])),
            "null",
        ),
        (
            2,
            Arc::new(Int64Array::from(vec![Some(5), Some(4), Some(3), None, Some(1)])),
            "null",
        ),
        (
            3,
            Arc::new(Float64Array::from(vec![1.0, 5.0, 4.0, f64::NAN, 3.0])),
            "NaN",
        ),
        (
            3,
            Arc::new(Float64Array::from(vec![1.0, 5.0, 4.0, f64::NEG_INFINITY, 3.0])),
            "-inf",
        ),
        (
            3,
            Arc::new(Float64Array::from(vec![
                Some(1.0),
                Some(5.0),
                Some(4.0),
                None,
                Some(3.0),
            ])),
            "null",
        ),
        (
            4,
            Arc::new(Float32Array::from(vec![1.0, 0.5, 1.0, 0.0, 1.0])),
            "not a probability",
        ),
    ];
    for (column, values, what) in bad {
        let mut columns = columns();
        columns[column].1 = values;
        let name = columns[column].0;
        write(&path, columns);
        let error = scanned(&path, BadRows::refuse()).unwrap_err();
        assert_eq!(error.class(), Class::Data);
        let text = error.to_string();
        for word in ["bad.parquet", name, "row group 1", "row 3", what] {
            assert!(text.contains(word), "`{word}` is not in {text}");
        }
        let (found, skipped) = scanned(&path, BadRows::beside(&path, MaxBad::Count(1), "test")).unwrap();
        assert_eq!((found.len(), skipped), (4, 1));
        assert_eq!(found.timestamp, [5, 4, 3, 1]);
        assert_eq!(found.item, [0, 1, 2, 0]);
        assert!(
            found.users.ids().eq(["u", "v"]),
            "a skipped row's user is not known"
        );
    }
}

#[test]
fn what_is_no_log_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.parquet");
    let refused = |class| {
        let error = Scan::open(&path, Some(4.0), BadRows::refuse()).unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        error.to_string()
    };
    assert!(refused(Class::Usage).contains("no.parquet"));
    for missing in 0..4 {
        let mut columns = columns();
        let (name, _) = columns.remove(missing);
        write(&path, columns);
        assert!(refused(Class::Data).contains(&format!("column `{name}` is missing")));
    }
    let empty: Columns = columns()
        .into_iter()
        .map(|(name, values)| (name, values.slice(0, 0)))
        .collect();
    write(&path, empty);
    assert!(refused(Class::Data).contains("empty"));
    write(&path, columns());
    let log = interactions::read_log(&path, Some(4.0)).unwrap();
    assert!(
        Scan::open(&path, None, BadRows::refuse())
            .unwrap_err()
            .to_string()
            .contains("--like-threshold")
    );
    interactions::write(&path, &Manifest::new(TRUTH, "test"), &log).unwrap();
    assert!(refused(Class::Usage).contains("truth"));
    std::fs::write(&path, b"PAR1 and no more").unwrap();
    assert!(refused(Class::Data).contains("no whole Parquet file"));
}

#[test]
fn blocks_of_a_replay_come_back_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replay.parquet");
    let blocks = [
        Block {
            first_user: 0,
            lengths: vec![2, 0, 1],
            items: vec![4, 4, 9],
            feedback: vec![1.0, -1.0, 1.0],
        },
        Block {
            first_user: 3,
            lengths: vec![0],
            ..Block::default()
        },
        Block {
            first_user: 4,
            lengths: vec![70_000],
            items: (0..70_000).collect(),
            feedback: vec![-1.0; 70_000],
        },
    ];
    replay::write_blocks(&path, &Manifest::new(REPLAY, "test"), |write| {
        blocks.iter().cloned().try_for_each(write)
    })
    .unwrap();
    let file = Blocks::open(&path).unwrap();
    assert_eq!(file.users(), [3, 1, 1]);
    for number in [2, 0, 1] {
        assert_eq!(file.read(number).unwrap(), blocks[number]);
    }
    let log = folder.path().join("log.parquet");
    write(&log, columns());
    let other = interactions::read_log(&log, Some(4.0)).unwrap();
    interactions::write(&log, &Manifest::new(LOG, "test"), &other).unwrap();
    assert_eq!(Blocks::open(&log).unwrap_err().class(), Class::Usage);
}
