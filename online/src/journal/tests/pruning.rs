//! Old policies go, and what follows is the same as where they stayed.

use common::rng::stream;

use super::super::base::Base;
use super::super::segment;
use super::*;
use crate::experiment::PLACES;

/// The copies of policies of an arm: those that are whole, and those of which the manifest is left.
fn copies(state: &Path, arm: u16) -> (Vec<u32>, Vec<u32>) {
    let policies = match arm {
        0 => state.join("policies"),
        _ => state.join("arms").join(arm.to_string()).join("policies"),
    };
    let (mut whole, mut stripped) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(policies).unwrap().map(Result::unwrap) {
        let epoch = entry.file_name().to_str().unwrap().parse().unwrap();
        assert!(entry.path().join("manifest.json").exists());
        match entry.path().join("weights.safetensors").exists() {
            true => whole.push(epoch),
            false => stripped.push(epoch),
        }
    }
    whole.sort_unstable();
    stripped.sort_unstable();
    (whole, stripped)
}

/// Seven policies one after the other, with events, compactions and crashes in between.
fn history(most: Option<usize>) -> (World, common::fingerprint::Fingerprint) {
    let world = World::new();
    let policies: Vec<PathBuf> = (2..8)
        .map(|seed| saved_policy(world.root.path(), 0..40, seed))
        .collect();
    let keeping = Keeping {
        segment_bytes: 2_000,
        policies: most,
        ..Keeping::DEFAULT
    };
    let mut rng = stream(1, "pruning", &[]);
    let mut durable = world.open_keeping(keeping);
    live(&durable, 30, &mut rng);
    for (turn, policy) in policies.iter().enumerate() {
        durable.swap(0, policy).unwrap();
        live(&durable, 30, &mut rng);
        durable.compact().unwrap();
        durable.prune().unwrap();
        if turn % 2 == 0 {
            // A crash between the base and the end of the policies before it: the next process sees to them.
            durable.journal.close().unwrap();
            drop(durable);
            durable = world.open_keeping(keeping);
        }
        live(&durable, 30, &mut rng);
        durable.compact().unwrap();
        durable.prune().unwrap();
        if let Some(most) = most {
            let (whole, _) = copies(&world.state, 0);
            assert!(
                whole.len() <= most && whole.last() == Some(&(turn as u32 + 1)),
                "{whole:?}"
            );
        }
    }
    durable.close().unwrap();
    let digest = durable.read().unwrap().digest();
    (world, digest)
}

#[test]
fn old_policies_go_and_a_replay_begins_after_them() {
    let (all, digest) = history(None);
    assert_eq!(copies(&all.state, 0), ((0..7).collect(), Vec::new()));
    let folder = StateFolder::read(&all.state).unwrap();
    let (state, before, ()) = folder.rebuild(|(), _| ()).unwrap();
    assert_eq!((state.digest(), before), (digest.clone(), 0));
    for most in [1, 3] {
        let (world, of_few) = history(Some(most));
        assert_eq!(of_few, digest, "what is kept decides nothing");
        let (whole, stripped) = copies(&world.state, 0);
        assert_eq!(whole.len() + stripped.len(), 7);
        let folder = StateFolder::read(&world.state).unwrap();
        let (state, before, events) = folder.rebuild(|events: &mut u64, _| *events += 1).unwrap();
        assert_eq!(
            (state.digest(), before + events),
            (digest.clone(), state.applied())
        );
        assert!(before > 0 && events > 0);
        // By its manifest an old policy is known: a restart with the command line of old goes on with the latest.
        let durable = Durable::open(&world.config()).unwrap();
        assert_eq!(durable.read().unwrap().epoch(), 6);
        durable.close().unwrap();
    }
}

/// A process that ends right after the base was written, before anything else has happened.
#[test]
fn a_base_stands_at_the_begin_of_a_segment_whatever_comes_after_it() {
    let world = World::new();
    let next = saved_policy(world.root.path(), 0..40, 2);
    let keeping = Keeping {
        policies: Some(1),
        ..Keeping::DEFAULT
    };
    let mut rng = stream(1, "base", &[]);
    let durable = world.open_keeping(keeping);
    live(&durable, 30, &mut rng);
    durable.swap(0, &next).unwrap();
    live(&durable, 30, &mut rng);
    durable.compact().unwrap();
    durable.prune().unwrap();
    let position = Base::read(&world.state.join("base"))
        .unwrap()
        .unwrap()
        .snapshot
        .position;
    let (crash, folder) = world.crashed();
    assert_eq!(rebuilt(&folder), durable.read().unwrap().digest());
    let begins: Vec<u64> = segment::list(&crash.path().join("journal"))
        .unwrap()
        .iter()
        .filter_map(|path| segment::number(path))
        .collect();
    assert!(begins.contains(&position), "{position} is in {begins:?}");
    drop(durable);
    // What was open before the base and after it is compacted apart.
    let durable = world.open_keeping(keeping);
    live(&durable, 30, &mut rng);
    durable.journal.rotate().unwrap();
    live(&durable, 30, &mut rng);
    durable.compact().unwrap();
    durable.prune().unwrap();
    assert_eq!(copies(&world.state, 0), (vec![1], vec![0]));
    durable.close().unwrap();
    let digest = durable.read().unwrap().digest();
    assert_eq!(rebuilt(&StateFolder::read(&world.state).unwrap()), digest);
}

#[test]
fn a_snapshot_is_made_anew_from_the_base() {
    let (world, digest) = history(Some(1));
    let path = world.state.join("snapshot");
    std::fs::write(&path, b"nothing").unwrap();
    let repaired = StateFolder::open(&world.state)
        .unwrap()
        .repair()
        .unwrap()
        .unwrap();
    assert_eq!(repaired.state.digest(), digest);
    assert!(repaired.replayed < repaired.state.applied());
    let durable = world.open(2_000);
    assert_eq!(durable.read().unwrap().digest(), digest);
}

#[test]
fn the_policies_of_arms_go_too_and_exposures_are_counted_once() {
    let world = World::new();
    let policies: Vec<PathBuf> = (2..6)
        .map(|seed| saved_policy(world.root.path(), 0..40, seed))
        .collect();
    let keeping = Keeping {
        segment_bytes: 2_000,
        policies: Some(2),
        ..Keeping::DEFAULT
    };
    let arm = |name: &str| ArmConfig {
        name: name.into(),
        policy: policies[0].clone(),
        settings: world.settings,
        share: PLACES / 4,
    };
    let mut rng = stream(1, "pruning arms", &[]);
    let durable = world.open_keeping(keeping);
    durable.arrange(&[arm("gone")], 3).unwrap();
    live(&durable, 60, &mut rng);
    durable.arrange(&[arm("stays")], 3).unwrap();
    for policy in &policies[1..] {
        durable.swap(2, policy).unwrap();
        live(&durable, 60, &mut rng);
        durable.compact().unwrap();
        durable.prune().unwrap();
        live(&durable, 20, &mut rng);
        durable.compact().unwrap();
        durable.prune().unwrap();
    }
    assert_eq!(copies(&world.state, 0), (vec![0], vec![]));
    assert_eq!(copies(&world.state, 1), (vec![], vec![0]), "it has left");
    let (whole, _) = copies(&world.state, 2);
    assert!(whole.len() <= 2 && whole.last() == Some(&3), "{whole:?}");
    // Who joined after the base is in no base and needed by a replay, also when it leaves again.
    durable
        .arrange(&[arm("stays"), arm("late"), arm("passing")], 3)
        .unwrap();
    live(&durable, 60, &mut rng);
    durable.arrange(&[arm("stays"), arm("late")], 3).unwrap();
    live(&durable, 60, &mut rng);
    durable.compact().unwrap();
    durable.prune().unwrap();
    for late in [3, 4] {
        assert_eq!(copies(&world.state, late), (vec![0], vec![]));
    }
    durable.close().unwrap();
    let now = durable.read().unwrap();
    let standings = now.standings();
    let (rebuilt, before, ()) = StateFolder::read(&world.state)
        .unwrap()
        .rebuild(|(), _| ())
        .unwrap();
    assert!(before > 0);
    assert_eq!(rebuilt.digest(), now.digest());
    assert_eq!(rebuilt.standings(), standings);
}

#[test]
fn a_damaged_base_is_refused_by_a_replay_and_made_anew_by_a_server() {
    let (world, digest) = history(Some(1));
    std::fs::write(world.state.join("base"), b"nothing").unwrap();
    let folder = StateFolder::read(&world.state).unwrap();
    let error = folder.rebuild(|(), _| ()).map(drop).unwrap_err();
    assert!(error.to_string().contains("base"), "{error}");
    let durable = world.open_keeping(Keeping {
        policies: Some(1),
        ..Keeping::DEFAULT
    });
    durable.prune().unwrap();
    assert_eq!(durable.read().unwrap().digest(), digest);
    live(&durable, 20, &mut stream(2, "pruning", &[]));
    durable.close().unwrap();
    let digest = durable.read().unwrap().digest();
    assert_eq!(rebuilt(&folder), digest);
}
