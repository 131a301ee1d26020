//! The users that the policy's own table knows, in a few long arrays: one of millions costs its numbers and some bytes.

use common::ids::Dictionary;
use common::policy_artifact::{NetworkConfig, PolicyUsers};

use crate::policy::Context;

/// The policy's users.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    ids: Dictionary,
    /// K of each.
    traits: Vec<f32>,
    width: usize,
    history: Lists<(u32, f32)>,
    consumed: Lists<u32>,
}

impl Known {
    /// The users of a policy of these sizes; of each history the last items that the network reads.
    pub(crate) fn new(users: PolicyUsers, network: &NetworkConfig) -> Self {
        let latest = |list: &Vec<(u32, f32)>| list.len().saturating_sub(network.window);
        Known {
            ids: users.ids,
            traits: users.traits,
            width: network.traits,
            history: Lists::new(users.history.iter().map(|list| &list[latest(list)..])),
            consumed: Lists::new(users.consumed.iter().map(Vec::as_slice)),
        }
    }

    /// The users' ids.
    pub(crate) fn ids(&self) -> &Dictionary {
        &self.ids
    }

    /// The state of `user` and what they have consumed: one who is not known has no history, no traits, nothing consumed.
    pub(crate) fn start(&self, user: &str) -> (Context, &[u32]) {
        match self.ids.code(user) {
            Some(code) => (self.context(code), self.consumed(code)),
            None => (self.stranger(), &[]),
        }
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
            memory: Vec::new(),
        }
    }

    /// The state of the user of `code`.
    pub(super) fn context(&self, code: u32) -> Context {
        Context {
            traits: self.traits_of(code).to_vec(),
            history: self.history.get(code).to_vec(),
            memory: Vec::new(),
        }
    }

    /// What the user of `code` has consumed, ascending.
    pub(super) fn consumed(&self, code: u32) -> &[u32] {
        self.consumed.get(code)
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

    #[test]
    fn users_come_back_with_the_last_of_their_history() {
        let network = NetworkConfig {
            items: 9,
            traits: 2,
            window: 2,
            ..NetworkConfig::default()
        };
        let users = PolicyUsers {
            ids: Dictionary::from_values(IdKind::Text, ["u", "v"].map(String::from)).unwrap(),
            history: vec![vec![], vec![(1, -1.0), (2, 1.0), (3, 1.0)]],
            traits: vec![0.1, 0.2, 0.3, 0.4],
            consumed: vec![vec![7, 8], vec![1, 2, 3]],
            memory: Vec::new(),
        };
        let known = Known::new(users, &network);
        let of = |id: &str| known.ids().code(id).unwrap();
        let context = known.context(of("v"));
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
