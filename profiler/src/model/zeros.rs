//! Weights that are nothing but zeros: a download that made room for the whole file and filled only its beginning.

use std::fs::File;
use std::os::unix::fs::FileExt;

use common::{Error, Result};

use super::header::Header;

/// Bytes that are looked at together.
const PIECE: u64 = 1 << 16;
/// The end of each tensor that is always looked at; the rest only where this is zeros.
const END: u64 = 64;

/// Refuses a model with a tensor whose second half is zeros, its biases left out: those may be.
pub(super) fn refuse(file: &File, header: &Header) -> Result<()> {
    let are_zeros = |start: u64, end: u64| -> Result<bool> {
        let mut buffer = vec![0; (end - start).min(PIECE) as usize];
        for at in (start..end).step_by(PIECE as usize) {
            let piece = &mut buffer[..(end - at).min(PIECE) as usize];
            file.read_exact_at(piece, at)
                .map_err(|e| Error::retry(format!("cannot read the model file: {e}")))?;
            if piece.iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    for (name, place) in header.weights.iter().filter(|(name, _)| !name.ends_with(".bias")) {
        let middle = place.start + (place.end - place.start) / 2;
        if are_zeros(middle.max(place.end.saturating_sub(END)), place.end)? && are_zeros(middle, place.end)? {
            return Err(
                Error::data(format!("tensor `{name}` is nothing but zeros from its middle on"))
                    .at(format!("bytes {middle} to {}", place.end)),
            );
        }
    }
    Ok(())
}
