//! An apprentice over HTTP: it shows nothing, learns from what another system showed, tells how it would have done, and loses
//! nothing of it in a kill.

use crate::support::http::Server;
use crate::support::{inspected, replays, saved};
use common::rng::{RngExt, stream};
use common::schema::choices;
use serde_json::{Value, json};

#[test]
fn a_policy_learns_from_what_another_system_showed_and_says_how_it_would_have_done() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let policy = saved(folder.path());
    let more = ["--strategy", "adapter", "--apprentice", "--segment-size", "20000"];
    let server = Server::start(&policy, &state, &more);
    let mut client = server.client();
    let mut rng = stream(3, "incumbent", &[]);
    // The other system draws evenly; half of what it shows is answered at once, the rest later, by request or by user and item.
    let mut rewards = 0.0;
    for round in 0..600 {
        let (user, item) = (format!("n{}", round % 150), rng.random_range(0..30u32));
        let reward = f32::from(u8::from(item % 3 == 0));
        let mut seen = json!({ "user": user, "item": format!("i{item}"), "propensity": 1.0 / 30.0 });
        if round % 2 == 0 {
            seen["reward"] = json!(reward);
        }
        let noted = client.post("/shown", &seen).expect(200);
        assert_eq!(
            (&noted["applied"], &noted["durable"]),
            (&json!(1 - round % 2), &json!(true))
        );
        match round % 4 {
            1 => {
                let report = json!({ "request_id": noted["request_id"], "reward": reward });
                assert_eq!(client.post("/feedback", &report).expect(200)["applied"], 1);
            }
            3 => {
                let report = json!({ "user": user, "item": format!("i{item}"), "reward": reward });
                assert_eq!(client.post("/feedback", &report).expect(200)["applied"], 1);
            }
            _ => {}
        }
        rewards += f64::from(reward);
    }
    let report = server.get("/apprentice").expect(200);
    assert_eq!(
        (&report["shown"], &report["answered"]),
        (&json!(600), &json!(600))
    );
    assert!((report["incumbent"].as_f64().unwrap() - rewards / 600.0).abs() < 1e-9);
    assert!(
        (report["mean_weight"].as_f64().unwrap() - 1.0).abs() < 0.4,
        "{report}"
    );
    let snips = &report["snips"];
    assert!(
        snips["lower"].as_f64().unwrap() < snips["upper"].as_f64().unwrap(),
        "{report}"
    );
    assert!(
        server.get("/policy").expect(200)["version"].as_u64().unwrap() > 0,
        "it has learnt"
    );
    let metrics = server.get("/metrics").text().to_string();
    assert!(
        metrics.contains("headstart_apprentice{number=\"shown\"} 600"),
        "{metrics}"
    );
    assert!(
        metrics.contains("headstart_apprentice{number=\"dr_difference_lower\"}"),
        "{metrics}"
    );
    server.kill();

    // Nothing of it is lost, and no history but its own makes the state.
    replays(&state);
    let server = Server::start(&policy, &state, &more);
    let again = server.get("/apprentice").expect(200);
    for name in ["shown", "agreement", "answered", "target_probability"] {
        assert_eq!(again[name], report[name], "{name}");
    }
    for (user, says) in [
        (json!({ "user": "x", "item": "i1", "propensity": 0 }), "above 0"),
        (json!({ "user": "x", "item": "no" }), "catalogue"),
    ] {
        let error = server.post("/shown", &user).expect(422)["error"]
            .as_str()
            .unwrap()
            .to_string();
        assert!(error.contains(says), "{error}");
    }
    // Without propensity it teaches, and is kept apart.
    server
        .post("/shown", &json!({ "user": "x", "item": "i1", "reward": 1 }))
        .expect(200);
    assert_eq!(
        server.get("/apprentice").expect(200)["answered_without_propensity"],
        1
    );
    server.stop();
    let shown = |format: &str| inspected(&state, "--apprentice", format);
    let json: Value = serde_json::from_str(&shown("json")).unwrap();
    assert_eq!(json["shown"], 601);
    // It has learnt which third of the items is liked, which the other system does not know.
    assert_eq!((&json["ready"], &json["reasons"]), (&json!(true), &json!([])));
    let text = shown("text");
    assert!(
        text.contains("policy by SNIPS") && text.contains("ready "),
        "{text}"
    );
    // Its own draws stand in files of their own, with their probabilities.
    let mut files = Vec::new();
    for entry in std::fs::read_dir(state.join("choices")).unwrap() {
        files.push(choices::read(&entry.unwrap().path()).unwrap());
    }
    let (mut rows, mut target) = (0, 0.0);
    for file in &files {
        rows += file.request.len();
        target += file.target.iter().map(|p| f64::from(*p)).sum::<f64>();
        assert!(file.propensity.iter().all(|p| *p == Some(1.0 / 30.0)));
        assert!(
            file.own
                .iter()
                .zip(&file.own_propensity)
                .all(|(own, p)| own.is_some() && *p > 0.0)
        );
    }
    assert!(
        rows > 100 && (target / rows as f64 - 1.0 / 30.0).abs() < 0.02,
        "{rows} {target}"
    );
}
