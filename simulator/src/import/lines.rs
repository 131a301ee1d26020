//! Text files without a header: lines of fields with blanks between them.

use std::path::Path;

use common::{Error, Result, input};

/// The lines of a file, without their ends (LF or CRLF) and without empty ones at the end of the file.
///
/// # Errors
/// A missing or empty file.
pub(crate) fn read(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = input::read(path)?;
    let mut lines: Vec<Vec<u8>> = bytes
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
        .collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    if lines.is_empty() {
        return Err(Error::data("the file is empty").file(path));
    }
    Ok(lines)
}

/// The fields of a line; bytes that are not UTF-8 show as U+FFFD, which no number holds.
pub(crate) fn fields(line: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(line)
        .split_whitespace()
        .map(String::from)
        .collect()
}
