//! The tokens that stand for trait words.

use std::collections::BTreeMap;

use common::{Error, Result};

use crate::model::Model;

/// The first token of each word as it would follow a prompt, with the space before it.
///
/// # Errors
/// When words begin with the same token, so that the model's next token cannot tell them apart.
pub fn tokens(model: &Model, words: &[String]) -> Result<Vec<i32>> {
    let first = |word: &String| {
        first(model, word).ok_or_else(|| {
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

/// The first token of `word` as it would follow a prompt; None where the tokeniser has none for it.
pub(super) fn first(model: &Model, word: &str) -> Option<i32> {
    model
        .continuation(&format!(" {word}"))
        .first()
        .map(|token| token.0)
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
    fn words_with_one_first_token_are_all_named() {
        let words = ["a", "b", "c", "d", "e"].map(String::from);
        assert!(distinct(&words, &[1, 2, 3, 4, 5]).is_ok());
        let said = distinct(&words, &[1, 2, 1, 3, 2]).unwrap_err().to_string();
        assert!(said.contains("a = c, b = e"), "{said}");
    }
}
