//! What items are, whoever liked them: their categories, and what the language model made of them. Each source is a table of
//! unit vectors, so that an item's nearness to what a user liked is a mean of cosines.

use common::ids::Dictionary;
use common::stats::dot;

use super::collaborative::{add, row};
use super::rows::Rows;
use super::spectrum::{Weighted, reduced};

/// Likes that the mean of what a user liked is shrunk by: it counts as if as many items without any content stood beside.
pub(super) const SHRINK: f32 = 2.0;
/// What a user's profile counts for, in likes: it is read from less than what a like says.
const PROFILE: f32 = 0.5;
/// Numbers that a source keeps of an item at most.
const MOST: usize = 64;

/// One source.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// As reports call it.
    pub(super) name: &'static str,
    pub(super) width: usize,
    /// `[items, width]`.
    pub(super) table: Vec<f32>,
    /// `[users, width]`: what is known of users besides their history, in place of the items without content that a mean is
    /// shrunk by; empty where nothing is.
    pub(super) users: Vec<f32>,
}

impl Source {
    /// Of each item's categories, rare ones weighing more; none where no item has any.
    pub(super) fn of_categories(categories: &[Vec<String>], seed: u64) -> Option<Self> {
        let mut names = Dictionary::default();
        let lists: Vec<Vec<u32>> = categories
            .iter()
            .map(|of| of.iter().map(|name| names.intern(name)).collect())
            .collect();
        if names.is_empty() {
            return None;
        }
        let rows = Rows::new(lists, names.len());
        let columns = rows.transposed();
        let items = categories.len() as f32;
        let rare = |count: f32| ((items + 1.0) / (count + 1.0)).ln();
        let column_weight: Vec<f32> = rows.counts().into_iter().map(rare).collect();
        let length = |item: usize| {
            rows.row(item)
                .iter()
                .map(|&c| column_weight[c as usize].powi(2))
                .sum::<f32>()
        };
        let row_weight: Vec<f32> = (0..rows.len()).map(|item| inverse(length(item).sqrt())).collect();
        let matrix = Weighted {
            rows: &rows,
            columns: &columns,
            row_weight: &row_weight,
            column_weight: &column_weight,
        };
        let spectrum = matrix.spectrum(MOST.min(names.len()), seed);
        let width = spectrum.rank();
        let mut table = rows.sums(&spectrum.vectors, width, &column_weight);
        for (row, weight) in table.chunks_exact_mut(width.max(1)).zip(&row_weight) {
            row.iter_mut().for_each(|x| *x *= weight);
        }
        (width > 0).then_some(Source {
            name: "categories",
            width,
            table,
            users: Vec::new(),
        })
    }

    /// Of standardised traits of items and users, `[items, count]` and `[users, count]`; none where there are none.
    pub(super) fn of_traits(items: &[f32], users: &[f32], count: usize) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let units = |traits: &[f32], length: f32| {
            let mut units = traits.to_vec();
            for row in units.chunks_exact_mut(count) {
                let factor = length * inverse(dot(row, row).sqrt());
                row.iter_mut().for_each(|x| *x *= factor);
            }
            units
        };
        let (table, users, width) = reduced(&units(items, 1.0), &units(users, PROFILE), count, MOST);
        Some(Source {
            name: "traits",
            width,
            table,
            users,
        })
    }

    /// The shrunken mean of `items`' vectors, each as much as stands beside it: what a user who had these has had.
    pub(super) fn mean(&self, items: impl Iterator<Item = (u32, f32)>) -> Vec<f32> {
        let (mut sum, mut count) = (vec![0.0; self.width], 0.0);
        for (item, value) in items {
            add(&mut sum, row(&self.table, self.width, item), value);
            count += value;
        }
        let share = 1.0 / (SHRINK + f32::max(count, 0.0));
        sum.iter_mut().for_each(|x| *x *= share);
        sum
    }
}

fn inverse(length: f32) -> f32 {
    if length > 0.0 { 1.0 / length } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_one_category_are_near_and_others_are_not() {
        let of = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let categories = [of(&["a", "x"]), of(&["a"]), of(&["b"]), of(&[])];
        let source = Source::of_categories(&categories, 1).unwrap();
        let cosine = |i: u32, j: u32| {
            dot(
                row(&source.table, source.width, i),
                row(&source.table, source.width, j),
            )
        };
        assert!((cosine(0, 0) - 1.0).abs() < 1e-4 && (cosine(1, 1) - 1.0).abs() < 1e-4);
        assert!(cosine(0, 1) > 0.2 && cosine(0, 2).abs() < 1e-4 && cosine(3, 3) == 0.0);
        assert!(Source::of_categories(&[vec![], vec![]], 1).is_none());
    }
}
