//! Policies and held-out logs for the tests of `evaluate` and `gate`.

use std::path::Path;

use common::manifest::Manifest;
use common::schema::interactions::{self, Interactions, LOG};

use super::expect;

/// Writes the log, two policies trained on it and what came later: `good/seed-0` knows what users like, `random/seed-0`
/// has the weights that training begins with, `later.parquet` has true propensities and `bare.parquet` none.
pub(crate) fn write(folder: &Path) {
    super::write(folder);
    for (name, hyper) in [("good", "--steps 300"), ("random", "--steps 1 --lr 1e-30")] {
        let train = format!(
            "train --method bc --log log --traits none --seeds 1 --batch 64 --dims 16 --hidden 16 {hyper} --out {name}"
        );
        expect(folder, &train, 0);
    }
    let mut later = super::later();
    write_log(folder, "later.parquet", &later);
    later.propensity.fill(None);
    write_log(folder, "bare.parquet", &later);
}

pub(crate) fn write_log(folder: &Path, name: &str, log: &Interactions) {
    interactions::write(&folder.join(name), &Manifest::new(LOG, "test"), log).unwrap();
}
