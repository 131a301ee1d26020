//! Opening what is read: a regular file and nothing else.
//!
//! A pipe gives its bytes once, and every input is read twice at least (for its fingerprint, and for what it says); a
//! device may have no end. Both would hang where they are opened.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::output::wrong_kind;
use crate::{Error, Result};

/// Opens the file at `path`; `doing` tells in an error what for, as in "read the vocabulary".
///
/// # Errors
/// When it is missing, no regular file (wrong usage), or cannot be opened.
pub fn open_to(doing: &str, path: &Path) -> Result<File> {
    let found = std::fs::metadata(path).map_err(|e| Error::io(e, doing, path))?;
    if !found.is_file() {
        let failed = wrong_kind(&found, "a regular file is wanted").file(path);
        return Err(match found.is_dir() {
            true => failed,
            false => failed.hint("write its content to a file first, and give that"),
        });
    }
    File::open(path).map_err(|e| Error::io(e, doing, path))
}

/// Opens the file at `path`.
///
/// # Errors
/// As [`open_to`].
pub fn open(path: &Path) -> Result<File> {
    open_to("read", path)
}

/// The bytes of the file at `path`.
///
/// # Errors
/// As [`open_to`], and when it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open(path)?;
    file.read_to_end(&mut bytes)
        .map_err(|e| Error::io(e, "read", path))?;
    Ok(bytes)
}

/// The text of the file at `path`; `doing` as in [`open_to`].
///
/// # Errors
/// As [`open_to`]; bad data, when it is not UTF-8.
pub fn read_text(doing: &str, path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let mut file = open_to(doing, path)?;
    file.read_to_end(&mut bytes)
        .map_err(|e| Error::io(e, doing, path))?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::data(format!("cannot {doing}: it is not UTF-8 text, from byte {at} on"))
            .file(path)
            .hint("save it as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        for (path, says) in [("/dev/zero", "a device"), ("/", "a folder")] {
            let error = open(Path::new(path)).unwrap_err();
            assert_eq!(error.class().code(), 2);
            assert!(error.to_string().contains(says), "{error}");
        }
        let (end, _other) = std::io::pipe().unwrap();
        let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&end));
        let error = read(Path::new(&path)).unwrap_err().to_string();
        assert!(
            error.contains("a pipe") && error.contains("to a file first"),
            "{error}"
        );
    }

    #[test]
    fn text_that_is_none_is_bad_data() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, b"ab\xff").unwrap();
        let error = read_text("read the words", &path).unwrap_err();
        assert_eq!(error.class().code(), 42);
        assert!(error.to_string().contains("from byte 2 on"), "{error}");
    }
}
