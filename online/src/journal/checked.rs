//! Values with a magic number, a length and a checksum before them: heads of segments, and snapshots.
//!
//! Layout, little-endian: magic (8 bytes), CRC-32 (4) of what follows it, length (8), the value in postcard.

use common::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

const HEAD: usize = 20;

/// Encodes `value` after its head.
///
/// # Errors
/// When it cannot be encoded.
pub(super) fn encode(magic: [u8; 8], value: &impl Serialize) -> Result<Vec<u8>> {
    let failed = |e| Error::data(format!("the value cannot be encoded: {e}"));
    let mut bytes = postcard::to_extend(value, vec![0; HEAD]).map_err(failed)?;
    let length = (bytes.len() - HEAD) as u64;
    bytes[..8].copy_from_slice(&magic);
    bytes[12..20].copy_from_slice(&length.to_le_bytes());
    let sum = crc32fast::hash(&bytes[12..]);
    bytes[8..12].copy_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// The value at the start of `bytes`, and how many of them are its.
///
/// # Errors
/// Bad data, when it is another kind of file, cut short or damaged.
pub(super) fn decode<T: DeserializeOwned>(magic: [u8; 8], bytes: &[u8]) -> Result<(T, usize)> {
    let damaged = || Error::data("the file is cut short or damaged").hint("bring it back from a backup");
    let head = bytes.get(..HEAD).ok_or_else(damaged)?;
    if head[..8] != magic {
        let shown = String::from_utf8_lossy(&magic).into_owned();
        return Err(Error::data(format!(
            "the file does not begin with `{shown}`: it is of another kind or version"
        ))
        .hint("bring it back from a backup, or use the release that wrote it"));
    }
    let sum = head[8..12].try_into().map_err(|_| damaged())?;
    let length = head[12..20].try_into().map_err(|_| damaged())?;
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| damaged())?;
    let end = HEAD.checked_add(length).ok_or_else(damaged)?;
    let whole = bytes.get(12..end).ok_or_else(damaged)?;
    if crc32fast::hash(whole) != u32::from_le_bytes(sum) {
        return Err(damaged());
    }
    let value = postcard::from_bytes(&bytes[HEAD..end]);
    Ok((
        value.map_err(|e| Error::data(format!("the file cannot be decoded: {e}")))?,
        end,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_and_any_changed_or_missing_byte_is_seen() {
        let value = (7u64, "text".to_string());
        let mut bytes = encode(*b"testing1", &value).unwrap();
        let whole = bytes.len();
        bytes.extend(b"more");
        assert_eq!(
            decode::<(u64, String)>(*b"testing1", &bytes).unwrap(),
            (value, whole)
        );
        assert!(decode::<(u64, String)>(*b"testing2", &bytes).is_err());
        for at in 0..whole {
            let mut damaged = bytes[..whole].to_vec();
            damaged[at] ^= 1;
            assert!(
                decode::<(u64, String)>(*b"testing1", &damaged).is_err(),
                "byte {at}"
            );
            assert!(
                decode::<(u64, String)>(*b"testing1", &bytes[..at]).is_err(),
                "length {at}"
            );
        }
    }
}
