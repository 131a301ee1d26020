//! The HTTP service keeps what it has acknowledged, however it ends, and ends by itself where it cannot.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::support::http::Server;
use crate::support::{online, saved};
use serde_json::{Value, json};

#[test]
fn what_was_acknowledged_is_there_after_a_stop_and_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, state) = (saved(folder.path()), folder.path().join("state"));
    let start = || Server::start(&policy, &state, &["--strategy", "ft"]);
    let mut known: Vec<Value> = Vec::new();
    let mut requests = BTreeSet::new();
    let mut server = start();
    for round in 0..4 {
        let body = server.post("/recommend", &json!({ "user": "u2" })).expect(200);
        assert!(
            requests.insert(body["request_id"].as_str().unwrap().to_string()),
            "a number was given twice"
        );
        known.push(json!({ "request_id": body["request_id"], "reward": 1 }));
        for (at, report) in known.iter().enumerate() {
            let said = server.post("/feedback", report).expect(200);
            let expected = if at == round {
                ("applied", 1)
            } else {
                ("duplicates", 1)
            };
            assert_eq!(said[expected.0], expected.1, "round {round}: {said}");
        }
        let policy = server.get("/policy").expect(200);
        assert_eq!(policy["applied"], round + 1);
        match round % 2 {
            0 => _ = server.stop(),
            _ => server.kill(),
        }
        server = start();
        assert_eq!(server.get("/policy").expect(200), policy);
    }
    server.stop();
}

#[test]
fn a_stop_lets_running_requests_end_and_says_that_it_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(
        &saved(folder.path()),
        &folder.path().join("state"),
        &["--strategy", "frozen"],
    );
    let body = r#"{"user":"u1"}"#;
    let mut running = server.client();
    running.write(b"POST /recommend HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n").unwrap();
    let mut watching = server.client();
    watching.write(b"GET /readyz HTTP/1.1\r\n").unwrap();
    let mut idle = server.client();
    assert_eq!(idle.send("GET", "/readyz", "").status, 200);
    server.signal("TERM");
    // An idle connection is closed, and the address is free.
    assert!(idle.read_reply(false).is_err());
    while std::net::TcpStream::connect(server.address).is_ok() {}
    watching.write(b"host: t\r\n\r\n").unwrap();
    assert_eq!(watching.read_reply(false).unwrap().status, 503);
    running.write(body.as_bytes()).unwrap();
    assert_eq!(running.read_reply(false).unwrap().status, 200);
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

#[test]
fn a_unix_socket_serves_as_well_and_goes_with_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let mut command = online(&[
        "serve",
        "--strategy",
        "popularity",
        "--unix",
        socket.to_str().unwrap(),
    ]);
    command
        .arg("--policy")
        .arg(saved(folder.path()))
        .arg("--state")
        .arg(folder.path().join("state"));
    let mut child = command.spawn().unwrap();
    let mut line = [0; 14];
    child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    assert_eq!(&line, b"{\"listening\":\"");
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    let stopped = std::process::Command::new("kill")
        .args(["-s", "INT", &child.id().to_string()])
        .status();
    assert!(stopped.unwrap().success() && child.wait().unwrap().success());
    assert!(!socket.exists());
}

#[test]
fn a_journal_that_cannot_be_written_acknowledges_nothing_and_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, state) = (saved(folder.path()), folder.path().join("state"));
    Server::start(&policy, &state, &["--strategy", "frozen"]).stop();
    // No file may grow beyond 16 blocks of 1,024 bytes; the signal that would end the process is ignored, as a full disk
    // sends none.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" serve --strategy frozen --listen 127.0.0.1:0 --policy \"$1\" --state \"$2\"";
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_online")])
        .args([&policy, &state]);
    let server = Server::of(command).unwrap();
    let mut client = server.client();
    let mut acknowledged = 0;
    let refused = loop {
        let Ok(body) = client.try_send("POST", "/recommend", r#"{"user":"u1"}"#) else {
            break None;
        };
        if body.status != 200 {
            break Some(body);
        }
        let report = json!({ "request_id": body.json()["request_id"], "reward": 1 }).to_string();
        match client.try_send("POST", "/feedback", &report) {
            Ok(reply) if reply.status == 200 => acknowledged += 1,
            Ok(reply) => break Some(reply),
            Err(_) => break None,
        }
    };
    assert!(refused.is_none_or(|reply| reply.status == 503));
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(acknowledged > 0, "{stderr}");
    // On a disk with room, all that was acknowledged is there; what was not may be.
    let server = Server::start(&policy, &state, &["--strategy", "frozen"]);
    let applied = server.get("/policy").expect(200)["applied"].as_u64().unwrap();
    assert!(
        applied == acknowledged || applied == acknowledged + 1,
        "{applied} of {acknowledged}"
    );
    server.stop();
}

#[test]
fn a_state_for_which_there_is_no_space_is_not_blamed_on_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, state) = (saved(folder.path()), folder.path().join("state"));
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" serve --strategy frozen --listen 127.0.0.1:0 --policy \"$1\" --state \"$2\"";
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_online")])
        .args([&policy, &state]);
    let (status, stderr) = Server::of(command).map(drop).unwrap_err();
    assert_eq!(status.code(), Some(1), "{stderr}");
    let place = stderr.lines().find(|line| line.contains("at: ")).unwrap();
    let said = stderr.contains("no space is left") && place.contains("state/");
    assert!(said && !place.contains(policy.to_str().unwrap()), "{stderr}");
    // Nothing of it is left, but the policy.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_served_ends_with_an_error_and_no_service() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let state = |name: &str| folder.path().join(name);
    let fails = |policy: &Path, state: &Path, more: &[&str], code: i32, says: &str| {
        let Err((status, stderr)) = Server::try_start(policy, state, more) else {
            panic!("it serves: {says}");
        };
        assert_eq!(status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(says) && !stderr.contains("panicked"), "{stderr}");
    };
    let frozen = ["--strategy", "frozen"];
    fails(Path::new("/nowhere"), &state("a"), &frozen, 2, "/nowhere");
    let server = Server::start(&policy, &state("b"), &frozen);
    fails(&policy, &state("b"), &frozen, 1, "in use");
    let taken = server.address.to_string();
    fails(
        &policy,
        &state("c"),
        &["--strategy", "frozen", "--listen", &taken],
        2,
        "cannot listen",
    );
    server.stop();
    fails(&policy, &state("b"), &["--strategy", "ft"], 2, "strategy");
}
