//! Uniform over the items not yet consumed.

use common::rng::stream;

use super::{Buffers, ChoiceRequest, Explanation, Strategy};
use crate::explore::{Slate, uniform_slate};

/// The random baseline.
#[derive(Debug)]
pub struct Random {
    items: usize,
    seed: u64,
}

impl Random {
    /// Over a catalogue of `items`; `seed` decides the draws.
    pub fn new(items: usize, seed: u64) -> Self {
        Random { items, seed }
    }
}

impl Strategy for Random {
    fn choose(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate> {
        let mut draw = |choice: &ChoiceRequest<'_>| {
            let mut rng = stream(self.seed, "action", &choice.key);
            let consumed = buffers.sorted(choice.consumed);
            uniform_slate(self.items, choice.candidates, consumed, choice.k, &mut rng)
        };
        choices.iter().map(&mut draw).collect()
    }

    fn explain(&self, choice: &ChoiceRequest<'_>, buffers: &mut Buffers) -> Explanation {
        // A slate of everything that is open: its first draw's probability is that of each.
        let consumed = buffers.sorted(choice.consumed);
        let mut rng = stream(self.seed, "action", &choice.key);
        let open = uniform_slate(self.items, choice.candidates, consumed, self.items, &mut rng);
        let mut acting = vec![0.0; self.items];
        for item in &open.items {
            acting[*item as usize] = open.propensities[0];
        }
        Explanation {
            acting,
            ..Explanation::default()
        }
    }
}
