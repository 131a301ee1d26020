//! What the reward model looks at.

use super::evidence::{Evidence, Posterior};
use super::gamma::trigamma;
use crate::data::{Event, Traits};

/// How many features there are.
pub(crate) const FEATURES: usize = 4;

/// The catalogue's side of the features.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    /// K.
    width: usize,
    /// N x K, rows of length 1 (or 0).
    items: Vec<f32>,
    /// ln of the item's share of the likes over the mean share.
    popularity: Vec<f32>,
    /// Of `popularity`.
    popularity_variance: Vec<f32>,
    /// Where the model looks at what other users liked; the last feature is 0 without it.
    evidence: Option<Evidence>,
}

/// The features of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// cos(traits of the state's liked items, item), cos(user's traits, item), log popularity, and what the log's
    /// evidence adds to them.
    pub(crate) x: [f64; FEATURES],
    /// Of `x[2]`.
    popularity_variance: f64,
    evidence: Option<Posterior>,
}

/// A state's side of the features.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// Direction of the mean traits of the state's liked items; K values of length 1 (or 0).
    liked: Vec<f32>,
    /// Direction of the user's own traits; K values of length 1 (or 0).
    user: Vec<f32>,
    /// The state's liked items, ascending, without repeats.
    liked_items: Vec<u32>,
}

impl Seen {
    /// The features' own errors, where they are estimates from the log.
    pub(crate) fn variance(&self) -> [f64; FEATURES] {
        let evidence = self.evidence.map_or(0.0, |evidence| evidence.variance());
        [0.0, 0.0, self.popularity_variance, evidence]
    }

    /// The language model's weight in the evidence; 1 without it.
    pub(crate) fn prior_weight(&self) -> f64 {
        self.evidence.map_or(1.0, |evidence| evidence.prior_weight)
    }
}

impl Context {
    /// The state's liked items, ascending, without repeats.
    pub(crate) fn liked_items(&self) -> &[u32] {
        &self.liked_items
    }
}

impl Features {
    /// `likes` holds each item's likes in that part of the log that the features may know: Poisson counts, whose
    /// rate has a Gamma prior of shape 1 around the mean rate.
    pub(crate) fn new(traits: &Traits, likes: &[f32]) -> Self {
        let mut items = traits.items.clone();
        if traits.count > 0 {
            items.chunks_exact_mut(traits.count).for_each(to_unit_length);
        }
        let share = (likes.iter().map(|&l| f64::from(l)).sum::<f64>() / likes.len() as f64) + 1.0;
        let popularity = likes
            .iter()
            .map(|&l| ((f64::from(l) + 1.0) / share).ln() as f32)
            .collect();
        let popularity_variance = likes
            .iter()
            .map(|&l| trigamma(f64::from(l) + 1.0) as f32)
            .collect();
        Features {
            width: traits.count,
            items,
            popularity,
            popularity_variance,
            evidence: None,
        }
    }

    /// With evidence from the log.
    pub(crate) fn with(self, evidence: Evidence) -> Self {
        Features {
            evidence: Some(evidence),
            ..self
        }
    }

    /// Of a state with `history` and the user's `traits` (K values; zeros where unknown).
    pub(crate) fn context(&self, history: &[Event], traits: &[f32]) -> Context {
        let mut liked = vec![0.0; self.width];
        let mut liked_items = Vec::new();
        for (item, _) in history.iter().filter(|(_, feedback)| *feedback > 0.0) {
            for (sum, t) in liked.iter_mut().zip(self.item(*item)) {
                *sum += t;
            }
            liked_items.push(*item);
        }
        liked_items.sort_unstable();
        liked_items.dedup();
        let mut user = traits.to_vec();
        to_unit_length(&mut liked);
        to_unit_length(&mut user);
        Context {
            liked,
            user,
            liked_items,
        }
    }

    /// Of `item` in a state.
    pub(crate) fn of(&self, context: &Context, item: u32) -> Seen {
        let traits = self.item(item);
        let cosines = [dot(&context.liked, traits), dot(&context.user, traits)].map(f64::from);
        let evidence = self
            .evidence
            .as_ref()
            .map(|evidence| evidence.of(&context.liked_items, item, cosines));
        Seen {
            x: [
                cosines[0],
                cosines[1],
                self.popularity(item),
                evidence.map_or(0.0, |evidence| evidence.value),
            ],
            popularity_variance: f64::from(self.popularity_variance[item as usize]),
            evidence,
        }
    }

    /// The likes that the language model's word is worth against the evidence, where there is any.
    pub(crate) fn prior_likes(&self) -> Option<f64> {
        self.evidence.as_ref().map(Evidence::shape)
    }

    /// ln of the item's share of the likes over the mean share.
    pub(crate) fn popularity(&self, item: u32) -> f64 {
        f64::from(self.popularity[item as usize])
    }

    fn item(&self, item: u32) -> &[f32] {
        &self.items[item as usize * self.width..(item as usize + 1) * self.width]
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn to_unit_length(values: &mut [f32]) {
    let length = dot(values, values).sqrt();
    if length > 0.0 {
        values.iter_mut().for_each(|v| *v /= length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Features {
        let traits = Traits {
            count: 2,
            items: vec![3.0, 4.0, 0.0, 0.0, -5.0, 0.0],
            users: vec![],
            fame: None,
        };
        Features::new(&traits, &[2.0, 0.0, 4.0])
    }

    #[test]
    fn by_hand() {
        let features = features();
        let context = features.context(&[(0, 1.0), (2, -1.0)], &[0.0, 2.0]);
        let seen = features.of(&context, 0);
        let (of, variance) = (seen.x, seen.variance());
        assert!(
            (of[0] - 1.0).abs() < 1e-6,
            "the liked item is its own direction, the disliked one does not count"
        );
        assert!((of[1] - 0.8).abs() < 1e-6);
        assert!((of[2] - (3.0_f64 / 3.0).ln()).abs() < 1e-6);
        assert!((features.of(&context, 2).x[2] - (5.0_f64 / 3.0).ln()).abs() < 1e-6);
        let rare = features.of(&context, 1).variance();
        assert!(rare[2] > variance[2] && variance[2] > 0.0 && variance[..2] == [0.0, 0.0]);
    }

    #[test]
    fn nothing_known_is_zero_and_not_nan() {
        let features = features();
        let context = features.context(&[], &[0.0, 0.0]);
        assert_eq!(features.of(&context, 1).x[..2], [0.0, 0.0]);
        let without = Traits::default();
        let features = Features::new(&without, &[1.0, 1.0]);
        assert_eq!(
            features.of(&features.context(&[(0, 1.0)], &[]), 1).x,
            [0.0; FEATURES]
        );
    }
}
