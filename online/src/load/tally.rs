//! What the clients count.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::Result;

use super::wire::Reply;
use crate::bench::latency::Latency;

/// Which request it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Recommend,
    Feedback,
}

/// Counts of one run.
pub(super) struct Tally {
    /// Latencies of recommendations and of feedback that were answered with 200.
    latencies: [Latency; 2],
    /// Replies of another status.
    refused: u64,
    /// Connections that broke.
    broken: u64,
    /// The first failure, in words.
    first: Option<String>,
    /// When the measurement began.
    start: Instant,
    /// How long it took.
    time: Duration,
}

/// The clients of one run share a tally: they take turns on one thread.
#[derive(Clone)]
pub(super) struct Shared(Rc<RefCell<Tally>>);

impl Shared {
    pub(super) fn new() -> Result<Self> {
        Ok(Shared(Rc::new(RefCell::new(Tally {
            latencies: [Latency::new()?, Latency::new()?],
            refused: 0,
            broken: 0,
            first: None,
            start: Instant::now(),
            time: Duration::ZERO,
        }))))
    }

    /// The warm-up is over: latencies count from here on. Failures have counted before.
    pub(super) fn begin(&self) {
        let mut tally = self.0.borrow_mut();
        tally.latencies.iter_mut().for_each(Latency::clear);
        tally.start = Instant::now();
    }

    /// The measurement is over.
    pub(super) fn end(&self) {
        let mut tally = self.0.borrow_mut();
        tally.time = tally.start.elapsed();
    }

    pub(super) fn answered(&self, kind: Kind, time: Duration, reply: &Reply<'_>) {
        let mut tally = self.0.borrow_mut();
        if reply.status == 200 {
            tally.latencies[kind as usize].add(time);
        } else {
            tally.refused += 1;
            tally
                .first
                .get_or_insert_with(|| format!("{}: {}", reply.status, reply.body));
        }
    }

    pub(super) fn broken(&self, why: &str) {
        let mut tally = self.0.borrow_mut();
        tally.broken += 1;
        tally.first.get_or_insert_with(|| why.to_string());
    }

    /// The table of the measurement; `memory` is the server's, early and at the end, in bytes.
    pub(super) fn table(&self, connections: u32, memory: Option<(u64, u64)>) -> String {
        let tally = self.0.borrow();
        let time = tally.time;
        let mut text = format!(
            "{connections} connections, {:.1} s; latencies in milliseconds\n\n{:<10}  {:>9}  {:>9}  {:>7}  {:>7}  {:>7}  {:>7}\n",
            time.as_secs_f64(),
            "",
            "replies",
            "a second",
            "p50",
            "p99",
            "p99.9",
            "most"
        );
        for (name, latencies) in ["recommend", "feedback"].iter().zip(&tally.latencies) {
            let at = |quantile: f64| latencies.quantile(quantile) / 1e3;
            text += &format!(
                "{name:<10}  {:>9}  {:>9.0}  {:>7.2}  {:>7.2}  {:>7.2}  {:>7.2}\n",
                latencies.len(),
                latencies.len() as f64 / time.as_secs_f64(),
                at(0.5),
                at(0.99),
                at(0.999),
                at(1.0)
            );
        }
        text += &format!("\nerrors      {}", tally.refused + tally.broken);
        if let Some(first) = &tally.first {
            text += &format!(
                " ({} refused, {} connections broke; the first: {first})",
                tally.refused, tally.broken
            );
        }
        text.push('\n');
        if let Some((early, end)) = memory {
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            text += &format!(
                "memory      {:.1} MiB, after a sixth of the time {:.1} MiB: {:+.1} %\n",
                mib(end),
                mib(early),
                (end as f64 / early as f64 - 1.0) * 100.0
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_rates_latencies_errors_and_growth() {
        let tally = Shared::new().unwrap();
        let reply = |status| Reply {
            status,
            body: "why",
            length: 0,
        };
        tally.answered(Kind::Recommend, Duration::from_secs(9), &reply(200));
        tally.begin();
        for millis in 1..=100 {
            tally.answered(Kind::Recommend, Duration::from_millis(millis), &reply(200));
        }
        tally.answered(Kind::Feedback, Duration::from_millis(7), &reply(409));
        tally.broken("reset");
        tally.0.borrow_mut().time = Duration::from_secs(2);
        let table = tally.table(64, Some((100 << 20, 103 << 20)));
        for expected in [
            "64 connections, 2.0 s",
            "errors      2 (1 refused, 1 connections broke; the first: 409: why)",
            "+3.0 %",
        ] {
            assert!(table.contains(expected), "{expected} in\n{table}");
        }
        let row = table.lines().find(|line| line.starts_with("recommend")).unwrap();
        let numbers: Vec<f64> = row
            .split_whitespace()
            .skip(1)
            .map(|n| n.parse().unwrap())
            .collect();
        assert_eq!(numbers[..2], [100.0, 50.0]);
        assert!(
            (numbers[2] - 50.0).abs() < 0.1 && (numbers[3] - 99.0).abs() < 0.1,
            "{row}"
        );
    }
}
