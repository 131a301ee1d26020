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

/// By request: the arm that the reply named, and the reward that was acknowledged.
type Books = BTreeMap<u64, (String, Option<f32>)>;

fn client(address: std::net::SocketAddr, number: u64, round: u64, books: &Mutex<Books>) -> Option<()> {
    let mut client = Client::connect(address).ok()?;
    let mut rng = stream(round, "experiment client", &[number]);
    loop {
        let user = format!("n{}", rng.random_range(0..60));
        let reply = client
            .try_send("POST", "/recommend", &json!({ "user": user }).to_string())
            .ok()?;
        let body = reply.expect(200);
        let request: u64 = body["request_id"].as_str().unwrap().parse().unwrap();
        let arm = body["arm"].as_str().unwrap().to_string();
        books.lock().unwrap().insert(request, (arm, None));
        let reward = [0.0, 1.0][rng.random_range(0..2)];
        // By request or by user and item: both find the arm's own codes.
        let feedback = match number % 2 {
            0 => json!({ "request_id": request.to_string(), "reward": reward }),
            _ => json!({ "user": user, "item": body["items"][0]["item"], "reward": reward }),
        };
        let reply = client.try_send("POST", "/feedback", &feedback.to_string()).ok()?;
        // Another client may have answered for the same user and item; a crash may have taken the recommendation.
        if reply.status == 200 && number.is_multiple_of(2) && reply.json()["applied"] == 1 {
            books.lock().unwrap().get_mut(&request).unwrap().1 = Some(reward);
        }
    }
}

fn operator(address: std::net::SocketAddr, round: u64) -> Option<()> {
    let mut client = Client::connect(address).ok()?;
    let mut rng = stream(round, "operator", &[]);
    loop {
        let share = f64::from(rng.random_range(0..5_000)) / 10_000.0;
        let body = match rng.random_range(0..3) {
            0 => ("/policy", json!({ "folder": "second", "arm": "other" })),
            _ => (
                "/experiment",
                json!({ "shares": [{ "arm": "other", "share": share }] }),
            ),
        };
        client
            .try_send("POST", body.0, &body.1.to_string())
            .ok()?
            .expect(200);
        std::thread::sleep(Duration::from_millis(5));
    }
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

#[test]
fn killed_in_mid_experiment_nothing_acknowledged_is_lost_and_each_exposure_has_its_arm() {
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
        "--admin",
        "--policies",
        folder.path().to_str().unwrap(),
        "--arm",
        &other,
        "--arm",
        "plain=strategy:frozen,share:0.2",
    ];
    let books = Mutex::new(Books::new());
    let mut rng = stream(4, "kills of experiments", &[]);
    for round in 0..12 {
        let server = Server::start(&first, &state, &more);
        let address = server.address;
        std::thread::scope(|scope| {
            let books = &books;
            for number in 0..6 {
                scope.spawn(move || client(address, number, round, books));
            }
            scope.spawn(move || operator(address, round));
            std::thread::sleep(Duration::from_micros(rng.random_range(20_000..200_000)));
            server.kill();
        });
        let checked = online(&["replay", "--check", "--state", state.to_str().unwrap()])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(0), "round {round}: {stderr}");
    }
    let books = books.into_inner().unwrap();
    let add = |events: &mut Vec<(u64, u16, f32)>, event: &Event| {
        events.push((event.request, event.arm, event.reward));
    };
    let (arms, events) = StateFolder::read(&state).unwrap().rebuild(add).unwrap();
    let mut found = BTreeMap::new();
    for (request, arm, reward) in events {
        let name = arms.name_of(arm).unwrap();
        assert_eq!(
            books.get(&request).map(|(arm, _)| arm.as_str()),
            Some(name),
            "request {request}"
        );
        assert!(
            found.insert(request, reward).is_none(),
            "request {request} counts twice"
        );
    }
    let mut acknowledged = 0;
    for (request, (_, reward)) in &books {
        if let Some(reward) = reward {
            assert_eq!(
                found.get(request),
                Some(reward),
                "request {request} was acknowledged"
            );
            acknowledged += 1;
        }
    }
    let arms: std::collections::BTreeSet<&str> = books.values().map(|(arm, _)| arm.as_str()).collect();
    assert_eq!(arms.len(), 3);
    assert!(acknowledged > 100, "{acknowledged}");
    assert!(
        state.join("exposures").read_dir().unwrap().next().is_some(),
        "nothing was compacted"
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
