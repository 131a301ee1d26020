//! The agent's state and its protocol, with a strategy that can be watched.

use std::sync::{Arc, Mutex, MutexGuard};

use common::Result;
use common::frame::{Reply, Request};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy_artifact::{
    Encoder, NetworkConfig, POLICY, Policy, PolicyConfig, PolicyItems, PolicyUsers, Weights,
};

use super::Agent;
use crate::adapt::{Buffers, ChoiceRequest, Experience, Explanation, Name, Strategy};
use crate::context::Context;
use crate::explore::Slate;
use crate::live::{self, Feedback, Settings, State, Subject};

#[derive(Default)]
struct Seen {
    contexts: Vec<Context>,
    consumed: Vec<Vec<u32>>,
    experience: Vec<Experience>,
}

/// Takes the first item that is open, and keeps what it was shown.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<Seen>>);

impl Watched {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}

impl Strategy for Watched {
    fn choose(&self, choices: &[ChoiceRequest<'_>], _: &mut Buffers) -> Vec<Slate> {
        let mut seen = self.seen();
        let choose = |choice: &ChoiceRequest<'_>| {
            seen.contexts.push(choice.user_context.context().clone());
            seen.consumed.push(choice.consumed.to_vec());
            let open = (0..5).filter(|item| !choice.consumed.contains(item));
            let items: Vec<u32> = open.take(choice.k).collect();
            Slate {
                propensities: vec![0.5; items.len()],
                items,
                negatives: vec![0, 1, 2],
                ..Slate::default()
            }
        };
        choices.iter().map(choose).collect()
    }

    fn rollout(&self) -> Option<usize> {
        Some(2)
    }

    fn wants_consumed(&self) -> bool {
        true
    }

    fn learn(&mut self, experience: &Experience) -> Result<()> {
        self.seen().experience.push(experience.clone());
        Ok(())
    }

    fn explain(&self, _: &ChoiceRequest<'_>, _: &mut Buffers) -> Explanation {
        Explanation::default()
    }
}

fn policy() -> Policy {
    let ids = |values: &[&str]| {
        Dictionary::from_values(IdKind::Text, values.iter().map(ToString::to_string)).unwrap()
    };
    let network = NetworkConfig {
        items: 5,
        dims: 1,
        hidden: 1,
        traits: 1,
        window: 2,
        encoder: Encoder::Gru,
    };
    Policy {
        manifest: Manifest::new(POLICY, "test"),
        weights: Weights::init(&network, 1),
        items: PolicyItems {
            ids: ids(&["a", "b", "c", "d", "e"]),
            popularity: vec![1.0; 5],
            traits: vec![0.0; 5],
        },
        users: PolicyUsers {
            ids: ids(&["u"]),
            history: vec![vec![(3, -1.0), (4, 1.0), (0, 1.0)]],
            traits: vec![0.5],
            consumed: vec![vec![0, 3, 4]],
            memory: Vec::new(),
            answered: Vec::new(),
        },
        config: PolicyConfig {
            network,
            method: "none".into(),
            traits: "none".into(),
            gamma: 0.9,
            likes: None,
            training: serde_json::Value::Null,
        },
    }
}

fn agent() -> (Agent, Watched) {
    let seen = Watched::default();
    let settings = Settings::new(Name::Frozen, 0);
    let state = State::acting_by(policy(), &settings, |_, _, _| Box::new(seen.clone()));
    (Agent::new(state.unwrap()), seen)
}

type Row<'a> = (u32, &'a str, u32, Option<&'a str>, Option<f32>, bool);

fn request(rows: &[Row<'_>]) -> Request {
    let mut request = Request::default();
    for &(env, user, step, item, reward, done) in rows {
        request.env.push(env);
        request.user_id.push(user);
        request.step.push(step);
        request.last_item.extend([item]);
        request.reward.push(reward);
        request.done.push(done);
        request.truncated.push(false);
    }
    request
}

fn begin(env: u32, user: &str) -> Row<'_> {
    (env, user, 0, None, None, false)
}

fn handle(agent: &mut Agent, rows: &[Row<'_>]) -> Reply {
    agent.handle(&request(rows)).unwrap()
}

#[test]
fn what_may_be_shown_begins_again_with_an_episode_and_the_user_lives_on() {
    let (mut agent, seen) = agent();
    handle(&mut agent, &[begin(9, "u")]);
    handle(&mut agent, &[(9, "u", 1, Some("b"), Some(0.0), false)]);
    let reply = handle(&mut agent, &[(9, "u", 2, Some("c"), Some(1.0), true)]);
    assert_eq!((reply.item.row(0).len(), reply.propensity[0]), (0, 1.0));
    // The next one is in another environment, beside one of its own.
    handle(&mut agent, &[begin(7, "u"), begin(9, "u")]);
    handle(
        &mut agent,
        &[
            (7, "u", 1, Some("b"), Some(0.0), true),
            (9, "u", 1, Some("b"), Some(0.0), false),
        ],
    );
    let seen = seen.seen();
    // The window of 2 keeps the last two; the traits stay.
    let context = |history: [(u32, f32); 2]| Context {
        traits: vec![0.5],
        history: history.to_vec(),
        memory: Vec::new(),
    };
    let (start, later) = (context([(4, 1.0), (0, 1.0)]), context([(0, 1.0), (2, 1.0)]));
    assert_eq!(
        seen.contexts,
        vec![start.clone(), start, later.clone(), later.clone(), later]
    );
    assert_eq!(
        seen.consumed,
        vec![
            vec![0, 3, 4],
            vec![0, 1, 3, 4],
            vec![0, 3, 4],
            vec![0, 3, 4],
            vec![0, 1, 3, 4],
        ]
    );
    // What could not be chosen is what the environment left open, too.
    let trajectories = seen.experience.iter().flat_map(|of| &of.trajectories);
    let closed: Vec<&[u32]> = trajectories.map(|one| &one.steps[0].consumed[..]).collect();
    assert_eq!(closed, [&[0, 3, 4][..], &[0, 1, 3, 4], &[0, 3, 4], &[0, 3, 4]]);
}

#[test]
fn a_liked_item_joins_the_history_of_a_newcomer() {
    let (mut agent, seen) = agent();
    handle(&mut agent, &[begin(0, "newcomer")]);
    handle(&mut agent, &[(0, "newcomer", 1, Some("a"), Some(1.0), false)]);
    let seen = seen.seen();
    assert_eq!(
        seen.contexts[0],
        Context {
            traits: vec![0.0],
            history: vec![],
            memory: Vec::new(),
        }
    );
    assert_eq!(
        seen.contexts[1],
        Context {
            traits: vec![0.0],
            history: vec![(0, 1.0)],
            memory: Vec::new(),
        }
    );
    assert_eq!(seen.consumed[1], vec![0]);
}

#[test]
fn a_frame_is_decided_by_one_state_and_answered_in_the_order_of_its_rows() {
    let (mut agent, seen) = agent();
    handle(&mut agent, &[begin(0, "x"), begin(1, "y")]);
    // Any subset in any order: environment 1 alone, then both.
    handle(&mut agent, &[(1, "y", 1, Some("a"), Some(0.0), false)]);
    handle(
        &mut agent,
        &[
            (1, "y", 2, Some("b"), Some(1.0), false),
            (0, "x", 1, Some("a"), Some(0.5), true),
        ],
    );
    handle(&mut agent, &[(1, "y", 3, Some("c"), Some(0.0), false)]);
    let seen = seen.seen();
    let answers: Vec<Vec<(u32, f32)>> = seen
        .experience
        .iter()
        .map(|of| {
            let steps = of.trajectories.iter().map(|one| &one.steps[0]);
            steps.map(|step| (step.shown.item, step.reward)).collect()
        })
        .collect();
    assert_eq!(
        answers,
        [vec![(0, 0.0), (1, 1.0)], vec![(0, 0.5), (2, 0.0)]],
        "a rollout of 2 answers"
    );
    assert_eq!((agent.events().len(), agent.state().applied()), (4, 4));
}

#[test]
fn an_agent_learns_what_a_service_learns() {
    for name in [Name::Scratch, Name::Ft, Name::Ap, Name::Adapter] {
        for encoder in [Encoder::Gru, Encoder::History] {
            let mut policy = policy();
            policy.config.network.encoder = encoder;
            policy.weights = Weights::init(&policy.config.network, 1);
            policy.users.memory = vec![1.0; policy.config.network.memory()];
            let mut settings = Settings::new(name, 3);
            settings.hyper.learning.rollout = 2;
            let mut agent = Agent::new(State::new(policy.clone(), &settings).unwrap());
            let mut served = live::Policy::new(policy, &settings).unwrap();
            let fresh = served.state().digest();
            let users = ["u", "x", "y"];
            let mut rows: Vec<Row<'_>> = (0..3).map(|env| begin(env, users[env as usize])).collect();
            for step in 1..=2 {
                let reply = handle(&mut agent, &rows);
                for slot in &agent.slots {
                    let episode = slot.episode.as_ref().unwrap();
                    served.keep(episode.pending.clone().unwrap());
                }
                rows.clear();
                for (env, user) in (0..3u32).zip(users) {
                    let item = reply.item.single(env as usize).unwrap();
                    let code = agent.state().items().code(item).unwrap();
                    let reward = [1.0, 0.0, -0.5][(code % 3) as usize];
                    let item = ["a", "b", "c", "d", "e"][code as usize];
                    rows.push((env, user, step, Some(item), Some(reward), false));
                    served
                        .observe(&Feedback {
                            subject: Subject::Shown { user, item: code },
                            reward,
                            timestamp_ms: 0,
                        })
                        .unwrap();
                }
            }
            handle(&mut agent, &rows);
            assert!(agent.version() > 0);
            assert_ne!(served.state().digest(), fresh);
            assert_eq!(
                agent.state().digest(),
                served.state().digest(),
                "{name:?} {encoder:?}"
            );
        }
    }
}

#[test]
fn of_a_slate_one_item_is_answered_and_the_others_stay_open() {
    let (mut agent, watched) = agent();
    agent.slate = 3;
    let reply = handle(&mut agent, &[begin(0, "x")]);
    assert_eq!(reply.item.row(0).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(reply.propensity, [0.125], "the product over the places");
    let reply = handle(&mut agent, &[(0, "x", 1, Some("b"), Some(1.0), false)]);
    assert_eq!(reply.item.row(0).collect::<Vec<_>>(), ["a", "c", "d"]);
    let reply = handle(&mut agent, &[(0, "x", 2, Some("a"), Some(0.0), true)]);
    assert_eq!((reply.item.row(0).len(), reply.propensity[0]), (0, 1.0));
    let seen = watched.seen();
    let steps = seen.experience[0].trajectories.iter().map(|one| &one.steps[0]);
    let steps: Vec<_> = steps.collect();
    assert_eq!((steps[0].shown.item, steps[0].shown.propensity), (1, 0.5));
    // Draws that show an item above the answered one are not of its place.
    assert_eq!(
        (&steps[0].negatives[..], &steps[1].negatives[..]),
        (&[1, 2][..], &[0, 1, 2][..])
    );
}

#[test]
fn breaches_of_the_protocol_are_refused_with_their_place() {
    let open: &[Row<'_>] = &[begin(3, "x")];
    let cases: &[(&[Row<'_>], Row<'_>, &str)] = &[
        (&[], (3, "x", 1, Some("a"), Some(1.0), false), "never began"),
        (&[], (3, "x", 0, None, Some(1.0), false), "step 0"),
        (&[], (3, "x", 0, None, None, true), "step 0"),
        (open, begin(3, "x"), "while the last one is open"),
        (open, (3, "z", 1, Some("a"), Some(1.0), false), "user changed"),
        (
            open,
            (3, "x", 2, Some("a"), Some(1.0), false),
            "step 2 follows step 0",
        ),
        (open, (3, "x", 1, None, Some(1.0), false), "no `last_item`"),
        (
            open,
            (3, "x", 1, Some("zz"), Some(1.0), false),
            "`zz` is not in the policy's catalogue",
        ),
        (
            open,
            (3, "x", 1, Some("b"), Some(1.0), false),
            "`a` was recommended",
        ),
        (open, (3, "x", 1, Some("a"), None, false), "no reward"),
        (open, (3, "x", 1, Some("a"), Some(f32::NAN), false), "not finite"),
    ];
    for (before, row, expected) in cases {
        let (mut agent, _) = agent();
        if !before.is_empty() {
            handle(&mut agent, before);
        }
        let error = agent.handle(&request(&[*row])).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("environment 3"),
            "{expected}: {error}"
        );
    }
    let (mut agent, _) = agent();
    let error = agent
        .handle(&request(&[begin(3, "x"), begin(3, "x")]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("twice in one frame"), "{error}");
}
