//! A/B experiments over HTTP: killed in the middle nothing acknowledged is missing, every exposure has its arm, and a worse arm
//! is stepped back from.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::http::{Client, Server};
use crate::support::{inspected, online, policy, saved};
use common::rng::{RngExt, stream};
use online::experiment::Standing;
use online::journal::StateFolder;
use online::live::Event;
use serde_json::{Value, json};

/// Processes in the day, each killed but the last.
const KILLS: u64 = 20;
/// Policies that take over in the day, at least.
const SWAPS: u64 = 20;
const CLIENTS: u64 = 6;
/// The day's first millisecond, and how long each process has of it.
const MIDNIGHT: i64 = 1_790_000_000_000;
const SHIFT: i64 = 86_400_000 / KILLS as i64;

/// A reply, and what came of it.
struct Reply {
    arm: String,
    user: String,
    /// What was acknowledged, and when it had happened.
    acknowledged: Option<(f32, i64)>,
}

/// What the clients and the operator know.
#[derive(Default)]
struct Books {
    /// By request.
    replies: BTreeMap<u64, Reply>,
    /// Swaps that were acknowledged, by arm.
    swaps: BTreeMap<String, u64>,
}

fn client(address: std::net::SocketAddr, number: u64, round: u64, books: &Mutex<Books>) -> Option<()> {
    let mut client = Client::connect(address).ok()?;
    let mut rng = stream(round, "experiment client", &[number]);
    let mut now = MIDNIGHT + round as i64 * SHIFT;
    let end = now + SHIFT;
    loop {
        // By night little happens: a step of the clock is long there, and short at noon.
        let night = (now - MIDNIGHT - 43_200_000).abs() / 43_200;
        now = (now + rng.random_range(1..1_000 + 20 * night)).min(end - 1);
        let user = format!("n{}", rng.random_range(0..60));
        let reply = client
            .try_send("POST", "/recommend", &json!({ "user": user }).to_string())
            .ok()?;
        let body = reply.expect(200);
        let request: u64 = body["request_id"].as_str().unwrap().parse().unwrap();
        let arm = body["arm"].as_str().unwrap().to_string();
        let reply = Reply {
            arm,
            user: user.clone(),
            acknowledged: None,
        };
        books.lock().unwrap().replies.insert(request, reply);
        let reward = [0.0, 1.0][rng.random_range(0..2)];
        // By request or by user and item: both find the arm's own codes.
        let mut feedback = match number % 2 {
            0 => json!({ "request_id": request.to_string() }),
            _ => json!({ "user": user, "item": body["items"][0]["item"] }),
        };
        feedback["reward"] = json!(reward);
        feedback["timestamp"] = json!(now);
        let reply = client.try_send("POST", "/feedback", &feedback.to_string()).ok()?;
        // Another client may have answered for the same user and item; a crash may have taken the recommendation.
        if reply.status == 200 && number.is_multiple_of(2) && reply.json()["applied"] == 1 {
            books
                .lock()
                .unwrap()
                .replies
                .get_mut(&request)
                .unwrap()
                .acknowledged = Some((reward, now));
        }
    }
}

fn operator(address: std::net::SocketAddr, round: u64, books: &Mutex<Books>) -> Option<()> {
    let mut client = Client::connect(address).ok()?;
    let mut rng = stream(round, "operator", &[]);
    for turn in round.. {
        let share = f64::from(rng.random_range(0..5_000)) / 10_000.0;
        let shares = json!({ "shares": [{ "arm": "other", "share": share }] });
        let folder = ["policy", "second"][rng.random_range(0..2)];
        let arm = ["other", "reference"][(turn % 2) as usize];
        for (path, body) in [
            ("/policy", json!({ "folder": folder, "arm": arm })),
            ("/experiment", shares),
        ] {
            client.try_send("POST", path, &body.to_string()).ok()?.expect(200);
            if path == "/policy" {
                *books.lock().unwrap().swaps.entry(arm.to_string()).or_default() += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Two policies whose catalogues differ in codes and in some items.
fn policies(folder: &std::path::Path) -> [std::path::PathBuf; 2] {
    let mut second = policy();
    second.manifest = second.manifest.seed(2);
    let ids = (0..second.items.ids.len()).map(|item| format!("i{}", item + 4));
    second.items.ids = common::ids::Dictionary::from_values(common::ids::IdKind::Text, ids.rev()).unwrap();
    second.save(&folder.join("second")).unwrap();
    [saved(folder), folder.join("second")]
}

/// A day of traffic in fast motion, with its night and its noon: a process for each twentieth of it, killed at a random moment, policies
/// that take over in the reference and in an arm, and shares that change all the while.
#[test]
fn a_day_with_kills_swaps_and_arms_loses_nothing_acknowledged_and_knows_the_arm_of_each_exposure() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = policies(folder.path());
    let state = folder.path().join("state");
    let other = format!(
        "other=policy:{},strategy:ft,rollout:2,share:0.3",
        second.display()
    );
    let more = [
        "--strategy",
        "adapter",
        "--segment-size",
        "20000",
        "--keep-policies",
        "2",
        "--admin",
        "--policies",
        folder.path().to_str().unwrap(),
        "--arm",
        &other,
        "--arm",
        "plain=strategy:frozen,share:0.2",
    ];
    let books = Mutex::new(Books::default());
    let mut rng = stream(4, "kills of experiments", &[]);
    for round in 0..KILLS {
        let server = Server::start(&first, &state, &more);
        let address = server.address;
        let swaps = || books.lock().unwrap().swaps.values().sum::<u64>();
        std::thread::scope(|scope| {
            let books = &books;
            for number in 0..CLIENTS {
                scope.spawn(move || client(address, number, round, books));
            }
            scope.spawn(move || operator(address, round, books));
            std::thread::sleep(Duration::from_micros(rng.random_range(20_000..200_000)));
            // On a busy machine the last of the day waits for what is still to happen.
            while round + 1 == KILLS && swaps() < SWAPS {
                std::thread::sleep(Duration::from_millis(20));
            }
            server.kill();
        });
        let checked = online(&["replay", "--check", "--state", state.to_str().unwrap()])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(0), "round {round}: {stderr}");
    }
    // What a killed process could not tidy up the next one does, in two steps: a base, and then what served before it goes.
    let served = state.join("policies/0/weights.safetensors");
    let mut starts = 0;
    while served.exists() {
        let server = Server::start(&first, &state, &more);
        server.post("/recommend", &json!({ "user": "n1" })).expect(200);
        std::thread::sleep(Duration::from_millis(100));
        server.stop();
        starts += 1;
        assert!(starts < 50, "no policy is let go");
    }
    let Books { replies, swaps } = books.into_inner().unwrap();
    let found = events(&state);
    for (request, (arm, ..)) in &found {
        let told = replies.get(request).map(|reply| &reply.arm);
        assert_eq!(told, Some(arm), "request {request}");
    }
    let mut acknowledged = BTreeMap::<String, u64>::new();
    for (request, reply) in &replies {
        if let Some(event) = reply.acknowledged {
            assert_eq!(
                found.get(request).map(|(_, reward, time)| (*reward, *time)),
                Some(event),
                "request {request} was acknowledged"
            );
            *acknowledged.entry(reply.arm.clone()).or_default() += 1;
        }
    }
    assert!(
        acknowledged.len() == 3 && acknowledged.values().all(|&count| count > 30),
        "{acknowledged:?}"
    );
    assert!(
        swaps.len() == 2 && swaps.values().sum::<u64>() >= SWAPS,
        "{swaps:?}"
    );
    let hours: std::collections::BTreeSet<i64> = found
        .values()
        .map(|(.., time)| (time - MIDNIGHT) / 3_600_000)
        .collect();
    assert!(hours.len() > 15, "{hours:?}");
    exposures_have_their_arm(&state, &replies);
}

/// Every event of a state folder by its request: the arm, the reward and the time. Those of the parts once each, and those of the journal.
fn events(state: &std::path::Path) -> BTreeMap<u64, (String, f32, i64)> {
    let mut found = BTreeMap::new();
    for file in state.join("events").read_dir().unwrap() {
        let events = common::schema::events::read(&file.unwrap().path()).unwrap();
        let decisions = events.decisions.unwrap();
        for row in 0..decisions.request.len() {
            let event = (
                decisions.arm[row].clone(),
                events.log.feedback[row],
                events.log.timestamp[row],
            );
            let request = decisions.request[row];
            assert!(
                found.insert(request, event).is_none(),
                "request {request} counts twice"
            );
        }
    }
    let add = |events: &mut Vec<(u64, u16, f32, i64)>, event: &Event| {
        events.push((event.request, event.arm, event.reward, event.timestamp_ms));
    };
    let (arms, _, later) = StateFolder::read(state).unwrap().rebuild(add).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for (request, arm, reward, time) in later {
        assert!(seen.insert(request), "request {request} counts twice");
        let event = (arms.name_of(arm).unwrap().to_string(), reward, time);
        let stands = found.entry(request).or_insert_with(|| event.clone());
        assert_eq!(*stands, event, "request {request}");
    }
    found
}

/// Holds the files of finished segments to the replies: by arm and user nothing was exposed that no reply told, but for what was in flight
/// when a process was killed.
fn exposures_have_their_arm(state: &std::path::Path, replies: &BTreeMap<u64, Reply>) {
    let mut told = BTreeMap::<(&str, &str), u64>::new();
    for reply in replies.values() {
        *told.entry((&reply.arm, &reply.user)).or_default() += 1;
    }
    let (mut exposed, mut untold) = (0, 0);
    let mut counts = BTreeMap::<(String, String), u64>::new();
    for file in state.join("exposures").read_dir().unwrap() {
        let (exposures, _) = common::schema::exposures::read(&file.unwrap().path()).unwrap();
        let rows = exposures.arm.iter().zip(&exposures.user);
        for ((arm, user), count) in rows.zip(&exposures.recommendations) {
            let user = exposures.users.id(*user).to_string();
            *counts.entry((arm.clone(), user)).or_default() += u64::from(*count);
        }
    }
    for ((arm, user), count) in &counts {
        exposed += count;
        untold += count.saturating_sub(told.get(&(arm, user)).copied().unwrap_or(0));
    }
    assert!(exposed > 500, "{exposed} in finished segments");
    assert!(
        untold <= KILLS * CLIENTS,
        "{untold} of {exposed} were told to nobody"
    );
}

#[test]
fn a_worse_arm_goes_back_to_the_reference_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let policy = saved(folder.path());
    let more = ["--strategy", "random", "--arm", "worse=share:0.4"];
    let server = Server::start(&policy, &state, &more);
    let mut client = server.client();
    let metric = |server: &Server, name: &str| -> Option<f64> {
        let text = server.get("/metrics").text().to_string();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(String::from));
        line.map(|number| number.parse().unwrap())
    };
    assert_eq!(metric(&server, "headstart_arm_share{arm=\"worse\"}"), Some(0.4));
    assert_eq!(metric(&server, "headstart_arm_difference{arm=\"worse\"}"), None);
    let mut arms: BTreeMap<String, String> = BTreeMap::new();
    let mut stepped = false;
    for round in 0..8 {
        for user in 0..400 {
            let user = format!("n{user}");
            let body = client.post("/recommend", &json!({ "user": user })).expect(200);
            let arm = body["arm"].as_str().unwrap();
            let before = arms.entry(user).or_insert_with(|| arm.to_string());
            assert!(stepped || before == arm, "sticky");
            let reward = f32::from(u8::from(arm == "reference" || round == 7));
            let report = json!({ "request_id": body["request_id"], "reward": reward });
            client.post("/feedback", &report).expect(200);
            stepped = stepped || server.get("/experiment").expect(200)["arms"][1]["stepped_back"] == true;
        }
        if stepped {
            break;
        }
    }
    assert!(stepped);
    assert_eq!(metric(&server, "headstart_arm_share{arm=\"worse\"}"), Some(0.0));
    assert_eq!(
        metric(&server, "headstart_arm_stepped_back{arm=\"worse\"}"),
        Some(1.0)
    );
    let body = json!({ "shares": [{ "arm": "worse", "share": 0.4 }] });
    assert_eq!(server.post("/experiment", &body).status, 403);
    server.kill();
    let server = Server::start(&policy, &state, &more);
    let told = server.get("/experiment").expect(200);
    assert_eq!(
        (&told["arms"][1]["share"], &told["arms"][1]["stepped_back"]),
        (&json!(0.0), &json!(true))
    );
    let reply = server.post("/recommend", &json!({ "user": "n1" })).expect(200);
    assert_eq!(reply["arm"], "reference");
    let stderr = server.stop();
    assert!(
        stderr.contains("goes on with its share of 0, not 0.4"),
        "{stderr}"
    );
    let shown = |format: &str| inspected(&state, "--experiment", format);
    let json: Value = serde_json::from_str(&shown("json")).unwrap();
    let past: Vec<Standing> = serde_json::from_value(json["past"][0]["arms"].clone()).unwrap();
    assert!(past[1].difference.unwrap().upper < 0.0);
    let text = shown("text");
    assert!(
        text.contains("worse was stepped back from") && text.contains("worse (stepped back)"),
        "{text}"
    );
    let plain = Server::start(&policy, &folder.path().join("plain"), &["--strategy", "random"]);
    let reply = plain.post("/recommend", &json!({ "user": "n1" })).expect(200);
    assert!(
        reply.get("arm").is_none(),
        "without an experiment nothing is said"
    );
    plain.stop();
}
