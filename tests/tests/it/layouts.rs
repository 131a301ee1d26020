//! One log in many layouts: every verb that reads logs gets the same rows from each.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeBinaryArray, Float32Array, Int64Array, NullArray, RecordBatch, StringArray,
    StructArray, UInt32Array,
};
use arrow::compute::{cast, concat_batches, take};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use common::schema::interactions::{self, Interactions};
use common::schema::{candidates, states};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use tests::{run, succeed};

const USERS: i64 = 9;
const ITEMS: i64 = 16;
const DAY: i64 = 24 * 60 * 60 * 1000;
const COLUMNS: [&str; 4] = ["user_id", "item_id", "timestamp", "feedback"];

/// The log as most would write it: every user with ten items, a day apart, in no order of users.
fn log() -> RecordBatch {
    let rows: Vec<(i64, i64)> = (0..10)
        .flat_map(|step| (0..USERS).map(move |user| (user, step)))
        .collect();
    let column = |of: &dyn Fn(i64, i64) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|&(user, step)| of(user, step)),
        ))
    };
    let columns = [
        column(&|user, _| 7 + user),
        column(&|user, step| (user * 5 + step * 3) % ITEMS),
        column(&|user, step| (19_000 + step + user % 2) * DAY),
        column(&|user, step| 1 + (user * step + step) % 5),
    ];
    RecordBatch::try_from_iter(COLUMNS.into_iter().zip(columns)).unwrap()
}

/// The log with one column in another type.
fn with(column: &str, to: &[DataType]) -> RecordBatch {
    let log = log();
    let columns = COLUMNS.map(|name| {
        let found = log.column_by_name(name).unwrap().clone();
        let change = |array: ArrayRef, kind: &DataType| cast(&array, kind).unwrap();
        (
            name,
            if name == column {
                to.iter().fold(found, change)
            } else {
                found
            },
        )
    });
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The log and one more column.
fn and(name: &str, column: ArrayRef) -> RecordBatch {
    let log = log();
    let columns = COLUMNS.map(|name| (name, log.column_by_name(name).unwrap().clone(), false));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().chain([(name, column, true)])).unwrap()
}

fn ids(column: &str, kind: DataType) -> RecordBatch {
    with(column, &[DataType::Utf8, kind])
}

fn rows() -> usize {
    log().num_rows()
}

fn plain() -> WriterPropertiesBuilder {
    WriterProperties::builder()
}

fn write(path: &Path, batch: &RecordBatch, properties: WriterPropertiesBuilder) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// Types of ids, times and feedback, and columns beside them: each a file of its own.
fn types() -> Vec<(String, RecordBatch)> {
    use DataType::{
        Binary, BinaryView, Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Float16, Float32,
        Float64, Int8, Int16, Int32, LargeBinary, LargeUtf8, Timestamp, UInt8, UInt16, UInt32, UInt64, Utf8,
        Utf8View,
    };
    let dictionary =
        |keys: DataType, values: DataType| DataType::Dictionary(Box::new(keys), Box::new(values));
    let mut all = Vec::new();
    let mut add =
        |name: String, batch| all.push((name.replace(['(', ')', ' ', ',', '"', ':', '/', '+'], "-"), batch));
    for column in ["user_id", "item_id"] {
        for kind in [Utf8, LargeUtf8, Utf8View, Binary, LargeBinary, BinaryView] {
            add(format!("{column}-{kind}"), ids(column, kind));
        }
        for values in [Utf8, LargeUtf8] {
            add(
                format!("{column}-dictionary-{values}"),
                ids(column, dictionary(Int8, values)),
            );
        }
        for kind in [
            Int8, Int16, Int32, UInt8, UInt16, UInt32, UInt64, Float32, Float64,
        ] {
            add(format!("{column}-{kind}"), with(column, &[kind]));
        }
        for kind in [
            Decimal32(9, 0),
            Decimal64(18, 0),
            Decimal128(38, 0),
            Decimal128(20, 2),
            Decimal256(50, 0),
        ] {
            add(format!("{column}-{kind}"), with(column, &[kind]));
        }
        add(
            format!("{column}-dictionary-integers"),
            with(column, &[dictionary(Int32, DataType::Int64)]),
        );
    }
    let milliseconds = Timestamp(TimeUnit::Millisecond, None);
    for unit in [
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ] {
        for zone in [None, Some("+00:00"), Some("+09:00")] {
            let utc = Timestamp(unit, Some("+00:00".into()));
            let kind = Timestamp(unit, zone.map(Into::into));
            let steps = match zone {
                None => vec![milliseconds.clone(), kind],
                Some(_) => vec![
                    milliseconds.clone(),
                    Timestamp(TimeUnit::Millisecond, Some("+00:00".into())),
                    utc,
                    kind,
                ],
            };
            add(format!("time-{unit:?}-{zone:?}"), with("timestamp", &steps));
        }
    }
    for kind in [Date32, Date64] {
        add(
            format!("time-{kind}"),
            with("timestamp", &[milliseconds.clone(), kind]),
        );
    }
    for kind in [UInt64, Float64, Decimal128(20, 0), Utf8] {
        add(format!("time-{kind}"), with("timestamp", &[kind]));
    }
    for kind in [
        Int8,
        Int16,
        Int32,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Decimal32(9, 2),
        Decimal64(18, 2),
        Decimal128(10, 2),
        Decimal256(50, 2),
        Utf8,
        LargeUtf8,
    ] {
        add(format!("feedback-{kind}"), with("feedback", &[kind]));
    }
    add(
        "propensity-of-no-type".into(),
        and("propensity", Arc::new(NullArray::new(rows()))),
    );
    add(
        "propensity-null".into(),
        and("propensity", Arc::new(Float32Array::new_null(rows()))),
    );
    let uuids = FixedSizeBinaryArray::try_from_iter((0..rows()).map(|row| [row as u8; 16])).unwrap();
    add("more-uuids".into(), and("uuid", Arc::new(uuids.clone())));
    let inner: ArrayRef = Arc::new(uuids);
    let pair = StructArray::from(vec![(
        Arc::new(Field::new("inner", inner.data_type().clone(), false)),
        inner,
    )]);
    add("more-structs".into(), and("context", Arc::new(pair)));
    add(
        "more-of-no-type".into(),
        and("nothing", Arc::new(NullArray::new(rows()))),
    );
    all
}

/// Writes all layouts below `folder` and gives their paths.
fn layouts(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for (name, batch) in types() {
        let name = format!("{name}.parquet");
        write(&folder.join(&name), &batch, plain());
        all.push(name);
    }
    for (name, properties) in [
        ("snappy", plain().set_compression(Compression::SNAPPY)),
        (
            "gzip",
            plain().set_compression(Compression::GZIP(Default::default())),
        ),
        (
            "zstd",
            plain().set_compression(Compression::ZSTD(Default::default())),
        ),
        ("lz4", plain().set_compression(Compression::LZ4_RAW)),
        (
            "pages-v2",
            plain()
                .set_writer_version(WriterVersion::PARQUET_2_0)
                .set_dictionary_enabled(false),
        ),
        ("row-groups-of-7", plain().set_max_row_group_row_count(Some(7))),
        (
            "bloom-filters",
            plain()
                .set_bloom_filter_enabled(true)
                .set_data_page_row_count_limit(3),
        ),
    ] {
        let name = format!("{name}.parquet");
        write(&folder.join(&name), &log(), properties);
        all.push(name);
    }
    let backwards = log().project(&[3, 2, 1, 0]).unwrap();
    write(&folder.join("backwards.parquet"), &backwards, plain());
    all.push("backwards.parquet".into());

    // Parts, whose rows in the order of their paths are the log, of types that differ.
    let log = log();
    let parts = |names: [&str; 3]| {
        for (name, (at, batch)) in
            names
                .iter()
                .zip([(0, &log), (31, &ids("user_id", DataType::Utf8)), (60, &log)])
        {
            let batch = batch.slice(at, [31, 29, log.num_rows() - 60][at / 30]);
            write(&folder.join(name), &batch, plain());
        }
    };
    parts(["folder/a.parquet", "folder/b.parquet", "folder/c.parquet"]);
    parts([
        "hive/day=1/part.parquet",
        "hive/day=2/part.parquet",
        "hive/day=2/z=1/part.parquet",
    ]);
    parts(["hidden/a.parquet", "hidden/b.parquet", "hidden/c.parquet"]);
    for name in [
        "._a.parquet",
        "_SUCCESS",
        ".a.parquet.crc",
        "_temporary/0/a.parquet",
    ] {
        std::fs::create_dir_all(folder.join("hidden/_temporary/0")).unwrap();
        std::fs::write(folder.join("hidden").join(name), b"no Parquet").unwrap();
    }
    let nothing = RecordBatch::new_empty(Arc::new(Schema::new(vec![
        Field::new("user_id", DataType::Null, true),
        Field::new("item_id", DataType::Null, true),
        Field::new("timestamp", DataType::Null, true),
        Field::new("feedback", DataType::Null, true),
    ])));
    write(&folder.join("empty-part/a.parquet"), &nothing, plain());
    write(&folder.join("empty-part/b.parquet"), &log, plain());
    let known = and("propensity", Arc::new(Float32Array::new_null(log.num_rows())));
    write(
        &folder.join("column-in-one/a.parquet"),
        &known.slice(0, 50),
        plain(),
    );
    write(
        &folder.join("column-in-one/b.parquet"),
        &log.slice(50, log.num_rows() - 50),
        plain(),
    );
    all.extend(["folder", "hive", "hidden", "empty-part", "column-in-one"].map(String::from));
    all.extend(["folder/*.parquet", "hive/day=*/**/part.parquet", "hidden/*"].map(String::from));
    all
}

fn text(log: &Interactions) -> Vec<String> {
    let row = |row: usize| {
        let (user, item) = (log.users.id(log.user[row]), log.items.id(log.item[row]));
        format!(
            "{user} {item} {} {} {:?}",
            log.timestamp[row], log.feedback[row], log.propensity[row]
        )
    };
    (0..log.len()).map(row).collect()
}

/// What every verb that reads logs makes of the log at `path`.
fn answers(folder: &Path, path: &str) -> Vec<(&'static str, Vec<String>)> {
    let out = tempfile::tempdir_in(folder).unwrap();
    let name = out.path().file_name().unwrap().to_str().unwrap();
    let go = |tool: &str, arguments: &str| succeed(folder, tool, arguments);
    let file = |file: &str| out.path().join(file);
    go(
        "profiler",
        &format!("states --log {path} --like-threshold 4 --hold-out 1 --out {name}/states.parquet"),
    );
    let found = states::read(&file("states.parquet")).unwrap();
    let users = found
        .users
        .ids()
        .zip(found.items.iter().zip(&found.feedback).zip(&found.liked));
    let of_states = users.map(|(user, state)| format!("{user} {state:?}")).collect();
    go(
        "profiler",
        &format!(
            "candidates --log {path} --states {name}/states.parquet --items items.parquet --out {name}/lists.parquet"
        ),
    );
    let lists = candidates::read(&file("lists.parquet")).unwrap();
    go(
        "simulator",
        &format!("import custom --interactions {path} --like-threshold 4 --out {name}/data"),
    );
    let log = interactions::read_log(&file("data/log/interactions.parquet"), None).unwrap();
    let truth = interactions::read_truth(&file("data/truth/interactions.parquet")).unwrap();
    go(
        "pretrain",
        &format!("split --log {path} --last 2 --like-threshold 4 --out {name}/parts"),
    );
    let parts = ["log/interactions.parquet", "held-out.parquet"];
    let parts = parts.map(|part| interactions::read_log(&file("parts").join(part), None).unwrap());
    go(
        "pretrain",
        &format!(
            "train --method ease --log {path} --traits none --like-threshold 4 --seeds 1 --out {name}/policy"
        ),
    );
    let weights = std::fs::read(file("policy/seed-0/weights.safetensors")).unwrap();
    let evaluated = go(
        "pretrain",
        &format!("evaluate --policy policy/seed-0 --log {path} --like-threshold 4 --mask none"),
    );
    vec![
        ("profiler states", of_states),
        ("profiler candidates", vec![format!("{lists:?}")]),
        ("simulator import", [text(&log), text(&truth)].concat()),
        ("pretrain split", parts.iter().flat_map(text).collect()),
        ("pretrain train", vec![format!("{weights:?}")]),
        ("pretrain evaluate", vec![evaluated]),
    ]
}

/// The catalogue, and a policy that was trained on what came before.
fn prepare(folder: &Path) {
    let titles = (0..ITEMS).map(|item| format!("title {item}"));
    let titles: ArrayRef = Arc::new(StringArray::from_iter_values(titles));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ITEMS));
    let items = RecordBatch::try_from_iter([("item_id", ids), ("title", titles)]).unwrap();
    write(&folder.join("items.parquet"), &items, plain());
    write(&folder.join("before.parquet"), &log().slice(0, 50), plain());
    succeed(
        folder,
        "pretrain",
        "train --method ease --log before.parquet --items items.parquet --traits none --like-threshold 4 --seeds 1 --out policy",
    );
}

#[test]
fn one_log_in_many_layouts_is_the_same_log_to_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    write(&folder.join("log.parquet"), &log(), plain());
    let expected = answers(folder, "log.parquet");
    let layouts = layouts(folder);
    assert!(layouts.len() > 80, "{} layouts", layouts.len());
    for layout in layouts {
        for ((verb, found), (_, wanted)) in answers(folder, &layout).iter().zip(&expected) {
            assert!(
                found == wanted,
                "{verb} of {layout}:\n{found:?}\ninstead of\n{wanted:?}"
            );
        }
    }
}

#[test]
fn an_id_keeps_every_digit_at_every_border() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let near: Vec<u64> = (0..USERS as u64).map(|user| u64::MAX - user).collect();
    let log = log();
    let codes = cast(log.column(0), &DataType::UInt32).unwrap();
    let places = UInt32Array::from_iter_values(
        cast(&codes, &DataType::Int32)
            .unwrap()
            .as_any()
            .downcast_ref::<arrow::array::PrimitiveArray<Int32Type>>()
            .unwrap()
            .values()
            .iter()
            .map(|user| (user - 7) as u32),
    );
    let unsigned: ArrayRef = Arc::new(arrow::array::UInt64Array::from(near.clone()));
    let unsigned = take(&unsigned, &places, None).unwrap();
    let decimals = cast(&unsigned, &DataType::Decimal128(38, 0)).unwrap();
    for (name, users) in [("unsigned", unsigned), ("decimal", decimals)] {
        let columns = COLUMNS.map(|name| (name, log.column_by_name(name).unwrap().clone()));
        let mut columns = columns.to_vec();
        columns[0].1 = users;
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let twice = concat_batches(&batch.schema(), [&batch, &batch.slice(0, 1)]).unwrap();
        write(&folder.join(format!("{name}.parquet")), &twice, plain());
        for (verb, rows) in answers(folder, &format!("{name}.parquet")) {
            let all = rows.concat();
            for user in &near {
                let is_told = !["profiler candidates", "pretrain train", "pretrain evaluate"].contains(&verb);
                assert!(!is_told || all.contains(&user.to_string()), "{verb} lost {user}");
            }
        }
        let stderr = run(
            folder,
            "simulator",
            &format!("import custom --interactions {name}.parquet --like-threshold 4 --out {name}-data"),
        );
        let stderr = String::from_utf8_lossy(&stderr.stderr).into_owned();
        assert!(
            stderr.contains("1 of 91 rows repeat a pair of user and item"),
            "{stderr}"
        );
    }
}
