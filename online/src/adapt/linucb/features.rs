//! What answers are regressed on: item vectors, whole and in the directions in which items differ most.

use common::policy::linear::Packed;
use common::rng::{normal, stream};

/// Rounds of the iteration that finds directions.
const ROUNDS: usize = 60;
/// Lengths below this share of the longest direction's are none.
const LEAST: f64 = 1e-9;

/// A row of numbers per item.
pub(super) struct Features {
    /// Numbers of an item.
    pub(super) width: usize,
    table: Vec<f32>,
    pub(super) packed: Packed,
}

impl Features {
    fn new(table: Vec<f32>, items: usize, width: usize) -> Self {
        Features {
            width,
            packed: Packed::new(&table, items, width),
            table,
        }
    }

    /// 1 and the whole vector.
    pub(super) fn whole(embeddings: &[f32], items: usize, dims: usize) -> Self {
        let scale = unit(embeddings, items);
        let of = |row: &[f32]| -> Vec<f32> {
            std::iter::once(1.0)
                .chain(row.iter().map(|x| scale * x))
                .collect()
        };
        Features::new(
            embeddings.chunks_exact(dims).flat_map(of).collect(),
            items,
            dims + 1,
        )
    }

    /// The vectors' differences from their mean in the `most` leading directions.
    pub(super) fn main(embeddings: &[f32], items: usize, dims: usize, most: usize) -> Self {
        let directions = directions(embeddings, items, dims, most.min(dims));
        let mut table = Vec::with_capacity(items * directions.len());
        for row in embeddings.chunks_exact(dims) {
            let along = |direction: &Vec<f64>| {
                row.iter()
                    .zip(direction)
                    .map(|(x, d)| f64::from(*x) * d)
                    .sum::<f64>()
            };
            table.extend(directions.iter().map(|direction| along(direction) as f32));
        }
        // The mean is taken out here: a direction's own is the mean of its numbers.
        for at in 0..directions.len() {
            let column = || table.iter().skip(at).step_by(directions.len());
            let mean = (column().map(|&x| f64::from(x)).sum::<f64>() / items as f64) as f32;
            table
                .iter_mut()
                .skip(at)
                .step_by(directions.len())
                .for_each(|x| *x -= mean);
        }
        let scale = unit(&table, items);
        table.iter_mut().for_each(|x| *x *= scale);
        Features::new(table, items, directions.len())
    }

    pub(super) fn row(&self, item: usize) -> &[f32] {
        &self.table[item * self.width..][..self.width]
    }
}

/// The factor that makes the mean square length of rows 1; 1 where all are 0.
fn unit(table: &[f32], rows: usize) -> f32 {
    let square = table.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / rows as f64;
    if square > 0.0 {
        square.sqrt().recip() as f32
    } else {
        1.0
    }
}

/// An orthonormal basis of the `count` leading directions of the rows around their mean, by subspace iteration.
fn directions(rows: &[f32], items: usize, dims: usize, count: usize) -> Vec<Vec<f64>> {
    let mut mean = vec![0.0; dims];
    for row in rows.chunks_exact(dims) {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, x)| *m += f64::from(*x) / items as f64);
    }
    let mut covariance = vec![0.0; dims * dims];
    let mut centred = vec![0.0; dims];
    for row in rows.chunks_exact(dims) {
        for ((c, x), m) in centred.iter_mut().zip(row).zip(&mean) {
            *c = f64::from(*x) - m;
        }
        for (a, out) in centred.iter().zip(covariance.chunks_exact_mut(dims)) {
            out.iter_mut().zip(&centred).for_each(|(out, b)| *out += a * b);
        }
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut rng = stream(0, "linucb/directions", &[]);
    let mut basis: Vec<Vec<f64>> = (0..count)
        .map(|_| (0..dims).map(|_| f64::from(normal(&mut rng))).collect())
        .collect();
    for _ in 0..ROUNDS {
        let mut longest = 0.0f64;
        for at in 0..count {
            let (done, rest) = basis.split_at_mut(at);
            let mut image: Vec<f64> = covariance
                .chunks_exact(dims)
                .map(|row| dot(row, &rest[0]))
                .collect();
            let before = dot(&image, &image).sqrt();
            longest = longest.max(before);
            // Twice, for what rounding leaves.
            for other in done.iter().chain(done.iter()) {
                let along = dot(&image, other);
                image.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
            }
            let length = dot(&image, &image).sqrt();
            let scale = if length > LEAST * longest {
                length.recip()
            } else {
                0.0
            };
            rest[0] = image.iter().map(|x| scale * x).collect();
        }
    }
    basis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_directions_are_those_in_which_rows_differ_most() {
        let mut rng = stream(3, "test", &[]);
        let spread = [0.1f32, 3.0, 0.2, 2.0];
        let rows: Vec<f32> = (0..500)
            .flat_map(|_| spread.map(|s| 5.0 + s * normal(&mut rng)))
            .collect();
        let basis = directions(&rows, 500, 4, 2);
        // Of the first two directions almost nothing lies outside of the second and the fourth number.
        for direction in &basis {
            let inside = direction[1].powi(2) + direction[3].powi(2);
            assert!((inside - 1.0).abs() < 0.01, "{direction:?}");
        }
        let found = Features::main(&rows, 500, 4, 2);
        assert_eq!(found.width, 2);
        let square: f32 = (0..500).flat_map(|item| found.row(item)).map(|x| x * x).sum();
        assert!((square / 500.0 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn vectors_without_differences_give_zeros() {
        let found = Features::main(&[2.0; 12], 4, 3, 8);
        assert!(
            (0..4).all(|item| found.row(item).iter().all(|x| x.abs() < 1e-3)),
            "{:?}",
            found.table
        );
        let whole = Features::whole(&[0.0; 12], 4, 3);
        assert_eq!(whole.row(2), [1.0, 0.0, 0.0, 0.0]);
    }
}
