//! Dense symmetric matrices that are inverted: blocked, in parallel, the same bytes for every number of threads.

use common::stats::dot;
use rayon::prelude::*;

use crate::appeal::Rows;

/// Columns of a panel of the factorisation.
const PANEL: usize = 64;
/// Right-hand sides, or rows, that share one pass over a matrix.
const SIDE: usize = 8;

/// X X' + `ridge` I of rows X, whose transposed is `columns`; `[len, len]`.
pub(super) fn gram(rows: &Rows, columns: &Rows, ridge: f64) -> Vec<f64> {
    let n = rows.len();
    let mut gram = vec![0.0; n * n];
    gram.par_chunks_mut(n.max(1)).enumerate().for_each(|(at, out)| {
        for (column, value) in rows.entries(at) {
            for (other, times) in columns.entries(column as usize) {
                out[other as usize] += f64::from(value) * f64::from(times);
            }
        }
        out[at] += ridge;
    });
    gram
}

/// Of a positive definite matrix A, `[n, n]`, the transposed inverse of its Cholesky factor: T with A^-1 = T T', where row k
/// of T begins at column k. None where A is not positive definite.
pub(super) fn inverse_factor(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    factor(&mut a, n)?;
    let lower = a;
    let mut inverse = vec![0.0; n * n];
    inverse
        .par_chunks_mut((n * SIDE).max(1))
        .enumerate()
        .for_each(|(number, out)| {
            let first = number * SIDE;
            // Columns `first` to `first` + SIDE of the factor's inverse, by row.
            let mut solved = vec![[0.0; SIDE]; n];
            for row in first..n {
                let mut sums = [0.0; SIDE];
                if row < first + SIDE {
                    sums[row - first] = 1.0;
                }
                let left = &lower[row * n + first..row * n + row];
                for (l, x) in left.iter().zip(&solved[first..row]) {
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum -= l * x;
                    }
                }
                let pivot = lower[row * n + row];
                solved[row] = sums.map(|sum| sum / pivot);
            }
            for (side, out) in out.chunks_exact_mut(n).enumerate() {
                for (out, x) in out.iter_mut().zip(&solved).skip(first + side) {
                    *out = x[side];
                }
            }
        });
    Some(inverse)
}

/// T T' of what [`inverse_factor`] gives; of each row the part from its diagonal on, the rest zeros.
pub(super) fn upper_product(t: &[f64], n: usize) -> Vec<f64> {
    let mut product = vec![0.0; n * n];
    product
        .par_chunks_mut((n * SIDE).max(1))
        .enumerate()
        .for_each(|(number, out)| {
            let first = number * SIDE;
            for column in first..n {
                let right = &t[column * n + column..(column + 1) * n];
                for (side, out) in out.chunks_exact_mut(n).enumerate() {
                    let row = first + side;
                    if row <= column {
                        out[column] = dot(&t[row * n + column..(row + 1) * n], right);
                    }
                }
            }
        });
    product
}

/// Cholesky's factor in the lower triangle, in place; what is above the diagonal is left as it was.
fn factor(a: &mut [f64], n: usize) -> Option<()> {
    for start in (0..n).step_by(PANEL) {
        let end = (start + PANEL).min(n);
        let (above, below) = a.split_at_mut(end * n);
        let panel = &mut above[start * n..];
        for row in 0..end - start {
            let (done, rest) = panel.split_at_mut(row * n);
            reduce(&mut rest[..n], done, n, start);
            let at = start + row;
            let square = rest[at] - dot(&rest[..at], &rest[..at]);
            if !(square > 0.0 && square.is_finite()) {
                return None;
            }
            rest[at] = square.sqrt();
        }
        let panel = &*panel;
        below
            .par_chunks_mut(n)
            .for_each(|row| reduce(row, panel, n, start));
    }
    Some(())
}

/// A row's entries of the columns from `start` on that have their `panel` rows, by forward substitution.
fn reduce(row: &mut [f64], panel: &[f64], n: usize, start: usize) {
    for (number, factor) in panel.chunks_exact(n).enumerate() {
        let at = start + number;
        row[at] = (row[at] - dot(&row[..at], &factor[..at])) / factor[at];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::tests::example;
    use nalgebra::DMatrix;

    #[test]
    fn the_inverse_is_the_dense_one() {
        let rows = example(150, 170);
        let gram = gram(&rows, &rows.transposed(), 3.0);
        let n = rows.len();
        let truth = DMatrix::from_row_slice(n, n, &gram).try_inverse().unwrap();
        let found = upper_product(&inverse_factor(gram, n).unwrap(), n);
        for i in 0..n {
            for j in i..n {
                assert!((found[i * n + j] - truth[(i, j)]).abs() < 1e-10, "{i} {j}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        assert!(inverse_factor(vec![1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(inverse_factor(Vec::new(), 0).is_some());
    }
}
