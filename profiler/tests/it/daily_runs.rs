//! Many users in bounded memory, and a second day that costs what has changed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::small::{Job, TRAITS};
use crate::support::{fast_model, killed, profiler, tiny_model};
use tempfile::TempDir;

fn folder(job: &Job) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny_model::write(&folder.path().join("model.gguf"));
    job.write(folder.path());
    folder
}

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn users_of_several_pieces_are_the_same_whatever_the_workers_and_kills() {
    let job = Job::new(40, 5000);
    let (one, two) = (folder(&job), folder(&job));
    profiler(one.path(), &format!("{TRAITS} --workers 1")).done();
    for units in [20, 150] {
        killed(
            two.path(),
            &format!("{TRAITS} --workers 2"),
            "out.parquet.cache",
            units,
        );
    }
    profiler(two.path(), &format!("{TRAITS} --workers 2")).done();
    assert!(bytes(one.path(), "out.parquet") == bytes(two.path(), "out.parquet"));
}

#[test]
fn a_second_day_has_the_bytes_of_a_full_run() {
    let today = Job::new(40, 400);
    let run =
        |folder: &TempDir, more: &str| profiler(folder.path(), &format!("{TRAITS} {more}")).done().stderr;
    let first = folder(&today);
    run(&first, "");
    std::fs::rename(first.path().join("out.parquet"), first.path().join("old.parquet")).unwrap();
    std::fs::remove_dir_all(first.path().join("out.parquet.cache")).unwrap();

    // One in twenty moved, one is gone, two are new, in another order.
    let mut tomorrow = today.clone();
    (0..400)
        .step_by(20)
        .for_each(|user| tomorrow.users[user].1.push(39));
    tomorrow.users.remove(5);
    tomorrow.users.extend([(1000, vec![1, 2]), (1001, vec![])]);
    tomorrow.users.swap(3, 200);
    tomorrow.write(first.path());
    let said = run(&first, "--previous old.parquet");
    assert!(said.contains("379 users taken"), "{said}");
    // The moved, the new and the subject left out; no item.
    assert!(said.contains("23 distinct prompts"), "{said}");
    let fresh = folder(&tomorrow);
    run(&fresh, "");
    assert!(bytes(first.path(), "out.parquet") == bytes(fresh.path(), "out.parquet"));

    // With another item, all items and titles are evaluated that the earlier run's folder does not hold.
    std::fs::rename(first.path().join("out.parquet"), first.path().join("old.parquet")).unwrap();
    tomorrow.items[7].0 = "Another title".into();
    tomorrow.write(first.path());
    run(&first, "--previous old.parquet");
    let fresh = folder(&tomorrow);
    run(&fresh, "");
    assert!(bytes(first.path(), "out.parquet") == bytes(fresh.path(), "out.parquet"));

    std::fs::write(first.path().join("words.txt"), "amber\nbold\n").unwrap();
    profiler(
        first.path(),
        &format!("{TRAITS} --previous old.parquet --overwrite"),
    )
    .refused(2, &["old.parquet", "other words"]);
}

/// The largest resident memory of a run, in KiB.
fn peak(folder: &Path, arguments: &str) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_profiler"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(found.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return peak;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `cargo nextest run --release --locked --workspace --run-ignored only -E 'test(memory_does_not_grow)' --no-capture`.
#[test]
#[ignore = "takes some twenty minutes"]
fn memory_does_not_grow_with_the_users() {
    let peak = |users| {
        let folder = folder(&Job::new(1000, users));
        let peak = peak(folder.path(), TRAITS);
        eprintln!("{users} users: {peak} KiB");
        peak
    };
    let (few, many) = (peak(100_000), peak(1_000_000));
    assert!(many as f64 <= 1.2 * few as f64, "{many} KiB after {few}");
}

/// As above, `-E 'test(a_second_day_costs')`.
#[test]
#[ignore = "takes some minutes: a model of 135 million weights"]
fn a_second_day_costs_what_has_changed() {
    let today = Job::new(40, 1000);
    let folder = folder(&today);
    std::fs::rename(fast_model(folder.path()), folder.path().join("model.gguf")).unwrap();
    let seconds = |more: &str| {
        let started = Instant::now();
        let run = profiler(folder.path(), &format!("{TRAITS} {more} --overwrite")).done();
        let seconds = started.elapsed().as_secs_f64();
        eprintln!("{more}: {seconds:.1} s; {}", run.stderr);
        seconds
    };
    seconds("");
    std::fs::rename(
        folder.path().join("out.parquet"),
        folder.path().join("old.parquet"),
    )
    .unwrap();
    std::fs::remove_dir_all(folder.path().join("out.parquet.cache")).unwrap();
    let mut tomorrow = today.clone();
    (0..1000)
        .step_by(20)
        .for_each(|user| tomorrow.users[user].1.push(39));
    tomorrow.write(folder.path());
    let changed = seconds("--previous old.parquet");
    let found = bytes(folder.path(), "out.parquet");
    std::fs::remove_dir_all(folder.path().join("out.parquet.cache")).unwrap();
    let full = seconds("");
    assert!(bytes(folder.path(), "out.parquet") == found);
    assert!(changed < 0.2 * full, "{changed:.1} s of {full:.1} s");
}
