//! The agent's command line: words as a shell would cut them, `{seed}` standing for the seed.

use std::path::Path;

use common::cli::{command_words, without_folders};
use common::fingerprint::Fingerprint;
use common::manifest;
use common::{Result, input};

const SEED: &str = "{seed}";

/// A command that starts one agent a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    words: Vec<String>,
    recorded: Vec<String>,
}

impl Command {
    /// Cuts `line` into words as a POSIX shell would (quotes and backslashes, no variables, no pipes).
    ///
    /// # Errors
    /// An open quote, or no word at all.
    pub fn parse(line: &str) -> Result<Self> {
        let words = command_words("--agent", line).map_err(|e| {
            e.hint("give one command in quotes, such as --agent \"online agent --policy DIR/seed-{seed}\"")
        })?;
        let recorded = words.iter().map(|word| without_folders(word)).collect();
        Ok(Command { words, recorded })
    }

    /// The words for one seed, the program first.
    pub fn words(&self, seed: u64) -> Vec<String> {
        self.words
            .iter()
            .map(|word| word.replace(SEED, &seed.to_string()))
            .collect()
    }

    /// The words as a manifest records them: paths without their folders, since an artifact must not depend on
    /// where things lie.
    pub fn recorded(&self) -> &[String] {
        &self.recorded
    }

    /// The fingerprint of all artifacts (folders with a manifest) that the words name for these seeds.
    ///
    /// # Errors
    /// When a manifest cannot be read.
    pub fn artifacts(&self, seeds: &[u64]) -> Result<Option<Fingerprint>> {
        let mut found = Vec::new();
        for &seed in seeds {
            for word in self.words(seed) {
                let path = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
                let manifest = Path::new(path).join(manifest::FILE_NAME);
                if input::is_file(&manifest) {
                    found.push(Fingerprint::of_file(&manifest)?);
                }
            }
        }
        let parts = found.iter().map(|fingerprint| fingerprint.as_str().as_bytes());
        Ok((!found.is_empty()).then(|| Fingerprint::of_parts(parts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_like_a_shells_and_hold_the_seed() {
        let command = Command::parse("bin/agent --policy 'my dir/seed-{seed}' --seed {seed}").unwrap();
        assert_eq!(
            command.words(3),
            ["bin/agent", "--policy", "my dir/seed-3", "--seed", "3"]
        );
    }

    #[test]
    fn what_is_recorded_does_not_depend_on_folders() {
        let one =
            Command::parse("/a/agent --policy /x/ialp/seed-{seed} --rate=0.1 --out=/o/e.parquet").unwrap();
        let other = Command::parse("b/agent --policy y/seed-{seed}/ --rate=0.1 --out=e.parquet").unwrap();
        assert_eq!(one.recorded(), other.recorded());
        assert_eq!(
            one.recorded(),
            [
                "agent",
                "--policy",
                "seed-{seed}",
                "--rate=0.1",
                "--out=e.parquet"
            ]
        );
        let [one, other] = [
            "/a/pretrain --log /x/log --out {out}",
            "pretrain --log y/log/ --out {out}",
        ]
        .map(|refit| Command::parse(&format!("agent --refit '{refit}'")).unwrap());
        assert_eq!(one.recorded(), other.recorded());
        assert_eq!(one.recorded()[2], "pretrain --log log --out {out}");
    }

    #[test]
    fn artifacts_are_known_by_their_manifests() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, content) in [("seed-0", "a"), ("seed-1", "b")] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join(manifest::FILE_NAME), content).unwrap();
        }
        let command = Command::parse(&format!(
            "agent --policy {}/seed-{{seed}}",
            folder.path().display()
        ))
        .unwrap();
        let before = command.artifacts(&[0, 1]).unwrap().unwrap();
        std::fs::write(at("seed-1").join(manifest::FILE_NAME), "c").unwrap();
        assert_ne!(command.artifacts(&[0, 1]).unwrap().unwrap(), before);
        assert_eq!(Command::parse("agent x").unwrap().artifacts(&[0]).unwrap(), None);
    }

    #[test]
    fn no_command_is_wrong_usage() {
        assert!(Command::parse("  ").unwrap_err().to_string().contains("empty"));
        assert!(Command::parse("agent 'open").is_err());
    }
}
