//! The server is killed at random moments under load, in compactions and in swaps: no acknowledged feedback is missing,
//! none counts twice, and what is recovered is what a replay of everything makes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::http::{Client, Server};
use crate::support::{online, policy, saved};
use common::rng::{RngExt, stream};
use online::journal::StateFolder;
use online::live::Event;
use serde_json::{Value, json};

/// Feedback as it was sent: request and item, and the reward.
type Sent = BTreeMap<(u64, u32), f32>;

/// What the clients know.
#[derive(Default)]
struct Books {
    /// Feedback that the server has acknowledged.
    acknowledged: Sent,
    /// Feedback that was sent and whose reply never came.
    doubtful: Sent,
    /// The highest epoch that a swap was acknowledged with.
    epoch: u64,
}

/// Sends feedback and books it; whether the connection still stands.
fn feedback(client: &mut Client, books: &Mutex<Books>, key: (u64, u32), reward: f32) -> bool {
    books.lock().unwrap().doubtful.insert(key, reward);
    let body = json!({ "request_id": key.0.to_string(), "item": format!("i{}", key.1), "reward": reward });
    let Ok(reply) = client.try_send("POST", "/feedback", &body.to_string()) else {
        return false;
    };
    let mut books = books.lock().unwrap();
    match reply.status {
        200 => {
            assert_eq!(reply.json()["durable"], true);
            books.acknowledged.insert(key, reward);
            books.doubtful.remove(&key);
        }
        // The recommendation was lost with the process before anything was acknowledged for it.
        404 | 410 => assert!(!books.acknowledged.contains_key(&key), "{key:?} was acknowledged"),
        status => panic!("{status}: {}", reply.text()),
    }
    true
}

/// Recommendations and feedback until the server is gone.
fn client(address: SocketAddr, number: u64, round: u64, books: &Mutex<Books>) {
    let Ok(mut client) = Client::connect(address) else {
        return;
    };
    let mut rng = stream(round, "client", &[number]);
    // What is in doubt is sent again, and so is some of what is not: both must count once.
    let again: Vec<_> = {
        let books = books.lock().unwrap();
        let mut sent: Vec<_> = books
            .doubtful
            .iter()
            .chain(books.acknowledged.iter().rev().take(9))
            .collect();
        sent.retain(|(key, _)| key.0 % 4 == number % 4);
        sent.into_iter().map(|(key, reward)| (*key, *reward)).collect()
    };
    if !again
        .into_iter()
        .all(|(key, reward)| feedback(&mut client, books, key, reward))
    {
        return;
    }
    loop {
        let wish = json!({ "user": format!("u{}", rng.random_range(0..40)), "k": rng.random_range(1..4) });
        let Ok(reply) = client.try_send("POST", "/recommend", &wish.to_string()) else {
            return;
        };
        let body = reply.expect(200);
        let request = body["request_id"].as_str().unwrap().parse().unwrap();
        for item in body["items"].as_array().unwrap() {
            let item = item["item"].as_str().unwrap()[1..].parse().unwrap();
            let reward = [0.0, 1.0][rng.random_range(0..2)];
            if !feedback(&mut client, books, (request, item), reward) {
                return;
            }
        }
    }
}

/// Swaps until the server is gone.
fn operator(address: SocketAddr, books: &Mutex<Books>) {
    let Ok(mut client) = Client::connect(address) else {
        return;
    };
    for number in (0..3).cycle() {
        let body = json!({ "folder": number.to_string() }).to_string();
        let Ok(reply) = client.try_send("POST", "/policy", &body) else {
            return;
        };
        let epoch = reply.expect(200)["epoch"].as_u64().unwrap();
        let mut books = books.lock().unwrap();
        books.epoch = books.epoch.max(epoch);
    }
}

/// What `online replay --check` says; it must find no difference.
fn check(state: &Path) -> Value {
    let output = online(&["replay", "--check", "--state"])
        .arg(state)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["same"], true);
    said
}

/// Every event of a state folder, and how often it is there.
fn events(state: &Path) -> BTreeMap<(u64, u32), (f32, u32)> {
    let add = |events: &mut BTreeMap<(u64, u32), (f32, u32)>, event: &Event| {
        events
            .entry((event.request, event.shown.item))
            .or_insert((event.reward, 0))
            .1 += 1;
    };
    StateFolder::read(state).unwrap().rebuild(add).unwrap().2
}

/// Holds what is on disk to what the clients know.
fn compare(state: &Path, books: &Books) {
    let events = events(state);
    for (key, reward) in &books.acknowledged {
        let Some((found, times)) = events.get(key) else {
            panic!("{key:?} was acknowledged and is missing");
        };
        assert_eq!((found, *times), (reward, 1), "{key:?}");
    }
    for (key, (reward, times)) in &events {
        assert_eq!(*times, 1, "{key:?}");
        let sent = books.acknowledged.get(key).or_else(|| books.doubtful.get(key));
        assert_eq!(sent, Some(reward), "{key:?} was never sent");
    }
}

/// Kills a server so often, each time within `most` milliseconds of its start; with `swaps` more often, where the disk was
/// too slow for a few of them.
fn killed(kills: u64, most: u64, strategy: &str, swaps: bool) {
    let folder = tempfile::tempdir().unwrap();
    let (state, policies) = (folder.path().join("state"), folder.path().join("policies"));
    for number in 0..3 {
        let mut policy = policy();
        policy.weights = common::policy_artifact::Weights::init(&policy.config.network, number);
        policy.save(&policies.join(number.to_string())).unwrap();
    }
    let policy = saved(folder.path());
    let policies = policies.to_str().unwrap();
    // Segments of some dozens of records: compactions all the time.
    let more = [
        "--strategy",
        strategy,
        "--segment-size",
        "20000",
        "--policies",
        policies,
    ];
    let books = Mutex::new(Books::default());
    let mut rng = stream(kills, "kills", &[]);
    let enough = |round: u64| round >= kills && (!swaps || books.lock().unwrap().epoch > 3);
    for round in (0..10 * kills).take_while(|round| !enough(*round)) {
        let server = Server::start(&policy, &state, &more);
        let address = server.address;
        std::thread::scope(|scope| {
            let books = &books;
            for number in 0..8 {
                scope.spawn(move || client(address, number, round, books));
            }
            if swaps {
                scope.spawn(move || operator(address, books));
            }
            std::thread::sleep(Duration::from_micros(rng.random_range(1_000..1_000 * most)));
            server.kill();
        });
        let said = check(&state);
        let books = books.lock().unwrap();
        assert!(said["applied"].as_u64().unwrap() >= books.acknowledged.len() as u64);
        assert!(said["epoch"].as_u64().unwrap() >= books.epoch);
        if round % 10 == 9 {
            compare(&state, &books);
        }
    }
    // The last process ends in good order.
    let server = Server::start(&policy, &state, &more);
    let applied = server.get("/policy").expect(200)["applied"].clone();
    server.stop();
    assert_eq!(check(&state)["applied"], applied);
    let books = books.into_inner().unwrap();
    compare(&state, &books);
    assert!(
        books.acknowledged.len() > 100,
        "{} acknowledged",
        books.acknowledged.len()
    );
    assert!(
        !StateFolder::read(&state).unwrap().parts().unwrap().is_empty(),
        "nothing was compacted"
    );
    assert!(!swaps || books.epoch > 3, "{} swaps", books.epoch);
    eprintln!(
        "{} acknowledged, {} in doubt, epoch {}",
        books.acknowledged.len(),
        books.doubtful.len(),
        books.epoch
    );
}

#[test]
fn fifty_kills_under_load() {
    killed(50, 80, "adapter", false);
}

#[test]
fn kills_while_policies_take_over() {
    killed(15, 300, "ft", true);
}
