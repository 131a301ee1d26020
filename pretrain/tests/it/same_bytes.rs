//! The same inputs and seed give the same bytes, whatever the number of workers; what is done is not done again.

use crate::support;
use crate::support::{expect, files};
use common::policy_artifact::Policy;

const INPUTS: &str = "--log log --states states.parquet --profiles profiles.parquet";
const SMALL: &str = "--seeds 3 --steps 12 --batch 8 --dims 8 --hidden 8";

#[test]
fn one_worker_and_two_give_the_same_policies() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    for run in [
        "--method bc",
        "--method ialp --horizon 4",
        "--method ialp --horizon 4 --traits shuffled",
        "--method ialp-log --horizon 4 --batch 70",
        "--method sqn --batch 140",
        "--method sa2c --negatives 10 --batch 140",
        "--method cal-ql --encoder mean --batch 140",
        "--method bc --encoder attention --layers 1 --dropout 0.2 --batch 140",
    ] {
        for workers in [1, 2] {
            // A batch of its own is one of several shards, computed side by side.
            let small = if run.contains("--batch") {
                SMALL.replace("--batch 8 ", "")
            } else {
                SMALL.into()
            };
            let arguments = format!(
                "train {run} {INPUTS} {small} --workers {workers} --overwrite --out workers-{workers}"
            );
            expect(folder.path(), &arguments, 0);
        }
        let one = files(&folder.path().join("workers-1"));
        let names: Vec<String> = one.iter().map(|(name, _)| name.display().to_string()).collect();
        assert_eq!(one.len(), 15, "three policies of five files: {names:?}");
        assert!(
            one == files(&folder.path().join("workers-2")),
            "{run}: the bytes differ"
        );
    }
}

#[test]
fn seeds_differ_and_more_of_them_add_to_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let small = SMALL.replace("--seeds 3 ", "");
    let train = |seeds: &str| format!("train --method bc {INPUTS} {small} {seeds} --out policies");
    expect(folder.path(), &train("--seeds 2"), 0);
    let before = files(&folder.path().join("policies"));
    let said = expect(folder.path(), &train("--seeds 3"), 0);
    assert_eq!(said.matches("already done").count(), 2, "{said}");
    let after = files(&folder.path().join("policies"));
    assert_eq!((before.len(), after.len()), (10, 15));
    assert!(before.iter().all(|file| after.contains(file)));
    let weights = |seed: u64| {
        Policy::load(&folder.path().join(format!("policies/seed-{seed}")))
            .unwrap()
            .weights
    };
    assert_ne!(weights(0), weights(1));
    expect(folder.path(), &train("--seeds 1 --seed 2"), 0);
    assert_eq!(
        files(&folder.path().join("policies")),
        after,
        "a seed does not depend on where the count begins"
    );
}

#[test]
fn another_configuration_is_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let train = |more: &str| format!("train --method bc {INPUTS} {SMALL} --out policies {more}");
    expect(folder.path(), &train(""), 0);
    let before = files(&folder.path().join("policies"));
    let said = expect(folder.path(), &train("--lr 0.5"), 2);
    assert!(said.contains("--overwrite"), "{said}");
    assert_eq!(files(&folder.path().join("policies")), before);
    expect(folder.path(), &train("--lr 0.05 --overwrite"), 0);
    assert_ne!(files(&folder.path().join("policies")), before);
}

/// A plan's runs are the same policies that `train` makes one by one.
#[test]
fn a_grid_is_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let plan = "log = 'log'\nstates = 'states.parquet'\nprofiles = 'profiles.parquet'\nseeds = 2\nsteps = 12\nbatch = 8\n\
                dims = 8\nhidden = 8\n[run.a]\nmethod = 'bc'\n[run.b]\nmethod = 'ialp'\nhorizon = 4\n\
                [run.half]\nmethod = 'bc'\nlog_fraction = 0.5\n";
    common::atomic_file::write_bytes(&folder.path().join("plan.toml"), plan.as_bytes()).unwrap();
    expect(folder.path(), "grid --plan plan.toml --out grid --workers 2", 0);
    let single = format!("train {INPUTS} {}", SMALL.replace("--seeds 3", "--seeds 2"));
    for (name, run) in [
        ("a", "--method bc"),
        ("b", "--method ialp --horizon 4"),
        ("half", "--method bc --log-fraction 0.5"),
    ] {
        expect(folder.path(), &format!("{single} {run} --out one"), 0);
        let (grid, one) = (
            files(&folder.path().join("grid").join(name)),
            files(&folder.path().join("one")),
        );
        assert!(grid == one && grid.len() == 10, "{name}");
        std::fs::remove_dir_all(folder.path().join("one")).unwrap();
    }
    let said = expect(folder.path(), "grid --plan plan.toml --out grid", 0);
    assert_eq!(said.matches("already done").count(), 6, "{said}");
}
