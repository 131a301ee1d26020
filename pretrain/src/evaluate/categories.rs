//! What items are like by the catalogue's categories, as MIPS weighs them.

use std::path::Path;

use common::Result;
use common::ids::{Dictionary, IdKind};
use common::schema::items;

/// Items of the same set of categories are alike. An item without any is like no other: nothing is known that would make it so.
#[derive(Clone, Debug)]
pub(crate) struct Categories {
    /// A code for the set of each item of the policies' catalogue.
    of_item: Vec<u32>,
    /// How many sets there are.
    count: usize,
}

impl Categories {
    /// Of the items of `catalogue`, from the file at `path`; none where it tells nothing of any of them.
    ///
    /// # Errors
    /// A catalogue that cannot be read.
    pub(super) fn read(path: &Path, catalogue: &Dictionary) -> Result<Option<Self>> {
        let (ids, told) = items::read_categories(path)?;
        let own = |id| Some(&told[ids.code(id)? as usize]).filter(|names| !names.is_empty());
        match catalogue.ids().any(|id| own(id).is_some()) {
            true => Ok(Some(Self::of(catalogue.ids().map(own)))),
            false => Ok(None),
        }
    }

    fn of<'a>(told: impl Iterator<Item = Option<&'a Vec<String>>>) -> Self {
        let mut sets = Dictionary::new(IdKind::Text);
        let mut of_item = Vec::new();
        for (item, names) in told.enumerate() {
            of_item.push(match names {
                Some(names) => sets.intern_set(names),
                None => sets.intern(&item.to_string()),
            });
        }
        Categories {
            of_item,
            count: sets.len(),
        }
    }

    /// Whether the two items are alike.
    pub(super) fn same(&self, one: u32, other: u32) -> bool {
        self.of_item[one as usize] == self.of_item[other as usize]
    }

    /// How much of `probabilities`, one an item, is on items like `item`.
    pub(super) fn share(&self, probabilities: &[f32], item: u32) -> f64 {
        let set = self.of_item[item as usize];
        let like = self.of_item.iter().zip(probabilities);
        like.filter(|(of, _)| **of == set)
            .map(|(_, &p)| f64::from(p))
            .sum()
    }

    /// The sums of `values`, one an item, over items that are alike; [`Categories::at`] finds an item's.
    pub(super) fn sums(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.count];
        for (&set, value) in self.of_item.iter().zip(values) {
            sums[set as usize] += value;
        }
        sums
    }

    /// Where the sum of the items like `item` stands.
    pub(super) fn at(&self, item: u32) -> usize {
        self.of_item[item as usize] as usize
    }

    /// For tests: items with these categories.
    #[cfg(test)]
    pub(super) fn of_names(told: &[&[&str]]) -> Self {
        let names = |names: &&[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let told: Vec<Vec<String>> = told.iter().map(names).collect();
        Self::of(
            told.iter()
                .map(|names| Some(names).filter(|names| !names.is_empty())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_one_set_are_alike_and_those_without_one_are_not() {
        let categories = Categories::of_names(&[&["a", "b"], &["b", "a", "a"], &["a"], &[], &[]]);
        assert!(categories.same(0, 1));
        for (one, other) in [(0, 2), (2, 3), (3, 4)] {
            assert!(!categories.same(one, other), "{one} {other}");
        }
        assert_eq!(categories.share(&[0.5, 0.25, 0.125, 0.0, 0.125], 1), 0.75);
        let sums = categories.sums(&[0.5, 0.25, 0.125, 0.0, 0.125]);
        assert_eq!(sums[categories.at(0)], 0.75);
        assert_eq!(sums[categories.at(4)], 0.125);
    }
}
