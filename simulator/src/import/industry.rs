//! Amazon Industrial and Scientific, 2018 (5-core, 2016-10 to 2018-11), as next-item rows: `*.item.json`,
//! `*.train.inter`, `*.valid.inter`, `*.test.inter`.
//!
//! Ni, Li and McAuley, Justifying Recommendations using Distantly-Labeled Reviews and Fine-Grained Aspects,
//! EMNLP 2019. The files give no times, but their rows are in order of time.

mod catalogue;
mod purchases;

use std::collections::BTreeMap;

use common::Result;
use common::bad_rows::BadRows;
use common::ids::{Dictionary, IdKind};
use common::schema::interactions::{Feedback, Interactions, Kind};
use common::schema::users::Users;

use super::split::Split;
use super::write::{Imported, Job, write};
use super::{Config, fingerprints};
use crate::dataset::Unrated;

const ITEMS: &str = "Industrial_and_Scientific.item.json";
const TRAIN: &str = "Industrial_and_Scientific.train.inter";
const VALID: &str = "Industrial_and_Scientific.valid.inter";
const TEST: &str = "Industrial_and_Scientific.test.inter";

/// Imports the dataset: the log is every user's first purchase and the rows of the training part, the truth the
/// rows of the other two. A `timestamp` is the purchase's place in the order of the rows.
///
/// # Errors
/// A missing file or column, outputs of another run, I/O failures, broken JSON; and, unless they are set aside, the
/// first bad row: cut short, wrong encoding, an id that appears twice or is in no dictionary, an item without a
/// title, a history that is not what the user bought before.
pub fn import(config: &Config) -> Result<()> {
    let job = Job {
        verb: "industry",
        dataset: "industry",
        out: &config.out,
        overwrite: config.overwrite,
        cut: config.cut,
        split: Split::Given,
        unrated: Unrated::Negative,
        like_threshold: config.like_threshold,
        max_bad: config.max_bad,
        seed: None,
        inputs: fingerprints(&config.input, &[ITEMS, TRAIN, VALID, TEST])?,
    };
    write(job, |bad_rows| read(config, bad_rows))
}

fn read(config: &Config, bad_rows: &mut BadRows) -> Result<Imported> {
    let mut notes = Vec::new();
    let items = catalogue::read(&config.input.join(ITEMS), bad_rows, &mut notes)?;
    let kind = Feedback {
        kind: Kind::Count,
        like_threshold: config.like_threshold,
    };
    let none = Interactions::new(Dictionary::new(IdKind::Integer), items.ids.clone(), kind);
    let mut purchases = purchases::Purchases::new(none);
    for (name, held_out) in [(TRAIN, false), (VALID, true), (TEST, true)] {
        purchases.read(&config.input.join(name), held_out, bad_rows)?;
    }
    let (log, truth) = purchases.finish();
    Ok(Imported {
        items,
        users: Users {
            ids: log.users.clone(),
            attributes: vec![BTreeMap::new(); log.users.len()],
        },
        log,
        truth,
        notes,
    })
}
