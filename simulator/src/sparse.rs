//! Rows of sorted indices: who consumed what, which features are on.

/// Sorted, distinct `u32` values for each row, stored end to end (the index part of a CSR matrix).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparseRows {
    offsets: Vec<u64>,
    values: Vec<u32>,
}

impl SparseRows {
    /// No rows yet, with room for so many rows and values in all.
    pub fn with_capacity(rows: usize, values: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        SparseRows {
            offsets,
            values: Vec::with_capacity(values),
        }
    }

    /// Adds a row of sorted, distinct values.
    pub fn push_row(&mut self, row: &[u32]) {
        debug_assert!(row.is_sorted_by(|a, b| a < b), "{row:?}");
        self.values.extend_from_slice(row);
        self.offsets.push(self.values.len() as u64);
    }

    /// From (row, value) pairs in any order; repeated pairs count once.
    pub fn from_pairs(rows: usize, pairs: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut pairs: Vec<(u32, u32)> = pairs.into_iter().collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut offsets = vec![0; rows + 1];
        for &(row, _) in &pairs {
            offsets[row as usize + 1] += 1;
        }
        for row in 0..rows {
            offsets[row + 1] += offsets[row];
        }
        SparseRows {
            offsets,
            values: pairs.into_iter().map(|(_, value)| value).collect(),
        }
    }

    /// From stored parts; `None` when they do not describe sorted rows of values below `limit`.
    pub fn from_parts(offsets: Vec<u64>, values: Vec<u32>, limit: usize) -> Option<Self> {
        let whole = offsets.first() == Some(&0)
            && offsets.last().is_some_and(|&end| end == values.len() as u64)
            && offsets.is_sorted();
        let rows = SparseRows { offsets, values };
        let sound = whole
            && (0..rows.len()).all(|row| rows.row(row).is_sorted_by(|a, b| a < b))
            && rows.values.iter().all(|&value| (value as usize) < limit);
        sound.then_some(rows)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values all rows hold together.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The sorted values of one row.
    pub fn row(&self, row: usize) -> &[u32] {
        &self.values[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// Whether `row` holds `value`.
    pub fn contains(&self, row: usize, value: u32) -> bool {
        self.row(row).binary_search(&value).is_ok()
    }

    /// Where each row begins in [`SparseRows::values`], and the end.
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// The values of all rows, end to end.
    pub fn values(&self) -> &[u32] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_distinct() {
        let rows = SparseRows::from_pairs(3, [(2, 5), (0, 9), (2, 1), (2, 5)]);
        assert_eq!(rows.row(0), [9]);
        assert!(rows.row(1).is_empty());
        assert_eq!(rows.row(2), [1, 5]);
        assert!(rows.contains(2, 5) && !rows.contains(1, 5));
    }

    #[test]
    fn rows_pushed_are_rows_from_pairs() {
        let mut rows = SparseRows::with_capacity(3, 3);
        for row in [&[9][..], &[], &[1, 5]] {
            rows.push_row(row);
        }
        assert_eq!(rows, SparseRows::from_pairs(3, [(2, 5), (0, 9), (2, 1)]));
    }

    #[test]
    fn parts_that_make_no_rows_are_refused() {
        assert!(SparseRows::from_parts(vec![0, 1, 3], vec![4, 0, 2], 5).is_some());
        assert!(
            SparseRows::from_parts(vec![0, 1, 3], vec![4, 2, 2], 5).is_none(),
            "repeated value"
        );
        assert!(
            SparseRows::from_parts(vec![0, 1, 3], vec![5, 0, 2], 5).is_none(),
            "value out of range"
        );
        assert!(
            SparseRows::from_parts(vec![0, 2, 1], vec![0], 5).is_none(),
            "offsets go back"
        );
        assert!(
            SparseRows::from_parts(vec![0, 1], vec![0, 1], 5).is_none(),
            "values beyond the end"
        );
    }
}
