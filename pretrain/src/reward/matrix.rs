//! Small dense matrices: products, solving, inverting; symmetric and positive definite where it matters.

/// Square, row by row.
pub(crate) type Matrix = Vec<Vec<f64>>;

/// Solves `matrix` y = `vector` for a positive definite matrix, by Gaussian elimination.
pub(crate) fn solve(matrix: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    let (mut matrix, mut vector) = (matrix.to_vec(), vector.to_vec());
    let size = vector.len();
    for pivot in 0..size {
        for row in pivot + 1..size {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let (above, below) = matrix.split_at_mut(row);
            for (value, from) in below[0].iter_mut().zip(&above[pivot]).skip(pivot) {
                *value -= factor * from;
            }
            vector[row] -= factor * vector[pivot];
        }
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size)
            .map(|column| matrix[row][column] * vector[column])
            .sum();
        vector[row] = (vector[row] - known) / matrix[row][row];
    }
    vector
}

/// The inverse of a symmetric positive definite matrix.
pub(crate) fn inverse(matrix: &[Vec<f64>]) -> Matrix {
    let unit = |at: usize| (0..matrix.len()).map(move |i| f64::from(u8::from(i == at)));
    (0..matrix.len())
        .map(|at| solve(matrix, &unit(at).collect::<Vec<_>>()))
        .collect()
}

/// `a` times `b`.
pub(crate) fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> Matrix {
    let entry = |row: &[f64], column: usize| row.iter().zip(b).map(|(value, of)| value * of[column]).sum();
    a.iter()
        .map(|row| (0..b[0].len()).map(|column| entry(row, column)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_times_its_matrix_is_the_unit_matrix() {
        let matrix = vec![vec![4.0, 1.0, 0.5], vec![1.0, 3.0, -1.0], vec![0.5, -1.0, 2.0]];
        for (i, row) in product(&inverse(&matrix), &matrix).iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                assert!(
                    (value - f64::from(u8::from(i == j))).abs() < 1e-12,
                    "{i} {j}: {value}"
                );
            }
        }
        let y = solve(&matrix, &[1.0, 2.0, 3.0]);
        let back: f64 = matrix[1].iter().zip(&y).map(|(m, y)| m * y).sum();
        assert!((back - 2.0).abs() < 1e-12);
    }
}
