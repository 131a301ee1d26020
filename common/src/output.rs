//! Whether an output can be written where it is to go: asked before any work begins, and again when it is written.
//!
//! What is replaced must be a file or a folder as the tools write them. A device, a pipe or a socket would be gone after a
//! rename; an input would be gone as well, under whatever name it was given. A link is followed: its target is written.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::fingerprint::Fingerprint;
use crate::objects::{self, Location};
use crate::schema::parts;
use crate::{Error, Result, input, manifest};

/// Where a file is written that is to go to `path`: the path itself, or what it links to.
///
/// # Errors
/// Wrong usage, where something else than a file stands there, or no file can be made there.
pub fn file(path: &Path) -> Result<PathBuf> {
    if let Some(location) = Location::of(path)? {
        return location.may_be_written(true).map(|()| path.to_path_buf());
    }
    let (target, found) = resolve(path)?;
    match found {
        Some(found) if !found.is_file() => Err(wrong_kind(&found, "a file is to be written").file(path)),
        _ => Ok(target),
    }
}

/// As [`file`], for a folder.
///
/// # Errors
/// Wrong usage, where something else than a folder stands there, or no folder can be made there.
pub fn folder(path: &Path) -> Result<PathBuf> {
    if let Some(location) = Location::of(path)? {
        return location.may_be_written(false).map(|()| path.to_path_buf());
    }
    let (target, found) = resolve(path)?;
    match found {
        Some(found) if !found.is_dir() => Err(wrong_kind(&found, "a folder is to be written").file(path)),
        _ => Ok(target),
    }
}

/// Requires that a folder can be written at `out` and that none of the files that may be its `own` is one of `inputs`.
///
/// # Errors
/// As [`folder`] and [`files`].
pub fn folder_of<'a>(out: &Path, own: &[&str], inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    folder(out)?;
    let own: Vec<PathBuf> = own.iter().map(|name| out.join(name)).collect();
    files(own.iter().map(PathBuf::as_path), inputs)
}

/// Requires that each of `outputs` (files) can be written and is none of `inputs`, by whatever name or link. An input that
/// is a folder stands for the files that its manifest lists or, where it has none, those that [`parts::files`] finds in it.
///
/// # Errors
/// As [`file`]; wrong usage, naming both, where an output is an input. An input that is missing is not told here.
pub fn files<'o, 'i>(
    outputs: impl IntoIterator<Item = &'o Path>,
    inputs: impl IntoIterator<Item = &'i Path>,
) -> Result<()> {
    let mut standing = Vec::new();
    for output in outputs {
        let target = file(output)?;
        standing.extend(node(&target).map(|node| (node, output)));
    }
    if standing.is_empty() {
        return Ok(());
    }
    for input in inputs {
        for part in files_of(input) {
            let Some(found) = node(&part) else { continue };
            let same = standing.iter().find(|(node, _)| *node == found);
            if let Some((_, output)) = same {
                return Err(
                    Error::usage(format!("the output is the input {}", part.display()))
                        .file(output)
                        .hint("choose another path for the output: an input is never replaced"),
                );
            }
        }
    }
    Ok(())
}

/// What a file is under all its names; none where there is none.
#[derive(PartialEq, Eq)]
enum Node {
    File(u64, u64),
    Object(PathBuf),
}

fn node(path: &Path) -> Option<Node> {
    match objects::is_url(path) {
        true => Some(Node::Object(path.to_path_buf())),
        false => fs::metadata(path)
            .ok()
            .map(|found| Node::File(found.dev(), found.ino())),
    }
}

/// The files of an input.
fn files_of(input: &Path) -> Vec<PathBuf> {
    let listed = manifest::listed(input);
    if !listed.is_empty() || input::is_file(&input.join(manifest::FILE_NAME)) {
        return listed.iter().map(|name| input.join(name)).collect();
    }
    // What is wrong with the folder is told by whoever reads it.
    parts::files(input).unwrap_or_default()
}

/// The user's cache folder for `what`: below `XDG_CACHE_HOME`, else `~/.cache`.
pub(crate) fn cache(what: &str) -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache
        .unwrap_or_else(std::env::temp_dir)
        .join("headstart")
        .join(what)
}

/// Where something goes that stands beside `path`, a path or a URL, and is named after it: `PATH.NAME`.
pub fn named_after(path: &Path, name: &str) -> PathBuf {
    // Without a `/` at its end, which would put the name into a folder.
    let text = path.as_os_str().as_bytes();
    let end = text
        .iter()
        .rposition(|&byte| byte != b'/')
        .map_or(0, |last| last + 1);
    let mut named = OsStr::from_bytes(&text[..end]).to_os_string();
    named.push(".");
    named.push(name);
    named.into()
}

/// A folder on this machine for what may be kept beside the output at `path` and is no output itself: `PATH.NAME`; of an object, in
/// the user's cache folder.
pub fn beside(path: &Path, name: &str) -> PathBuf {
    match objects::is_url(path) {
        true => {
            let print = Fingerprint::of_bytes(path.as_os_str().as_bytes());
            named_after(&cache("beside").join(print.as_str()), name)
        }
        false => named_after(path, name),
    }
}

/// Requires a path on this machine, for what no object can be: a socket, a file that grows. `what` says in an error what that is.
///
/// # Errors
/// Wrong usage for a URL.
pub fn on_this_machine(path: &Path, what: &str) -> Result<()> {
    match objects::is_url(path) {
        false => Ok(()),
        true => Err(Error::usage(format!("{what} cannot be in an object store"))
            .file(path)
            .hint("give a path on this machine")),
    }
}

/// Where `path` leads, and what stands there.
fn resolve(path: &Path) -> Result<(PathBuf, Option<Metadata>)> {
    let unusable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotADirectory => {
            Error::usage("nothing can be written below something that is not a folder")
        }
        ErrorKind::PermissionDenied => Error::usage("permission denied"),
        _ => Error::usage(format!("the path cannot be used: {error}")),
    };
    // Without a `/` at its end, which would hide a link.
    let path = path.components().collect::<PathBuf>();
    let path = path.as_path();
    let target = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() || path.file_name().is_none() => {
            fs::canonicalize(path).map_err(|e| {
                Error::usage(format!("the output is a link that leads nowhere: {e}"))
                    .file(path)
                    .hint("make what it leads to, or remove the link")
            })?
        }
        Ok(_) => path.to_path_buf(),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            may_be_made(path)?;
            return Ok((path.to_path_buf(), None));
        }
        Err(e) => return Err(unusable(e).file(path)),
    };
    let found = fs::metadata(&target).map_err(|e| unusable(e).file(path))?;
    if found.is_file() {
        writable(parent(&target))?;
    }
    Ok((target, Some(found)))
}

/// Requires that what is not there yet can be made: the nearest folder above it that there is can be written.
fn may_be_made(path: &Path) -> Result<()> {
    if path.file_name().is_none() {
        return Err(Error::usage(format!("`{}` names no output", path.display())));
    }
    let mut above = parent(path);
    loop {
        match fs::metadata(above) {
            Ok(found) if found.is_dir() => return writable(above),
            Ok(_) => {
                return Err(Error::usage(format!(
                    "nothing can be written below {}, which is not a folder",
                    above.display()
                ))
                .file(path));
            }
            Err(e) if e.kind() == ErrorKind::NotFound && above.parent().is_some() => above = parent(above),
            Err(e) => {
                return Err(Error::usage(format!("the folder cannot be used: {e}")).file(above));
            }
        }
    }
}

/// Requires that files can be made and replaced in `folder`.
pub(crate) fn writable(folder: &Path) -> Result<()> {
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|e| {
        Error::usage(format!("nothing can be written in this folder: {e}"))
            .file(folder)
            .hint("choose another place for the output, or get the right to write there")
    })
}

/// The folder that holds `path`.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// What stands where something else is wanted.
pub(crate) fn wrong_kind(found: &Metadata, wanted: &str) -> Error {
    let kind = found.file_type();
    let what = match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_file() => "a file",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Error::usage(format!("this is {what}, and {wanted}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_cannot_be_written_is_said_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "x").unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        let long = "x".repeat(300);
        for (path, says) in [
            (Path::new("/dev/null"), "a device"),
            (&at("file/below"), "not a folder"),
            (&at("dangling"), "leads nowhere"),
            (&at(&long), "cannot be used"),
            (folder.path(), "a folder, and a file"),
        ] {
            let error = file(path).unwrap_err();
            assert_eq!(error.class().code(), 2, "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(super::folder(&at("file")).is_err());
        assert_eq!(file(&at("a/new/file")).unwrap(), at("a/new/file"));
        assert!(!at("a").exists(), "asking makes nothing");
    }

    #[test]
    fn what_is_named_after_a_path_stands_beside_it() {
        for (path, named) in [
            ("out.parquet", "out.parquet.parts"),
            ("a/policies/", "a/policies.parts"),
            ("s3://bucket/out/", "s3://bucket/out.parts"),
        ] {
            assert_eq!(named_after(Path::new(path), "parts"), Path::new(named));
        }
    }

    #[test]
    fn an_input_is_known_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("log.parquet"), "x").unwrap();
        symlink("log.parquet", at("link")).unwrap();
        fs::hard_link(at("log.parquet"), at("hard")).unwrap();
        let check = |output: &str, input: &Path| files([at(output).as_path()], [input]);
        for output in ["log.parquet", "link", "hard"] {
            for input in [at("log.parquet"), at("link"), folder.path().to_path_buf()] {
                let error = check(output, &input).unwrap_err().to_string();
                assert!(
                    error.contains("is the input") && error.contains(output),
                    "{error}"
                );
            }
        }
        fs::write(at("other"), "x").unwrap();
        check("other", folder.path()).unwrap();
        check("none", &at("log.parquet")).unwrap();
        check("other", &at("missing")).unwrap();
        assert_eq!(
            file(&at("link")).unwrap(),
            fs::canonicalize(at("log.parquet")).unwrap()
        );
    }
}
