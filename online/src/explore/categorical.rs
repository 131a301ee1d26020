//! A distribution over the catalogue to draw from, again and again, while items are taken out of it.

/// Items that a draw skips as a whole.
const BLOCK: usize = 128;
/// Partial sums that run side by side.
const LANES: usize = 16;

/// The probabilities of all items, and their sums over blocks: a draw looks at the sums and into one block.
#[derive(Debug, Clone, Default)]
pub struct Categorical {
    probabilities: Vec<f32>,
    blocks: Vec<f64>,
    /// What the probabilities of the items that are left are divided by: 1 until an item is taken out.
    left: f64,
}

impl Categorical {
    /// Replaces the distribution by one that is proportional to what `write` puts into a row of `items` numbers, of which it
    /// returns the sum.
    pub fn fill(&mut self, items: usize, write: impl FnOnce(&mut [f32]) -> f32) {
        self.probabilities.resize(items, 0.0);
        let inverse = 1.0 / write(&mut self.probabilities);
        self.blocks.clear();
        let blocks = self.probabilities.chunks_mut(BLOCK).map(|block| {
            block.iter_mut().for_each(|probability| *probability *= inverse);
            block_sum(block)
        });
        self.blocks.extend(blocks);
        self.left = 1.0;
    }

    /// The probabilities as they stand: 0 for items that were taken out, not divided by what is left.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// Takes an item out: what follows is drawn from the others.
    pub(super) fn take_out(&mut self, item: u32) {
        let item = item as usize;
        self.probabilities[item] = 0.0;
        let block = item / BLOCK;
        let end = self.probabilities.len().min((block + 1) * BLOCK);
        self.blocks[block] = block_sum(&self.probabilities[block * BLOCK..end]);
        self.left = self.blocks.iter().sum();
    }

    /// Draws by `uniform` in [0, 1): the item, and its probability among those that are left. None where no item has a
    /// probability.
    pub(super) fn draw(&self, uniform: f64) -> Option<(u32, f32)> {
        let share = share(1.0, self.left);
        pick(
            self.probabilities.len(),
            &|block| self.blocks[block],
            &|item| self.probabilities[item],
            uniform,
        )
        .map(|item| (item as u32, (share * self.probabilities[item]).min(1.0)))
    }

    /// The `k` most probable items among those that are left, fewer where fewer have a probability; the first of equals first.
    pub(super) fn top(&self, k: usize) -> Vec<u32> {
        let mut top: Vec<(f32, u32)> = Vec::with_capacity(k + 1);
        let mut least = 0.0;
        for (block, probabilities) in self.probabilities.chunks(LANES).enumerate() {
            // Most blocks have nothing that is more probable than what was found, which is seen at once.
            let highest = probabilities
                .iter()
                .copied()
                .fold(0.0, |a: f32, b| if b > a { b } else { a });
            if highest <= least {
                continue;
            }
            for (at, &probability) in probabilities.iter().enumerate() {
                if probability > least {
                    let place = top.partition_point(|&(other, _)| other >= probability);
                    top.insert(place, (probability, (block * LANES + at) as u32));
                    top.truncate(k);
                    if top.len() == k {
                        least = top.last().map_or(0.0, |last| last.0);
                    }
                }
            }
        }
        top.into_iter().map(|(_, item)| item).collect()
    }

    /// The probability of an item among those that are left.
    pub(super) fn among_left(&self, item: u32) -> f32 {
        self.alone(item as usize)
    }

    /// The most probable item of the mixture that [`Categorical::draw_mixed`] draws from, with the same numbers.
    pub(super) fn best_mixed(&self, other: &Categorical, weight: f32) -> Option<(u32, [f32; 3])> {
        let weight = self.weight_beside(other, weight);
        let (ours, theirs) = (share(weight, self.left), share(1.0 - weight, other.left));
        let mixed = |item: usize| ours * self.probabilities[item] + theirs * other.probabilities[item];
        let mut best = None;
        for item in 0..self.probabilities.len() {
            let probability = mixed(item);
            if probability > best.map_or(0.0, |(_, highest)| highest) {
                best = Some((item, probability));
            }
        }
        best.map(|(item, probability)| {
            (
                item as u32,
                [probability.min(1.0), self.alone(item), other.alone(item)],
            )
        })
    }

    /// Of a mixture, the share of this one: a distribution without any probability left has no say.
    fn weight_beside(&self, other: &Categorical, weight: f32) -> f32 {
        match (self.left > 0.0, other.left > 0.0) {
            (true, false) => 1.0,
            (false, true) => 0.0,
            _ => weight,
        }
    }

    fn alone(&self, item: usize) -> f32 {
        (share(1.0, self.left) * self.probabilities[item]).min(1.0)
    }

    /// Draws from weight * `self` + (1 - weight) * `other`, each among the items that are left: the item, its probability, and
    /// those under either alone.
    pub(super) fn draw_mixed(
        &self,
        other: &Categorical,
        weight: f32,
        uniform: f64,
    ) -> Option<(u32, [f32; 3])> {
        let weight = self.weight_beside(other, weight);
        let ours = share(weight, self.left);
        let theirs = share(1.0 - weight, other.left);
        let probability = |item: usize| ours * self.probabilities[item] + theirs * other.probabilities[item];
        let block = |at: usize| f64::from(ours) * self.blocks[at] + f64::from(theirs) * other.blocks[at];
        let item = pick(self.probabilities.len(), &block, &probability, uniform)?;
        Some((
            item as u32,
            [probability(item).min(1.0), self.alone(item), other.alone(item)],
        ))
    }
}

/// What a probability is multiplied by; 0 where nothing is left.
fn share(weight: f32, left: f64) -> f32 {
    if left > 0.0 {
        (f64::from(weight) / left) as f32
    } else {
        0.0
    }
}

/// Draws an item below `items` by the sums `block` of blocks and the probabilities `probability`, whose sum may differ from 1. An
/// item of probability 0 is never drawn.
#[inline(always)]
fn pick(
    items: usize,
    block: &impl Fn(usize) -> f64,
    probability: &impl Fn(usize) -> f32,
    uniform: f64,
) -> Option<usize> {
    let blocks = items.div_ceil(BLOCK);
    let mut left = uniform * (0..blocks).map(block).sum::<f64>();
    let last = (0..blocks).rposition(|at| block(at) > 0.0)?;
    let mut at = 0;
    while at < last && left >= block(at) {
        left -= block(at);
        at += 1;
    }
    // Rounding may leave a little after the last item that has a probability: it is taken then.
    let mut drawn = None;
    for item in at * BLOCK..items.min((at + 1) * BLOCK) {
        let probability = probability(item);
        if probability > 0.0 {
            drawn = Some(item);
            left -= f64::from(probability);
            if left < 0.0 {
                break;
            }
        }
    }
    drawn
}

fn block_sum(values: &[f32]) -> f64 {
    let mut sums = [0.0f32; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for chunk in whole {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += value;
    }
    sums.iter().map(|&sum| f64::from(sum)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn categorical(probabilities: &[f32]) -> Categorical {
        let mut categorical = Categorical::default();
        categorical.fill(probabilities.len(), |row| {
            row.copy_from_slice(probabilities);
            1.0
        });
        categorical
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let probabilities: Vec<f32> = (0..500).map(|i| (i % 5) as f32 / 1000.0).collect();
        let categorical = categorical(&probabilities);
        let mut counts = [0u32; 5];
        let draws = 50_000;
        for i in 0..draws {
            let (item, probability) = categorical.draw((f64::from(i) + 0.5) / f64::from(draws)).unwrap();
            assert_eq!(probability, probabilities[item as usize]);
            counts[item as usize % 5] += 1;
        }
        for (class, &count) in counts.iter().enumerate() {
            let share = f64::from(count) / f64::from(draws);
            assert!((share - class as f64 / 10.0).abs() < 1e-3, "{class}: {share}");
        }
    }

    #[test]
    fn an_impossible_item_is_never_drawn() {
        let mut probabilities = vec![0.0; 300];
        probabilities[5] = 0.5;
        probabilities[200] = 0.5;
        let mut categorical = categorical(&probabilities);
        for i in 0..=1000 {
            let (item, _) = categorical.draw(f64::from(i) / 1000.0).unwrap();
            assert!([5, 200].contains(&item));
        }
        categorical.take_out(5);
        assert_eq!(categorical.draw(0.0), Some((200, 1.0)));
        categorical.take_out(200);
        assert_eq!(categorical.draw(0.0), None);
    }

    #[test]
    fn a_mixture_has_the_stated_probabilities() {
        let (prior, adapted) = (categorical(&[0.0, 0.2, 0.8]), categorical(&[0.5, 0.5, 0.0]));
        let draw = |uniform| prior.draw_mixed(&adapted, 0.25, uniform).unwrap();
        assert_eq!(draw(0.0), (0, [0.375, 0.0, 0.5]));
        assert_eq!(draw(0.5), (1, [0.425, 0.2, 0.5]));
        assert_eq!(draw(0.99), (2, [0.2, 0.8, 0.0]));
    }

    #[test]
    fn the_probabilities_of_what_is_left_sum_to_one() {
        let (mut prior, mut adapted) = (categorical(&[0.1, 0.2, 0.7]), categorical(&[0.5, 0.25, 0.25]));
        prior.take_out(2);
        adapted.take_out(2);
        let mut total = 0.0;
        for uniform in [0.0, 0.999] {
            let (_, [probability, ours, theirs]) = prior.draw_mixed(&adapted, 0.5, uniform).unwrap();
            assert!((probability - 0.5 * (ours + theirs)).abs() < 1e-6);
            total += probability;
        }
        assert!((total - 1.0).abs() < 1e-6, "{total}");
    }
}
