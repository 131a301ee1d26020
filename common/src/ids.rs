//! Ids: strings at the border, dense `u32` inside.
//!
//! A [`Dictionary`] maps between the two. Integer ids are accepted and remembered as integers, so that what is
//! written has the type of what was read.

use std::collections::HashMap;

use crate::fingerprint::Fingerprint;

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
    values: Vec<String>,
    codes: HashMap<String, u32>,
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

    /// The code of `id`, a new one if it was not known.
    pub fn intern(&mut self, id: &str) -> u32 {
        if let Some(&code) = self.codes.get(id) {
            return code;
        }
        let code = self.values.len() as u32;
        self.values.push(id.to_string());
        self.codes.insert(id.to_string(), code);
        code
    }

    /// The code of `id`, if known.
    pub fn code(&self, id: &str) -> Option<u32> {
        self.codes.get(id).copied()
    }

    /// The id of `code`.
    ///
    /// # Panics
    /// When no id has that code: codes come only from this dictionary.
    pub fn id(&self, code: u32) -> &str {
        &self.values[code as usize]
    }

    /// All ids in code order.
    pub fn ids(&self) -> &[String] {
        &self.values
    }

    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The type of the ids in files.
    pub fn kind(&self) -> IdKind {
        self.kind
    }

    /// The fingerprint of the set of ids, whatever their order.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut sorted: Vec<&str> = self.values.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        Fingerprint::of_parts(sorted.into_iter().map(str::as_bytes))
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
}
