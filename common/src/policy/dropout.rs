//! Dropout (Srivastava et al. 2014, JMLR 15): while training, numbers are left out at random and the others scaled up,
//! so that the mean stays.

use std::borrow::Cow;

use crate::rng::{ChaCha8Rng, Rng};

/// Sixteen bits decide on one number.
const WHOLE: u32 = 1 << 16;

/// Draws what is left out. Its stream belongs to one training step, and the masks are drawn in the order in which the
/// network asks for them.
#[derive(Debug)]
pub struct Dropout {
    /// Of 2^16 numbers, how many are left out.
    left_out: u32,
    rng: ChaCha8Rng,
}

impl Dropout {
    /// Leaves out the share `rate` (from 0 to below 1, taken to the next multiple of 2^-16).
    pub fn new(rate: f32, rng: ChaCha8Rng) -> Self {
        Dropout {
            left_out: ((rate * WHOLE as f32).round() as u32).min(WHOLE - 1),
            rng,
        }
    }

    /// The factors of `count` numbers: 0, or 1 / (1 - rate).
    fn mask(&mut self, count: usize) -> Vec<f32> {
        let scale = WHOLE as f32 / (WHOLE - self.left_out) as f32;
        let mut draws = vec![0; 2 * count];
        self.rng.fill_bytes(&mut draws);
        let (pairs, _) = draws.as_chunks();
        let factor = |&pair: &[u8; 2]| {
            let draw = u32::from(u16::from_le_bytes(pair));
            if draw < self.left_out { 0.0 } else { scale }
        };
        pairs.iter().map(factor).collect()
    }
}

/// The factors of some numbers in a forward pass, for the backward pass; none where nothing was left out.
#[derive(Debug, Default)]
pub(super) struct Mask(Option<Vec<f32>>);

impl Mask {
    /// Leaves out a share of `values`, where there is dropout.
    pub(super) fn draw(dropout: Option<&mut Dropout>, values: &mut [f32]) -> Self {
        let mask = Mask(dropout.map(|dropout| dropout.mask(values.len())));
        mask.apply(values);
        mask
    }

    /// Turns the gradient at what was left into that at what there was.
    pub(super) fn apply(&self, gradient: &mut [f32]) {
        if let Some(factors) = &self.0 {
            gradient
                .iter_mut()
                .zip(factors)
                .for_each(|(g, factor)| *g *= factor);
        }
    }

    /// The same of a copy.
    pub(super) fn applied<'a>(&self, gradient: &'a [f32]) -> Cow<'a, [f32]> {
        let mut gradient = Cow::Borrowed(gradient);
        if self.0.is_some() {
            self.apply(gradient.to_mut());
        }
        gradient
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;

    #[test]
    fn the_share_is_left_out_and_the_mean_stays() {
        for rate in [0.0, 0.2, 0.5, 0.9] {
            let mask = Dropout::new(rate, stream(1, "dropout", &[])).mask(40_000);
            let zeros = mask.iter().filter(|&&m| m == 0.0).count() as f32 / 40_000.0;
            let mean = mask.iter().sum::<f32>() / 40_000.0;
            assert!((zeros - rate).abs() < 0.01, "{rate}: {zeros}");
            assert!((mean - 1.0).abs() < 0.05, "{rate}: {mean}");
        }
    }

    #[test]
    fn masks_follow_the_stream() {
        let draw = |step| Dropout::new(0.5, stream(1, "dropout", &[step])).mask(64);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut dropout = Dropout::new(0.5, stream(1, "dropout", &[1]));
        assert_ne!(dropout.mask(64), dropout.mask(64));
    }

    #[test]
    fn a_rate_of_one_stays_finite() {
        let mask = Dropout::new(1.0, stream(1, "dropout", &[])).mask(1000);
        assert!(mask.iter().all(|m| m.is_finite()));
    }
}
