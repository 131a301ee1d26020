//! A batch: what one group commit writes, and the unit that a crash may tear.
//!
//! A batch is written only after the one before it was synced. So where a whole batch stands after a damaged one, the
//! damaged one had been on disk, and records are lost; where none does, it may never have been, and nobody was told
//! that it was. [`find`] tells the two apart.
//!
//! Layout, little-endian: magic (4 bytes), CRC-32 (4), payload length (4), number of records (4), number of the first
//! record (8), payload (the records in postcard, one after the other). The checksum is over what follows it, and over
//! the segment's first record and the batch's offset, which are not stored: bytes that look like a batch inside of a
//! payload are none, because they are not where they would have to be.

use crc32fast::Hasher;

/// Begins every batch.
const MAGIC: [u8; 4] = *b"HsB1";
/// Bytes before the payload.
pub(super) const HEAD: usize = 24;
/// Bytes of the largest payload: a length above it is damage and is not believed.
pub(super) const LARGEST: usize = 16 << 20;

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The first record of the segment, which names it.
    pub(super) segment: u64,
    /// Bytes before the batch in the segment's file.
    pub(super) offset: u64,
}

/// A batch as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch<'a> {
    /// The number of the first record.
    pub(super) first: u64,
    /// How many there are.
    pub(super) records: u32,
    /// The records.
    pub(super) payload: &'a [u8],
}

impl Batch<'_> {
    /// Bytes in the file.
    pub(super) fn size(&self) -> usize {
        HEAD + self.payload.len()
    }
}

/// Fills the head of a batch, for which `bytes` has [`HEAD`] bytes of room before the payload.
pub(super) fn seal(bytes: &mut [u8], first: u64, records: u32, place: Place) {
    let length = (bytes.len() - HEAD) as u32;
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&length.to_le_bytes());
    bytes[12..16].copy_from_slice(&records.to_le_bytes());
    bytes[16..24].copy_from_slice(&first.to_le_bytes());
    let sum = checksum(&bytes[8..], place);
    bytes[4..8].copy_from_slice(&sum.to_le_bytes());
}

/// The batch at `place` in a segment's `bytes`, if a whole one stands there.
pub(super) fn read(bytes: &[u8], place: Place) -> Option<Batch<'_>> {
    let bytes = bytes.get(usize::try_from(place.offset).ok()?..)?;
    let head = bytes.get(..HEAD)?;
    if head[..4] != MAGIC {
        return None;
    }
    let length = u32_at(head, 8)? as usize;
    if length > LARGEST {
        return None;
    }
    let whole = bytes.get(..HEAD + length)?;
    if u32_at(head, 4)? != checksum(&whole[8..], place) {
        return None;
    }
    Some(Batch {
        first: u64::from_le_bytes(head[16..24].try_into().ok()?),
        records: u32_at(head, 12)?,
        payload: &whole[HEAD..],
    })
}

/// The offset of the first whole batch at or after `place` in a segment's `bytes`.
pub(super) fn find(bytes: &[u8], place: Place) -> Option<u64> {
    let last = (bytes.len() as u64).checked_sub(HEAD as u64)?;
    let whole = |&offset: &u64| read(bytes, Place { offset, ..place }).is_some();
    (place.offset..=last).find(whole)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn checksum(bytes: &[u8], place: Place) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&place.segment.to_le_bytes());
    hasher.update(&place.offset.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(payload: &[u8], first: u64, records: u32, place: Place) -> Vec<u8> {
        let mut bytes = vec![0; HEAD];
        bytes.extend_from_slice(payload);
        seal(&mut bytes, first, records, place);
        bytes
    }

    #[test]
    fn a_batch_comes_back_and_any_changed_byte_is_seen() {
        let place = Place {
            segment: 7,
            offset: 3,
        };
        let mut bytes = b"abc".to_vec();
        bytes.extend(batch(b"payload", 9, 2, place));
        let expected = Batch {
            first: 9,
            records: 2,
            payload: b"payload",
        };
        assert_eq!(read(&bytes, place), Some(expected));
        for at in 3..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(read(&damaged, place), None, "byte {at}, bit {bit}");
            }
        }
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length], place), None);
        }
    }

    #[test]
    fn a_batch_inside_of_a_payload_is_none() {
        let outer = Place {
            segment: 0,
            offset: 0,
        };
        let forged = batch(
            b"forged",
            1,
            1,
            Place {
                segment: 0,
                offset: 0,
            },
        );
        let mut bytes = batch(&forged, 0, 1, outer);
        bytes[0] = 0;
        assert_eq!(find(&bytes, outer), None);
    }

    #[test]
    fn a_whole_batch_behind_damage_is_found() {
        let first = Place {
            segment: 4,
            offset: 0,
        };
        let mut bytes = batch(b"first", 4, 1, first);
        let second = Place {
            segment: 4,
            offset: bytes.len() as u64,
        };
        bytes.extend(batch(b"second", 5, 1, second));
        bytes[30 - HEAD] ^= 1;
        assert_eq!(read(&bytes, first), None);
        assert_eq!(find(&bytes, first), Some(second.offset));
        assert_eq!(find(&bytes[..bytes.len() - 1], first), None);
    }

    #[test]
    fn a_length_that_no_batch_has_is_not_believed() {
        let place = Place {
            segment: 0,
            offset: 0,
        };
        let mut bytes = batch(b"", 0, 0, place);
        bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&bytes, place), None);
    }
}
