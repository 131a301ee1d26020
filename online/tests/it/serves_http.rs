//! The HTTP service says what its OpenAPI file says, and does what it was asked.

use crate::support;
use std::collections::BTreeSet;

use crate::support::http::{Reply, Server};
use crate::support::schema::Schemas;
use crate::support::{online, saved};
use serde_json::{Value, json};

/// The OpenAPI file, and which of its answers have been seen.
struct Spec {
    document: Value,
    seen: BTreeSet<(String, String, String)>,
}

impl Spec {
    /// As the program prints it.
    fn new() -> Self {
        let output = online(&["serve", "--openapi"]).output().unwrap();
        assert!(output.status.success());
        Spec {
            document: serde_json::from_slice(&output.stdout).unwrap(),
            seen: BTreeSet::new(),
        }
    }

    /// Requires that the reply is one that the file tells of; its JSON.
    fn check(&mut self, method: &str, path: &str, reply: &Reply) -> Value {
        let status = reply.status.to_string();
        let method = method.to_lowercase();
        let told = &self.document["paths"][path][&method]["responses"][&status];
        let told = match told["$ref"].as_str() {
            Some(name) => self.document.pointer(name.trim_start_matches('#')).unwrap(),
            None => told,
        };
        let content = told["content"].as_object();
        let content =
            content.unwrap_or_else(|| panic!("{method} {path} {status}: not in the file: {}", reply.text()));
        let kind = reply.header("content-type").unwrap();
        let (_, body) = content
            .iter()
            .find(|(name, _)| kind.starts_with(name.as_str()))
            .unwrap();
        let json = match kind == "application/json" {
            true => reply.json(),
            false => Value::from(reply.text()),
        };
        if let Err(wrong) = Schemas(&self.document).check(&body["schema"], &json) {
            panic!("{method} {path} {status}: {wrong}");
        }
        self.seen.insert((path.into(), method, status));
        json
    }

    /// The answers that the file tells of, but those of 503.
    fn all(&self) -> BTreeSet<(String, String, String)> {
        let mut all = BTreeSet::new();
        for (path, methods) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                for status in operation["responses"].as_object().unwrap().keys() {
                    all.insert((path.clone(), method.clone(), status.clone()));
                }
            }
        }
        // Those of a service that is not ready are tested where it can be held back: in the sources beside the router.
        all.retain(|(_, _, status)| status != "503");
        all
    }
}

/// A POST with any header lines and body.
fn raw(server: &Server, path: &str, lines: &str, body: &str) -> Reply {
    let mut client = server.client();
    let request = format!("POST {path} HTTP/1.1\r\nhost: t\r\n{lines}\r\n\r\n{body}");
    client.write(request.as_bytes()).unwrap();
    client.read_reply(false).unwrap()
}

#[test]
fn every_answer_of_the_openapi_file_is_given_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let mut newer = support::policy();
    newer.manifest = newer.manifest.seed(2);
    newer.save(&folder.path().join("newer")).unwrap();
    let start = |state: &str, more: &[&str]| {
        let common = ["--strategy", "ft", "--pending", "8", "--body-timeout", "0.2"];
        Server::start(&policy, &folder.path().join(state), &[&common, more].concat())
    };
    let server = start(
        "state",
        &[
            "--explain",
            "--admin",
            "--policies",
            folder.path().to_str().unwrap(),
            "--arm",
            "b=strategy:frozen,share:0.5",
        ],
    );
    let plain = start("plain", &[]);
    let apprentice = start("apprentice", &["--apprentice"]);
    let mut spec = Spec::new();

    // What every route that takes a body says to bodies it does not take.
    let kind = "content-type: application/json";
    for path in [
        "/recommend",
        "/feedback",
        "/policy",
        "/experiment",
        "/explain",
        "/items",
        "/shown",
    ] {
        let server = match path {
            "/shown" => &apprentice,
            _ => &server,
        };
        for (lines, body, status) in [
            (format!("{kind}\r\ncontent-length: 1"), "{", 400),
            (format!("{kind}\r\ncontent-length: 9"), "{", 408),
            (format!("{kind}\r\ntransfer-encoding: chunked"), "0\r\n\r\n", 411),
            (format!("{kind}\r\ncontent-length: 999999999"), "{", 413),
            ("content-length: 2".into(), "{}", 415),
            (format!("{kind}\r\ncontent-length: 2"), "{}", 422),
        ] {
            let reply = raw(server, path, &lines, body);
            assert_eq!(reply.status, status, "{path}: {}", reply.text());
            spec.check("POST", path, &reply);
        }
    }
    for path in ["/policy", "/experiment", "/explain", "/items", "/shown"] {
        let reply = plain.post(path, &json!({ "folder": "newer", "user": "u0" }));
        assert_eq!(reply.status, 403);
        spec.check("POST", path, &reply);
    }

    let ask = || {
        server.post(
            "/recommend",
            &json!({ "user": "u1", "k": 2, "context": { "history": [{ "item": "i3", "feedback": 1 }] } }),
        )
    };
    let first = spec.check("POST", "/recommend", &ask());
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let feedback = |request: &Value, reward: f64| {
        let body = json!({ "request_id": request["request_id"], "item": request["items"][0]["item"], "reward": reward });
        server.post("/feedback", &body)
    };
    assert_eq!(
        spec.check("POST", "/feedback", &feedback(&first, 1.0))["applied"],
        1
    );
    assert_eq!(
        spec.check("POST", "/feedback", &feedback(&first, 1.0))["duplicates"],
        1
    );
    assert_eq!(feedback(&first, 0.0).status, 409);
    spec.check("POST", "/feedback", &feedback(&first, 0.0));
    for _ in 0..8 {
        assert_eq!(ask().status, 200);
    }
    assert_eq!(feedback(&first, 1.0).status, 410);
    spec.check("POST", "/feedback", &feedback(&first, 1.0));
    let unknown = server.post(
        "/feedback",
        &json!({ "user": "nobody", "item": "i1", "reward": 1, "timestamp": 7 }),
    );
    assert_eq!(unknown.status, 404);
    spec.check("POST", "/feedback", &unknown);

    let explained = spec.check(
        "POST",
        "/explain",
        &server.post("/explain", &json!({ "user": "u1", "top": 3 })),
    );
    assert_eq!(explained["top"].as_array().unwrap().len(), 3);
    let before = spec.check("GET", "/policy", &server.get("/policy"));
    let taken = spec.check(
        "POST",
        "/policy",
        &server.post("/policy", &json!({ "folder": "newer" })),
    );
    assert_eq!(taken["carried"]["items_shared"], before["items"]);
    let after = spec.check("GET", "/policy", &server.get("/policy"));
    assert_eq!(
        (&after["fingerprint"], after["epoch"].as_u64()),
        (&taken["fingerprint"], Some(1))
    );

    let refused = apprentice.post("/recommend", &json!({ "user": "u1" }));
    assert_eq!(refused.status, 403);
    spec.check("POST", "/recommend", &refused);
    let seen = json!({ "user": "u1", "item": "i3", "propensity": 0.5, "reward": 1 });
    let noted = spec.check("POST", "/shown", &apprentice.post("/shown", &seen));
    assert_eq!(noted["applied"], 1);
    let report = spec.check("GET", "/apprentice", &apprentice.get("/apprentice"));
    assert_eq!((&report["shown"], &report["answered"]), (&json!(1), &json!(1)));
    apprentice.stop();

    let changes = json!({ "retire": ["i5"], "add": [{ "item": "fresh" }] });
    let changed = spec.check("POST", "/items", &server.post("/items", &changes));
    assert_eq!((&changed["added"], &changed["items"]), (&json!(1), &json!(31)));
    let shelf = spec.check("GET", "/items", &server.get("/items"));
    assert_eq!(shelf["retired"], json!(["i5"]));

    let shares = json!({ "shares": [{ "arm": "b", "share": 0.25 }] });
    let changed = spec.check("POST", "/experiment", &server.post("/experiment", &shares));
    assert_eq!(
        (&changed["arms"][0]["share"], &changed["arms"][1]["arm"]),
        (&json!(0.75), &json!("b"))
    );
    let told = spec.check("GET", "/experiment", &server.get("/experiment"));
    assert_eq!(told, changed);

    for path in ["/healthz", "/readyz", "/metrics"] {
        spec.check("GET", path, &server.get(path));
    }
    let file = spec.check("GET", "/openapi.json", &server.get("/openapi.json"));
    assert_eq!(file, spec.document);
    assert_eq!(spec.seen, spec.all());

    // Routes and methods that are not in the file.
    for (method, path, status) in [
        ("GET", "/recommend", 405),
        ("PUT", "/policy", 405),
        ("POST", "/metrics", 405),
        ("GET", "/", 404),
    ] {
        let reply = server.client().send(method, path, "");
        assert_eq!(reply.status, status, "{method} {path}");
        let error = json!({ "$ref": "#/components/schemas/Error" });
        Schemas(&spec.document).check(&error, &reply.json()).unwrap();
        assert_eq!(reply.header("allow").is_some(), status == 405);
    }
    let head = server.client().send("HEAD", "/healthz", "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    server.stop();
    plain.stop();
}

#[test]
fn recommendations_keep_to_what_was_asked_and_carry_their_probabilities() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(
        &saved(folder.path()),
        &folder.path().join("state"),
        &["--strategy", "ft", "--rollout", "1"],
    );
    let mut client = server.client();
    let mut consumed = BTreeSet::new();
    for k in 1..=5 {
        let body = client
            .post("/recommend", &json!({ "user": "u0", "k": k }))
            .expect(200);
        let items = body["items"].as_array().unwrap();
        let ids: BTreeSet<String> = items
            .iter()
            .map(|one| one["item"].as_str().unwrap().into())
            .collect();
        assert_eq!((items.len(), ids.len()), (k, k));
        // u0 has had i1, i2 and i3 in the log, and what it has answered here.
        assert!(
            ids.iter()
                .all(|id| !consumed.contains(id) && !["i1", "i2", "i3"].contains(&id.as_str()))
        );
        let product: f64 = items
            .iter()
            .map(|one| one["propensity"].as_f64().unwrap())
            .product();
        assert!((product / body["slate_propensity"].as_f64().unwrap() - 1.0).abs() < 1e-5);
        let rewards: Vec<Value> = ids.iter().map(|id| json!({ "item": id, "reward": 1 })).collect();
        let report = json!({ "request_id": body["request_id"], "rewards": rewards });
        assert_eq!(client.post("/feedback", &report).expect(200)["applied"], k);
        assert_eq!(client.post("/feedback", &report).expect(200)["duplicates"], k);
        consumed.extend(ids);
    }
    // Numbers are ids too, and a candidate may be named twice.
    let wish = json!({ "user": 7, "k": 2, "candidates": ["i9", "i4", "i9"] });
    let body = client.post("/recommend", &wish).expect(200);
    let shown: BTreeSet<&str> = body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["item"].as_str().unwrap())
        .collect();
    assert_eq!(shown, BTreeSet::from(["i4", "i9"]));
    // All or nothing: the second reward is for an item that was not shown.
    let rewards = json!([{ "item": "i4", "reward": 1 }, { "item": "i5", "reward": 1 }]);
    let refused = client
        .post(
            "/feedback",
            &json!({ "request_id": body["request_id"], "rewards": rewards }),
        )
        .expect(422);
    assert_eq!(refused["where"], "body, rewards[1]");
    let slate = json!({ "request_id": body["request_id"], "reward": 1 });
    assert!(
        client.post("/feedback", &slate).expect(422)["error"]
            .as_str()
            .unwrap()
            .contains("several items")
    );
    let by_user = json!({ "user": "7", "item": "i4", "reward": 0.5 });
    assert_eq!(client.post("/feedback", &by_user).expect(200)["applied"], 1);
    let policy = server.get("/policy").expect(200);
    assert_eq!(
        (policy["applied"].as_u64(), policy["version"].as_u64()),
        (Some(16), Some(16))
    );
    server.stop();
}

#[test]
fn the_numbers_say_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let server = Server::start(&saved(folder.path()), &state, &["--strategy", "adapter"]);
    let mut client = server.client();
    let mut last = Value::Null;
    for _ in 0..3 {
        last = client.post("/recommend", &json!({ "user": "u1" })).expect(200);
    }
    let report = |reward: f64| json!({ "request_id": last["request_id"], "reward": reward });
    for (reward, status) in [(1.0, 200), (1.0, 200), (0.0, 409)] {
        client.post("/feedback", &report(reward)).expect(status);
    }
    assert_eq!(client.send("GET", "/nowhere", "").status, 404);
    let reply = client.send("GET", "/metrics", "");
    assert!(reply.text().ends_with("# EOF\n"));
    let number = |name: &str| -> f64 {
        let mut lines = reply.text().lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found
            .unwrap_or_else(|| panic!("no {name} in {}", reply.text()))
            .parse()
            .unwrap()
    };
    for (name, value) in [
        (
            "headstart_http_requests_total{route=\"/recommend\",status=\"200\"}",
            3.0,
        ),
        (
            "headstart_http_requests_total{route=\"/feedback\",status=\"409\"}",
            1.0,
        ),
        (
            "headstart_http_requests_total{route=\"other\",status=\"404\"}",
            1.0,
        ),
        ("headstart_http_request_seconds_count{route=\"/recommend\"}", 3.0),
        ("headstart_feedback_total{outcome=\"applied\"}", 1.0),
        ("headstart_feedback_total{outcome=\"duplicate\"}", 1.0),
        ("headstart_feedback_total{outcome=\"refused\"}", 1.0),
        ("headstart_connections", 1.0),
        ("headstart_ready", 1.0),
        ("headstart_applied_events", 1.0),
        ("headstart_pending_decisions", 3.0),
        ("headstart_changed_users", 1.0),
        // The control's share.
        ("headstart_prior_weight", f64::from(0.01f32)),
        ("headstart_strategy{number=\"stepped_back\"}", 0.0),
    ] {
        assert_eq!(number(name), value, "{name}");
    }
    assert!(number("headstart_journal_bytes_total") > 0.0 && number("headstart_journal_commits_total") > 0.0);
    server.stop();
}
