//! SIGKILL at any moment: the next run goes on, and the files in the end are those of a run that nothing disturbed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{profiler, tiny_model};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::rng::{self, RngExt};
use common::schema::candidates::{self, Candidates};
use common::schema::{items, states};

const ITEMS: usize = 200;
const USERS: usize = 50;
/// Words that the tiny model can tell apart.
const WORDS: &str = "amber\nbold\ncalm\ndark\n";

/// A run that is killed, and the file that it is to leave. Others of its folder are what it resumes from.
struct Case {
    name: &'static str,
    arguments: &'static str,
    out: &'static str,
    kills: u32,
}

const CASES: [Case; 3] = [
    Case {
        name: "traits",
        arguments: "traits --model model.gguf --items items.parquet --states states.parquet --domain film \
                    --vocabulary words.txt --workers 2",
        out: "profiles.parquet",
        kills: 50,
    },
    Case {
        name: "prefer",
        arguments: "prefer --model model.gguf --items items.parquet --states states.parquet --domain film \
                    --candidates candidates.parquet --workers 2",
        out: "preferences.parquet",
        kills: 10,
    },
    Case {
        name: "prepare",
        arguments: "prepare --model model.gguf --format q8_0",
        out: "q8_0.gguf",
        kills: 5,
    },
];

fn ids(count: usize) -> Dictionary {
    Dictionary::from_values(IdKind::Integer, (0..count).map(|n| n.to_string())).unwrap()
}

fn write_inputs(folder: &Path) {
    tiny_model::write(&folder.join("model.gguf"));
    std::fs::write(folder.join("words.txt"), WORDS).unwrap();
    let catalogue = items::Items {
        ids: ids(ITEMS),
        title: (0..ITEMS).map(|n| format!("Film number {n}")).collect(),
        text: vec![None; ITEMS],
        categories: vec![vec!["Drama".into()]; ITEMS],
    };
    let manifest = Manifest::new(items::ITEMS, "test");
    items::write(&folder.join("items.parquet"), &manifest, &catalogue).unwrap();
    let liked: Vec<Vec<String>> = (0..USERS)
        .map(|user| {
            (0..4)
                .map(|nth| ((user * 7 + nth * 31) % ITEMS).to_string())
                .collect()
        })
        .collect();
    let states = states::States {
        users: ids(USERS),
        feedback: vec![vec![5.0; 4]; USERS],
        liked: vec![vec![true; 4]; USERS],
        interactions: vec![4; USERS],
        state_hash: liked
            .iter()
            .map(|ids| states::state_hash(ids, &[true; 4]))
            .collect(),
        items: liked,
    };
    let manifest = Manifest::new(states::STATES, "test");
    states::write(&folder.join("states.parquet"), &manifest, &states).unwrap();
    let candidates = Candidates {
        user_id: (0..20).map(|user| user.to_string()).collect(),
        items: (0..20)
            .map(|user| (0..6).map(|nth| (user * 3 + nth * 29).to_string()).collect())
            .collect(),
    };
    let manifest = Manifest::new(candidates::CANDIDATES, "test");
    candidates::write(&folder.join("candidates.parquet"), &manifest, &candidates).unwrap();
}

/// Starts `case` and kills it after `delay`, unless it ends before; whether it was killed.
fn killed(folder: &Path, case: &Case, delay: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_profiler"))
        .args(case.arguments.split_whitespace())
        .args(["--out", case.out])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + delay;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{}: {status}", case.name);
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// What a run leaves beside its inputs.
fn left(folder: &Path, case: &Case) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let made = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(case.out) || name.starts_with(".writing-")
    };
    entries.filter(made).collect()
}

fn remove(paths: Vec<PathBuf>) {
    for path in paths {
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// Runs `case` undisturbed, then again and again with kills until there were enough of them; each time that it comes to
/// its end it begins from nothing.
fn survives(case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    write_inputs(folder.path());
    let run = format!("{} --out {}", case.arguments, case.out);
    let started = Instant::now();
    profiler(folder.path(), &run).done();
    let whole = started.elapsed();
    let expected = std::fs::read(folder.path().join(case.out)).unwrap();
    remove(left(folder.path(), case));

    let mut rng = rng::stream(0, "test/kills", &[]);
    let (mut kills, mut ends) = (0, 0);
    while kills < case.kills || ends == 0 {
        // Rather early, so that several kills hit one run; once there were enough, it may come to its end.
        let longest = whole.mul_f64(if kills < case.kills { 0.6 } else { 100.0 });
        let delay = longest.mul_f64(rng.random::<f64>());
        if killed(folder.path(), case, delay) {
            kills += 1;
            continue;
        }
        ends += 1;
        let bytes = std::fs::read(folder.path().join(case.out)).unwrap();
        assert!(
            bytes == expected,
            "{}: other bytes after {kills} kills",
            case.name
        );
        let left = left(folder.path(), case);
        let litter = left
            .iter()
            .filter(|path| path.to_string_lossy().contains("/.writing-"));
        assert_eq!(
            litter.count(),
            0,
            "{}: a killed run's temporary files stay",
            case.name
        );
        remove(left);
    }
    eprintln!("{}: {kills} kills, {ends} times to the end", case.name);
}

#[test]
fn the_bytes_after_kills_are_those_of_a_run_undisturbed() {
    CASES.iter().for_each(survives);
}
