//! Content fingerprints: BLAKE3 over bytes, shown as the first 128 bits in hex.
//!
//! A fingerprint says that two contents are the same; it is not a signature and keeps no one out.

use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, input};

/// The fingerprint of some content, 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of bytes in memory.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::from_hash(blake3::hash(bytes))
    }

    /// Of a sequence of parts; the cut between parts counts, so that `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self::from_hash(hasher.finalize())
    }

    /// Of a file's bytes, read in a stream.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_file(path: &Path) -> Result<Self> {
        Self::of_beginning(path, u64::MAX)
    }

    /// Of the first `length` bytes of a file, read in a stream.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_beginning(path: &Path, length: u64) -> Result<Self> {
        let file = input::open(path)?;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update_reader(file.take(length))
            .map_err(|e| Error::io(e, "read", path))?;
        Ok(Self::from_hash(hasher.finalize()))
    }

    fn from_hash(hash: blake3::Hash) -> Self {
        Fingerprint(hash.to_hex()[..32].to_string())
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 64 bits, for use as a key.
    pub fn to_u64(&self) -> u64 {
        u64::from_str_radix(self.0.get(..16).unwrap_or("0"), 16).unwrap_or(0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart() {
        let one = Fingerprint::of_parts([b"ab".as_slice(), b"c"]);
        let other = Fingerprint::of_parts([b"a".as_slice(), b"bc"]);
        assert_ne!(one, other);
    }

    #[test]
    fn a_file_and_its_bytes_agree() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"content").unwrap();
        assert_eq!(
            Fingerprint::of_file(file.path()).unwrap(),
            Fingerprint::of_bytes(b"content")
        );
    }
}
