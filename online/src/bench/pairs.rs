//! Recommend and feedback in process, on one core: the library's face without disk and network. Beside it, in the same run, the
//! one thing that no exact distribution over a catalogue can do without: the product of a query with all embeddings.

use std::time::{Duration, Instant};

use common::bench::{Row, Table, median, table};
use common::policy::Network;
use common::rng::{RngExt, stream};
use common::{Result, terminal};

use super::latency::Latency;
use super::lengths;
use super::made::{self, Sizes};
use crate::live::{Ask, Feedback, Policy, Settings, Subject};

/// Pairs between two scans.
const EVERY: u64 = 4;

/// What to measure.
#[derive(Debug, Clone)]
pub struct PairsConfig {
    /// The made-up policy.
    pub sizes: Sizes,
    /// Strategy, hyper-parameters, seed.
    pub settings: Settings,
    /// How long one run lasts.
    pub time: Duration,
    /// Runs; the median counts.
    pub runs: usize,
    /// Interactions of users who are measured beside each other.
    pub lengths: Vec<usize>,
}

/// The times of one run.
struct Run {
    rate: f64,
    recommend: Latency,
    observe: Latency,
    pair: Latency,
    scan: Latency,
}

/// Measures and prints tables to stdout. A pair is one recommendation of one item, drawn with its probability from the whole
/// catalogue, and its feedback, with the update that it brings. A scan is the product of one query with the table of embeddings,
/// a matrix-vector product by the network's own kernel, over a copy of the same table.
///
/// # Errors
/// Sizes of which no policy can be made.
pub fn pairs(config: &PairsConfig) -> Result<()> {
    let Sizes { items, dims, users } = config.sizes;
    let made = made::policy(config.sizes, config.settings.seed)?;
    let network = Network::new(made.config.network.clone(), made.weights.clone());
    let mut caller = Caller {
        scan: Scan {
            query: network.queries(&network.encode(&[made::context(&made.users, 0).state()])),
            products: vec![0.0; items],
            network,
        },
        policy: Policy::new(made, &config.settings)?,
        users: (0..users).map(|user| user.to_string()).collect(),
        seed: config.settings.seed,
        calls: 0,
    };
    terminal::info("warming up");
    caller.run(config.time)?;
    let mut runs = Vec::new();
    for run in 0..config.runs {
        terminal::info(&format!("run {} of {}", run + 1, config.runs));
        runs.push(caller.run(config.time)?);
    }
    runs.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let rates = Table {
        title: format!(
            "{items} items, {dims} dimensions, {users} users, one core, median of {} runs of {:.1} s",
            config.runs,
            config.time.as_secs_f64()
        ),
        unit: "pairs/s",
        rows: vec![Row::new(
            "recommend and observe",
            runs.iter().map(|run| run.rate).collect(),
        )],
    };
    terminal::print(format_args!("{rates}\n{}", of_calls(&runs)))?;
    if !config.lengths.is_empty() {
        terminal::print(format_args!("\n{}", lengths::measure(config)?))?;
    }
    Ok(())
}

fn of_calls(runs: &[Run]) -> String {
    let Some(middle) = runs.get(runs.len() / 2) else {
        return String::new();
    };
    let row = |what: &str, latency: &Latency| {
        let times = [0.5, 0.99, 0.999].map(|share| format!("{:.1}", latency.quantile(share)));
        [vec![what.to_string()], times.to_vec()].concat()
    };
    let rows = [
        row("recommend", &middle.recommend),
        row("observe", &middle.observe),
        row("pair", &middle.pair),
        row("one scan", &middle.scan),
    ];
    let ratio = |run: &Run| run.pair.quantile(0.5) / run.scan.quantile(0.5);
    let ratio = median(runs.iter().map(ratio).collect());
    format!(
        "{}a pair takes {ratio:.2} times as long as one scan (p50, median of the runs)\n",
        table(&["microseconds", "p50", "p99", "p99.9"], &rows)
    )
}

/// A query and the table that it is multiplied with.
struct Scan {
    network: Network,
    query: Vec<f32>,
    products: Vec<f32>,
}

impl Scan {
    fn time(&mut self) -> Duration {
        let begun = Instant::now();
        self.network
            .products(std::hint::black_box(&self.query), &mut self.products);
        std::hint::black_box(&self.products);
        begun.elapsed()
    }
}

/// Who asks and answers.
struct Caller {
    scan: Scan,
    policy: Policy,
    users: Vec<String>,
    seed: u64,
    calls: u64,
}

impl Caller {
    fn run(&mut self, time: Duration) -> Result<Run> {
        let (mut recommend, mut observe, mut pair) = (Latency::new()?, Latency::new()?, Latency::new()?);
        let (mut scan, mut scanned) = (Latency::new()?, Duration::ZERO);
        let mut rng = stream(self.seed, "caller", &[self.calls]);
        let begun = Instant::now();
        let mut pairs = 0;
        while begun.elapsed() < time {
            let user = &self.users[rng.random_range(0..self.users.len())];
            let reward = f32::from(u8::from(rng.random::<f32>() < 0.3));
            let ask = Ask {
                user,
                k: 1,
                candidates: None,
                given: None,
            };
            let asked = Instant::now();
            let request = self.policy.recommend(&ask)?.request;
            let answered = Instant::now();
            self.policy.observe(&Feedback {
                subject: Subject::Request { request, item: None },
                reward,
                timestamp_ms: 0,
            })?;
            let done = Instant::now();
            recommend.add(answered - asked);
            observe.add(done - answered);
            pair.add(done - asked);
            pairs += 1;
            if pairs % EVERY == 0 {
                let time = self.scan.time();
                scan.add(time);
                scanned += time;
            }
        }
        self.calls += pairs;
        Ok(Run {
            rate: pairs as f64 / (begun.elapsed() - scanned).as_secs_f64(),
            recommend,
            observe,
            pair,
            scan,
        })
    }
}
