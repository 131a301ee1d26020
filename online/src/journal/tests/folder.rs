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
fn a_making_that_fails_leaves_nothing_or_the_old_state() {
    let world = World::new();
    let failed = |_| Err(Error::retry("no space"));
    assert!(world.make(failed).is_err());
    assert!(!world.state.exists(), "nothing is left");
    let durable = Durable::open(&world.config()).unwrap();
    live(&durable, 5, &mut stream(1, "old", &[]));
    durable.close().unwrap();
    let digest = durable.read().unwrap().digest();
    let in_use = world.make(|_| Ok(())).unwrap_err().to_string();
    assert!(in_use.contains("in use"), "{in_use}");
    drop(durable);
    assert!(world.make(failed).is_err());
    assert_eq!(rebuilt(&StateFolder::read(&world.state).unwrap()), digest);
    world.make(|_| Ok(())).unwrap();
    assert_ne!(rebuilt(&StateFolder::read(&world.state).unwrap()), digest);
    assert_eq!(
        std::fs::read_dir(world.root.path()).unwrap().count(),
        2,
        "no litter"
    );
}

/// All files below `folder` with their bytes.
fn files(folder: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => _ = found.insert(path.clone(), std::fs::read(&path).unwrap()),
        }
    }
    found
}

#[test]
fn what_is_another_s_is_refused_and_stays() {
    // The folder that one works in: policies of other tools, a journal of one's own.
    let world = World::new();
    for (name, content) in [("policies/bc/seed-0/manifest.json", "{}"), ("notes.txt", "x")] {
        common::atomic_file::write_bytes(&world.state.join(name), content.as_bytes()).unwrap();
    }
    let before = files(world.root.path());
    let error = Durable::open(&world.config()).map(drop).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("is not a state"), "{error}");
    assert!(
        world.make(|_| Ok(())).is_err(),
        "not even where it may be overwritten"
    );
    assert_eq!(files(world.root.path()), before);
    // Another artifact is not a state either.
    let policy = World {
        state: world.policy.clone(),
        ..World::new()
    };
    let before = files(&policy.state);
    assert!(policy.make(|_| Ok(())).is_err());
    assert!(Durable::open(&policy.config()).is_err());
    assert_eq!(files(&policy.state), before);
}

#[test]
fn a_state_that_lost_its_manifest_is_refused_and_can_be_repaired() {
    let world = World::new();
    let durable = Durable::open(&world.config()).unwrap();
    live(&durable, 20, &mut stream(1, "lost", &[]));
    durable.close().unwrap();
    let digest = durable.read().unwrap().digest();
    drop(durable);
    std::fs::remove_file(world.state.join("manifest.json")).unwrap();
    let before = files(&world.state);
    let told = |error: common::Error| {
        assert_eq!(error.class(), Class::Data);
        let said = error.to_string();
        assert!(
            said.contains("lost its manifest") && said.contains("policies/0"),
            "{said}"
        );
    };
    told(Durable::open(&world.config()).map(drop).unwrap_err());
    told(StateFolder::read(&world.state).map(drop).unwrap_err());
    told(StateFolder::open(&world.state).map(drop).unwrap_err());
    told(world.make(|_| Ok(())).unwrap_err());
    assert_eq!(files(&world.state), before);
    // As the hint says.
    let new = OpenConfig {
        state: world.root.path().join("new"),
        policy: world.state.join("policies/0"),
        ..world.config()
    };
    Durable::open(&new).unwrap().close().unwrap();
    std::fs::copy(new.state.join("manifest.json"), world.state.join("manifest.json")).unwrap();
    let repaired = Durable::open(&world.config()).unwrap();
    assert_eq!(repaired.read().unwrap().digest(), digest);
}

#[test]
fn a_folder_that_lives_on_after_a_stop_is_opened() {
    let world = World::new();
    let durable = Durable::open(&world.config()).unwrap();
    live(&durable, 5, &mut stream(1, "made", &[]));
    durable.close().unwrap();
    assert!(StateFolder::read(world.root.path()).is_err(), "no state folder");
}

#[test]
fn the_keeper_compacts_full_and_old_segments() {
    for keeping in [
        Keeping {
            segment_bytes: 2000,
            ..Keeping::DEFAULT
        },
        Keeping {
            segment_bytes: u64::MAX,
            segment_seconds: 0,
            policies: None,
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
