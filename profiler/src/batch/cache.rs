//! Finished units, kept on disk under the fingerprint of everything they depend on.
//!
//! One small file a unit, written atomically: a kill loses at most the units in flight, and a later run with
//! some changed prompts computes only the units that changed.

use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::{Result, atomic_file};

use super::forest::{Forest, Piece, Reading, bytes};

/// Changes when the same prompts would be computed otherwise (context size, attention, reading).
const ENGINE_VERSION: &[u8] = b"units-2 llama-cpp-2 0.1.160";
const CHECKSUM: usize = 32;

/// A folder of finished units.
pub struct Cache {
    /// None keeps nothing.
    folder: Option<PathBuf>,
}

impl Cache {
    /// The cache of the output `out`, in `OUT.cache` beside it, which need not exist yet.
    pub fn beside(out: &Path) -> Self {
        let mut folder = out.as_os_str().to_os_string();
        folder.push(".cache");
        Cache {
            folder: Some(folder.into()),
        }
    }

    /// No cache: for a few prompts that are looked at once.
    pub fn none() -> Self {
        Cache { folder: None }
    }

    /// The key of a unit: model, prefix, reading and prompts.
    pub(super) fn key(model: &Fingerprint, forest: &Forest, unit: &[Piece]) -> Fingerprint {
        let reading = match forest.reading {
            Reading::Words(words) => [b"words".to_vec(), bytes(words)],
            Reading::Branch => [b"branch".to_vec(), Vec::new()],
        };
        let pieces = unit
            .iter()
            .map(|&piece| forest.fingerprint(piece).as_str().into());
        let parts: Vec<Vec<u8>> = [
            ENGINE_VERSION.to_vec(),
            model.as_str().into(),
            bytes(&forest.prefix),
        ]
        .into_iter()
        .chain(reading)
        .chain(pieces)
        .collect();
        Fingerprint::of_parts(parts.iter().map(Vec::as_slice))
    }

    /// The `count` values of the unit under `key`, if it is there whole.
    pub(super) fn load(&self, key: &Fingerprint, count: usize) -> Option<Vec<f32>> {
        let bytes = self.load_bytes(key)?;
        let (values, rest) = bytes.as_chunks::<4>();
        let whole = values.len() == count && rest.is_empty();
        whole.then(|| values.iter().map(|&value| f32::from_le_bytes(value)).collect())
    }

    /// Keeps a finished unit.
    pub(super) fn store(&self, key: &Fingerprint, values: &[f32]) -> Result<()> {
        let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.store_bytes(key, &values)
    }

    /// What was kept under `key`, if it is there whole.
    pub(crate) fn load_bytes(&self, key: &Fingerprint) -> Option<Vec<u8>> {
        let mut bytes = std::fs::read(self.path(key)?).ok()?;
        let values = bytes.split_off(bytes.len().min(CHECKSUM));
        (Fingerprint::of_bytes(&values).as_str().as_bytes() == bytes).then_some(values)
    }

    /// Keeps bytes under `key`.
    pub(crate) fn store_bytes(&self, key: &Fingerprint, values: &[u8]) -> Result<()> {
        let Some(path) = self.path(key) else {
            return Ok(());
        };
        let mut bytes = Fingerprint::of_bytes(values).as_str().as_bytes().to_vec();
        bytes.extend(values);
        atomic_file::write_bytes(&path, &bytes)
    }

    fn path(&self, key: &Fingerprint) -> Option<PathBuf> {
        let (shelf, rest) = key.as_str().split_at(2);
        Some(self.folder.as_ref()?.join(shelf).join(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::super::forest::Family;
    use super::*;

    /// The key of one unit of two prompts.
    fn key_of(model: &str, prefix: &[i32], words: &[i32], stems: [&[i32]; 2], branch: &[i32]) -> Fingerprint {
        let branches = [branch.to_vec()];
        let family = |stem: &[i32]| Family {
            stem: stem.to_vec(),
            branches: vec![0],
        };
        let forest = Forest {
            prefix: prefix.to_vec(),
            families: stems.map(family).into(),
            branches: &branches,
            reading: Reading::Words(words),
        };
        let piece = |family| Piece {
            family,
            first: 0,
            end: 1,
        };
        Cache::key(
            &Fingerprint::of_bytes(model.as_bytes()),
            &forest,
            &[piece(0), piece(1)],
        )
    }

    fn key() -> Fingerprint {
        key_of("model", &[1], &[2, 3], [&[4, 5], &[6]], &[])
    }

    #[test]
    fn it_is_beside_the_output() {
        let cache = Cache::beside("a/p.parquet".as_ref());
        assert_eq!(cache.folder, Some(PathBuf::from("a/p.parquet.cache")));
    }

    #[test]
    fn what_was_stored_is_loaded_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::beside(&folder.path().join("p.parquet"));
        let values = vec![-0.0, f32::MIN_POSITIVE, -1.5, 3.25];
        assert_eq!(cache.load(&key(), 4), None);
        cache.store(&key(), &values).unwrap();
        assert_eq!(cache.load(&key(), 4), Some(values));
        assert_eq!(cache.load(&key(), 6), None);
    }

    #[test]
    fn a_damaged_unit_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::beside(&folder.path().join("p.parquet"));
        cache.store(&key(), &[1.0, 2.0]).unwrap();
        let path = cache.path(&key()).unwrap();
        let good = std::fs::read(&path).unwrap();
        for bad in [&good[..good.len() - 1], &good[..10], &[]] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(cache.load(&key(), 2), None);
        }
        let mut flipped = good.clone();
        flipped[35] ^= 1;
        std::fs::write(&path, flipped).unwrap();
        assert_eq!(cache.load(&key(), 2), None);
    }

    #[test]
    fn the_key_tells_everything_apart() {
        let others = [
            key_of("other", &[1], &[2, 3], [&[4, 5], &[6]], &[]),
            key_of("model", &[1, 2], &[3], [&[4, 5], &[6]], &[]),
            key_of("model", &[1], &[2, 3], [&[4], &[5, 6]], &[]),
            key_of("model", &[1], &[2, 3], [&[6], &[4, 5]], &[]),
            key_of("model", &[1], &[2, 3], [&[4], &[6]], &[5]),
        ];
        assert!(others.iter().all(|other| *other != key()));
    }
}
