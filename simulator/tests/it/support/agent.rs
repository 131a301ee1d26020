//! A small agent for the tests of `simulator run`: the test binary itself, started again as a child process.
//!
//! Libtest writes to stdout before any test runs, so the child is started through a shell that keeps the true stdout
//! as descriptor 3, which the frames go to, and sends the rest to stderr.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};

use common::Result;
use common::frame::{Reply, ReplySender, Request, RequestReceiver};
use common::rng::{RngExt, stream};

use super::ITEMS;

/// The variable that says what kind of agent to be: `seed` or `seed:failure`.
const KIND: &str = "HEADSTART_TEST_AGENT";
/// The name of [`process`] among the tests.
const PROCESS: &str = "support::agent::process";

/// The command of an agent that shows items at random, or fails in the way `failure` names.
pub(crate) fn command(failure: &str) -> String {
    let binary = std::env::current_exe().unwrap();
    let run = format!("exec 3>&1 1>&2; {KIND}=\"$0:$1\" exec \"$2\" --exact {PROCESS} --nocapture");
    format!("sh -c '{run}' {{seed}} '{failure}' '{}'", binary.display())
}

/// No test: acts as the agent, and ends the process, where this process was started as one.
#[test]
fn process() {
    let Ok(kind) = std::env::var(KIND) else { return };
    let (seed, failure) = kind.split_once(':').unwrap();
    let code = act(seed.parse().unwrap(), failure).unwrap_or_else(|error| {
        eprintln!("{error}");
        i32::from(error.class().code())
    });
    std::process::exit(code);
}

fn act(seed: u64, failure: &str) -> Result<i32> {
    let mut frames_out = File::options().write(true).open("/dev/fd/3").unwrap();
    match failure {
        "at once" => {
            eprintln!("the agent's last words");
            return Ok(42);
        }
        "babble" => {
            frames_out
                .write_all(b"this is not Arrow, however long one reads on")
                .unwrap();
            return Ok(0);
        }
        "late" => std::thread::sleep(std::time::Duration::from_secs(600)),
        _ => {}
    }
    let mut receiver = RequestReceiver::new(BufReader::new(io::stdin().lock()))?;
    let mut sender = ReplySender::new(BufWriter::new(frames_out))?;
    let mut rng = stream(seed, "test agent", &[]);
    let mut frames = 0;
    while let Some(request) = receiver.receive()? {
        frames += 1;
        let mut reply = answer(&request, &mut || rng.random_range(1..=ITEMS).to_string());
        match failure {
            "midway" if frames == 5 => {
                eprintln!("giving up in the middle");
                return Ok(1);
            }
            "early" if frames == 5 => break,
            "killed" if frames == 5 => std::process::abort(),
            "over" => {
                reply.item = (0..reply.len())
                    .map(|row| reply.item.single(row).or(Some("1")))
                    .collect()
            }
            "unknown item" => {
                let unknown = |row| {
                    if row == 0 {
                        Some("no such item")
                    } else {
                        reply.item.single(row)
                    }
                };
                reply.item = (0..reply.len()).map(unknown).collect();
            }
            "hang" if frames == 5 => std::thread::sleep(std::time::Duration::from_secs(600)),
            "short" => {
                reply.env.pop();
                reply.item.pop();
                reply.propensity.pop();
                reply.policy_version.pop();
            }
            _ => {}
        }
        sender.send(&reply)?;
    }
    sender.finish()?;
    Ok(if failure == "at the end" { 1 } else { 0 })
}

fn answer(request: &Request, draw: &mut dyn FnMut() -> String) -> Reply {
    let mut reply = Reply::default();
    for row in 0..request.len() {
        let over = request.done[row];
        reply.env.push(request.env[row]);
        // The end of an episode is answered with an empty slate.
        let item = draw();
        reply.item.push((!over).then_some(item.as_str()));
        reply.propensity.push(if over { 1.0 } else { 1.0 / ITEMS as f32 });
        reply.policy_version.push(0);
    }
    reply
}
