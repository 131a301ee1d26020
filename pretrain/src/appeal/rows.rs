//! Who had what, and how much it counts: sparse rows of users over items, and products with them that do not depend on the
//! number of threads.

use rayon::prelude::*;

/// Sparse rows: for each user the items, ascending, and what each counts; 1 where nothing else is said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    starts: Vec<usize>,
    items: Vec<u32>,
    values: Vec<f32>,
    width: usize,
}

impl Rows {
    /// Of one list a user over `width` items; a repeated item counts once.
    pub(crate) fn new(lists: impl IntoIterator<Item = Vec<u32>>, width: usize) -> Self {
        let once = lists.into_iter().map(|mut list| {
            list.sort_unstable();
            list.dedup();
            list.into_iter().map(|item| (item, 1.0)).collect()
        });
        Rows::weighed(once, width)
    }

    /// Of one list a user of items and what they count, over `width` items; what a repeated item counts is summed.
    pub(crate) fn weighed(lists: impl IntoIterator<Item = Vec<(u32, f32)>>, width: usize) -> Self {
        let (mut starts, mut items, mut values) = (vec![0], Vec::new(), Vec::new());
        for mut list in lists {
            list.sort_by_key(|(item, _)| *item);
            for same in list.chunk_by(|a, b| a.0 == b.0) {
                items.push(same[0].0);
                values.push(same.iter().map(|(_, value)| value).sum());
            }
            starts.push(items.len());
        }
        Rows {
            starts,
            items,
            values,
            width,
        }
    }

    /// How many users.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many items there could be.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// All pairs.
    pub(crate) fn pairs(&self) -> usize {
        self.items.len()
    }

    /// What user `row` had.
    pub(crate) fn row(&self, row: usize) -> &[u32] {
        &self.items[self.starts[row]..self.starts[row + 1]]
    }

    /// The same with what each counts.
    pub(crate) fn entries(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = self.starts[row]..self.starts[row + 1];
        self.items[range.clone()]
            .iter()
            .copied()
            .zip(self.values[range].iter().copied())
    }

    /// What each item counts over all users: how many had it, where nothing else is said. At least 0.
    pub(crate) fn counts(&self) -> Vec<f32> {
        // A 32-bit sum of ones ends at 2^24.
        let mut counts = vec![0.0_f64; self.width];
        for (&item, value) in self.items.iter().zip(&self.values) {
            counts[item as usize] += f64::from(*value);
        }
        counts.into_iter().map(|count| count.max(0.0) as f32).collect()
    }

    /// The same pairs by item.
    pub(crate) fn transposed(&self) -> Rows {
        let mut lists = vec![Vec::new(); self.width];
        for user in 0..self.len() {
            for (item, value) in self.entries(user) {
                lists[item as usize].push((user as u32, value));
            }
        }
        Rows::weighed(lists, self.len())
    }

    /// Each row's sum of the rows of `table`, `[width, columns]`, that it names, each times its `weight` and what it counts;
    /// `[len, columns]`.
    pub(crate) fn sums(&self, table: &[f32], columns: usize, weight: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.len() * columns];
        out.par_chunks_mut(columns.max(1))
            .enumerate()
            .for_each(|(row, out)| {
                for (item, value) in self.entries(row) {
                    let (item, weight) = (item as usize, value * weight[item as usize]);
                    for (out, x) in out.iter_mut().zip(&table[item * columns..(item + 1) * columns]) {
                        *out += weight * x;
                    }
                }
            });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_the_same_pairs() {
        let rows = Rows::new([vec![2, 0, 2], vec![], vec![1, 2]], 4);
        assert_eq!(
            (rows.row(0), rows.row(1), rows.pairs()),
            (&[0, 2][..], &[][..], 4)
        );
        assert_eq!(rows.counts(), [1.0, 1.0, 2.0, 0.0]);
        let back = rows.transposed();
        assert_eq!((back.row(2), back.width(), back.len()), (&[0, 2][..], 3, 4));
        let table = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert_eq!(
            rows.sums(&table, 2, &[1.0, 1.0, 0.5, 1.0]),
            [3.5, 5.0, 0.0, 0.0, 5.5, 7.0]
        );
    }
}
