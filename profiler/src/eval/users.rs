//! What was measured on some of the users: the whole, or the part of a shard.

use std::path::Path;

use common::shards::Counts;
use common::{Error, Result, atomic_file};
use serde::{Deserialize, Serialize};

use super::measure::Signal;
use crate::candidates::LeftOut;

/// Who was asked about, and by which signals.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Asked {
    /// Users with a list.
    pub(super) users: usize,
    /// Their held-out likes.
    pub(super) positives: usize,
    pub(super) left_out: LeftOut,
    /// The signals' names.
    signals: Vec<String>,
}

impl Counts for Asked {
    fn add(&mut self, other: Self) {
        self.users += other.users;
        self.positives += other.positives;
        self.left_out.add(other.left_out);
        self.signals = other.signals;
    }
}

impl Asked {
    pub(super) fn new(users: usize, positives: usize, left_out: LeftOut, signals: &[Signal]) -> Self {
        Asked {
            users,
            positives,
            left_out,
            signals: signals.iter().map(|signal| signal.name.clone()).collect(),
        }
    }
}

const WIDTH: usize = size_of::<f64>();

/// Writes the AUCs as little-endian numbers, signal by signal, NaN where there is none.
pub(super) fn write(path: &Path, signals: &[Signal]) -> Result<()> {
    let aucs = signals.iter().flat_map(|signal| &signal.aucs);
    let bytes: Vec<u8> = aucs
        .flat_map(|auc| auc.unwrap_or(f64::NAN).to_le_bytes())
        .collect();
    atomic_file::write_bytes(path, &bytes)
}

/// The signals of `asked`, of the users of all `parts` in order.
pub(super) fn read<'a>(asked: &Asked, parts: impl Iterator<Item = &'a Path>) -> Result<Vec<Signal>> {
    let mut signals: Vec<Signal> = asked
        .signals
        .iter()
        .map(|name| Signal {
            name: name.clone(),
            aucs: Vec::new(),
        })
        .collect();
    for path in parts {
        let bytes = std::fs::read(path).map_err(|e| Error::io(e, "read", path))?;
        let users = bytes.len() / WIDTH / signals.len().max(1);
        for (signal, aucs) in signals.iter_mut().zip(bytes.chunks_exact((users * WIDTH).max(1))) {
            let auc = |bytes: &[u8; WIDTH]| Some(f64::from_le_bytes(*bytes)).filter(|auc| !auc.is_nan());
            signal.aucs.extend(aucs.as_chunks().0.iter().map(auc));
        }
    }
    Ok(signals)
}
