//! Whether a request costs more the longer its user is known: users of a few interactions and of many, in turns, on one policy.

use std::time::Instant;

use common::bench::table;
use common::rng::{RngExt, stream};
use common::{Result, terminal};

use super::PairsConfig;
use super::latency::Latency;
use super::made::{self, Sizes};
use crate::live::{Ask, Feedback, Policy, Subject};

/// Users of each length: enough that what they gain while measured is little.
const USERS: usize = 64;

/// Measures pairs of users with each number of `lengths` of interactions, in turns, for as long as one run, and gives a table. The
/// catalogue is made twice as large as the longest history where it is smaller.
pub(super) fn measure(config: &PairsConfig) -> Result<String> {
    terminal::info("measuring users by the length of their histories");
    let lengths = &config.lengths;
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let sizes = Sizes {
        items: config.sizes.items.max(2 * longest),
        users: USERS * lengths.len(),
        ..config.sizes
    };
    let seed = config.settings.seed;
    let made = made::policy_with(sizes, seed, &|user| lengths[user % lengths.len()])?;
    let mut policy = Policy::new(made, &config.settings)?;
    let users: Vec<String> = (0..sizes.users).map(|user| user.to_string()).collect();
    let mut times = lengths
        .iter()
        .map(|_| Ok([Latency::new()?, Latency::new()?]))
        .collect::<Result<Vec<_>>>()?;
    let mut rng = stream(seed, "lengths", &[]);
    let begun = Instant::now();
    for turn in 0.. {
        let elapsed = begun.elapsed();
        if elapsed >= 2 * config.time {
            break;
        }
        let at = turn % users.len();
        let ask = Ask {
            user: &users[at],
            k: 1,
            candidates: None,
            given: None,
        };
        let asked = Instant::now();
        let request = policy.recommend(&ask)?.request;
        let answered = Instant::now();
        policy.observe(&Feedback {
            subject: Subject::Request { request, item: None },
            reward: f32::from(u8::from(rng.random::<f32>() < 0.3)),
            timestamp_ms: 0,
        })?;
        let done = Instant::now();
        // The first half warms up.
        if elapsed >= config.time {
            let [recommend, pair] = &mut times[at % lengths.len()];
            recommend.add(answered - asked);
            pair.add(done - asked);
        }
    }
    let first = times.first().map_or(1.0, |[_, pair]| pair.quantile(0.5));
    let rows: Vec<Vec<String>> = lengths
        .iter()
        .zip(&times)
        .map(|(length, [recommend, pair])| {
            let half = pair.quantile(0.5);
            vec![
                length.to_string(),
                format!("{:.1}", recommend.quantile(0.5)),
                format!("{half:.1}"),
                format!("{:.1}", pair.quantile(0.99)),
                format!("{:.2}", half / first),
            ]
        })
        .collect();
    let headings = [
        "interactions of the user",
        "recommend p50",
        "pair p50",
        "pair p99",
        "times the first row",
    ];
    Ok(format!(
        "{} items, {USERS} users of each length, microseconds\n{}",
        sizes.items,
        table(&headings, &rows)
    ))
}
