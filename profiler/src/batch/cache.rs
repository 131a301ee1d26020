//! Finished units, kept on disk under the fingerprint of everything they depend on.
//!
//! One small file a unit, written atomically: a kill loses at most the units in flight, and a later run with
//! some changed prompts computes only the units that changed.

use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::{Result, atomic_file};

/// Changes when the same prompts would be computed otherwise (context size, attention, reading).
const ENGINE_VERSION: &[u8] = b"units-1 llama-cpp-2 0.1.160";
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

    /// The key of a unit: model, prefix, words and prompts.
    pub(super) fn key(model: &Fingerprint, prefix: &[i32], words: &[i32], prompts: &[&[i32]]) -> Fingerprint {
        let bytes = |tokens: &[i32]| tokens.iter().flat_map(|t| t.to_le_bytes()).collect::<Vec<u8>>();
        let mut parts = vec![
            ENGINE_VERSION.to_vec(),
            model.as_str().into(),
            bytes(prefix),
            bytes(words),
        ];
        parts.extend(prompts.iter().map(|prompt| bytes(prompt)));
        Fingerprint::of_parts(parts.iter().map(Vec::as_slice))
    }

    /// The unit under `key`, if it is there whole: `prompts` rows of `words` values.
    pub(super) fn load(&self, key: &Fingerprint, prompts: usize, words: usize) -> Option<Vec<Vec<f32>>> {
        let bytes = std::fs::read(self.path(key)?).ok()?;
        let (checksum, values) = bytes.split_at_checked(CHECKSUM)?;
        let whole = values.len() == prompts * words * 4
            && Fingerprint::of_bytes(values).as_str().as_bytes() == checksum;
        let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        whole.then(|| {
            values
                .chunks_exact(words * 4)
                .map(|row| row.chunks_exact(4).map(value).collect())
                .collect()
        })
    }

    /// Keeps a finished unit.
    pub(super) fn store(&self, key: &Fingerprint, rows: &[Vec<f32>]) -> Result<()> {
        let Some(path) = self.path(key) else {
            return Ok(());
        };
        let values: Vec<u8> = rows
            .iter()
            .flatten()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let mut bytes = Fingerprint::of_bytes(&values).as_str().as_bytes().to_vec();
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
    use super::*;

    fn key() -> Fingerprint {
        Cache::key(&Fingerprint::of_bytes(b"model"), &[1], &[2, 3], &[&[4, 5], &[6]])
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
        let rows = vec![vec![-0.0, f32::MIN_POSITIVE], vec![-1.5, 3.25]];
        assert_eq!(cache.load(&key(), 2, 2), None);
        cache.store(&key(), &rows).unwrap();
        assert_eq!(cache.load(&key(), 2, 2), Some(rows));
        assert_eq!(cache.load(&key(), 2, 3), None);
    }

    #[test]
    fn a_damaged_unit_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::beside(&folder.path().join("p.parquet"));
        cache.store(&key(), &[vec![1.0, 2.0]]).unwrap();
        let path = cache.path(&key()).unwrap();
        let good = std::fs::read(&path).unwrap();
        for bad in [&good[..good.len() - 1], &good[..10], &[]] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(cache.load(&key(), 1, 2), None);
        }
        let mut flipped = good.clone();
        flipped[35] ^= 1;
        std::fs::write(&path, flipped).unwrap();
        assert_eq!(cache.load(&key(), 1, 2), None);
    }

    #[test]
    fn the_key_tells_everything_apart() {
        let model = Fingerprint::of_bytes(b"model");
        let others = [
            Cache::key(&Fingerprint::of_bytes(b"other"), &[1], &[2, 3], &[&[4, 5], &[6]]),
            Cache::key(&model, &[1, 2], &[3], &[&[4, 5], &[6]]),
            Cache::key(&model, &[1], &[2, 3], &[&[4], &[5, 6]]),
            Cache::key(&model, &[1], &[2, 3], &[&[6], &[4, 5]]),
        ];
        assert!(others.iter().all(|other| *other != key()));
    }
}
