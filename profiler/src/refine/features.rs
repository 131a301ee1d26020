//! Traits as features of a linear fit.

use common::schema::profiles::{Kind, Profiles};

/// The traits of all rows of one kind: each less the row's mean (how likely a word is at all says how the prompt
/// ends, not what it is about), then of mean 0 and variance 1 over the rows.
pub(super) struct Features {
    rows: Vec<usize>,
    width: usize,
    values: Vec<f64>,
}

impl Features {
    /// Those of the rows of `kind`.
    pub(super) fn of(profiles: &Profiles, kind: Kind) -> Self {
        let rows: Vec<usize> = (0..profiles.len())
            .filter(|&row| profiles.kind[row] == kind)
            .collect();
        let width = profiles.vocabulary.len();
        let mut values = Vec::with_capacity(rows.len() * width);
        for &row in &rows {
            let traits = profiles.traits_of(row);
            let mean = traits.iter().copied().map(f64::from).sum::<f64>() / width as f64;
            values.extend(traits.iter().map(|&value| f64::from(value) - mean));
        }
        standardise(&mut values, width);
        Features { rows, width, values }
    }

    /// The rows of the profiles that these are of.
    pub(super) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Features of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The features of row `at`.
    pub(super) fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..(at + 1) * self.width]
    }
}

/// Columns of mean 0 and variance 1; a constant one becomes 0.
fn standardise(values: &mut [f64], width: usize) {
    let rows = values.len().checked_div(width).unwrap_or_default().max(1) as f64;
    let (mut mean, mut square) = (vec![0.0; width], vec![0.0; width]);
    for row in values.chunks_exact(width.max(1)) {
        for (column, value) in row.iter().enumerate() {
            mean[column] += value / rows;
        }
    }
    for row in values.chunks_exact(width.max(1)) {
        for (column, value) in row.iter().enumerate() {
            square[column] += (value - mean[column]).powi(2) / rows;
        }
    }
    for row in values.chunks_exact_mut(width.max(1)) {
        for (column, value) in row.iter_mut().enumerate() {
            let deviation = square[column].sqrt();
            *value = if deviation > 1e-6 {
                (*value - mean[column]) / deviation
            } else {
                0.0
            };
        }
    }
}
