//! `online inspect` shows what the policy knows of a user and would recommend.

use std::path::Path;

use crate::support::{fails_with, feed, online, policy, saved};
use online::adapt::{Buffers, Name};
use online::journal::{Durable, Keeping, OpenConfig};
use online::live::{Ask, Feedback, Settings, Subject};

#[test]
fn a_known_user_and_a_newcomer() {
    let folder = tempfile::tempdir().unwrap();
    let saved = saved(folder.path());
    let show = |user: &str| {
        let policy = saved.to_str().unwrap();
        let output = feed(
            online(&["inspect", "--policy", policy, "--user", user, "--top", "4"]),
            b"",
        );
        assert!(output.status.success());
        (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (text, warnings) = show("u3");
    assert!(text.contains("consumed 20 of 30 items"), "{text}");
    assert!(text.contains("not liked  i5"), "{text}");
    assert_eq!(warnings, "");
    let listed: Vec<(f32, String)> = text
        .lines()
        .skip_while(|line| !line.contains("probability"))
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            // Frozen: what acts is the prior, and nothing is adapted.
            assert_eq!((cells[1], cells[3]), (cells[2], "-"), "{line}");
            (cells[1].parse().unwrap(), cells[5].to_string())
        })
        .collect();
    assert_eq!(listed.len(), 4);
    assert!(listed.windows(2).all(|pair| pair[0].0 >= pair[1].0));
    let codes: Vec<u32> = listed
        .iter()
        .map(|(_, item)| policy().items.ids.code(item).unwrap())
        .collect();
    assert!(
        codes.iter().all(|code| *code >= 20),
        "u3 has consumed items 0 to 19: {codes:?}"
    );

    let (text, warnings) = show("nobody");
    assert!(text.contains("consumed 0 of 30 items"), "{text}");
    assert!(warnings.contains("does not know the user `nobody`"), "{warnings}");
}

#[test]
fn a_mixture_is_laid_open_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let arguments = [
        "inspect",
        "--policy",
        policy.to_str().unwrap(),
        "--user",
        "u0",
        "--strategy",
        "ap",
        "--format",
        "json",
        "--top",
        "30",
    ];
    let output = feed(online(&arguments), b"");
    assert!(output.status.success());
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shown["known"], &shown["consumed"]), (&true.into(), &3.into()));
    assert_eq!(shown["history"][1]["item"], "i2");
    assert_eq!(shown["policy"]["strategy"], "ap");
    let reasons = shown["reasons"].as_array().unwrap();
    assert!(reasons.iter().all(|reason| reason["meaning"].is_string()) && !reasons.is_empty());
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let weight = number(&shown["weight"]);
    let top = shown["top"].as_array().unwrap();
    assert_eq!(top.len(), 27, "what may be recommended");
    let total: f64 = top.iter().map(|item| number(&item["probability"])).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    for item in top {
        let mixed = weight * number(&item["prior"]) + (1.0 - weight) * number(&item["adapted"]);
        assert!((mixed - number(&item["probability"])).abs() < 1e-6, "{item}");
    }
}

#[test]
fn a_state_is_shown_as_it_stands_beside_the_process_that_serves_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut settings = Settings::new(Name::Ft, 3);
    settings.hyper.learning.rollout = 1;
    let durable = Durable::open(&OpenConfig {
        arms: Vec::new(),
        state: state.clone(),
        policy: saved(folder.path()),
        settings,
        keeping: Keeping::DEFAULT,
        pending: 10,
    })
    .unwrap();
    let liked = {
        let asked = Ask {
            user: "newcomer",
            k: 1,
            candidates: None,
            given: None,
        };
        let present = durable.read().unwrap();
        durable.recommend(&present, &asked, &mut Buffers::new()).unwrap()
    };
    let feedback = Feedback {
        subject: Subject::Request {
            request: liked.request,
            item: None,
        },
        reward: 1.0,
        timestamp_ms: 0,
    };
    let observed = durable.observe(|_, _| Ok::<_, ()>(vec![feedback])).unwrap();
    let show = |state: &Path, user: &str, more: &[&str]| {
        let mut command = online(&["inspect", "--state", state.to_str().unwrap(), "--user", user]);
        command.args(more);
        feed(command, b"")
    };
    assert_eq!(observed.applied, 1);
    // What was written is on disk; the folder stays this process's own.
    durable.close().unwrap();
    let output = show(&state, "newcomer", &["--format", "json"]);
    assert!(output.status.success());
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let item = policy().items.ids.id(liked.slate.items[0]).to_string();
    assert_eq!(shown["history"][0]["item"], item);
    assert_eq!((&shown["events"], &shown["consumed"]), (&1.into(), &1.into()));
    assert_eq!(shown["policy"]["version"], 1);
    let text = String::from_utf8(show(&state, "newcomer", &[]).stdout).unwrap();
    assert!(
        text.contains("user newcomer, 1 events") && text.contains("ft"),
        "{text}"
    );
    let both = show(&state, "u0", &["--policy", "p"]);
    assert_eq!(both.status.code(), Some(2));
    fails_with(
        &show(&folder.path().join("nothing"), "u0", &[]),
        2,
        "no such file",
    );
}

#[test]
fn every_strategy_can_be_laid_open() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    for (strategy, prior, adapted) in [
        ("random", false, false),
        ("popularity", false, false),
        ("frozen", true, false),
        ("scratch", false, true),
        ("ft", false, true),
        ("ap", true, true),
        ("adapter", true, true),
    ] {
        let policy = policy.to_str().unwrap();
        let more = ["--user", "u3", "--strategy", strategy, "--format", "json"];
        let mut command = online(&["inspect", "--policy", policy]);
        command.args(more);
        let output = feed(command, b"");
        assert!(output.status.success(), "{strategy}");
        let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let first = &shown["top"][0];
        assert!(first["probability"].as_f64().unwrap() > 0.0, "{strategy}");
        assert_eq!(
            (first["prior"].is_number(), first["adapted"].is_number()),
            (prior, adapted),
            "{strategy}"
        );
    }
}
