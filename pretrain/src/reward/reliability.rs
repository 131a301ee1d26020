//! The reliability diagram: what was predicted against what happened, in bins.
//!
//! Likes are rare, and what matters to a policy are the items of high probability. So each bin is to hold as many
//! likes as the others by prediction, not as many pairs.

use common::schema::reliability::Bin;
use common::stats::logistic;

/// Bins of a diagram.
const BINS: usize = 10;
/// Standard deviations to each side of a 95 % interval.
pub(super) const NORMAL_95: f64 = 1.96;

/// A prediction and what happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    pub(crate) probability: f64,
    pub(crate) liked: bool,
    /// How many pairs it stands for.
    pub(crate) weight: f64,
    /// Its user.
    pub(crate) group: usize,
}

/// At most ten bins by rising probability; pairs of the same probability stand in the same bin.
pub(crate) fn bins(judged: &[Judged]) -> Vec<Bin> {
    let mut sorted = judged.to_vec();
    sorted.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    let total: f64 = sorted.iter().map(|j| j.weight * j.probability).sum();
    let (mut found, mut start, mut expected) = (Vec::new(), 0, 0.0);
    for at in 0..sorted.len() {
        expected += sorted[at].weight * sorted[at].probability;
        let more = sorted.get(at + 1);
        let is_full = expected >= total * (found.len() + 1) as f64 / BINS as f64;
        if more.is_none_or(|next| is_full && next.probability > sorted[at].probability) {
            found.push(bin(&mut sorted[start..=at]));
            start = at + 1;
        }
    }
    found
}

/// One bin. The frequency is a ratio of two sums over users, likes and pairs; its variance is the ratio estimator's
/// (Cochran 1977, Sampling Techniques, section 6.4), taken to the logit so that the interval stays within 0 and 1.
fn bin(judged: &mut [Judged]) -> Bin {
    let weight: f64 = judged.iter().map(|j| j.weight).sum();
    let mean = |of: &dyn Fn(&Judged) -> f64| judged.iter().map(|j| j.weight * of(j)).sum::<f64>() / weight;
    let liked = |j: &Judged| f64::from(u8::from(j.liked));
    let (predicted, observed) = (mean(&|j| j.probability), mean(&liked));
    judged.sort_by_key(|j| j.group);
    let residuals: Vec<f64> = judged
        .chunk_by(|a, b| a.group == b.group)
        .map(|user| user.iter().map(|j| j.weight * (liked(j) - observed)).sum())
        .collect();
    let users = residuals.len() as f64;
    let few = users / (users - 1.0).max(1.0);
    let error = (few * residuals.iter().map(|r| r * r).sum::<f64>()).sqrt() / weight;
    let [low, high] = if observed == 0.0 {
        // The rule of three: 95 % of the time, a rate of 3 / n would have shown itself.
        [0.0, (3.0 / weight).min(1.0)]
    } else if observed == 1.0 {
        [(1.0 - 3.0 / weight).max(0.0), 1.0]
    } else {
        let (logit, spread) = (
            (observed / (1.0 - observed)).ln(),
            NORMAL_95 * error / (observed * (1.0 - observed)),
        );
        [logit - spread, logit + spread].map(logistic)
    };
    Bin {
        predicted,
        observed,
        weight,
        low,
        high,
    }
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, stream};

    use super::*;

    #[test]
    fn bins_hold_about_equal_shares_of_the_expected_likes_and_all_pairs() {
        let judged: Vec<Judged> = (1..=1000)
            .map(|i| Judged {
                probability: f64::from(i) / 2000.0,
                liked: i % 4 == 0,
                weight: f64::from(i % 3 + 1),
                group: i as usize % 50,
            })
            .collect();
        let found = bins(&judged);
        assert_eq!(found.len(), BINS);
        assert!(found.is_sorted_by(|a, b| a.predicted < b.predicted));
        let expected: Vec<f64> = found.iter().map(|bin| bin.weight * bin.predicted).collect();
        let mean = expected.iter().sum::<f64>() / 10.0;
        assert!(
            expected.iter().all(|e| (e / mean - 1.0).abs() < 0.05),
            "{expected:?}"
        );
        let weight: f64 = judged.iter().map(|j| j.weight).sum();
        assert!((found.iter().map(|bin| bin.weight).sum::<f64>() - weight).abs() < 1e-9);
        assert!(bins(&[]).is_empty());
    }

    #[test]
    fn one_probability_is_one_bin_and_no_like_has_a_bound() {
        let one = |liked| Judged {
            probability: 0.1,
            liked,
            weight: 1.0,
            group: 0,
        };
        let found = bins(&[one(false); 30]);
        assert_eq!((found.len(), found[0].observed, found[0].low), (1, 0.0, 0.0));
        assert!((found[0].high - 0.1).abs() < 1e-12);
        assert_eq!(bins(&[one(true); 30])[0].high, 1.0);
    }

    /// Users differ, and failures are a sample: the interval must still hold the truth about 95 times of 100.
    #[test]
    fn intervals_of_the_frequency_cover_it() {
        const LOGS: u64 = 400;
        let (rare, frequent, share) = (0.02, 0.10, 8.0);
        let covered = (0..LOGS).filter(|&log| {
            let mut rng = stream(log, "test/reliability", &[]);
            let mut judged = Vec::new();
            for group in 0..100 {
                let truth = if rng.random::<f64>() < 0.5 { rare } else { frequent };
                for _ in 0..60 {
                    let liked = rng.random::<f64>() < truth;
                    if liked || rng.random::<f64>() < 1.0 / share {
                        judged.push(Judged {
                            probability: 0.06,
                            liked,
                            weight: if liked { 1.0 } else { share },
                            group,
                        });
                    }
                }
            }
            let bin = bins(&judged)[0];
            bin.low <= 0.06 && 0.06 <= bin.high
        });
        let covered = covered.count();
        assert!((366..=394).contains(&covered), "{covered} of {LOGS}");
    }
}
