//! `pretrain evaluate`: what it measures, that it says where its propensities come from, and what it refuses.

use crate::support;
use std::path::Path;

use crate::support::proof::{self, write_log};
use crate::support::{answer, files, says};
use common::ids::Dictionary;
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::metrics;
use common::schema::users::{USERS, Users};

const GOOD: &str = "evaluate --policy good/seed-0";

/// The value of `metric` of the first policy in the table `name`.
fn value(folder: &Path, name: &str, metric: &str) -> f64 {
    let rows = metrics::read(&folder.join(name)).unwrap();
    rows.iter().find(|row| row.metric == metric).unwrap().value
}

#[test]
fn a_policy_that_knows_what_users_like_is_measured_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    for name in ["good", "random"] {
        let arguments = format!("evaluate --policy {name}/seed-0 --log later.parquet --out {name}.parquet");
        let (stdout, stderr) = answer(folder, &arguments, 0);
        says(
            &stdout,
            &[
                "recall@5",
                "ndcg@20",
                "mrr@10",
                "hit@10",
                "switch",
                "95 % interval",
            ],
        );
        assert!(!stderr.contains("propensit"), "the log has them: {stderr}");
    }
    // Uniformly logged, half of it liked: a policy at random earns 0.5, one that knows nearly 1.
    for estimator in ["ips", "snips", "dr"] {
        let of = |name: &str, part: &str| value(folder, name, &format!("{estimator}{part}"));
        let (good, random) = (of("good.parquet", ""), of("random.parquet", ""));
        assert!(
            good > 0.8 && (0.35..0.65).contains(&random),
            "{estimator}: {good} {random}"
        );
        assert!(of("good.parquet", "/low") < good && good < of("good.parquet", "/high"));
    }
    let effective = |name: &str| value(folder, name, "snips/n");
    assert!(effective("good.parquet") < effective("random.parquet"));
    let recall = |name: &str, k: u32| value(folder, name, &format!("recall@{k}"));
    assert!(recall("good.parquet", 10) > recall("random.parquet", 10) + 0.1);
    assert!(recall("good.parquet", 5) < recall("good.parquet", 20));
    assert_eq!(value(folder, "good.parquet", "users"), 40.0);
    assert_eq!(value(folder, "good.parquet", "interactions"), 480.0);
    assert_eq!(value(folder, "good.parquet", "estimated propensities"), 0.0);
}

#[test]
fn a_policy_of_the_whole_history_is_measured_by_all_that_users_did() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    // A window of one: what lies after it counts by the memory alone.
    let train = "train --method appeal --log log --traits none --window 1 --seeds 1 --out closed";
    support::expect(folder, train, 0);
    let mut forgetful = Policy::load(&folder.join("closed/seed-0")).unwrap();
    forgetful.users.memory.fill(0.0);
    forgetful.save(&folder.join("forgetful/seed-0")).unwrap();
    for name in ["closed", "forgetful", "random"] {
        let arguments = format!("evaluate --policy {name}/seed-0 --log later.parquet --out {name}.parquet");
        answer(folder, &arguments, 0);
    }
    let of = |name: &str, metric: &str| value(folder, &format!("{name}.parquet"), metric);
    for metric in ["recall@5", "recall@10", "snips"] {
        let [closed, forgetful, random] = ["closed", "forgetful", "random"].map(|name| of(name, metric));
        assert!(
            closed > forgetful + 0.02 && closed > random + 0.1,
            "{metric}: {closed} {forgetful} {random}"
        );
    }
    let gate =
        "gate --policy closed/seed-0 --reference random/seed-0 --log later.parquet --estimator recall@10";
    answer(folder, gate, 0);
    let behaviour =
        "evaluate --policy random/seed-0 --behaviour closed/seed-0 --log bare.parquet --max-weight 10";
    answer(folder, behaviour, 0);
}

#[test]
fn propensities_that_are_missing_are_estimated_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    for (flag, words) in [
        ("", "smoothed popularity"),
        ("--behaviour random/seed-0", "the policy of --behaviour"),
    ] {
        let arguments = format!("{GOOD} --log bare.parquet {flag} --out bare.metrics --overwrite");
        let (_, stderr) = answer(folder, &arguments, 0);
        says(&stderr, &["warning:", "480 of 480 interactions", words]);
        assert_eq!(value(folder, "bare.metrics", "estimated propensities"), 480.0);
        // What users met is spread evenly, so both estimates are near the truth.
        let snips = value(folder, "bare.metrics", "snips");
        assert!(snips > 0.8, "{flag}: {snips}");
    }
}

#[test]
fn categories_are_weighed_where_the_whole_logging_policy_is_estimated() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    proof::write_kinds(folder, "kinds.parquet");
    let run = |log: &str, flags: &str, name: &str| {
        let arguments = format!("{GOOD} --log {log} {flags} --out {name}");
        answer(folder, &arguments, 0)
    };
    for (flag, name) in [("", "popularity"), ("--behaviour random/seed-0", "behaviour")] {
        run("bare.parquet", &format!("{flag} --items kinds.parquet"), name);
        // What is liked depends on the half of the catalogue alone, and a half is wholly liked or not.
        let (mips, ips) = (value(folder, name, "mips"), value(folder, name, "ips"));
        assert!(
            mips > 0.8 && mips < 1.2 && (mips - ips).abs() < 0.2,
            "{mips} {ips}"
        );
        assert!(value(folder, name, "mips/n") > value(folder, name, "ips/n"));
    }
    let greedy = run("bare.parquet", "--items kinds.parquet --greedy", "greedy").0;
    says(&greedy, &["mips"]);
    assert!(
        value(folder, "greedy", "mips/n") > 2.0 * value(folder, "greedy", "ips/n"),
        "an item that is not the best is like it"
    );
    // The log's own propensities are of the logged items alone, and without categories nothing is like anything.
    for (log, flags, why) in [
        (
            "later.parquet",
            "--items kinds.parquet",
            "anything of the same category",
        ),
        ("bare.parquet", "", "tells no categories"),
        ("bare.parquet", "--items log/items.parquet", "tells no categories"),
    ] {
        let (stdout, stderr) = run(log, &format!("{flags} --overwrite"), "left-out");
        says(&stderr, &["mips is left out", why]);
        assert!(!stdout.contains("mips"), "{stdout}");
    }
}

#[test]
fn one_worker_and_two_give_the_same_bytes_and_what_is_done_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let both = "evaluate --policy good/seed-0 --policy start=random/seed-0 --log later.parquet --format json";
    let (one, _) = answer(
        folder,
        &format!("{both} --workers 1 --out one/metrics.parquet"),
        0,
    );
    let (two, _) = answer(
        folder,
        &format!("{both} --workers 2 --out two/metrics.parquet"),
        0,
    );
    assert_eq!(one, two);
    assert!(files(&folder.join("one")) == files(&folder.join("two")));
    let values: serde_json::Value = serde_json::from_str(&one).unwrap();
    let names: Vec<&str> = values
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["policy"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"bc") && names.contains(&"start"));
    let (again, stderr) = answer(folder, &format!("{both} --out one/metrics.parquet"), 0);
    says(&stderr, &["already done"]);
    assert_eq!(again, one, "the table is shown from the file");
    let other = format!("{both} --greedy --out one/metrics.parquet");
    says(&answer(folder, &other, 2).1, &["another run", "--overwrite"]);
}

#[test]
fn protocol_mask_and_targets_change_what_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let lists = |flags: &str| {
        answer(
            folder,
            &format!("{GOOD} --log later.parquet {flags} --out m.parquet --overwrite"),
            0,
        );
        value(folder, "m.parquet", "recall@30/n")
    };
    assert_eq!(lists("--k 30 --targets all"), 480.0);
    assert_eq!(value(folder, "m.parquet", "recall@30"), 1.0, "30 items in all");
    let likes = lists("--k 30");
    assert!(likes < 480.0 && value(folder, "m.parquet", "hit@30") == 1.0);
    assert_eq!(lists("--k 30 --protocol set"), 40.0, "one list a user");
    answer(
        folder,
        &format!("{GOOD} --log later.parquet --k 18 --out masked.parquet"),
        0,
    );
    answer(
        folder,
        &format!("{GOOD} --log later.parquet --k 18 --mask none --out unmasked.parquet"),
        0,
    );
    let recall = |name: &str| value(folder, name, "recall@18");
    assert_eq!(recall("masked.parquet"), 1.0, "12 items are consumed at least");
    assert!(recall("unmasked.parquet") < 1.0);
}

#[test]
fn bad_propensities_are_bad_data_with_their_row() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    for bad in [0.0, f32::NAN, 1.5, -0.25] {
        let mut later = proof::later();
        later.propensity[7] = Some(bad);
        write_log(folder, "bad.parquet", &later);
        let (stdout, stderr) = answer(folder, &format!("{GOOD} --log bad.parquet"), 42);
        says(&stderr, &["error:", "bad.parquet", "column propensity", "row 7"]);
        assert!(stdout.is_empty());
    }
}

#[test]
fn items_that_the_catalogue_lacks_are_refused_or_missed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let mut later = proof::later();
    let new = later.items.intern("new");
    // A like, so that it is a target.
    let row = (0..later.len()).find(|&row| later.is_like(row)).unwrap();
    later.item[row] = new;
    write_log(folder, "new.parquet", &later);
    let (_, stderr) = answer(folder, &format!("{GOOD} --log new.parquet"), 42);
    says(
        &stderr,
        &["the item `new`", &format!("row {row}"), "--unknown-items"],
    );
    let miss = format!("{GOOD} --log new.parquet --unknown-items miss --k 30 --out new.metrics");
    says(&answer(folder, &miss, 0).1, &["1 of 480"]);
    let lists = value(folder, "new.metrics", "recall@30/n");
    assert!((value(folder, "new.metrics", "recall@30") - (1.0 - 1.0 / lists)).abs() < 1e-12);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let own = answer(folder, &format!("{GOOD} --log log"), 2).1;
    says(&own, &["trained on this very log", "log/interactions.parquet"]);
    let twice = format!("{GOOD} --policy random/seed-0 --log later.parquet");
    says(&answer(folder, &twice, 2).1, &["two policies", "bc", "NAME=DIR"]);
    says(
        &answer(folder, &format!("{GOOD} --log later.parquet --k 0"), 2).1,
        &["at least 1"],
    );
    says(
        &answer(folder, &format!("{GOOD} --log later.parquet --confidence 95"), 2).1,
        &["0.95"],
    );
    says(
        &answer(folder, "evaluate --policy nowhere --log later.parquet", 2).1,
        &["nowhere"],
    );
}

#[test]
fn help_explains_every_flag() {
    let folder = tempfile::tempdir().unwrap();
    let (help, _) = answer(folder.path(), "evaluate --help", 0);
    says(
        &help,
        &[
            "Examples:",
            "--behaviour",
            "--mask",
            "consumed",
            "RecBole",
            "--unknown-items",
            "--max-weight",
        ],
    );
}

#[test]
fn lists_are_told_by_what_they_show_and_by_whom_they_serve() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    proof::write(folder);
    let users = &proof::later().users;
    let attribute = |id: &str| ("group".to_string(), ["a", "b"][id.len() % 2].to_string());
    // All but one user, and by their places: half and half.
    let known: Vec<String> = users.ids().skip(1).map(String::from).collect();
    let table = Users {
        ids: Dictionary::from_values(users.kind(), known.iter().cloned()).unwrap(),
        attributes: (0..known.len())
            .map(|at| [attribute(["x", "xx"][at % 2])].into())
            .collect(),
    };
    common::schema::users::write(
        &folder.join("users.parquet"),
        &Manifest::new(USERS, "test"),
        &table,
    )
    .unwrap();
    let run = format!("{GOOD} --log later.parquet --k 10 --users users.parquet");
    says(
        &answer(folder, &format!("{run} --by colour"), 2).1,
        &["colour", "users.parquet", "--by gender"],
    );
    // 20 users are a group, 19 are none by themselves.
    let (stdout, stderr) = answer(folder, &format!("{run} --by group --out by.parquet"), 0);
    says(
        &stdout,
        &[
            "coverage@10",
            "gini@10",
            "popularity@10",
            "recall@10 group=b",
            "recall@10 group=b - others",
        ],
    );
    says(&stderr, &["group: 1 values of fewer than 20 users"]);
    let of = |metric: &str| value(folder, "by.parquet", metric);
    assert!(of("coverage@10") > 10.0 / 30.0 && of("coverage@10") <= 1.0);
    assert!((0.0..1.0).contains(&of("gini@10")) && of("popularity@10") > 0.0);
    let (own, difference) = (of("recall@10 group=b"), of("recall@10 group=b - others"));
    assert!(of("recall@10 group=b/n") < of("recall@10/n"));
    assert!(of("recall@10 group=b - others/low") <= difference && (own - difference) <= 1.0);
    // Who is asked about changes nothing for the others.
    answer(
        folder,
        &format!("{GOOD} --log later.parquet --k 10 --out all.parquet"),
        0,
    );
    assert_eq!(value(folder, "all.parquet", "recall@10"), of("recall@10"));
}
