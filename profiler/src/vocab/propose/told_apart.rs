//! Which words a model's first token tells apart.

use std::collections::BTreeMap;
use std::fmt::Write;

use common::Result;

use crate::model::Model;
use crate::vocab::tokens;

/// The words taken so far, by their first tokens. Without a model every word is taken.
#[derive(Default)]
pub(super) struct ToldApart<'m> {
    model: Option<&'m Model>,
    by_token: BTreeMap<i32, String>,
    /// How a word is written, where that is not in lower case.
    written: BTreeMap<String, String>,
    /// Words that were passed over because another one begins with the same token, and the other.
    shared: Vec<(String, String)>,
    /// Words whose first token tells too little of them.
    split: Vec<String>,
}

impl<'m> ToldApart<'m> {
    /// With the words `kept` taken.
    ///
    /// # Errors
    /// When the model does not tell these apart.
    pub(super) fn new(model: Option<&'m Model>, kept: &[String]) -> Result<Self> {
        let taken = match model {
            Some(model) => tokens::tokens(model, kept)?,
            None => Vec::new(),
        };
        Ok(ToldApart {
            model,
            by_token: taken.into_iter().zip(kept.iter().cloned()).collect(),
            ..ToldApart::default()
        })
    }

    /// Takes `word`, where its first token is free and most of it; as a name where that is one token and the
    /// word is not (`Japanese`).
    pub(super) fn take(&mut self, word: &str) -> bool {
        let Some(model) = self.model else {
            return true;
        };
        let found = [word.to_string(), capitalised(word)]
            .into_iter()
            .find_map(|written| {
                let token = tokens::first(model, &written)?;
                tells(model.text(token).trim(), word).then_some((written, token))
            });
        let Some((written, token)) = found else {
            if !self.split.iter().any(|known| known == word) {
                self.split.push(word.to_string());
            }
            return false;
        };
        if let Some(other) = self.by_token.get(&token) {
            if !self.shared.iter().any(|(known, _)| known == word) {
                self.shared.push((word.to_string(), other.clone()));
            }
            return false;
        }
        self.by_token.insert(token, word.to_string());
        self.written.insert(word.to_string(), written);
        true
    }

    /// How `word` is to be written for the model.
    pub(super) fn written<'a>(&'a self, word: &'a str) -> &'a str {
        self.written.get(word).map_or(word, String::as_str)
    }

    /// Adds what was passed over to the vocabulary's text, as comments.
    pub(super) fn describe(&self, text: &mut String) {
        let shared: Vec<String> = self
            .shared
            .iter()
            .map(|(word, other)| format!("{word} = {other}"))
            .collect();
        for (words, why) in [
            (&shared, "another word begins with the same token"),
            (&self.split, "the first token tells too little of the word"),
        ] {
            if !words.is_empty() {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "\n# passed over, since {why}:\n#   {}", words.join(", "));
            }
        }
    }
}

/// Whether a first token is more than half of its word: `hard` is not `hardcore`.
fn tells(token: &str, word: &str) -> bool {
    token.chars().count() * 2 > word.chars().count()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_token_must_be_most_of_its_word() {
        assert!(tells("rock", "rock") && tells("ind", "indie"));
        assert!(!tells("hard", "hardcore") && !tells("tr", "trance") && !tells("", "80s"));
        assert_eq!(capitalised("japanese"), "Japanese");
    }

    #[test]
    fn without_a_model_every_word_is_taken() {
        let mut told_apart = ToldApart::new(None, &[]).unwrap();
        assert!(told_apart.take("hard") && told_apart.take("hardcore"));
        let mut text = String::new();
        told_apart.describe(&mut text);
        assert_eq!((told_apart.written("hard"), text.as_str()), ("hard", ""));
    }
}
