//! A damaged snapshot is refused with what to do, and made anew from the events.

use common::error::Class;
use common::rng::stream;

use super::*;

/// Changes a byte in the middle of a file.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, &bytes).unwrap();
}

/// A request that nobody answers, which is on disk.
fn request(durable: &Durable) -> (u64, String) {
    let ask = Ask {
        user: "u1",
        k: 1,
        candidates: None,
        given: None,
    };
    let state = durable.read().unwrap();
    let decision = durable.recommend(&state, &ask, &mut Buffers::new()).unwrap();
    durable.journal.wait(durable.journal.next().unwrap()).unwrap();
    (decision.request, id(&state, decision.slate.items[0]))
}

#[test]
fn a_damaged_snapshot_is_refused_and_made_anew_from_the_events() {
    let world = World::new();
    let durable = world.open(800);
    let mut rng = stream(1, "snapshot", &[]);
    live(&durable, 60, &mut rng);
    let lost = request(&durable);
    live(&durable, 60, &mut rng);
    assert!(durable.compact().unwrap() > 2);
    let kept = request(&durable);
    durable.close().unwrap();
    let (digest, applied) = {
        let state = durable.read().unwrap();
        (state.digest(), state.applied())
    };
    drop(durable);
    let path = world.state.join("snapshot");
    damage(&path);
    let error = Durable::open(&world.config()).map(drop).unwrap_err();
    assert_eq!(error.class(), Class::Data);
    let said = error.to_string();
    assert!(said.contains("snapshot") && said.contains("--repair"), "{said}");

    let repaired = StateFolder::open(&world.state)
        .unwrap()
        .repair()
        .unwrap()
        .unwrap();
    assert_eq!(repaired.state.digest(), digest);
    assert_eq!(repaired.replayed, applied);
    assert!(repaired.from_record > 0 && !repaired.unlearnt);
    assert!(
        StateFolder::open(&world.state)
            .unwrap()
            .repair()
            .unwrap()
            .is_none()
    );

    let durable = world.open(800);
    assert_eq!(durable.read().unwrap().digest(), digest);
    let refused = answer(&durable, lost.0, &lost.1, 1.0);
    assert!(
        matches!(refused, Err(Refused::Feedback(..))),
        "it waited in the snapshot alone"
    );
    assert_eq!(answer(&durable, kept.0, &kept.1, 1.0).unwrap().applied, 1);
    let (next, _) = request(&durable);
    assert!(next > kept.0 + (1 << 49), "numbers are not given twice");
    live(&durable, 20, &mut rng);
    durable.close().unwrap();
    let digest = durable.read().unwrap().digest();
    assert_eq!(rebuilt(&StateFolder::read(&world.state).unwrap()), digest);
}

#[test]
fn other_damage_is_not_repaired_and_nothing_is_changed() {
    let world = World::new();
    let durable = world.open(800);
    live(&durable, 60, &mut stream(1, "snapshot", &[]));
    assert!(durable.compact().unwrap() > 2);
    durable.close().unwrap();
    drop(durable);
    let part = StateFolder::read(&world.state).unwrap().parts().unwrap()[0]
        .path
        .clone();
    let snapshot = world.state.join("snapshot");
    damage(&snapshot);
    damage(&part);
    let before = std::fs::read(&snapshot).unwrap();
    let error = StateFolder::open(&world.state)
        .unwrap()
        .repair()
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains(part.to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read(&snapshot).unwrap(), before);
}

#[test]
fn a_policy_that_is_missing_is_no_damage_of_the_snapshot() {
    let world = World::new();
    let durable = world.open(800);
    live(&durable, 20, &mut stream(1, "snapshot", &[]));
    durable.close().unwrap();
    drop(durable);
    std::fs::remove_file(world.state.join("policies/0/weights.safetensors")).unwrap();
    let error = Durable::open(&world.config()).map(drop).unwrap_err().to_string();
    assert!(error.contains("weights.safetensors"), "{error}");
    assert!(
        !error.contains("--repair") && !error.contains("snapshot"),
        "{error}"
    );
}
