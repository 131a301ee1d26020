//! Trait vocabularies: the words whose probability is read, and the tokens that stand for them.

mod propose;
mod tokens;
mod wide;

use std::collections::BTreeSet;
use std::path::Path;

use clap::ValueEnum;
use common::{Error, Result, input};

pub use propose::{Config as Proposal, run as propose};
pub use tokens::tokens;
pub use wide::{Config as Wide, run as wide};

/// What the items are, and with it the built-in vocabulary and templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Domain {
    /// Films and series
    Film,
    /// Artists, albums, songs
    Music,
    /// Goods
    Shop,
}

impl Domain {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Domain::Film => "film",
            Domain::Music => "music",
            Domain::Shop => "shop",
        }
    }

    /// What many of them are called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Domain::Film => "films",
            Domain::Music => "music",
            Domain::Shop => "products",
        }
    }

    /// The built-in vocabulary.
    fn words(self) -> &'static str {
        match self {
            Domain::Film => include_str!("../vocabularies/film.txt"),
            Domain::Music => include_str!("../vocabularies/music.txt"),
            Domain::Shop => include_str!("../vocabularies/shop.txt"),
        }
    }
}

/// The words of `file`, one a line (empty lines and those that begin with `#` are skipped), or the built-in ones
/// of `domain`.
///
/// # Errors
/// When the file is missing, or a line is not one word, or a word stands twice, or there are fewer than two.
pub fn words(domain: Domain, file: Option<&Path>) -> Result<Vec<String>> {
    file.map_or_else(|| parse(domain.words()), read)
}

/// The words of a vocabulary file.
fn read(path: &Path) -> Result<Vec<String>> {
    let text = input::read_text("read the vocabulary", path)?;
    parse(&text).map_err(|e| e.file(path))
}

fn parse(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let word = line.trim();
        if word.is_empty() || word.starts_with('#') {
            continue;
        }
        if word.contains(char::is_whitespace) {
            return Err(Error::data(format!("`{word}` is more than one word"))
                .line(number + 1)
                .hint("a vocabulary has one word a line"));
        }
        if !seen.insert(word) {
            return Err(Error::data(format!("the word `{word}` stands twice")).line(number + 1));
        }
        words.push(word.to_string());
    }
    if words.len() < 2 {
        return Err(Error::data("a vocabulary needs at least two words"));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_vocabularies_have_about_forty_words() {
        for &domain in Domain::value_variants() {
            let count = words(domain, None).unwrap().len();
            assert!((36..=48).contains(&count), "{} has {count}", domain.name());
        }
    }

    #[test]
    fn comments_and_empty_lines_are_skipped() {
        assert_eq!(parse("# mood\nfunny\n\n  sad \n").unwrap(), ["funny", "sad"]);
    }

    #[test]
    fn bad_lines_are_named() {
        let said = |text: &str| parse(text).unwrap_err().to_string();
        assert!(said("funny\nvery sad").contains("line 2"));
        assert!(said("funny\nsad\nfunny").contains("`funny` stands twice"));
        assert!(said("# none").contains("at least two"));
    }
}
