//! The three products of a linear layer y = W x, batched over rows: forward, gradient of the weight, gradient of the
//! input. Every layer of the network is one of these, the item scores too.
//!
//! Sums run in a fixed order that does not depend on the number of rows in the batch, so that a user's result is the
//! same whoever else is in it. Multiplications and additions are kept apart (not fused), so that it is also the same
//! on every CPU. The blocks are sized so that the accumulators stay in vector registers.

/// Outputs that one panel of a [`Packed`] matrix holds side by side.
const PANEL: usize = 16;
/// Panels that are gone through together.
const GROUP: usize = 4;
/// Batch rows (or weight rows) that a block works on at once.
const ROWS: usize = 4;
/// Batch rows over which a weight's gradient is summed before it is added: what they hold stays in the cache.
const BATCH: usize = 128;
/// Columns of a weight that a block of a gradient works on at once.
const LANES: usize = 32;

/// A weight matrix `[rows, columns]` rearranged for the forward product: panels of [`PANEL`] rows, each stored column
/// by column, the last one filled up with zeros.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    rows: usize,
    columns: usize,
    panels: Vec<f32>,
}

impl Packed {
    /// Packs `weight`, `[rows, columns]` row by row.
    pub fn new(weight: &[f32], rows: usize, columns: usize) -> Self {
        let mut packed = Packed::default();
        packed.set(weight, rows, columns);
        packed
    }

    /// Takes over another matrix.
    pub fn set(&mut self, weight: &[f32], rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        self.panels.clear();
        self.panels.resize(rows.div_ceil(PANEL) * PANEL * columns, 0.0);
        self.refresh(weight);
    }

    /// Takes over changed values of the same shape.
    pub fn refresh(&mut self, weight: &[f32]) {
        assert_eq!(weight.len(), self.rows * self.columns);
        let columns = self.columns;
        if columns == 0 {
            return;
        }
        let panels = self.panels.chunks_exact_mut(PANEL * columns);
        for (panel, rows) in panels.zip(weight.chunks(PANEL * columns)) {
            for (lane, row) in rows.chunks_exact(columns).enumerate() {
                for (column, &value) in row.iter().enumerate() {
                    panel[column * PANEL + lane] = value;
                }
            }
        }
    }

    /// `out[b, m] = sum_k input[b, k] * weight[m, k]`; `out` is overwritten.
    pub fn forward(&self, input: &[f32], out: &mut [f32]) {
        let (rows, columns) = (self.rows, self.columns);
        if rows == 0 {
            return;
        }
        let batch = out.len() / rows;
        assert_eq!(out.len(), batch * rows);
        assert_eq!(input.len(), batch * columns);
        let panels = rows.div_ceil(PANEL);
        for first in (0..panels).step_by(GROUP) {
            let last = panels.min(first + GROUP);
            let mut b = 0;
            while b + ROWS <= batch {
                let input = &input[b * columns..(b + ROWS) * columns];
                for p in first..last {
                    let sums = self.dot::<1, ROWS>(p, input);
                    self.put(&sums, p, b, out);
                }
                b += ROWS;
            }
            // Few rows are summed over several panels at once: one chain of additions would wait for itself.
            while b < batch {
                let input = &input[b * columns..(b + 1) * columns];
                if first + GROUP <= panels {
                    let sums = self.dot::<GROUP, 1>(first, input);
                    self.put(&sums, first, b, out);
                } else {
                    for p in first..last {
                        let sums = self.dot::<1, 1>(p, input);
                        self.put(&sums, p, b, out);
                    }
                }
                b += 1;
            }
        }
    }

    /// The products of P panels from `first` with R input rows.
    #[inline(always)]
    fn dot<const P: usize, const R: usize>(&self, first: usize, input: &[f32]) -> [[[f32; PANEL]; R]; P] {
        let columns = self.columns;
        let size = PANEL * columns;
        let panels: [&[[f32; PANEL]]; P] =
            std::array::from_fn(|p| self.panels[(first + p) * size..][..size].as_chunks::<PANEL>().0);
        let rows: [&[f32]; R] = std::array::from_fn(|r| &input[r * columns..(r + 1) * columns]);
        let mut sums = [[[0.0f32; PANEL]; R]; P];
        for k in 0..columns {
            for p in 0..P {
                let weights = panels[p][k];
                for r in 0..R {
                    let x = rows[r][k];
                    for lane in 0..PANEL {
                        sums[p][r][lane] += weights[lane] * x;
                    }
                }
            }
        }
        sums
    }

    /// Puts the products of panels from `first` with input rows from `b` where they belong.
    #[inline(always)]
    fn put<const P: usize, const R: usize>(
        &self,
        sums: &[[[f32; PANEL]; R]; P],
        first: usize,
        b: usize,
        out: &mut [f32],
    ) {
        for (p, of_panel) in sums.iter().enumerate() {
            let start = (first + p) * PANEL;
            let width = PANEL.min(self.rows - start);
            for (r, sum) in of_panel.iter().enumerate() {
                let out = &mut out[(b + r) * self.rows + start..][..width];
                // A copy of a length that is known is not a call.
                match out.as_chunks_mut::<PANEL>() {
                    ([whole], []) => *whole = *sum,
                    _ => out.copy_from_slice(&sum[..width]),
                }
            }
        }
    }
}

/// `gradient[m, k] += scale * sum_b upstream[b, m] * input[b, k]`.
pub(super) fn add_weight_gradient(
    gradient: &mut [f32],
    upstream: &[f32],
    input: &[f32],
    columns: usize,
    scale: f32,
) {
    if columns == 0 || gradient.is_empty() {
        return;
    }
    let rows = gradient.len() / columns;
    let batch = input.len() / columns;
    assert_eq!(gradient.len(), rows * columns);
    assert_eq!(input.len(), batch * columns);
    assert_eq!(upstream.len(), batch * rows);
    // The upstream gradient of some outputs, side by side: read where it stands, each of its cache lines would be fetched
    // again for each block.
    let mut tile = Vec::new();
    let batches = upstream.chunks(BATCH * rows).zip(input.chunks(BATCH * columns));
    for (upstream, input) in batches {
        for (tiled, target) in gradient.chunks_mut(PANEL * columns).enumerate() {
            let first = tiled * PANEL;
            let width = target.len() / columns;
            tile.clear();
            tile.extend(upstream.chunks_exact(rows).map(|row| {
                let mut blocks = [[0.0; ROWS]; PANEL / ROWS];
                blocks.as_flattened_mut()[..width].copy_from_slice(&row[first..first + width]);
                blocks
            }));
            for (block, target) in target.chunks_mut(ROWS * columns).enumerate() {
                let upstream = tile.iter().map(|blocks| &blocks[block]);
                let mut k = 0;
                while k + LANES <= columns {
                    weight_block::<LANES>(target, upstream.clone(), input, columns, k, scale);
                    k += LANES;
                }
                while k < columns {
                    weight_block::<1>(target, upstream.clone(), input, columns, k, scale);
                    k += 1;
                }
            }
        }
    }
}

#[inline(always)]
fn weight_block<'a, const L: usize>(
    target: &mut [f32],
    upstream: impl Iterator<Item = &'a [f32; ROWS]>,
    input: &[f32],
    columns: usize,
    k: usize,
    scale: f32,
) {
    let mut sums = [[0.0f32; L]; ROWS];
    for (upstream, row) in upstream.zip(input.chunks_exact(columns)) {
        // Arrays and not slices: the sums must stay in registers.
        let Some(x) = row[k..].first_chunk::<L>() else {
            break;
        };
        for (sums, g) in sums.iter_mut().zip(upstream) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += g * x;
            }
        }
    }
    for (row, sum) in target.chunks_exact_mut(columns).zip(&sums) {
        for (value, s) in row[k..k + L].iter_mut().zip(sum) {
            *value += scale * s;
        }
    }
}

/// `gradient[b, k] += scale * sum_m upstream[b, m] * weight[m, k]`.
pub(super) fn add_input_gradient(
    gradient: &mut [f32],
    upstream: &[f32],
    weight: &[f32],
    columns: usize,
    scale: f32,
) {
    if columns == 0 || weight.is_empty() {
        return;
    }
    let rows = weight.len() / columns;
    let batch = gradient.len() / columns;
    assert_eq!(weight.len(), rows * columns);
    assert_eq!(gradient.len(), batch * columns);
    assert_eq!(upstream.len(), batch * rows);
    let mut b = 0;
    while b + ROWS <= batch {
        input_rows::<ROWS>(gradient, upstream, weight, columns, b, scale);
        b += ROWS;
    }
    while b < batch {
        input_rows::<1>(gradient, upstream, weight, columns, b, scale);
        b += 1;
    }
}

#[inline(always)]
fn input_rows<const R: usize>(
    gradient: &mut [f32],
    upstream: &[f32],
    weight: &[f32],
    columns: usize,
    b: usize,
    scale: f32,
) {
    let mut k = 0;
    while k + LANES <= columns {
        input_block::<R, LANES>(gradient, upstream, weight, columns, (b, k), scale);
        k += LANES;
    }
    while k < columns {
        input_block::<R, 1>(gradient, upstream, weight, columns, (b, k), scale);
        k += 1;
    }
}

#[inline(always)]
fn input_block<const R: usize, const L: usize>(
    gradient: &mut [f32],
    upstream: &[f32],
    weight: &[f32],
    columns: usize,
    (b, k): (usize, usize),
    scale: f32,
) {
    let rows = weight.len() / columns;
    let upstream: [&[f32]; R] = std::array::from_fn(|r| &upstream[(b + r) * rows..(b + r + 1) * rows]);
    let mut sums = [[0.0f32; L]; R];
    for (m, row) in weight.chunks_exact(columns).enumerate() {
        let w = &row[k..k + L];
        for r in 0..R {
            let g = upstream[r][m];
            for lane in 0..L {
                sums[r][lane] += g * w[lane];
            }
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        for (value, s) in gradient[(b + r) * columns + k..][..L].iter_mut().zip(sum) {
            *value += scale * s;
        }
    }
}

/// `rows[b, m] += bias[m]`.
pub fn add_bias(rows: &mut [f32], bias: &[f32]) {
    for row in rows.chunks_exact_mut(bias.len()) {
        for (x, b) in row.iter_mut().zip(bias) {
            *x += b;
        }
    }
}

/// `sums[m] += sum_b rows[b, m]`.
pub fn add_rows(sums: &mut [f32], rows: &[f32]) {
    if sums.is_empty() {
        return;
    }
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, step: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * step + 3) % 17) as f32 / 8.0 - 1.0)
            .collect()
    }

    /// Sizes below, at and above each block size.
    const SHAPES: [(usize, usize, usize); 6] = [
        (1, 1, 1),
        (3, 5, 0),
        (4, 16, 32),
        (5, 17, 33),
        (9, 35, 65),
        (2, 100, 70),
    ];

    #[test]
    fn the_products_are_those_of_the_definition() {
        for (batch, rows, columns) in SHAPES {
            let weight = numbers(rows * columns, 7);
            let input = numbers(batch * columns, 5);
            let upstream = numbers(batch * rows, 11);
            let mut out = vec![9.0; batch * rows];
            Packed::new(&weight, rows, columns).forward(&input, &mut out);
            let mut by_weight = vec![1.0; rows * columns];
            add_weight_gradient(&mut by_weight, &upstream, &input, columns, 0.5);
            let mut by_input = vec![1.0; batch * columns];
            add_input_gradient(&mut by_input, &upstream, &weight, columns, 0.5);
            // Eighths and sixty-fourths are exact in f32, and so are these sums.
            for b in 0..batch {
                for m in 0..rows {
                    let sum: f32 = (0..columns)
                        .map(|k| input[b * columns + k] * weight[m * columns + k])
                        .sum();
                    assert_eq!(out[b * rows + m], sum);
                }
            }
            for k in 0..columns {
                for m in 0..rows {
                    let sum: f32 = (0..batch)
                        .map(|b| upstream[b * rows + m] * input[b * columns + k])
                        .sum();
                    assert_eq!(by_weight[m * columns + k], 1.0 + 0.5 * sum);
                }
                for b in 0..batch {
                    let sum: f32 = (0..rows)
                        .map(|m| upstream[b * rows + m] * weight[m * columns + k])
                        .sum();
                    assert_eq!(by_input[b * columns + k], 1.0 + 0.5 * sum);
                }
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_batch() {
        let weight: Vec<f32> = numbers(50 * 33, 7).iter().map(|v| v * 0.123).collect();
        let input: Vec<f32> = numbers(7 * 33, 5).iter().map(|v| v * 0.321).collect();
        let packed = Packed::new(&weight, 50, 33);
        let mut together = vec![0.0; 7 * 50];
        packed.forward(&input, &mut together);
        for b in 0..7 {
            let mut alone = vec![0.0; 50];
            packed.forward(&input[b * 33..(b + 1) * 33], &mut alone);
            assert_eq!(alone, together[b * 50..(b + 1) * 50]);
        }
    }
}
