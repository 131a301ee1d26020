//! The sentence of a profile, token by token: the most probable one that keeps it valid and does not repeat.

use std::collections::HashSet;

use common::Result;

use crate::batch::no_probabilities;
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

    /// The sentence; one that reached its bound is cut after its last whole word.
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

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{RngExt, stream};

    /// Tokens that are the characters of ASCII, and one that closes.
    fn alphabet() -> Alphabet {
        let mut bytes: Vec<Vec<u8>> = (0..128).map(|b| vec![b]).collect();
        bytes.push(b".\"}".to_vec());
        Alphabet::new(bytes)
    }

    /// Writes with logits that prefer the characters of `wish` one after another, else `x`.
    fn written(wish: &str, runs: &Runs) -> String {
        let (alphabet, mut text) = (alphabet(), Text::new(runs));
        let mut wishes = wish.bytes();
        loop {
            let mut logits = vec![0.0; 129];
            logits[usize::from(b'x')] = 1.0;
            if let Some(wish) = wishes.next() {
                logits[if wish == b'#' { 128 } else { usize::from(wish) }] = 2.0;
            }
            if text.step(&logits, &alphabet).unwrap().is_none() {
                return text.finish();
            }
        }
    }

    #[test]
    fn a_sentence_ends_with_its_full_stop_or_the_closing_quote() {
        let none = Runs::default();
        assert_eq!(
            written("Likes Dr. No and other films. And more", &none),
            "Likes Dr. No and other films."
        );
        assert_eq!(written("Films#", &none), "Films.");
    }

    #[test]
    fn what_would_break_the_string_is_passed_over() {
        // A quote at the beginning, a backslash and a line's end are no choice; the first of the rest is taken.
        let text = written("\"a\\\nb#", &Runs::default());
        assert!(
            text.ends_with("b.") && !text.contains(['"', '\\', '\n']),
            "{text:?}"
        );
    }

    #[test]
    fn a_text_without_end_is_cut_behind_a_word() {
        // Words of letters drawn at random: no run comes twice.
        let mut rng = stream(1, "test text", &[]);
        let mut word = || -> String {
            (0..5)
                .map(|_| rng.random_range('A'..='z'))
                .filter(char::is_ascii_alphabetic)
                .collect()
        };
        let wish: Vec<String> = (0..80).map(|_| word()).collect();
        let text = written(&wish.join(" "), &Runs::default());
        assert!(text.ends_with('…') && text.chars().count() <= ABOUT, "{text}");
    }

    #[test]
    fn runs_of_tokens_do_not_come_twice() {
        let copied = Runs::of(&"abc".bytes().map(i32::from).collect::<Vec<_>>());
        assert!(written("abcd#", &Runs::default()).starts_with("abcd"));
        assert!(!written("abcd#", &copied).contains("abc"));
        let circles = written(&"ab ".repeat(9), &Runs::default());
        assert_eq!(circles.matches("ab ").count(), 1, "{circles}");
    }

    #[test]
    fn logits_that_are_no_numbers_are_an_error() {
        let mut text = Text::new(&Runs::default());
        assert!(text.step(&[f32::NAN; 129], &alphabet()).is_err());
    }
}
