//! Who had what: sparse rows of users over items, and products with them that do not depend on the number of threads.

use rayon::prelude::*;

/// Sparse 0/1 rows: for each user the items, ascending.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    starts: Vec<usize>,
    items: Vec<u32>,
    width: usize,
}

impl Rows {
    /// Of one list a user over `width` items; a repeated item counts once.
    pub(crate) fn new(lists: impl IntoIterator<Item = Vec<u32>>, width: usize) -> Self {
        let (mut starts, mut items) = (vec![0], Vec::new());
        for mut list in lists {
            list.sort_unstable();
            list.dedup();
            items.extend_from_slice(&list);
            starts.push(items.len());
        }
        Rows { starts, items, width }
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

    /// How many users had each item.
    pub(crate) fn counts(&self) -> Vec<f32> {
        // A 32-bit sum of ones ends at 2^24.
        let mut counts = vec![0_u32; self.width];
        for &item in &self.items {
            counts[item as usize] += 1;
        }
        counts.into_iter().map(|count| count as f32).collect()
    }

    /// The same pairs by item.
    pub(crate) fn transposed(&self) -> Rows {
        let mut lists: Vec<Vec<u32>> = self
            .counts()
            .iter()
            .map(|&n| Vec::with_capacity(n as usize))
            .collect();
        for user in 0..self.len() {
            for &item in self.row(user) {
                lists[item as usize].push(user as u32);
            }
        }
        Rows::new(lists, self.len())
    }

    /// Each row's sum of the rows of `table`, `[width, columns]`, that it names, each times its `weight`; `[len, columns]`.
    pub(crate) fn sums(&self, table: &[f32], columns: usize, weight: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.len() * columns];
        out.par_chunks_mut(columns.max(1))
            .enumerate()
            .for_each(|(row, out)| {
                for &item in self.row(row) {
                    let (item, weight) = (item as usize, weight[item as usize]);
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
