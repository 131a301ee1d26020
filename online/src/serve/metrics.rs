//! What the service counts, for Prometheus.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::reading::{ARMS, GAUGES, Reading, SUMS, of_apprentice};
use crate::adapt::Reason;

/// The media type of the text that [`Metrics::text`] gives.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    route: &'static str,
    status: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Of {
    number: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Arm {
    arm: String,
}

type Number = Gauge<f64, AtomicU64>;
type Sum = Counter<f64, AtomicU64>;

/// Counters and gauges. Those of the live policy are read from it when somebody asks.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    latency: Family<Route, Histogram, fn() -> Histogram>,
    feedback: Family<Outcome, Counter>,
    swaps: Family<Outcome, Counter>,
    strategy: Family<Of, Number>,
    apprentice: Family<Of, Number>,
    connections: Gauge,
    /// Connections beyond the limit.
    pub(super) turned_away: Counter,
    /// In the order of [`GAUGES`].
    gauges: Vec<Number>,
    /// In the order of [`SUMS`].
    sums: Vec<Sum>,
    /// In the order of [`ARMS`].
    arms: Vec<Family<Arm, Number>>,
}

/// 50 microseconds to 26 seconds: a decision at one end, a write timeout at the other.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(50e-6, 2.0, 20))
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("headstart");
        let requests = Family::<Request, Counter>::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let latency = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register(
            "http_request_seconds",
            "Time from a request's head to its reply",
            latency.clone(),
        );
        let feedback = Family::<Outcome, Counter>::default();
        registry.register(
            "feedback",
            "Rewards that came, by what became of them",
            feedback.clone(),
        );
        let swaps = Family::<Outcome, Counter>::default();
        registry.register(
            "policy_swaps",
            "Changes of the policy that were asked for",
            swaps.clone(),
        );
        let strategy = Family::<Of, Number>::default();
        registry.register(
            "strategy",
            "The strategy's numbers, as an explanation gives them for a user of whom nothing is known",
            strategy.clone(),
        );
        let apprentice = Family::<Of, Number>::default();
        registry.register(
            "apprentice",
            "How the policy would have done beside the system that it learns from, as GET /apprentice tells it",
            apprentice.clone(),
        );
        let connections = Gauge::default();
        registry.register("connections", "Open connections", connections.clone());
        let turned_away = Counter::default();
        registry.register(
            "connections_turned_away",
            "Connections beyond the limit",
            turned_away.clone(),
        );
        let mut gauges = Vec::new();
        for (name, help, _) in GAUGES {
            let gauge = Number::default();
            registry.register(name, help, gauge.clone());
            gauges.push(gauge);
        }
        let mut sums = Vec::new();
        for (name, help, _) in SUMS {
            let sum = Sum::default();
            registry.register(name, help, sum.clone());
            sums.push(sum);
        }
        let mut arms = Vec::new();
        for (name, help, _) in ARMS {
            let numbers = Family::<Arm, Number>::default();
            registry.register(name, help, numbers.clone());
            arms.push(numbers);
        }
        Metrics {
            registry,
            requests,
            latency,
            feedback,
            swaps,
            strategy,
            apprentice,
            connections,
            turned_away,
            gauges,
            sums,
            arms,
        }
    }

    /// A request on a route was answered.
    pub(super) fn answered(&self, route: &'static str, status: StatusCode, time: Duration) {
        let status = u32::from(status.as_u16());
        self.requests.get_or_create(&Request { route, status }).inc();
        self.latency
            .get_or_create(&Route { route })
            .observe(time.as_secs_f64());
    }

    /// `count` rewards were `applied`, a `duplicate` or `refused`.
    pub(super) fn rewards(&self, outcome: &'static str, count: u64) {
        self.feedback.get_or_create(&Outcome { outcome }).inc_by(count);
    }

    /// A connection is open as long as what this returns lives.
    pub(super) fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }

    /// A new policy was `taken` or `refused`.
    pub(super) fn swap(&self, outcome: &'static str) {
        self.swaps.get_or_create(&Outcome { outcome }).inc();
    }

    /// All of it as OpenMetrics text.
    pub(super) fn text(&self, reading: &Reading) -> Result<String, fmt::Error> {
        for (gauge, (_, _, value)) in self.gauges.iter().zip(GAUGES) {
            gauge.set(value(reading));
        }
        for (sum, (_, _, value)) in self.sums.iter().zip(SUMS) {
            sum.inner().store(value(reading).to_bits(), Ordering::Relaxed);
        }
        for (numbers, (_, _, value)) in self.arms.iter().zip(ARMS) {
            // An arm that has left, and a number that is not known any more, are told no more.
            numbers.clear();
            for standing in &reading.arms {
                let arm = standing.arm.clone();
                if let Some(value) = value(standing) {
                    numbers.get_or_create(&Arm { arm }).set(value);
                }
            }
        }
        self.apprentice.clear();
        for (name, value) in reading.apprentice.iter().flat_map(of_apprentice) {
            self.apprentice.get_or_create(&Of { number: name }).set(value);
        }
        for Reason { name, value, .. } in &reading.reasons {
            self.strategy.get_or_create(&Of { number: name }).set(*value);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// An open connection; it is counted until it goes, however that comes about.
pub(super) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}
