//! Folders are replaced whole or not at all: on a full disk, in a process that dies, and by two processes at once.

use std::path::Path;
use std::process::{Command, Stdio};

use common::manifest::Manifest;
use common::schema::events::{self, EVENTS, Events};
use common::schema::interactions::{self, Interactions};
use tests::failing_disk::{FailingDisk, Moment};
use tests::{binary, fail, films, run, succeed};

/// A verb that writes a folder: its tool, what makes the old one, what replaces it, and the folder.
type Verb = (&'static str, &'static str, &'static str, &'static str);

const TRAIN: &str = "train --method bc --log data/log --traits none --dims 4 --hidden 4 --batch 8 --seeds 1";

const VERBS: [Verb; 7] = [
    (
        "simulator",
        "import movielens --input raw --out imported --log-fraction 0.5",
        "import movielens --input raw --out imported --log-share 0.7",
        "imported",
    ),
    (
        "simulator",
        "fit --data data --out environment --seed 1",
        "fit --data data --out environment --seed 2",
        "environment",
    ),
    (
        "pretrain",
        "split --log data/log --out split --last 2",
        "split --log data/log --out split --fraction 0.4",
        "split",
    ),
    (
        "pretrain",
        "TRAIN --steps 10 --out policies",
        "TRAIN --steps 20 --checkpoint-every 5 --out policies",
        "policies/seed-0",
    ),
    (
        "pretrain",
        "train --method ease --log data/log --traits none --seeds 1 --out closed",
        "train --method ease --ridge 50 --log data/log --traits none --seeds 1 --out closed",
        "closed/seed-0",
    ),
    (
        "simulator",
        "import synthetic --users 50 --items 70 --topics 4 --out made --seed 1",
        "import synthetic --users 60 --items 80 --topics 4 --out made --seed 2",
        "made",
    ),
    (
        "online",
        "replay --state state --policy base/seed-0 --strategy ft --events events.parquet --seed 1",
        "replay --state state --policy base/seed-0 --strategy ft --events more-events.parquet --seed 2",
        "state",
    ),
];

/// The arguments of a verb in full.
fn arguments(of: &str) -> String {
    of.replace("TRAIN", TRAIN)
}

/// What all verbs read; in memory where that can be: hundreds of runs wait for the disk else.
fn prepared() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    films::import(folder.path());
    succeed(
        folder.path(),
        "pretrain",
        &format!("{TRAIN} --steps 5 --out base"),
    );
    let log = interactions::read_log(&folder.path().join("data/log/interactions.parquet"), None).unwrap();
    for (name, count) in [("events.parquet", 30), ("more-events.parquet", 60)] {
        let log = Interactions {
            user: log.user[..count].to_vec(),
            item: log.item[..count].to_vec(),
            timestamp: log.timestamp[..count].to_vec(),
            feedback: log.feedback[..count].to_vec(),
            propensity: vec![Some(0.1); count],
            ..log.clone()
        };
        let events = Events {
            episode: vec![0; count],
            step: (0..count as u32).collect(),
            policy_version: vec![0; count],
            decisions: None,
            log,
        };
        events::write(&folder.path().join(name), &Manifest::new(EVENTS, "test"), &events).unwrap();
    }
    folder
}

/// All files below a folder with their bytes. A journal's depend on what came together to the disk; what it says is looked at
/// in another way.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = tests::files_below(folder);
    found.retain(|(name, _)| !name.starts_with("journal/"));
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

/// What stands beside the folder and should not.
fn litter(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with(".writing-") || name.starts_with(".replaced-"))
        .collect()
}

/// The old folder with a file of the user's in it, and the new one that replaces it.
struct Case {
    root: tempfile::TempDir,
    disk: FailingDisk,
    tool: &'static str,
    replace: String,
    place: &'static str,
    old: Vec<(String, Vec<u8>)>,
    new: Vec<(String, Vec<u8>)>,
}

impl Case {
    fn new((tool, make, replace, place): Verb) -> Self {
        let root = prepared();
        succeed(root.path(), tool, &arguments(make));
        let folder = root.path().join(place);
        std::fs::create_dir_all(folder.join("log/notes")).unwrap();
        std::fs::write(folder.join("log/notes/mine.txt"), "precious").unwrap();
        std::fs::write(folder.join("mine.txt"), "precious").unwrap();
        let old = files(&folder);
        copy(&folder, &root.path().join("kept"));
        let tools = root.path().join("disk");
        std::fs::create_dir(&tools).unwrap();
        let mut case = Case {
            disk: FailingDisk::compile(&tools),
            tool,
            replace: format!("{} --overwrite", arguments(replace)),
            place,
            old,
            new: Vec::new(),
            root,
        };
        assert_eq!(case.run(Moment::Never), Some(0));
        case.new = files(&case.folder());
        assert_ne!(case.old, case.new);
        assert_eq!(case.mine(), 2, "the user's own files are carried over");
        case
    }

    fn folder(&self) -> std::path::PathBuf {
        self.root.path().join(self.place)
    }

    /// How many of the user's own files are there.
    fn mine(&self) -> usize {
        files(&self.folder())
            .iter()
            .filter(|(name, bytes)| name.ends_with("mine.txt") && bytes == b"precious")
            .count()
    }

    fn restore(&self) {
        copy(&self.root.path().join("kept"), &self.folder());
    }

    /// Requires that a state is what its journal says.
    fn check_journal(&self) {
        if self.tool == "online" {
            succeed(
                self.root.path(),
                "online",
                &format!("replay --state {} --check", self.place),
            );
        }
    }

    fn run(&self, moment: Moment) -> Option<i32> {
        let ended = self.disk.run(self.root.path(), self.tool, &self.replace, moment);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!said.contains("panicked"), "{said}");
        if let Moment::Bytes(_) = moment {
            let told = said.contains("no space is left") && said.contains("hint:");
            assert!(
                ended.status.success() || told,
                "{moment:?} {}\n{said}",
                self.replace
            );
            let name = self.place.rsplit('/').next().unwrap();
            let names = !said.contains(&format!(".writing-{name}"));
            assert!(names, "the place is named that was asked for:\n{said}");
        }
        ended.status.code()
    }
}

#[test]
fn a_full_disk_leaves_the_old_folder_or_the_new_one() {
    let mut tries = 0;
    for verb in VERBS {
        let case = Case::new(verb);
        let (bytes, _) = case.disk.counted();
        let mut failed = 0;
        for part in 0..14 {
            case.restore();
            // The last has space enough; a journal's bytes are not quite the same each time.
            let moment = Moment::Bytes(if part == 13 { 2 * bytes } else { bytes * part / 13 });
            let code = case.run(moment);
            let checkpoint = |(name, _): &&(String, Vec<u8>)| !name.starts_with("checkpoint");
            let found: Vec<_> = files(&case.folder());
            match code {
                Some(0) => assert!(found == case.new, "{moment:?} {}", case.replace),
                Some(1) => {
                    let found: Vec<_> = found.iter().filter(checkpoint).cloned().collect();
                    assert!(found == case.old, "{moment:?} {}", case.replace);
                }
                other => panic!("{other:?} {moment:?} {}", case.replace),
            }
            assert!(litter(&case.folder()).is_empty(), "{:?}", litter(&case.folder()));
            case.check_journal();
            assert!(code == Some(0) || part < 13, "{moment:?} {}", case.replace);
            failed += u32::from(code == Some(1));
            tries += 1;
        }
        assert!(failed >= 11, "{failed} of 13: {}", case.replace);
    }
    assert!(tries >= 95);
}

#[test]
fn a_process_that_dies_leaves_the_old_folder_or_the_new_one() {
    for verb in [VERBS[0], VERBS[2], VERBS[3], VERBS[6]] {
        let case = Case::new(verb);
        let (_, calls) = case.disk.counted();
        let own = |files: &[(String, Vec<u8>)]| -> Vec<(String, Vec<u8>)> {
            // A checkpoint that was being written is not a part of the policy.
            let other = |name: &str| name.starts_with("checkpoint") || name.starts_with(".writing-");
            let own = files
                .iter()
                .filter(|(name, _)| !name.ends_with("mine.txt") && !other(name));
            own.cloned().collect()
        };
        let spread = (0..4).map(|part| (calls - 20) * part / 4);
        let mut outcomes = [0, 0];
        for call in spread.chain(calls - 20..calls) {
            case.restore();
            let ended = case.run(Moment::Calls(call));
            // A journal's calls are not quite the same each time.
            assert!(ended.is_none() || case.tool == "online", "it is killed");
            let found = own(&files(&case.folder()));
            let is_new = found == own(&case.new);
            outcomes[usize::from(is_new)] += 1;
            let names: Vec<_> = found.iter().map(|(name, bytes)| (name, bytes.len())).collect();
            let whole = is_new || found == own(&case.old);
            assert!(whole, "call {call} of {}: {names:?}", case.replace);
            case.check_journal();
            // The next run puts right what is left.
            assert_eq!(case.run(Moment::Never), Some(0));
            let found = files(&case.folder());
            let differ: Vec<_> = found.iter().zip(&case.new).filter(|(a, b)| a != b).collect();
            let names: Vec<_> = differ.iter().map(|(a, b)| (&a.0, &b.0)).collect();
            assert!(found == case.new, "call {call} of {}: {names:?}", case.replace);
            assert!(litter(&case.folder()).is_empty());
        }
        assert!(outcomes.iter().all(|&count| count > 0), "{outcomes:?}");
    }
}

#[test]
fn of_two_processes_with_one_output_one_wins_and_the_other_says_so() {
    let folder = prepared();
    let start = |seed: u64| {
        Command::new(binary("pretrain"))
            .args(arguments("TRAIN --steps 3000 --checkpoint-every 100000 --out policies").split_whitespace())
            .args(["--lr", &format!("0.00{seed}"), "--workers", "1"])
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut first = start(1);
    let locked = folder.path().join("policies/.writing-seed-0");
    while !locked.exists() {
        assert!(first.try_wait().unwrap().is_none(), "it took no lock");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let second = start(2).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("another process is writing this folder"), "{said}");
    assert!(said.contains("policies/seed-0"), "{said}");
    assert!(first.wait_with_output().unwrap().status.success());
    // The winner's policy stands, and the loser does not replace it unasked.
    let again = arguments("TRAIN --steps 3000 --checkpoint-every 100000 --out policies --lr 0.00");
    let done = run(folder.path(), "pretrain", &format!("{again}1"));
    assert!(String::from_utf8_lossy(&done.stderr).contains("already done"));
    fail(folder.path(), "pretrain", &format!("{again}2"), 2);
}
