//! Bad input of every kind ends in one clear error with the right exit code, never in a panic, and leaves earlier
//! output as it was.

use std::path::Path;

use crate::support::{
    Session, agent, fails_with, feed, hello, online, policy, replace_file, request, saved, stream,
};
use common::fingerprint::Fingerprint;
use common::frame::Hello;
use common::schema::events;

#[test]
fn another_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let other = Hello {
        items: Fingerprint::of_bytes(b"other items"),
        ..hello()
    };
    let output = feed(agent(&policy, "frozen", &[]), &stream(&other, &[]));
    fails_with(&output, 42, "do not belong together");
    assert!(output.stdout.is_empty());
}

#[test]
fn slates_beyond_the_catalogue_and_another_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let slates = Hello { slate: 31, ..hello() };
    fails_with(
        &feed(agent(&policy, "frozen", &[]), &stream(&slates, &[])),
        42,
        "slates of 31",
    );
    let protocol = Hello {
        protocol: 99,
        ..hello()
    };
    fails_with(
        &feed(agent(&policy, "frozen", &[]), &stream(&protocol, &[])),
        2,
        "protocol 99",
    );
}

#[test]
fn a_stream_that_is_none_or_is_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    fails_with(&feed(agent(&policy, "ft", &[]), b""), 42, "no Arrow IPC stream");
    fails_with(
        &feed(agent(&policy, "ft", &[]), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        42,
        "no Arrow IPC stream",
    );
    let first = request(&[(0, "u0", 0, None, None, false), (1, "u1", 0, None, None, false)]);
    let whole = stream(&hello(), std::slice::from_ref(&first));
    let schema = stream(&hello(), &[]).len() - 8;
    for cut in [schema + 6, schema + 40, whole.len() - 12] {
        fails_with(&feed(agent(&policy, "ft", &[]), &whole[..cut]), 42, "frame 0");
    }
    // Any damaged byte: some are harmless, none may panic.
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5a;
        let output = feed(agent(&policy, "ft", &[]), &damaged);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked"), "byte {at}: {stderr}");
        assert!(
            matches!(output.status.code(), Some(0 | 2 | 42)),
            "byte {at}: {:?} {stderr}",
            output.status
        );
    }
}

#[test]
fn breaches_of_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let first = request(&[(7, "u0", 0, None, None, false)]);
    for (second, expected) in [
        (
            (7, "u0", 1, Some("nothing"), Some(1.0), false),
            "`nothing` is not in the policy's catalogue",
        ),
        ((7, "u0", 1, Some("i0"), Some(f32::NAN), false), "not finite"),
        ((8, "u0", 1, Some("i0"), Some(1.0), false), "never began"),
    ] {
        let events = folder.path().join("events.parquet");
        std::fs::write(&events, b"earlier").unwrap();
        let more = ["--events", events.to_str().unwrap(), "--overwrite"];
        let bytes = stream(&hello(), &[first.clone(), request(&[second])]);
        fails_with(&feed(agent(&policy, "ft", &more), &bytes), 42, expected);
        assert_eq!(std::fs::read(&events).unwrap(), b"earlier");
    }
}

#[test]
fn what_came_before_a_breach_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let events = folder.path().join("events.parquet");
    let more = ["--events", events.to_str().unwrap()];
    let session = |answers: usize| {
        let mut session = Session::start(agent(&policy, "frozen", &[]), &hello());
        let mut requests = vec![request(&[(7, "u0", 0, None, None, false)])];
        for step in 1..=answers as u32 {
            let reply = session.step(requests.last().unwrap());
            let item = reply.item.single(0).unwrap().to_string();
            requests.push(request(&[(7, "u0", step, Some(&item), Some(1.0), false)]));
        }
        session.finish();
        requests.push(request(&[(7, "u0", 9, Some("i0"), Some(1.0), false)]));
        stream(&hello(), &requests)
    };
    let rows = |path: &Path| events::read(path).unwrap().log.user.len();
    // Two answers and a breach; then one alone, which is less of the same run; then three.
    for (answers, kept) in [(2, 2), (1, 2), (3, 3)] {
        fails_with(
            &feed(agent(&policy, "frozen", &more), &session(answers)),
            42,
            "step 9 follows step",
        );
        assert_eq!(rows(&events), kept);
    }
    std::fs::write(&events, b"another's").unwrap();
    let more = [&more[..], &["--overwrite"]].concat();
    fails_with(
        &feed(agent(&policy, "frozen", &more), &session(2)),
        42,
        "step 9 follows step",
    );
    assert_eq!(std::fs::read(&events).unwrap(), b"another's");
    assert_eq!(rows(&folder.path().join("events.parquet.partial")), 2);
}

#[test]
fn a_policy_that_is_missing_damaged_or_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = stream(&hello(), &[]);
    let missing = folder.path().join("none");
    fails_with(&feed(agent(&missing, "ft", &[]), &bytes), 2, "none");

    let policy = saved(folder.path());
    let weights = std::fs::read(policy.join("weights.safetensors")).unwrap();
    std::fs::write(policy.join("weights.safetensors"), &weights[..weights.len() / 2]).unwrap();
    fails_with(
        &feed(agent(&policy, "ft", &[]), &bytes),
        42,
        "weights.safetensors",
    );

    // With a manifest that fits, so that the content itself is looked at.
    replace_file(&policy, "weights.safetensors", &weights[..weights.len() / 2]);
    fails_with(
        &feed(agent(&policy, "ft", &[]), &bytes),
        42,
        "weights.safetensors",
    );
    let name = weights.windows(9).position(|w| w == b"critic_w2").unwrap();
    let mut renamed = weights.clone();
    renamed[name..name + 9].copy_from_slice(b"critic_w9");
    replace_file(&policy, "weights.safetensors", &renamed);
    fails_with(&feed(agent(&policy, "ft", &[]), &bytes), 42, "critic_w2");
    let mut nan = weights.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    replace_file(&policy, "weights.safetensors", &nan);
    fails_with(&feed(agent(&policy, "ft", &[]), &bytes), 42, "NaN");
}

#[test]
fn a_network_without_units() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy");
    let mut empty = policy();
    empty.config.network.hidden = 0;
    empty.weights = common::policy_artifact::Weights::init(&empty.config.network, 1);
    empty.save(&path).unwrap();
    fails_with(
        &feed(agent(&path, "ft", &[]), &stream(&hello(), &[])),
        42,
        "none may be 0",
    );
}

#[test]
fn events_of_another_run_and_wrong_flags() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let events = folder.path().join("events.parquet");
    std::fs::write(&events, b"something else").unwrap();
    let more = ["--events", events.to_str().unwrap()];
    fails_with(
        &feed(agent(&policy, "ft", &more), &stream(&hello(), &[])),
        2,
        "--overwrite",
    );
    assert_eq!(std::fs::read(&events).unwrap(), b"something else");

    fails_with(&feed(agent(&policy, "ft", &["--lr", "0"]), b""), 2, "--lr");
    fails_with(&feed(agent(&policy, "dqn", &[]), b""), 2, "dqn");
    fails_with(
        &feed(online(&["inspect", "--policy", "none", "--user", "u"]), b""),
        2,
        "none",
    );
}

#[test]
fn what_a_state_says_itself_is_not_asked_for() {
    let (state, out) = ("state", "recommendations.parquet");
    for verb in [
        &["inspect", "--state", state, "--user", "u0"][..],
        &["recommend", "--state", state, "--out", out],
        &["replay", "--state", state],
    ] {
        for option in [
            &["--temperature", "2"][..],
            &["--seed", "3"],
            &["--lr", "0.1"],
            &["--mixing", "fixed"],
            &["--user-sd", "1"],
            &["--alpha", "0.3"],
            &["--strategy", "frozen"],
        ] {
            let output = feed(online(&[verb, option].concat()), b"");
            fails_with(&output, 2, option[0]);
        }
    }
}
