//! The leading singular vectors of a sparse matrix, by subspace iteration (Halko, Martinsson and Tropp 2011, arXiv 0909.4061):
//! memory for a few vectors of users and items, whatever the number of interactions.

use common::rng::{normal, stream};
use nalgebra::DMatrix;
use rayon::prelude::*;

use super::rows::Rows;

/// Vectors carried beside those that are wanted.
const SURPLUS: usize = 12;
/// Rounds of the iteration.
const ROUNDS: usize = 7;
/// Rows of a piece of a product whose sum is over rows.
const PIECE: usize = 1_024;
/// Directions of less than this share of the largest one's length are none.
const LEAST: f64 = 1e-9;

/// Leading right singular vectors of a matrix and the squares of its singular values, falling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spectrum {
    /// Squares of singular values.
    pub(crate) squares: Vec<f32>,
    /// `[items, squares.len()]`, orthonormal columns.
    pub(crate) vectors: Vec<f32>,
}

/// The matrix diag(row weight) X diag(column weight) of 0/1 rows X.
#[derive(Clone, Debug)]
pub(crate) struct Weighted<'a> {
    /// X.
    pub(crate) rows: &'a Rows,
    /// X transposed.
    pub(crate) columns: &'a Rows,
    /// By user.
    pub(crate) row_weight: &'a [f32],
    /// By item.
    pub(crate) column_weight: &'a [f32],
}

impl Weighted<'_> {
    /// The matrix times `table`, `[items, width]`.
    fn times(&self, table: &[f32], width: usize) -> Vec<f32> {
        let mut product = self.rows.sums(table, width, self.column_weight);
        scale_rows(&mut product, width, self.row_weight);
        product
    }

    /// The transposed matrix times `table`, `[users, width]`.
    fn transposed_times(&self, table: &[f32], width: usize) -> Vec<f32> {
        let mut product = self.columns.sums(table, width, self.row_weight);
        scale_rows(&mut product, width, self.column_weight);
        product
    }

    /// The `rank` leading directions, fewer where there are no more; `seed` draws the start.
    pub(crate) fn spectrum(&self, rank: usize, seed: u64) -> Spectrum {
        let (users, items) = (self.rows.len(), self.rows.width());
        let width = (rank + SURPLUS).min(users).min(items);
        if width == 0 {
            return Spectrum::default();
        }
        let mut rng = stream(seed, "pretrain/spectrum", &[]);
        let mut basis: Vec<f32> = (0..items * width).map(|_| normal(&mut rng)).collect();
        for _ in 0..ROUNDS {
            basis = self.transposed_times(&self.times(&basis, width), width);
            orthonormalise(&mut basis, width);
        }
        // Rayleigh and Ritz: the directions within the subspace.
        let image = self.times(&basis, width);
        let (squares, rotation) = eigen(gram(&image, width));
        let kept = squares
            .iter()
            .take(rank)
            .take_while(|&&s| s > LEAST * squares[0])
            .count();
        Spectrum {
            squares: squares[..kept].iter().map(|&s| s as f32).collect(),
            vectors: rotate(&basis, width, &rotation, kept),
        }
    }
}

impl Spectrum {
    /// How many directions there are.
    pub(crate) fn rank(&self) -> usize {
        self.squares.len()
    }
}

/// Directions of the rows of a dense table, `[rows, width]`, in which these differ most: their coordinates, `[rows, kept]` with
/// at most `most` columns, which keep the rows' inner products as well as so many numbers can, and those of the rows of
/// `others`.
pub(crate) fn reduced(
    table: &[f32],
    others: &[f32],
    width: usize,
    most: usize,
) -> (Vec<f32>, Vec<f32>, usize) {
    if width <= most {
        return (table.to_vec(), others.to_vec(), width);
    }
    let (squares, rotation) = eigen(gram(table, width));
    let kept = squares
        .iter()
        .take(most)
        .take_while(|&&s| s > LEAST * squares[0])
        .count();
    let [table, others] = [table, others].map(|rows| rotate(rows, width, &rotation, kept));
    (table, others, kept)
}

fn scale_rows(table: &mut [f32], width: usize, weights: &[f32]) {
    table
        .par_chunks_mut(width)
        .zip(weights)
        .for_each(|(row, weight)| {
            row.iter_mut().for_each(|x| *x *= weight);
        });
}

/// table' table, summed in pieces of rows in their order.
fn gram(table: &[f32], width: usize) -> DMatrix<f64> {
    let pieces: Vec<Vec<f64>> = table
        .par_chunks(width * PIECE)
        .map(|piece| {
            let mut sums = vec![0.0; width * width];
            for row in piece.chunks_exact(width) {
                // Rows of what nobody liked are 0. Of the rest the upper triangle is enough.
                for (at, &x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                    let right = &mut sums[at * width + at..(at + 1) * width];
                    for (sum, &y) in right.iter_mut().zip(&row[at..]) {
                        *sum += f64::from(x) * f64::from(y);
                    }
                }
            }
            sums
        })
        .collect();
    let mut total = DMatrix::zeros(width, width);
    for piece in pieces {
        total += DMatrix::from_row_slice(width, width, &piece);
    }
    total.fill_lower_triangle_with_upper_triangle();
    total
}

/// Eigenvalues, falling, and their vectors as columns.
fn eigen(symmetric: DMatrix<f64>) -> (Vec<f64>, DMatrix<f64>) {
    let found = symmetric.symmetric_eigen();
    let mut order: Vec<usize> = (0..found.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| found.eigenvalues[b].total_cmp(&found.eigenvalues[a]));
    let values = order.iter().map(|&at| found.eigenvalues[at].max(0.0)).collect();
    let columns: Vec<_> = order.iter().map(|&at| found.eigenvectors.column(at)).collect();
    (values, DMatrix::from_columns(&columns))
}

/// The first `kept` columns of table times rotation.
fn rotate(table: &[f32], width: usize, rotation: &DMatrix<f64>, kept: usize) -> Vec<f32> {
    let mut out = vec![0.0; table.len() / width * kept];
    if kept > 0 {
        // Row by row, so that the sums of a row run side by side.
        let by_row: Vec<f64> = rotation.columns(0, kept).transpose().as_slice().to_vec();
        out.par_chunks_mut(kept)
            .zip(table.par_chunks(width))
            .for_each_init(
                || vec![0.0f64; kept],
                |sums, (out, row)| {
                    sums.fill(0.0);
                    for (&x, factors) in row.iter().zip(by_row.chunks_exact(kept)) {
                        if x != 0.0 {
                            sums.iter_mut()
                                .zip(factors)
                                .for_each(|(sum, factor)| *sum += f64::from(x) * factor);
                        }
                    }
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out = *sum as f32);
                },
            );
    }
    out
}

/// Makes the columns orthonormal; a direction that is none becomes 0.
fn orthonormalise(table: &mut Vec<f32>, width: usize) {
    // Twice: the first pass is only as exact as the square of the columns' condition.
    for _ in 0..2 {
        let (squares, mut rotation) = eigen(gram(table, width));
        let largest = squares.first().copied().unwrap_or(0.0);
        for (at, square) in squares.iter().enumerate() {
            let factor = if *square > LEAST * LEAST * largest {
                square.sqrt().recip()
            } else {
                0.0
            };
            rotation.column_mut(at).scale_mut(factor);
        }
        *table = rotate(table, width, &rotation, width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::RngExt;

    /// Against nalgebra's dense decomposition.
    #[test]
    fn leading_directions_are_those_of_the_dense_matrix() {
        let (users, items, rank) = (60, 40, 5);
        let mut rng = stream(3, "test", &[]);
        let lists: Vec<Vec<u32>> = (0..users)
            .map(|user| {
                (0..items as u32)
                    .filter(|item| {
                        rng.random::<f32>()
                            < if (user + *item as usize).is_multiple_of(4) {
                                0.7
                            } else {
                                0.1
                            }
                    })
                    .collect()
            })
            .collect();
        let rows = Rows::new(lists, items);
        let columns = rows.transposed();
        let row_weight: Vec<f32> = (0..users).map(|u| 1.0 / (1.0 + u as f32 / 60.0)).collect();
        let column_weight: Vec<f32> = (0..items).map(|i| 0.5 + i as f32 / 80.0).collect();
        let matrix = Weighted {
            rows: &rows,
            columns: &columns,
            row_weight: &row_weight,
            column_weight: &column_weight,
        };
        let found = matrix.spectrum(rank, 1);
        let mut dense = DMatrix::<f64>::zeros(users, items);
        for user in 0..users {
            for &item in rows.row(user) {
                dense[(user, item as usize)] = f64::from(row_weight[user] * column_weight[item as usize]);
            }
        }
        let (values, vectors) = eigen(dense.transpose() * &dense);
        assert_eq!(found.rank(), rank);
        for at in 0..rank {
            assert!(
                (f64::from(found.squares[at]) / values[at] - 1.0).abs() < 1e-3,
                "{at}"
            );
            let dot: f64 = (0..items)
                .map(|i| f64::from(found.vectors[i * rank + at]) * vectors[(i, at)])
                .sum();
            assert!(dot.abs() > 0.99, "{at}: {dot}");
        }
    }

    #[test]
    fn a_matrix_of_low_rank_gives_no_more_than_it_has() {
        let rows = Rows::new([vec![0, 1], vec![0, 1], vec![2]], 6);
        let columns = rows.transposed();
        let matrix = Weighted {
            rows: &rows,
            columns: &columns,
            row_weight: &[1.0; 3],
            column_weight: &[1.0; 6],
        };
        let found = matrix.spectrum(4, 1);
        assert_eq!(found.rank(), 2);
        assert!((found.squares[0] - 4.0).abs() < 1e-4 && (found.squares[1] - 1.0).abs() < 1e-4);
    }
}
