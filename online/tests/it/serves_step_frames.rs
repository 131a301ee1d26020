//! Every strategy, through the real binary: slates of one open item with its probability, in the order of the request,
//! whatever the mix of environments; and the events as they happened.

use std::collections::BTreeMap;

use crate::support::{ITEMS, Row, Session, agent, hello, policy, request, saved};
use common::frame::Request;
use common::ids::IdKind;
use common::schema::{events, interactions};

/// What the other side knows of an environment.
#[derive(Default)]
struct Env {
    user: String,
    step: u32,
    shown: Vec<String>,
    done: bool,
    open: bool,
}

/// Plays 6 rounds of episodes of 4 steps in three environments, of which a different subset is in each frame.
/// Answers with (user, item, reward, propensity, step, version) as it was seen.
fn play(session: &mut Session, log: &mut Vec<(String, String, f32, f32, u32, u64)>) -> Vec<u64> {
    let users = ["u0", "stranger", "u3", "u1", "u2"];
    let consumed = |user: &str| -> Vec<String> {
        let policy = policy();
        let code = policy.users.ids.code(user);
        code.map_or(vec![], |c| {
            policy.users.consumed[c as usize]
                .iter()
                .map(|i| format!("i{i}"))
                .collect()
        })
    };
    let mut envs: BTreeMap<u32, Env> = [4, 0, 2].map(|env| (env, Env::default())).into();
    let mut pending: BTreeMap<u32, (String, f32, u64)> = BTreeMap::new();
    let mut versions = Vec::new();
    let mut begun = 0;
    for frame in 0..60u32 {
        let mut order: Vec<u32> = [2, 4, 0]
            .into_iter()
            .filter(|env| (frame + env) % 3 != 0)
            .collect();
        if frame % 2 == 0 {
            order.reverse();
        }
        let mut asked = Request::default();
        for &id in &order {
            let env = envs.get_mut(&id).unwrap();
            if !env.open {
                *env = Env {
                    user: users[begun % users.len()].to_string(),
                    open: true,
                    ..Env::default()
                };
                begun += 1;
                push(&mut asked, (id, &env.user, 0, None, None, false));
                continue;
            }
            let (item, propensity, version) = pending.remove(&id).unwrap();
            let reward = if item.ends_with(['1', '5']) { 1.0 } else { 0.0 };
            log.push((
                env.user.clone(),
                item.clone(),
                reward,
                propensity,
                env.step,
                version,
            ));
            env.step += 1;
            env.shown.push(item.clone());
            env.done = env.step == 4;
            push(
                &mut asked,
                (id, &env.user, env.step, Some(&item), Some(reward), env.done),
            );
        }
        let reply = session.step(&asked);
        assert_eq!(reply.env, order);
        for (row, &id) in order.iter().enumerate() {
            let env = envs.get_mut(&id).unwrap();
            if env.done {
                assert_eq!((reply.item.row(row).len(), reply.propensity[row]), (0, 1.0));
                *env = Env::default();
                continue;
            }
            let item = reply.item.single(row).expect("a slate of one");
            assert!(policy().items.ids.code(item).is_some());
            assert!(
                !env.shown.iter().any(|shown| shown == item)
                    && !consumed(&env.user).iter().any(|id| id == item),
                "{item} was consumed"
            );
            assert!(reply.propensity[row] > 0.0 && reply.propensity[row] <= 1.0);
            pending.insert(
                id,
                (item.to_string(), reply.propensity[row], reply.policy_version[row]),
            );
            versions.push(reply.policy_version[row]);
        }
    }
    versions
}

fn push(request: &mut Request, (env, user, step, item, reward, done): Row<'_>) {
    request.env.push(env);
    request.user_id.push(user);
    request.step.push(step);
    request.last_item.extend([item]);
    request.reward.push(reward);
    request.done.push(done);
    request.truncated.push(false);
}

#[test]
fn every_strategy_serves_and_logs() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    for (strategy, learns) in [
        ("random", false),
        ("popularity", false),
        ("frozen", false),
        ("linucb", true),
        ("scratch", true),
        ("ft", true),
        ("ap", true),
        ("adapter", true),
    ] {
        let file = folder.path().join(format!("{strategy}.parquet"));
        let more = [
            "--events",
            file.to_str().unwrap(),
            "--rollout",
            "2",
            "--ap-decay",
            "60",
        ];
        let mut session = Session::start(agent(&policy, strategy, &more), &hello());
        let mut log = Vec::new();
        let versions = play(&mut session, &mut log);
        let stderr = session.finish();
        assert!(stderr.contains("recommendations answered"), "{stderr}");

        assert!(versions.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(versions.iter().any(|v| *v > 0), learns, "{strategy}");
        let events = events::read(&file).unwrap();
        let seen: Vec<_> = (0..events.log.len())
            .map(|row| {
                (
                    events.log.users.id(events.log.user[row]).to_string(),
                    events.log.items.id(events.log.item[row]).to_string(),
                    events.log.feedback[row],
                    events.log.propensity[row].unwrap(),
                    events.step[row],
                    events.policy_version[row],
                )
            })
            .collect();
        assert_eq!(seen, log, "{strategy}");
        assert!(events.log.timestamp.windows(2).all(|pair| pair[0] < pair[1]));
        // The loop closes: events are a log.
        assert_eq!(interactions::read_log(&file, None).unwrap().len(), log.len());
    }
}

#[test]
fn baselines_do_what_their_names_say() {
    let folder = tempfile::tempdir().unwrap();
    let saved = saved(folder.path());
    let ask = |strategy: &str| {
        let mut session = Session::start(agent(&saved, strategy, &[]), &hello());
        let reply = session.step(&request(&[
            (0, "u3", 0, None, None, false),
            (1, "new", 0, None, None, false),
        ]));
        session.finish();
        reply
    };
    let popular = ask("popularity");
    // Popularity is i * 7 mod 30: item 17 has 29 likes. User u3 has consumed items 0 to 19: item 21 has 27.
    assert_eq!(popular.item, [["i21"], ["i17"]].into_iter().collect());
    assert_eq!(popular.propensity, vec![1.0, 1.0]);
    assert_eq!(ask("random").propensity, vec![0.1, 1.0 / ITEMS as f32]);
}

#[test]
fn ids_that_are_integers_stay_integers_and_a_strange_newcomer_makes_them_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut integers = policy();
    let mut users = common::ids::Dictionary::new(IdKind::Integer);
    for id in ["7", "-3", "12", "100"] {
        users.intern(id);
    }
    integers.users.ids = users;
    let saved = folder.path().join("policy");
    integers.save(&saved).unwrap();
    for (newcomer, kind) in [("55", IdKind::Integer), ("anonymous", IdKind::Text)] {
        let file = folder.path().join(format!("{newcomer}.parquet"));
        let mut session = Session::start(
            agent(&saved, "frozen", &["--events", file.to_str().unwrap()]),
            &hello(),
        );
        let reply = session.step(&request(&[
            (0, "7", 0, None, None, false),
            (1, newcomer, 0, None, None, false),
        ]));
        let [one, two] = [0, 1].map(|row| reply.item.single(row).unwrap());
        session.step(&request(&[
            (0, "7", 1, Some(one), Some(0.0), false),
            (1, newcomer, 1, Some(two), Some(1.0), true),
        ]));
        session.finish();
        let events = events::read(&file).unwrap();
        assert_eq!(events.log.users.kind(), kind);
        assert!(events.log.users.ids().eq(["7", newcomer]));
    }
}
