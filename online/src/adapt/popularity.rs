//! The item liked most often in the log among those the user has not consumed.

use super::{Decision, Strategy};
use crate::explore::Choice;

/// The popularity baseline. It does not explore: every propensity is 1.
#[derive(Debug)]
pub struct Popularity {
    /// Item codes, most popular first; ties in catalogue order.
    order: Vec<u32>,
}

impl Popularity {
    /// From the number of likes of each item.
    pub fn new(likes: &[f32]) -> Self {
        let mut order: Vec<u32> = (0..likes.len() as u32).collect();
        order.sort_by(|&a, &b| likes[b as usize].total_cmp(&likes[a as usize]));
        Popularity { order }
    }
}

impl Strategy for Popularity {
    fn choose(&mut self, decisions: &[Decision<'_>]) -> Vec<Choice> {
        let mut consumed = Vec::new();
        decisions
            .iter()
            .map(|decision| {
                consumed.clear();
                consumed.extend_from_slice(decision.consumed);
                consumed.sort_unstable();
                let open = self
                    .order
                    .iter()
                    .find(|item| consumed.binary_search(item).is_err());
                // Who has had the whole catalogue starts again from its top.
                let item = *open.unwrap_or(&self.order[0]);
                Choice {
                    item,
                    propensity: 1.0,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Context;

    #[test]
    fn takes_the_most_liked_that_is_open() {
        let context = Context {
            traits: vec![],
            history: vec![],
        };
        let mut popularity = Popularity::new(&[1.0, 9.0, 9.0, 3.0]);
        let mut best = |consumed: &[u32]| {
            let decision = Decision {
                slot: 0,
                revision: 0,
                context: &context,
                consumed,
                uniform: 0.5,
            };
            popularity.choose(&[decision])[0].item
        };
        assert_eq!(best(&[]), 1);
        assert_eq!(best(&[1]), 2);
        assert_eq!(best(&[2, 1, 3]), 0);
        assert_eq!(best(&[0, 1, 2, 3]), 1);
    }
}
