//! What writing profiles takes that is the same for all users: the prompt's frame, the fields' words as tokens.

use common::fingerprint::Fingerprint;
use common::{Error, Result};

use super::frame::Frame;
use super::words::Evidence;
use crate::model::Model;
use crate::profile::{ABOUT, AVOIDS, Field, LIKES, NEXT, Profile, Trie};

/// Changes when the same users would be written of otherwise.
const VERSION: &[u8] = b"profiles-2 llama-cpp-2 0.1.160";

/// Tokens of a prompt and its profile, whatever the model's window: a context's memory is bounded by it.
const LONGEST_PROMPT: usize = 8192;

/// A field's words as one tree of several.
pub(super) struct Tree {
    pub(super) field: Field,
    pub(super) trie: Trie,
}

/// A user to write of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    /// The prompt after the prefix, as tokens.
    pub(super) tail: Vec<i32>,
    /// Titles of liked items.
    pub(super) liked: Vec<String>,
    /// Titles of items that were not liked.
    pub(super) disliked: Vec<String>,
}

impl Subject {
    pub(super) fn evidence(&self) -> Evidence {
        Evidence {
            liked: !self.liked.is_empty(),
            disliked: !self.disliked.is_empty(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let titles = format!("{:?} {:?} ", self.liked, self.disliked);
        [titles.into_bytes(), bytes_of(&self.tail)].concat()
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_bytes(&self.bytes())
    }
}

fn bytes_of(tokens: &[i32]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.to_le_bytes()).collect()
}

/// The frame of all users.
pub(super) struct Task<'m> {
    pub(super) model: &'m Model,
    /// What all prompts begin with.
    pub(super) prefix: Vec<i32>,
    /// What many items are called.
    pub(super) noun: &'static str,
    /// What stands between prompt and JSON.
    pub(super) gap: &'static str,
    /// The vocabulary.
    pub(super) words: Vec<String>,
    pub(super) trees: Vec<Tree>,
    /// The most tokens that a profile can have.
    pub(super) most_written: usize,
}

impl<'m> Task<'m> {
    pub(super) fn new(
        model: &'m Model,
        frame: &Frame,
        words: Vec<String>,
        noun: &'static str,
    ) -> Result<Task<'m>> {
        let mut trees = Vec::new();
        for field in Field::ALL {
            let tries = Trie::compile(
                |text| tokens(model, text),
                &format!("{}{}", frame.gap, field.lead()),
                &words,
            )?;
            trees.extend(tries.into_iter().map(|trie| Tree { field, trie }));
        }
        Ok(Task {
            model,
            most_written: most_written(model, &words),
            prefix: frame.prefix.clone(),
            noun,
            gap: frame.gap,
            words,
            trees,
        })
    }

    /// A profile's beginning as the tokens that follow the prompt.
    pub(super) fn answer(&self, json: &str) -> Vec<i32> {
        self.tokens(&format!("{}{json}", self.gap))
    }

    /// A text as the tokens that follow another.
    pub(super) fn tokens(&self, text: &str) -> Vec<i32> {
        tokens(self.model, text)
    }

    /// That a user's prompt and profile fit the model's window.
    ///
    /// # Errors
    /// When they do not.
    pub(super) fn check_length(&self, tail: &[i32]) -> Result<()> {
        let needed = self.prefix.len() + tail.len() + self.most_written;
        let longest = self.model.window().min(LONGEST_PROMPT);
        if needed <= longest {
            return Ok(());
        }
        Err(Error::data(format!(
            "prompt and profile have up to {needed} tokens; the model takes {longest}"
        ))
        .hint(
            "shorten the template or the texts, or take fewer interactions with `profiler states --window`",
        ))
    }

    /// The key of `what` is made of `users` together.
    pub(super) fn key(&self, what: &str, users: &[&Subject]) -> Fingerprint {
        let mut parts = vec![
            VERSION.to_vec(),
            what.into(),
            self.model.fingerprint().as_str().into(),
            bytes_of(&self.prefix),
            format!("{} {}", self.noun, self.gap).into(),
            self.words.join("\n").into(),
        ];
        parts.extend(users.iter().map(|user| user.bytes()));
        Fingerprint::of_parts(parts.iter().map(Vec::as_slice))
    }
}

/// The most tokens that a profile can have.
fn most_written(model: &Model, words: &[String]) -> usize {
    // The longest words in every place; a token more for each where its quotes meet it.
    let mut longest: Vec<String> = words.to_vec();
    longest.sort_by_key(|word| std::cmp::Reverse(tokens(model, word).len()));
    let list = |most: usize| longest.iter().take(most).cloned().collect();
    let profile = Profile {
        likes: list(LIKES),
        avoids: list(AVOIDS),
        next: list(NEXT),
        about: String::new(),
    };
    tokens(model, &profile.opening()).len() + LIKES + AVOIDS + NEXT + ABOUT
}

fn tokens(model: &Model, text: &str) -> Vec<i32> {
    model.tokens(text).iter().map(|token| token.0).collect()
}
