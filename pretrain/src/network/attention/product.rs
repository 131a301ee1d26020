//! Products of the small matrices of one head, whose results are partly masked: what is masked is not computed.

use std::ops::Range;

/// Rows of a result that are computed together.
const ROWS: usize = 4;
/// Columns of a result that are computed together.
pub(super) const LANES: usize = 32;

/// The left factor: entry (r, k) stands at `r * row + k * column` of `values`.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) values: &'a [f32],
    pub(super) row: usize,
    pub(super) column: usize,
}

/// The right factor: rows of `width` values, a multiple of [`LANES`].
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub(super) values: &'a [f32],
    pub(super) width: usize,
}

/// `rows` rows of the product of `left` and `right`, handed to `store` by row, column and [`LANES`] values from there.
/// For a block of rows, `extent` says over which k the sum goes and how many columns are wanted.
#[inline(always)]
pub(super) fn multiply(
    left: Left,
    right: Right,
    rows: usize,
    extent: impl Fn(Range<usize>) -> (Range<usize>, usize),
    mut store: impl FnMut(usize, usize, &[f32; LANES]),
) {
    let mut first = 0;
    while first < rows {
        let height = if first + ROWS <= rows { ROWS } else { 1 };
        let (inner, columns) = extent(first..first + height);
        for column in (0..columns).step_by(LANES) {
            if height == ROWS {
                let sums = tile::<ROWS>(left, right, first, inner.clone(), column);
                for (row, sums) in sums.iter().enumerate() {
                    store(first + row, column, sums);
                }
            } else {
                let [sums] = tile::<1>(left, right, first, inner.clone(), column);
                store(first, column, &sums);
            }
        }
        first += height;
    }
}

/// `R` rows by [`LANES`] columns; small enough that the sums stay in vector registers.
#[inline(always)]
fn tile<const R: usize>(
    left: Left,
    right: Right,
    first: usize,
    inner: Range<usize>,
    column: usize,
) -> [[f32; LANES]; R] {
    let mut sums = [[0.0; LANES]; R];
    let (blocks, _) = right.values.as_chunks::<LANES>();
    let (width, column) = (right.width / LANES, column / LANES);
    for k in inner {
        let row = &blocks[k * width + column];
        for (r, sums) in sums.iter_mut().enumerate() {
            let factor = left.values[(first + r) * left.row + k * left.column];
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum = multiply_add(factor, *value, *sum);
            }
        }
    }
    sums
}

/// Fused where the CPU has an instruction for it, and not emulated where it has none.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(target_feature = "fma") {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// Copies `count` rows of `width` values that stand `stride` apart into rows of `out` that stand `wide` apart.
pub(super) fn widen(values: &[f32], stride: usize, width: usize, count: usize, out: &mut [f32], wide: usize) {
    for (row, out) in values.chunks(stride).zip(out.chunks_mut(wide)).take(count) {
        out[..width].copy_from_slice(&row[..width]);
    }
}

/// The same transposed: `width` rows of `count` values.
pub(super) fn widen_transposed(
    values: &[f32],
    stride: usize,
    width: usize,
    count: usize,
    out: &mut [f32],
    wide: usize,
) {
    for (at, row) in values.chunks(stride).enumerate().take(count) {
        for (column, &value) in row[..width].iter().enumerate() {
            out[column * wide + at] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_single_rows_are_the_definition() {
        let (rows, inner, columns) = (7, 5, 40);
        let left: Vec<f32> = (0..rows * inner).map(|i| ((i * 7) % 11) as f32 - 5.0).collect();
        let values: Vec<f32> = (0..inner * columns)
            .map(|i| ((i * 5) % 13) as f32 - 6.0)
            .collect();
        let mut wide = vec![0.0; inner * 64];
        widen(&values, columns, columns, inner, &mut wide, 64);
        let expected = |r: usize, c: usize| -> f32 {
            (0..inner)
                .map(|k| left[r * inner + k] * values[k * columns + c])
                .sum()
        };
        let mut transposed = vec![0.0; rows * inner];
        widen_transposed(&left, inner, inner, rows, &mut transposed, rows);
        let lefts = [
            Left {
                values: &left,
                row: inner,
                column: 1,
            },
            Left {
                values: &transposed,
                row: 1,
                column: rows,
            },
        ];
        for left in lefts {
            let mut seen = 0;
            let right = Right {
                values: &wide,
                width: 64,
            };
            multiply(
                left,
                right,
                rows,
                |_| (0..inner, columns),
                |row, column, sums| {
                    for (lane, sum) in sums.iter().enumerate().take(columns - column) {
                        assert_eq!(*sum, expected(row, column + lane));
                        seen += 1;
                    }
                },
            );
            assert_eq!(seen, rows * columns);
        }
    }
}
