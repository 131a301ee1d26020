//! The whole pipeline on a small hand-made catalogue, over the built binaries, with the real default language model.

use std::path::Path;

use common::manifest::Manifest;
use common::schema::{events, interactions, metrics, table};
use tests::{default_model, files_below, films, succeed};

/// Runs every stage in `folder` with so many workers.
fn pipeline(folder: &Path, workers: usize) {
    films::write(&folder.join("raw"));
    let shared = format!("--seed 7 --workers {workers}");
    let tool = |tool: &str, arguments: &str| succeed(folder, tool, &format!("{arguments} {shared}"));
    tool("simulator", "import movielens --input raw --out out/data");
    tool("simulator", "fit --data out/data --out out/environment");
    tool(
        "simulator",
        "fidelity --data out/data --environment out/environment --out out/metrics/fidelity.parquet",
    );
    tool(
        "profiler",
        "states --log out/data/log/interactions.parquet --out out/states.parquet",
    );
    let model = default_model();
    tool(
        "profiler",
        &format!(
            "traits --model {} --items out/data/log/items.parquet --states out/states.parquet \
             --users out/data/log/users.parquet --domain film --out out/profiles.parquet",
            model.display()
        ),
    );
    for method in ["bc", "ialp"] {
        tool(
            "pretrain",
            &format!(
                "train --method {method} --log out/data/log --states out/states.parquet \
                 --profiles out/profiles.parquet --traits profile --seeds 2 --steps 30 --batch 16 --dims 8 --hidden 8 \
                 --out out/policies/{method}"
            ),
        );
    }
    for (name, policy, strategy) in [
        ("random", "bc", "random"),
        ("popularity", "bc", "popularity"),
        ("bc", "bc", "frozen"),
        ("a2c", "ialp", "scratch"),
        ("ialp", "ialp", "frozen"),
        ("aialp_ft", "ialp", "ft"),
        ("aialp_ap", "ialp", "ap"),
    ] {
        let agent = format!(
            "{} agent --policy out/policies/{policy}/seed-{{seed}} --strategy {strategy} --seed {{seed}} \
             --events out/events/{name}-{{seed}}.parquet",
            tests::binary("online").display()
        );
        let output = tests::run_list(
            folder,
            "simulator",
            &[
                "run",
                "--environment",
                "out/environment",
                "--method",
                name,
                "--agent",
                &agent,
                "--seeds",
                "2",
                "--episodes",
                "48",
                "--envs",
                "8",
                "--seed",
                "7",
                "--workers",
                &workers.to_string(),
                "--out",
                &format!("out/metrics/{name}.parquet"),
            ],
        );
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn two_runs_and_any_number_of_workers_give_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    pipeline(one.path(), 1);
    pipeline(two.path(), 2);
    let (ours, theirs) = (
        files_below(&one.path().join("out")),
        files_below(&two.path().join("out")),
    );
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    assert!(ours.len() > 30, "only {:?}", names(&ours));
    let differing: Vec<&String> = ours
        .iter()
        .zip(&theirs)
        .filter(|(a, b)| a.1 != b.1)
        .map(|(a, _)| &a.0)
        .collect();
    assert!(
        differing.is_empty(),
        "these differ between 1 and 2 workers: {differing:?}"
    );
}

#[test]
fn every_artifact_of_the_pipeline_carries_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    pipeline(folder.path(), 2);
    let mut seen = 0;
    for (name, _) in files_below(&folder.path().join("out")) {
        let path = folder.path().join("out").join(&name);
        let manifest = match path.extension().and_then(|x| x.to_str()) {
            Some("parquet") => table::read_manifest(&path).unwrap(),
            // Other JSON is part of a folder whose manifest names it.
            Some("json") if path.ends_with("manifest.json") => {
                Some(Manifest::from_json(&std::fs::read_to_string(&path).unwrap(), &path).unwrap())
            }
            _ => continue,
        };
        let manifest = manifest.unwrap_or_else(|| panic!("{name} has no manifest"));
        assert!(!manifest.inputs.is_empty(), "{name} names no input");
        assert!(!manifest.config.is_null(), "{name} records no configuration");
        let json = manifest.to_json();
        assert!(
            !json.contains(folder.path().to_str().unwrap()),
            "{name} records a path:\n{json}"
        );
        seen += 1;
    }
    assert!(seen > 30, "only {seen} artifacts");
    the_loop_closes(folder.path());
    the_report_has_every_method(folder.path());
    a_second_run_finds_all_done(folder.path());
}

/// Events are a log: they can be profiled again, and their propensities are probabilities.
fn the_loop_closes(folder: &Path) {
    let path = folder.join("out/events/aialp_ft-7.parquet");
    let read = events::read(&path).unwrap();
    assert_eq!(read.log.len(), 48 * 10, "48 episodes of 10 steps");
    assert!(
        read.log
            .propensity
            .iter()
            .all(|p| p.is_some_and(|p| p > 0.0 && p <= 1.0))
    );
    assert!(
        read.policy_version.iter().max() > read.policy_version.iter().min(),
        "the policy never changed"
    );
    assert!(interactions::read_log(&path, None).is_ok());
    succeed(
        folder,
        "profiler",
        "states --log out/events/aialp_ft-7.parquet --out again.parquet",
    );
}

fn the_report_has_every_method(folder: &Path) {
    let table = succeed(
        folder,
        "simulator",
        "report --metrics out/metrics --out report.html",
    );
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    for method in [
        "Random",
        "Popularity",
        "Behaviour cloning",
        "A2C from scratch",
        "iALP",
        "A-iALP_ft",
        "A-iALP_ap",
    ] {
        assert!(table.contains(method), "`{method}` is not in the table:\n{table}");
        assert!(page.contains(method), "`{method}` is not on the page");
    }
    assert!(
        page.contains("<svg") && !page.contains("http://cdn") && !page.contains("<script src"),
        "not self-contained"
    );
    let means: Vec<f64> = metrics::read(&folder.join("out/metrics/random.parquet"))
        .unwrap()
        .into_iter()
        .filter(|row| row.metric == "return_mean")
        .map(|row| row.value)
        .collect();
    assert_eq!(means.len(), 2, "one a seed");
    assert!(means.iter().all(|mean| (0.0..=10.0).contains(mean)));
}

/// The same commands again change nothing and succeed.
fn a_second_run_finds_all_done(folder: &Path) {
    let before = files_below(&folder.join("out"));
    pipeline(folder, 2);
    assert!(
        before == files_below(&folder.join("out")),
        "a second run changed files"
    );
}
