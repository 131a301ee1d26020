//! The same inputs and seed give the same bytes, whatever the number of workers; what is done is not done again.

mod support;

use common::policy_artifact::Policy;
use support::{expect, files};

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
    ] {
        for workers in [1, 2] {
            let arguments = format!(
                "train {run} {INPUTS} {SMALL} --workers {workers} --overwrite --out workers-{workers}"
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
