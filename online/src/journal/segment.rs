//! A segment: one file of the journal, a head and the batches after it.
//!
//! It is named by the number of its first record. The head is written with the file, atomically, and says which policy
//! served and how many events had been applied before: a segment belongs to one policy, and a swap begins a new one.

use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::{Error, Result, input};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::batch::{self, Place};
use super::checked;

const MAGIC: [u8; 8] = *b"HsJourn1";
const EXTENSION: &str = "log";

/// What a segment says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The number of its first record.
    pub(super) first: u64,
    /// Events applied before it.
    pub(super) applied: u64,
    /// Which policy served, counted from 0.
    pub(super) epoch: u32,
    /// The policy's fingerprint.
    pub(super) policy: Fingerprint,
}

impl Head {
    /// The segment's file in the journal's folder.
    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:020}.{EXTENSION}", self.first))
    }

    /// The head as it stands in the file.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        checked::encode(MAGIC, self)
    }
}

/// A segment in memory.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    head: Head,
    bytes: Vec<u8>,
    /// Where the batches begin.
    start: usize,
}

/// Where reading a segment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// The number that the next record gets.
    pub(super) next: u64,
    /// Bytes of the file that are whole.
    pub(super) length: u64,
    /// Bytes after them, torn by a crash: never acknowledged.
    pub(super) torn: u64,
}

impl Segment {
    /// Reads a segment's file.
    ///
    /// # Errors
    /// When it cannot be read, its head is damaged, or it is another's file by its name.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = input::read(path)?;
        let (head, start): (Head, usize) = checked::decode(MAGIC, &bytes).map_err(|e| e.file(path))?;
        if number(path) != Some(head.first) {
            return Err(Error::data(format!(
                "the file is named otherwise than its first record, {}",
                head.first
            ))
            .file(path)
            .hint("a journal's files keep the names that they were given"));
        }
        Ok(Segment {
            path: path.to_path_buf(),
            head,
            bytes,
            start,
        })
    }

    /// What it says of itself.
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Hands every record and its number to `visit`. `last`: whether no segment follows, so that a crash may have torn
    /// its end.
    ///
    /// # Errors
    /// Those of `visit`; damage anywhere but at the torn end of the last segment, with its offset.
    pub(super) fn records<R: DeserializeOwned>(
        &self,
        last: bool,
        mut visit: impl FnMut(u64, R) -> Result<()>,
    ) -> Result<End> {
        let mut place = Place {
            segment: self.head.first,
            offset: self.start as u64,
        };
        let mut next = self.head.first;
        while let Some(batch) = batch::read(&self.bytes, place) {
            if batch.first != next {
                return Err(self.damaged(
                    place.offset,
                    &format!("record {} follows record {next}", batch.first),
                ));
            }
            let mut rest = batch.payload;
            for _ in 0..batch.records {
                let (record, after) = postcard::take_from_bytes(rest).map_err(|e| {
                    self.damaged(place.offset, &format!("record {next} cannot be decoded: {e}"))
                })?;
                visit(next, record).map_err(|e| e.file(&self.path).at(format!("record {next}")))?;
                rest = after;
                next += 1;
            }
            if !rest.is_empty() {
                return Err(self.damaged(place.offset, "bytes after the last record of a batch"));
            }
            place.offset += batch.size() as u64;
        }
        let torn = self.bytes.len() as u64 - place.offset;
        if torn > 0 && !last {
            return Err(self.damaged(
                place.offset,
                "the records are damaged, and a later segment follows",
            ));
        }
        if let Some(whole) = batch::find(&self.bytes, place) {
            return Err(self.damaged(
                place.offset,
                &format!("the records are damaged; whole ones follow at byte {whole}"),
            ));
        }
        Ok(End {
            next,
            length: place.offset,
            torn,
        })
    }

    fn damaged(&self, offset: u64, what: &str) -> Error {
        Error::data(what)
            .file(&self.path)
            .at(format!("byte {offset}"))
            .hint("records that had been acknowledged are damaged: bring the file back from a backup")
    }
}

/// The segments of a journal's folder, in order.
///
/// # Errors
/// When the folder cannot be listed.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(e, "list", folder))?;
    let mut segments = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Error::io(e, "list", folder))?.path();
        if number(&path).is_some() {
            segments.push(path);
        }
    }
    segments.sort();
    Ok(segments)
}

/// The first record by a segment's name.
pub(super) fn number(path: &Path) -> Option<u64> {
    let is_segment = path.extension()? == EXTENSION;
    let name = path.file_stem()?.to_str()?;
    if is_segment && name.len() == 20 {
        name.parse().ok()
    } else {
        None
    }
}
