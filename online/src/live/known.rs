//! The users that the policy's own table knows, in a few long arrays: one of millions costs its numbers and some bytes.

use std::collections::HashMap;

use common::ids::Dictionary;
use common::policy_artifact::{NetworkConfig, PolicyUsers};
use common::{Error, Result};

use super::consumed::set_of;
use crate::context::Context;

/// The policy's users.
#[derive(Debug, Clone)]
pub(super) struct Known {
    ids: Dictionary,
    /// K of each.
    traits: Vec<f32>,
    width: usize,
    /// Most items of a history.
    window: usize,
    history: Lists<(u32, f32)>,
    consumed: Lists<u32>,
    /// By code: what users of long lists consumed, as a set.
    consumed_sets: HashMap<u32, Box<[u64]>>,
    items: usize,
    answered: Lists<u32>,
    /// What the encoder keeps of each.
    memory: Vec<f32>,
    /// Numbers of the encoder, and of the strategy, in a user's memory.
    memories: [usize; 2],
}

impl Known {
    /// The users of a policy of these sizes; of each history the last items that the network reads. Memories end with as
    /// many numbers as the strategy keeps of a user (`of_strategy`), which are 0 as long as nothing has come back.
    ///
    /// # Errors
    /// Memories of other sizes, or with a number that is not finite.
    pub(super) fn new(users: PolicyUsers, network: &NetworkConfig, of_strategy: usize) -> Result<Self> {
        let wanted = users.ids.len() * network.memory();
        if users.memory.len() != wanted || !users.memory.iter().all(|number| number.is_finite()) {
            return Err(Error::data(format!(
                "{} numbers in the memories of {} users, where {wanted} finite ones belong",
                users.memory.len(),
                users.ids.len()
            )));
        }
        let latest = |list: &Vec<(u32, f32)>| list.len().saturating_sub(network.window);
        Ok(Known {
            answered: Lists::new(
                (0..users.ids.len()).map(|user| users.answered.get(user).map_or(&[][..], Vec::as_slice)),
            ),
            ids: users.ids,
            traits: users.traits,
            width: network.traits,
            window: network.window,
            history: Lists::new(users.history.iter().map(|list| &list[latest(list)..])),
            consumed_sets: (0..)
                .zip(&users.consumed)
                .filter_map(|(code, consumed)| Some((code, set_of(consumed, network.items)?)))
                .collect(),
            items: network.items,
            consumed: Lists::new(users.consumed.iter().map(Vec::as_slice)),
            memory: users.memory,
            memories: [network.memory(), of_strategy],
        })
    }

    /// Numbers in the memory of a user.
    pub(super) fn memory(&self) -> usize {
        self.memories.iter().sum()
    }

    /// The users' ids.
    pub(super) fn ids(&self) -> &Dictionary {
        &self.ids
    }

    /// Most items of a history.
    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// The traits of `user`: zeros where they are not known.
    pub(super) fn traits(&self, user: &str) -> Vec<f32> {
        match self.ids.code(user) {
            Some(code) => self.traits_of(code).to_vec(),
            None => vec![0.0; self.width],
        }
    }

    /// The state of a user who is not known.
    pub(super) fn stranger(&self) -> Context {
        Context {
            traits: vec![0.0; self.width],
            history: Vec::new(),
            memory: vec![0.0; self.memory()],
        }
    }

    /// The state of the user of `code`.
    pub(super) fn context(&self, code: u32) -> Context {
        let [width, _] = self.memories;
        let mut memory = self.memory[code as usize * width..][..width].to_vec();
        memory.resize(self.memory(), 0.0);
        Context {
            traits: self.traits_of(code).to_vec(),
            history: self.history.get(code).to_vec(),
            memory,
        }
    }

    /// What the user of `code` has consumed, ascending.
    pub(super) fn consumed(&self, code: u32) -> &[u32] {
        self.consumed.get(code)
    }

    /// The same as a set, where they are many and not all.
    pub(super) fn consumed_set(&self, code: u32) -> Option<&[u64]> {
        self.consumed_sets.get(&code).map(|set| &**set)
    }

    /// Items of the catalogue.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// Recommendations to the user of `code` whose answers are in the memory, ascending.
    pub(super) fn answered(&self, code: u32) -> &[u32] {
        self.answered.get(code)
    }

    /// Whether the policy has learnt from answers to recommendations.
    pub(super) fn knows_answers(&self) -> bool {
        !self.answered.values.is_empty()
    }

    fn traits_of(&self, code: u32) -> &[f32] {
        &self.traits[code as usize * self.width..][..self.width]
    }
}

/// Lists end to end.
#[derive(Debug, Clone)]
struct Lists<T> {
    values: Vec<T>,
    /// Where each begins, and where the last ends.
    bounds: Vec<usize>,
}

impl<T: Copy> Lists<T> {
    fn new<'a>(lists: impl ExactSizeIterator<Item = &'a [T]> + Clone) -> Self
    where
        T: 'a,
    {
        let mut bounds = Vec::with_capacity(lists.len() + 1);
        bounds.push(0);
        let mut values = Vec::with_capacity(lists.clone().map(<[T]>::len).sum());
        for list in lists {
            values.extend_from_slice(list);
            bounds.push(values.len());
        }
        Lists { values, bounds }
    }

    fn get(&self, code: u32) -> &[T] {
        let at = code as usize;
        &self.values[self.bounds[at]..self.bounds[at + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::IdKind;
    use common::policy_artifact::Encoder;

    #[test]
    fn users_come_back_with_the_last_of_their_history_and_their_memory() {
        let network = NetworkConfig {
            items: 9,
            hidden: 1,
            traits: 2,
            window: 2,
            encoder: Encoder::History,
            ..NetworkConfig::default()
        };
        let users = PolicyUsers {
            ids: Dictionary::from_values(IdKind::Text, ["u", "v"].map(String::from)).unwrap(),
            history: vec![vec![], vec![(1, -1.0), (2, 1.0), (3, 1.0)]],
            traits: vec![0.1, 0.2, 0.3, 0.4],
            consumed: vec![vec![7, 8], vec![1, 2, 3]],
            memory: vec![0.0, 0.0, 0.0, 0.7, 2.0, 1.0],
            answered: Vec::new(),
        };
        let mut other = users.clone();
        other.memory.pop();
        assert!(Known::new(other, &network, 0).is_err());
        let known = Known::new(users, &network, 2).unwrap();
        let of = |id: &str| known.ids().code(id).unwrap();
        let context = known.context(of("v"));
        assert_eq!(context.memory, [0.7, 2.0, 1.0, 0.0, 0.0]);
        assert_eq!(known.stranger().memory, [0.0; 5]);
        assert_eq!(context.history, [(2, 1.0), (3, 1.0)]);
        assert_eq!(
            (context.traits, known.consumed(of("v"))),
            (vec![0.3, 0.4], &[1, 2, 3][..])
        );
        assert_eq!(
            (known.context(of("u")).history.len(), known.consumed(of("u"))),
            (0, &[7, 8][..])
        );
    }
}
