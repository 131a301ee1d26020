//! `pretrain gate`: a better policy passes, another one is refused with exit code 3, and the verdict says why.

use crate::support::proof::{self, write_log};
use crate::support::{answer, expect, says};
use common::manifest::Manifest;
use common::schema::interactions::{self, LOG};

const REFUSED: i32 = 3;

fn gate(policy: &str, reference: &str, more: &str) -> String {
    format!("gate --policy {policy}/seed-0 --reference {reference}/seed-0 --log later.parquet {more}")
}

#[test]
fn a_better_policy_passes_and_a_worse_one_is_refused_by_every_criterion() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    for criterion in ["ips", "snips", "dm", "dr", "switch", "recall@10", "ndcg@5"] {
        let flags = format!("--estimator {criterion} --min-effective 50");
        let (stdout, stderr) = answer(folder, &gate("good", "random", &flags), 0);
        says(&stdout, &[criterion, "difference", "passes", "40 users"]);
        assert!(!stderr.contains("error"), "{stderr}");
        let (stdout, stderr) = answer(folder, &gate("random", "good", &flags), REFUSED);
        says(&stdout, &["does not pass", "lower bound"]);
        says(&stderr, &["the gate says no"]);
    }
}

#[test]
fn the_same_policy_is_not_better_than_itself_but_no_worse_either() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    answer(folder, &gate("good", "good", "--min-effective 10"), REFUSED);
    answer(
        folder,
        &gate("good", "good", "--min-effective 10 --margin -0.01"),
        0,
    );
}

#[test]
fn a_margin_and_a_floor_of_the_effective_sample_size_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let margin = gate("good", "random", "--min-effective 50 --margin 0.9");
    says(&answer(folder, &margin, REFUSED).0, &["is not above 0.9"]);
    let floor = gate("good", "random", "--min-effective 1000 --format json");
    let (stdout, _) = answer(folder, &floor, REFUSED);
    let verdict: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&verdict["passes"], &verdict["criterion"]),
        (&false.into(), &"snips".into())
    );
    let reasons = verdict["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 2, "both policies': {reasons:?}");
    assert!(reasons[0].as_str().unwrap().contains("effective sample size"));
    assert!(verdict["difference"]["low"].as_f64().unwrap() > 0.0);
}

#[test]
fn mips_decides_where_there_is_one_and_is_refused_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    proof::write_kinds(folder, "kinds.parquet");
    let by_mips = |policy, reference| gate(policy, reference, "--estimator mips --min-effective 50");
    let bare = |gate: String| gate.replace("later.parquet", "bare.parquet --items kinds.parquet");
    says(
        &answer(folder, &bare(by_mips("good", "random")), 0).0,
        &["mips", "passes"],
    );
    answer(folder, &bare(by_mips("random", "good")), REFUSED);
    says(
        &answer(folder, &by_mips("good", "random"), 2).1,
        &["there is no mips", "--estimator", "pretrain estimate --category"],
    );
}

#[test]
fn estimated_propensities_stand_in_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let bare = gate("good", "random", "--min-effective 50").replace("later.parquet", "bare.parquet");
    let (stdout, stderr) = answer(folder, &bare, 0);
    says(
        &stdout,
        &["PROPENSITIES: 480 estimated by the items' smoothed popularity"],
    );
    says(&stderr, &["warning:", "480 of 480"]);
}

#[test]
fn policies_over_other_catalogues_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let mut log = proof::later();
    let other = log.items.intern("other");
    log.item[0] = other;
    interactions::write(&folder.join("other.parquet"), &Manifest::new(LOG, "test"), &log).unwrap();
    expect(
        folder,
        "train --method bc --log other.parquet --traits none --seeds 1 --steps 1 --out other",
        0,
    );
    says(
        &answer(folder, &gate("good", "other", ""), 2).1,
        &[
            "good/seed-0",
            "other/seed-0",
            "do not belong together",
            "catalogues differ",
        ],
    );
    // So is the log of another catalogue.
    let items = gate("good", "random", "--items wider.parquet");
    let path = folder.join("wider.parquet");
    let mut wider = common::schema::items::read(&folder.join("log/items.parquet")).unwrap();
    wider.ids.intern("other");
    wider.title.push("other".into());
    wider.text.push(None);
    wider.categories.push(Vec::new());
    common::schema::items::write(
        &path,
        &Manifest::new(common::schema::items::ITEMS, "test"),
        &wider,
    )
    .unwrap();
    says(
        &answer(folder, &items, 2).1,
        &["wider.parquet", "30 items", "31 items"],
    );
}

#[test]
fn failures_are_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let mut later = proof::later();
    later.feedback[3] = f32::NAN;
    write_log(folder, "bad.parquet", &later);
    let bad = gate("good", "random", "").replace("later.parquet", "bad.parquet");
    let (stdout, stderr) = answer(folder, &bad, 42);
    assert!(stdout.is_empty());
    says(&stderr, &["bad.parquet", "row 3"]);
    says(
        &answer(folder, &gate("good", "random", "--estimator auc@10"), 2).1,
        &["recall@10"],
    );
    says(&answer(folder, &gate("good", "nowhere", ""), 2).1, &["nowhere"]);
}
