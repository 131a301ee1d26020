//! Evidence from the log: how much likelier users who liked the state's items are to like an item too, with the
//! language model's word as prior.
//!
//! Of state s and item a let n be how often likes of a were seen next to likes of the state's items, and e how often
//! they would have been, had every neighbour been drawn by popularity alone. The lift of a pair, its rate over what
//! popularity expects, has a Gamma prior of shape k around the lift l that the language model's traits predict. With
//! n a Poisson count of mean e x lift, the posterior is Gamma with
//!
//!   mean (n + k) / (e + k / l) = w l + (1 - w) n / e,   w = k / (k + e l),   variance of its logarithm trigamma(n + k).
//!
//! So w is the language model's weight: 1 without a log, and the less the more the log could have shown. For one liked
//! item j with share q of the likes this is (n_ja + c q l) / (n_j + c) over q with c = k / (q l): a beta-binomial whose
//! concentration c grows as the item gets rarer. One concentration for all items would take "never seen" of an item
//! that nobody has met for a no.
//!
//! Source: DuMouchel 1999, "Bayesian data mining in large frequency tables" (the Gamma-Poisson shrinker), here with a
//! prior mean of each pair's own.

mod counts;
mod shape;

pub(crate) use counts::CoLikes;
pub(crate) use shape::choose;

use super::gamma::trigamma;

/// Counts of the log, with what weighs them.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    counts: CoLikes,
    /// Each item's share of the likes, with one like more than it has.
    share: Vec<f32>,
    weighing: Weighing,
}

/// How much the log is believed, and what the language model says before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Weighing {
    /// k, the likes that the language model's word is worth.
    pub(crate) shape: f64,
    /// Of the two cosines of traits, in the model without evidence.
    pub(crate) coefficients: [f64; 2],
    /// ln of the mean over items, by popularity, of what the cosines would multiply their rate by.
    pub(crate) normaliser: f64,
}

/// A pair's lift over the language model's word: the feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Posterior {
    /// ln of the posterior mean over the prior mean: 0 where the log says nothing.
    pub(crate) value: f64,
    /// n + k, the posterior's shape.
    shape: f64,
    /// w, the prior's weight.
    pub(crate) prior_weight: f64,
}

impl Posterior {
    /// Of ln lift.
    pub(crate) fn variance(&self) -> f64 {
        trigamma(self.shape)
    }
}

/// What the log has of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Met {
    /// n.
    pub(crate) seen: f64,
    /// e.
    pub(crate) expected: f64,
}

impl Evidence {
    /// `likes` holds each item's likes in the part of the log that `counts` are of.
    pub(crate) fn new(counts: CoLikes, likes: &[f32], weighing: Weighing) -> Self {
        let total = likes.iter().map(|&l| f64::from(l)).sum::<f64>() + likes.len() as f64;
        Evidence {
            counts,
            share: likes
                .iter()
                .map(|&l| ((f64::from(l) + 1.0) / total) as f32)
                .collect(),
            weighing,
        }
    }

    /// Of `item` beside the items that a state likes.
    pub(crate) fn met(&self, liked: &[u32], item: u32) -> Met {
        let share = f64::from(self.share[item as usize]);
        let mut met = Met::default();
        for &neighbour in liked {
            met.seen += f64::from(self.counts.together(neighbour, item));
            met.expected += f64::from(self.counts.total(neighbour)) * share;
        }
        met
    }

    /// Of `item` beside the items that a state likes, given the two cosines of traits.
    pub(crate) fn of(&self, liked: &[u32], item: u32, cosines: [f64; 2]) -> Posterior {
        self.weighing.posterior(self.met(liked, item), cosines)
    }

    /// k, the likes that the language model's word is worth.
    pub(crate) fn shape(&self) -> f64 {
        self.weighing.shape
    }

    /// An item's share of the likes.
    pub(crate) fn share(&self, item: u32) -> f64 {
        f64::from(self.share[item as usize])
    }

    /// The same counts, weighed otherwise.
    pub(crate) fn weighed(self, weighing: Weighing) -> Self {
        Evidence { weighing, ..self }
    }
}

impl Weighing {
    /// ln l.
    fn prior(&self, cosines: [f64; 2]) -> f64 {
        let [a, b] = self.coefficients;
        a * cosines[0] + b * cosines[1] - self.normaliser
    }

    fn posterior(&self, met: Met, cosines: [f64; 2]) -> Posterior {
        let expected = met.expected * self.prior(cosines).exp();
        Posterior {
            value: ((met.seen + self.shape) / (expected + self.shape)).ln(),
            shape: met.seen + self.shape,
            prior_weight: self.shape / (expected + self.shape),
        }
    }
}

#[cfg(test)]
mod tests {
    use common::rng::{ChaCha8Rng, RngExt, normal, stream};

    use super::*;

    const WEIGHING: Weighing = Weighing {
        shape: 2.0,
        coefficients: [1.0, 0.5],
        normaliser: 0.2,
    };

    #[test]
    fn by_hand() {
        // Users 0 to 3 liked 0 and 1 together, one of them 2 as well.
        let logs: Vec<Vec<u32>> = vec![vec![0, 1], vec![1, 0], vec![0, 1, 2], vec![0, 1]];
        let counts = CoLikes::of_likes(3, &logs);
        let evidence = Evidence::new(counts, &[4.0, 4.0, 1.0], WEIGHING);
        let met = evidence.met(&[0], 1);
        assert_eq!(met.seen, 4.0);
        assert!((met.expected - 5.0 * 5.0 / 12.0).abs() < 1e-6);
        let found = evidence.of(&[0], 1, [0.4, -0.4]);
        // The traits say nothing: 0.4 - 0.2 - 0.2.
        assert!((found.value - (6.0 / (2.0 + met.expected)).ln()).abs() < 1e-12);
        assert!((found.prior_weight - 2.0 / (2.0 + met.expected)).abs() < 1e-12);
        assert!((found.variance() - trigamma(6.0)).abs() < 1e-12);
    }

    #[test]
    fn without_a_log_the_prior_alone_speaks_and_its_weight_falls_with_the_log() {
        let silent = WEIGHING.posterior(Met::default(), [0.9, 0.3]);
        assert_eq!((silent.value, silent.prior_weight), (0.0, 1.0));
        let weight = |expected| {
            let met = Met { seen: 0.0, expected };
            WEIGHING.posterior(met, [0.9, 0.3]).prior_weight
        };
        let weights = [0.0, 0.1, 1.0, 10.0, 100.0].map(weight);
        assert!(
            weights.is_sorted_by(|a, b| a > b) && weights[4] < 0.05,
            "{weights:?}"
        );
    }

    /// Gamma of an integer shape and mean 1: a sum of exponentials.
    fn gamma(shape: u32, rng: &mut ChaCha8Rng) -> f64 {
        let sum: f64 = (0..shape).map(|_| -(1.0 - rng.random::<f64>()).ln()).sum();
        sum / f64::from(shape)
    }

    fn poisson(mean: f64, rng: &mut ChaCha8Rng) -> f64 {
        let (mut count, mut time) = (0.0, 0.0);
        loop {
            time -= (1.0 - rng.random::<f64>()).ln();
            if time > mean {
                return count;
            }
            count += 1.0;
        }
    }

    /// Lifts drawn from the prior, counts drawn from the lifts, from none to many: the interval of ln lift must hold the
    /// truth about 95 times of 100, and the posterior mean be right on average.
    #[test]
    fn intervals_of_the_lift_cover_it() {
        let mut rng = stream(0, "test/evidence", &[]);
        for expected in [0.0, 1.0, 20.0] {
            let (mut covered, mut ratio) = (0, 0.0);
            for _ in 0..2000 {
                let cosines = [0.3 * f64::from(normal(&mut rng)), 0.0];
                let prior = WEIGHING.prior(cosines).exp();
                let lift = prior * gamma(2, &mut rng);
                let seen = poisson(expected * lift, &mut rng);
                let found = WEIGHING.posterior(Met { seen, expected }, cosines);
                let middle = prior.ln() + found.value;
                covered += usize::from((lift.ln() - middle).abs() < 1.96 * found.variance().sqrt());
                ratio += lift / middle.exp() / 2000.0;
            }
            assert!(
                (1850..=1960).contains(&covered),
                "{covered} of 2000 at {expected}"
            );
            assert!((ratio - 1.0).abs() < 0.05, "{ratio} at {expected}");
        }
    }
}
