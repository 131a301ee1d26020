//! Uniform over the items not yet consumed.

use common::rng::stream;

use super::{Explanation, Moment, Room, Strategy};
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
    fn choose(&self, moments: &[Moment<'_>], room: &mut Room) -> Vec<Slate> {
        let mut draw = |moment: &Moment<'_>| {
            let mut rng = stream(self.seed, "action", &moment.key);
            let consumed = room.sorted(moment.consumed);
            uniform_slate(self.items, moment.candidates, consumed, moment.k, &mut rng)
        };
        moments.iter().map(&mut draw).collect()
    }

    fn explain(&self, moment: &Moment<'_>, room: &mut Room) -> Explanation {
        // A slate of everything that is open: its first draw's chance is that of each.
        let consumed = room.sorted(moment.consumed);
        let mut rng = stream(self.seed, "action", &moment.key);
        let open = uniform_slate(self.items, moment.candidates, consumed, self.items, &mut rng);
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
