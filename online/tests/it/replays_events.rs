//! `online replay`: a state folder from its beginning and held to its snapshot, and a new one from any events.

use crate::support;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::http::Server;
use crate::support::{agent, fails_with, hello, online, request, saved};
use online::journal::StateFolder;
use serde_json::{Value, json};

fn replay(arguments: &[&str], state: &Path) -> Output {
    online(&["replay", "--state", state.to_str().unwrap()])
        .args(arguments)
        .output()
        .unwrap()
}

/// The JSON object of a replay that ends well.
fn said(output: &Output) -> Value {
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A server that has taken some feedback and ended; its state folder and policy.
fn served(folder: &Path) -> (PathBuf, PathBuf) {
    let (policy, state) = (saved(folder), folder.join("state"));
    // Small segments: with these few requests there are parts too.
    let server = Server::start(&policy, &state, &["--strategy", "ft", "--segment-size", "2000"]);
    let mut client = server.client();
    for number in 0..30 {
        let body = client
            .post("/recommend", &json!({ "user": format!("u{}", number % 7) }))
            .expect(200);
        let report = json!({ "request_id": body["request_id"], "reward": number % 2 });
        client.post("/feedback", &report).expect(200);
    }
    server.stop();
    // What is finished is compacted at the next start.
    let parts = || StateFolder::read(&state).unwrap().parts().unwrap().len();
    if parts() == 0 {
        let server = Server::start(&policy, &state, &["--strategy", "ft", "--segment-size", "2000"]);
        while parts() == 0 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        server.stop();
    }
    (state, policy)
}

#[test]
fn a_state_is_rebuilt_and_held_to_its_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (state, _) = served(folder.path());
    let plain = said(&replay(&[], &state));
    assert_eq!(
        (plain["applied"].as_u64(), plain["mean_reward"].as_f64()),
        (Some(30), Some(0.5))
    );
    let checked = said(&replay(&["--check"], &state));
    assert_eq!(checked["digest"], plain["digest"]);
    assert_eq!(
        (&checked["same"], &checked["recovered"]["digest"]),
        (&json!(true), &plain["digest"])
    );
}

#[test]
fn a_state_that_is_not_what_its_events_make_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (state, _) = served(folder.path());
    // A copy of which the first event says another reward.
    let other = folder.path().join("other");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([&state, &other])
        .status()
        .unwrap();
    assert!(copied.success());
    let part = StateFolder::read(&other).unwrap().parts().unwrap().remove(0);
    let mut events = common::schema::events::read(&part.path).unwrap();
    let manifest = common::schema::table::read_manifest(&part.path).unwrap().unwrap();
    events.log.feedback[0] = 0.5;
    common::schema::events::write(&part.path, &manifest, &events).unwrap();
    let output = replay(&["--check"], &other);
    fails_with(&output, 3, "differ");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["same"], false);
}

#[test]
fn a_damaged_snapshot_is_repaired_by_the_command_that_the_error_names() {
    let folder = tempfile::tempdir().unwrap();
    let (state, policy) = served(folder.path());
    let whole = said(&replay(&["--repair"], &state));
    assert_eq!(whole["repaired"], false);
    let snapshot = state.join("snapshot");
    std::fs::write(&snapshot, "nothing").unwrap();
    let serve = online(&["serve", "--policy", policy.to_str().unwrap(), "--strategy", "ft"])
        .args(["--listen", "127.0.0.1:0", "--state", state.to_str().unwrap()])
        .output()
        .unwrap();
    fails_with(&serve, 42, "online replay --repair --state");
    let output = replay(&["--repair"], &state);
    let repaired = said(&output);
    assert_eq!(
        (&repaired["repaired"], &repaired["digest"]),
        (&json!(true), &whole["digest"])
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("is forgotten"), "{stderr}");
    assert_eq!(said(&replay(&["--check"], &state))["same"], true);
    let server = Server::start(&policy, &state, &["--strategy", "ft", "--segment-size", "2000"]);
    assert_eq!(server.get("/policy").json()["applied"], whole["applied"]);
    server.stop();
}

#[test]
fn what_is_missing_or_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fails_with(&replay(&[], folder.path()), 2, "state");
    let (state, policy) = served(folder.path());
    let server = Server::start(&policy, &state, &["--strategy", "ft"]);
    said(&replay(&[], &state));
    fails_with(&replay(&["--check"], &state), 1, "in use");
    server.stop();
    let part = StateFolder::read(&state).unwrap().parts().unwrap().remove(0);
    let bytes = std::fs::read(&part.path).unwrap();
    std::fs::write(&part.path, &bytes[..bytes.len() / 2]).unwrap();
    let name = part.path.file_name().unwrap().to_str().unwrap().to_string();
    fails_with(&replay(&[], &state), 42, &name);
    std::fs::remove_file(&part.path).unwrap();
    fails_with(&replay(&[], &state), 42, "missing");
}

/// Five events of an agent.
fn events_of_an_agent(folder: &Path, policy: &Path) -> PathBuf {
    let path = folder.join("events.parquet");
    let mut session = support::Session::start(
        agent(policy, "random", &["--events", path.to_str().unwrap()]),
        &hello(),
    );
    let mut last: Option<String> = None;
    for step in 0..6 {
        let row = (0, "u1", step, last.as_deref(), last.as_ref().map(|_| 1.0), false);
        let reply = session.step(&request(&[row]));
        last = Some(reply.item.single(0).unwrap().to_string());
    }
    session.finish();
    path
}

#[test]
fn a_new_state_learns_from_any_events() {
    let folder = tempfile::tempdir().unwrap();
    let (served, policy) = served(folder.path());
    let from_agent = events_of_an_agent(folder.path(), &policy);
    let (state, parts) = (folder.path().join("warm"), served.join("events"));
    let arguments = |state: &Path| -> Output {
        let files = [parts.to_str().unwrap(), from_agent.to_str().unwrap()];
        let policy = policy.to_str().unwrap();
        let strategy = [
            "--strategy",
            "ap",
            "--rollout",
            "2",
            "--policy",
            policy,
            "--events",
        ];
        replay(&[strategy.as_slice(), files.as_slice()].concat(), state)
    };
    let warm = said(&arguments(&state));
    let served_events: u64 = StateFolder::read(&served)
        .unwrap()
        .parts()
        .unwrap()
        .last()
        .unwrap()
        .to;
    assert_eq!(warm["applied"].as_u64(), Some(served_events + 5));
    assert_eq!(warm["updates"].as_u64(), Some((served_events + 5) / 2));
    // The same again is done already, and elsewhere it is the same.
    assert!(arguments(&state).stdout.is_empty());
    let again = said(&arguments(&folder.path().join("again")));
    assert_eq!(again, warm);
    assert_eq!(said(&replay(&["--check"], &state))["digest"], warm["digest"]);
    // It serves, with the settings that it was made with and no others.
    let server = Server::start(&policy, &state, &["--strategy", "ap", "--rollout", "2"]);
    assert_eq!(server.get("/policy").expect(200)["applied"], warm["applied"]);
    server.stop();
    let (status, stderr) = Server::try_start(&policy, &state, &["--strategy", "ft"])
        .map(drop)
        .unwrap_err();
    assert!(
        status.code() == Some(2) && stderr.contains("other settings"),
        "{stderr}"
    );
    fails_with(
        &replay(&["--events", from_agent.to_str().unwrap()], &state),
        2,
        "--policy",
    );
}
