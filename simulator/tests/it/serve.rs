//! `simulator serve`, `run --socket` and `random-agent`: the same frames over pipes and sockets.

use crate::support;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{environment, fail, succeed, text};
use common::frame::{Reply, ReplySender, Request, RequestReceiver};
use common::schema::metrics;

fn start(words: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_simulator"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Answers `steps` requests with item 1 + (step of the episode), then says goodbye; what was asked.
fn play(source: impl Read, sink: impl Write, steps: usize) -> Vec<Request> {
    let mut receiver = RequestReceiver::new(BufReader::new(source)).unwrap();
    let mut sender = ReplySender::new(BufWriter::new(sink)).unwrap();
    let mut asked = Vec::new();
    for _ in 0..steps {
        let request = receiver.receive().unwrap().unwrap();
        let mut reply = Reply::default();
        for row in 0..request.len() {
            let item = (request.step[row] + 1).to_string();
            reply.env.push(request.env[row]);
            reply.item.push((!request.done[row]).then_some(item.as_str()));
            reply.propensity.push(1.0);
            reply.policy_version.push(0);
        }
        sender.send(&reply).unwrap();
        asked.push(request);
    }
    sender.finish().unwrap();
    asked
}

fn play_over_pipes(environment: &Path, extra: &[&str], steps: usize) -> Vec<Request> {
    let words = ["serve", "--environment", text(environment)];
    let mut child = start(&[&words, extra].concat());
    let asked = play(child.stdout.take().unwrap(), child.stdin.take().unwrap(), steps);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    asked
}

/// Connects as soon as somebody listens.
fn connect(path: &Path) -> UnixStream {
    for _ in 0..1000 {
        if let Ok(stream) = UnixStream::connect(path) {
            return stream;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nobody listens on {}", path.display());
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn pipes_and_sockets_carry_the_same_environments_to_every_client() {
    let out = tempfile::tempdir().unwrap();
    let (_, environment) = environment(out.path());
    let common = ["--envs", "5", "--seed", "4", "--rule", "leave", "--horizon", "6"];
    let piped = play_over_pipes(&environment, &common, 40);
    assert!(piped.iter().any(|request| request.truncated.contains(&true)));
    assert!(piped.iter().any(|request| request.done.contains(&true)));

    let path = out.path().join("socket");
    let words = [
        "serve",
        "--environment",
        text(&environment),
        "--socket",
        text(&path),
    ];
    let _server = Killed(start(&[words.as_slice(), &common].concat()));
    // A client that breaks off in the middle and one that talks nonsense do not disturb the others.
    drop(connect(&path));
    connect(&path)
        .write_all(b"GET / HTTP/1.1\r\n\r\n and so on and on")
        .unwrap();
    for _ in 0..2 {
        let stream = connect(&path);
        assert_eq!(play(&stream, &stream, 40), piped);
    }
}

#[test]
fn an_environment_does_not_depend_on_those_beside_it() {
    let out = tempfile::tempdir().unwrap();
    let (_, environment) = environment(out.path());
    let of_third = |envs: &str| {
        let asked = play_over_pipes(&environment, &["--envs", envs, "--drift", "2"], 60);
        asked
            .iter()
            .map(|request| {
                (
                    request.user_id.text(2).to_string(),
                    request.reward[2],
                    request.done[2],
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(of_third("3"), of_third("40"));
}

#[test]
fn a_run_over_a_socket_measures_what_a_run_over_pipes_does() {
    let out = tempfile::tempdir().unwrap();
    let (_, environment) = environment(out.path());
    let items = environment.join("items.parquet");
    let agent = format!(
        "{} random-agent --items {} --seed {{seed}}",
        env!("CARGO_BIN_EXE_simulator"),
        text(&items)
    );
    let words = |file: &str| {
        let file = text(&out.path().join(file)).to_string();
        let words = [
            "run",
            "--environment",
            text(&environment),
            "--method",
            "random",
            "--seeds",
            "2",
            "--episodes",
            "50",
            "--envs",
            "4",
            "--out",
            &file,
        ];
        words.map(String::from).to_vec()
    };
    let mut piped = words("piped.parquet");
    piped.extend(["--agent".to_string(), agent]);
    succeed(&piped.iter().map(String::as_str).collect::<Vec<_>>());

    let path = out.path().join("socket");
    let mut listening = words("socket.parquet");
    listening.extend(["--socket", text(&path)].map(String::from));
    let run = start(&listening.iter().map(String::as_str).collect::<Vec<_>>());
    for seed in 0..2 {
        let stream = connect(&path);
        let mut agent = Command::new(env!("CARGO_BIN_EXE_simulator"))
            .args([
                "random-agent",
                "--items",
                text(&items),
                "--seed",
                &seed.to_string(),
            ])
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(
                stream.try_clone().unwrap(),
            )))
            .stdout(Stdio::from(std::os::fd::OwnedFd::from(stream)))
            .spawn()
            .unwrap();
        assert!(agent.wait().unwrap().success());
    }
    let output = run.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let read = |file: &str| metrics::read(&out.path().join(file)).unwrap();
    assert_eq!(read("piped.parquet"), read("socket.parquet"));
    assert!(!path.exists(), "the socket's file goes with the run");
}

#[test]
fn agents_that_never_connect_and_half_a_choice_are_errors() {
    let out = tempfile::tempdir().unwrap();
    let (_, environment) = environment(out.path());
    let (path, file) = (out.path().join("socket"), out.path().join("x.parquet"));
    let run = [
        "run",
        "--environment",
        text(&environment),
        "--method",
        "x",
        "--out",
        text(&file),
    ];
    let waiting = ["--socket", text(&path), "--agent-timeout", "1"];
    let error = fail(1, &[run.as_slice(), &waiting].concat());
    assert!(error.contains("nobody has connected within 1 seconds"), "{error}");
    let output = support::simulator(&run);
    assert_eq!(output.status.code(), Some(2));
    let nowhere = [
        "serve",
        "--environment",
        text(&environment),
        "--socket",
        "/no/such/folder/socket",
    ];
    assert!(fail(2, &nowhere).contains("the folder must exist"));
}

#[test]
fn bench_prints_a_rate_for_every_batch() {
    let out = tempfile::tempdir().unwrap();
    let (_, environment) = environment(out.path());
    let words = [
        "bench",
        "--environment",
        text(&environment),
        "--batch",
        "1,2000",
        "--seconds",
        "0.02",
        "--runs",
        "3",
        "--workers",
        "2",
    ];
    let text = succeed(&words);
    for (batch, expected) in [
        (1, &["alone, 1 core", "through frames, random agent"][..]),
        (
            2000,
            &[
                "alone, 1 core",
                "alone, 2 workers",
                "through frames, random agent",
            ],
        ),
    ] {
        let title = format!("environments at once: {batch}\n");
        let table = text.split("\n\n").find_map(|table| table.strip_prefix(&title));
        let rows = table
            .unwrap_or_else(|| panic!("no {title}in\n{text}"))
            .lines()
            .skip(1);
        let cells: Vec<Vec<&str>> = rows
            .map(|row| row.split("  ").filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(cells.iter().map(|cells| cells[0]).collect::<Vec<_>>(), expected);
        for cells in cells {
            assert!(
                cells[1].trim().replace(',', "").parse::<f64>().unwrap() > 0.0,
                "{text}"
            );
        }
    }
}
