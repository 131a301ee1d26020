//! `simulator run` against a small agent process: metrics that depend on nothing but inputs
//! and seed, and one clear error for each way in which an agent can fail.

use std::path::{Path, PathBuf};

use crate::support::{agent, contents, environment, fail, simulator, succeed, text};
use common::schema::metrics::{self, Metric};

fn agent(failure: &str) -> String {
    agent::command(failure)
}

/// The words of a small run; those in `extra` take the place of the usual ones.
fn run_words<'a>(environment: &'a Path, agent: &'a str, out: &'a Path, extra: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec![
        "run",
        "--environment",
        text(environment),
        "--method",
        "random",
        "--agent",
        agent,
    ];
    words.extend(["--out", text(out)]);
    for usual in [["--seeds", "3"], ["--episodes", "95"], ["--envs", "8"]] {
        if !extra.contains(&usual[0]) {
            words.extend(usual);
        }
    }
    words.extend_from_slice(extra);
    words
}

struct Stage {
    out: tempfile::TempDir,
    environment: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let out = tempfile::tempdir().unwrap();
        let (_, environment) = environment(out.path());
        Stage { out, environment }
    }

    fn play(&self, name: &str, extra: &[&str]) -> (Vec<u8>, Vec<Metric>) {
        let file = self.out.path().join(name);
        succeed(&run_words(&self.environment, &agent(""), &file, extra));
        (std::fs::read(&file).unwrap(), metrics::read(&file).unwrap())
    }

    fn fail(&self, code: i32, failure: &str) -> String {
        self.fail_with(code, failure, &[])
    }

    fn fail_with(&self, code: i32, failure: &str, extra: &[&str]) -> String {
        let file = self.out.path().join("failed.parquet");
        let error = fail(code, &run_words(&self.environment, &agent(failure), &file, extra));
        assert!(!file.exists(), "a failed run writes nothing");
        error
    }
}

#[test]
fn metrics_do_not_depend_on_workers_and_do_on_the_seed() {
    let stage = Stage::new();
    let (one, _) = stage.play("one.parquet", &["--workers", "1"]);
    let (two, rows) = stage.play("two.parquet", &["--workers", "2"]);
    assert!(one == two, "workers change the metrics");
    let (other, _) = stage.play("other.parquet", &["--seed", "9"]);
    assert!(one != other);

    let of = |name: &str, seed| {
        rows.iter()
            .filter(|m| m.metric == name && m.seed == seed)
            .collect::<Vec<_>>()
    };
    for seed in 0..3 {
        let curve = of("return", seed);
        assert_eq!(
            (curve.len(), curve[39].step),
            (40, 95),
            "the curve ends at the last episode"
        );
        let mean = of("return_mean", seed)[0];
        assert!(
            mean.value > 0.0 && mean.value < 10.0 && mean.step == 95,
            "{}",
            mean.value
        );
        assert!(of("regret", seed)[0].value > 0.0);
        assert!(
            rows.iter()
                .all(|m| m.split == "online" && m.method == "random" && m.environment == "movielens")
        );
    }
}

#[test]
fn a_random_agent_gets_what_random_is_computed_to_get() {
    let stage = Stage::new();
    let data = stage.out.path().join("data");
    let file = stage.out.path().join("fidelity.parquet");
    let words = [
        "--data",
        text(&data),
        "--environment",
        text(&stage.environment),
        "--out",
        text(&file),
    ];
    succeed(&[["fidelity", "--resamples", "10"].as_slice(), &words].concat());
    let computed = metrics::read(&file).unwrap();
    let computed = computed
        .iter()
        .find(|m| m.method == "random" && m.metric == "expected_return")
        .unwrap()
        .value;
    let (_, rows) = stage.play("long.parquet", &["--episodes", "3000", "--seeds", "1"]);
    let value = |name: &str| rows.iter().find(|m| m.metric == name).unwrap().value;
    // The agent repeats itself and shows what the log holds; only the other actions can earn.
    let reached = value("expected_return_mean") / (1.0 - value("repeats"));
    assert!((reached / computed - 1.0).abs() < 0.1, "{reached} {computed}");
    assert!((value("return_mean") / value("expected_return_mean") - 1.0).abs() < 0.1);
}

#[test]
fn rules_and_drift_have_their_own_names_and_returns() {
    let stage = Stage::new();
    let mut means = Vec::new();
    for (name, extra) in [
        ("movielens", &[][..]),
        ("movielens-leave", &["--rule", "leave", "--patience", "2"]),
        ("movielens-drift", &["--drift", "3"]),
        ("movielens-leave-drift", &["--rule", "leave", "--drift", "3"]),
    ] {
        let (_, rows) = stage.play(&format!("{name}.parquet"), extra);
        assert!(rows.iter().all(|m| m.environment == name));
        let of = |metric: &str| rows.iter().find(|m| m.metric == metric).unwrap().value;
        assert!(of("regret") > 0.0);
        means.push(of("expected_return_mean"));
    }
    means.sort_by(f64::total_cmp);
    means.dedup();
    assert_eq!(means.len(), 4, "{means:?}");
    let words = ["--boredom", "2"];
    let file = stage.out.path().join("x.parquet");
    let error = fail(2, &run_words(&stage.environment, &agent(""), &file, &words));
    assert!(
        error.contains("--boredom") && error.contains("--rule leave"),
        "{error}"
    );
}

#[test]
fn a_second_run_is_done_already() {
    let stage = Stage::new();
    let (first, _) = stage.play("a.parquet", &[]);
    let file = stage.out.path().join("a.parquet");
    let again = simulator(&run_words(&stage.environment, &agent(""), &file, &[]));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already done"));
    assert_eq!(std::fs::read(&file).unwrap(), first);
    assert!(
        fail(
            2,
            &run_words(&stage.environment, &agent(""), &file, &["--episodes", "9"])
        )
        .contains("--overwrite")
    );
}

#[test]
fn an_agent_that_fails_is_explained_by_its_own_words() {
    let stage = Stage::new();
    let error = stage.fail(42, "at once");
    assert!(
        error.contains("the agent's last words") && error.contains("exit status: 42"),
        "{error}"
    );
    let error = stage.fail(1, "midway");
    assert!(
        error.contains("giving up in the middle") && error.contains("the agent of seed"),
        "{error}"
    );
    assert!(stage.fail(1, "at the end").contains("after the last episode"));
}

#[test]
fn an_agent_that_breaks_the_protocol_is_told_how() {
    let stage = Stage::new();
    assert!(stage.fail(42, "babble").contains("no Arrow IPC stream"));
    assert!(stage.fail(42, "early").contains("closed its reply stream"));
    let error = stage.fail(42, "unknown item");
    assert!(
        error.contains("`no such item`") && error.contains("environment 0, its episode 0, step 0"),
        "{error}"
    );
    assert!(stage.fail(42, "short").contains("7 rows"));
}

#[test]
fn an_agent_that_never_answers_is_given_up() {
    let stage = Stage::new();
    let error = stage.fail_with(1, "hang", &["--agent-timeout", "1", "--seeds", "1"]);
    assert!(error.contains("no answer within 1 seconds"), "{error}");
}

#[test]
fn an_agent_that_a_signal_ends_may_be_tried_again() {
    let error = Stage::new().fail(1, "killed");
    assert!(error.contains("signal"), "{error}");
}

#[test]
fn items_for_an_episode_that_is_over_break_the_protocol() {
    let error = Stage::new().fail(42, "over");
    assert!(
        error.contains("episode is over")
            && error.contains("row ")
            && error.contains("its episode 0, step 10"),
        "{error}"
    );
}

#[test]
fn silence_after_the_hello_is_told_of_before_the_agent_is_given_up() {
    let stage = Stage::new();
    let file = stage.out.path().join("late.parquet");
    let words = ["--agent-timeout", "6", "--seeds", "1"];
    let output = simulator(&run_words(&stage.environment, &agent("late"), &file, &words));
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with("warning: the agent of seed 0 has not answered"),
        "{error}"
    );
    for words in [
        "has not answered the hello yet",
        "no answer within 6 seconds",
        "hint: it never answered the hello",
        "writes its schema",
    ] {
        assert!(error.contains(words), "`{words}` is not in {error}");
    }
}

#[test]
fn an_agent_that_cannot_be_started_is_wrong_usage() {
    let stage = Stage::new();
    let file = stage.out.path().join("x.parquet");
    let error = fail(
        2,
        &run_words(&stage.environment, "/no/such/agent --x", &file, &[]),
    );
    assert!(error.contains("/no/such/agent"), "{error}");
    assert!(fail(2, &run_words(&stage.environment, "agent 'open", &file, &[])).contains("--agent"));
}

#[test]
fn a_damaged_environment_is_bad_data() {
    let stage = Stage::new();
    let model = stage.environment.join("user_model.safetensors");
    let bytes = std::fs::read(&model).unwrap();
    std::fs::write(&model, &bytes[..100]).unwrap();
    let file = stage.out.path().join("x.parquet");
    let error = fail(42, &run_words(&stage.environment, &agent(""), &file, &[]));
    assert!(error.contains("user_model.safetensors"), "{error}");
    assert_eq!(contents(&stage.environment).len(), 5);
}
