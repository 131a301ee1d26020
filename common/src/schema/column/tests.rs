//! Columns of more text than short offsets reach.

use std::collections::BTreeMap;

use arrow::array::LargeStringArray;

use super::*;
use crate::manifest::Manifest;
use crate::schema::interactions::{self, Feedback, Interactions, Kind};
use crate::schema::{items, users};

/// More text than offsets of 32 bits reach, as tests have it.
fn long(at: usize) -> String {
    format!("{at}{}", "x".repeat(MOST_TEXT / 2))
}

#[test]
fn texts_beyond_the_reach_of_short_offsets_come_back_or_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.parquet");
    let manifest = Manifest::new("test", "test");
    let ids = Dictionary::from_values(IdKind::Text, (0..3).map(long)).unwrap();
    let array = id_array(&ids, 0..3).unwrap();
    assert_eq!(array.data_type(), &DataType::LargeUtf8);
    assert_eq!(id_array(&ids, 0..1).unwrap().data_type(), &DataType::Utf8);
    crate::schema::write::write(&path, &manifest, &[], vec![("long", array, false)]).unwrap();
    assert!(
        Table::open(&path)
            .unwrap()
            .unique_ids("long")
            .unwrap()
            .ids()
            .eq(ids.ids())
    );

    let refused = |outcome: Result<()>, column: &str| {
        let error = outcome.unwrap_err().to_string();
        assert!(
            error.contains("2 GiB") && error.contains(&format!("column {column}")),
            "{error}"
        );
    };
    let log = Interactions {
        users: ids.clone(),
        items: Dictionary::from_values(IdKind::Text, ["a".into()]).unwrap(),
        user: vec![0, 1, 2],
        item: vec![0; 3],
        timestamp: vec![0; 3],
        feedback: vec![1.0; 3],
        propensity: vec![None; 3],
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 1.0,
        },
    };
    refused(interactions::write(&path, &manifest, &log), "user_id");
    let catalogue = items::Items {
        ids: Dictionary::from_values(IdKind::Integer, (0..3).map(|id| id.to_string())).unwrap(),
        title: vec![String::new(); 3],
        text: (0..3).map(long).map(Some).collect(),
        categories: vec![Vec::new(); 3],
    };
    refused(items::write(&path, &manifest, &catalogue), "text");
    let people = users::Users {
        ids: Dictionary::from_values(IdKind::Text, ["a".into()]).unwrap(),
        attributes: vec![
            (0..3)
                .map(|at| (at.to_string(), long(at)))
                .collect::<BTreeMap<_, _>>(),
        ],
    };
    refused(users::write(&path, &manifest, &people), "attributes");
}

#[test]
fn texts_of_other_layouts_are_converted_within_their_reach() {
    use arrow::array::DictionaryArray;
    use arrow::datatypes::Int32Type;
    let whole: ArrayRef = Arc::new(LargeStringArray::from_iter_values((0..3).map(long)));
    assert!(crate::convert::convert(&whole, &DataType::Utf8).is_none());
    // Few texts that stand in many rows.
    let value = long(0);
    let packed: DictionaryArray<Int32Type> = std::iter::repeat_n(value.as_str(), 5).collect();
    let packed: ArrayRef = Arc::new(packed);
    let unpacked = crate::convert::convert(&packed, &DataType::LargeUtf8).unwrap();
    assert!(
        unpacked
            .as_string::<i64>()
            .iter()
            .all(|text| text == Some(value.as_str()))
    );
}
