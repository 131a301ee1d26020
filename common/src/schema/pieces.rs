//! Files that are larger than memory, read a few rows at a time: one after the other, or those of some ids.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::column::each_id;
use super::file::{Batches, ParquetFile};
use super::table::{self, Chunk, Table};
use crate::fingerprint::Fingerprint;
use crate::{Error, Result};

/// Rows of a piece.
pub const ROWS: usize = 4096;
/// Ids that are looked at together when all must differ: more take more passes over the file, and no more memory.
const DISTINCT: u64 = 1 << 17;

/// The rows of a Parquet file, or of all parts of a folder, in pieces of at most [`ROWS`].
pub(crate) struct Pieces {
    path: PathBuf,
    parts: Vec<ParquetFile>,
    columns: Vec<&'static str>,
    part: usize,
    batches: Option<Batches>,
}

impl Pieces {
    /// These columns of the file or folder at `path`, whose manifests, if any, are of a kind in `allowed`.
    ///
    /// # Errors
    /// A missing or unreadable file, another artifact.
    pub(crate) fn open(path: &Path, allowed: &[&str], columns: &[&'static str]) -> Result<Self> {
        Ok(Pieces {
            path: path.to_path_buf(),
            parts: table::open_parts(path, allowed)?,
            columns: columns.to_vec(),
            part: 0,
            batches: None,
        })
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// What cannot be decoded.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Table>> {
        while let Some(part) = self.parts.get(self.part) {
            let batches = match &mut self.batches {
                Some(batches) => batches,
                none => none.insert(part.batches(&self.columns, ROWS)?),
            };
            if let Some((before, rows)) = batches.next()? {
                return Ok(Some(Table::of_batch(part, before, rows)));
            }
            self.batches = None;
            self.part += 1;
        }
        Ok(None)
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> u64 {
        self.parts.iter().map(ParquetFile::rows).sum()
    }

    /// Where they are read from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn rewind(&mut self) {
        (self.part, self.batches) = (0, None);
    }
}

/// What makes rows with their ids of a piece.
type Rows<T> = fn(&Table) -> Result<Vec<(String, T)>>;

/// Rows by their ids, found by reading on from where the last ones stood and around the end: where they are asked for in the
/// order of the file, it is read once, in memory for a piece.
pub struct Finder<T> {
    pieces: Pieces,
    read: Rows<T>,
    /// The piece at hand.
    held: HashMap<String, T>,
}

impl<T: Clone> Finder<T> {
    /// Over `pieces`, each of which `read` turns into rows with their ids.
    pub(crate) fn new(pieces: Pieces, read: Rows<T>) -> Self {
        Finder {
            pieces,
            read,
            held: HashMap::new(),
        }
    }

    /// The rows of `ids`, none for an id that the file lacks.
    ///
    /// # Errors
    /// What cannot be decoded, and what a row may not hold.
    pub fn find<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<Vec<Option<T>>> {
        let ids: Vec<&str> = ids.collect();
        let mut found = vec![None; ids.len()];
        let mut missing: Vec<usize> = (0..ids.len()).collect();
        // The piece at hand comes once more at the end, with the rows before those that are left of it.
        let (mut passed, all) = (0, self.pieces.rows());
        loop {
            missing.retain(|&place| {
                found[place] = self.held.get(ids[place]).cloned();
                found[place].is_none()
            });
            if missing.is_empty() || passed >= all {
                return Ok(found);
            }
            let piece = match self.pieces.next_piece()? {
                Some(piece) => piece,
                None => {
                    self.pieces.rewind();
                    match self.pieces.next_piece()? {
                        Some(piece) => piece,
                        None => return Ok(found),
                    }
                }
            };
            passed += piece.rows() as u64;
            self.held = (self.read)(&piece)?.into_iter().collect();
        }
    }
}

/// Requires that no id stands twice in `column`, with memory for some of them, by as many passes as there are
/// [`DISTINCT`] rows.
///
/// # Errors
/// A null, an empty or repeated id; what cannot be decoded.
pub(crate) fn require_unique(path: &Path, column: &'static str) -> Result<()> {
    let files = table::open_parts(path, &[])?;
    let rows: u64 = files.iter().map(ParquetFile::rows).sum();
    let passes = rows.div_ceil(DISTINCT).max(1);
    for pass in 0..passes {
        let mut seen: Vec<(u64, usize)> = Vec::new();
        let mut place = 0;
        let each = |take: &mut dyn FnMut(&Chunk<'_>, usize, &str) -> Result<()>| -> Result<()> {
            for file in &files {
                file.each_batch(&[column], |first_row, batch| {
                    let chunk = Chunk::of_ids(&batch, column, (file.path(), file.row_groups(), first_row))?;
                    each_id(&chunk, |row, id| take(&chunk, row, id))
                })?;
            }
            Ok(())
        };
        each(&mut |_, _, id| {
            let hash = Fingerprint::of_bytes(id.as_bytes()).to_u64();
            if hash % passes == pass {
                seen.push((hash, place));
            }
            place += 1;
            Ok(())
        })?;
        seen.sort_unstable();
        let twice = seen.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        if let Some(second) = twice.map(|pair| pair[1].1).min() {
            let mut place = 0;
            each(&mut |chunk, row, id| {
                place += 1;
                match place == second + 1 {
                    true => Err(chunk.place(Error::data(format!("the id `{id}` appears twice")), row)),
                    false => Ok(()),
                }
            })?;
        }
    }
    Ok(())
}
