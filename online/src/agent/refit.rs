//! Retraining while it serves: every so many episodes a command makes a new policy of what was answered so far, and that
//! policy takes over, as it would in `online serve`.
//!
//! The agent waits for the command, so that results are the same at any speed.

use std::path::Path;
use std::process::{Command, Stdio};

use common::cli::{command_words, without_folders};
use common::manifest::{self, Manifest};
use common::policy_artifact::Policy;
use common::schema::events::EVENTS;
use common::{Error, Result, folder};

use super::EventLog;

const PLACES: [&str; 3] = ["{events}", "{out}", "{seed}"];
/// Bytes of what a command that failed has said, at most.
const SAID: usize = 2_000;

/// When to make a policy anew, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refit {
    /// Ended episodes between two policies.
    pub every: u32,
    words: Vec<String>,
}

impl Refit {
    /// Cuts `line` into words as a POSIX shell would (quotes and backslashes, no variables, no pipes).
    ///
    /// # Errors
    /// An open quote, no word at all, or no place for the events or the policy.
    pub fn parse(every: u32, line: &str) -> Result<Self> {
        let words = command_words("--refit", line).and_then(|words| {
            let missing = |place: &&&str| !words.iter().any(|word| word.contains(**place));
            match PLACES[..2].iter().find(missing) {
                Some(place) => Err(Error::usage(format!("--refit does not say {place}"))),
                None => Ok(words),
            }
        });
        let words = words.map_err(|e| {
            e.hint(
                "give one command in quotes, such as --refit \"pretrain train --method ease --log LOG --events {events} --seeds 1 \
                 --seed {seed} --out {out}\"",
            )
        })?;
        Ok(Refit { every, words })
    }

    /// The words as a manifest records them.
    pub(crate) fn recorded(&self) -> Vec<String> {
        self.words.iter().map(|word| without_folders(word)).collect()
    }

    /// The policy that the command makes of the log and `events`.
    ///
    /// # Errors
    /// A command that cannot be run, or fails, or leaves no policy.
    pub(super) fn policy(&self, events: &EventLog, seed: u64) -> Result<Policy> {
        let folder = folder::scratch()?;
        let [log, out] = ["events.parquet", "policy"].map(|name| folder.path().join(name));
        events.write(&log, &Manifest::new(EVENTS, "online agent").seed(seed))?;
        self.run([path(&log)?, path(&out)?, &seed.to_string()])?;
        let inside = out.join(format!("seed-{seed}"));
        let made = [out, inside]
            .into_iter()
            .find(|made| made.join(manifest::FILE_NAME).exists());
        let made = made.ok_or_else(|| {
            Error::data(format!(
                "the command of --refit has left no policy in {{out}}, and none in its folder seed-{seed}"
            ))
            .hint("`pretrain train --seeds 1 --seed {seed} --out {out}` leaves one")
        })?;
        Policy::load(&made)
    }

    fn run(&self, values: [&str; 3]) -> Result<()> {
        let fill = |word: &String| {
            let places = PLACES.iter().zip(values);
            places.fold(word.clone(), |word, (place, value)| word.replace(place, value))
        };
        let words: Vec<String> = self.words.iter().map(fill).collect();
        let shown = words.join(" ");
        // The frames have stdin and stdout.
        let ended = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
            .map_err(|e| {
                Error::usage(format!("`{}` of --refit cannot be run: {e}", words[0]))
                    .hint("name a program by its path, or one that is in PATH")
            })?;
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        let said = said.trim();
        let from = said.len().saturating_sub(SAID);
        let from = (from..=said.len()).find(|&at| said.is_char_boundary(at));
        Err(Error::data(format!(
            "the command of --refit has failed ({}): {shown}\n{}",
            ended.status,
            &said[from.unwrap_or(0)..]
        ))
        .hint("run it by hand on a file of --events"))
    }
}

fn path(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| Error::usage("the folder for temporary files has no UTF-8 name").file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_says_where_events_and_policy_go() {
        assert!(Refit::parse(1, "train --events {events} --out {out}").is_ok());
        for (line, what) in [
            ("", "empty"),
            ("train 'x", "cannot be read"),
            ("train --out {out}", "{events}"),
            ("train --events {events}", "{out}"),
        ] {
            let error = Refit::parse(1, line).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("hint"), "{line}: {error}");
        }
    }

    #[test]
    fn a_command_that_fails_is_told_with_what_it_said() {
        let run = |line: &str| Refit::parse(1, line).unwrap().run(["E", "O", "7"]);
        assert!(run("true {events} {out}").is_ok());
        let error = run("sh -c 'echo {events} {out} {seed} >&2; exit 3'")
            .unwrap_err()
            .to_string();
        assert!(error.contains("E O 7") && error.contains('3'), "{error}");
        let error = run("/no/such {events} {out}").unwrap_err().to_string();
        assert!(error.contains("/no/such"), "{error}");
    }
}
