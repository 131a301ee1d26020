//! Reading little-endian fields of a file whose every length may be a lie.
//!
//! Nothing is allocated from a length before the file is known to be that long.

use std::io::Read;

use common::{Error, Result};

/// A cursor that knows how many bytes the file still has.
pub(super) struct Reader<R> {
    inner: R,
    position: u64,
    length: u64,
}

impl<R: Read> Reader<R> {
    /// Starts at the beginning of `inner`, which is `length` bytes long.
    pub(super) fn new(inner: R, length: u64) -> Self {
        Reader {
            inner,
            position: 0,
            length,
        }
    }

    /// Bytes read or skipped so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> u64 {
        self.length - self.position
    }

    /// Refuses when fewer than `bytes` are left for `what`.
    pub(super) fn expect(&self, bytes: u64, what: &str) -> Result<()> {
        if bytes > self.left() {
            return Err(Error::data(format!(
                "the model file ends inside {what}: {bytes} bytes are announced, {} are left",
                self.left()
            ))
            .at(format!("byte {}", self.position)));
        }
        Ok(())
    }

    /// Skips `bytes` of `what`.
    pub(super) fn skip(&mut self, bytes: u64, what: &str) -> Result<()> {
        self.expect(bytes, what)?;
        let skipped = std::io::copy(&mut self.inner.by_ref().take(bytes), &mut std::io::sink())
            .map_err(|e| self.failed(&e))?;
        self.position += skipped;
        // Fewer only where the file shrinks while it is read.
        if skipped < bytes {
            Err(Error::data(format!("the model file ends inside {what}")))
        } else {
            Ok(())
        }
    }

    /// Reads `N` bytes of `what`.
    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        self.expect(N as u64, what)?;
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes).map_err(|e| self.failed(&e))?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// Reads `length` bytes of `what`.
    pub(super) fn bytes(&mut self, length: usize, what: &str) -> Result<Vec<u8>> {
        self.expect(length as u64, what)?;
        let mut bytes = vec![0; length];
        self.inner.read_exact(&mut bytes).map_err(|e| self.failed(&e))?;
        self.position += length as u64;
        Ok(bytes)
    }

    /// Reads a u32.
    pub(super) fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// Reads a u64.
    pub(super) fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// Reads a string (its length as u64 first) of at most `limit` bytes.
    pub(super) fn string(&mut self, limit: u64, what: &str) -> Result<String> {
        let start = self.position;
        let length = self.u64(what)?;
        self.expect(length, what)?;
        if length > limit {
            return Err(
                Error::data(format!("{what} is {length} bytes long, more than {limit}"))
                    .at(format!("byte {start}")),
            );
        }
        let bytes = self.bytes(length as usize, what)?;
        String::from_utf8(bytes)
            .map_err(|_| Error::data(format!("{what} is not UTF-8")).at(format!("byte {start}")))
    }

    /// Skips a string.
    pub(super) fn skip_string(&mut self, what: &str) -> Result<()> {
        let length = self.u64(what)?;
        self.skip(length, what)
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::retry(format!("cannot read the model file: {error}")).at(format!("byte {}", self.position))
    }
}
