//! The area under the ROC curve: how often a positive is ranked above a negative.

/// Of `scores`, of which those with `positive` should be the higher: the share of pairs of a positive and a
/// negative in which the positive scores higher, ties counting half (Mann and Whitney 1947). None unless both
/// kinds are there. Scores must not be NaN.
pub(super) fn auc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let mut ranked: Vec<(f64, bool)> = scores.iter().copied().zip(positive.iter().copied()).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut won, mut below, mut positives) = (0.0, 0.0, 0.0);
    // 0.0 and -0.0 are a tie, which only `==` tells.
    for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
        let liked = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        let others = tied.len() as f64 - liked;
        won += liked * (below + 0.5 * others);
        below += others;
        positives += liked;
    }
    (positives > 0.0 && below > 0.0).then(|| won / (positives * below))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{RngExt, stream};

    fn brute_force(scores: &[f64], positive: &[bool]) -> Option<f64> {
        let (mut won, mut pairs) = (0.0, 0.0);
        for (a, _) in scores.iter().zip(positive).filter(|(_, is)| **is) {
            for (b, _) in scores.iter().zip(positive).filter(|(_, is)| !**is) {
                pairs += 1.0;
                won += if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
            }
        }
        (pairs > 0.0).then(|| won / pairs)
    }

    #[test]
    fn it_is_the_share_of_pairs_in_order() {
        let mut rng = stream(1, "test", &[]);
        for _ in 0..500 {
            let count = rng.random_range(0..12);
            // Few distinct values, so that there are many ties.
            let scores: Vec<f64> = (0..count)
                .map(|_| f64::from(rng.random_range(-2..3_i32)))
                .collect();
            let positive: Vec<bool> = (0..count).map(|_| rng.random_range(0..3) == 0).collect();
            match (auc(&scores, &positive), brute_force(&scores, &positive)) {
                (Some(fast), Some(slow)) => assert!((fast - slow).abs() < 1e-12, "{scores:?} {positive:?}"),
                (fast, slow) => assert_eq!(fast, slow),
            }
        }
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(auc(&[1.0, 1.0, 1.0], &[true, false, false]), Some(0.5));
        assert_eq!(auc(&[0.0, -0.0], &[true, false]), Some(0.5));
        assert_eq!(auc(&[2.0, 2.0, 1.0], &[true, false, false]), Some(0.75));
        assert_eq!(auc(&[1.0, 2.0], &[true, true]), None);
    }
}
