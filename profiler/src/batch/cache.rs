//! Finished units, kept on disk under the fingerprint of everything they depend on.
//!
//! One small file a unit, written atomically: a kill loses at most the units in flight, and a later run with
//! some changed prompts computes only the units that changed. It is also where the shards of a job meet: each works the units
//! whose keys fall to it, and a merge finds them.

use std::path::Path;

use common::Result;
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::output;
use common::shards::{Sharding, Step, Work};
use common::store::Store;

use super::forest::{Forest, Piece, Reading, bytes};

/// Changes when the same prompts would be computed otherwise (context size, attention, reading).
pub(super) const ENGINE_VERSION: &[u8] = b"units-3 llama-cpp-2 0.1.160";
const CHECKSUM: usize = 32;

/// A place of finished units.
#[derive(Default)]
pub struct Cache {
    /// None keeps nothing.
    store: Option<Store>,
    /// That of an earlier run, which is read and not written.
    earlier: Option<Store>,
    /// The shard that this process works; none: all of the job.
    work: Option<Work>,
}

impl Cache {
    /// The cache of this process's part of the job that `manifest` tells and whose output is `out`: `OUT.cache`, or the parts
    /// where it is a shard or a merge. None where there is nothing to do.
    ///
    /// # Errors
    /// As [`Sharding::begin`].
    pub fn begin(sharding: &Sharding, out: &Path, manifest: &Manifest) -> Result<Option<Self>> {
        let (parts, work) = match sharding.begin(out, manifest, &[])? {
            Step::Nothing => return Ok(None),
            Step::Whole => return Cache::beside(out).map(Some),
            Step::Work(work) => (work.parts().units()?, Some(work)),
            Step::Merge(parts) => (parts.units()?, None),
        };
        Ok(Some(Cache {
            store: Some(parts),
            work,
            ..Cache::default()
        }))
    }

    /// The cache of the output `out`, in `OUT.cache` beside it, which need not exist yet; of an object, on this machine.
    ///
    /// # Errors
    /// Wrong usage, where something else than a folder stands there.
    pub fn beside(out: &Path) -> Result<Self> {
        Ok(Cache {
            store: Some(store_beside(out)?),
            ..Cache::default()
        })
    }

    /// The same, with what is there beside the output `earlier`.
    ///
    /// # Errors
    /// As [`Cache::beside`].
    pub fn and(mut self, earlier: &Path) -> Result<Self> {
        self.earlier = Some(store_beside(earlier)?);
        Ok(self)
    }

    /// No cache: for a few prompts that are looked at once.
    pub fn none() -> Self {
        Cache::default()
    }

    /// Whether this process works the unit under `key`, which is missing.
    pub(crate) fn works(&self, key: &Fingerprint) -> bool {
        self.work.as_ref().is_none_or(|work| work.shard.takes(key))
    }

    /// Whether answers are not whole: only those of one shard's units, and of what others have done, are there.
    pub(crate) fn is_part(&self) -> bool {
        self.work.is_some()
    }

    /// Commits the shard, all of whose units are finished. Where the answers are whole the caller is to write them, and gets
    /// false.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn commit(self) -> Result<bool> {
        match self.work {
            Some(work) => work.commit_done(&()).map(|()| true),
            None => Ok(false),
        }
    }

    /// The key of a unit: model, prefix, reading and prompts.
    pub(super) fn key(model: &Fingerprint, forest: &Forest, unit: &[Piece], alone: bool) -> Fingerprint {
        let reading = match forest.reading {
            Reading::Words(words) => [b"words".to_vec(), bytes(words)],
            Reading::Branch => [b"branch".to_vec(), Vec::new()],
        };
        let together: &[u8] = if alone { b"alone" } else { b"together" };
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
        .chain([together.to_vec()])
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
        let whole = |store: &Store| {
            let mut bytes = store.get(&name(key)).ok()??;
            let values = bytes.split_off(bytes.len().min(CHECKSUM));
            (Fingerprint::of_bytes(&values).as_str().as_bytes() == bytes).then_some(values)
        };
        [&self.store, &self.earlier].into_iter().flatten().find_map(whole)
    }

    /// Keeps bytes under `key`.
    pub(crate) fn store_bytes(&self, key: &Fingerprint, values: &[u8]) -> Result<()> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let mut bytes = Fingerprint::of_bytes(values).as_str().as_bytes().to_vec();
        bytes.extend(values);
        let name = name(key);
        if !store.create(&name, &bytes)? && self.load_bytes(key).is_none() {
            // What stands there is damaged.
            store.remove(&name)?;
            store.create(&name, &bytes)?;
        }
        Ok(())
    }
}

/// The cache beside `out`.
fn store_beside(out: &Path) -> Result<Store> {
    Store::open(&output::beside(out, "cache"))
}

fn name(key: &Fingerprint) -> String {
    let (shelf, rest) = key.as_str().split_at(2);
    format!("{shelf}/{rest}")
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
            false,
        )
    }

    fn key() -> Fingerprint {
        key_of("model", &[1], &[2, 3], [&[4, 5], &[6]], &[])
    }

    #[test]
    fn what_was_stored_is_loaded_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::beside(&folder.path().join("p.parquet")).unwrap();
        let values = vec![-0.0, f32::MIN_POSITIVE, -1.5, 3.25];
        assert_eq!(cache.load(&key(), 4), None);
        cache.store(&key(), &values).unwrap();
        assert_eq!(cache.load(&key(), 4), Some(values));
        assert_eq!(cache.load(&key(), 6), None);
    }

    #[test]
    fn a_damaged_unit_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::beside(&folder.path().join("p.parquet")).unwrap();
        cache.store(&key(), &[1.0, 2.0]).unwrap();
        let path = folder.path().join("p.parquet.cache").join(name(&key()));
        let good = std::fs::read(&path).unwrap();
        for bad in [&good[..good.len() - 1], &good[..10], &[]] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(cache.load(&key(), 2), None);
        }
        let mut flipped = good.clone();
        flipped[35] ^= 1;
        std::fs::write(&path, flipped).unwrap();
        assert_eq!(cache.load(&key(), 2), None);
        cache.store(&key(), &[1.0, 2.0]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), good);
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
