//! What a gate decides by.

use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::evaluate::estimators::Estimator;
use crate::evaluate::ranking::Metric;

/// An off-policy estimator or a ranking metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Criterion {
    /// The policy's value a step, estimated from logged feedback.
    Value(Estimator),
    /// Its lists of the catalogue.
    Lists(Metric),
}

impl Criterion {
    /// As in tables.
    pub fn name(self) -> String {
        match self {
            Criterion::Value(estimator) => estimator.name().to_string(),
            Criterion::Lists(metric) => metric.to_string(),
        }
    }

    /// With SWITCH's threshold set to `tau`.
    pub fn with_tau(self, tau: f64) -> Self {
        match self {
            Criterion::Value(Estimator::Switch { .. }) => Criterion::Value(Estimator::Switch { tau }),
            other => other,
        }
    }
}

impl FromStr for Criterion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut estimators = Estimator::all(f64::INFINITY).into_iter().chain([Estimator::Mips]);
        if let Some(found) = estimators.find(|estimator| estimator.name() == text) {
            return Ok(Criterion::Value(found));
        }
        text.parse().map(Criterion::Lists).map_err(|_| {
            format!(
                "`{text}` is neither ips, snips, dm, dr, switch or mips nor a ranking metric, such as recall@10"
            )
        })
    }
}

impl Serialize for Criterion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Criterion::Value(estimator) => serializer.serialize_str(estimator.name()),
            Criterion::Lists(metric) => metric.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimators_and_metrics_are_read() {
        let read = |text: &str| text.parse::<Criterion>();
        assert_eq!(read("snips"), Ok(Criterion::Value(Estimator::Snips)));
        assert_eq!(read("mips"), Ok(Criterion::Value(Estimator::Mips)));
        assert_eq!(
            read("switch").unwrap().with_tau(3.0),
            Criterion::Value(Estimator::Switch { tau: 3.0 })
        );
        assert!(matches!(read("ndcg@20"), Ok(Criterion::Lists(metric)) if metric.k == 20));
        assert!(read("auc").unwrap_err().contains("recall@10"));
    }
}
