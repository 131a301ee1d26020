//! The sentence of a profile, token by token: the most probable one that keeps it valid and does not repeat.

use std::collections::HashSet;

use common::{Error, Result};

use crate::grammar::{ABOUT, Alphabet, State};

/// Tokens in a row that may not come twice, neither in the sentence nor from the template's examples: small models
/// go in circles, or copy an example word by word.
const RUN: usize = 3;
/// Characters from where on a full stop ends the sentence; before, it is taken for that of an abbreviation.
const SENTENCE: usize = 24;
/// Tokens of a sentence.
pub(super) const LONGEST: usize = ABOUT;

/// Runs of tokens that may not come.
#[derive(Clone, Default)]
pub(super) struct Runs(HashSet<[i32; RUN]>);

impl Runs {
    pub(super) fn of(tokens: &[i32]) -> Self {
        Runs(
            tokens
                .windows(RUN)
                .filter_map(|run| run.try_into().ok())
                .collect(),
        )
    }

    fn holds(&self, before: &[i32], token: i32) -> bool {
        let [.., a, b] = before else { return false };
        self.0.contains(&[*a, *b, token])
    }
}

/// A sentence in the making.
pub(super) struct Text {
    state: State,
    bytes: Vec<u8>,
    characters: usize,
    tokens: Vec<i32>,
    runs: Runs,
    closed: bool,
}

impl Text {
    pub(super) fn new(runs: &Runs) -> Self {
        Text {
            state: State::Gap,
            bytes: Vec::new(),
            characters: 0,
            tokens: Vec::new(),
            runs: runs.clone(),
            closed: false,
        }
    }

    /// Takes the most probable token by `logits`, the first of equals; none when the sentence has ended.
    ///
    /// # Errors
    /// When the model gives no token a probability.
    pub(super) fn step(&mut self, logits: &[f32], alphabet: &Alphabet) -> Result<Option<i32>> {
        let mut best: Option<(f32, _)> = None;
        for choice in alphabet.choices(self.state) {
            let logit = logits[choice.token as usize];
            if best.is_none_or(|(highest, _)| logit > highest) && !self.runs.holds(&self.tokens, choice.token)
            {
                best = Some((logit, choice));
            }
        }
        let Some((highest, choice)) = best else {
            return Ok(None);
        };
        if !highest.is_finite() {
            return Err(no_probabilities());
        }
        let bytes = alphabet.bytes(choice.token);
        if choice.then == State::Closed {
            let end = bytes.iter().position(|&b| b == b'"').unwrap_or(0);
            self.bytes.extend(&bytes[..end]);
            self.closed = true;
            return Ok(None);
        }
        if self.characters + choice.characters > ABOUT {
            return Ok(None);
        }
        self.bytes.extend(bytes);
        self.characters += choice.characters;
        self.state = choice.then;
        self.tokens.push(choice.token);
        if let [.., a, b, c] = self.tokens[..] {
            self.runs.0.insert([a, b, c]);
        }
        let goes_on = !self.ended() && self.tokens.len() < LONGEST;
        Ok(goes_on.then_some(choice.token))
    }

    fn ended(&self) -> bool {
        self.characters >= SENTENCE && matches!(self.bytes.last(), Some(b'.' | b'!' | b'?'))
    }

    /// The sentence; one that reached its bound is cut behind its last whole word.
    pub(super) fn finish(self) -> String {
        let ended = self.ended() || self.closed;
        let valid = match std::str::from_utf8(&self.bytes) {
            Ok(text) => text,
            Err(e) => std::str::from_utf8(&self.bytes[..e.valid_up_to()]).unwrap_or_default(),
        };
        if ended {
            return valid.to_string();
        }
        let room = valid
            .char_indices()
            .nth(ABOUT - 1)
            .map_or(valid, |(at, _)| &valid[..at]);
        match room.rsplit_once(' ') {
            Some((words, _)) => format!("{words}…"),
            None => format!("{room}…"),
        }
    }
}

/// The error of a model whose logits are no numbers.
pub(super) fn no_probabilities() -> Error {
    Error::data("the model gives no probabilities (NaN or infinite logits)")
        .hint("the model file may be damaged: fetch or prepare it again")
}
