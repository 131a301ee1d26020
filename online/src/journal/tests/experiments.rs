//! Experiments on disk: all arms come back, to the byte, whatever joins, leaves, swaps and shares came before.

use std::collections::BTreeMap;

use common::rng::stream;
use common::schema::exposures;

use super::*;
use crate::live::Event;

/// Arms of another catalogue, which shares some of the items, and of another strategy.
fn arms(world: &World) -> Vec<ArmConfig> {
    let other = saved_policy(world.root.path(), 20..60, 2);
    let frozen = Settings::new(Name::Frozen, 3);
    vec![
        ArmConfig {
            name: "other".into(),
            policy: other,
            settings: world.settings,
            share: 3_000,
        },
        ArmConfig {
            name: "frozen".into(),
            policy: world.policy.clone(),
            settings: frozen,
            share: 3_000,
        },
    ]
}

/// What a crash now would leave is what there is, from the snapshot on and from the very beginning.
fn comes_back(world: &World, durable: &Durable, when: &str) {
    durable.journal.wait(durable.journal.next().unwrap()).unwrap();
    let (_copy, folder) = world.crashed();
    let recovered = folder.recover(64).unwrap();
    let (state, pending) = digests(durable);
    assert_eq!(recovered.state.digest(), state, "{when}: recovered");
    assert!(recovered.pending.snapshot() == pending, "{when}: pending");
    assert_eq!(
        recovered.pending.arms(),
        durable.pending().arms(),
        "{when}: their arms"
    );
    assert_eq!(rebuilt(&folder), state, "{when}: rebuilt");
    let near = |a: Vec<crate::experiment::Standing>, b: Vec<crate::experiment::Standing>| {
        assert_eq!(a.len(), b.len(), "{when}");
        for (a, b) in a.into_iter().zip(b) {
            assert_eq!(
                (a.users, a.recommendations),
                (b.users, b.recommendations),
                "{when}"
            );
            assert!((a.rewards - b.rewards).abs() < 1e-9, "{when}");
        }
    };
    near(recovered.state.standings(), durable.read().unwrap().standings());
}

#[test]
fn an_experiment_comes_back_wherever_it_stops() {
    let world = World::new();
    let mut arms = arms(&world);
    let durable = world.open(3_000);
    live(&durable, 30, &mut stream(0, "experiment", &[]));
    durable.arrange(&arms, 5).unwrap();
    comes_back(&world, &durable, "joined");
    let next = saved_policy(world.root.path(), 25..65, 3);
    let newer = saved_policy(world.root.path(), 5..45, 4);
    for (round, change) in (0..8).zip([
        "",
        "shares",
        "swap",
        "compact",
        "leave",
        "reference",
        "snapshot",
        "end",
    ]) {
        live(&durable, 40, &mut stream(round, "experiment", &[1]));
        comes_back(&world, &durable, &format!("before `{change}`"));
        match change {
            "shares" => {
                let standings = durable
                    .change_shares(&[("other".into(), 5_000), ("frozen".into(), 1_000)])
                    .unwrap();
                assert_eq!(standings[1].share, 0.5);
            }
            "swap" => {
                let other = durable.arm_number("other").unwrap();
                assert_eq!(durable.swap(other, &next).unwrap().carried.epoch, 1);
            }
            "compact" => assert!(durable.compact().unwrap() > 1),
            "leave" => {
                arms.retain(|arm| arm.name != "other");
                durable.arrange(&arms, 5).unwrap();
            }
            "reference" => drop(durable.swap(0, &newer).unwrap()),
            "snapshot" => durable.snapshot().unwrap(),
            "end" => durable.arrange(&[], 5).unwrap(),
            _ => {}
        }
        comes_back(&world, &durable, &format!("after `{change}`"));
    }
    live(&durable, 40, &mut stream(9, "experiment", &[1]));
    durable.compact().unwrap();
    comes_back(&world, &durable, "at the end");
    let told: Vec<String> = durable
        .read()
        .unwrap()
        .past()
        .into_iter()
        .map(|past| past.ended_by)
        .collect();
    for says in [
        "shares were changed: other 0.5, frozen 0.1",
        "other left",
        "took over in reference",
        "frozen left",
    ] {
        assert!(told.iter().any(|told| told.contains(says)), "{says}: {told:?}");
    }
    let error = durable
        .arrange(&self::arms(&world)[..1], 5)
        .unwrap_err()
        .to_string();
    assert!(error.contains("took part before"), "{error}");
}

#[test]
fn every_exposure_and_every_answer_says_its_arm() {
    let world = World::new();
    let durable = world.open(2_000);
    durable.arrange(&arms(&world), 5).unwrap();
    let (mut shown, mut rng) = (BTreeMap::new(), stream(3, "attributed", &[]));
    let mut buffers = Buffers::new();
    let mut answered = BTreeMap::new();
    for act in 0..120 {
        let user = format!("u{}", rng.random_range(0..12));
        let ask = Ask {
            user: &user,
            k: 1 + act % 2,
            candidates: None,
            given: None,
        };
        let (decision, name, item) = {
            let present = durable.read().unwrap();
            let decision = durable.recommend(&present, &ask, &mut buffers).unwrap();
            let of = present.of_user(&user);
            assert_eq!(decision.arm, of.arm());
            let name = present.name_of(decision.arm).unwrap().to_string();
            (decision.clone(), name, id(of, decision.slate.items[0]))
        };
        *shown.entry((user.clone(), name.clone())).or_insert(0) += decision.slate.items.len() as u32;
        if act % 3 != 0 {
            answer(&durable, decision.request, &item, 1.0).unwrap();
            answered.insert(decision.request, (decision.arm, item));
        }
    }
    assert_eq!(
        shown
            .keys()
            .map(|(_, name)| name.as_str())
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        3
    );
    durable.journal.rotate().unwrap();
    live(&durable, 1, &mut rng);
    durable.compact().unwrap();
    // The files tell it by themselves.
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(world.state.join("exposures")).unwrap() {
        let (exposures, _) = exposures::read(&entry.unwrap().path()).unwrap();
        for (row, user) in exposures.user.iter().enumerate() {
            let user = exposures.users.id(*user).to_string();
            *found.entry((user, exposures.arm[row].clone())).or_insert(0) += exposures.recommendations[row];
        }
    }
    assert_eq!(found, shown);
    let folder = StateFolder::read(&world.state).unwrap();
    let arms = durable.read().unwrap();
    let told = |event: &Event| {
        let item = arms.state(event.arm).unwrap().items().id(event.shown.item);
        (event.request, (event.arm, item.to_string()))
    };
    let parts = folder.parts().unwrap();
    let events = parts.iter().flat_map(|part| part.read(&arms).unwrap());
    assert_eq!(
        events.map(|event| told(&event)).collect::<BTreeMap<_, _>>(),
        answered
    );
    // As a log they hold what was answered, items of all catalogues.
    let logs = parts.iter().map(|part| {
        common::schema::interactions::read_log(&part.path, None)
            .unwrap()
            .len()
    });
    assert_eq!(logs.sum::<usize>(), answered.len());
}

#[test]
fn compaction_in_an_experiment_may_stop_after_any_step() {
    let world = World::new();
    let durable = world.open(1_500);
    durable.arrange(&arms(&world), 5).unwrap();
    live(&durable, 120, &mut stream(1, "compaction", &[1]));
    let holds = |step: &str| comes_back(&world, &durable, step);
    holds("before");
    let finished = durable.folder.finished(durable.progress().segment).unwrap();
    assert!(finished.len() > 3, "{}", finished.len());
    durable.snapshot().unwrap();
    for segment in &finished {
        durable.folder.compact(segment).unwrap();
        holds("a segment and its part");
    }
    for segment in &finished {
        common::atomic_file::remove(segment).unwrap();
        holds("a segment less");
    }
}

#[test]
fn users_are_known_in_the_arm_that_they_come_to() {
    let world = World::new();
    let durable = world.open(100_000);
    let mut one = arms(&world);
    one.truncate(1);
    one[0].policy = saved_policy(world.root.path(), 0..40, 7);
    one[0].share = 10_000;
    durable.arrange(&one, 5).unwrap();
    let mut buffers = Buffers::new();
    let mut had = Vec::new();
    for _ in 0..12 {
        let ask = Ask {
            user: "new",
            k: 2,
            candidates: None,
            given: None,
        };
        let (decision, ids) = {
            let present = durable.read().unwrap();
            let decision = durable.recommend(&present, &ask, &mut buffers).unwrap();
            let ids: Vec<String> = decision
                .slate
                .items
                .iter()
                .map(|item| id(present.of_user("new"), *item))
                .collect();
            (decision, ids)
        };
        for item in ids {
            assert!(
                !had.contains(&item),
                "{item} comes again after {} items",
                had.len()
            );
            answer(&durable, decision.request, &item, 1.0).unwrap();
            had.push(item);
        }
        if had.len() == 12 {
            assert_eq!(decision.arm, 1);
            durable.change_shares(&[("other".into(), 0)]).unwrap();
        }
        assert_eq!(decision.arm, u16::from(had.len() <= 12));
    }
    let present = durable.read().unwrap();
    assert_eq!(
        (present.events("new"), present.state(1).unwrap().events("new")),
        (24, 24)
    );
}

#[test]
fn a_worse_arm_is_stepped_back_from_for_good_and_the_others_go_on() {
    for seed in 0..4 {
        let world = World::new();
        let durable = world.open(50_000);
        let mut buffers = Buffers::new();
        let mut rng = stream(seed, "step back", &[]);
        let mut wanted = arms(&world);
        for (arm, share) in wanted.iter_mut().zip([2_500, 2_500]) {
            arm.settings = Settings::new(Name::Random, 3);
            arm.share = share;
        }
        durable.arrange(&wanted, 5).unwrap();
        for act in 0..6_000 {
            let user = format!("u{}", rng.random_range(0..900));
            let ask = Ask {
                user: &user,
                k: 1,
                candidates: None,
                given: None,
            };
            let (decision, item) = {
                let present = durable.read().unwrap();
                let decision = durable.recommend(&present, &ask, &mut buffers).unwrap();
                let item = id(present.of_user(&user), decision.slate.items[0]);
                (decision, item)
            };
            // Of the arm `other` half as much is liked.
            let liked = rng.random::<f64>() < [0.5, 0.25, 0.5][usize::from(decision.arm)];
            answer(&durable, decision.request, &item, f32::from(u8::from(liked))).unwrap();
            if act % 1_000 == 999 && durable.read().unwrap().standings()[1].stepped_back {
                break;
            }
        }
        let standings = durable.read().unwrap().standings();
        let told: Vec<(bool, f64)> = standings
            .iter()
            .map(|one| (one.stepped_back, one.share))
            .collect();
        assert_eq!(told, [(false, 0.75), (true, 0.0), (false, 0.25)], "seed {seed}");
        comes_back(&world, &durable, "stepped back");
        let past = durable.read().unwrap().past();
        let last = past.last().unwrap();
        assert!(
            last.ended_by.contains("other was stepped back from"),
            "{}",
            last.ended_by
        );
        assert!(last.arms[1].difference.unwrap().upper < 0.0);
        // Asked for again, it is tried again.
        let again = durable.change_shares(&[("other".into(), 100)]).unwrap();
        assert_eq!((again[1].stepped_back, again[1].share), (false, 0.01));
        comes_back(&world, &durable, "tried again");
    }
}

#[test]
fn arms_that_do_not_fit_are_refused_and_nothing_changes() {
    let world = World::new();
    let durable = world.open(100_000);
    let arms = arms(&world);
    durable.arrange(&arms, 5).unwrap();
    let before = durable.read().unwrap().digest();
    let mut other = arms.clone();
    other[0].settings.seed = 9;
    for (error, says) in [
        (durable.arrange(&other, 5).unwrap_err(), "other settings"),
        (
            durable.change_shares(&[("b".into(), 1)]).unwrap_err(),
            "no arm is named `b`",
        ),
        (
            durable.change_shares(&[("reference".into(), 1)]).unwrap_err(),
            "what the others leave",
        ),
        (
            durable.change_shares(&[("other".into(), 9_000)]).unwrap_err(),
            "more than 1",
        ),
    ] {
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    assert_eq!(durable.read().unwrap().digest(), before);
    durable.arrange(&arms, 5).unwrap();
    assert_eq!(
        durable.read().unwrap().digest(),
        before,
        "the same command line goes on"
    );
    comes_back(&world, &durable, "refused");
}
