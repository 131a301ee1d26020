//! Reading an object as if it were a file: in runs of blocks, as far as they are wanted.
//!
//! An object is held to the version that was found when it was opened: one that is replaced meanwhile is an error, not a mixture.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use object_store::{GetOptions, GetRange};

use super::Location;
use super::blocks::{self, BLOCK, Block};
use crate::{Error, Result};

/// Blocks that are fetched at once, at most.
const MOST_RUN: u64 = 128;

/// An object that is open for reading. Clones share what is known of it, and each have a position of their own.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    whole: Arc<Whole>,
    /// What is going to be read, in order: of these parts all is fetched in few runs, and of others what is asked for. Empty
    /// where the object is read from some place on to the end.
    wanted: Arc<[Range<u64>]>,
    at: u64,
    /// The block that was read last.
    last: Option<(u64, Block)>,
    /// How many blocks the next run has, where one block is read after the other.
    ahead: u64,
}

#[derive(Debug)]
struct Whole {
    location: Location,
    length: u64,
    tag: Option<String>,
    /// A number for this version of this object.
    number: u64,
    /// Why it could not be read: what lies between may say no more than that the data are bad.
    failure: OnceLock<Error>,
}

impl Object {
    /// Opens the object at `location`, if there is one.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) fn open(location: Location) -> Result<Option<Self>> {
        type Numbers = Mutex<Option<HashMap<String, u64>>>;
        static NUMBERS: Numbers = Mutex::new(None);
        let Some(found) = location.head()? else {
            return Ok(None);
        };
        let version = (location.url(), &found.e_tag, found.size, found.last_modified);
        let mut numbers = NUMBERS.lock().unwrap_or_else(|e| e.into_inner());
        let numbers = numbers.get_or_insert_default();
        let next = numbers.len() as u64;
        let number = *numbers.entry(format!("{version:?}")).or_insert(next);
        Ok(Some(Object {
            whole: Arc::new(Whole {
                location,
                length: found.size,
                tag: found.e_tag,
                number,
                failure: OnceLock::new(),
            }),
            wanted: [].into(),
            at: 0,
            last: None,
            ahead: 1,
        }))
    }

    /// Its length.
    pub(crate) fn length(&self) -> u64 {
        self.whole.length
    }

    /// What names its content: the store's tag where there is one.
    pub(crate) fn version(&self) -> String {
        format!("{:?} {}", self.whole.tag, self.whole.length)
    }

    /// Why a part of it could not be read, where that was so.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.whole.failure.get().cloned()
    }

    /// The same one, of which these parts are going to be read.
    pub(crate) fn wanting(&self, wanted: Vec<Range<u64>>) -> Self {
        Object {
            wanted: wanted.into(),
            ..self.clone()
        }
    }

    /// The same one, from byte `at` on.
    pub(crate) fn from(&self, at: u64) -> Self {
        Object { at, ..self.clone() }
    }

    /// The block with this number, of which it is known that bytes up to `end` are read.
    fn block(&mut self, number: u64, end: u64) -> io::Result<Block> {
        if let Some((last, block)) = &self.last
            && *last == number
        {
            return Ok(Arc::clone(block));
        }
        let next = self.last.as_ref().is_some_and(|(last, _)| last + 1 == number);
        self.ahead = if next { (self.ahead * 2).min(MOST_RUN) } else { 1 };
        let block = match blocks::get((self.whole.number, number)) {
            Some(block) => block,
            None => self.fetch(number, end)?,
        };
        self.last = Some((number, Arc::clone(&block)));
        Ok(block)
    }

    /// Fetches a run of blocks that begins with this one, which is not kept.
    fn fetch(&self, number: u64, end: u64) -> io::Result<Block> {
        let whole = &self.whole;
        let at = number * BLOCK;
        let part = self
            .wanted
            .iter()
            .find(|part| part.start < at + BLOCK && at < part.end);
        let end = match part {
            Some(part) => part.end,
            None if self.wanted.is_empty() => end.max(at + self.ahead * BLOCK),
            None => end,
        };
        let most = whole.length.div_ceil(BLOCK).min(number + MOST_RUN);
        let stop = end.div_ceil(BLOCK).clamp(number + 1, most.max(number + 1));
        let kept = |number: &u64| blocks::has((whole.number, *number));
        let stop = (number + 1..stop).find(kept).unwrap_or(stop);
        // The end of a file says where all else is, in some files in more than a block: it is fetched with the one before.
        let first = match stop * BLOCK >= whole.length && number > 0 && !kept(&(number - 1)) && part.is_none()
        {
            true if self.wanted.is_empty() && self.ahead == 1 => number - 1,
            _ => number,
        };
        let range = first * BLOCK..(stop * BLOCK).min(whole.length);
        let bytes = whole
            .fetch(range)
            .map_err(|e| io::Error::other(whole.failure.get_or_init(|| e).clone()))?;
        let mut wanted = None;
        for (block, bytes) in (first..).zip(bytes.chunks(BLOCK as usize)) {
            let bytes = Block::from(bytes);
            if block == number {
                wanted = Some(Arc::clone(&bytes));
            }
            blocks::put((whole.number, block), bytes);
        }
        wanted.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Whole {
    fn fetch(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let wanted = range.end - range.start;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: self.tag.clone(),
            ..GetOptions::default()
        };
        let got = self
            .location
            .call(|store, key| async move { store.get_opts(&key, options).await?.bytes().await })?;
        let got = self.location.found(got, "read")?;
        let bytes = got.ok_or_else(|| {
            Error::retry("the object was removed while it was read").file(self.location.url())
        })?;
        match bytes.len() as u64 == wanted {
            true => Ok(bytes.into()),
            false => {
                Err(Error::retry("the store has sent another number of bytes").file(self.location.url()))
            }
        }
    }
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.whole.length || buffer.is_empty() {
            return Ok(0);
        }
        let number = self.at / BLOCK;
        let block = self.block(number, self.at + buffer.len() as u64)?;
        let from = (self.at - number * BLOCK) as usize;
        let there = block.get(from..).unwrap_or_default();
        let length = there.len().min(buffer.len());
        buffer[..length].copy_from_slice(&there[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for Object {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.whole.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
