//! What a policy folder holds.

use crate::support;
use std::sync::Arc;

use crate::support::expect;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use common::ids::IdKind;
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::interactions::Interactions;
use common::schema::metrics;
use common::schema::profiles::{self, PROFILES};
use common::schema::states::{self, STATES};

#[test]
fn a_policy_carries_catalogue_users_and_their_last_states() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let inputs = "--log log --states states.parquet --profiles profiles.parquet";
    let arguments =
        format!("train --method ialp {inputs} --seeds 1 --steps 3 --batch 4 --horizon 4 --out policies");
    expect(folder.path(), &arguments, 0);
    let folder = folder.path().join("policies/seed-0");
    let policy = Policy::load(&folder).unwrap();
    let log = support::log(IdKind::Text);
    assert_eq!(
        (policy.config.method.as_str(), policy.config.traits.as_str()),
        ("ialp", "profile")
    );
    assert_eq!(
        (policy.config.network.items, policy.config.network.traits),
        (30, 2)
    );
    let inputs: Vec<&str> = policy.manifest.inputs.keys().map(String::as_str).collect();
    assert_eq!(inputs, ["items", "log", "profiles", "states"]);
    let likes = |item: usize| {
        (0..log.len())
            .filter(|&row| log.item[row] as usize == item && log.is_like(row))
            .count()
    };
    assert!((0..30).all(|item| policy.items.popularity[item] == likes(item) as f32));
    let rows = &log.rows_by_user()[5];
    let events: Vec<(u32, f32)> = rows
        .iter()
        .map(|&row| (log.item[row], if log.is_like(row) { 1.0 } else { -1.0 }))
        .collect();
    assert_eq!(policy.users.history[5], events[2..]);
    let mut consumed: Vec<u32> = events.iter().map(|(item, _)| *item).collect();
    consumed.sort_unstable();
    assert_eq!(policy.users.consumed[5], consumed);
    let mean = policy.items.traits.iter().step_by(2).sum::<f32>() / 30.0;
    assert!(mean.abs() < 1e-5, "traits are standardised");
    let curve = metrics::read(&folder.join("metrics.parquet")).unwrap();
    assert!(
        curve
            .iter()
            .any(|point| point.metric == "reward" && point.step == 3)
    );
}

#[test]
fn a_user_without_an_interaction_joins_with_an_empty_state() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let log = support::log(IdKind::Text);
    let mut found = support::states_of(&log);
    found.users.intern("newcomer");
    found.items.push(Vec::new());
    found.feedback.push(Vec::new());
    found.liked.push(Vec::new());
    found.interactions.push(0);
    found.state_hash.push(states::state_hash::<&str>(&[], &[]));
    let manifest = Manifest::new(STATES, "test");
    states::write(&folder.path().join("states.parquet"), &manifest, &found).unwrap();
    let manifest = Manifest::new(PROFILES, "test");
    let read = support::profiles_of(
        &Interactions {
            users: found.users.clone(),
            ..log
        },
        &found,
    );
    profiles::write(&folder.path().join("profiles.parquet"), &manifest, &read).unwrap();
    for method in ["bc", "ialp --steps 3 --horizon 4"] {
        let inputs = "--log log --states states.parquet --profiles profiles.parquet";
        let arguments =
            format!("train --method {method} {inputs} --seeds 1 --batch 4 --overwrite --out policies");
        expect(folder.path(), &arguments, 0);
        let policy = Policy::load(&folder.path().join("policies/seed-0")).unwrap();
        let newcomer = policy.users.ids.code("newcomer").unwrap() as usize;
        assert!(policy.users.history[newcomer].is_empty() && policy.users.consumed[newcomer].is_empty());
        assert_ne!(
            policy.users.traits[newcomer * 2..],
            [0.0, 0.0],
            "its traits are known"
        );
    }
}

#[test]
fn a_table_of_ones_own_with_integer_ids_works() {
    let folder = tempfile::tempdir().unwrap();
    let log = support::log(IdKind::Integer);
    let integers = |codes: &[u32]| {
        Arc::new(Int64Array::from_iter_values(codes.iter().map(|&c| i64::from(c)))) as ArrayRef
    };
    let clicks = log.feedback.iter().map(|&f| if f >= 4.0 { 1.0 } else { 0.0 });
    let table = RecordBatch::try_from_iter([
        ("user_id", integers(&log.user)),
        ("item_id", integers(&log.item)),
        (
            "timestamp",
            Arc::new(Int64Array::from(log.timestamp.clone())) as ArrayRef,
        ),
        ("feedback", Arc::new(Float64Array::from_iter_values(clicks))),
    ]);
    let table = table.unwrap();
    let file = std::fs::File::create(folder.path().join("clicks.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, table.schema(), None).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
    for method in ["bc", "ialp --horizon 4"] {
        let arguments = format!(
            "train --method {method} --log clicks.parquet --like-threshold 1 --traits none --seeds 1 --steps 3 --batch 8 \
             --out {}",
            &method[..2]
        );
        expect(folder.path(), &arguments, 0);
    }
    let policy = Policy::load(&folder.path().join("bc/seed-0")).unwrap();
    assert_eq!(
        (policy.items.ids.kind(), policy.users.ids.kind()),
        (IdKind::Integer, IdKind::Integer)
    );
    assert_eq!(
        (policy.config.network.items, policy.config.network.traits),
        (30, 0)
    );
    assert!(
        policy.users.history.iter().all(|history| history.len() == 10),
        "states come from the log"
    );
}
