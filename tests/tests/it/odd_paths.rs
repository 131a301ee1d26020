//! Outputs that are pipes or inputs, and inputs that are not files: said at once, with nothing replaced and nothing hanging.

use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tests::{binary, films, succeed};

const TRAIN: &str = "train --method bc --traits none --dims 4 --hidden 4 --batch 8 --steps 5 --seeds 1";

/// Imported data, a policy and user states, and a pipe.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    films::import(folder.path());
    succeed(
        folder.path(),
        "pretrain",
        &format!("{TRAIN} --log data/log --out policies"),
    );
    let states = "states --log data/log/interactions.parquet --out states.parquet";
    succeed(folder.path(), "profiler", states);
    let made = Command::new("mkfifo")
        .arg(folder.path().join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    folder
}

/// Runs a tool that must be refused with exit code 2, in seconds; gives what it says.
fn refused(folder: &Path, tool: &str, arguments: &str) -> String {
    let mut child = Command::new(binary(tool))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it hangs: {tool} {arguments}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{tool} {arguments}\n{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn an_output_that_is_none_is_said_before_anything_is_read() {
    let folder = prepared();
    std::fs::write(folder.path().join("file"), "precious").unwrap();
    // What they would read is missing: they do not come to it.
    let files = [
        (
            "profiler",
            "refine --profiles none --states none --dimensions 2 --out OUT",
        ),
        (
            "profiler",
            "traits --model none --items none --states none --domain film --out OUT",
        ),
        (
            "profiler",
            "summarise --model none --items none --states none --domain film --out OUT",
        ),
        ("profiler", "prepare --model none --out OUT"),
        (
            "profiler",
            "candidates --log none --items none --states none --out OUT",
        ),
        ("profiler", "vocab --items none --words 3 --out OUT"),
        ("pretrain", "evaluate --policy none --log none --out OUT"),
        ("pretrain", "estimate --log none --out OUT"),
        ("simulator", "fidelity --data none --environment none --out OUT"),
        (
            "simulator",
            "run --environment none --agent x --method x --out OUT",
        ),
        ("simulator", "report --metrics none --out OUT"),
        ("online", "agent --policy none --strategy frozen --events OUT"),
    ];
    let folders = [
        ("pretrain", format!("{TRAIN} --log none --out OUT")),
        ("pretrain", "split --log none --last 1 --out OUT".into()),
        (
            "pretrain",
            "extend --policy none --items none --profiles none --out OUT".into(),
        ),
        ("simulator", "fit --data none --out OUT".into()),
        (
            "simulator",
            "import custom --name x --interactions none --out OUT".into(),
        ),
    ];
    let (a_folder, a_file) = (("data", "a folder"), ("file", "a file"));
    let files = files.map(|(tool, arguments)| ((tool, arguments.to_string()), a_folder));
    let folders = folders.map(|of| (of, a_file));
    for ((tool, arguments), other_kind) in files.into_iter().chain(folders) {
        for (out, says) in [("pipe", "a pipe"), ("file/below", "not a folder"), other_kind] {
            let said = refused(folder.path(), tool, &arguments.replace("OUT", out));
            assert!(
                said.contains(says) && said.contains(out),
                "{tool} {arguments}\n{said}"
            );
        }
    }
    for (tool, arguments) in [
        (
            "online",
            "replay --policy policies/seed-0 --strategy ft --events none --state file",
        ),
        (
            "online",
            "serve --policy policies/seed-0 --strategy ft --listen 127.0.0.1:0 --state pipe",
        ),
        ("simulator", "import movielens --input raw --out file"),
        ("simulator", "import synthetic --users 9 --items 90 --out file"),
    ] {
        refused(folder.path(), tool, arguments);
    }
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"precious");
    let pipe = std::fs::symlink_metadata(folder.path().join("pipe")).unwrap();
    assert!(pipe.file_type().is_fifo());
}

#[test]
fn an_input_is_never_the_output() {
    let folder = prepared();
    let at = |name: &str| folder.path().join(name);
    let log = at("data/log/interactions.parquet");
    symlink(&log, at("link.parquet")).unwrap();
    std::fs::hard_link(&log, at("hard.parquet")).unwrap();
    symlink(at("data"), at("other-data")).unwrap();
    let before = std::fs::read(&log).unwrap();
    let policy = tests::files_below(&at("policies/seed-0"));
    let custom = "import custom --name x --like-threshold 4 --interactions data/log/interactions.parquet";
    for (tool, arguments) in [
        ("profiler", "states --log link.parquet --out hard.parquet"),
        (
            "profiler",
            "states --log data/log/interactions.parquet --out link.parquet",
        ),
        (
            "profiler",
            "states --log data/log --out data/log/interactions.parquet",
        ),
        ("pretrain", "split --log data/log --last 1 --out data"),
        ("pretrain", "split --log data/log --last 1 --out other-data"),
        (
            "pretrain",
            "extend --policy policies/seed-0 --items x --profiles y --out policies/seed-0",
        ),
        (
            "pretrain",
            "evaluate --policy policies/seed-0 --log data/log --out hard.parquet",
        ),
        (
            "pretrain",
            "estimate --log data/log/interactions.parquet --out hard.parquet",
        ),
        ("simulator", &format!("{custom} --out other-data")),
        (
            "simulator",
            "fidelity --data data --environment none --out link.parquet",
        ),
    ] {
        let said = refused(folder.path(), tool, &format!("{arguments} --overwrite"));
        assert!(said.contains("is the input"), "{tool} {arguments}\n{said}");
    }
    assert_eq!(std::fs::read(&log).unwrap(), before);
    assert!(policy == tests::files_below(&at("policies/seed-0")));
    // Through a link to something else, that is written and the link stays.
    std::fs::write(at("real.parquet"), "x").unwrap();
    symlink("real.parquet", at("to-real.parquet")).unwrap();
    let states = "states --log link.parquet --out to-real.parquet --overwrite";
    succeed(folder.path(), "profiler", states);
    assert!(
        std::fs::symlink_metadata(at("to-real.parquet"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(
        std::fs::read(at("real.parquet")).unwrap(),
        std::fs::read(at("states.parquet")).unwrap()
    );
}

#[test]
fn an_input_that_is_no_file_does_not_hang() {
    let folder = prepared();
    std::fs::create_dir(folder.path().join("odd")).unwrap();
    for name in [
        "interactions.parquet",
        "manifest.json",
        "ml-100k.inter",
        "ml-100k.item",
    ] {
        symlink("../pipe", folder.path().join("odd").join(name)).unwrap();
    }
    for input in ["pipe", "/dev/zero"] {
        for (tool, arguments) in [
            ("profiler", "states --log IN --out x.parquet"),
            (
                "profiler",
                "refine --profiles IN --states IN --dimensions 2 --out x.parquet",
            ),
            ("profiler", "prepare --model IN --out x.gguf"),
            ("profiler", "vocab --items IN --words 3"),
            ("pretrain", "train --method bc --traits none --log IN --out x"),
            ("pretrain", "grid --plan IN --out x"),
            ("pretrain", "split --last 1 --log IN --out x"),
            ("pretrain", "evaluate --policy policies/seed-0 --log IN"),
            ("pretrain", "estimate --log IN --out x.parquet"),
            (
                "pretrain",
                "extend --policy policies/seed-0 --items IN --profiles IN --out x",
            ),
            ("simulator", "import custom --name x --interactions IN --out x"),
            ("simulator", "fit --data data --out x --config IN"),
            (
                "online",
                "replay --policy policies/seed-0 --strategy ft --events IN --state x",
            ),
        ] {
            let said = refused(folder.path(), tool, &arguments.replace("IN", input));
            let says = if input == "pipe" { "a pipe" } else { "a device" };
            let told = said.contains(says) && said.contains("to a file first") && said.contains(input);
            assert!(told, "{tool} {arguments}\n{said}");
        }
    }
    for (tool, arguments) in [
        ("pretrain", "train --method bc --traits none --log odd --out x"),
        ("pretrain", "evaluate --policy odd --log data/log"),
        ("simulator", "import movielens --input odd --out x"),
        ("simulator", "fidelity --data data --environment odd"),
        ("online", "inspect --policy odd --user 1"),
        ("online", "replay --state odd"),
        ("simulator", "report --metrics pipe --out x.html"),
    ] {
        assert!(refused(folder.path(), tool, arguments).contains("a pipe"));
    }
    for name in ["x", "x.parquet", "x.gguf", "x.html"] {
        assert!(!folder.path().join(name).exists(), "{name}");
    }
}
