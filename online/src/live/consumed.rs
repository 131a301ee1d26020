//! What a user has consumed: a list, and where it is long also a set, so that who has had much costs no more to decide for.

use std::ops::Deref;

/// A set takes a bit for each item of the catalogue: it is kept where the list takes more than that.
const ITEMS_A_CODE: usize = 32;

/// Codes of items, ascending, each once.
#[derive(Debug, Clone)]
pub(super) struct Consumed {
    codes: Vec<u32>,
    set: Option<Box<[u64]>>,
    /// Of the catalogue.
    items: usize,
}

impl Consumed {
    /// Of ascending codes below `items`, each once.
    pub(super) fn new(codes: Vec<u32>, items: usize) -> Self {
        let set = set_of(&codes, items);
        Consumed { codes, set, items }
    }

    /// Adds an item; nothing changes where it is there.
    pub(super) fn add(&mut self, item: u32) {
        let Err(place) = self.codes.binary_search(&item) else {
            return;
        };
        self.codes.insert(place, item);
        match &mut self.set {
            Some(set) if self.codes.len() < self.items => insert(set, item),
            set => *set = set_of(&self.codes, self.items),
        }
    }

    /// The same as a set (see [`common::policy::distribution::mask_set`]); none where they are few, or all.
    pub(super) fn set(&self) -> Option<&[u64]> {
        self.set.as_deref()
    }
}

impl Deref for Consumed {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &self.codes
    }
}

/// Codes as a set; none where they are few, or all of the catalogue.
pub(super) fn set_of(codes: &[u32], items: usize) -> Option<Box<[u64]>> {
    if codes.len() <= items / ITEMS_A_CODE || codes.len() >= items {
        return None;
    }
    let mut set = vec![0; items.div_ceil(64)].into_boxed_slice();
    codes.iter().for_each(|&item| insert(&mut set, item));
    Some(set)
}

fn insert(set: &mut [u64], item: u32) {
    set[item as usize / 64] |= 1 << (item % 64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_is_that_of_the_list_from_few_items_to_all() {
        let mut consumed = Consumed::new(vec![], 100);
        for (had, item) in (0..100).map(|n| n * 37 % 100).enumerate() {
            consumed.add(item);
            consumed.add(item);
            assert!(consumed.is_sorted_by(|a, b| a < b));
            assert_eq!(consumed.len(), had + 1);
            let set: Option<Vec<u32>> = consumed.set().map(|set| {
                (0..100)
                    .filter(|&item| set[item as usize / 64] >> (item % 64) & 1 == 1)
                    .collect()
            });
            // Few are a list alone, and of all something would be open again.
            match had + 1 {
                1..=3 | 100 => assert_eq!(set, None),
                _ => assert_eq!(set.as_deref(), Some(&consumed[..])),
            }
        }
    }
}
