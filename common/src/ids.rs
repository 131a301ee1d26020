//! Ids: strings at the border, dense `u32` inside.
//!
//! A [`Dictionary`] maps between the two. Integer ids are accepted and remembered as integers, so that what is
//! written has the type of what was read.
//!
//! It is made for tens of millions of ids: all text stands in one arena, and the lookup is a hash table of codes that
//! compares with the arena, so that an id costs its own bytes, four for its end and ten to twenty for its slot. In a large
//! dictionary a lookup waits for memory most of its time: [`Dictionary::look_up`] waits for many at once.

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
    /// 64-bit integers without a sign.
    Unsigned,
}

impl IdKind {
    /// Whether `id` is written as one of this kind, so that it comes back as it is: `007` is not an integer.
    pub fn holds(self, id: &str) -> bool {
        match self {
            IdKind::Text => true,
            IdKind::Integer => id.parse::<i64>().is_ok_and(|number| number.to_string() == id),
            IdKind::Unsigned => id.parse::<u64>().is_ok_and(|number| number.to_string() == id),
        }
    }

    /// The kind of ids some of which are of this kind and some of the `other`.
    pub fn and(self, other: IdKind) -> IdKind {
        if self == other { self } else { IdKind::Text }
    }
}

/// Ids and their dense codes, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    kind: IdKind,
    arena: Arena,
    codes: HashTable<Slot>,
}

/// A code in the table, and some bits of its id's hash: they tell most other ids apart without a look at the arena.
#[derive(Clone, Copy, Debug)]
struct Slot {
    code: u32,
    tag: u32,
}

/// The bits of a hash that neither choose the table's bucket (the lowest) nor are kept there (the highest seven).
fn tag(hash: u64) -> u32 {
    (hash >> 25) as u32
}

/// Ids that are looked up together: enough to wait for many at once, few enough to stay in the cache.
pub const BLOCK: usize = 64;

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

    /// The same ids as text, where their kind does not hold all of them: a newcomer's id may be no integer, though all
    /// others are.
    pub fn as_text_where_needed(&self) -> Option<Self> {
        if self.ids().all(|id| self.kind.holds(id)) {
            return None;
        }
        let mut text = self.clone();
        text.kind = IdKind::Text;
        Some(text)
    }

    /// Makes room for `more` ids.
    pub(crate) fn reserve(&mut self, more: usize) {
        let Dictionary { arena, codes, .. } = self;
        arena.ends.low.reserve(more);
        codes.reserve(more, |slot| HASHER.hash_one(arena.get(slot.code)));
    }

    /// The code of `id`, a new one if it was not known.
    ///
    /// # Panics
    /// When there are 2^32 ids already.
    pub fn intern(&mut self, id: &str) -> u32 {
        let Dictionary { arena, codes, .. } = self;
        let hash = HASHER.hash_one(id);
        let tag = tag(hash);
        if let Some(slot) = codes.find(hash, |slot| slot.tag == tag && arena.get(slot.code) == id) {
            return slot.code;
        }
        let code = arena.push(id);
        codes.insert_unique(hash, Slot { code, tag }, |slot| {
            HASHER.hash_one(arena.get(slot.code))
        });
        code
    }

    /// Gives the code of a set of names, in any order and however often they stand there. Its id has a colon: no number has the same.
    pub fn intern_set(&mut self, names: &[String]) -> u32 {
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let parts = names.iter().map(|name| format!("{}:{name}", name.len()));
        self.intern(&parts.collect::<String>())
    }

    /// The code of `id`, if known.
    pub fn code(&self, id: &str) -> Option<u32> {
        let hash = HASHER.hash_one(id);
        let tag = tag(hash);
        let same = |slot: &Slot| slot.tag == tag && self.arena.get(slot.code) == id;
        self.codes.find(hash, same).map(|slot| slot.code)
    }

    /// The codes of at most [`BLOCK`] ids, each where it is known: as [`Dictionary::code`] one by one, but in steps that
    /// each ask memory for all of them, so that the waits overlap.
    pub fn look_up(&self, ids: &[&str], codes: &mut [Option<u32>; BLOCK]) {
        let ids = &ids[..ids.len().min(BLOCK)];
        let mut hashes = [0; BLOCK];
        for (hash, id) in hashes.iter_mut().zip(ids) {
            *hash = HASHER.hash_one(id);
        }
        for (code, &hash) in codes.iter_mut().zip(&hashes[..ids.len()]) {
            let tag = tag(hash);
            *code = self
                .codes
                .find(hash, |slot| slot.tag == tag)
                .map(|slot| slot.code);
        }
        let mut places = [(0, 0); BLOCK];
        for (place, code) in places.iter_mut().zip(&codes[..ids.len()]) {
            *place = code.map_or((0, 0), |code| self.arena.place(code));
        }
        for ((code, (start, end)), id) in codes.iter_mut().zip(places).zip(ids) {
            if code.is_some() && self.arena.text[start..end] != **id {
                // Another id with this tag stands before it, or it is not known.
                *code = self.code(id);
            }
        }
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

    /// Where the id of `code` begins and ends.
    fn place(&self, code: u32) -> (usize, usize) {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends.get(code - 1) };
        (start, self.ends.get(code))
    }

    fn get(&self, code: u32) -> &str {
        let (start, end) = self.place(code);
        &self.text[start..end]
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
        let asked: Vec<String> = (0..30_000).map(|i| (i * 3).to_string()).collect();
        for asked in asked.chunks(50) {
            let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
            let mut codes = [Some(7); BLOCK];
            ids.look_up(&asked, &mut codes);
            let one_by_one = asked.iter().map(|id| ids.code(id));
            assert!(codes[..asked.len()].iter().copied().eq(one_by_one));
        }
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
