//! All scores by a copy of the catalogue of one byte a number.
//!
//! A row of embeddings is divided by a step of its own, so that its largest number becomes 127; a query likewise. The
//! products are sums of integers, the same on every CPU. A quarter of the memory is read, which is what a scan waits for.

/// Items that stand side by side.
const WIDTH: usize = 64;
/// The largest number of a row and of a query. Two products of such numbers fit into 16 bits.
const LARGEST: f32 = 127.0;

/// The coarse copy of N items in D dimensions: N (D + 4) bytes.
#[derive(Debug, Clone)]
pub struct Coarse {
    /// D, filled up to an even number with zeros.
    columns: usize,
    /// Panels of [`WIDTH`] items, each column by column.
    panels: Vec<[i8; WIDTH]>,
    /// What one stands for in each row.
    steps: Vec<[f32; WIDTH]>,
}

impl Coarse {
    /// The copy of `embeddings`, `[items, dims]` row by row.
    pub fn new(embeddings: &[f32], items: usize, dims: usize) -> Self {
        let panels = items.div_ceil(WIDTH);
        let columns = dims.next_multiple_of(2);
        let mut coarse = Coarse {
            columns,
            panels: vec![[0; WIDTH]; panels * columns],
            steps: vec![[0.0; WIDTH]; panels],
        };
        for item in 0..items {
            coarse.set(item, &embeddings[item * dims..][..dims]);
        }
        coarse
    }

    fn set(&mut self, item: usize, row: &[f32]) {
        let (panel, lane) = (item / WIDTH, item % WIDTH);
        let step = step(row);
        self.steps[panel][lane] = step;
        let columns = &mut self.panels[panel * self.columns..];
        for (column, value) in columns.iter_mut().zip(row) {
            column[lane] = (value / step).round() as i8;
        }
    }

    /// The products scale * row . query of all items, as far as the copy tells; `out`, `[items]`, is overwritten.
    pub fn scores(&self, query: &[f32], scale: f32, out: &mut [f32]) {
        let unit = step(query);
        let mut coarse: Vec<i16> = query.iter().map(|x| (x / unit).round() as i16).collect();
        coarse.resize(self.columns, 0);
        for (panel, (out, steps)) in out.chunks_mut(WIDTH).zip(&self.steps).enumerate() {
            let columns = &self.panels[panel * self.columns..(panel + 1) * self.columns];
            let sums = products(columns, &coarse);
            let mut scores = [0.0; WIDTH];
            for lane in 0..WIDTH {
                scores[lane] = sums[lane] as f32 * (steps[lane] * unit * scale);
            }
            out.copy_from_slice(&scores[..out.len()]);
        }
    }
}

/// What one stands for, so that the largest number of `row` becomes [`LARGEST`].
fn step(row: &[f32]) -> f32 {
    let largest = row.iter().fold(0.0f32, |top, x| top.max(x.abs()));
    largest.max(f32::MIN_POSITIVE * LARGEST) / LARGEST
}

/// The sums over the columns of a panel. Pairs of columns are summed in 16 bits, which is twice as fast.
#[inline(always)]
fn products(columns: &[[i8; WIDTH]], query: &[i16]) -> [i32; WIDTH] {
    let mut sums = [0i32; WIDTH];
    let (pairs, _) = columns.as_chunks::<2>();
    let (numbers, _) = query.as_chunks::<2>();
    for ([one, two], [x, y]) in pairs.iter().zip(numbers) {
        for lane in 0..WIDTH {
            let pair =
                (i16::from(one[lane]).wrapping_mul(*x)).wrapping_add(i16::from(two[lane]).wrapping_mul(*y));
            sums[lane] += i32::from(pair);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use common::rng::{normal, stream};

    use super::*;

    fn catalogue(items: usize, dims: usize) -> Vec<f32> {
        let mut rng = stream(1, "catalogue", &[items as u64]);
        (0..items * dims).map(|_| normal(&mut rng)).collect()
    }

    fn query(dims: usize, index: u64) -> Vec<f32> {
        let mut rng = stream(2, "query", &[index]);
        (0..dims).map(|_| normal(&mut rng)).collect()
    }

    #[test]
    fn scores_are_the_exact_ones_but_for_rounding() {
        for (items, dims) in [(3000, 64), (1000, 7), (65, 1)] {
            let embeddings = catalogue(items, dims);
            let coarse = Coarse::new(&embeddings, items, dims);
            let mut scores = vec![0.0; items];
            for index in 0..5 {
                let query = query(dims, index);
                coarse.scores(&query, 0.5, &mut scores);
                // Each factor is off by at most half a step, a 254th of the largest.
                let bound = |row: &[f32]| {
                    let largest = |values: &[f32]| values.iter().fold(0.0f32, |top, x| top.max(x.abs()));
                    0.5 * dims as f32 * largest(row) * largest(&query) * 2.1 / 254.0
                };
                for item in 0..items {
                    let row = &embeddings[item * dims..][..dims];
                    let exact = 0.5 * row.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
                    let miss = (scores[item] - exact).abs();
                    assert!(miss <= bound(row) + 1e-5, "{items} {dims} {item}: {miss}");
                }
            }
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let coarse = Coarse::new(&[127.0, -127.0, -127.0, 127.0, 0.0, 0.0], 3, 2);
        let mut scores = vec![9.0; 3];
        coarse.scores(&[-1.0, 1.0], 1.0, &mut scores);
        assert_eq!(scores, [-254.0, 254.0, 0.0]);
        // Zeros have no step of their own.
        coarse.scores(&[0.0, 0.0], 1.0, &mut scores);
        assert_eq!(scores, [0.0, 0.0, 0.0]);
    }
}
