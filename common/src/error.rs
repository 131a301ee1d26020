//! One error type, one voice: what was wrong, where, and what to do.
//!
//! The class decides the exit code (design section 6): a failure that a retry may help, a wrong use of the tool, a check
//! whose answer is no, or data that no retry will mend.

use std::borrow::Cow;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

/// Result with Headstart's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it was, and with it the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The run failed and a retry may help (disk full, a child process died): exit code 1.
    Retry,
    /// The command line, the configuration or the combination of inputs is wrong: exit code 2.
    Usage,
    /// A check ran as it should and its answer is no, such as a gate that a policy did not pass: exit code 3.
    Refused,
    /// The data is bad and a retry will not help: exit code 42.
    Data,
}

impl Class {
    /// The process exit code of this class.
    pub fn code(self) -> u8 {
        match self {
            Class::Retry => 1,
            Class::Usage => 2,
            Class::Refused => 3,
            Class::Data => 42,
        }
    }
}

/// A failure with its place and a hint; displayed as
///
/// ```text
/// column `feedback` is missing
///   at: log.parquet, column feedback
/// hint: rename your column to `feedback`
/// ```
#[derive(Clone, Debug)]
pub struct Error(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    class: Class,
    what: String,
    place: Vec<Place>,
    hint: Option<String>,
}

/// A part of the place of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, as it was given.
    File(String),
    /// A column.
    Column(String),
    /// A row group.
    RowGroup(usize),
    /// A row, counted from 0.
    Row(usize),
    /// A line of text, counted from 1.
    Line(usize),
    /// Anything else, such as `user 7`.
    Other(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(text) | Place::Other(text) => f.write_str(text),
            Place::Column(name) => write!(f, "column {}", shown(name)),
            Place::RowGroup(group) => write!(f, "row group {group}"),
            Place::Row(row) => write!(f, "row {row}"),
            Place::Line(line) => write!(f, "line {line}"),
        }
    }
}

fn joined(place: &[Place]) -> String {
    place.iter().map(Place::to_string).collect::<Vec<_>>().join(", ")
}

impl Error {
    fn new(class: Class, what: impl Into<String>) -> Self {
        Error(Box::new(Parts {
            class,
            what: with_short_quotes(what.into()),
            place: Vec::new(),
            hint: None,
        }))
    }

    /// A failure that a retry may help (exit code 1).
    pub fn retry(what: impl Into<String>) -> Self {
        Self::new(Class::Retry, what)
    }

    /// A wrong use of the tool (exit code 2).
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Class::Usage, what)
    }

    /// A check whose answer is no: neither a failure nor bad data (exit code 3).
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Class::Refused, what)
    }

    /// Bad data (exit code 42).
    pub fn data(what: impl Into<String>) -> Self {
        Self::new(Class::Data, what)
    }

    /// An I/O failure on `path`. A path that names nothing, or not what is wanted, is wrong usage; content that is not what
    /// it should be is bad data; anything else may be helped by a retry.
    pub fn io(error: std::io::Error, doing: &str, path: &Path) -> Self {
        Self::of_io(&error, doing, path)
    }

    fn of_io(error: &std::io::Error, doing: &str, path: &Path) -> Self {
        /// Codes of the system that have no kind of their own: no such device or address (a socket's file), no such device,
        /// too many links one after another. They are the same on all Unix systems that matter, but for the last.
        const WRONG_KIND: [i32; 3] = [6, 19, if cfg!(target_os = "linux") { 40 } else { 62 }];
        // What an object's reader says of itself.
        if let Some(said) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return said.clone();
        }
        let usage = |what: &str| Self::usage(format!("cannot {doing}: {what}"));
        let made = match error.kind() {
            ErrorKind::NotFound => usage("no such file or folder")
                .hint("check the path; it is taken relative to the folder the tool runs in"),
            ErrorKind::PermissionDenied => usage("permission denied"),
            ErrorKind::ReadOnlyFilesystem => usage("the file system is read-only"),
            ErrorKind::IsADirectory => usage("it is a folder").hint("give the path of a file"),
            ErrorKind::NotADirectory => usage("a part of the path is not a folder")
                .hint("check the path: a file stands where a folder should"),
            ErrorKind::AlreadyExists => usage("something stands there already"),
            ErrorKind::DirectoryNotEmpty => usage("the folder is not empty"),
            ErrorKind::InvalidFilename => {
                usage("the name is too long").hint("a part of a path has at most 255 bytes")
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::retry(format!("cannot {doing}: no space is left for it ({error})"))
                    .hint("free space on that disk (or raise the quota or limit), or write to another, and run it again")
            }
            ErrorKind::InvalidInput => usage(&error.to_string()).hint("check the path"),
            ErrorKind::InvalidData => Self::data(format!("cannot {doing}: it is not text in UTF-8"))
                .hint("save the file as UTF-8, or check that the path is right"),
            ErrorKind::UnexpectedEof => Self::data(format!("cannot {doing}: it ends too early")),
            _ if error
                .raw_os_error()
                .is_some_and(|code| WRONG_KIND.contains(&code)) =>
            {
                usage(&error.to_string()).hint("give the path of a regular file")
            }
            _ => Self::retry(format!("cannot {doing}: {error}")),
        };
        made.file(path)
    }

    /// A failure to write `path`, as a library tells it: what the system said is looked for in what it was caused by.
    pub fn write(error: &(dyn std::error::Error + 'static), path: &Path) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let said = causes
            .filter_map(|error| error.downcast_ref::<std::io::Error>())
            .last();
        match said {
            Some(error) => Self::of_io(error, "write", path),
            None => Self::retry(format!("cannot write: {error}")).file(path),
        }
    }

    /// Adds the file to the place.
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        let file = Place::File(path.as_ref().display().to_string());
        self.0.place.insert(0, file);
        self
    }

    /// Says `to` wherever `from` is named: for what is made in one place and then put in another.
    pub(crate) fn moved(mut self, from: &Path, to: &Path) -> Self {
        let (from, to) = (from.display().to_string(), to.display().to_string());
        let place = self.0.place.iter_mut().filter_map(|part| match part {
            Place::File(text) | Place::Other(text) => Some(text),
            _ => None,
        });
        for text in place.chain([&mut self.0.what]).chain(&mut self.0.hint) {
            *text = text.replace(&from, &to);
        }
        self
    }

    /// Adds a column to the place.
    pub fn column(mut self, name: &str) -> Self {
        self.0.place.push(Place::Column(name.to_string()));
        self
    }

    /// Adds a row to the place, counted from 0.
    pub fn row(mut self, row: usize) -> Self {
        self.0.place.push(Place::Row(row));
        self
    }

    /// Adds a text line to the place, counted from 1.
    pub fn line(mut self, line: usize) -> Self {
        self.0.place.push(Place::Line(line));
        self
    }

    /// Adds a row group to the place.
    pub fn row_group(mut self, group: usize) -> Self {
        self.0.place.push(Place::RowGroup(group));
        self
    }

    /// Adds any other part of the place ("user 3", "environment 7").
    pub fn at(mut self, part: impl Into<String>) -> Self {
        self.0.place.push(Place::Other(part.into()));
        self
    }

    /// Says what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The class, and with it the exit code.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// What was wrong, without place and hint.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The parts of the place, the widest first.
    pub fn place(&self) -> &[Place] {
        &self.0.place
    }

    /// The same place as that of `other`.
    pub(crate) fn placed_as(mut self, other: &Error) -> Self {
        self.0.place.clone_from(&other.0.place);
        self
    }

    /// The process exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.0.class.code())
    }

    /// The parts for a structured log or reply: (what, place, hint); the place is empty where none is known.
    pub fn parts(&self) -> (&str, String, Option<&str>) {
        (&self.0.what, joined(&self.0.place), self.0.hint.as_deref())
    }
}

/// Characters of a text of the user's own that messages and tables show.
const SHOWN: usize = 80;
/// The same of what is not a quote: the end of an agent's stderr stands there.
const LONGEST: usize = 8192;

/// A text of the user's own (an id, a name, a title) as messages and tables show it: cut where it is longer than 80
/// characters.
pub fn shown(text: &str) -> Cow<'_, str> {
    cut(text, SHOWN)
}

fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// `message` with everything that it quotes between backticks as [`shown`].
pub(crate) fn with_short_quotes(message: String) -> String {
    if message.len() <= SHOWN {
        return message;
    }
    let parts = message.split('`').enumerate();
    let parts = parts.map(|(at, part)| cut(part, if at % 2 == 1 { SHOWN } else { LONGEST }));
    parts.collect::<Vec<_>>().join("`")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        if !self.0.place.is_empty() {
            write!(f, "\n  at: {}", joined(&self.0.place))?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Error::data(error.to_string())
    }
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Error::data(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_and_what_to_do() {
        let error = Error::data("feedback is NaN")
            .column("feedback")
            .row(7)
            .file("log.parquet")
            .hint("drop it");
        assert_eq!(
            error.to_string(),
            "feedback is NaN\n  at: log.parquet, column feedback, row 7\nhint: drop it"
        );
        assert_eq!(error.class().code(), 42);
    }

    #[test]
    fn what_a_message_quotes_is_cut_and_nothing_else() {
        let path = "folder/".repeat(40);
        let message = |id: &str| format!("the id `{id}` is not in `b` of {path}");
        let long = "ü".repeat(70_000);
        let error = Error::data(message(&long)).column(&long);
        assert_eq!(error.what(), message(&format!("{}…", &long[..160])));
        assert!(error.to_string().len() < 800, "{error}");
        assert_eq!(Error::data(message("a")).what(), message("a"));
    }

    #[test]
    fn a_missing_file_is_wrong_usage_and_a_full_disk_is_not() {
        let missing = Error::io(std::io::ErrorKind::NotFound.into(), "open", Path::new("x"));
        assert_eq!(missing.class(), Class::Usage);
        let full = Error::io(std::io::ErrorKind::StorageFull.into(), "write", Path::new("x"));
        assert_eq!(full.class(), Class::Retry);
        let said = full.to_string();
        assert!(said.contains("no space") && said.contains("hint:"), "{said}");
        let wrapped = parquet::errors::ParquetError::from(std::io::Error::from(ErrorKind::QuotaExceeded));
        let said = Error::write(&wrapped, Path::new("x")).to_string();
        assert!(said.contains("no space") && said.contains("at: x"), "{said}");
    }

    #[test]
    fn what_no_retry_mends_is_no_retry() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), [0xff, 0xfe]).unwrap();
        std::os::unix::fs::symlink(path("loop"), path("loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        for (name, class, words) in [
            ("none", Class::Usage, "no such file"),
            ("", Class::Usage, "folder"),
            ("file/below", Class::Usage, "not a folder"),
            (&"n".repeat(300), Class::Usage, "too long"),
            ("nul\0", Class::Usage, "cannot read"),
            ("loop", Class::Usage, "regular file"),
            ("socket", Class::Usage, "regular file"),
            ("file", Class::Data, "UTF-8"),
        ] {
            let failed = std::fs::read_to_string(path(name)).unwrap_err();
            let error = Error::io(failed, "read", &path(name));
            assert_eq!(error.class(), class, "{name}: {error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
