//! A whole agent in a few lines: it shows items at random that it has not seen the user consume in the episode.
//!
//! ```text
//! simulator run --environment DIR --method random --out FILE.parquet \
//!     --agent "target/release/examples/random_agent {seed} ITEM ITEM ..."
//! ```
//!
//! A `--fail HOW` before the seed makes it break the protocol in one of the ways that tests need.

use std::io::{self, BufReader, BufWriter};
use std::process::ExitCode;

use common::Result;
use common::frame::{Reply, ReplySender, Request, RequestReceiver};
use common::rng::{RngExt, stream};

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let failure = if arguments.first().is_some_and(|word| word == "--fail") {
        arguments.drain(..2).nth(1).unwrap_or_default()
    } else {
        String::new()
    };
    match failure.as_str() {
        "at once" => {
            eprintln!("the agent's last words");
            return ExitCode::from(42);
        }
        "babble" => {
            println!("this is not Arrow");
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    match act(&arguments, &failure) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    }
}

fn act(arguments: &[String], failure: &str) -> Result<ExitCode> {
    let mut receiver = RequestReceiver::new(BufReader::new(io::stdin().lock()))?;
    let mut sender = ReplySender::new(BufWriter::new(io::stdout().lock()))?;
    let seed = arguments[0].parse().unwrap_or(0);
    let items = &arguments[1..];
    let mut rng = stream(seed, "random agent", &[]);
    let mut frames = 0;
    while let Some(request) = receiver.receive()? {
        frames += 1;
        let mut reply = answer(&request, items, &mut |n| rng.random_range(0..n));
        match failure {
            "midway" if frames == 5 => {
                eprintln!("giving up in the middle");
                return Ok(ExitCode::from(1));
            }
            "early" if frames == 5 => break,
            "unknown item" => reply.item[0] = vec!["no such item".into()],
            "short" => drop((reply.env.pop(), reply.item.pop(), reply.propensity.pop(), reply.policy_version.pop())),
            _ => {}
        }
        sender.send(&reply)?;
    }
    sender.finish()?;
    Ok(if failure == "at the end" { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn answer(request: &Request, items: &[String], draw: &mut dyn FnMut(usize) -> usize) -> Reply {
    let mut reply = Reply::default();
    for row in 0..request.len() {
        reply.env.push(request.env[row]);
        // The end of an episode is answered with an empty slate.
        reply.item.push(if request.done[row] { vec![] } else { vec![items[draw(items.len())].clone()] });
        reply.propensity.push(if request.done[row] { 1.0 } else { 1.0 / items.len() as f32 });
        reply.policy_version.push(0);
    }
    reply
}
