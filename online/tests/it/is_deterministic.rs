//! The same requests and seed give the same bytes, of replies and of events; another seed gives others.

use std::path::Path;

use crate::support::{Session, agent, hello, request, saved};
use common::frame::Reply;

/// Two users, 12 steps in one long episode each; rewards by a rule.
fn run(policy: &Path, strategy: &str, seed: &str, events: &Path, workers: &str) -> Vec<Reply> {
    let more = [
        "--seed",
        seed,
        "--events",
        events.to_str().unwrap(),
        "--overwrite",
        "--workers",
        workers,
    ];
    let mut session = Session::start(agent(policy, strategy, &more), &hello());
    let mut replies = vec![session.step(&request(&[
        (0, "u0", 0, None, None, false),
        (1, "x", 0, None, None, false),
    ]))];
    for step in 1..=12 {
        let last = replies.last().unwrap();
        let items = [0, 1].map(|row| last.item.single(row).unwrap().to_string());
        let reward = |item: &str| Some(if item.ends_with(['2', '4', '6']) { 1.0 } else { 0.0 });
        let done = step == 12;
        replies.push(session.step(&request(&[
            (0, "u0", step, Some(&items[0]), reward(&items[0]), done),
            (1, "x", step, Some(&items[1]), reward(&items[1]), done),
        ])));
    }
    session.finish();
    replies
}

#[test]
fn the_seed_decides_everything() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let file = |name: &str| folder.path().join(name);
    for strategy in ["random", "frozen", "scratch", "ft", "ap", "adapter"] {
        let one = run(&policy, strategy, "1", &file("one"), "1");
        let again = run(&policy, strategy, "1", &file("again"), "2");
        let other = run(&policy, strategy, "2", &file("other"), "1");
        assert_eq!(one, again, "{strategy}");
        assert_eq!(
            std::fs::read(file("one")).unwrap(),
            std::fs::read(file("again")).unwrap(),
            "{strategy}"
        );
        assert_ne!(one, other, "{strategy}");
    }
}
