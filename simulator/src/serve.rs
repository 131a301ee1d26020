//! The environment's end of step frames for whoever asks: on stdin and stdout, or on a Unix socket.
//!
//! Nothing is measured and nothing written: this is what a learner trains in. Episodes go on until the other side
//! closes its reply stream.

use std::io::Write;
use std::path::PathBuf;

use common::frame::{ReplyReceiver, RequestSender};
use common::socket::Socket;
use common::{Result, terminal};

use crate::drive::exchange::{self, BUFFER, Exchange};
use crate::environment::Environment;
use crate::environment::rules::Rules;

/// What to serve.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the environment.
    pub environment: PathBuf,
    /// Environments stepped together.
    pub envs: u32,
    /// The rules of an episode.
    pub rules: Rules,
    /// A matrix of ratings, under [`crate::environment::rules::Rule::EasyRl4Rec`]; `None`: the user model's.
    pub ratings: Option<PathBuf>,
    /// Seed of users and rewards.
    pub seed: u64,
    /// The socket to listen on; `None`: stdin and stdout.
    pub socket: Option<PathBuf>,
}

/// Serves one client on stdin and stdout, or any number of clients, each with environments of its own, on a socket
/// until the process is ended. Every client sees the same environments.
///
/// # Errors
/// A missing environment; on stdin and stdout also a client that breaks the protocol or is gone. What is wrong with a
/// client of a socket is said on stderr, and the others notice nothing.
pub fn run(config: &Config) -> Result<()> {
    let (environment, _) =
        Environment::load_under(&config.environment, &config.rules, config.ratings.as_deref())?;
    let Some(path) = &config.socket else {
        let (replies, requests) = terminal::frames();
        return client(&environment, config, replies, requests);
    };
    let socket = Socket::listen(path)?;
    terminal::info(&format!("listening on {}", path.display()));
    let environment = &environment;
    std::thread::scope(|scope| {
        loop {
            let stream = socket.accept(None)?;
            scope.spawn(move || {
                if let Err(error) = client(environment, config, &stream, &stream) {
                    terminal::warn(&format!("a client was given up: {error}"));
                }
            });
        }
    })
}

fn client(
    environment: &Environment,
    config: &Config,
    replies: impl std::io::Read,
    requests: impl Write,
) -> Result<()> {
    let requests = std::io::BufWriter::with_capacity(BUFFER, requests);
    let hello = exchange::hello(environment, &config.rules, config.seed);
    let mut sender = RequestSender::new(requests, &hello)?;
    let mut receiver = ReplyReceiver::new(std::io::BufReader::with_capacity(BUFFER, replies))?;
    let mut exchange = Exchange::new(environment, config.rules, config.seed, config.envs).letting_wait();
    loop {
        let sent = sender.send(exchange.request());
        let Some(reply) = receiver.receive()? else {
            // A client that has said goodbye need wait neither for the last request nor for our own goodbye.
            let _ = sender.finish();
            return Ok(());
        };
        sent?;
        exchange.take(&reply, |_, _, _| {}, |_, _| true)?;
    }
}
