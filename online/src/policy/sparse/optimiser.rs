//! Adam (Kingma and Ba, ICLR 2015) on what an event touches: the moments of an item that it does not concern stay as they
//! are, and so does its count of steps (lazy Adam).

use super::Sparse;
use super::gradient::{Gradient, Sample};

/// Decay of the first moment.
const BETA1: f32 = 0.9;
/// Decay of the second moment.
const BETA2: f32 = 0.999;

/// Moments of a block of numbers that always move together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moments {
    /// Steps so far.
    pub steps: u32,
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments.
    pub second: Vec<f32>,
}

/// The moments of all that is learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimiser {
    /// Of A, as it is stored.
    pub bend: Moments,
    /// Of v, then of v0.
    pub value: Moments,
    /// Of the touched items, place after place: D numbers of d, then b.
    pub rows: Moments,
    /// Steps of each touched item.
    pub row_steps: Vec<u32>,
    epsilon: f32,
}

/// A step's factors: the rate over the first correction, and the second correction.
#[derive(Clone, Copy)]
struct Pace {
    rate: f32,
    second: f32,
    epsilon: f32,
}

impl Pace {
    /// Counts a step in `steps`.
    fn new(steps: &mut u32, rate: f32, epsilon: f32) -> Self {
        *steps = steps.saturating_add(1);
        let steps = i32::try_from(*steps).unwrap_or(i32::MAX);
        let correction = |beta: f32| (1.0 / (1.0 - f64::from(beta).powi(steps))) as f32;
        Pace {
            rate: rate * correction(BETA1),
            second: correction(BETA2),
            epsilon,
        }
    }

    fn step(self, weight: &mut f32, first: &mut f32, second: &mut f32, gradient: f32) {
        *first = BETA1 * *first + (1.0 - BETA1) * gradient;
        *second = BETA2 * *second + (1.0 - BETA2) * gradient * gradient;
        *weight -= self.rate * *first / ((*second * self.second).sqrt() + self.epsilon);
    }
}

impl Moments {
    /// Zeros for `count` numbers.
    pub fn new(count: usize) -> Self {
        Moments {
            steps: 0,
            first: vec![0.0; count],
            second: vec![0.0; count],
        }
    }
}

impl Optimiser {
    /// Nothing moved yet. `epsilon` is added to the root of the second moment.
    pub fn new(sparse: &Sparse, epsilon: f32) -> Self {
        Optimiser {
            bend: Moments::new(sparse.bend.len()),
            value: Moments::new(sparse.value.len() + 1),
            rows: Moments::new(0),
            row_steps: Vec::new(),
            epsilon,
        }
    }

    /// One step of size `rate` down `gradient`, which [`Gradient::compute`] gave for `sample`.
    pub fn step(&mut self, sparse: &mut Sparse, gradient: &Gradient, sample: &Sample<'_>, rate: f32) {
        self.move_value(sparse, gradient, sample, rate);
        if gradient.at_logits.is_empty() {
            return;
        }
        let dims = sample.query.len();
        let pace = Pace::new(&mut self.bend.steps, rate, self.epsilon);
        let columns = sparse.bend.chunks_exact_mut(dims).zip(sample.query);
        let moments = self
            .bend
            .first
            .chunks_exact_mut(dims)
            .zip(self.bend.second.chunks_exact_mut(dims));
        for ((column, &q), (first, second)) in columns.zip(moments) {
            let numbers = column.iter_mut().zip(first).zip(second);
            for (((a, m), v), &at) in numbers.zip(&gradient.at_bent) {
                pace.step(a, m, v, at * q);
            }
        }
        let width = dims + 1;
        let touched = sparse.rows.items().len();
        self.row_steps.resize(touched, 0);
        self.rows.first.resize(touched * width, 0.0);
        self.rows.second.resize(touched * width, 0.0);
        for &(place, at) in &gradient.at_logits {
            let pace = Pace::new(&mut self.row_steps[place], rate, self.epsilon);
            let factor = at * gradient.scale;
            let (first, last_first) = of_row(&mut self.rows.first, place, dims);
            let (second, last_second) = of_row(&mut self.rows.second, place, dims);
            let numbers = sparse.rows.row_mut(place).zip(first).zip(second);
            for (((d, m), v), q) in numbers.zip(&gradient.bent) {
                pace.step(d, m, v, factor * q);
            }
            pace.step(sparse.rows.bias_mut(place), last_first, last_second, at);
        }
    }

    fn move_value(&mut self, sparse: &mut Sparse, gradient: &Gradient, sample: &Sample<'_>, rate: f32) {
        let hidden = sample.state.len();
        let pace = Pace::new(&mut self.value.steps, rate, self.epsilon);
        let numbers = sparse
            .value
            .iter_mut()
            .zip(&mut self.value.first)
            .zip(&mut self.value.second);
        for (((weight, m), v), h) in numbers.zip(sample.state) {
            pace.step(weight, m, v, gradient.at_value * h);
        }
        let (m, v) = (&mut self.value.first[hidden], &mut self.value.second[hidden]);
        pace.step(&mut sparse.offset, m, v, gradient.at_value);
    }

    /// Forgets all moments: what comes now counts as if nothing had come before.
    pub fn forget(&mut self) {
        for moments in [&mut self.bend, &mut self.value, &mut self.rows] {
            moments.steps = 0;
            moments.first.fill(0.0);
            moments.second.fill(0.0);
        }
        self.row_steps.fill(0);
    }
}

/// The moments of d and of b of the item at `place`.
fn of_row(moments: &mut [f32], place: usize, dims: usize) -> (&mut [f32], &mut f32) {
    let row = &mut moments[place * (dims + 1)..][..dims + 1];
    let (d, b) = row.split_at_mut(dims);
    (d, &mut b[0])
}
