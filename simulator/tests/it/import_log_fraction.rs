//! `simulator import --log-fraction`: the log is cut for all who learn from it, and the environment stays what it was.

use crate::support;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{fail, raw_dataset, simulator, succeed, text};
use common::manifest::Manifest;
use common::schema::consumed::{self, Consumed};
use common::schema::interactions::{self, Interactions};
use common::schema::{items, table};
use simulator::dataset::Layout;

/// The dataset in `raw` with a part of its log, in a folder of its own below `out`.
fn import(raw: &Path, out: &Path, fraction: &str) -> PathBuf {
    let data = out.join(format!("data-{fraction}"));
    succeed(&words(raw, &data, fraction));
    data
}

fn words<'a>(raw: &'a Path, data: &'a Path, fraction: &'a str) -> Vec<&'a str> {
    let mut words = vec!["import", "movielens", "--input", text(raw), "--out", text(data)];
    words.extend(["--seed", "3", "--log-fraction", fraction]);
    words
}

fn fit(data: &Path, out: &Path) -> PathBuf {
    let environment = out.join(format!("environment of {}", data.file_name().unwrap().display()));
    let words = ["fit", "--data", text(data), "--out", text(&environment)];
    succeed(&[&words[..], &["--rank", "4", "--default-penalties"]].concat());
    environment
}

type Pairs = BTreeSet<(String, String)>;

fn pairs_of_log(log: &Interactions) -> Pairs {
    let pair = |row: usize| {
        (
            log.users.id(log.user[row]).into(),
            log.items.id(log.item[row]).into(),
        )
    };
    (0..log.len()).map(pair).collect()
}

fn pairs_of(found: &Consumed) -> Pairs {
    let pair = |row: usize| {
        (
            found.users.id(found.user[row]).into(),
            found.items.id(found.item[row]).into(),
        )
    };
    (0..found.len()).map(pair).collect()
}

#[test]
fn what_is_cut_leaves_its_pairs_to_all_and_its_feedback_to_the_simulator() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let read = |fraction: &str| {
        let layout = Layout::new(&import(raw.path(), out.path(), fraction));
        let log = interactions::read_cut_log(&layout.log).unwrap();
        (layout, log)
    };
    let (whole_layout, whole) = read("1");
    assert!(!whole_layout.consumed.exists() && !whole_layout.withheld.exists());
    let mut more = pairs_of_log(&whole);
    for fraction in ["0.5", "0.1", "0"] {
        let (layout, log) = read(fraction);
        let left = pairs_of_log(&log);
        let share = left.len() as f64 / whole.len() as f64;
        assert!((share - fraction.parse::<f64>().unwrap()).abs() < 0.05, "{share}");
        assert!(left.is_subset(&more), "a small part is part of a larger one");
        let known = pairs_of(&consumed::read(&layout.consumed).unwrap());
        assert!(known.is_disjoint(&left));
        assert_eq!(&known | &left, pairs_of_log(&whole));
        let withheld = interactions::read_withheld(&layout.withheld).unwrap();
        assert_eq!(pairs_of_log(&withheld), known);
        let sum = |log: &Interactions| log.feedback.iter().sum::<f32>();
        assert_eq!(sum(&withheld) + sum(&log), sum(&whole));
        let refused = interactions::read_log(&layout.withheld, None)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("no tool but the simulator"), "{refused}");
        let manifest = table::read_manifest(&layout.log).unwrap().unwrap();
        assert_eq!(
            manifest.config["log_fraction"].to_string(),
            format!("{:?}", { fraction.parse::<f64>().unwrap() })
        );
        assert_eq!(manifest.seed, Some(3));
        more = left;
    }
}

#[test]
fn the_whole_log_is_what_it_was_before_there_were_fractions() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let one = import(raw.path(), out.path(), "1");
    let plain = support::import(raw.path(), out.path(), &[]);
    assert_eq!(support::contents(&one), support::contents(&plain));
    let manifest = table::read_manifest(&Layout::new(&one).log).unwrap().unwrap();
    assert_eq!(manifest.config.get("log_fraction"), None);
    assert_eq!(manifest.seed, None);
}

#[test]
fn the_catalogue_is_the_same_whatever_the_fraction() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let [whole, part] =
        ["1", "0.3"].map(|fraction| Layout::new(&import(raw.path(), out.path(), fraction)).items);
    assert_ne!(
        table::fingerprint(&whole).unwrap(),
        table::fingerprint(&part).unwrap()
    );
    let print = items::fingerprint(&whole).unwrap();
    assert_eq!(items::fingerprint(&part).unwrap(), print);
    let mut other = items::read(&part).unwrap();
    let manifest = table::read_manifest(&part).unwrap().unwrap();
    other.title[0].push('!');
    items::write(&part, &manifest, &other).unwrap();
    assert_ne!(
        items::fingerprint(&part).unwrap(),
        print,
        "another title is another catalogue"
    );
    std::fs::write(&part, b"PAR1PAR1").unwrap();
    assert!(
        items::fingerprint(&part)
            .unwrap_err()
            .to_string()
            .contains("items.parquet")
    );
}

/// What an environment's manifest says, without the fingerprints of its inputs and of the files that hold them too.
fn without_inputs(manifest: Manifest) -> Manifest {
    Manifest {
        inputs: Default::default(),
        files: Default::default(),
        ..manifest
    }
}

#[test]
fn the_environment_is_the_same_whatever_the_fraction() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let made = |fraction: &str| {
        let data = import(raw.path(), out.path(), fraction);
        let environment = fit(&data, out.path());
        (data, environment)
    };
    let (_, whole) = made("1");
    let bytes = |folder: &Path, name: &str| std::fs::read(folder.join(name)).unwrap();
    let manifest = |folder: &Path| Manifest::read_from_folder(folder, "environment").unwrap();
    for fraction in ["0.2", "0"] {
        let (data, environment) = made(fraction);
        for name in ["user_model.safetensors", "choice.json"] {
            assert!(
                bytes(&environment, name) == bytes(&whole, name),
                "{name} at {fraction}"
            );
        }
        // The two tables carry the manifest in their footers.
        for name in ["items.parquet", "users.parquet"] {
            let of = |folder: &Path| {
                let found = table::read_manifest(&folder.join(name)).unwrap().unwrap();
                (rows(&folder.join(name)), without_inputs(found))
            };
            assert_eq!(of(&environment), of(&whole), "{name} at {fraction}");
        }
        let (ours, theirs) = (manifest(&environment), manifest(&whole));
        assert!(ours.inputs.contains_key("withheld") && !theirs.inputs.contains_key("withheld"));
        assert_eq!(without_inputs(ours), without_inputs(theirs));

        let fidelity = |data: &Path, environment: &Path| {
            let words = [
                "fidelity",
                "--data",
                text(data),
                "--environment",
                text(environment),
            ];
            succeed(&[&words[..], &["--folds", "1"]].concat())
        };
        let whole_data = out.path().join("data-1");
        assert_eq!(fidelity(&data, &environment), fidelity(&whole_data, &whole));
        let other = ["fidelity", "--data", text(&data), "--environment", text(&whole)];
        assert!(fail(2, &other).contains("do not belong together"));
    }
}

/// The rows of an environment's table of items or users, as text.
fn rows(path: &Path) -> String {
    match path.ends_with("items.parquet") {
        true => {
            let items = common::schema::items::read(path).unwrap();
            let ids: Vec<&str> = items.ids.ids().collect();
            format!(
                "{ids:?} {:?} {:?} {:?}",
                items.title, items.text, items.categories
            )
        }
        false => {
            let users = common::schema::users::read(path).unwrap();
            let ids: Vec<&str> = users.ids.ids().collect();
            format!("{ids:?} {:?}", users.attributes)
        }
    }
}

#[test]
fn parts_of_another_import_do_not_stay_behind() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let data = import(raw.path(), out.path(), "0.2");
    let layout = Layout::new(&data);
    let again = simulator(&words(raw.path(), &data, "0.2"));
    assert!(again.status.success() && String::from_utf8_lossy(&again.stderr).contains("already done"));
    let mut other = words(raw.path(), &data, "1");
    assert!(fail(2, &other).contains("--overwrite"));
    assert!(layout.consumed.exists(), "a refused run changes nothing");
    // Without the other parts what was cut is still another import's.
    for part in [&layout.log, &layout.truth, &layout.items, &layout.users] {
        std::fs::remove_file(part).unwrap();
    }
    let refused = fail(2, &other);
    assert!(
        refused.contains("consumed.parquet") && refused.contains("--overwrite"),
        "{refused}"
    );
    other.push("--overwrite");
    succeed(&other);
    assert!(!layout.consumed.exists() && !layout.withheld.exists());
    let whole = import(raw.path(), out.path(), "1");
    assert_eq!(support::contents(&data), support::contents(&whole));
}

#[test]
fn a_dataset_without_what_was_cut_from_its_log_is_refused() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let data = import(raw.path(), out.path(), "0.5");
    let environment = out.path().join("environment");
    let fit = ["fit", "--data", text(&data), "--out", text(&environment)];
    let withheld = Layout::new(&data).withheld;
    let other = import(raw.path(), out.path(), "0.6");
    std::fs::copy(Layout::new(&other).withheld, &withheld).unwrap();
    assert!(fail(2, &fit).contains("of different imports"));
    std::fs::remove_file(&withheld).unwrap();
    let refused = fail(2, &fit);
    assert!(
        refused.contains("withheld.parquet") && refused.contains("hint: "),
        "{refused}"
    );
}

#[test]
fn every_import_can_cut_and_a_fraction_is_from_0_to_1() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let source = import(raw.path(), out.path(), "1").join("log/interactions.parquet");
    let data = out.path().join("custom");
    let words = [
        "import",
        "custom",
        "--interactions",
        text(&source),
        "--out",
        text(&data),
    ];
    succeed(&[&words[..], &["--log-fraction", "0.3"]].concat());
    let layout = Layout::new(&data);
    let log = interactions::read_cut_log(&layout.log).unwrap();
    let cut = consumed::read(&layout.consumed).unwrap();
    let share = log.len() as f64 / (log.len() + cut.len()) as f64;
    assert!((share - 0.3).abs() < 0.05, "{share}");
    for wrong in ["1.1", "-0.1", "NaN", "some"] {
        let flag = format!("--log-fraction={wrong}");
        let said = simulator(&[&words[..], &[&flag]].concat());
        assert_eq!(said.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&said.stderr).contains("a number from 0 to 1"));
    }
}
