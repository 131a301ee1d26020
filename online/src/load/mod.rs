//! `online bench http`: a load generator for the HTTP service, on this machine.
//!
//! A fixed number of connections, each of which asks for a recommendation, waits for the reply, and now and then sends the
//! feedback of an earlier one: a closed loop, so that what it measures is the most that the service gives to that many
//! clients, and the latencies under it. It shares the processor with the server, and is therefore lean: one thread,
//! requests from prepared pieces, replies read for the two fields that are needed.

mod client;
mod process;
mod tally;
mod wire;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Error, Result, terminal};
use tokio::task::LocalSet;

use client::{Client, Habits};
use process::Process;
use tally::Shared;

/// What to load, and how.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whom to ask.
    pub server: Server,
    /// Open connections, each with one request at a time.
    pub connections: u32,
    /// How long it is loaded before anything is measured: until it remembers as many decisions as it may, so that what
    /// its memory grows by afterwards is not due to that.
    pub warm_up: Duration,
    /// How long the measurement takes.
    pub time: Duration,
    /// The probability that a recommendation gets feedback.
    pub feedback: f64,
    /// How many users ask.
    pub users: u32,
    /// Items of a slate.
    pub k: u32,
    /// Seed of users, rewards and of what gets feedback.
    pub seed: u64,
}

/// Whom to ask.
#[derive(Debug, Clone)]
pub enum Server {
    /// One that runs.
    Running(SocketAddr),
    /// One that is started for the measurement and stopped after it, by `online serve` with these arguments.
    Child(Vec<OsString>),
}

/// The part of the measurement after which the first look at the server's memory is taken.
const EARLY: u32 = 6;

/// Loads the server and prints a table to stdout.
///
/// # Errors
/// A server that does not start or cannot be reached. Errors of single requests are counted, not returned.
pub fn run(config: &Config) -> Result<()> {
    let (process, address) = match &config.server {
        Server::Running(address) => (None, *address),
        Server::Child(arguments) => {
            let process = Process::start(arguments)?;
            let address = process.address;
            (Some(process), address)
        }
    };
    let memory = || process.as_ref().and_then(Process::memory);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::retry(format!("cannot start the load generator: {e}")))?;
    let tally = Shared::new()?;
    let early = LocalSet::new().block_on(&runtime, drive(config, address, &tally, memory))?;
    terminal::print(tally.table(config.connections, early.zip(memory())))
}

/// Runs all connections for the time; the server's memory early in the measurement.
async fn drive(
    config: &Config,
    address: SocketAddr,
    tally: &Shared,
    memory: impl Fn() -> Option<u64>,
) -> Result<Option<u64>> {
    let habits = Rc::new(Habits {
        address,
        feedback: config.feedback,
        users: config.users,
        k: config.k,
        seed: config.seed,
    });
    let end = Instant::now() + config.warm_up + config.time;
    let mut running = Vec::new();
    for number in 0..config.connections {
        let client = Client::connect(number, habits.clone(), tally.clone()).await?;
        running.push(tokio::task::spawn_local(client.run(end)));
    }
    tokio::time::sleep(config.warm_up).await;
    tally.begin();
    tokio::time::sleep(config.time / EARLY).await;
    let early = memory();
    for client in running {
        let ended = client.await;
        ended.map_err(|e| Error::retry(format!("a client panicked: {e}")))?;
    }
    tally.end();
    Ok(early)
}
