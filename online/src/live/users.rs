//! The live state of users: what the policy's table says, and over it those that have changed since.

use std::sync::{Arc, OnceLock};

use common::ids::Dictionary;

use super::consumed::Consumed;
use super::known::Known;
use crate::adapt::EncodedContext;
use crate::context::Context;

/// What is known of one user.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) user_context: &'a Arc<EncodedContext>,
    /// Ascending, each once.
    pub(super) consumed: &'a [u32],
    /// The same as a set, where they are many and not all.
    pub(super) consumed_set: Option<&'a [u64]>,
}

/// All users. One who never gave feedback costs nothing, or, where the policy knows them, their state once it is needed.
#[derive(Debug)]
pub(super) struct Users {
    known: Arc<Known>,
    /// By the known user's code.
    user_contexts: Vec<OnceLock<Arc<EncodedContext>>>,
    /// Whom nobody knows: they are all alike.
    newcomer: Arc<EncodedContext>,
    changed: Changes,
}

/// Those who gave feedback, in order of their first; a user's code is their number.
#[derive(Debug, Default)]
pub(super) struct Changes {
    ids: Dictionary,
    users: Vec<Changed>,
}

/// A user who gave feedback.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) user_context: Arc<EncodedContext>,
    pub(super) consumed: Consumed,
    /// Feedback given.
    pub(super) events: u32,
    /// What came back since the service began, oldest first: the item, and whether it was liked. Another policy's memory of
    /// the user is moved by it.
    pub(super) lived: Vec<(u32, bool)>,
}

impl Users {
    pub(super) fn new(known: Arc<Known>) -> Self {
        let mut user_contexts = Vec::new();
        user_contexts.resize_with(known.ids().len(), OnceLock::new);
        Users {
            newcomer: Arc::new(EncodedContext::new(known.stranger())),
            known,
            user_contexts,
            changed: Changes::default(),
        }
    }

    /// What the policy's table knows.
    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// The present state of `user`.
    pub(super) fn view(&self, user: &str) -> View<'_> {
        if let Some(changed) = self.changed.get(user) {
            return View {
                user_context: &changed.user_context,
                consumed: &changed.consumed,
                consumed_set: changed.consumed.set(),
            };
        }
        match self.known.ids().code(user) {
            Some(code) => View {
                user_context: self.user_contexts[code as usize]
                    .get_or_init(|| Arc::new(EncodedContext::new(self.known.context(code)))),
                consumed: self.known.consumed(code),
                consumed_set: self.known.consumed_set(code),
            },
            None => View {
                user_context: &self.newcomer,
                consumed: &[],
                consumed_set: None,
            },
        }
    }

    /// The number of `user` and their state for changing, made from what was known where this is their first feedback.
    pub(super) fn change(&mut self, user: &str) -> (u32, &mut Changed) {
        if self.changed.get(user).is_none() {
            let View {
                user_context,
                consumed,
                ..
            } = self.view(user);
            let changed = Changed {
                user_context: user_context.clone(),
                consumed: Consumed::new(consumed.to_vec(), self.known.items()),
                events: 0,
                lived: Vec::new(),
            };
            self.changed.push(user, changed);
        }
        let number = self.changed.ids.intern(user);
        (number, &mut self.changed.users[number as usize])
    }

    /// Those who gave feedback.
    pub(super) fn changed(&self) -> &Changes {
        &self.changed
    }

    /// Replaces those who gave feedback.
    pub(super) fn set_changed(&mut self, changed: Changes) {
        self.changed = changed;
    }

    /// Feedback that `user` has given.
    pub(super) fn events(&self, user: &str) -> u32 {
        self.changed.get(user).map_or(0, |changed| changed.events)
    }

    /// Whether anything is known of `user`.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.changed.get(user).is_some() || self.known.ids().code(user).is_some()
    }
}

impl Changes {
    pub(super) fn get(&self, user: &str) -> Option<&Changed> {
        let number = self.ids.code(user)?;
        Some(&self.users[number as usize])
    }

    /// Adds a user who is not among them.
    pub(super) fn push(&mut self, user: &str, changed: Changed) {
        self.ids.intern(user);
        self.users.push(changed);
    }

    /// All, by number.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Changed)> {
        self.ids.ids().zip(&self.users)
    }

    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    /// The same users, by what `change` makes of each.
    pub(super) fn map(&self, change: impl Fn(&str, &Changed) -> Changed) -> Self {
        Changes {
            ids: self.ids.clone(),
            users: self.iter().map(|(id, user)| change(id, user)).collect(),
        }
    }
}

impl Changed {
    /// Moves on: the item is consumed, and joins the history where the reward is positive; `memory` is what is kept of
    /// the user from now on.
    pub(super) fn take(&mut self, item: u32, reward: f32, window: usize, memory: Vec<f32>) {
        self.lived.push((item, reward > 0.0));
        self.events = self.events.saturating_add(1);
        self.consumed.add(item);
        self.user_context = moved_on(&self.user_context, item, reward, window, memory);
    }
}

/// The context after one: the item joins the history where its reward is positive, and the memory is another. The same
/// one where neither changes anything.
pub(super) fn moved_on(
    user_context: &Arc<EncodedContext>,
    item: u32,
    reward: f32,
    window: usize,
    memory: Vec<f32>,
) -> Arc<EncodedContext> {
    let liked = reward > 0.0;
    let Context {
        traits,
        history,
        memory: before,
    } = user_context.context();
    if !liked && memory == *before {
        return user_context.clone();
    }
    let mut history = history.clone();
    if liked {
        history.push((item, 1.0));
        let surplus = history.len().saturating_sub(window);
        history.drain(..surplus);
    }
    Arc::new(EncodedContext::new(Context {
        traits: traits.clone(),
        history,
        memory,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::IdKind;
    use common::policy_artifact::{NetworkConfig, PolicyUsers};

    fn users() -> Users {
        let network = NetworkConfig {
            items: 9,
            traits: 1,
            window: 2,
            ..NetworkConfig::default()
        };
        let table = PolicyUsers {
            ids: Dictionary::from_values(IdKind::Text, ["u"].map(String::from)).unwrap(),
            history: vec![vec![(1, 1.0)]],
            traits: vec![0.5],
            consumed: vec![vec![1, 4]],
            memory: Vec::new(),
            answered: Vec::new(),
        };
        Users::new(Arc::new(Known::new(table, &network, 0).unwrap()))
    }

    #[test]
    fn a_state_moves_on_and_only_a_liked_item_joins_the_history() {
        let mut users = users();
        let before = users.view("u").user_context.clone();
        let (number, user) = users.change("u");
        user.take(3, 0.0, 2, vec![]);
        assert_eq!((number, &user.consumed[..], user.events), (0, &[1, 3, 4][..], 1));
        assert!(Arc::ptr_eq(&user.user_context, &before), "the state is as it was");
        user.take(7, 1.0, 2, vec![]);
        user.take(0, 2.0, 2, vec![]);
        let View {
            user_context,
            consumed,
            ..
        } = users.view("u");
        assert_eq!(user_context.context().history, [(7, 1.0), (0, 1.0)]);
        assert_eq!((consumed, users.events("u")), (&[0, 1, 3, 4, 7][..], 3));
        assert_eq!(before.context().history, [(1, 1.0)], "decisions keep their state");
        let (_, user) = users.change("u");
        assert_eq!(user.lived, [(3, false), (7, true), (0, true)]);
    }

    #[test]
    fn newcomers_are_alike_until_they_answer() {
        let mut users = users();
        assert!(Arc::ptr_eq(
            users.view("a").user_context,
            users.view("b").user_context
        ));
        users.change("b").1.take(2, 1.0, 2, vec![]);
        assert_eq!(users.change("a").0, 1);
        assert_eq!(users.view("b").consumed, [2]);
        assert!(users.view("c").consumed.is_empty() && !users.knows("c"));
        assert!(users.knows("b") && users.knows("u"));
        assert!(users.changed().iter().map(|(id, _)| id).eq(["b", "a"]));
    }
}
