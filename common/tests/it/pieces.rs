//! Files written in pieces read like those written whole, and ids can be read alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use common::Error;
use common::error::Class;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::candidates;
use common::schema::interactions::{self, Feedback, Interactions, Rows};
use common::schema::items::{self, Items};
use common::schema::users::{self, Users};
use parquet::arrow::ArrowWriter;
use parquet::file::reader::{FileReader, SerializedFileReader};

/// More than two row groups.
const ROWS: u32 = 300_000;
const PIECE: u32 = 7_000;

fn numbers(range: std::ops::Range<u32>) -> Dictionary {
    Dictionary::from_values(IdKind::Integer, range.map(|n| n.to_string())).unwrap()
}

fn pieces() -> impl Iterator<Item = std::ops::Range<u32>> {
    (0..ROWS)
        .step_by(PIECE as usize)
        .map(|from| from..ROWS.min(from + PIECE))
}

fn some_users(range: std::ops::Range<u32>) -> Users {
    let attributes = |n: u32| BTreeMap::from([("age".to_string(), (n % 90).to_string())]);
    Users {
        ids: numbers(range.clone()),
        attributes: range.map(attributes).collect(),
    }
}

/// Rows of each row group.
fn row_groups(path: &Path) -> Vec<i64> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let groups = reader.metadata().row_groups();
    groups.iter().map(|group| group.num_rows()).collect()
}

#[test]
fn users_in_pieces_are_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.parquet");
    let manifest = Manifest::new(users::USERS, "test");
    users::write_pieces(&path, &manifest, IdKind::Integer, |write| {
        pieces().try_for_each(|range| write(&some_users(range)))
    })
    .unwrap();
    let read = users::read(&path).unwrap();
    let whole = some_users(0..ROWS);
    assert_eq!(read.ids.kind(), IdKind::Integer);
    assert!(read.ids.ids().eq(whole.ids.ids()));
    assert!(read.attributes == whole.attributes);
    let ids = users::read_ids(&path).unwrap();
    assert!(ids.kind() == IdKind::Integer && ids.ids().eq(whole.ids.ids()));
    assert_eq!((ids.code("299999"), ids.code("300000")), (Some(299_999), None));
    assert_eq!(
        row_groups(&path),
        [131_072, 131_072, 37_856],
        "pieces do not show"
    );
}

#[test]
fn a_log_in_pieces_is_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, cut) = (
        folder.path().join("whole.parquet"),
        folder.path().join("cut.parquet"),
    );
    let log = Interactions {
        users: numbers(0..50),
        items: numbers(0..9),
        user: (0..ROWS).map(|row| row % 50).collect(),
        item: (0..ROWS).map(|row| row % 9).collect(),
        timestamp: (0..i64::from(ROWS)).collect(),
        feedback: (0..ROWS).map(|row| (row % 2) as f32).collect(),
        propensity: (0..ROWS).map(|row| (row % 3 > 0).then_some(0.25)).collect(),
        kind: Feedback::CLICKS,
    };
    let manifest = Manifest::new(interactions::LOG, "test");
    interactions::write(&whole, &manifest, &log).unwrap();
    let kinds = (IdKind::Integer, IdKind::Integer);
    interactions::write_pieces(&cut, &manifest, &log.kind, kinds, |write| {
        pieces().try_for_each(|range| {
            let range = range.start as usize..range.end as usize;
            write(&Rows {
                user: &log.user[range.clone()],
                item: &log.item[range.clone()],
                timestamp: &log.timestamp[range.clone()],
                feedback: &log.feedback[range.clone()],
                propensity: &log.propensity[range],
                ..log.rows()
            })
        })
    })
    .unwrap();
    assert_eq!(row_groups(&cut), row_groups(&whole));
    for path in [&whole, &cut] {
        let read = interactions::read_log(path, None).unwrap();
        assert!(read.user == log.user && read.item == log.item && read.timestamp == log.timestamp);
        assert!(read.feedback == log.feedback && read.propensity == log.propensity && read.kind == log.kind);
    }
}

#[test]
fn a_piece_of_other_ids_or_a_failed_one_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.parquet");
    let manifest = Manifest::new(items::ITEMS, "test");
    let texts = Items {
        ids: Dictionary::from_values(IdKind::Text, ["a".to_string()]).unwrap(),
        title: vec!["title".into()],
        text: vec![None],
        categories: vec![vec![]],
    };
    let failed = items::write_pieces(&path, &manifest, IdKind::Integer, |write| write(&texts));
    assert!(failed.unwrap_err().to_string().contains("other types"));
    let failed: common::Result<()> = items::write_pieces(&path, &manifest, IdKind::Text, |write| {
        write(&texts)?;
        Err(Error::retry("stopped"))
    });
    assert!(failed.is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    items::write_pieces(&path, &manifest, IdKind::Text, |_| Ok(())).unwrap();
    let error = items::read_ids(&path).unwrap_err();
    assert!(error.to_string().contains("catalogue is empty"), "{error}");
}

/// A Parquet file as a user might bring it, in row groups of two rows.
fn foreign(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(2))
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn ids_alone_are_checked_like_the_whole_and_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.parquet");
    let check = |column: &str, ids: ArrayRef, wanted: &[&str]| {
        foreign(&path, vec![(column, ids)]);
        let error = users::read_ids(&path).unwrap_err();
        assert_eq!(error.class(), Class::Data, "{error}");
        for word in wanted.iter().chain(&["users.parquet"]) {
            assert!(error.to_string().contains(word), "`{word}` in: {error}");
        }
    };
    let texts = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
    let repeated = texts(vec![Some("a"), Some("b"), Some("c"), Some("a")]);
    check(
        "user_id",
        repeated.clone(),
        &["`a` appears twice", "row group 1", "row 3"],
    );
    check("user_id", texts(vec![Some("a"), None]), &["null", "row 1"]);
    // In the second batch that is read.
    let many = (0..70_000).map(|n| n.to_string()).chain(["7".into()]);
    let many = Arc::new(StringArray::from_iter_values(many)) as ArrayRef;
    check(
        "user_id",
        many,
        &["`7` appears twice", "row group 35000", "row 70000"],
    );
    check("user_id", texts(vec![Some("")]), &["empty"]);
    check("user", texts(vec![Some("a")]), &["`user_id` is missing"]);
    let truths = Arc::new(arrow::array::BooleanArray::from(vec![true])) as ArrayRef;
    check("user_id", truths, &["not text or integers"]);
    let floats = Arc::new(arrow::array::Float32Array::from(vec![1.0, 1.5])) as ArrayRef;
    check("user_id", floats, &["`1.5`", "row 1"]);

    // The whole reader says the same place.
    let attributes = users::read(&path).unwrap_err();
    assert_eq!(attributes.class(), Class::Data);
    foreign(&path, vec![("item_id", repeated)]);
    let error = items::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("row group 1") && error.contains("row 3"),
        "{error}"
    );

    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(users::read_ids(&path).unwrap_err().class(), Class::Data);
}

#[test]
fn ids_of_a_folder_of_parts_are_those_of_all() {
    let folder = tempfile::tempdir().unwrap();
    for (name, ids) in [("b.parquet", vec![3, 4]), ("a.parquet", vec![7, 1])] {
        let column = Arc::new(Int64Array::from(ids)) as ArrayRef;
        foreign(&folder.path().join(name), vec![("user_id", column)]);
    }
    assert!(
        users::read_ids(folder.path())
            .unwrap()
            .ids()
            .eq(["7", "1", "3", "4"])
    );
}

#[test]
fn ids_of_another_artifact_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.parquet");
    users::write(&path, &Manifest::new(users::USERS, "test"), &some_users(0..3)).unwrap();
    let error = items::read_ids(&path).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(
        error.to_string().contains("expected items, found users"),
        "{error}"
    );
}

#[test]
fn what_is_wrong_in_a_part_of_a_folder_is_placed_in_that_part() {
    let folder = tempfile::tempdir().unwrap();
    let texts = |values: [&str; 4]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let (numbers, ids) = (Int64Array::from(vec![1; 4]), texts(["a", "b", "c", "d"]));
    let floats = |values: [f32; 4]| Arc::new(Float32Array::from(values.to_vec())) as ArrayRef;
    for (part, propensity) in [("a", [0.5; 4]), ("b", [0.5, 0.5, 0.5, 7.0])] {
        let columns = vec![
            ("user_id", ids.clone()),
            ("item_id", ids.clone()),
            ("timestamp", Arc::new(numbers.clone()) as ArrayRef),
            ("feedback", floats([1.0; 4])),
            ("propensity", floats(propensity)),
        ];
        foreign(&folder.path().join(format!("{part}.parquet")), columns);
    }
    let error = interactions::read_log(folder.path(), Some(1.0))
        .unwrap_err()
        .to_string();
    let place = "b.parquet, column propensity, row group 1, row 3";
    assert!(error.contains(place), "{error}");

    let list = |lists: [usize; 4]| {
        let mut builder = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
        for length in lists {
            (0..length).for_each(|at| builder.values().append_value(at.to_string()));
            builder.append(true);
        }
        Arc::new(builder.finish()) as ArrayRef
    };
    let path = folder.path().join("candidates");
    foreign(&path, vec![("user_id", ids), ("candidates", list([1, 1, 0, 1]))]);
    let error = candidates::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("candidates, column candidates, row group 1, row 2"),
        "{error}"
    );
}
