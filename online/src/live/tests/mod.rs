//! The fold, feedback in every order, slates and swaps, over every strategy.

mod answers;
mod fold;
mod memories;
mod slates;
mod swaps;

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy_artifact::{
    Encoder, NetworkConfig, POLICY, Policy as Artifact, PolicyConfig, PolicyItems, PolicyUsers, Weights,
};
use common::rng::{ChaCha8Rng, RngExt, stream};

use super::*;
use crate::adapt::{Buffers, Name};
use crate::context::Context;

/// A policy of random weights over `items`, that knows the users u0 (history and consumed items), u1 (traits alone).
fn artifact(items: &[&str], dims: usize, seed: u64) -> Artifact {
    artifact_of(Encoder::Gru, items, dims, seed)
}

/// The same with an encoder of choice.
fn artifact_of(encoder: Encoder, items: &[&str], dims: usize, seed: u64) -> Artifact {
    let ids = |values: &[&str]| {
        Dictionary::from_values(IdKind::Text, values.iter().map(ToString::to_string)).unwrap()
    };
    let network = NetworkConfig {
        items: items.len(),
        dims,
        hidden: 5,
        traits: 2,
        window: 3,
        encoder,
    };
    let mut weights = Weights::init(&network, seed);
    if encoder == Encoder::History {
        // Without them the counts would do nothing.
        weights.encoder[2..]
            .iter_mut()
            .for_each(|tensor| tensor.fill(0.5));
    }
    Artifact {
        manifest: Manifest::new(POLICY, "pretrain train").seed(seed),
        weights,
        items: PolicyItems {
            ids: ids(items),
            popularity: (0..items.len()).map(|i| i as f32).collect(),
            traits: vec![0.0; 2 * items.len()],
        },
        users: PolicyUsers {
            ids: ids(&["u0", "u1"]),
            history: vec![vec![(1, 1.0), (0, -1.0)], vec![]],
            traits: vec![0.5, -0.5, 1.0, 0.0],
            consumed: vec![vec![0, 1], vec![]],
            memory: (0..2 * network.memory()).map(|at| (at % 7) as f32).collect(),
            answered: Vec::new(),
        },
        config: PolicyConfig {
            network,
            method: "bc".into(),
            traits: "profile".into(),
            gamma: 0.9,
            likes: None,
            training: serde_json::Value::Null,
        },
    }
}

const ITEMS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn state_of(strategy: Name) -> State {
    State::new(artifact(&ITEMS, 4, 1), &settings(strategy)).unwrap()
}

/// Of a policy that keeps memories.
fn remembering(strategy: Name) -> State {
    let artifact = artifact_of(Encoder::History, &ITEMS, 4, 1);
    State::new(artifact, &settings(strategy)).unwrap()
}

fn settings(strategy: Name) -> Settings {
    let mut settings = Settings::new(strategy, 3);
    settings.hyper.learning.rollout = 2;
    // Short histories are to see all of a strategy.
    settings.hyper.mixing.warm_up = 3;
    settings
}

fn ask<'a>(user: &'a str, k: usize) -> Ask<'a> {
    Ask {
        user,
        k,
        candidates: None,
        given: None,
    }
}

fn by_request<'a>(request: u64, item: Option<u32>, reward: f32) -> Feedback<'a> {
    Feedback {
        subject: Subject::Request { request, item },
        reward,
        timestamp_ms: 7,
    }
}

fn by_user(user: &str, item: u32, reward: f32) -> Feedback<'_> {
    Feedback {
        subject: Subject::Shown { user, item },
        reward,
        timestamp_ms: 7,
    }
}

/// What happens to a live policy.
#[derive(Clone)]
enum Act {
    Recommended(Decision),
    Answered(Event),
}

/// A random history of asks and answers, late and out of order: what happened, and the state and pending decisions that
/// it led to.
fn history(strategy: Name, acts: usize, seed: u64) -> (Vec<Act>, State, Pending) {
    history_of(state_of(strategy), acts, seed)
}

/// The same, beginning with `state`.
fn history_of(mut state: State, acts: usize, seed: u64) -> (Vec<Act>, State, Pending) {
    let mut rng = stream(seed, "history", &[]);
    let mut pending = Pending::new(16);
    let mut buffers = Buffers::new();
    let mut done = Vec::new();
    while done.len() < acts {
        if rng.random::<f32>() < 0.6 {
            let user = format!("u{}", rng.random_range(0..5));
            let k = rng.random_range(1..4);
            let decision = state
                .decide(&ask(&user, k), pending.next_request(), &mut buffers)
                .unwrap();
            done.push(Act::Recommended(decision.clone()));
            pending.insert(decision);
        } else if let Some(event) = answer(&mut pending, &mut rng) {
            done.push(Act::Answered(apply(&mut state, event)));
        }
    }
    (done, state, pending)
}

/// Answers a random one of the pending decisions, where it is open.
fn answer(pending: &mut Pending, rng: &mut ChaCha8Rng) -> Option<Event> {
    let next = pending.next_request();
    let request = next.checked_sub(rng.random_range(1..20))?;
    let items = pending
        .entries()
        .find(|entry| entry.decision.request == request)
        .map(|entry| entry.decision.slate.items.clone())?;
    let item = items[rng.random_range(0..items.len())];
    let reward = [0.0, 1.0, -0.5][rng.random_range(0..3)];
    match pending.take(&by_request(request, Some(item), reward)) {
        Ok(Taken::Open(event)) => Some(event),
        _ => None,
    }
}

fn apply(state: &mut State, mut event: Event) -> Event {
    let applied = state.apply(&mut event).unwrap();
    assert!(applied.refused.is_none());
    event
}

fn context(traits: &[f32], history: &[(u32, f32)]) -> Context {
    Context {
        traits: traits.to_vec(),
        history: history.to_vec(),
        memory: Vec::new(),
    }
}
