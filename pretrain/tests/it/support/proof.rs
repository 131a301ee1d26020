//! Policies and held-out logs for the tests of `evaluate` and `gate`.

use std::path::Path;

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::rng::{shuffle, stream};
use common::schema::interactions::{self, Feedback, Interactions, Kind, LOG};
use common::schema::items::{self, ITEMS, Items};

use super::expect;

pub(crate) const USERS: usize = 40;
/// Interactions of a user in the log, and as many later.
const TURNS: usize = 12;
const CATALOGUE: u32 = 30;

/// What a uniformly random policy over what each user has not met yet logs in the turns `from ..`, with its propensities; a
/// user likes the half of the catalogue that has its own parity.
fn uniform(from: usize) -> Interactions {
    let ids = |count: u32| Dictionary::from_values(IdKind::Text, (0..count).map(|i| i.to_string())).unwrap();
    let mut log = Interactions {
        users: ids(USERS as u32),
        items: ids(CATALOGUE),
        user: Vec::new(),
        item: Vec::new(),
        timestamp: Vec::new(),
        feedback: Vec::new(),
        propensity: Vec::new(),
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 4.0,
        },
    };
    for user in 0..USERS as u32 {
        let mut order: Vec<u32> = (0..CATALOGUE).collect();
        shuffle(&mut stream(0, "test/order", &[u64::from(user)]), &mut order);
        for (turn, &item) in order.iter().enumerate().skip(from).take(TURNS) {
            let liked = (item < CATALOGUE / 2) == user.is_multiple_of(2);
            log.user.push(user);
            log.item.push(item);
            log.timestamp.push(turn as i64);
            log.feedback.push(if liked { 5.0 } else { 2.0 });
            log.propensity
                .push(Some(1.0 / (CATALOGUE as usize - turn) as f32));
        }
    }
    log
}

/// What comes after the log.
pub(crate) fn later() -> Interactions {
    uniform(TURNS)
}

/// Writes the log, two policies trained on it and what came later: `good/seed-0` knows what users like, `random/seed-0`
/// has the weights that training begins with, `later.parquet` has true propensities and `bare.parquet` none.
pub(crate) fn write(folder: &Path) {
    write_log(folder, "log/interactions.parquet", &uniform(0));
    let catalogue = Items {
        ids: uniform(0).items,
        title: (0..CATALOGUE).map(|i| format!("title {i}")).collect(),
        text: vec![None; CATALOGUE as usize],
        categories: vec![Vec::new(); CATALOGUE as usize],
    };
    let path = folder.join("log/items.parquet");
    items::write(&path, &Manifest::new(ITEMS, "test"), &catalogue).unwrap();
    for (name, hyper) in [("good", "--steps 300"), ("random", "--steps 1 --lr 1e-30")] {
        let train = format!(
            "train --method bc --log log --traits none --seeds 1 --batch 64 --dims 16 --hidden 16 {hyper} --out {name}"
        );
        expect(folder, &train, 0);
    }
    let mut later = later();
    write_log(folder, "later.parquet", &later);
    later.propensity.fill(None);
    write_log(folder, "bare.parquet", &later);
}

/// Writes the same catalogue with categories: its two halves.
pub(crate) fn write_kinds(folder: &Path, name: &str) {
    let mut catalogue = items::read(&folder.join("log/items.parquet")).unwrap();
    for (item, categories) in catalogue.categories.iter_mut().enumerate() {
        categories.push(["first", "second"][item / (CATALOGUE as usize / 2)].into());
    }
    items::write(&folder.join(name), &Manifest::new(ITEMS, "test"), &catalogue).unwrap();
}

pub(crate) fn write_log(folder: &Path, name: &str, log: &Interactions) {
    interactions::write(&folder.join(name), &Manifest::new(LOG, "test"), log).unwrap();
}
