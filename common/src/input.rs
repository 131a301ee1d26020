//! Opening what is read: a regular file or an object in a store, and nothing else.
//!
//! A pipe gives its bytes once, and every input is read twice at least (for its fingerprint, and for what it says); a
//! device may have no end. Both would hang where they are opened.
//!
//! A path may be the URL of an object (`s3://`, `gs://`, `az://`), or of a folder of them: ask here, and not the file system, what
//! stands there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use parquet::file::reader::{ChunkReader, Length};

use crate::fingerprint::Fingerprint;
use crate::objects::{self, Location, Object};
use crate::output::{self, wrong_kind};
use crate::{Error, Result, atomic_file};

/// What is open for reading.
#[derive(Debug)]
pub enum Input {
    /// A file on this machine.
    File(File),
    /// An object in a store, fetched in pieces where it is read.
    Object(OpenObject),
}

/// An object that is open for reading; see [`Input`].
#[derive(Clone, Debug)]
pub struct OpenObject(Object);

impl Input {
    /// Its length.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn length(&self) -> io::Result<u64> {
        match self {
            Input::File(file) => Ok(file.metadata()?.len()),
            Input::Object(object) => Ok(object.0.length()),
        }
    }

    /// What holds this version of an object; a file is opened anew by its path.
    pub(crate) fn object(&self) -> Option<OpenObject> {
        match self {
            Input::File(_) => None,
            Input::Object(object) => Some(object.clone()),
        }
    }

    /// The same one, of which these parts are going to be read: an object fetches them in few requests.
    pub(crate) fn wanting(self, parts: impl IntoIterator<Item = Range<u64>>) -> Self {
        match self {
            Input::File(file) => Input::File(file),
            Input::Object(object) => Input::Object(OpenObject(object.0.wanting(parts.into_iter().collect()))),
        }
    }
}

impl OpenObject {
    /// Why a part of it could not be read, where that was so: a decoder may have said no more than that the data are bad.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.0.failure()
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::File(file) => file.read(buffer),
            Input::Object(object) => object.0.read(buffer),
        }
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Input::File(file) => file.seek(to),
            Input::Object(object) => object.0.seek(to),
        }
    }
}

impl Length for Input {
    fn len(&self) -> u64 {
        self.length().unwrap_or(0)
    }
}

impl ChunkReader for Input {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        match self {
            Input::File(file) => Ok(Box::new(file.get_read(start)?)),
            Input::Object(object) => Ok(Box::new(BufReader::new(object.0.from(start)))),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<bytes::Bytes> {
        match self {
            Input::File(file) => file.get_bytes(start, length),
            Input::Object(object) => {
                let mut bytes = vec![0; length];
                object.0.from(start).read_exact(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }
}

/// Opens the file or object at `path`; `doing` tells in an error what for, as in "read the vocabulary".
///
/// # Errors
/// When it is missing, no regular file (wrong usage), or cannot be opened.
pub fn open_to(doing: &str, path: &Path) -> Result<Input> {
    if let Some(location) = Location::of(path)? {
        let missing = location.clone();
        let object = Object::open(location)?;
        return object.map_or_else(
            || Err(missing.missing(doing)),
            |object| Ok(Input::Object(OpenObject(object))),
        );
    }
    let found = std::fs::metadata(path).map_err(|e| Error::io(e, doing, path))?;
    if !found.is_file() {
        let failed = wrong_kind(&found, "a regular file is wanted").file(path);
        return Err(match found.is_dir() {
            true => failed,
            false => failed.hint("write its content to a file first, and give that"),
        });
    }
    let file = File::open(path).map_err(|e| Error::io(e, doing, path))?;
    Ok(Input::File(file))
}

/// Opens the file or object at `path`.
///
/// # Errors
/// As [`open_to`].
pub fn open(path: &Path) -> Result<Input> {
    open_to("read", path)
}

/// The bytes of the file or object at `path`.
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

/// The text of the file or object at `path`; `doing` as in [`open_to`].
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

/// Whether something stands at `path`: before a decision to write there.
///
/// # Errors
/// When a store cannot be asked.
pub fn stands(path: &Path) -> Result<bool> {
    match Location::of(path)? {
        None => Ok(path.exists()),
        Some(location) => Ok(location.head()?.is_some() || location.is_folder()?),
    }
}

/// Whether something stands at `path`, or may: of a store that cannot be asked, whoever reads there tells.
pub fn exists(path: &Path) -> bool {
    stands(path).unwrap_or(true)
}

/// Whether a file or an object stands at `path`, or may; see [`exists`].
pub fn is_file(path: &Path) -> bool {
    match Location::of(path) {
        Ok(None) => path.is_file(),
        Ok(Some(location)) => location.head().map_or(true, |found| found.is_some()),
        Err(_) => true,
    }
}

/// Whether `path` is a folder, or objects are below it.
pub fn is_folder(path: &Path) -> bool {
    match Location::of(path) {
        Ok(None) => path.is_dir(),
        Ok(Some(location)) => location.is_folder().unwrap_or(false),
        Err(_) => false,
    }
}

/// What is in the folder at `path`, in the order of their names; whether each is a folder.
///
/// # Errors
/// When it cannot be listed.
pub fn list(path: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let mut found = BTreeMap::new();
    match Location::of(path)? {
        Some(location) => {
            for (name, _) in location.list()? {
                match name.split_once('/') {
                    Some((folder, _)) => found.insert(path.join(folder), true),
                    None => found.insert(path.join(name), false),
                };
            }
        }
        None => {
            let failed = |e| Error::io(e, "list", path);
            for entry in std::fs::read_dir(path).map_err(failed)? {
                let entry = entry.map_err(failed)?.path();
                let folder = entry.is_dir();
                found.insert(entry, folder);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// The path of what stands at `name` below the folder `base`, links followed; none where nothing does, or a link leads out of it.
pub fn below(base: &Path, name: &Path) -> Option<PathBuf> {
    if objects::is_url(base) {
        let path = base.join(name.components().collect::<PathBuf>());
        return exists(&path).then_some(path);
    }
    let base = base.canonicalize().ok()?;
    base.join(name)
        .canonicalize()
        .ok()
        .filter(|path| path.starts_with(&base))
}

/// What is the same for all names of one file: links are followed.
///
/// # Errors
/// When there is none.
pub fn identity(path: &Path) -> Result<PathBuf> {
    match objects::is_url(path) {
        true => Ok(path.to_path_buf()),
        false => path.canonicalize().map_err(|e| Error::io(e, "read", path)),
    }
}

/// A file on this machine with the content of `path`, for a library that reads no other: an object is fetched, once for each
/// version of it, into the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`), where it stays.
///
/// # Errors
/// As [`open_to`]; when the cache cannot be written.
pub fn local(doing: &str, path: &Path) -> Result<PathBuf> {
    if !objects::is_url(path) {
        return Ok(path.to_path_buf());
    }
    let Input::Object(mut object) = open_to(doing, path)? else {
        return Ok(path.to_path_buf());
    };
    let version = [path.as_os_str().as_encoded_bytes(), object.0.version().as_bytes()].map(<[u8]>::to_vec);
    let key = Fingerprint::of_parts(version.iter().map(Vec::as_slice));
    let kept = output::cache("objects")
        .join(key.as_str())
        .join(path.file_name().unwrap_or_default());
    if std::fs::metadata(&kept).is_ok_and(|found| found.len() == object.0.length()) {
        return Ok(kept);
    }
    atomic_file::write(&kept, |file| {
        let copied = io::copy(&mut object.0, file);
        copied.map(drop).map_err(|e| Error::io(e, doing, path))
    })?;
    Ok(kept)
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
