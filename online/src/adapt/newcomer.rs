//! Who is new and of whom nothing is known: neither traits nor history.
//!
//! A policy has hardly seen such a state when it was trained, while the log says what people like at large. So for them
//! weight * ln(1 + likes), centred over the catalogue, is added to every logit: popularity, which the traits of the items (in
//! the embeddings, and so in the logits) go on to shape. With the first like or the first trait it is gone.

use crate::policy::Context;

/// What is added for newcomers.
#[derive(Debug, Clone)]
pub(super) struct Newcomer {
    /// By item; empty where nothing is added.
    lift: Vec<f32>,
}

impl Newcomer {
    /// From each item's likes in the log.
    pub(super) fn new(likes: &[f32], weight: f32) -> Self {
        if weight == 0.0 {
            return Newcomer { lift: Vec::new() };
        }
        let logarithm = |likes: &f32| f64::from(likes.max(0.0)).ln_1p();
        let mean = likes.iter().map(logarithm).sum::<f64>() / likes.len().max(1) as f64;
        let lift = likes
            .iter()
            .map(|l| weight * (logarithm(l) - mean) as f32)
            .collect();
        Newcomer { lift }
    }

    /// Adds to the logits of all items where nothing is known of the user.
    pub(super) fn lift(&self, context: &Context, logits: &mut [f32]) {
        if context.history.is_empty() && context.traits.iter().all(|trait_| *trait_ == 0.0) {
            for (logit, lift) in logits.iter_mut().zip(&self.lift) {
                *logit += lift;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popularity_counts_for_those_of_whom_nothing_is_known() {
        let newcomer = Newcomer::new(&[0.0, 9.0, 99.0], 0.5);
        let lifted = |traits: &[f32], history: &[(u32, f32)]| {
            let context = Context {
                traits: traits.to_vec(),
                history: history.to_vec(),
                memory: Vec::new(),
            };
            let mut logits = [1.0; 3];
            newcomer.lift(&context, &mut logits);
            logits
        };
        let nothing = lifted(&[0.0, 0.0], &[]);
        assert!((nothing[2] - nothing[1] - 0.5 * 10f32.ln()).abs() < 1e-6);
        assert!((nothing.iter().sum::<f32>() - 3.0).abs() < 1e-6);
        assert_eq!(lifted(&[0.0, 0.5], &[]), [1.0; 3]);
        assert_eq!(lifted(&[0.0, 0.0], &[(1, 1.0)]), [1.0; 3]);
    }
}
