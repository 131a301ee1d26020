//! The area under the ROC curve: how often what happened was scored above what did not.

/// All that has one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tied {
    /// The score.
    pub score: f64,
    /// The weight of what happened.
    pub positive: f64,
    /// The weight of what did not.
    pub negative: f64,
}

/// Scores, whether it happened, and the weight of each, by score and rising. Scores must not be NaN.
pub fn tied(scored: impl IntoIterator<Item = (f64, bool, f64)>) -> Vec<Tied> {
    let mut sorted: Vec<(f64, bool, f64)> = scored.into_iter().collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    // 0.0 and -0.0 are a tie, which only `==` tells.
    let of_score = |tied: &[(f64, bool, f64)]| {
        let mut found = Tied {
            score: tied[0].0,
            positive: 0.0,
            negative: 0.0,
        };
        for &(_, happened, weight) in tied {
            *if happened {
                &mut found.positive
            } else {
                &mut found.negative
            } += weight;
        }
        found
    };
    sorted.chunk_by(|a, b| a.0 == b.0).map(of_score).collect()
}

/// The weight of pairs of something that happened and something that did not in which the first scores higher, ties counting
/// half, as a share of all such pairs (Mann and Whitney 1947). NaN unless both kinds are there. Scores as for [`tied`].
pub fn auc(scored: impl IntoIterator<Item = (f64, bool, f64)>) -> f64 {
    auc_of_tied(tied(scored).iter().map(|tied| (tied.positive, tied.negative)))
}

/// The same from the weights of the two kinds at each score, by rising score.
pub fn auc_of_tied(tied: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let (mut won, mut below, mut positives) = (0.0, 0.0, 0.0);
    for (positive, negative) in tied {
        won += positive * (below + 0.5 * negative);
        below += negative;
        positives += positive;
    }
    won / (positives * below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{RngExt, stream};

    fn area(scored: &[(f64, bool, f64)]) -> f64 {
        auc(scored.iter().copied())
    }

    fn brute_force(scored: &[(f64, bool, f64)]) -> f64 {
        let (mut won, mut pairs) = (0.0, 0.0);
        for (a, _, of_a) in scored.iter().filter(|one| one.1) {
            for (b, _, of_b) in scored.iter().filter(|one| !one.1) {
                pairs += of_a * of_b;
                won += of_a
                    * of_b
                    * if a > b {
                        1.0
                    } else {
                        f64::from(u8::from(a == b)) / 2.0
                    };
            }
        }
        won / pairs
    }

    #[test]
    fn it_is_the_share_of_pairs_in_order() {
        let mut rng = stream(1, "test", &[]);
        for _ in 0..500 {
            // Few distinct values, so that there are many ties.
            let scored: Vec<(f64, bool, f64)> = (0..rng.random_range(0..12))
                .map(|_| {
                    let score = f64::from(rng.random_range(-2..3_i32));
                    let weight = f64::from(rng.random_range(1..4_i32));
                    (score, rng.random_range(0..3) == 0, weight)
                })
                .collect();
            let (fast, slow) = (area(&scored), brute_force(&scored));
            assert!(
                (fast - slow).abs() < 1e-12 || fast.is_nan() && slow.is_nan(),
                "{scored:?}: {fast} {slow}"
            );
        }
    }

    #[test]
    fn areas_by_hand() {
        assert_eq!(area(&[(0.1, false, 1.0), (0.9, true, 1.0)]), 1.0);
        assert_eq!(area(&[(0.5, false, 3.0), (0.5, true, 1.0)]), 0.5);
        assert_eq!(area(&[(0.0, true, 1.0), (-0.0, false, 1.0)]), 0.5);
        assert!(area(&[(1.0, true, 1.0), (2.0, true, 1.0)]).is_nan());
    }
}
