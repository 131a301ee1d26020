//! The appeal model, from a small log and from none.

use crate::support;
use std::path::Path;

use crate::support::{expect, files};
use common::manifest::Manifest;
use common::policy::{Network, State};
use common::policy_artifact::{Encoder, Policy};
use common::schema::profiles::{self, Kind, PROFILES, Profiles};
use common::schema::states::empty_hash;

const TRAIN: &str = "train --method appeal --log log --profiles profiles.parquet";

fn policy(folder: &Path, out: &str) -> Policy {
    Policy::load(&folder.join(out).join("seed-0")).unwrap()
}

fn memory(policy: &Policy, user: usize) -> &[f32] {
    let kept = policy.config.network.memory();
    &policy.users.memory[user * kept..(user + 1) * kept]
}

/// How much more a user's own half of the catalogue appeals to them than the other, in the mean.
fn own_half(policy: &Policy, user: usize) -> f32 {
    let state = State {
        history: &[],
        memory: memory(policy, user),
        traits: &[],
    };
    let network = Network::new(policy.config.network.clone(), policy.weights.clone());
    let mut logits = vec![0.0; policy.config.network.items];
    network.logits(&network.queries(&network.encode(&[state])), &mut logits);
    let code = |item: u32| policy.items.ids.code(&item.to_string()).unwrap() as usize;
    let half: f32 = (0..15)
        .map(|item| logits[code(item)] - logits[code(item + 15)])
        .sum();
    let id: u32 = policy.users.ids.id(user as u32).parse().unwrap();
    if id.is_multiple_of(2) { half } else { -half }
}

#[test]
fn one_worker_and_two_give_the_same_policies() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    for workers in [1, 2] {
        let train =
            format!("{TRAIN} --states states.parquet --seeds 2 --workers {workers} --out workers-{workers}");
        expect(folder, &train, 0);
    }
    let one = files(&folder.join("workers-1"));
    assert_eq!(one.len(), 10, "two policies of five files");
    assert!(one == files(&folder.join("workers-2")), "the bytes differ");
}

#[test]
fn users_begin_with_all_that_they_did() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    expect(
        folder,
        &format!("{TRAIN} --states states.parquet --seeds 12 --out policies"),
        0,
    );
    let policy = policy(folder, "policies");
    let network = &policy.config.network;
    assert_eq!((network.encoder, policy.users.ids.len()), (Encoder::History, 24));
    assert!(policy.config.likes.is_some());
    for user in 0..24 {
        // 12 ratings each.
        let counts = &memory(&policy, user)[network.hidden..];
        assert_eq!(counts[0] + counts[1], 12.0, "user {user}");
        assert!(own_half(&policy, user) > 0.0, "user {user}");
    }
    // Twelve, as a number in a manifest need not come back from JSON to the last bit.
    let said = expect(
        folder,
        &format!("{TRAIN} --states states.parquet --seeds 12 --out policies"),
        0,
    );
    assert_eq!(said.matches("already done").count(), 12, "{said}");
}

#[test]
fn profiles_alone_make_a_policy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write_without_rows(folder);
    expect(folder, &format!("{TRAIN} --seeds 1 --out policies"), 0);
    let policy = policy(folder, "policies");
    assert_eq!((policy.users.ids.len(), policy.items.ids.len()), (24, 30));
    assert!(policy.items.popularity.iter().all(|likes| *likes == 0.0));
    let hidden = policy.config.network.hidden;
    for user in 0..24 {
        assert_eq!(memory(&policy, user)[hidden..], [0.0, 0.0]);
        assert!(own_half(&policy, user) > 0.0, "user {user}");
    }
    // What knows nothing at all knows nothing.
    let without = "train --method appeal --log log --traits none --seeds 1 --out without";
    expect(folder, without, 0);
    let without = self::policy(folder, "without");
    assert!((0..24).all(|user| own_half(&without, user) == 0.0));
}

#[test]
fn before_any_log_a_catalogue_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    let log = folder.join("log/interactions.parquet");
    std::fs::rename(&log, folder.join("log/part-0.parquet")).unwrap();
    let refused = expect(folder, &format!("{TRAIN} --seeds 1 --out refused"), 2);
    support::says(&refused, &["no log in it"]);
    std::fs::remove_file(folder.join("log/part-0.parquet")).unwrap();
    let said = expect(folder, &format!("{TRAIN} --seeds 1 --out alone"), 0);
    support::says(&said, &["log has no interactions.parquet", "0 users, 30 items"]);
    let alone = policy(folder, "alone");
    assert_eq!((alone.users.ids.len(), alone.items.ids.len()), (0, 30));
    // With users whose profiles tell something, each begins with their own.
    support::write_users(folder);
    expect(folder, &format!("{TRAIN} --seeds 1 --out users"), 0);
    let users = policy(folder, "users");
    assert_eq!(users.users.ids.len(), 24);
    for user in 0..24 {
        assert!(own_half(&users, user) > 0.0, "user {user}");
    }
}

#[test]
fn profiles_of_items_alone_are_taken_and_what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    let path = folder.join("profiles.parquet");
    let both = profiles::read(&path).unwrap();
    let write = |kept: &[Kind], state: Option<String>| {
        let mut part = Profiles {
            vocabulary: both.vocabulary.clone(),
            ..Profiles::default()
        };
        for row in (0..both.len()).filter(|&row| kept.contains(&both.kind[row])) {
            let of_user = both.state_hash[row].as_ref();
            part.kind.push(both.kind[row]);
            part.id.push(both.id[row].clone());
            part.state_hash
                .push(of_user.map(|own| state.as_ref().unwrap_or(own).clone()));
            part.traits.extend(both.traits_of(row));
            part.summary.push(None);
            part.confidence.push(both.confidence[row]);
        }
        profiles::write(&path, &Manifest::new(PROFILES, "test"), &part).unwrap();
    };
    let train = format!("{TRAIN} --states states.parquet --seeds 1");
    write(&[Kind::Item], None);
    let said = expect(folder, &format!("{train} --out items"), 0);
    support::says(&said, &["none of the 24 users has a profile in profiles.parquet"]);
    // Read from no state they contradict none.
    write(&[Kind::Item, Kind::User], Some(empty_hash()));
    let said = expect(folder, &format!("{train} --out both"), 0);
    assert!(!said.contains("profile in"), "{said}");
    write(&[Kind::User], None);
    let refused = expect(folder, &format!("{train} --out none"), 2);
    support::says(
        &refused,
        &["no profile is of one of the log's 30 items", "hint: "],
    );
}
