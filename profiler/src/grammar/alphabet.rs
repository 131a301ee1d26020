//! Which tokens keep a text valid: an automaton over bytes, compiled for the tokens of a model.
//!
//! The text is the inside of a JSON string. It never needs an escape: controls, quotes and backslashes are not in
//! it. Words are separated by single spaces, and a closing quote stands after a word, never after a space.
//! A token may hold a part of a character (UTF-8 byte by byte): the automaton knows which bytes may follow.

use crate::model::Model;

/// Where in a text one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// At the beginning or after a space: a word must come.
    Gap,
    /// After a character of a word.
    Word,
    /// Inside a character: this many bytes must come.
    Inside(u8),
    /// Inside a character, after a byte that leaves its next one these bounds; then this many more must come.
    Bounded(Lead),
    /// After the closing quote.
    Closed,
}

/// First bytes of UTF-8 whose second byte is not free (RFC 3629, and the controls U+0080 to U+009F).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// 0xC2.
    C2,
    /// 0xE0.
    E0,
    /// 0xED.
    ED,
    /// 0xF0.
    F0,
    /// 0xF4.
    F4,
}

/// The states in which a token may come.
const OPEN: [State; 10] = [
    State::Gap,
    State::Word,
    State::Inside(1),
    State::Inside(2),
    State::Inside(3),
    State::Bounded(Lead::C2),
    State::Bounded(Lead::E0),
    State::Bounded(Lead::ED),
    State::Bounded(Lead::F0),
    State::Bounded(Lead::F4),
];

impl State {
    /// The state after `byte`; none where it may not come.
    fn step(self, byte: u8) -> Option<State> {
        use State::{Bounded, Closed, Gap, Inside, Word};
        match (self, byte) {
            (Word, b' ') => Some(Gap),
            (Word, b'"') => Some(Closed),
            (Gap | Word, b' ' | b'"' | b'\\') => None,
            (Gap | Word, 0x20..=0x7E) => Some(Word),
            (Gap | Word, 0xC2) => Some(Bounded(Lead::C2)),
            (Gap | Word, 0xC3..=0xDF) => Some(Inside(1)),
            (Gap | Word, 0xE0) => Some(Bounded(Lead::E0)),
            (Gap | Word, 0xED) => Some(Bounded(Lead::ED)),
            (Gap | Word, 0xE1..=0xEF) => Some(Inside(2)),
            (Gap | Word, 0xF0) => Some(Bounded(Lead::F0)),
            (Gap | Word, 0xF4) => Some(Bounded(Lead::F4)),
            (Gap | Word, 0xF1..=0xF3) => Some(Inside(3)),
            (Inside(1), 0x80..=0xBF) | (Bounded(Lead::C2), 0xA0..=0xBF) => Some(Word),
            (Inside(left), 0x80..=0xBF) => Some(Inside(left - 1)),
            (Bounded(Lead::E0), 0xA0..=0xBF) | (Bounded(Lead::ED), 0x80..=0x9F) => Some(Inside(1)),
            (Bounded(Lead::F0), 0x90..=0xBF) | (Bounded(Lead::F4), 0x80..=0x8F) => Some(Inside(2)),
            _ => None,
        }
    }

    /// The state after `bytes`, and the characters that begin in them. What stands after a closing quote must be what
    /// closes the profile.
    fn run(self, bytes: &[u8]) -> Option<(State, usize)> {
        let (mut state, mut characters) = (self, 0);
        for (at, &byte) in bytes.iter().enumerate() {
            state = state.step(byte)?;
            if state == State::Closed {
                return b"}".starts_with(&bytes[at + 1..]).then_some((state, characters));
            }
            characters += usize::from(byte & 0xC0 != 0x80);
        }
        Some((state, characters))
    }

    fn place(self) -> Option<usize> {
        OPEN.iter().position(|&state| state == self)
    }
}

/// A token that may come.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The token.
    pub token: i32,
    /// Characters that begin in it.
    pub characters: usize,
    /// The state after it.
    pub then: State,
}

/// The tokens that may come in each state.
pub struct Alphabet {
    bytes: Vec<Vec<u8>>,
    choices: Vec<Vec<Choice>>,
}

impl Alphabet {
    /// Compiles the automaton for the tokens of `model`: those that are text, no marks.
    pub fn of(model: &Model) -> Self {
        Self::new(model.texts())
    }

    /// `bytes` of each token; none for those that are no text.
    pub(crate) fn new(bytes: Vec<Vec<u8>>) -> Self {
        let choices = OPEN.map(|state| {
            let choice = |(token, bytes): (usize, &Vec<u8>)| {
                let (then, characters) = state.run(bytes)?;
                (!bytes.is_empty()).then_some(Choice {
                    token: token as i32,
                    characters,
                    then,
                })
            };
            bytes.iter().enumerate().filter_map(choice).collect()
        });
        Alphabet {
            choices: choices.into(),
            bytes,
        }
    }

    /// The tokens that may come in `state`; none after the closing quote.
    pub fn choices(&self, state: State) -> &[Choice] {
        state.place().map_or(&[], |place| &self.choices[place])
    }

    /// The bytes of a token.
    pub fn bytes(&self, token: i32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automaton_accepts_utf8_without_what_json_escapes() {
        // All characters of two bytes and some of each kind around the bounds, against the standard library.
        let odd = [
            '\u{800}',
            '\u{D7FF}',
            '\u{E000}',
            '\u{FFFF}',
            '\u{10000}',
            '\u{10FFFF}',
        ];
        for c in (0..0x1000).filter_map(char::from_u32).chain(odd) {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            let expected = (crate::grammar::profile::plain(c) && c != ' ').then_some((State::Word, 1));
            assert_eq!(State::Gap.run(bytes), expected, "{c:?}");
        }
        for bad in [
            &[0xC0, 0x80][..], // longer than need be
            &[0xE0, 0x80, 0x80],
            &[0xED, 0xA0, 0x80],       // half of a pair
            &[0xF4, 0x90, 0x80, 0x80], // beyond Unicode
            &[0xF5],
            &[0x80],
            &[0xC3, b'a'],
        ] {
            assert_eq!(State::Gap.run(bad), None, "{bad:x?}");
        }
    }

    #[test]
    fn words_have_single_spaces_and_a_quote_closes_behind_one() {
        assert_eq!(State::Gap.run(b"a b"), Some((State::Word, 3)));
        assert_eq!(State::Gap.run(b" a"), None);
        assert_eq!(State::Gap.run(b"\""), None);
        assert_eq!(State::Word.run(b"  "), None);
        assert_eq!(State::Word.run(b" \""), None);
        assert_eq!(State::Word.run(b".\"}"), Some((State::Closed, 1)));
        assert_eq!(State::Word.run(b"\","), None);
        assert_eq!(State::Word.run(b"\"}}"), None);
    }

    #[test]
    fn a_character_may_come_in_parts() {
        let tokens = [&b"\xE2"[..], b"\x82", b"\xAC", b"a", b"", b"\xE2\x82", b"\xACa"];
        let alphabet = Alphabet::new(tokens.map(<[u8]>::to_vec).into());
        let allowed = |state| {
            alphabet
                .choices(state)
                .iter()
                .map(|c| c.token)
                .collect::<Vec<_>>()
        };
        assert_eq!(allowed(State::Gap), [0, 3, 5]);
        assert_eq!(allowed(State::Inside(2)), [1, 2]);
        assert_eq!(allowed(State::Inside(1)), [1, 2, 6]);
        assert!(allowed(State::Closed).is_empty());
        let euro = alphabet.choices(State::Gap)[0];
        assert_eq!((euro.characters, euro.then), (1, State::Inside(2)));
    }
}
