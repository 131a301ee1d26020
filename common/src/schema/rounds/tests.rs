use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::error::Class;

type Named = Vec<(&'static str, ArrayRef)>;

fn numbers(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

/// Four rounds under the usual names.
fn usual() -> Named {
    vec![
        ("reward", numbers(&[1.0, 0.0, -2.0, 1.0])),
        ("propensity", numbers(&[0.5, 0.25, 1.0, 0.5])),
        ("target_propensity", numbers(&[1.0, 0.0, 0.5, 0.25])),
        ("user_id", Arc::new(Int64Array::from(vec![7, 7, 9, 9])) as _),
    ]
}

/// The same with `column` in the place of what it is called, or added.
fn with(mut columns: Named, name: &'static str, column: ArrayRef) -> Named {
    columns.retain(|(other, _)| *other != name);
    columns.push((name, column));
    columns
}

fn written(folder: &tempfile::TempDir, columns: Named) -> PathBuf {
    let path = folder.path().join("rounds.parquet");
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    // Row groups of two rows, so that places are told by group and row.
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2));
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn read_of(columns: Named, names: &Columns) -> Result<Rounds> {
    let folder = tempfile::tempdir().unwrap();
    read(&written(&folder, columns), names)
}

/// The class and the words of the refusal.
fn refused(columns: Named, names: &Columns) -> (Class, String) {
    let error = read_of(columns, names).unwrap_err();
    (error.class(), error.to_string())
}

#[test]
fn a_table_under_the_usual_names_is_read_and_weights_are_ratios() {
    let rounds = read_of(usual(), &Columns::default()).unwrap();
    assert_eq!(rounds.reward, [1.0, 0.0, -2.0, 1.0]);
    assert_eq!(rounds.propensity.weights(), [2.0, 0.0, 0.5, 0.5]);
    assert_eq!(rounds.cluster, Some(vec![0, 0, 1, 1]));
    assert!(rounds.model.is_none() && rounds.slates.is_none() && rounds.category.is_none());
}

#[test]
fn columns_of_any_name_and_type_are_read() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1", "0", "-2", "1"]));
    let single: ArrayRef = Arc::new(Float32Array::from(vec![0.5, 0.25, 1.0, 0.5]));
    let columns = vec![
        ("click", text),
        ("pscore", single),
        ("pi e", numbers(&[1.0, 0.0, 0.5, 0.25])),
        ("q_logged", numbers(&[0.5; 4])),
        ("v_target", numbers(&[0.25; 4])),
        (
            "segment",
            Arc::new(StringArray::from(vec!["a", "b", "a", "a"])) as _,
        ),
        ("kind", Arc::new(StringArray::from(vec!["x", "x", "y", "x"])) as _),
    ];
    let names = Columns {
        reward: "click".into(),
        propensity: "pscore".into(),
        target_propensity: "pi e".into(),
        category: Some("kind".into()),
        context: Some("segment".into()),
        ..Columns::default()
    };
    let rounds = read_of(columns, &names).unwrap();
    assert_eq!(rounds.propensity.weights(), [2.0, 0.0, 0.5, 0.5]);
    assert_eq!(rounds.model.unwrap().value, [0.25; 4], "the usual names");
    assert_eq!(rounds.category, Some(vec![0, 0, 1, 0]));
    assert_eq!(rounds.context, Some(vec![0, 1, 0, 0]));
    assert!(rounds.cluster.is_none() && rounds.of_category.is_none());
}

#[test]
fn what_cannot_be_is_refused_with_its_place_and_what_to_do() {
    for (name, values, words) in [
        ("reward", [1.0, 0.0, f64::NAN, 1.0], ["NaN", "finite"]),
        ("reward", [1.0, 0.0, f64::INFINITY, 1.0], ["inf", "finite"]),
        ("propensity", [0.5, 0.25, 0.0, 0.5], ["(0, 1]", "drawn with"]),
        ("propensity", [0.5, 0.25, 1.5, 0.5], ["(0, 1]", "not a score"]),
        ("propensity", [0.5, 0.25, f64::NAN, 0.5], ["NaN", "(0, 1]"]),
        ("propensity", [0.5, 0.25, 1e-320, 0.5], ["infinite", "too small"]),
        (
            "target_propensity",
            [1.0, 0.0, -0.5, 0.0],
            ["[0, 1]", "target policy"],
        ),
        ("target_propensity", [1.0, 0.0, 7.0, 0.0], ["[0, 1]", "weight"]),
    ] {
        let (class, said) = refused(with(usual(), name, numbers(&values)), &Columns::default());
        assert_eq!(class, Class::Data);
        let place = format!("rounds.parquet, column {name}, row group 1, row 2");
        for word in [place.as_str(), "hint:"].iter().chain(&words) {
            assert!(said.contains(word), "`{word}` is not in\n{said}");
        }
    }
    let null: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.5), None, Some(1.0), Some(0.5)]));
    let (class, said) = refused(with(usual(), "propensity", null), &Columns::default());
    assert!(
        class == Class::Data && said.contains("null") && said.contains("row 1"),
        "{said}"
    );
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1", "often", "0", "1"]));
    let (class, said) = refused(with(usual(), "reward", text), &Columns::default());
    assert!(
        class == Class::Data && said.contains("`often`") && said.contains("row 1"),
        "{said}"
    );
    let none = usual()
        .into_iter()
        .map(|(name, column)| (name, column.slice(0, 0)));
    assert!(
        refused(none.collect(), &Columns::default())
            .1
            .contains("the table is empty")
    );
}

#[test]
fn a_column_that_is_not_there_is_named_with_the_flag_that_names_it() {
    let without = |name: &str| -> Named {
        let columns = usual().into_iter();
        columns.filter(|(other, _)| *other != name).collect()
    };
    for (name, flag) in [
        ("reward", "--reward"),
        ("propensity", "--propensity"),
        ("target_propensity", "--target-propensity"),
    ] {
        let (class, said) = refused(without(name), &Columns::default());
        assert_eq!(class, Class::Data);
        assert!(
            said.contains(&format!("`{name}` is missing")) && said.contains(flag),
            "{said}"
        );
    }
    let of = |names: Columns| refused(usual(), &names).1;
    let named = || Some("nowhere".to_string());
    for (names, flag) in [
        (
            Columns {
                cluster: named(),
                ..Columns::default()
            },
            "--cluster",
        ),
        (
            Columns {
                category: named(),
                ..Columns::default()
            },
            "--category",
        ),
        (
            Columns {
                slate: named(),
                ..Columns::default()
            },
            "--slate",
        ),
        (
            Columns {
                model_logged: named(),
                ..Columns::default()
            },
            "--model-logged",
        ),
    ] {
        let said = of(names);
        assert!(
            said.contains("`nowhere` is missing") && said.contains(flag),
            "{said}"
        );
    }
    // One of a pair is asked for: the other must be there too.
    let half = Columns {
        model_logged: Some("reward".into()),
        ..Columns::default()
    };
    assert!(of(half).contains("--model-target"));
}

#[test]
fn lists_of_categories_are_sets() {
    let lists = |of: [&[&'static str]; 4]| -> ArrayRef {
        let mut builder = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
        for names in of {
            names.iter().for_each(|name| builder.values().append_value(name));
            builder.append(true);
        }
        Arc::new(builder.finish())
    };
    let names = Columns {
        category: Some("genres".into()),
        ..Columns::default()
    };
    let of = [["a", "b"].as_slice(), &["b", "a", "b"], &["ab"], &["a"]];
    let rounds = read_of(with(usual(), "genres", lists(of)), &names).unwrap();
    assert_eq!(rounds.category, Some(vec![0, 0, 1, 2]));
    let of = [["a", "b"].as_slice(), &["b"], &["a"], &[]];
    let (class, said) = refused(with(usual(), "genres", lists(of)), &names);
    assert_eq!(class, Class::Data);
    assert!(said.contains("no category") && said.contains("row 3"), "{said}");
    let numbers: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(
        (0..4).map(|row| Some(vec![Some(row % 2)])),
    ));
    let rounds = read_of(with(usual(), "genres", numbers), &names).unwrap();
    assert_eq!(rounds.category, Some(vec![0, 1, 0, 1]));
}

fn slates(slate: [&str; 4], position: [u32; 4]) -> Named {
    let columns = with(usual(), "list", Arc::new(StringArray::from(slate.to_vec())));
    with(
        columns,
        "position",
        Arc::new(UInt32Array::from(position.to_vec())),
    )
}

fn by_list() -> Columns {
    Columns {
        slate: Some("list".into()),
        cluster: Some("list".into()),
        ..Columns::default()
    }
}

#[test]
fn items_are_put_together_to_slates_whatever_their_order() {
    let rounds = read_of(slates(["x", "y", "x", "x"], [2, 0, 0, 1]), &by_list()).unwrap();
    let places = rounds.slates.unwrap();
    assert_eq!((places.starts, places.row), (vec![0, 3, 4], vec![2, 3, 0, 1]));
    assert_eq!(rounds.reward, [-2.0, 1.0, 1.0, 0.0]);
    assert_eq!(rounds.propensity.logging, [1.0, 0.5, 0.5, 0.25]);
    assert_eq!(rounds.cluster, Some(vec![0, 0, 0, 1]));
    let from_one = Columns {
        first_position: 1,
        ..by_list()
    };
    let again = read_of(slates(["x", "y", "x", "x"], [3, 1, 1, 2]), &from_one).unwrap();
    assert_eq!(again.reward, rounds.reward);
}

#[test]
fn slates_with_a_gap_a_repeat_or_two_users_are_refused() {
    let of = |slate, position, names: &Columns| refused(slates(slate, position), names);
    for (position, words, row) in [
        ([0, 0, 2, 1], ["an item at position 2 and none at 1", "reward"], 2),
        ([0, 0, 1, 0], ["two items at position 0", "--slate"], 3),
        (
            [1, 0, 2, 1],
            ["an item at position 1 and none at 0", "--first-position"],
            0,
        ),
    ] {
        let (class, said) = of(["x", "y", "x", "y"], position, &by_list());
        assert_eq!(class, Class::Data);
        let place = format!("column position, row group {}, row {row}", row / 2);
        for word in words.iter().chain([&place.as_str()]) {
            assert!(said.contains(word), "`{word}` is not in\n{said}");
        }
    }
    let from_one = Columns {
        first_position: 1,
        ..by_list()
    };
    let said = of(["x", "y", "x", "y"], [0, 1, 1, 2], &from_one).1;
    assert!(said.contains("before the first, 1"), "{said}");
    let of_users = Columns {
        cluster: None,
        ..by_list()
    };
    let (class, said) = of(["x", "y", "x", "y"], [0, 0, 1, 1], &of_users);
    assert_eq!(class, Class::Data);
    assert!(
        said.contains("of `7` and of `9`") && said.contains("column user_id"),
        "{said}"
    );
}
