//! Every format comes back as written, and bad files are refused with their place.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use common::error::Class;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::consumed::{self, Consumed};
use common::schema::interactions::{self, Feedback, Interactions, Kind};
use common::schema::{events, items, metrics, preferences, profiles, states, table, users};
use parquet::arrow::ArrowWriter;

fn ids(values: &[&str]) -> Dictionary {
    Dictionary::from_values(IdKind::Text, values.iter().map(ToString::to_string)).unwrap()
}

fn log() -> Interactions {
    Interactions {
        users: ids(&["u", "v"]),
        items: ids(&["a", "b"]),
        user: vec![0, 1, 0],
        item: vec![0, 0, 1],
        timestamp: vec![5, 1, 3],
        feedback: vec![5.0, 1.0, 4.0],
        propensity: vec![None, Some(0.5), Some(1.0)],
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 4.0,
        },
    }
}

fn place(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

/// A Parquet file as a user might bring it.
fn foreign(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn good_columns() -> Columns {
    vec![
        ("user_id", Arc::new(Int64Array::from(vec![7, 8])) as _),
        ("item_id", Arc::new(StringArray::from(vec!["a", "b"])) as _),
        ("timestamp", Arc::new(Int64Array::from(vec![1, 2])) as _),
        ("feedback", Arc::new(Float64Array::from(vec![1.0, 5.0])) as _),
    ]
}

#[test]
fn a_log_comes_back_as_written_and_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "log.parquet");
    interactions::write(&path, &Manifest::new(interactions::LOG, "test"), &log()).unwrap();
    let read = interactions::read_log(&path, None).unwrap();
    assert!(read.users.ids().eq(log().users.ids()));
    assert_eq!((read.user.clone(), read.item.clone()), (log().user, log().item));
    assert_eq!(
        (read.timestamp.clone(), read.feedback.clone()),
        (log().timestamp, log().feedback)
    );
    assert_eq!(
        (read.propensity.clone(), read.kind),
        (log().propensity, log().kind)
    );
    assert_eq!(read.rows_by_user(), vec![vec![2, 0], vec![1]]);
    assert!(read.is_like(0) && !read.is_like(1));
}

#[test]
fn writing_twice_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        interactions::write(
            &place(&folder, name),
            &Manifest::new(interactions::LOG, "test"),
            &log(),
        )
        .unwrap();
    }
    assert_eq!(
        std::fs::read(place(&folder, "one")).unwrap(),
        std::fs::read(place(&folder, "two")).unwrap()
    );
}

#[test]
fn truth_is_refused_as_a_log_and_a_log_as_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "truth.parquet");
    interactions::write(&path, &Manifest::new(interactions::TRUTH, "test"), &log()).unwrap();
    let error = interactions::read_log(&path, None).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("held-out truth"), "{error}");
    assert!(interactions::feedback_of_log(&path, None).is_err());
    assert!(interactions::read_truth(&path).is_ok());
}

#[test]
fn a_users_own_file_needs_a_like_threshold_and_keeps_integer_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "own.parquet");
    foreign(&path, good_columns());
    let error = interactions::read_log(&path, None).unwrap_err();
    assert!(error.to_string().contains("--like-threshold"), "{error}");
    let read = interactions::read_log(&path, Some(4.0)).unwrap();
    assert_eq!(
        (read.users.kind(), read.items.kind()),
        (IdKind::Integer, IdKind::Text)
    );
    assert!(read.users.ids().eq(["7", "8"]));
    let again = place(&folder, "again.parquet");
    interactions::write(&again, &Manifest::new(interactions::LOG, "test"), &read).unwrap();
    assert_eq!(
        interactions::read_log(&again, None).unwrap().users.kind(),
        IdKind::Integer
    );
}

#[test]
fn bad_logs_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "bad.parquet");
    let check = |change: &dyn Fn(&mut Columns), wanted: &[&str]| {
        let mut columns = good_columns();
        change(&mut columns);
        foreign(&path, columns);
        let error = interactions::read_log(&path, Some(4.0)).unwrap_err();
        assert_eq!(error.class(), Class::Data, "{error}");
        for word in wanted.iter().chain(&["bad.parquet"]) {
            assert!(error.to_string().contains(word), "`{word}` in: {error}");
        }
    };
    check(&|c| drop(c.remove(3)), &["`feedback` is missing", "hint"]);
    check(
        &|c| c[3].1 = Arc::new(StringArray::from(vec!["good", "bad"])),
        &["column feedback", "row 0"],
    );
    check(
        &|c| c[3].1 = Arc::new(Float32Array::from(vec![1.0, f32::NAN])),
        &["NaN", "row group 0", "row 1"],
    );
    check(
        &|c| c[3].1 = Arc::new(Float32Array::from(vec![None, Some(1.0)])),
        &["null", "row 0"],
    );
    check(
        &|c| c[0].1 = Arc::new(arrow::array::BooleanArray::from(vec![true, false])),
        &["column user_id", "not text or integers"],
    );
    check(
        &|c| c[0].1 = Arc::new(Float64Array::from(vec![7.0, 8.5])),
        &["`8.5`", "column user_id", "row 1"],
    );
    // From 2^53 on several integers are one number.
    check(
        &|c| c[0].1 = Arc::new(Float64Array::from(vec![7.0, 9_007_199_254_740_992.0])),
        &["column user_id", "row 1"],
    );
    check(
        &|c| c[1].1 = Arc::new(StringArray::from(vec!["a", ""])),
        &["empty", "row 1"],
    );
    check(
        &|c| c.push(("propensity", Arc::new(Float32Array::from(vec![0.5, 1.5])))),
        &["1.5", "row 1"],
    );
    check(
        &|c| *c = c.iter().map(|(n, a)| (*n, a.slice(0, 0))).collect(),
        &["empty"],
    );
}

#[test]
fn a_file_cut_short_and_a_missing_file_are_different_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "log.parquet");
    interactions::write(&path, &Manifest::new(interactions::LOG, "test"), &log()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 3, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let error = interactions::read_log(&path, None).unwrap_err();
        assert_eq!(error.class(), Class::Data, "{length}: {error}");
    }
    assert_eq!(
        interactions::read_log(&place(&folder, "none"), None)
            .unwrap_err()
            .class(),
        Class::Usage
    );
}

#[test]
fn a_folder_of_parts_is_read_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    for (name, user) in [("b.parquet", 2), ("a.parquet", 1)] {
        let mut columns = good_columns();
        columns[0].1 = Arc::new(Int64Array::from(vec![user, user]));
        foreign(&place(&folder, name), columns);
    }
    let read = interactions::read_log(folder.path(), Some(4.0)).unwrap();
    assert!(read.users.ids().eq(["1", "2"]));
    assert_ne!(
        table::fingerprint(folder.path()).unwrap(),
        table::fingerprint(&place(&folder, "a.parquet")).unwrap()
    );
}

#[test]
fn items_and_users_come_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let (item_path, user_path) = (place(&folder, "items"), place(&folder, "users"));
    let catalogue = items::Items {
        ids: ids(&["a", "b"]),
        title: vec!["A".into(), "B".into()],
        text: vec![None, Some("text".into())],
        categories: vec![vec!["x".into(), "y".into()], vec![]],
    };
    items::write(&item_path, &Manifest::new(items::ITEMS, "test"), &catalogue).unwrap();
    let read = items::read(&item_path).unwrap();
    assert_eq!(
        (read.title, read.text, read.categories),
        (catalogue.title, catalogue.text, catalogue.categories)
    );
    let people = users::Users {
        ids: ids(&["u", "v"]),
        attributes: vec![
            BTreeMap::from([("age".to_string(), "24".to_string())]),
            BTreeMap::new(),
        ],
    };
    users::write(&user_path, &Manifest::new(users::USERS, "test"), &people).unwrap();
    assert_eq!(users::read(&user_path).unwrap().attributes, people.attributes);
    assert_eq!(items::read(&user_path).unwrap_err().class(), Class::Usage);
}

#[test]
fn a_repeated_item_is_refused_with_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "items");
    foreign(
        &path,
        vec![
            ("item_id", Arc::new(Int32Array::from(vec![1, 2, 1])) as _),
            ("title", Arc::new(StringArray::from(vec!["a", "b", "c"])) as _),
        ],
    );
    let error = items::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("`1` appears twice") && error.contains("row 2"),
        "{error}"
    );
}

#[test]
fn states_profiles_and_preferences_come_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let liked = vec![vec![true, false], vec![]];
    let of = states::States {
        users: ids(&["u", "v"]),
        items: vec![vec!["a".into(), "b".into()], vec![]],
        feedback: vec![vec![5.0, 1.0], vec![]],
        state_hash: vec![
            states::state_hash(&["a", "b"], &liked[0]),
            states::state_hash::<&str>(&[], &[]),
        ],
        liked,
        interactions: vec![2, 0],
    };
    let path = place(&folder, "states");
    states::write(&path, &Manifest::new(states::STATES, "test"), &of).unwrap();
    let read = states::read(&path).unwrap();
    assert_eq!(
        (&read.items, &read.liked, &read.state_hash),
        (&of.items, &of.liked, &of.state_hash)
    );
    assert_ne!(of.state_hash[0], states::state_hash(&["a", "b"], &[true, true]));

    let of = profiles::Profiles {
        vocabulary: vec!["dark".into(), "funny".into()],
        kind: vec![profiles::Kind::Item, profiles::Kind::User],
        id: vec!["a".into(), "u".into()],
        state_hash: vec![None, Some("h".into())],
        traits: vec![0.5, -0.5, 1.0, 2.0],
        summary: vec![None, None],
        confidence: vec![0.5, 1.0],
        fame: vec![Some(-7.5), None],
        prompt: Vec::new(),
    };
    let path = place(&folder, "profiles");
    profiles::write(&path, &Manifest::new(profiles::PROFILES, "test"), &of).unwrap();
    let read = profiles::read(&path).unwrap();
    assert_eq!(
        (read.traits_of(1), &read.kind, &read.vocabulary),
        (of.traits_of(1), &of.kind, &of.vocabulary)
    );

    for (column, says, bad) in [
        (
            "id",
            "the item `a` has two profiles",
            profiles::Profiles {
                kind: vec![profiles::Kind::Item; 2],
                id: vec!["a".into(); 2],
                ..of.clone()
            },
        ),
        (
            "confidence",
            "1.5, not from 0 to 1",
            profiles::Profiles {
                confidence: vec![0.5, 1.5],
                ..of.clone()
            },
        ),
    ] {
        profiles::write(&path, &Manifest::new(profiles::PROFILES, "test"), &bad).unwrap();
        let error = profiles::read(&path).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(
            error.contains(&format!("column {column}")) && error.contains("row 1"),
            "{error}"
        );
    }
    // A user may have an item's id.
    let both = profiles::Profiles {
        id: vec!["a".into(); 2],
        ..of
    };
    profiles::write(&path, &Manifest::new(profiles::PROFILES, "test"), &both).unwrap();
    assert_eq!(profiles::read(&path).unwrap().len(), 2);

    let of = preferences::Preferences {
        state_hash: vec!["h".into()],
        user_id: vec!["u".into()],
        candidates: vec![vec!["a".into(), "b".into()]],
        scores: vec![vec![-1.0, -2.0]],
        chosen: vec![0],
        margin: vec![1.0],
    };
    let path = place(&folder, "preferences");
    preferences::write(&path, &Manifest::new(preferences::PREFERENCES, "test"), &of).unwrap();
    assert_eq!(preferences::read(&path).unwrap().candidates, of.candidates);
    let bad = preferences::Preferences {
        chosen: vec![2],
        ..of
    };
    preferences::write(&path, &Manifest::new(preferences::PREFERENCES, "test"), &bad).unwrap();
    assert!(
        preferences::read(&path)
            .unwrap_err()
            .to_string()
            .contains("none of the candidates")
    );
}

#[test]
fn events_are_a_valid_log_and_need_propensities() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "events.parquet");
    let mut of = events::Events {
        log: log(),
        episode: vec![0, 0, 1],
        step: vec![0, 1, 0],
        policy_version: vec![1, 1, 2],
        decisions: None,
    };
    let manifest = Manifest::new(events::EVENTS, "test");
    assert!(events::write(&path, &manifest, &of).is_err());
    of.log.propensity[0] = Some(0.1);
    events::write(&path, &manifest, &of).unwrap();
    assert_eq!(interactions::read_log(&path, None).unwrap().len(), 3);
    let read = events::read(&path).unwrap();
    assert_eq!(
        (read.episode, read.step, read.policy_version),
        (of.episode, of.step, of.policy_version)
    );
}

#[test]
fn metrics_come_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "metrics.parquet");
    let of = vec![metrics::Metric {
        environment: "e".into(),
        method: "m".into(),
        seed: 3,
        split: "online".into(),
        metric: "return".into(),
        step: 100,
        value: 1.5,
    }];
    metrics::write(&path, &Manifest::new(metrics::METRICS, "test"), &of).unwrap();
    assert_eq!(metrics::read(&path).unwrap(), of);
}

#[test]
fn what_was_consumed_comes_back_as_written_and_there_may_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "consumed.parquet");
    let manifest = Manifest::new(consumed::CONSUMED, "test");
    let pairs = Consumed {
        users: ids(&["u", "v"]),
        items: ids(&["b", "a"]),
        user: vec![1, 0, 1],
        item: vec![1, 1, 0],
    };
    consumed::write(&path, &manifest, &pairs).unwrap();
    let read = consumed::read(&path).unwrap();
    let of = |c: &Consumed| -> Vec<(String, String)> {
        let pair = |row: usize| (c.users.id(c.user[row]).into(), c.items.id(c.item[row]).into());
        (0..c.len()).map(pair).collect()
    };
    assert_eq!(of(&read), of(&pairs));
    let error = read.bad_item(read.items.code("b").unwrap(), "no such item", &path);
    assert!(
        error
            .to_string()
            .ends_with("consumed.parquet, column item_id, row group 0, row 2"),
        "{error}"
    );

    let none = Consumed {
        users: Dictionary::new(IdKind::Integer),
        ..Consumed::default()
    };
    consumed::write(&path, &manifest, &none).unwrap();
    let read = consumed::read(&path).unwrap();
    assert!(read.is_empty() && read.users.kind() == IdKind::Integer);
}

#[test]
fn a_bad_file_of_what_was_consumed_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "consumed.parquet");
    let refused = || consumed::read(&path).unwrap_err().to_string();
    let item = || Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef;
    foreign(
        &path,
        vec![
            ("user_id", Arc::new(Int64Array::from(vec![1, 2])) as _),
            ("item_id", item()),
        ],
    );
    assert!(
        refused().contains("column item_id, row group 0, row 1"),
        "{}",
        refused()
    );
    foreign(&path, vec![("item_id", item())]);
    assert!(refused().contains("`user_id` is missing"), "{}", refused());
    interactions::write(&path, &Manifest::new(interactions::LOG, "test"), &log()).unwrap();
    assert!(refused().contains("expected consumed"), "{}", refused());
}

#[test]
fn a_log_from_which_all_rows_were_cut_is_read_where_it_may_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "log.parquet");
    let none = Interactions {
        user: vec![],
        item: vec![],
        timestamp: vec![],
        feedback: vec![],
        propensity: vec![],
        ..log()
    };
    interactions::write(&path, &Manifest::new(interactions::LOG, "test"), &none).unwrap();
    let error = interactions::read_log(&path, None).unwrap_err().to_string();
    assert!(error.contains("the log is empty"), "{error}");
    let read = interactions::read_cut_log(&path).unwrap();
    assert!(read.is_empty() && read.kind == none.kind);
    assert_eq!(table::count_rows(&path).unwrap(), 0);

    interactions::write(&path, &Manifest::new(interactions::WITHHELD, "test"), &log()).unwrap();
    assert_eq!(interactions::read_withheld(&path).unwrap().len(), 3);
    assert_eq!(table::count_rows(&path).unwrap(), 3);
    let error = interactions::read_cut_log(&path).unwrap_err().to_string();
    assert!(error.contains("found withheld") && error.contains("no tool but the simulator"));
    let error = interactions::feedback_of_log(&path, Some(1.0)).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
}
