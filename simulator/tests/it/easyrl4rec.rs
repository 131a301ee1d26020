//! The protocol of EasyRL4Rec through the whole binary: its modes and measures against what can be counted by hand, the same bytes
//! on any number of workers, and what has no meaning under it.

use std::path::PathBuf;

use crate::support::{ITEMS, USERS, agent, environment, fail, succeed, text};
use common::manifest::Manifest;
use common::schema::metrics::{self, Metric};
use common::schema::table;

struct Stage {
    out: tempfile::TempDir,
    data: PathBuf,
    environment: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let out = tempfile::tempdir().unwrap();
        let (data, environment) = environment(out.path());
        Stage {
            out,
            data,
            environment,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    fn words(&self, name: &str, extra: &[&str]) -> Vec<String> {
        let words = ["run", "--method", "random", "--seeds", "2", "--episodes", "50"];
        let paths = [
            "--environment",
            text(&self.environment),
            "--agent",
            &agent::command(""),
            "--out",
            text(&self.file(name)),
        ]
        .map(String::from);
        let words = words.iter().chain(extra).map(ToString::to_string);
        words.chain(paths).collect()
    }

    /// Runs a uniformly random agent under the protocol.
    fn play(&self, name: &str, extra: &[&str]) -> Vec<Metric> {
        let words = self.words(name, &[&["--rule", "easyrl4rec"], extra].concat());
        succeed(&words.iter().map(String::as_str).collect::<Vec<_>>());
        metrics::read(&self.file(name)).unwrap()
    }

    fn refuse(&self, code: i32, extra: &[&str]) -> String {
        let words = self.words("refused.parquet", extra);
        fail(code, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A matrix in which everybody rates everything with 3.
    fn all_alike(&self) -> PathBuf {
        let line = "3 ".repeat(ITEMS) + "\n";
        let path = self.file("ratings.ascii");
        std::fs::write(&path, line.repeat(USERS)).unwrap();
        path
    }
}

/// R_cumu, R_avg, length and share of repeats of seed 0.
fn measures(rows: &[Metric]) -> [f64; 4] {
    ["return_mean", "reward_mean", "length", "repeats"].map(|name| {
        let of = |m: &&Metric| m.metric == name && m.seed == 0;
        rows.iter().find(of).unwrap().value
    })
}

#[test]
fn the_measures_are_what_can_be_counted_by_hand() {
    let stage = Stage::new();
    let ratings = stage.all_alike();
    let play = |name: &str, extra: &[&str]| {
        measures(&stage.play(name, &[&["--ratings", text(&ratings)], extra].concat()))
    };
    // No two items are apart: everybody leaves with the second. Its rating counts.
    assert_eq!(
        play("leave.parquet", &["--threshold", "0.5"]),
        [6.0, 3.0, 2.0, 0.0]
    );
    // Nobody leaves, and items may come again: 30 turns.
    assert_eq!(
        play("stay.parquet", &["--threshold", "0"]),
        [90.0, 3.0, 30.0, 0.0]
    );
    assert_eq!(
        play("turns.parquet", &["--threshold", "0", "--horizon", "100"]),
        [300.0, 3.0, 100.0, 0.0]
    );
    // Ten rounds, in which a repeat gives nothing.
    let [cumulative, average, length, repeats] = play("rounds.parquet", &["--mode", "nx-x"]);
    assert_eq!(length, 10.0);
    assert!(
        repeats > 0.0,
        "of 48 items a random agent names some twice in ten steps"
    );
    assert!((average - 3.0 * (1.0 - repeats)).abs() < 1e-9 && (cumulative - 10.0 * average).abs() < 1e-9);
    let manifest: Manifest = table::read_manifest(&stage.file("rounds.parquet"))
        .unwrap()
        .unwrap();
    assert!(manifest.inputs.contains_key("ratings"));
}

#[test]
fn what_the_user_model_expects_is_rated_the_same_on_any_number_of_workers() {
    let stage = Stage::new();
    for mode in ["free", "nx-0", "nx-x"] {
        let [one, two] = ["1", "2"].map(|workers| {
            let name = format!("{mode}-{workers}.parquet");
            let rows = stage.play(&name, &["--mode", mode, "--workers", workers]);
            (std::fs::read(stage.file(&name)).unwrap(), rows)
        });
        assert!(one.0 == two.0, "workers change the metrics");
        let rows = one.1;
        let name = format!("movielens-easyrl4rec-{mode}");
        assert!(rows.iter().all(|m| m.environment == name));
        assert!(
            rows.iter()
                .all(|m| m.metric != "regret" && !m.metric.starts_with("expected"))
        );
        let [cumulative, average, length, repeats] = measures(&rows);
        assert!((cumulative - average * length).abs() < 1e-9);
        // Ratings are within 1 to 5, but for repeats, which give 0.
        let rating = average / (1.0 - repeats);
        assert!(
            rating > 1.0 && rating < 5.0 && (1.0..=30.0).contains(&length),
            "{rating} {length}"
        );
        assert_eq!(repeats == 0.0, mode == "free");
        let coverage = rows.iter().find(|m| m.metric == "coverage").unwrap().value;
        assert!(coverage > 0.5 && coverage <= 1.0, "{coverage}");
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    let stage = Stage::new();
    let error = stage.refuse(2, &["--mode", "nx-0"]);
    assert!(
        error.contains("--mode") && error.contains("add --rule easyrl4rec"),
        "{error}"
    );
    let protocol = ["--rule", "easyrl4rec"];
    for (extra, words) in [
        (&["--patience", "3"][..], "add --rule leave"),
        (&["--drift", "3"], "--drift has no meaning"),
        (&["--mode", "nx-x", "--window", "3"], "do not leave"),
    ] {
        let error = stage.refuse(2, &[&protocol, extra].concat());
        assert!(error.contains(words), "{error}");
    }
    let short = stage.file("short.ascii");
    std::fs::write(&short, "1 2 3\n").unwrap();
    let error = stage.refuse(42, &[&protocol[..], &["--ratings", text(&short)]].concat());
    assert!(
        error.contains("short.ascii") && error.contains("60 users and 48 items"),
        "{error}"
    );
    let words = [
        "fidelity",
        "--data",
        text(&stage.data),
        "--environment",
        text(&stage.environment),
    ];
    assert!(fail(2, &[&words[..], &protocol].concat()).contains("ratings"));
}
