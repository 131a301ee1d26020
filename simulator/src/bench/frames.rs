//! Steps through step frames, against the random agent of this program as a child process.

use std::time::{Duration, Instant};

use common::bench::Row;
use common::{Error, Result};

use super::Config;
use crate::drive::agent::Agent;
use crate::drive::exchange::{self, Exchange};
use crate::environment::{self, Environment};

/// The agent answers in microseconds; a minute means that it hangs.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn measure(environment: &Environment, config: &Config, batch: u32) -> Result<Row> {
    let program = std::env::current_exe()
        .map_err(|e| Error::retry(format!("cannot find this program to start it as an agent: {e}")))?;
    let items = environment::items_file(&config.environment);
    let words = [
        program.display().to_string(),
        "random-agent".into(),
        "--items".into(),
        items.display().to_string(),
        "--seed".into(),
        config.seed.to_string(),
    ];
    let hello = exchange::hello(environment, &config.rules, config.seed);
    let mut agent = Agent::start(&words, &hello, "the random agent".into(), LIMIT)?;
    let mut exchange = Exchange::new(environment, config.rules, config.seed, batch);
    let row = Row::measure("through frames, random agent", config.runs, || {
        let (start, mut steps) = (Instant::now(), 0);
        while start.elapsed() < config.time {
            let reply = agent
                .ask(exchange.request())?
                .ok_or_else(|| Error::retry("the random agent has closed its stream"))?;
            exchange.take(&reply, |_, _, _| steps += 1, |_, _| true)?;
        }
        Ok((steps, start.elapsed()))
    })?;
    agent.finish()?;
    Ok(row)
}
