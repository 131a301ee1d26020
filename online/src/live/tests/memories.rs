//! What is kept of all that a user did.

use common::policy::Network;

use super::*;
use crate::adapt::{ChoiceRequest, EncodedContext, Explanation, Strategy};
use crate::explore::{Shown, Slate};

/// H + 2 numbers of the encoder, beside which a strategy may keep its own.
const WIDTH: usize = 7;

fn memory(state: &State, user: &str) -> Vec<f32> {
    let (user_context, _) = state.explain(&ask(user, 1), &mut Buffers::new()).unwrap();
    user_context.context().memory.clone()
}

/// Asks for an item alone and answers.
fn live_on(state: &mut State, pending: &mut Pending, user: &str, item: &str, reward: f32) {
    let wanted = [state.items().code(item).unwrap()];
    let asked = Ask {
        candidates: Some(&wanted),
        ..ask(user, 1)
    };
    let request = pending.next_request();
    pending.insert(state.decide(&asked, request, &mut Buffers::new()).unwrap());
    let Ok(Taken::Open(event)) = pending.take(&by_request(request, None, reward)) else {
        panic!("it is open")
    };
    apply(state, event);
}

/// The table's memory of a user moved by answers.
fn moved(policy: &Artifact, row: Option<usize>, answers: &[(&str, bool)]) -> Vec<f32> {
    let network = Network::new(policy.config.network.clone(), policy.weights.clone());
    let mut memory = match row {
        Some(row) => policy.users.memory[row * WIDTH..][..WIDTH].to_vec(),
        None => vec![0.0; WIDTH],
    };
    for (item, liked) in answers {
        network.remember(&mut memory, policy.items.ids.code(item).unwrap(), *liked);
    }
    memory
}

#[test]
fn memories_begin_with_the_table_and_likes_move_them() {
    let policy = artifact_of(Encoder::History, &ITEMS, 4, 1);
    for strategy in [Name::Frozen, Name::Ft, Name::Ap] {
        let (mut state, mut pending) = (remembering(strategy), Pending::new(16));
        assert_eq!(memory(&state, "u1"), moved(&policy, Some(1), &[]));
        assert_eq!(memory(&state, "new"), [0.0; WIDTH]);
        live_on(&mut state, &mut pending, "u1", "c", 1.0);
        live_on(&mut state, &mut pending, "new", "d", -0.5);
        live_on(&mut state, &mut pending, "u1", "e", 0.0);
        assert_eq!(
            memory(&state, "u1"),
            moved(&policy, Some(1), &[("c", true)]),
            "{strategy:?}"
        );
        assert_eq!(memory(&state, "new"), [0.0; WIDTH], "it was not liked");
        assert_eq!(memory(&state, "other"), [0.0; WIDTH]);
    }
}

#[test]
fn a_policy_without_memories_keeps_none() {
    let (mut state, mut pending) = (state_of(Name::Ft), Pending::new(16));
    live_on(&mut state, &mut pending, "u1", "c", 1.0);
    assert!(memory(&state, "u1").is_empty() && memory(&state, "new").is_empty());
}

#[test]
fn a_memory_changes_what_is_recommended() {
    let (mut state, mut pending) = (remembering(Name::Frozen), Pending::new(16));
    let acting = |state: &State| {
        let (_, explanation) = state.explain(&ask("new", 1), &mut Buffers::new()).unwrap();
        explanation.acting
    };
    let before = acting(&state);
    live_on(&mut state, &mut pending, "new", "c", 1.0);
    let c = state.items().code("c").unwrap() as usize;
    let ratio = |of: &[f32]| of[c + 1] / of[c + 2];
    assert_ne!(
        ratio(&before),
        ratio(&acting(&state)),
        "more than the item went out"
    );
}

#[test]
fn after_a_swap_the_new_table_is_moved_by_what_it_was_not_trained_with() {
    let (mut state, mut pending) = (remembering(Name::Frozen), Pending::new(16));
    for (user, item, reward) in [
        ("u1", "d", 1.0),
        ("u1", "h", 1.0),
        ("u1", "c", 0.0),
        ("new", "h", 1.0),
    ] {
        live_on(&mut state, &mut pending, user, item, reward);
    }
    // Asked before, answered after.
    let wanted = [state.items().code("g").unwrap()];
    let asked = Ask {
        candidates: Some(&wanted),
        ..ask("u1", 1)
    };
    let request = pending.next_request();
    pending.insert(state.decide(&asked, request, &mut Buffers::new()).unwrap());
    // `d` is gone; the new table was made after u1 had had `h`.
    let mut next = artifact_of(Encoder::History, &["x", "h", "g", "f", "e", "c", "a"], 4, 2);
    next.users.consumed[1] = vec![next.items.ids.code("h").unwrap()];
    let successor = Successor::new(state.catalogue(), next.clone(), state.settings()).unwrap();
    state.swap(successor, &mut pending).unwrap();
    assert_eq!(memory(&state, "u1"), moved(&next, Some(1), &[("c", false)]));
    assert_eq!(memory(&state, "new"), moved(&next, None, &[("h", true)]));
    assert_eq!(memory(&state, "u0"), moved(&next, Some(0), &[]));
    let Ok(Taken::Open(event)) = pending.take(&by_request(request, None, 1.0)) else {
        panic!("it is open")
    };
    apply(&mut state, event);
    assert_eq!(
        memory(&state, "u1"),
        moved(&next, Some(1), &[("c", false), ("g", true)])
    );
    // A third policy, whose table knows nothing of it: all that was lived moves it.
    let last = artifact_of(Encoder::History, &["h", "g", "c"], 4, 3);
    let successor = Successor::new(state.catalogue(), last.clone(), state.settings());
    state.swap(successor.unwrap(), &mut pending).unwrap();
    assert_eq!(
        memory(&state, "u1"),
        moved(&last, Some(1), &[("h", true), ("c", false), ("g", true)])
    );
}

#[test]
fn a_policy_that_was_trained_with_answers_is_not_moved_by_them_again() {
    let (mut state, mut pending) = (remembering(Name::Frozen), Pending::new(16));
    for (user, item) in [("u1", "d"), ("u1", "h"), ("new", "h"), ("new", "c")] {
        live_on(&mut state, &mut pending, user, item, 1.0);
    }
    let mut next = artifact_of(Encoder::History, &ITEMS, 4, 2);
    let h = next.items.ids.code("h").unwrap();
    next.users.answered = vec![vec![], vec![h]];
    let successor = Successor::new(state.catalogue(), next.clone(), state.settings()).unwrap();
    state.swap(successor, &mut pending).unwrap();
    assert_eq!(memory(&state, "u1"), moved(&next, Some(1), &[("d", true)]));
    assert_eq!(
        memory(&state, "new"),
        moved(&next, None, &[("h", true), ("c", true)])
    );
    // What comes afterwards moves it again, and stays consumed.
    assert!(state.consumed("u1").contains(&h));
    live_on(&mut state, &mut pending, "u1", "g", 1.0);
    assert_eq!(
        memory(&state, "u1"),
        moved(&next, Some(1), &[("d", true), ("g", true)])
    );
}

#[test]
fn under_the_adapter_answers_move_its_own_numbers_and_a_swap_the_encoders() {
    let (mut state, mut pending) = (remembering(Name::Adapter), Pending::new(16));
    live_on(&mut state, &mut pending, "new", "h", 1.0);
    live_on(&mut state, &mut pending, "new", "c", 0.0);
    let lived = memory(&state, "new");
    assert_eq!(lived[..WIDTH], [0.0; WIDTH]);
    assert!(lived[WIDTH..].iter().any(|number| *number != 0.0));
    let next = artifact_of(Encoder::History, &["x", "h", "g", "c"], 4, 2);
    let successor = Successor::new(state.catalogue(), next.clone(), state.settings()).unwrap();
    state.swap(successor, &mut pending).unwrap();
    assert_eq!(
        memory(&state, "new")[..WIDTH],
        moved(&next, None, &[("h", true), ("c", false)])
    );
}

#[test]
fn a_damaged_memory_is_refused() {
    let mut policy = artifact_of(Encoder::History, &ITEMS, 4, 1);
    policy.users.memory[3] = f32::NAN;
    assert!(State::new(policy.clone(), &settings(Name::Frozen)).is_err());
    policy.users.memory.truncate(3);
    let error = State::new(policy, &settings(Name::Frozen)).err().unwrap();
    assert!(error.to_string().contains("memories of 2 users"), "{error}");
    // A snapshot whose strategy kept more numbers of a user.
    let (mut state, mut pending) = (counting(Encoder::Gru, 1), Pending::new(16));
    live_on(&mut state, &mut pending, "new", "c", 1.0);
    let mut other = counting(Encoder::Gru, 2);
    let before = other.digest();
    let error = other.restore(&state.snapshot()).unwrap_err().to_string();
    assert!(error.contains("a memory of 1 numbers"), "{error}");
    assert_eq!(other.digest(), before);
}

/// Learns from each answer alone, and counts each user's in the numbers it keeps of them.
struct Counting {
    network: Network,
    own: usize,
    answers: u64,
}

fn counting_of(policy: Artifact, own: usize) -> State {
    State::acting_by(policy, &settings(Name::Frozen), |config, weights, _| {
        Box::new(Counting {
            network: Network::new(config.clone(), weights),
            own,
            answers: 0,
        })
    })
    .unwrap()
}

fn counting(encoder: Encoder, own: usize) -> State {
    counting_of(artifact_of(encoder, &ITEMS, 4, 1), own)
}

impl Strategy for Counting {
    fn choose(&self, choices: &[ChoiceRequest<'_>], _: &mut Buffers) -> Vec<Slate> {
        let choose = |choice: &ChoiceRequest<'_>| Slate {
            items: choice.candidates.unwrap_or(&[0])[..1].to_vec(),
            propensities: vec![0.5],
            ..Slate::default()
        };
        choices.iter().map(choose).collect()
    }
    fn memory(&self) -> usize {
        self.own
    }
    fn remember(&self, memory: &mut [f32], item: u32, liked: bool) {
        self.network.remember(memory, item, liked);
    }
    fn answer(
        &mut self,
        user_context: &EncodedContext,
        memory: &mut [f32],
        shown: &Shown,
        reward: f32,
    ) -> bool {
        assert_eq!(user_context.context().memory, memory, "the user's present state");
        self.remember(memory, shown.item, reward > 0.0);
        if let Some(last) = memory.last_mut() {
            *last += 1.0;
        }
        self.answers += 1;
        true
    }
    fn version(&self) -> u64 {
        self.answers
    }
    fn explain(&self, _: &ChoiceRequest<'_>, _: &mut Buffers) -> Explanation {
        Explanation::default()
    }
}

#[test]
fn what_learns_from_each_answer_waits_for_no_other() {
    let (mut state, mut pending) = (counting(Encoder::History, 2), Pending::new(16));
    let mut buffers = Buffers::new();
    for request in 0..2 {
        pending.insert(state.decide(&ask("u1", 1), request, &mut buffers).unwrap());
    }
    for (request, reward) in [(1, 0.0), (0, 1.0)] {
        let Ok(Taken::Open(mut event)) = pending.take(&by_request(request, None, reward)) else {
            panic!("it is open")
        };
        assert!(state.apply(&mut event).unwrap().updated);
    }
    let expected = moved(
        &artifact_of(Encoder::History, &ITEMS, 4, 1),
        Some(1),
        &[("a", false), ("a", true)],
    );
    assert_eq!(memory(&state, "u1"), [expected, vec![0.0, 2.0]].concat());
    assert_eq!(state.version(), 2);
}

#[test]
fn a_strategy_keeps_its_numbers_of_users_where_the_successor_is_kin() {
    let swapped = |next: Artifact, own: usize| {
        let (mut state, mut pending) = (counting(Encoder::Gru, 1), Pending::new(16));
        live_on(&mut state, &mut pending, "new", "c", 1.0);
        let mut successor = Successor::new(state.catalogue(), next.clone(), state.settings()).unwrap();
        successor.replace(counting_of(next, own));
        state.swap(successor, &mut pending).unwrap();
        memory(&state, "new")
    };
    assert_eq!(swapped(artifact(&ITEMS, 4, 1), 1), [1.0]);
    assert_eq!(swapped(artifact(&ITEMS, 4, 2), 1), [0.0], "another space");
    assert_eq!(swapped(artifact(&ITEMS, 4, 1), 3), [0.0; 3], "other numbers");
    let next = artifact_of(Encoder::History, &ITEMS, 4, 1);
    let expected = [moved(&next, None, &[("c", true)]), vec![1.0]].concat();
    assert_eq!(swapped(next, 1), expected);
}
