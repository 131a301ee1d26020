//! The pipeline with every path in an object store: the same bytes as in folders, and nothing left on this machine.

use std::path::Path;

use common::store::Store;
use common::{atomic_file, input};
use tests::s3::{on_s3, url};
use tests::{default_model, fail, files_below, films, run, succeed};

/// Runs the stages in the folder `at`, all of whose paths begin with `root`.
fn pipeline(at: &Path, root: &str) {
    let tool = |tool: &str, arguments: &str| {
        succeed(
            at,
            tool,
            &format!("{} --seed 7 --workers 2", arguments.replace("@/", root)),
        )
    };
    tool("simulator", "import movielens --input @/raw --out @/out/data");
    tool("simulator", "fit --data @/out/data --out @/out/environment");
    tool(
        "simulator",
        "fidelity --data @/out/data --environment @/out/environment --out @/out/metrics/fidelity.parquet",
    );
    tool(
        "profiler",
        "states --log @/out/data/log/interactions.parquet --out @/out/states.parquet",
    );
    tool(
        "profiler",
        "traits --model @/model.gguf --items @/out/data/log/items.parquet --states @/out/states.parquet \
         --users @/out/data/log/users.parquet --domain film --out @/out/profiles.parquet",
    );
    tool(
        "pretrain",
        "split --log @/out/data/log --last 2 --out @/out/split",
    );
    tool(
        "pretrain",
        "train --method bc --log @/out/data/log --states @/out/states.parquet --profiles @/out/profiles.parquet \
         --traits profile --seeds 2 --steps 30 --batch 16 --dims 8 --hidden 8 --out @/out/policies/bc",
    );
    tool(
        "online",
        "recommend --policy @/out/policies/bc/seed-7 --exclude @/out/split/held-out.parquet --k 3 \
         --out @/out/recommendations.parquet",
    );
    let agent = format!(
        "{} agent --policy {root}out/policies/bc/seed-{{seed}} --strategy ft --seed {{seed}} \
         --events {root}out/events/ft-{{seed}}.parquet",
        tests::binary("online").display()
    );
    let words = "run --method bc_ft --seeds 2 --episodes 16 --envs 8 --seed 7 --workers 2 --environment @/out/environment \
                 --out @/out/metrics/ft.parquet"
        .replace("@/", root);
    let words: Vec<&str> = words.split(' ').chain(["--agent", &agent]).collect();
    let output = tests::run_list(at, "simulator", &words);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    tool("profiler", "states --log @/out/events --out @/out/again.parquet");
    tool(
        "simulator",
        "report --metrics @/out/metrics --policies @/out/policies --out @/out/report.html",
    );
}

#[test]
fn the_pipeline_in_a_store_gives_the_same_bytes() {
    on_s3(
        "objects_pipeline::the_pipeline_in_a_store_gives_the_same_bytes",
        |_| {
            let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            films::write(&ours.path().join("raw"));
            for (name, _) in files_below(&ours.path().join("raw")) {
                atomic_file::copy(&ours.path().join("raw").join(&name), &url(&format!("raw/{name}")))
                    .unwrap();
            }
            std::os::unix::fs::symlink(default_model(), ours.path().join("model.gguf")).unwrap();
            // Large enough to go in parts.
            atomic_file::copy(&default_model(), &url("model.gguf")).unwrap();
            pipeline(ours.path(), "");
            pipeline(theirs.path(), "s3://bucket/");
            assert!(
                files_below(theirs.path()).is_empty(),
                "{:?}",
                files_below(theirs.path())[0].0
            );

            let store = Store::open(&url("out")).unwrap();
            let in_store = || -> Vec<(String, Vec<u8>)> {
                let found = store.list("").unwrap();
                let read = |name: String| (name.clone(), store.get(&name).unwrap().unwrap());
                found.into_iter().map(|found| read(found.name)).collect()
            };
            let (here, there) = (files_below(&ours.path().join("out")), in_store());
            let names =
                |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            assert_eq!(names(&here), names(&there));
            assert!(here.len() > 20, "only {:?}", names(&here));
            let both = here.iter().zip(&there);
            let differing: Vec<&String> = both.filter(|(a, b)| a.1 != b.1).map(|(a, _)| &a.0).collect();
            assert!(
                differing.is_empty(),
                "these differ between folders and objects: {differing:?}"
            );

            pipeline(theirs.path(), "s3://bucket/");
            assert!(there == in_store(), "a second run changed objects");
            shards_meet_in_the_store(theirs.path());
            a_folder_is_replaced_whole(theirs.path());
        },
    );
}

/// Shards of a job, and their merge, with the parts in the store too.
fn shards_meet_in_the_store(at: &Path) {
    for (tool, arguments, out) in [
        (
            "profiler",
            "states --log @/data/log/interactions.parquet",
            "states.parquet",
        ),
        (
            "profiler",
            "traits --model s3://bucket/model.gguf --items @/data/log/items.parquet --states @/states.parquet \
             --users @/data/log/users.parquet --domain film",
            "profiles.parquet",
        ),
        (
            "online",
            "recommend --policy @/policies/bc/seed-7 --exclude @/split/held-out.parquet --k 3",
            "recommendations.parquet",
        ),
    ] {
        let arguments = arguments.replace('@', "s3://bucket/out");
        let arguments = format!("{arguments} --out s3://bucket/sharded/{out} --seed 7");
        for shard in ["1/2", "0/2", "1/2"] {
            succeed(at, tool, &format!("{arguments} --shard {shard}"));
        }
        succeed(at, tool, &format!("merge --clean {arguments}"));
        let bytes = |folder: &str| input::read(&url(&format!("{folder}/{out}"))).unwrap();
        assert!(
            bytes("out") == bytes("sharded"),
            "{tool} {arguments}: the bytes differ"
        );
    }
    let left = Store::open(&url("sharded")).unwrap().list("").unwrap();
    let names: Vec<&str> = left.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(
        names,
        ["profiles.parquet", "recommendations.parquet", "states.parquet"]
    );
}

/// What another run made is kept, unless it may go: then the folder is the new run's, and what is anybody's own stays.
fn a_folder_is_replaced_whole(at: &Path) {
    let mine = url("out/policies/bc/seed-7/notes.txt");
    atomic_file::write_bytes(&mine, b"mine").unwrap();
    let train = "train --method popularity --log s3://bucket/out/data/log --seeds 1 --seed 7 --out s3://bucket/out/policies/bc";
    let said = fail(at, "pretrain", train, 2);
    assert!(said.contains("--overwrite"), "{said}");
    succeed(at, "pretrain", &format!("{train} --overwrite"));
    assert_eq!(input::read(&mine).unwrap(), b"mine");
    let shown = run(
        at,
        "online",
        "inspect --policy s3://bucket/out/policies/bc/seed-7 --user 1",
    );
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );

    // Without its manifest a folder is not whole.
    atomic_file::remove(&url("out/policies/bc/seed-7/manifest.json")).unwrap();
    let said = fail(
        at,
        "online",
        "inspect --policy s3://bucket/out/policies/bc/seed-7 --user 1",
        2,
    );
    assert!(said.contains("whole policy"), "{said}");
}
