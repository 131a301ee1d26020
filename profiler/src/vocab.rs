//! Trait vocabularies: the words whose probability is read, and the tokens that stand for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::ValueEnum;
use common::{Error, Result};

use crate::model::Model;

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
            Domain::Film => include_str!("vocabularies/film.txt"),
            Domain::Music => include_str!("vocabularies/music.txt"),
            Domain::Shop => include_str!("vocabularies/shop.txt"),
        }
    }
}

/// The words of `file`, one a line (empty lines and those that begin with `#` are skipped), or the built-in ones
/// of `domain`.
///
/// # Errors
/// When the file is missing, or a line is not one word, or a word stands twice, or there are fewer than two.
pub fn words(domain: Domain, file: Option<&Path>) -> Result<Vec<String>> {
    let Some(path) = file else {
        return parse(domain.words());
    };
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(e, "read the vocabulary", path))?;
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

/// The first token of each word as it would follow a prompt, with the space before it.
///
/// # Errors
/// When words begin with the same token, so that the model's next token cannot tell them apart.
pub fn tokens(model: &Model, words: &[String]) -> Result<Vec<i32>> {
    // Some tokenisers put a space before every text of their own accord: compare with a text before the word.
    let before = model.tokens("A").len();
    let first = |word: &String| {
        model
            .tokens(&format!("A {word}"))
            .get(before)
            .map(|token| token.0)
            .ok_or_else(|| {
                Error::data(format!(
                    "the model's tokeniser has no token for the word `{word}`"
                ))
                .hint("choose another word")
            })
    };
    let tokens = words.iter().map(first).collect::<Result<Vec<_>>>()?;
    distinct(words, &tokens)?;
    Ok(tokens)
}

fn distinct(words: &[String], tokens: &[i32]) -> Result<()> {
    let mut by_token: BTreeMap<i32, Vec<&str>> = BTreeMap::new();
    for (word, &token) in words.iter().zip(tokens) {
        by_token.entry(token).or_default().push(word);
    }
    let mut collisions: Vec<String> = by_token
        .values()
        .filter(|words| words.len() > 1)
        .map(|words| words.join(" = "))
        .collect();
    if collisions.is_empty() {
        return Ok(());
    }
    collisions.sort();
    Err(Error::data(format!(
        "words of the vocabulary begin with the same token: {}",
        collisions.join(", ")
    ))
    .hint("the next token cannot tell them apart: keep one of each, or choose another word for it"))
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

    #[test]
    fn words_with_one_first_token_are_all_named() {
        let words = ["a", "b", "c", "d", "e"].map(String::from);
        assert!(distinct(&words, &[1, 2, 3, 4, 5]).is_ok());
        let said = distinct(&words, &[1, 2, 1, 3, 2]).unwrap_err().to_string();
        assert!(said.contains("a = c, b = e"), "{said}");
    }
}
