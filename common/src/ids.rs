//! Ids: strings at the border, dense `u32` inside.
//!
//! A [`Dictionary`] maps between the two. Integer ids are accepted and remembered as integers, so that what is
//! written has the type of what was read.
//!
//! It is made for tens of millions of ids: all text stands in one arena, and the lookup is a hash table of codes that
//! compares with the arena, so that an id costs its own bytes, four for its end and about eight for its slot.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::fingerprint::Fingerprint;

/// A fixed key: the same table in every run. Ids come from the user's own files, not from those who would want to
/// make them collide.
const HASHER: FixedState = FixedState::with_seed(0);

/// The type that ids had in the source and get in the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdKind {
    /// UTF-8 text.
    #[default]
    Text,
    /// 64-bit integers.
    Integer,
}

/// Ids and their dense codes, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    kind: IdKind,
    arena: Arena,
    codes: HashTable<u32>,
}

impl Dictionary {
    /// An empty dictionary of ids of `kind`.
    pub fn new(kind: IdKind) -> Self {
        Dictionary {
            kind,
            ..Dictionary::default()
        }
    }

    /// From ids in code order; a repeated id is answered with its value.
    ///
    /// # Errors
    /// The first id that appears twice.
    pub fn from_values(kind: IdKind, values: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut dictionary = Dictionary::new(kind);
        for value in values {
            let before = dictionary.len();
            if dictionary.intern(&value) as usize != before {
                return Err(value);
            }
        }
        Ok(dictionary)
    }

    /// Makes room for `more` ids.
    pub(crate) fn reserve(&mut self, more: usize) {
        let Dictionary { arena, codes, .. } = self;
        arena.ends.low.reserve(more);
        codes.reserve(more, |&code| HASHER.hash_one(arena.get(code)));
    }

    /// The code of `id`, a new one if it was not known.
    ///
    /// # Panics
    /// When there are 2^32 ids already.
    pub fn intern(&mut self, id: &str) -> u32 {
        let Dictionary { arena, codes, .. } = self;
        let hash = HASHER.hash_one(id);
        if let Some(&code) = codes.find(hash, |&code| arena.get(code) == id) {
            return code;
        }
        let code = arena.push(id);
        codes.insert_unique(hash, code, |&code| HASHER.hash_one(arena.get(code)));
        code
    }

    /// The code of `id`, if known.
    pub fn code(&self, id: &str) -> Option<u32> {
        let found = self
            .codes
            .find(HASHER.hash_one(id), |&code| self.arena.get(code) == id);
        found.copied()
    }

    /// The id of `code`.
    ///
    /// # Panics
    /// When no id has that code: codes come only from this dictionary.
    pub fn id(&self, code: u32) -> &str {
        self.arena.get(code)
    }

    /// All ids in code order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len() as u32).map(|code| self.id(code))
    }

    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.arena.ends.low.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the ids in files.
    pub fn kind(&self) -> IdKind {
        self.kind
    }

    /// The fingerprint of the set of ids, whatever their order.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut sorted: Vec<&str> = self.ids().collect();
        sorted.sort_unstable();
        Fingerprint::of_parts(sorted.into_iter().map(str::as_bytes))
    }
}

/// Texts end to end.
#[derive(Clone, Debug, Default)]
struct Arena {
    text: String,
    ends: Ends,
}

impl Arena {
    fn push(&mut self, id: &str) -> u32 {
        let code = self.ends.low.len();
        assert!(code < u32::MAX as usize, "more ids than codes");
        self.text.push_str(id);
        self.ends.push(self.text.len());
        code as u32
    }

    fn get(&self, code: u32) -> &str {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends.get(code - 1) };
        &self.text[start..self.ends.get(code)]
    }
}

/// Places in a text, never falling, in four bytes each: the high half changes only at the few entries in `laps`.
#[derive(Clone, Debug, Default)]
struct Ends {
    low: Vec<u32>,
    /// The n-th is the first entry that lies at or beyond n times 2^32, n from 1.
    laps: Vec<u32>,
}

impl Ends {
    fn push(&mut self, end: usize) {
        for _ in self.laps.len()..end >> 32 {
            self.laps.push(self.low.len() as u32);
        }
        self.low.push(end as u32);
    }

    fn get(&self, at: usize) -> usize {
        let laps = self.laps.partition_point(|&lap| lap as usize <= at);
        (laps << 32) | self.low[at] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_follow_first_appearance() {
        let mut ids = Dictionary::new(IdKind::Text);
        assert_eq!([ids.intern("b"), ids.intern("a"), ids.intern("b")], [0, 1, 0]);
        assert_eq!(ids.id(1), "a");
        assert_eq!(ids.code("c"), None);
    }

    #[test]
    fn many_ids_are_told_apart_and_found_again() {
        // Cuts between ids matter: "1" and "12" after "11" and "2" are the same text.
        let names: Vec<String> = (0..30_000).map(|i| (i * 7).to_string()).collect();
        let mut ids = Dictionary::new(IdKind::Integer);
        ids.reserve(10);
        for (name, code) in names.iter().zip(0..) {
            assert_eq!(ids.intern(name), code);
        }
        for (name, code) in names.iter().zip(0..) {
            assert_eq!((ids.code(name), ids.id(code)), (Some(code), name.as_str()));
        }
        assert!(ids.ids().eq(names.iter().map(String::as_str)));
        assert_eq!((ids.code(""), ids.code("1"), ids.len()), (None, None, 30_000));
    }

    #[test]
    fn a_repeated_id_is_named() {
        let ids = ["x", "y", "x"].map(String::from);
        assert_eq!(Dictionary::from_values(IdKind::Text, ids).unwrap_err(), "x");
    }

    #[test]
    fn the_fingerprint_is_of_the_set() {
        let one = Dictionary::from_values(IdKind::Text, ["a", "b"].map(String::from)).unwrap();
        let other = Dictionary::from_values(IdKind::Text, ["b", "a"].map(String::from)).unwrap();
        assert_eq!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn places_beyond_four_gigabytes_are_kept() {
        let places = [
            3,
            3,
            (1 << 32) - 1,
            1 << 32,
            (1 << 32) + 5,
            7 << 32,
            (7 << 32) + 1,
        ];
        let mut ends = Ends::default();
        for place in places {
            ends.push(place);
        }
        assert!((0..places.len()).all(|at| ends.get(at) == places[at]), "{ends:?}");
    }
}
