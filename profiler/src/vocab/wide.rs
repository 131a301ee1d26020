//! The model's own words: a wide vocabulary, for `profiler refine` to choose directions from.

use std::path::{Path, PathBuf};

use common::{Error, Result};

use super::{parse, propose};
use crate::model::Model;

/// Shorter words are mostly those that every prompt could go on with.
const SHORTEST: usize = 4;

/// What `vocab --wide` is to list.
#[derive(Clone, Debug)]
pub struct Config {
    /// The language model.
    pub model: PathBuf,
    /// How many words.
    pub words: usize,
    /// Where the vocabulary goes; None gives it back alone.
    pub out: Option<PathBuf>,
    /// Replace another file.
    pub overwrite: bool,
}

/// Gives the model's most frequent words of lower-case Latin letters, each one token, and writes them where that is
/// asked for. Tokenisers number their tokens in the order in which they merged them, the frequent ones first.
///
/// # Errors
/// When the model cannot be loaded or has too few such words, or `out` has another content.
pub fn run(config: &Config) -> Result<String> {
    let model = Model::load(&config.model, 0)?;
    let texts = (0..model.vocabulary()).map(|token| model.text(token));
    let words = words(texts, config.words);
    if words.len() < config.words {
        return Err(too_few(&config.model, words.len()));
    }
    let text = format!(
        "# The {} most frequent words of the model {}, each one token\n{}\n",
        words.len(),
        model.fingerprint(),
        words.join("\n")
    );
    parse(&text).map_err(|e| e.file(&config.model))?;
    if let Some(out) = &config.out {
        propose::write(out, &text, config.overwrite)?;
    }
    Ok(text)
}

/// The first `count` words among `texts`, the model's tokens in their order.
fn words(texts: impl Iterator<Item = String>, count: usize) -> Vec<String> {
    let word = |text: String| {
        let word = text.strip_prefix([' ', '\u{2581}'])?;
        let is_word = word.len() >= SHORTEST && word.bytes().all(|byte| byte.is_ascii_lowercase());
        is_word.then(|| word.to_string())
    };
    texts.filter_map(word).take(count).collect()
}

fn too_few(model: &Path, found: usize) -> Error {
    Error::usage(format!(
        "the model has only {found} words of lower-case letters that are one token each"
    ))
    .file(model)
    .hint("ask for fewer --words, or write a vocabulary by hand")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_in_the_order_of_the_tokens() {
        let texts = [
            "the",
            " with",
            " a",
            "ing",
            " Film",
            " music",
            " caf\u{e9}",
            " space",
            "\u{2581}love",
        ];
        let texts = || texts.iter().map(|text| text.to_string());
        assert_eq!(words(texts(), 9), ["with", "music", "space", "love"]);
        assert_eq!(words(texts(), 2), ["with", "music"]);
    }
}
