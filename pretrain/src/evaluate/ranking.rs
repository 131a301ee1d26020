//! Ranking metrics over the full catalogue, as RecBole 1.2 defines them (`recbole.evaluator.metrics`).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The places, from 1 and ascending, of the distinct items `relevant` when the catalogue is sorted by falling `logits`.
///
/// Ties count against the policy: an irrelevant item with the same logit stands before. (RecBole leaves the order of
/// equal scores to `torch.topk`, where it is arbitrary; a network that scores all items alike could get anything.)
/// An item whose logit is minus infinity is not ranked.
pub fn places(logits: &[f32], relevant: &[u32]) -> Vec<usize> {
    let mut own: Vec<f32> = relevant.iter().map(|&item| logits[item as usize]).collect();
    own.sort_by(|a, b| b.total_cmp(a));
    // An item pushes down the relevant ones with at most its logit: all from `first` on.
    let first = |logit: f32| own.partition_point(|&relevant| relevant > logit);
    let mut pushes = vec![0_isize; own.len() + 1];
    for &logit in logits.iter().filter(|logit| **logit > f32::NEG_INFINITY) {
        pushes[first(logit)] += 1;
    }
    for &logit in &own {
        pushes[first(logit)] -= 1;
    }
    let mut before = 0;
    let place = |at: usize| {
        before += pushes[at];
        before as usize + at + 1
    };
    (0..own.len()).map(place).collect()
}

/// The share of the other items that stand after each relevant one, on average: the area under the ROC curve, 0.5 for a
/// random list. `places` are as [`places`] gives them, in a list of `ranked` items; of the `relevant` items those that the list
/// lacks stand after all. NaN where there is no other item.
pub fn auc(places: &[usize], ranked: usize, relevant: usize) -> f64 {
    let others = (ranked - places.len()) as f64;
    let before = places
        .iter()
        .enumerate()
        .map(|(at, place)| (place - 1 - at) as f64);
    before.map(|before| 1.0 - before / others).sum::<f64>() / relevant as f64
}

/// What a list is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The share of the relevant items among the first k.
    Recall,
    /// Discounted gain 1 / log2(place + 1) of the relevant items among the first k, over the most that can be had.
    Ndcg,
    /// One over the place of the first relevant item, 0 where it is not among the first k.
    Mrr,
    /// 1 where a relevant item is among the first k, else 0.
    Hit,
}

/// A measure of the first k items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What is measured.
    pub measure: Measure,
    /// How much of the list is read.
    pub k: usize,
}

impl Metric {
    /// Every measure at each of `cuts`.
    pub fn all(cuts: &[usize]) -> Vec<Metric> {
        let measures = [Measure::Recall, Measure::Ndcg, Measure::Mrr, Measure::Hit];
        let at = |measure| cuts.iter().map(move |&k| Metric { measure, k });
        measures.into_iter().flat_map(at).collect()
    }

    /// Of a list in which the relevant items have `places` (from 1, ascending), of `relevant` in all: those that the list
    /// does not have count too.
    pub fn of(self, places: &[usize], relevant: usize) -> f64 {
        let among = places.iter().take_while(|place| **place <= self.k);
        match self.measure {
            Measure::Recall => among.count() as f64 / relevant as f64,
            Measure::Ndcg => {
                let gain = |place: usize| 1.0 / (place as f64 + 1.0).log2();
                let most: f64 = (1..=relevant.min(self.k)).map(gain).sum();
                among.map(|&place| gain(place)).sum::<f64>() / most
            }
            Measure::Mrr => among.take(1).map(|&place| 1.0 / place as f64).sum(),
            Measure::Hit => among.take(1).count() as f64,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.measure {
            Measure::Recall => "recall",
            Measure::Ndcg => "ndcg",
            Measure::Mrr => "mrr",
            Measure::Hit => "hit",
        };
        write!(f, "{name}@{}", self.k)
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a ranking metric, such as recall@10 or ndcg@20");
        let (name, k) = text.split_once('@').ok_or_else(wrong)?;
        let measure = match name {
            "recall" => Measure::Recall,
            "ndcg" => Measure::Ndcg,
            "mrr" => Measure::Mrr,
            "hit" => Measure::Hit,
            _ => return Err(wrong()),
        };
        match k.parse() {
            Ok(k) if k > 0 => Ok(Metric { measure, k }),
            _ => Err(wrong()),
        }
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(text: &str, places: &[usize], relevant: usize) -> f64 {
        text.parse::<Metric>().unwrap().of(places, relevant)
    }

    #[test]
    fn places_by_hand() {
        let logits = [0.1, 0.9, 0.5, 0.7, f32::NEG_INFINITY];
        assert_eq!(places(&logits, &[2]), [3]);
        assert_eq!(places(&logits, &[0, 1, 2]), [1, 3, 4]);
        assert_eq!(places(&logits, &[]), [0; 0]);
    }

    #[test]
    fn ties_count_against_the_policy_and_relevant_items_not_against_each_other() {
        assert_eq!(places(&[1.0; 6], &[4]), [6]);
        assert_eq!(places(&[1.0; 6], &[4, 0]), [5, 6]);
        assert_eq!(places(&[2.0, 1.0, 1.0, 0.0], &[0, 1]), [1, 3]);
    }

    #[test]
    fn areas_by_hand() {
        assert_eq!(auc(&[1], 5, 1), 1.0);
        assert_eq!(auc(&[5], 5, 1), 0.0);
        assert_eq!(auc(&[2, 3], 4, 2), 0.5);
        assert_eq!(auc(&[1], 3, 2), 0.5, "one of two is not in the list");
    }

    #[test]
    fn each_metric_by_hand() {
        assert_eq!(metric("recall@5", &[2, 5, 6], 4), 0.5);
        assert_eq!(metric("hit@5", &[2, 5, 6], 4), 1.0);
        assert_eq!(metric("hit@5", &[6], 4), 0.0);
        assert_eq!(metric("mrr@5", &[2, 5], 2), 0.5);
        assert_eq!(metric("mrr@5", &[6], 1), 0.0);
        assert_eq!(metric("ndcg@5", &[3], 1), 0.5);
        let gain = |place: f64| 1.0 / (place + 1.0).log2();
        let expected = (gain(2.0) + gain(3.0)) / (gain(1.0) + gain(2.0) + gain(3.0));
        assert!((metric("ndcg@3", &[2, 3, 9, 10], 4) - expected).abs() < 1e-15);
    }

    #[test]
    fn names_are_read_and_written() {
        for name in ["recall@10", "ndcg@5", "mrr@20", "hit@1"] {
            assert_eq!(name.parse::<Metric>().unwrap().to_string(), name);
        }
        for wrong in ["recall", "recall@0", "recall@x", "auc@10"] {
            assert!(wrong.parse::<Metric>().is_err(), "{wrong}");
        }
    }
}
