//! The distribution over items: a softmax over the logits of the candidates that are not consumed.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use common::policy::distribution::highest;
use common::policy::elementary::exp;

use super::slab::Slab;
use super::sums::{sum, sum_of_products};

/// Choices made from rows of logits that several of them may share: the log-probability of each action and the entropy
/// of its distribution, both differentiable.
///
/// One operation instead of a dozen primitive ones over `[B, C]`. What is costly, an exponential a logit, is done once a row;
/// that each choice masks items of its own changes sums alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    /// The row of logits that each choice was made from.
    pub(crate) rows: Vec<u32>,
    /// The place of each chosen item.
    pub(crate) actions: Vec<u32>,
    /// The places masked out of each choice, without repeats; the action is not among them.
    pub(crate) masked: Vec<Vec<u32>>,
}

/// How the candidates stand for the catalogue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampling {
    /// Added to each candidate's logit in sums over candidates.
    pub(crate) offsets: Option<Vec<f32>>,
    /// The action's own term in the sum has no offset: it was not drawn (behaviour cloning). Where actions are drawn from
    /// the candidates' distribution, they keep it.
    pub(crate) exact_action: bool,
}

impl Sampling {
    /// Of `slab`'s candidates.
    pub(crate) fn over(slab: &Slab, exact_action: bool) -> Self {
        Sampling {
            offsets: slab.offsets().map(<[f32]>::to_vec),
            exact_action,
        }
    }
}

impl Choices {
    /// Adds the choice of `action` from row `row` with `consumed` masked; both as items.
    pub(crate) fn push(
        &mut self,
        slab: &Slab,
        row: u32,
        action: u32,
        consumed: impl Iterator<Item = u32>,
    ) -> bool {
        let Some(place) = slab.candidate(action) else {
            return false;
        };
        let masked = consumed.filter_map(|item| slab.candidate(item)).collect();
        self.push_place(row, place, masked);
        true
    }

    /// Adds the choice of the candidate at `place` from row `row`, with the candidates at `masked` masked, in any order.
    pub(crate) fn push_place(&mut self, row: u32, place: u32, mut masked: Vec<u32>) {
        masked.sort_unstable();
        masked.dedup();
        masked.retain(|&other| other != place);
        self.rows.push(row);
        self.actions.push(place);
        self.masked.push(masked);
    }

    /// From `logits` `[R, C]` to `[B, 2]`: each choice's log-probability and entropy in nats.
    pub(crate) fn apply(self, logits: &Tensor, sampling: Sampling) -> Result<Tensor> {
        logits.contiguous()?.apply_op1(Categorical {
            choices: self,
            sampling,
            saved: Mutex::default(),
        })
    }
}

struct Categorical {
    choices: Choices,
    sampling: Sampling,
    saved: Mutex<Saved>,
}

/// What the backward pass needs.
#[derive(Default)]
struct Saved {
    /// exp(logit + offset - the row's largest), `[R, C]`.
    weights: Vec<f32>,
    /// Each choice's sums.
    sums: Vec<Sums>,
}

/// Sums over the open candidates of one choice, with weights w_i = exp(logit_i + offset_i - most).
#[derive(Clone, Copy)]
struct Sums {
    /// The weight of the action.
    action: f64,
    /// sum w_i.
    total: f64,
    /// sum w_i logit_i / total.
    mean: f64,
    /// Where nearly all of a row's weight is masked, the open items' own largest exponent: the weights of this choice are
    /// relative to it and not to the row's.
    apart: Option<f64>,
}

impl Categorical {
    fn logits<'a>(&self, storage: &'a CpuStorage, layout: &Layout) -> Result<(&'a [f32], usize)> {
        let CpuStorage::F32(values) = storage else {
            bail!("categorical: logits must be f32")
        };
        let Some((from, to)) = layout.contiguous_offsets() else {
            bail!("categorical: logits must be contiguous")
        };
        let (_, width) = layout.shape().dims2()?;
        Ok((&values[from..to], width))
    }

    fn sums(&self, choice: usize, logits: &[f32], row: &Row) -> Sums {
        let action = self.choices.actions[choice] as usize;
        let masked = &self.choices.masked[choice];
        let own = match (self.sampling.exact_action, &self.sampling.offsets) {
            (true, Some(_)) => f64::from(logits[action] - row.most).exp(),
            _ => f64::from(row.weights[action]),
        };
        let (mut total, mut weighted) = (row.total, row.weighted);
        let mut take = |weight: f64, item: usize| {
            total -= weight;
            weighted -= weight * f64::from(logits[item]);
        };
        masked
            .iter()
            .for_each(|&item| take(f64::from(row.weights[item as usize]), item as usize));
        take(f64::from(row.weights[action]) - own, action);
        // Then the difference has no digits left, and single weights may have underflowed.
        if total < 1e-6 * row.total {
            return self.sums_apart(choice, logits);
        }
        Sums {
            action: own,
            total,
            mean: weighted / total,
            apart: None,
        }
    }

    /// The exponent of each open candidate of a choice.
    fn open<'a>(&'a self, choice: usize, logits: &'a [f32]) -> impl Iterator<Item = (usize, f64)> + 'a {
        let action = self.choices.actions[choice] as usize;
        let masked = &self.choices.masked[choice];
        let exponent = move |place: usize| match &self.sampling.offsets {
            Some(offsets) if !(place == action && self.sampling.exact_action) => {
                f64::from(logits[place]) + f64::from(offsets[place])
            }
            _ => f64::from(logits[place]),
        };
        (0..logits.len())
            .filter(|place| masked.binary_search(&(*place as u32)).is_err())
            .map(move |place| (place, exponent(place)))
    }

    fn sums_apart(&self, choice: usize, logits: &[f32]) -> Sums {
        let most = self
            .open(choice, logits)
            .fold(f64::NEG_INFINITY, |most, (_, e)| most.max(e));
        let (mut total, mut weighted, mut own) = (0.0, 0.0, 0.0);
        for (place, exponent) in self.open(choice, logits) {
            let weight = (exponent - most).exp();
            total += weight;
            weighted += weight * f64::from(logits[place]);
            if place == self.choices.actions[choice] as usize {
                own = weight;
            }
        }
        Sums {
            action: own,
            total,
            mean: weighted / total,
            apart: Some(most),
        }
    }
}

/// One row's weights and their sums, nothing masked.
struct Row {
    most: f32,
    weights: Vec<f32>,
    total: f64,
    weighted: f64,
}

impl Row {
    fn of(logits: &[f32], offsets: Option<&[f32]>) -> Self {
        let mut weights = vec![0.0; logits.len()];
        let most = weights_into(logits, offsets, &mut weights);
        Row {
            most,
            total: sum(&weights),
            weighted: sum_of_products(&weights, logits),
            weights,
        }
    }
}

/// exp(logit + offset - most) into `weights`; returns `most`, the largest exponent.
pub(crate) fn weights_into(logits: &[f32], offsets: Option<&[f32]>, weights: &mut [f32]) -> f32 {
    match offsets {
        None => weights.copy_from_slice(logits),
        Some(offsets) => {
            for ((weight, logit), offset) in weights.iter_mut().zip(logits).zip(offsets) {
                *weight = logit + offset;
            }
        }
    }
    let most = highest(weights);
    for weight in weights.iter_mut() {
        *weight = exp(*weight - most);
    }
    most
}

impl CustomOp1 for Categorical {
    fn name(&self) -> &'static str {
        "categorical"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (values, width) = self.logits(storage, layout)?;
        let choices = &self.choices;
        let mut out = vec![0.0; 2 * choices.actions.len()];
        let mut saved = Saved {
            weights: Vec::with_capacity(values.len()),
            sums: Vec::with_capacity(choices.actions.len()),
        };
        let rows: Vec<Row> = values
            .chunks_exact(width)
            .map(|logits| Row::of(logits, self.sampling.offsets.as_deref()))
            .collect();
        for (choice, out) in out.chunks_exact_mut(2).enumerate() {
            let at = choices.rows[choice] as usize;
            let Some(row) = rows.get(at) else {
                bail!("categorical: row {at} of {}", rows.len())
            };
            let logits = &values[at * width..(at + 1) * width];
            let sums = self.sums(choice, logits, row);
            let log_total = sums.apart.unwrap_or(f64::from(row.most)) + sums.total.ln();
            let action = f64::from(logits[choices.actions[choice] as usize]);
            // The log-probability under the distribution over candidates: with its offset, unless it is exact.
            out[0] = match (self.sampling.exact_action, &self.sampling.offsets) {
                (false, Some(offsets)) => {
                    (action + f64::from(offsets[choices.actions[choice] as usize]) - log_total) as f32
                }
                _ => (action - log_total) as f32,
            };
            out[1] = (log_total - sums.mean) as f32;
            saved.sums.push(sums);
        }
        rows.into_iter().for_each(|row| saved.weights.extend(row.weights));
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = saved;
        Ok((CpuStorage::F32(out), Shape::from((choices.actions.len(), 2))))
    }

    /// With p the distribution, a the action and m the mean logit under p:
    /// d log p_a / d logit_i = [i = a] - p_i and dH / d logit_i = -p_i (logit_i - m).
    fn bwd(&self, logits: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (storage, layout) = logits.storage_and_layout();
        let candle_core::Storage::Cpu(storage) = &*storage else {
            bail!("categorical: only on the CPU")
        };
        let (values, width) = self.logits(storage, layout)?;
        let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let gradient = gradient.to_vec2::<f32>()?;
        let choices = &self.choices;
        let mut of_row: Vec<Vec<usize>> = vec![Vec::new(); values.len() / width];
        let mut apart = Vec::new();
        for (choice, &row) in choices.rows.iter().enumerate() {
            match saved.sums[choice].apart {
                None => of_row[row as usize].push(choice),
                Some(most) => apart.push((choice, row as usize, most)),
            }
        }
        // A choice's share of the gradient at a logit is -w (c + e logit) with these two.
        let line = |choice: usize| {
            let Sums { total, mean, .. } = saved.sums[choice];
            let (by_log_p, by_entropy) = (f64::from(gradient[choice][0]), f64::from(gradient[choice][1]));
            ((by_log_p - by_entropy * mean) / total, by_entropy / total)
        };
        let mut out = vec![0.0; values.len()];
        for (row, of_row) in of_row.iter().enumerate() {
            let here = row * width..(row + 1) * width;
            let (logits, weights, out) = (
                &values[here.clone()],
                &saved.weights[here.clone()],
                &mut out[here],
            );
            let (mut constant, mut slope) = (0.0, 0.0);
            for &choice in of_row {
                let (c, e) = line(choice);
                constant += c;
                slope += e;
            }
            let (c, e) = (constant as f32, slope as f32);
            for ((out, weight), logit) in out.iter_mut().zip(weights).zip(logits) {
                *out = -weight * (c + e * logit);
            }
            // Items that some choice of the row masks, or took: what the sum over all choices says of them is not so.
            let mut special: Vec<u32> = of_row
                .iter()
                .flat_map(|&choice| {
                    choices.masked[choice]
                        .iter()
                        .copied()
                        .chain([choices.actions[choice]])
                })
                .collect();
            special.sort_unstable();
            special.dedup();
            for item in special {
                let at = item as usize;
                let mut sum = 0.0;
                for &choice in of_row {
                    let (c, e) = line(choice);
                    let share = c + e * f64::from(logits[at]);
                    if choices.actions[choice] == item {
                        sum += f64::from(gradient[choice][0]) - saved.sums[choice].action * share;
                    } else if choices.masked[choice].binary_search(&item).is_err() {
                        sum -= f64::from(weights[at]) * share;
                    }
                }
                out[at] = sum as f32;
            }
        }
        for (choice, row, most) in apart {
            let here = row * width..(row + 1) * width;
            let (logits, out) = (&values[here.clone()], &mut out[here]);
            let (constant, slope) = line(choice);
            for (place, exponent) in self.open(choice, logits) {
                out[place] -=
                    ((exponent - most).exp() * (constant + slope * f64::from(logits[place]))) as f32;
            }
            out[choices.actions[choice] as usize] += gradient[choice][0];
        }
        Ok(Some(Tensor::from_vec(out, logits.shape(), logits.device())?))
    }
}

/// A distribution to draw from many times, each time with other items masked.
pub(crate) struct Lottery {
    /// logit + offset.
    exponents: Vec<f32>,
    /// Running sums of the weights.
    below: Vec<f64>,
}

impl Lottery {
    /// Over the candidates of `logits`.
    pub(crate) fn new(logits: &[f32], offsets: Option<&[f32]>, scratch: &mut Vec<f32>) -> Self {
        scratch.resize(logits.len(), 0.0);
        weights_into(logits, offsets, scratch);
        let mut sum = 0.0;
        let below = scratch.iter().map(|&weight| {
            sum += f64::from(weight);
            sum
        });
        let exponents = match offsets {
            None => logits.to_vec(),
            Some(offsets) => logits
                .iter()
                .zip(offsets)
                .map(|(logit, offset)| logit + offset)
                .collect(),
        };
        Lottery {
            exponents,
            below: below.collect(),
        }
    }

    /// The place of a candidate that `masked` (ascending, without repeats) does not name, drawn by `uniform` in [0, 1); none where
    /// all are masked. Costs what `masked` is long, and not the catalogue.
    pub(crate) fn draw(&self, masked: &[u32], uniform: f64) -> Option<u32> {
        let total = *self.below.last()?;
        if masked.len() == self.below.len() {
            return None;
        }
        let before = |place: usize| if place == 0 { 0.0 } else { self.below[place - 1] };
        let weight = |place: u32| self.below[place as usize] - before(place as usize);
        let open = total - masked.iter().map(|&place| weight(place)).sum::<f64>();
        if open < 1e-9 * total {
            return self.draw_apart(masked, uniform);
        }
        let aim = uniform * open;
        let mut removed = 0.0;
        let mut from = 0;
        for &stop in masked.iter().chain([&(self.below.len() as u32)]) {
            let stop = stop as usize;
            // The open candidates from..stop end at this much open weight.
            if stop > from && aim < before(stop) - removed {
                let within = &self.below[from..stop];
                let at = within.partition_point(|&below| below - removed <= aim);
                return Some((from + at.min(within.len() - 1)) as u32);
            }
            if stop < self.below.len() {
                removed += weight(stop as u32);
                from = stop + 1;
            }
        }
        // Rounding took the aim past the end: the last open candidate.
        (0..self.below.len() as u32)
            .rev()
            .find(|place| masked.binary_search(place).is_err())
    }

    /// The same where nearly all of the weight is masked: over the open candidates' own weights.
    fn draw_apart(&self, masked: &[u32], uniform: f64) -> Option<u32> {
        let open = || {
            let places =
                (0..self.exponents.len() as u32).filter(|place| masked.binary_search(place).is_err());
            places.map(|place| (place, f64::from(self.exponents[place as usize])))
        };
        let most = open().fold(f64::NEG_INFINITY, |most, (_, e)| most.max(e));
        if most == f64::NEG_INFINITY {
            return open().next().map(|(place, _)| place);
        }
        let mut aim = uniform * open().map(|(_, e)| (e - most).exp()).sum::<f64>();
        let mut last = None;
        for (place, exponent) in open() {
            aim -= (exponent - most).exp();
            last = Some(place);
            if aim < 0.0 {
                break;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests;
