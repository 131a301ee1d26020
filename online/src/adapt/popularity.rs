//! The items liked most often in the log among those the user has not consumed.

use super::{Buffers, ChoiceRequest, Explanation, Strategy};
use crate::explore::Slate;

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
    fn choose(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate> {
        let mut choose = |choice: &ChoiceRequest<'_>| {
            let consumed = buffers.sorted(choice.consumed);
            let allowed = |item: &u32| choice.candidates.is_none_or(|c| c.binary_search(item).is_ok());
            let candidates = || self.order.iter().copied().filter(allowed);
            let open = candidates().filter(|item| consumed.binary_search(item).is_err());
            let mut items: Vec<u32> = open.take(choice.k).collect();
            if items.is_empty() {
                // Who has had everything starts again from the top.
                items = candidates().take(choice.k).collect();
            }
            Slate {
                propensities: vec![1.0; items.len()],
                items,
                ..Slate::default()
            }
        };
        choices.iter().map(&mut choose).collect()
    }

    fn explain(&self, choice: &ChoiceRequest<'_>, buffers: &mut Buffers) -> Explanation {
        let mut acting = vec![0.0; self.order.len()];
        for item in self
            .choose(&[ChoiceRequest { k: 1, ..*choice }], buffers)
            .iter()
            .flat_map(|slate| &slate.items)
        {
            acting[*item as usize] = 1.0;
        }
        Explanation {
            acting,
            ..Explanation::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::EncodedContext;
    use crate::context::Context;

    #[test]
    fn takes_the_most_liked_that_is_open() {
        let user_context = EncodedContext::new(Context {
            traits: vec![],
            history: vec![],
            memory: Vec::new(),
        });
        let popularity = Popularity::new(&[1.0, 9.0, 9.0, 3.0]);
        let best = |consumed: &[u32], candidates: Option<&[u32]>, k: usize| {
            let choice = ChoiceRequest {
                user_context: &user_context,
                consumed,
                consumed_set: None,
                candidates,
                k,
                key: [0; 3],
                greedy: false,
            };
            popularity.choose(&[choice], &mut Buffers::new()).remove(0).items
        };
        assert_eq!(best(&[], None, 1), vec![1]);
        assert_eq!(best(&[1], None, 2), vec![2, 3]);
        assert_eq!(best(&[2, 1, 3], None, 2), vec![0]);
        assert_eq!(best(&[0, 1, 2, 3], None, 1), vec![1]);
        assert_eq!(best(&[1], Some(&[0, 1, 3]), 3), vec![3, 0]);
        assert_eq!(best(&[0, 3], Some(&[0, 3]), 1), vec![3]);
    }
}
