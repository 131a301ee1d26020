//! Policies take over from each other while clients go on: no request fails, each reply comes from one valid policy, and
//! what is damaged or does not fit is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::http::Server;
use crate::support::{ITEMS, policy, replace_file};
use common::ids::{Dictionary, IdKind};
use common::policy_artifact::{Policy, Weights};
use serde_json::{Value, json};

/// Fingerprints by epoch.
type Seen = BTreeMap<u64, String>;

fn save(policies: &Path, name: &str, policy: &Policy) -> PathBuf {
    let folder = policies.join(name);
    policy.save(&folder).unwrap();
    folder
}

/// The policy of the other tests with other weights, its items in another order, or a few more of them, so that every swap
/// changes what a code means.
fn variant(number: usize) -> Policy {
    let mut policy = policy();
    let items = ITEMS + number % 3;
    policy.config.network.items = items;
    policy.config.network.dims = 6 + number % 2;
    policy.weights = Weights::init(&policy.config.network, number as u64);
    let ids = (0..items).map(|code| format!("i{}", (code * 7 + number) % items));
    policy.items.ids = Dictionary::from_values(IdKind::Text, ids).unwrap();
    policy.items.popularity = vec![1.0; items];
    policy.items.traits = vec![0.1; 2 * items];
    policy
}

const VARIANTS: usize = 5;

/// Policies that must not take over, and what the refusal says.
fn damaged(policies: &Path) -> Vec<(&'static str, &'static str)> {
    let cut = save(policies, "cut", &variant(1));
    let weights = std::fs::read(cut.join("weights.safetensors")).unwrap();
    std::fs::write(cut.join("weights.safetensors"), &weights[..weights.len() / 2]).unwrap();

    let flipped = save(policies, "flipped", &variant(1));
    std::fs::write(flipped.join("manifest.json"), "{\"kind\":\"policy\"").unwrap();

    let gone = save(policies, "gone", &variant(1));
    std::fs::remove_file(gone.join("items.parquet")).unwrap();

    let garbled = save(policies, "garbled", &variant(1));
    replace_file(&garbled, "users.parquet", b"no parquet at all");

    let mut foreign = variant(1);
    let ids = (0..foreign.items.ids.len()).map(|code| format!("other{code}"));
    foreign.items.ids = Dictionary::from_values(IdKind::Text, ids).unwrap();
    save(policies, "foreign", &foreign);

    std::fs::create_dir(policies.join("empty")).unwrap();
    vec![
        ("cut", "weights.safetensors"),
        ("flipped", "manifest.json"),
        ("gone", "items.parquet"),
        ("garbled", "users.parquet"),
        ("foreign", "none of the"),
        ("empty", "manifest.json"),
    ]
}

/// Says stop when the operator is done, whether all went well or not.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What one client meets until told to stop: the policies that answered, and how many requests.
fn client(server: &Server, number: usize, stop: &AtomicBool) -> (Seen, u32) {
    let mut client = server.client();
    let mut seen = Seen::new();
    let mut requests = 0;
    while !stop.load(Ordering::Relaxed) {
        let user = format!("u{}", (requests as usize + number) % 9);
        // Items that every variant has: what is drawn must be among them, whatever their codes are at that moment.
        let candidates = ["i3", "i17", "i28"];
        let wish = json!({ "user": user, "k": 2, "candidates": candidates });
        let body = client.post("/recommend", &wish).expect(200);
        let items: Vec<&str> = body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["item"].as_str().unwrap())
            .collect();
        // One is left where the user has had two; who has had all may have any.
        assert!(
            (1..=2).contains(&items.len()) && items.iter().all(|item| candidates.contains(item)),
            "{items:?}"
        );
        let acting = &body["policy"];
        let fingerprint = acting["fingerprint"].as_str().unwrap().to_string();
        let known = seen
            .entry(acting["epoch"].as_u64().unwrap())
            .or_insert_with(|| fingerprint.clone());
        assert_eq!(*known, fingerprint);
        let rewards: Vec<Value> = items
            .iter()
            .map(|item| json!({ "item": item, "reward": 1 }))
            .collect();
        let report = json!({ "request_id": body["request_id"], "rewards": rewards });
        let taken = client.post("/feedback", &report).expect(200);
        assert_eq!(taken["applied"], items.len());
        requests += 2;
    }
    (seen, requests)
}

#[test]
fn two_hundred_swaps_of_which_every_tenth_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    for number in 0..VARIANTS {
        save(&policies, &number.to_string(), &variant(number));
    }
    let damaged = damaged(&policies);
    let more = ["--strategy", "ft", "--policies", policies.to_str().unwrap()];
    let server = Server::start(&policies.join("0"), &folder.path().join("state"), &more);
    let first = server.get("/policy").expect(200);
    let short = |fingerprint: &Value| fingerprint.as_str().unwrap()[..12].to_string();
    let taken = Mutex::new(Seen::from([(0, short(&first["fingerprint"]))]));

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (server, stop) = (&server, &stop);
        let clients: Vec<_> = (0..3)
            .map(|number| scope.spawn(move || client(server, number, stop)))
            .collect();
        let stopping = Stop(stop);
        let mut operator = server.client();
        let mut good = 0;
        for swap in 1..=200 {
            if swap % 10 == 0 {
                let (name, says) = damaged[swap / 10 % damaged.len()];
                let refused = operator.post("/policy", &json!({ "folder": name })).expect(422);
                assert!(refused.to_string().contains(says), "{name}: {refused}");
                continue;
            }
            good += 1;
            let name = (good % VARIANTS).to_string();
            let body = operator.post("/policy", &json!({ "folder": name })).expect(200);
            assert_eq!(body["epoch"], good);
            taken
                .lock()
                .unwrap()
                .insert(good as u64, short(&body["fingerprint"]));
        }
        drop(stopping);
        let taken = taken.lock().unwrap();
        let mut answered_by = Seen::new();
        for client in clients {
            let (seen, requests) = client.join().unwrap();
            assert!(requests > 0);
            answered_by.extend(seen);
        }
        for (epoch, fingerprint) in &answered_by {
            assert_eq!(taken.get(epoch), Some(fingerprint), "epoch {epoch}");
        }
        assert!(
            answered_by.len() > 20,
            "clients met {} policies",
            answered_by.len()
        );
    });
    let last = server.get("/policy").expect(200);
    assert_eq!(last["epoch"], 180);
    let stderr = server.stop();
    assert_eq!(stderr.matches("a policy was refused").count(), 20, "{stderr}");

    // What has taken over is there again after a restart, though --policy names the first.
    let server = Server::start(&policies.join("0"), &folder.path().join("state"), &more);
    assert_eq!(server.get("/policy").expect(200), last);
    server.stop();
}

#[test]
fn a_hang_up_reads_the_policy_again() {
    let folder = tempfile::tempdir().unwrap();
    let named = save(folder.path(), "named", &variant(0));
    let server = Server::start(&named, &folder.path().join("state"), &["--strategy", "frozen"]);
    let epoch = || server.get("/policy").expect(200)["epoch"].as_u64().unwrap();
    assert_eq!(epoch(), 0);
    variant(1).save(&named).unwrap();
    server.signal("HUP");
    while epoch() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    // A damaged one is refused, and the process lives.
    std::fs::write(named.join("weights.safetensors"), b"").unwrap();
    server.signal("HUP");
    let refused = "headstart_policy_swaps_total{outcome=\"refused\"} 1";
    while !server.get("/metrics").text().contains(refused) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(epoch(), 1);
    assert!(server.stop().contains("a policy was refused"));
}
