//! Bad input and wrong use: one clear error with its place and a hint, the right exit code, and no output.

use crate::support;
use crate::support::{expect, says};
use common::ids::IdKind;
use common::manifest::Manifest;
use common::schema::interactions::{self, LOG, TRUTH};
use common::schema::profiles::{self, PROFILES};
use common::schema::states::{self, STATES};

const USAGE: i32 = 2;
const DATA: i32 = 42;
const BC: &str = "train --method bc --seeds 1 --batch 4 --out policies";

#[test]
fn wrong_paths_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    for (inputs, path) in [
        ("--log nowhere --traits none", "nowhere"),
        ("--log log --states none.parquet --traits none", "none.parquet"),
        ("--log log --profiles none.parquet", "none.parquet"),
        (
            "--log log/interactions.parquet --items none.parquet --traits none",
            "none.parquet",
        ),
    ] {
        says(
            &expect(folder.path(), &format!("{BC} {inputs}"), USAGE),
            &["error:", path, "hint:"],
        );
    }
    assert!(!folder.path().join("policies").exists());
}

#[test]
fn profiles_are_asked_for_unless_declined() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    says(
        &expect(folder.path(), &format!("{BC} --log log"), USAGE),
        &["--profiles", "--traits none"],
    );
}

#[test]
fn a_hyper_parameter_of_the_other_method_or_out_of_range_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    for (flag, words) in [
        ("--entropy 0.1", ["--entropy", "ialp"]),
        ("--pessimism 1", ["--pessimism", "ialp"]),
        ("--preferences p.parquet", ["--preferences", "ialp"]),
        ("--gamma 1.5", ["--gamma", "1.5"]),
        ("--lr NaN", ["--lr", "NaN"]),
        ("--steps 0", ["--steps", "0"]),
        ("--dims 0", ["--dims", "at least 1"]),
    ] {
        says(
            &expect(
                folder.path(),
                &format!("{BC} --log log --traits none {flag}"),
                USAGE,
            ),
            &words,
        );
    }
}

#[test]
fn held_out_truth_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = support::log(IdKind::Text);
    interactions::write(
        &folder.path().join("truth.parquet"),
        &Manifest::new(TRUTH, "test"),
        &log,
    )
    .unwrap();
    says(
        &expect(
            folder.path(),
            &format!("{BC} --log truth.parquet --traits none"),
            USAGE,
        ),
        &["truth", "simulator"],
    );
}

#[test]
fn an_empty_log_and_one_where_nothing_is_liked_are_bad_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = support::log(IdKind::Text);
    let manifest = Manifest::new(LOG, "test");
    log.feedback.fill(1.0);
    interactions::write(&folder.path().join("unliked.parquet"), &manifest, &log).unwrap();
    for column in [&mut log.user, &mut log.item] {
        column.clear();
    }
    log.timestamp.clear();
    log.feedback.clear();
    log.propensity.clear();
    interactions::write(&folder.path().join("empty.parquet"), &manifest, &log).unwrap();
    says(
        &expect(
            folder.path(),
            &format!("{BC} --log empty.parquet --traits none"),
            DATA,
        ),
        &["empty.parquet", "empty"],
    );
    let unliked = expect(
        folder.path(),
        &format!("{BC} --log unliked.parquet --traits none"),
        DATA,
    );
    says(
        &unliked,
        &["unliked.parquet", "nothing is liked", "--like-threshold"],
    );
}

#[test]
fn a_file_cut_short_or_without_a_column_is_bad_data() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let whole = std::fs::read(folder.path().join("log/interactions.parquet")).unwrap();
    std::fs::write(folder.path().join("cut.parquet"), &whole[..whole.len() / 2]).unwrap();
    says(
        &expect(
            folder.path(),
            &format!("{BC} --log cut.parquet --traits none"),
            DATA,
        ),
        &["cut.parquet", "hint:"],
    );
    // A catalogue is a table without feedback.
    let items = expect(
        folder.path(),
        &format!("{BC} --log log/items.parquet --traits none"),
        USAGE,
    );
    says(&items, &["expected interactions", "items.parquet"]);
}

#[test]
fn states_of_another_log_are_refused_by_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let mut other = support::log(IdKind::Text);
    other.feedback[0] = 1.0;
    interactions::write(
        &folder.path().join("log/interactions.parquet"),
        &Manifest::new(LOG, "test"),
        &other,
    )
    .unwrap();
    let stderr = expect(
        folder.path(),
        &format!("{BC} --log log --states states.parquet --traits none"),
        USAGE,
    );
    says(
        &stderr,
        &[
            "states.parquet and log/interactions.parquet do not belong together",
            "hint:",
        ],
    );
}

#[test]
fn profiles_of_other_items_are_refused_by_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let path = folder.path().join("log/items.parquet");
    let mut items = common::schema::items::read(&path).unwrap();
    items.title[0] = "another title".into();
    common::schema::items::write(
        &path,
        &Manifest::new(common::schema::items::ITEMS, "test"),
        &items,
    )
    .unwrap();
    let stderr = expect(
        folder.path(),
        &format!("{BC} --log log --profiles profiles.parquet"),
        USAGE,
    );
    says(
        &stderr,
        &["profiles.parquet and log/items.parquet do not belong together"],
    );
}

/// Files without manifests are held to each other by their content.
#[test]
fn states_and_profiles_that_contradict_the_log_are_refused_by_content() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let log = support::log(IdKind::Text);
    let mut states = support::states_of(&log);
    let profiles = support::profiles_of(&log, &states);
    profiles::write(
        &folder.path().join("profiles.parquet"),
        &Manifest::new(PROFILES, "test"),
        &profiles,
    )
    .unwrap();
    let write = |states: &states::States| {
        states::write(
            &folder.path().join("states.parquet"),
            &Manifest::new(STATES, "test"),
            states,
        )
        .unwrap();
    };
    states.state_hash[7] = "another".into();
    write(&states);
    let inputs = "--log log --states states.parquet";
    let stderr = expect(
        folder.path(),
        &format!("{BC} {inputs} --profiles profiles.parquet"),
        USAGE,
    );
    says(
        &stderr,
        &[
            "profiles.parquet and states.parquet do not belong together",
            "user `7`",
            "row",
        ],
    );
    states.items[3][0] = "no such item".into();
    write(&states);
    let stderr = expect(folder.path(), &format!("{BC} {inputs} --traits none"), DATA);
    says(
        &stderr,
        &[
            "`no such item` is not in the catalogue",
            "states.parquet",
            "row 3",
        ],
    );
}

#[test]
fn help_explains_every_flag() {
    let folder = tempfile::tempdir().unwrap();
    let output = support::pretrain(folder.path(), "train --help");
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    says(
        &help,
        &[
            "Examples:",
            "--traits",
            "shuffled",
            "--like-threshold",
            "default: 2000, for ialp",
            "--workers",
        ],
    );
}
