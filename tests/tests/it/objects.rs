//! Inputs and outputs in an object store, against a real S3 server on this machine.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float32Array, Int64Array, RecordBatch};
use common::store::Store;
use common::{Error, atomic_file, input};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tests::s3::{Proxy, Server, again, on_s3, url};
use tests::{fail, films, succeed};

const WRITERS: usize = 16;
const ROUNDS: usize = 100;

/// Of so many who create one object at once each is told the truth: one that it has, all others that they have not.
fn one_creator_wins(place: &Path) {
    let store = Store::open(place).unwrap();
    store.probe(false).unwrap();
    for round in 0..ROUNDS {
        let name = format!("round/{round}");
        let create = |writer: usize| store.create(&name, writer.to_string().as_bytes()).unwrap();
        let won: Vec<usize> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|w| (w, scope.spawn(move || create(w))))
                .collect();
            let ended = writers.into_iter().map(|(w, thread)| (w, thread.join().unwrap()));
            ended.filter(|(_, won)| *won).map(|(w, _)| w).collect()
        });
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
        assert_eq!(store.get(&name).unwrap(), Some(won[0].to_string().into_bytes()));
    }
    assert_eq!(store.list("round").unwrap().len(), ROUNDS);
    assert_eq!(store.list("").unwrap().len(), ROUNDS, "the probe leaves nothing");
    assert_eq!(store.list("round").unwrap()[1].name, "round/1");
    store.remove("round/0").unwrap();
    store.remove("round/0").unwrap();
    assert_eq!(store.get("round/0").unwrap(), None);
    assert!(store.list("none").unwrap().is_empty());
}

#[test]
fn of_many_creators_one_is_first_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    one_creator_wins(&folder.path().join("parts"));
}

#[test]
fn of_many_creators_one_is_first_in_a_store() {
    on_s3("objects::of_many_creators_one_is_first_in_a_store", |_| {
        one_creator_wins(&url("job/parts"));
    });
}

#[test]
fn a_store_that_ignores_preconditions_is_found_out() {
    const NAME: &str = "objects::a_store_that_ignores_preconditions_is_found_out";
    const FORGETFUL: &str = "HEADSTART_TEST_FORGETFUL";
    if std::env::var_os(FORGETFUL).is_none() {
        let server = Server::start();
        let proxy = Proxy::start(&server, true);
        let mut environment = server.environment(proxy.port);
        environment.push((FORGETFUL, "yes".into()));
        return again(NAME, &environment);
    }
    let store = Store::open(&url("job")).unwrap();
    let error = store.probe(false).unwrap_err();
    assert_eq!(error.class().code(), 2, "{error}");
    assert!(
        error.to_string().contains("does not honour preconditions"),
        "{error}"
    );
    assert!(error.to_string().contains("s3://bucket/job"), "{error}");
    assert!(store.list("").unwrap().is_empty(), "the probe leaves nothing");
    store.probe(true).unwrap();
}

#[test]
fn what_is_missing_or_denied_is_said() {
    on_s3("objects::what_is_missing_or_denied_is_said", |server| {
        let check = |error: Error, words: &[&str]| {
            assert_eq!(error.class().code(), 2, "{error}");
            assert!(
                words.iter().all(|word| error.to_string().contains(word)),
                "{error}"
            );
        };
        let missing = url("none/log.parquet");
        check(
            input::open(&missing).unwrap_err(),
            &["no such object", "none/log.parquet", "hint:"],
        );
        let nowhere = Path::new("s3://nowhere/log.parquet");
        let says = ["no such bucket", "s3://nowhere/log.parquet"];
        check(input::open(nowhere).unwrap_err(), &says);
        check(atomic_file::write_bytes(nowhere, b"x").unwrap_err(), &says);
        check(
            Store::open(nowhere).unwrap().create("a", b"x").unwrap_err(),
            &["no such bucket"],
        );
        check(input::open(Path::new("s3://")).unwrap_err(), &["names no bucket"]);
        check(
            atomic_file::write_bytes(Path::new("s3://bucket"), b"x").unwrap_err(),
            &["names a bucket"],
        );

        // In processes of their own: the environment belongs to them.
        let folder = tempfile::tempdir().unwrap();
        let tool = |change: &dyn Fn(&mut std::process::Command)| {
            let mut command = std::process::Command::new(tests::binary("profiler"));
            command
                .args("states --log s3://bucket/log.parquet --out states.parquet".split(' '))
                .current_dir(folder.path());
            change(&mut command);
            let output = command.output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let (code, said) = tool(&|command| {
            command
                .env_remove("AWS_ACCESS_KEY_ID")
                .env_remove("AWS_SECRET_ACCESS_KEY")
                .env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9");
        });
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("no credentials") && said.contains("AWS_ACCESS_KEY_ID"),
            "{said}"
        );
        let (code, said) = tool(&|command| {
            command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        });
        assert_eq!(code, Some(1), "{said}");
        let (code, said) = tool(&|command| {
            command.env_remove("AWS_ALLOW_HTTP");
        });
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("AWS_ALLOW_HTTP"), "{said}");
        let socket = fail(
            folder.path(),
            "online",
            "serve --policy p --state s3://bucket/state",
            2,
        );
        assert!(socket.contains("cannot be in an object store"), "{socket}");
        assert!(
            server
                .request("GET /bucket?list-type=2", "")
                .contains("<KeyCount>0")
        );
    });
}

#[test]
fn a_folder_of_parts_and_a_glob_are_found() {
    on_s3("objects::a_folder_of_parts_and_a_glob_are_found", |_| {
        let folder = tempfile::tempdir().unwrap();
        films::import(folder.path());
        let log = folder.path().join("data/log/interactions.parquet");
        for name in ["day=1/part-0", "day=2/part-0", "_temporary/part-9", ".part-7"] {
            atomic_file::copy(&log, &url(&format!("logs/{name}.parquet"))).unwrap();
        }
        atomic_file::write_bytes(&url("logs/_SUCCESS"), b"").unwrap();
        let rows = |path: &str| common::schema::table::count_rows(Path::new(path)).unwrap();
        let one = rows(log.to_str().unwrap());
        assert_eq!(rows("s3://bucket/logs"), 2 * one);
        assert_eq!(rows("s3://bucket/logs/"), 2 * one);
        assert_eq!(rows("s3://bucket/logs/*/part-*.parquet"), 2 * one);
        assert_eq!(rows("s3://bucket/logs/day=[2-9]/*"), one);
        assert_eq!(rows("s3://bucket/logs/_temporary/*.parquet"), one);
        let none = |path: &str| {
            common::schema::table::count_rows(Path::new(path))
                .unwrap_err()
                .to_string()
        };
        assert!(none("s3://bucket/logs/*/*.csv").contains("matches as a glob"));
        assert!(none("s3://bucket/logs/_temporary/none").contains("no such object"));
        atomic_file::write_bytes(&url("other/_part.parquet"), b"x").unwrap();
        assert!(none("s3://bucket/other").contains("left out"));

        succeed(
            folder.path(),
            "profiler",
            "states --log s3://bucket/logs/*/* --out s3://bucket/states.parquet",
        );
        succeed(
            folder.path(),
            "profiler",
            "states --log s3://bucket/logs --out twice.parquet",
        );
        let same = input::read(&url("states.parquet")).unwrap();
        assert!(same == input::read(&folder.path().join("twice.parquet")).unwrap());
        let url = format!("file://{}/twice.parquet", folder.path().display());
        let done = tests::run(
            folder.path(),
            "profiler",
            &format!("states --log s3://bucket/logs --out {url}"),
        );
        assert!(String::from_utf8_lossy(&done.stderr).contains("already done"));
    });
}

/// A million rows of two columns; one of them is asked for.
#[test]
fn one_column_costs_one_column() {
    const NAME: &str = "objects::one_column_costs_one_column";
    const FOLDER: &str = "HEADSTART_TEST_FOLDER";
    let Some(folder) = std::env::var_os(FOLDER) else {
        let server = Server::start();
        let proxy = Proxy::start(&server, false);
        let folder = tempfile::tempdir().unwrap();
        let mut environment = server.environment(proxy.port);
        environment.push((FOLDER, folder.path().display().to_string()));
        again(NAME, &environment);
        let length = std::fs::metadata(folder.path().join("wide.parquet"))
            .unwrap()
            .len();
        let (before, after) = (length, proxy.answered());
        assert!(
            after < before / 2,
            "{after} bytes were sent of a file of {before}"
        );
        assert!(
            after > before / 100,
            "{after} bytes were sent of a file of {before}"
        );
        return;
    };
    let path = Path::new(&folder).join("wide.parquet");
    let rows = 1_000_000_i64;
    let scattered = |row: i64| row.wrapping_mul(0x5851_F42D_4C95_7F2D) >> 8;
    let batch = RecordBatch::try_from_iter([
        ("user_id", Arc::new(Int64Array::from_iter_values(0..rows)) as _),
        (
            "wide",
            Arc::new(Int64Array::from_iter_values((0..rows).map(scattered))) as _,
        ),
        (
            "more",
            Arc::new(Float32Array::from_iter_values(
                (0..rows).map(|row| scattered(row) as f32),
            )) as _,
        ),
    ])
    .unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let properties = properties.set_max_row_group_row_count(Some(200_000)).build();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    atomic_file::copy(&path, &url("wide.parquet")).unwrap();
    let users = common::schema::users::read_ids(&url("wide.parquet"));
    assert_eq!(users.unwrap().len(), rows as usize);
}
