//! What is recovered is what was, whenever the process ended and whatever compaction was at.

use common::error::Class;
use common::rng::stream;
use common::schema::interactions;

use super::*;

/// What a crash now would leave, which is what `durable` holds, from the snapshot on and from the very beginning.
fn comes_back(world: &World, durable: &Durable) -> Recovered {
    let (_copy, folder) = world.crashed();
    let recovered = folder.recover(64).unwrap();
    let (state, pending) = digests(durable);
    assert_eq!(
        (recovered.state.digest(), recovered.pending.snapshot()),
        (state.clone(), pending)
    );
    assert_eq!(rebuilt(&folder), state);
    recovered
}

#[test]
fn a_recovered_state_is_the_state_that_was() {
    for encoder in [Encoder::Gru, Encoder::History] {
        recovers(&World::of(encoder));
    }
}

fn recovers(world: &World) {
    let durable = world.open(1000);
    for seed in 0..6 {
        live(&durable, 25, &mut stream(seed, "recovery", &[]));
        comes_back(world, &durable);
        match seed {
            2 => durable.snapshot().unwrap(),
            3 => assert!(durable.compact().unwrap() > 1),
            _ => {}
        }
    }
    assert!(durable.read().unwrap().version() > 10, "it has learnt");
    durable.close().unwrap();
    let before = durable.read().unwrap().digest();
    drop(durable);
    assert_eq!(world.open(1000).read().unwrap().digest(), before);
}

#[test]
fn compaction_may_stop_after_any_step() {
    let world = World::new();
    let durable = world.open(600);
    live(&durable, 80, &mut stream(1, "compaction", &[]));
    let expected = digests(&durable);
    let holds = |step: &str| {
        let (_copy, folder) = world.crashed();
        let recovered = folder.recover(64).unwrap();
        assert_eq!(
            (recovered.state.digest(), recovered.pending.snapshot()),
            expected,
            "{step}"
        );
        assert_eq!(rebuilt(&folder), expected.0, "{step}");
    };
    let folder = durable.folder();
    let finished = folder.finished(durable.progress().segment).unwrap();
    assert!(finished.len() >= 3);
    durable.snapshot().unwrap();
    holds("snapshot");
    for segment in &finished {
        folder.compact(segment).unwrap();
        holds("a part");
    }
    let parts = folder.parts().unwrap();
    let bytes: Vec<_> = parts
        .iter()
        .map(|part| std::fs::read(&part.path).unwrap())
        .collect();
    common::atomic_file::remove(&finished[0]).unwrap();
    holds("a segment removed");
    // The next compaction begins anew, and comes to the same.
    assert_eq!(durable.compact().unwrap(), finished.len() - 1);
    holds("all of it");
    assert_eq!(folder.parts().unwrap(), parts);
    for (part, bytes) in parts.iter().zip(&bytes) {
        assert_eq!(&std::fs::read(&part.path).unwrap(), bytes);
    }
    let log = interactions::read_log(&folder.events(), None).unwrap();
    assert_eq!(log.len() as u64, parts.last().unwrap().to);
    std::fs::remove_file(&parts[1].path).unwrap();
    let error = folder.rebuild(|_: &mut (), _| ()).map(drop).unwrap_err();
    assert_eq!(error.class(), Class::Data);
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn a_policy_that_took_over_has_taken_over_after_a_crash() {
    for encoder in [Encoder::Gru, Encoder::History] {
        takes_over(encoder);
    }
}

fn takes_over(encoder: Encoder) {
    let world = World::of(encoder);
    let next = saved_policy_of(encoder, world.root.path(), 10..50, 2);
    let last = saved_policy_of(encoder, world.root.path(), 0..45, 3);
    let durable = world.open(800);
    live(&durable, 30, &mut stream(1, "swap", &[]));
    // Between two policies there may be no event at all.
    assert_eq!(durable.swap(0, &next).unwrap().carried.epoch, 1);
    assert_eq!(durable.swap(0, &last).unwrap().carried.epoch, 2);
    for seed in 2..5 {
        let recovered = comes_back(&world, &durable);
        assert_eq!(recovered.state.epoch(), durable.read().unwrap().epoch());
        live(&durable, 30, &mut stream(seed, "swap", &[]));
        if seed == 3 {
            durable.compact().unwrap();
        }
    }
    let epochs: Vec<u32> = durable
        .folder()
        .parts()
        .unwrap()
        .iter()
        .map(|part| part.epoch().unwrap())
        .collect();
    assert!(
        epochs.is_sorted() && epochs.contains(&0) && epochs.contains(&2),
        "{epochs:?}"
    );
}

#[test]
fn a_policy_that_does_not_fit_leaves_the_old_one_and_nothing_behind() {
    let world = World::new();
    let durable = world.open(u64::MAX);
    live(&durable, 10, &mut stream(1, "refused", &[]));
    let before = digests(&durable);
    let strange = saved_policy(world.root.path(), 100..120, 4);
    assert!(
        durable
            .swap(0, &strange)
            .unwrap_err()
            .to_string()
            .contains("none of the")
    );
    let torn = saved_policy(world.root.path(), 0..40, 5);
    std::fs::write(torn.join("weights.safetensors"), b"half").unwrap();
    assert_eq!(durable.swap(0, &torn).unwrap_err().class(), Class::Data);
    let outside = saved_policy(world.root.path(), 0..40, 6);
    let manifest = std::fs::read_to_string(outside.join("manifest.json")).unwrap();
    std::fs::write(
        outside.join("manifest.json"),
        manifest.replace("items.parquet", "../items.parquet"),
    )
    .unwrap();
    std::fs::copy(
        outside.join("items.parquet"),
        world.root.path().join("items.parquet"),
    )
    .unwrap();
    assert!(
        durable
            .swap(0, &outside)
            .unwrap_err()
            .to_string()
            .contains("../items.parquet")
    );
    assert_eq!(digests(&durable), before);
    assert!(!durable.folder().policy(0, 1).exists());
    assert!(!world.state.join("policies/items.parquet").exists());
}

#[test]
fn no_number_of_a_request_is_given_twice() {
    let world = World::new();
    let mut buffers = Buffers::new();
    let mut numbers = Vec::new();
    let ask = Ask {
        user: "u0",
        k: 1,
        candidates: None,
        given: None,
    };
    for _ in 0..3 {
        let durable = world.open(u64::MAX);
        let state = durable.read().unwrap();
        let first = durable.recommend(&state, &ask, &mut buffers).unwrap().request;
        // A crash that takes every decision of this process.
        let (copy, _) = world.crashed();
        numbers.push(first);
        drop(state);
        drop(durable);
        std::fs::remove_dir_all(&world.state).unwrap();
        copy_all(copy.path(), &world.state);
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn feedback_that_is_sent_again_counts_once_also_after_a_crash() {
    let world = World::new();
    let durable = world.open(u64::MAX);
    let mut buffers = Buffers::new();
    let ask = Ask {
        user: "new",
        k: 2,
        candidates: None,
        given: None,
    };
    let (request, items) = {
        let state = durable.read().unwrap();
        let decision = durable.recommend(&state, &ask, &mut buffers).unwrap();
        (
            decision.request,
            decision
                .slate
                .items
                .iter()
                .map(|&item| id(&state, item))
                .collect::<Vec<_>>(),
        )
    };
    let first = answer(&durable, request, &items[0], 1.0).unwrap();
    assert_eq!((first.applied, first.duplicates), (1, 0));
    drop(durable);
    let durable = world.open(u64::MAX);
    let again = answer(&durable, request, &items[0], 1.0).unwrap();
    assert_eq!((again.applied, again.duplicates), (0, 1));
    assert!(matches!(
        answer(&durable, request, &items[0], 0.0),
        Err(Refused::Feedback(0, _))
    ));
    assert_eq!(answer(&durable, request, &items[1], 0.0).unwrap().applied, 1);
    assert_eq!(durable.read().unwrap().applied(), 2);
}
