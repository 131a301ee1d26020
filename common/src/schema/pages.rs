//! The page headers of a column chunk, looked at before anything is decoded: sizes and counts must fit the file, and
//! checksums the bytes.
//!
//! Threat model: any header may hold any number. A decoder takes memory for what a header promises, so that a promise is
//! refused here unless the bytes beside it can keep it.

use std::io::{Read, Seek, SeekFrom};

use parquet::basic::Type;

/// Bytes that a page may take in memory, whatever its size in the file.
const FREE_PAGE: u64 = 64 << 20;
/// And for each of its bytes in the file: more than text that is worth its name is compressed.
const PAGE_RATIO: u64 = 256;
/// Bytes of levels and of encodings' own headers, beside the values, of a page of numbers.
const PAGE_SLACK: u64 = 1 << 16;
/// Bytes in which a page header is looked for at first: most have some thirty.
const FIRST_LOOK: u64 = 256;
/// Deepest structure in a page header that is passed over.
const DEEPEST: u32 = 16;
/// Bytes at a time whose checksum is taken.
const PIECE: usize = 1 << 18;

/// A column chunk, as the footer tells of it.
pub(super) struct ColumnChunk {
    pub(super) begin: u64,
    pub(super) length: u64,
    pub(super) values: u64,
    pub(super) kind: Type,
}

/// Why a chunk is not decoded.
pub(super) enum Fault {
    Read(std::io::Error),
    /// What was wrong.
    Damaged(String),
    /// What was asked for.
    TooLarge(String),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Fault::Read(error)
    }
}

/// Looks at every page header of `chunk`; gives the bytes that its dictionary takes in memory.
pub(super) fn check(file: &mut (impl Read + Seek), chunk: &ColumnChunk) -> Result<u64, Fault> {
    let mut dictionary = 0;
    let end = chunk.begin + chunk.length;
    let (mut at, mut values) = (chunk.begin, 0_u64);
    while values < chunk.values {
        let (header, length) = header_at(file, at, end)?;
        at += length;
        let left = end - at;
        if header.compressed > left {
            let wants = format!(
                "a page of {} bytes, where {left} are left of its column",
                header.compressed
            );
            return Err(Fault::Damaged(wants));
        }
        values += header.check(chunk)?;
        if header.kind == DICTIONARY {
            dictionary = header.uncompressed.max(dictionary);
        }
        if let Some(promised) = header.checksum
            && checksum(file, at, header.compressed)? != promised
        {
            return Err(Fault::Damaged(
                "the checksum of a page is not that of its bytes".into(),
            ));
        }
        at += header.compressed;
    }
    if values != chunk.values {
        return Err(Fault::Damaged(format!(
            "the pages hold {values} values, the footer says {}",
            chunk.values
        )));
    }
    Ok(dictionary)
}

/// The CRC-32 of `length` bytes from `at` on.
pub(super) fn checksum(file: &mut (impl Read + Seek), at: u64, length: u64) -> std::io::Result<u32> {
    file.seek(SeekFrom::Start(at))?;
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = vec![0; PIECE.min(length as usize)];
    let mut left = length;
    while left > 0 {
        let now = &mut piece[..PIECE.min(left as usize)];
        file.read_exact(now)?;
        hasher.update(now);
        left -= now.len() as u64;
    }
    Ok(hasher.finalize())
}

const DATA: i64 = 0;
const INDEX: i64 = 1;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

/// What is needed of a page header.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Header {
    kind: i64,
    uncompressed: u64,
    compressed: u64,
    checksum: Option<u32>,
    values: u64,
}

impl Header {
    /// Checks the promises of a page of `chunk`; gives how many of the chunk's values it holds.
    fn check(&self, chunk: &ColumnChunk) -> Result<u64, Fault> {
        let Header {
            uncompressed, values, ..
        } = *self;
        let width = match chunk.kind {
            Type::BOOLEAN => Some(1),
            Type::INT32 | Type::FLOAT => Some(4),
            Type::INT64 | Type::DOUBLE => Some(8),
            Type::INT96 => Some(12),
            Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => None,
        };
        // A dictionary's values stand in it one by one; text has its length before it.
        let least = width.unwrap_or(if chunk.kind == Type::BYTE_ARRAY { 4 } else { 1 });
        let most = match (self.kind, width) {
            // Values, and at most four bytes each of two kinds of levels.
            (DATA | DATA_V2, Some(width)) => PAGE_SLACK + values.saturating_mul(width + 8),
            _ => FREE_PAGE + PAGE_RATIO * self.compressed,
        };
        if uncompressed > most {
            return Err(Fault::TooLarge(format!(
                "a page of {} bytes and {values} values asks for {uncompressed} bytes of memory, of at most {most}",
                self.compressed
            )));
        }
        match self.kind {
            DICTIONARY if values.saturating_mul(least) > uncompressed.max(self.compressed) => {
                Err(Fault::Damaged(format!(
                    "a dictionary of {uncompressed} bytes promises {values} values"
                )))
            }
            DICTIONARY | INDEX => Ok(0),
            DATA | DATA_V2 => Ok(values),
            other => Err(Fault::Damaged(format!("a page of the unknown kind {other}"))),
        }
    }
}

/// The header of the page at `at`, and its length.
fn header_at(file: &mut (impl Read + Seek), at: u64, end: u64) -> Result<(Header, u64), Fault> {
    let mut look = FIRST_LOOK.min(end - at);
    loop {
        let mut bytes = vec![0; look as usize];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        let mut reader = Compact { bytes: &bytes, at: 0 };
        match reader.header() {
            Some(header) => return Ok((header, reader.at as u64)),
            None if look == end - at => {
                return Err(Fault::Damaged(format!("no page header at byte {at}")));
            }
            None => look = (look * 16).min(end - at),
        }
    }
}

/// Thrift's compact protocol, as far as page headers need it. Every method gives none where the bytes end, or are none.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    fn header(&mut self) -> Option<Header> {
        let mut header = Header {
            kind: -1,
            ..Header::default()
        };
        self.fields(&mut |reader, id, kind| {
            match id {
                1 => header.kind = reader.number(kind)?,
                2 => header.uncompressed = u64::try_from(reader.number(kind)?).ok()?,
                3 => header.compressed = u64::try_from(reader.number(kind)?).ok()?,
                4 => header.checksum = Some(reader.number(kind)? as u32),
                // The data page's, the dictionary's and the second data page's own header: the first field is its values.
                5 | 7 | 8 if kind == STRUCT => reader.fields(&mut |reader, id, kind| match id {
                    1 => {
                        header.values = u64::try_from(reader.number(kind)?).ok()?;
                        Some(())
                    }
                    _ => reader.skip(kind, DEEPEST),
                })?,
                _ => reader.skip(kind, DEEPEST)?,
            }
            Some(())
        })?;
        Some(header)
    }

    /// Hands each field's number and kind to `take`, which must read it, up to the end of the structure.
    fn fields(&mut self, take: &mut dyn FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut id = 0_i64;
        loop {
            let first = self.byte()?;
            if first == 0 {
                return Some(());
            }
            id = match first >> 4 {
                0 => zigzag(self.varint()?),
                more => id.checked_add(i64::from(more))?,
            };
            take(self, id, first & 0x0f)?;
        }
    }

    fn number(&mut self, kind: u8) -> Option<i64> {
        match kind {
            I16 | I32 | I64 => self.varint().map(zigzag),
            _ => None,
        }
    }

    fn skip(&mut self, kind: u8, deepest: u32) -> Option<()> {
        let deeper = deepest.checked_sub(1)?;
        match kind {
            // The kind is the value.
            1 | 2 => Some(()),
            3 => self.pass(1),
            I16 | I32 | I64 => self.varint().map(|_| ()),
            7 => self.pass(8),
            BINARY => {
                let length = self.varint()?;
                self.pass(length)
            }
            9 | 10 => {
                let first = self.byte()?;
                let count = match first >> 4 {
                    15 => self.varint()?,
                    count => u64::from(count),
                };
                let kind = first & 0x0f;
                (0..count).try_for_each(|_| match kind {
                    1 | 2 => self.pass(1),
                    _ => self.skip(kind, deeper),
                })
            }
            STRUCT => self.fields(&mut |reader, _, kind| reader.skip(kind, deeper)),
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        let at = self.at.checked_add(usize::try_from(bytes).ok()?)?;
        self.at = at;
        (at <= self.bytes.len()).then_some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const STRUCT: u8 = 12;

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Header> {
        Compact { bytes, at: 0 }.header()
    }

    #[test]
    fn a_header_is_read_with_what_stands_between() {
        // kind 0, 300 bytes, 20 in the file, checksum -2, {7 values, encoding 0, statistics {text "ab"}}.
        let bytes = [
            0x15, 0, 0x15, 0xd8, 0x04, 0x15, 40, 0x15, 3, 0x1c, 0x15, 14, 0x15, 0, 0x3c, 0x18, 2, b'a', b'b',
            0, 0, 0,
        ];
        let wanted = Header {
            kind: DATA,
            uncompressed: 300,
            compressed: 20,
            checksum: Some(u32::MAX - 1),
            values: 7,
        };
        assert_eq!(read(&bytes), Some(wanted));
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn no_bytes_make_it_run_on() {
        let mut random = 1_u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..40)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (random >> 56) as u8
                })
                .collect();
            read(&bytes);
        }
        // Structures in structures, and a list that promises more than there is.
        read(&[0x1c; 4000]);
        assert_eq!(
            read(&[0x69, 0xf1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            None
        );
    }

    #[test]
    fn a_promise_that_the_bytes_cannot_keep_is_refused() {
        let chunk = |kind| ColumnChunk {
            begin: 4,
            length: 1 << 20,
            values: 1000,
            kind,
        };
        let page = |kind, uncompressed, values| Header {
            kind,
            uncompressed,
            compressed: 4000,
            checksum: None,
            values,
        };
        let fits = |header: Header, kind| header.check(&chunk(kind)).is_ok();
        assert!(fits(page(DATA, 16_000, 1000), Type::INT64));
        assert!(!fits(page(DATA, 1 << 31, 1000), Type::INT64));
        assert!(fits(page(DATA_V2, 1 << 20, 1000), Type::BYTE_ARRAY));
        assert!(!fits(page(DATA, 1 << 31, 1000), Type::BYTE_ARRAY));
        assert!(fits(page(DICTIONARY, 4000, 1000), Type::INT32));
        assert!(!fits(page(DICTIONARY, 4000, 1001), Type::INT32));
        assert!(!fits(page(9, 4000, 10), Type::INT32));
    }
}
