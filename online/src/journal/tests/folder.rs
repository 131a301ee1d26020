//! The state folder at its doors: who may open it, and with what.

use common::error::Class;
use common::rng::stream;

use super::*;

#[test]
fn a_folder_is_for_one_process_and_its_own_settings() {
    let world = World::new();
    let durable = Durable::open(&world.config()).unwrap();
    let error = Durable::open(&world.config()).map(drop).unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert!(error.to_string().contains("in use"), "{error}");
    StateFolder::read(&world.state).unwrap().recover(64).unwrap();
    durable.close().unwrap();
    drop(durable);
    let other = OpenConfig {
        settings: Settings::new(Name::Frozen, 3),
        ..world.config()
    };
    let error = Durable::open(&other).map(drop).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("frozen"), "{error}");
    Durable::open(&world.config()).map(drop).unwrap();
}

#[test]
fn a_new_policy_on_the_command_line_takes_over_and_an_old_one_does_not() {
    let world = World::new();
    let next = OpenConfig {
        policy: saved_policy(world.root.path(), 5..45, 2),
        ..world.config()
    };
    let epoch = |config: &OpenConfig| {
        let durable = Durable::open(config).unwrap();
        let epoch = durable.read().unwrap().epoch();
        durable.close().unwrap();
        epoch
    };
    assert_eq!(
        [&world.config(), &next, &next, &world.config()].map(epoch),
        [0, 1, 1, 1]
    );
}

#[test]
fn what_a_killed_making_left_is_made_anew() {
    let world = World::new();
    StateFolder::make(&world.state, &world.policy, &world.settings).unwrap();
    assert!(!StateFolder::exists(&world.state));
    let durable = Durable::open(&world.config()).unwrap();
    live(&durable, 5, &mut stream(1, "made", &[]));
    durable.close().unwrap();
    assert!(StateFolder::read(world.root.path()).is_err(), "no state folder");
}

#[test]
fn a_damaged_snapshot_is_refused_with_its_name() {
    let world = World::new();
    let durable = world.open(u64::MAX);
    live(&durable, 20, &mut stream(1, "snapshot", &[]));
    durable.close().unwrap();
    drop(durable);
    let path = world.state.join("snapshot");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = Durable::open(&world.config()).map(drop).unwrap_err();
    assert_eq!(error.class(), Class::Data);
    assert!(error.to_string().contains("snapshot"), "{error}");
}

#[test]
fn the_keeper_compacts_full_and_old_segments() {
    for keeping in [
        Keeping {
            segment_bytes: 2000,
            segment_seconds: 3600,
        },
        Keeping {
            segment_bytes: u64::MAX,
            segment_seconds: 0,
        },
    ] {
        let world = World::new();
        let durable = Durable::open(&OpenConfig {
            keeping,
            ..world.config()
        })
        .unwrap();
        let mut rounds = 0;
        while durable.folder().parts().unwrap().is_empty() {
            live(&durable, 20, &mut stream(rounds, "keeper", &[]));
            std::thread::sleep(std::time::Duration::from_millis(50));
            rounds += 1;
            assert!(rounds < 400, "nothing was compacted: {keeping:?}");
        }
        durable.close().unwrap();
        let digest = durable.read().unwrap().digest();
        assert_eq!(rebuilt(&StateFolder::read(&world.state).unwrap()), digest);
    }
}
