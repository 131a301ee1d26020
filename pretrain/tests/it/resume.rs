//! A run that is killed and started again ends in the bytes of one that was left alone.

use crate::support;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::support::{expect, files};

const INPUTS: &str = "--log log --states states.parquet --profiles profiles.parquet";

/// Starts `pretrain` and kills it once its checkpoint has been written anew; false where it came to its end before.
fn kill_behind_a_checkpoint(folder: &Path, arguments: &str, checkpoint: &Path) -> bool {
    let written = || checkpoint.metadata().and_then(|m| m.modified()).ok();
    let before: Option<SystemTime> = written();
    let mut child = Command::new(env!("CARGO_BIN_EXE_pretrain"))
        .current_dir(folder)
        .args(arguments.split_whitespace())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if written().is_some_and(|now| Some(now) != before) {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        assert!(begin.elapsed() < Duration::from_secs(120), "no checkpoint comes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn killed_runs_end_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    for run in [
        "--method bc --encoder attention --layers 1 --dropout 0.2",
        "--method sa2c --negatives 12",
        "--method ialp-log --horizon 4",
    ] {
        let arguments = |out: &str| {
            format!(
                "train {run} {INPUTS} --seeds 1 --steps 1500 --batch 8 --dims 8 --hidden 8 --checkpoint-every 100 --overwrite --out {out}"
            )
        };
        expect(folder.path(), &arguments("whole"), 0);
        let stopped = arguments("stopped").replace("--overwrite ", "");
        let checkpoint = folder.path().join("stopped/seed-0/checkpoint.safetensors");
        let kills = (0..4)
            .filter(|_| kill_behind_a_checkpoint(folder.path(), &stopped, &checkpoint))
            .count();
        assert!(kills > 0, "{run}: it was never killed");
        let said = expect(folder.path(), &stopped, 0);
        assert!(
            said.contains("goes on after") || said.contains("already done"),
            "{said}"
        );
        let (whole, resumed) = (
            files(&folder.path().join("whole")),
            files(&folder.path().join("stopped")),
        );
        assert!(whole == resumed, "{run}: the bytes differ after {kills} kills");
        std::fs::remove_dir_all(folder.path().join("stopped")).unwrap();
    }
}
