//! The command line that all four tools share: flags, numbers, configuration files, commands, exit codes.

mod numbers;

pub use numbers::{count, finite, fraction, inside, not_negative, number, positive, seconds};

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};

use crate::terminal::{self, LogFormat, ProgressMode};
use crate::{Error, Result, input};

/// Flags of every verb. Flatten it into the verb's arguments.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Shared options")]
pub struct Shared {
    /// Seed of every random choice; the same inputs, seed and version give the same bytes
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Worker threads; the result does not depend on it [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: Option<u16>,
    /// Read flags from a TOML file: `flag-name = value`, at the top or in a table named after the verb.
    /// Flags on the command line win
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// Replace outputs of another run. Without it, what is already done is kept and resumed
    #[arg(long)]
    pub overwrite: bool,
    /// When to draw progress bars on stderr
    #[arg(long, value_enum, default_value_t)]
    pub progress: ProgressMode,
    /// The form of log lines on stderr
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

impl Shared {
    /// Worker threads: the flag, else the number of cores.
    pub fn workers(&self) -> usize {
        match self.workers {
            Some(n) => usize::from(n),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Sets up logs and progress bars.
    pub fn init_terminal(&self) {
        terminal::init(self.log_format, self.progress);
    }
}

/// The words of the command that `flag` gives in `line`, cut as a POSIX shell would (quotes and backslashes, no variables, no
/// pipes); at least one.
///
/// # Errors
/// An open quote, or no word at all.
pub fn command_words(flag: &str, line: &str) -> Result<Vec<String>> {
    let words = shell_words::split(line).map_err(|e| Error::usage(format!("{flag} cannot be read: {e}")))?;
    match words.is_empty() {
        true => Err(Error::usage(format!("{flag} is empty"))),
        false => Ok(words),
    }
}

/// A word of a command line as a manifest records it: paths without their folders, since an artifact must not depend on where
/// things lie. A word that is a command line of its own is taken word by word.
pub fn without_folders(word: &str) -> String {
    if word.contains(" --") {
        return word.split(' ').map(without_folders).collect::<Vec<_>>().join(" ");
    }
    let (flag, path) = match word.split_once('=') {
        Some((flag, value)) if flag.starts_with('-') => (format!("{flag}="), value),
        _ => (String::new(), word),
    };
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    format!("{flag}{name}")
}

/// The whole of a `main`: expands `--config`, parses, runs, reports a failure and gives the exit code.
pub fn main<A: Parser>(run: impl FnOnce(A) -> Result<()>) -> ExitCode {
    let given = std::env::args_os().map(without_file_scheme).collect();
    let outcome = expand_config(given).and_then(|argv| {
        match A::try_parse_from(argv.into_iter().map(without_file_scheme)) {
            Ok(arguments) => run(arguments).map(|()| ExitCode::SUCCESS),
            Err(refused) => {
                // Clap's own text; help and version go to stdout with exit code 0, errors to stderr with 2.
                let outcome = refused.print();
                if !refused.use_stderr() {
                    terminal::printed(outcome)?;
                }
                Ok(ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(2)))
            }
        }
    });
    outcome.unwrap_or_else(|error| {
        terminal::error(&error);
        error.exit_code()
    })
}

/// An argument in which a path on this machine that is given as a URL, `file:///PATH`, is the path.
fn without_file_scheme(argument: OsString) -> OsString {
    let path = |text: &str| match text.split_once('=') {
        Some((flag, url)) if flag.starts_with("--") => Some(format!(
            "{flag}={}",
            url.strip_prefix("file://").filter(|path| path.starts_with('/'))?
        )),
        _ => text
            .strip_prefix("file://")
            .filter(|path| path.starts_with('/'))
            .map(String::from),
    };
    argument
        .to_str()
        .and_then(path)
        .map_or(argument.clone(), OsString::from)
}

const OF_CONFIG: &str =
    "a configuration file holds `flag-name = value` lines, in a table named after the verb or at the top";

/// Inserts the flags of a `--config FILE.toml` after the verb, those left out that the user gave too.
fn expand_config(argv: Vec<OsString>) -> Result<Vec<OsString>> {
    let Some(path) = config_path(&argv) else {
        return Ok(argv);
    };
    let text = input::read_text("read the configuration", &path)?;
    let table: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| Error::usage(format!("no valid TOML: {}", e.message())).file(&path))?;
    let (verbs, at) = verbs(&argv);
    let mut flags = Vec::new();
    let mut push = |key: &str, value: &toml::Value| match is_given(&argv, key) {
        true => Ok(()),
        false => push_flag(&mut flags, key, value).map_err(|e| e.file(&path).hint(OF_CONFIG)),
    };
    for (key, value) in &table {
        match value {
            toml::Value::Table(inner) => {
                if verbs.contains(key) {
                    inner.iter().try_for_each(|(key, value)| push(key, value))?;
                }
            }
            _ => push(key, value)?,
        }
    }
    let mut expanded = argv;
    expanded.splice(at..at, flags);
    Ok(expanded)
}

/// The verbs of a command line, and where their flags begin. The words `plan` and `merge` have flags of their own before the verb
/// that they are about.
fn verbs(argv: &[OsString]) -> (Vec<String>, usize) {
    let (mut verbs, mut at) = (Vec::<String>::new(), 1);
    while let Some(word) = argv.get(at).map(|word| word.to_string_lossy()) {
        let together = matches!(verbs.last().map(String::as_str), Some("plan" | "merge"));
        match word.strip_prefix('-') {
            None => verbs.push(word.into_owned()),
            Some("-shards") if together => at += 1,
            Some(flag) if together && (flag == "-clean" || flag.starts_with("-shards=")) => {}
            Some(_) => break,
        }
        at += 1;
    }
    (verbs, at)
}

fn config_path(argv: &[OsString]) -> Option<PathBuf> {
    let mut arguments = argv.iter().skip(1);
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if text == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = text.strip_prefix("--config=") {
            return Some(PathBuf::from(path));
        }
    }
    None
}

/// Whether the user gave the flag of `key`.
fn is_given(argv: &[OsString], key: &str) -> bool {
    let flag = format!("--{}", key.replace('_', "-"));
    argv.iter().any(|argument| {
        let text = argument.to_string_lossy();
        text.strip_prefix(flag.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// Appends what `key = value` of a TOML file says to `argv`: `--key=value`, for true the flag alone, for false nothing, and for a
/// list one flag a value.
///
/// # Errors
/// A table or a date.
pub fn push_flag(argv: &mut Vec<OsString>, key: &str, value: &toml::Value) -> Result<()> {
    let flag = format!("--{}", key.replace('_', "-"));
    match value {
        toml::Value::Boolean(true) => argv.push(flag.into()),
        toml::Value::Boolean(false) => {}
        toml::Value::String(text) => argv.push(format!("{flag}={text}").into()),
        toml::Value::Integer(_) | toml::Value::Float(_) => argv.push(format!("{flag}={value}").into()),
        toml::Value::Array(values) => {
            return values.iter().try_for_each(|value| push_flag(argv, key, value));
        }
        toml::Value::Table(_) | toml::Value::Datetime(_) => {
            return Err(Error::usage(format!(
                "`{key}` is neither text, number, boolean nor a list of those"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(config: &str, arguments: &[&str]) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config).unwrap();
        let config = format!("--config={}", file.path().display());
        let argv = ["tool"]
            .iter()
            .chain(arguments)
            .copied()
            .chain([config.as_str()])
            .map(OsString::from);
        let expanded = expand_config(argv.collect()).unwrap();
        expanded
            .iter()
            .map(|a| a.to_string_lossy().into_owned())
            .filter(|a| !a.starts_with("--config"))
            .collect()
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = "seed = 3\nbatch = 8\n[train]\nsteps = 10\nverbose = true\n[other]\nx = 1\n";
        assert_eq!(
            expand(file, &["train", "--seed", "5"]),
            [
                "tool",
                "train",
                "--batch=8",
                "--steps=10",
                "--verbose",
                "--seed",
                "5"
            ]
        );
        assert_eq!(
            expand(file, &["run", "--batch=9"]),
            ["tool", "run", "--seed=3", "--batch=9"]
        );
    }

    #[test]
    fn flags_of_a_verb_stand_after_it() {
        let file = "[traits]\nwindow = 2\n";
        for before in [
            &["plan", "--shards", "4"][..],
            &["plan", "--shards=4"],
            &["merge", "--clean"],
        ] {
            let expanded = expand(file, &[before, &["traits", "--out=x"]].concat());
            let expected = [&["tool"][..], before, &["traits", "--window=2", "--out=x"]].concat();
            assert_eq!(expanded, expected);
        }
    }

    #[test]
    fn a_list_repeats_the_flag() {
        assert_eq!(expand("a = [1, 2]", &["run"]), ["tool", "run", "--a=1", "--a=2"]);
    }

    #[test]
    fn a_missing_file_is_an_error_with_its_path() {
        let argv = ["tool", "--config", "/none.toml"].map(OsString::from).to_vec();
        assert!(
            expand_config(argv)
                .unwrap_err()
                .to_string()
                .contains("/none.toml")
        );
    }
}
