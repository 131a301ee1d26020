//! Acknowledged feedback: recommend and feedback in process with the journal on a real disk, by the number of those who
//! wait for it at the same time; and how long it takes to recover what they left.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::bench::{table, thousands};
use common::rng::{RngExt, stream};
use common::{Error, Result, terminal};
use tokio::task::JoinSet;

use super::latency::Latency;
use super::made::{self, Sizes};
use crate::adapt::Buffers;
use crate::journal::{Durable, Keeping, OpenConfig, StateFolder};
use crate::live::{Ask, Feedback, Pending, Settings, Subject};

/// What to measure.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    /// The made-up policy.
    pub sizes: Sizes,
    /// Strategy, hyper-parameters, seed.
    pub settings: Settings,
    /// A folder on the disk to measure, in which one is made and removed.
    pub folder: PathBuf,
    /// How long each number of writers writes.
    pub time: Duration,
    /// How many wait at the same time.
    pub writers: Vec<usize>,
    /// Threads that they share.
    pub workers: usize,
}

/// Measures and prints tables to stdout.
///
/// # Errors
/// Sizes of which no policy can be made, a disk that cannot be written.
pub fn journal(config: &JournalConfig) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("bench-journal-")
        .tempdir_in(&config.folder);
    let folder = folder.map_err(|e| Error::io(e, "make a folder in", &config.folder))?;
    let policy = folder.path().join("policy");
    made::policy(config.sizes, config.settings.seed)?.save(&policy)?;
    let Sizes { items, dims, .. } = config.sizes;
    terminal::print(format_args!(
        "{items} items, {dims} dimensions, {:?}, {} threads\n\n",
        config.settings.strategy, config.workers
    ))?;
    let (mut written, mut recovered) = (Vec::new(), Vec::new());
    for &writers in &config.writers {
        terminal::info(&format!("{writers} writers"));
        let state = folder.path().join(format!("state-{writers}"));
        written.push(write(config, &policy, &state, writers)?);
        recovered.push(recover(&state, writers)?);
    }
    let names = [
        "writers",
        "feedback/s",
        "p50 ms",
        "p99 ms",
        "commits/s",
        "records per commit",
        "bytes per record",
    ];
    terminal::print(format_args!("{}\n", table(&names, &written)))?;
    let names = [
        "after",
        "events",
        "recovery s",
        "s per million",
        "from the beginning s",
    ];
    terminal::print(table(&names, &recovered))
}

/// Lets `writers` recommend and answer until the time is over, each waiting for the disk before it goes on.
fn write(config: &JournalConfig, policy: &Path, state: &Path, writers: usize) -> Result<Vec<String>> {
    let durable = Durable::open(&OpenConfig {
        arms: Vec::new(),
        state: state.to_path_buf(),
        policy: policy.to_path_buf(),
        settings: config.settings,
        // What is measured is the journal: nothing is compacted meanwhile.
        keeping: Keeping {
            segment_bytes: u64::MAX,
            segment_seconds: u64::MAX,
            policies: None,
        },
        pending: Pending::CAPACITY,
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.workers)
        .build()
        .map_err(|e| Error::retry(format!("cannot start threads: {e}")))?;
    let before = durable.progress();
    let begun = Instant::now();
    let latency = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for writer in 0..writers {
            let (durable, config) = (Arc::clone(&durable), config.clone());
            tasks.spawn(async move { feedback(&durable, &config, writer as u64, begun).await });
        }
        let mut latency = Latency::new()?;
        for times in tasks.join_all().await {
            latency.merge(&times?)?;
        }
        Ok::<_, Error>(latency)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let after = durable.progress();
    let records = (after.synced - before.synced) as f64;
    let commits = (after.commits - before.commits) as f64;
    Ok(vec![
        writers.to_string(),
        thousands(latency.len() as f64 / seconds),
        format!("{:.2}", latency.quantile(0.5) / 1e3),
        format!("{:.2}", latency.quantile(0.99) / 1e3),
        thousands(commits / seconds),
        format!("{:.1}", records / commits),
        thousands((after.bytes - before.bytes) as f64 / records),
    ])
}

/// One writer; the times from sending feedback to its being on disk.
async fn feedback(durable: &Durable, config: &JournalConfig, writer: u64, begun: Instant) -> Result<Latency> {
    let mut latency = Latency::new()?;
    let mut rng = stream(config.settings.seed, "writer", &[writer]);
    let mut buffers = Buffers::new();
    while begun.elapsed() < config.time {
        let user = rng.random_range(0..config.sizes.users).to_string();
        let reward = f32::from(u8::from(rng.random::<f32>() < 0.3));
        let request = {
            let state = durable.read()?;
            let ask = Ask {
                user: &user,
                k: 1,
                candidates: None,
                given: None,
            };
            durable.recommend(&state, &ask, &mut buffers)?.request
        };
        let sent = Instant::now();
        let subject = Subject::Request { request, item: None };
        let observed = durable.observe(|_, _| {
            Ok::<_, Error>(vec![Feedback {
                subject,
                reward,
                timestamp_ms: 0,
            }])
        });
        let lsn = observed
            .map_err(|refused| Error::data(format!("feedback was refused: {refused:?}")))?
            .lsn;
        durable.durable(lsn).await?;
        latency.add(sent.elapsed());
    }
    Ok(latency)
}

/// Recovers what was left, without a snapshot: all of it is read and applied.
fn recover(state: &Path, writers: usize) -> Result<Vec<String>> {
    let folder = StateFolder::read(state)?;
    let begun = Instant::now();
    let events = folder.recover(Pending::CAPACITY)?.state.applied() as f64;
    let recovery = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    folder.rebuild(|_: &mut (), _| ())?;
    let rebuilding = begun.elapsed().as_secs_f64();
    Ok(vec![
        format!("{writers} writers"),
        thousands(events),
        format!("{recovery:.2}"),
        format!("{:.1}", recovery * 1e6 / events),
        format!("{rebuilding:.2}"),
    ])
}
