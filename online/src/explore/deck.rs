//! A distribution over the catalogue to draw from, again and again, while items are taken out of it.

/// Items that a draw skips as a whole.
const BLOCK: usize = 128;
/// Partial sums that run side by side.
const LANES: usize = 16;

/// The chances of all items, and their sums over blocks: a draw looks at the sums and into one block.
#[derive(Debug, Clone, Default)]
pub struct Deck {
    chances: Vec<f32>,
    blocks: Vec<f64>,
    /// What the chances of the items that are left are divided by: 1 until an item is taken out.
    left: f64,
}

impl Deck {
    /// Replaces the distribution by one that is proportional to what `write` puts into a row of `items` numbers, of which it
    /// returns the sum.
    pub fn fill(&mut self, items: usize, write: impl FnOnce(&mut [f32]) -> f32) {
        self.chances.resize(items, 0.0);
        let inverse = 1.0 / write(&mut self.chances);
        self.blocks.clear();
        let blocks = self.chances.chunks_mut(BLOCK).map(|block| {
            block.iter_mut().for_each(|chance| *chance *= inverse);
            block_sum(block)
        });
        self.blocks.extend(blocks);
        self.left = 1.0;
    }

    /// The chances as they stand: 0 for items that were taken out, not divided by what is left.
    pub fn chances(&self) -> &[f32] {
        &self.chances
    }

    /// Takes an item out: what follows is drawn from the others.
    pub(super) fn take_out(&mut self, item: u32) {
        let item = item as usize;
        self.chances[item] = 0.0;
        let block = item / BLOCK;
        let end = self.chances.len().min((block + 1) * BLOCK);
        self.blocks[block] = block_sum(&self.chances[block * BLOCK..end]);
        self.left = self.blocks.iter().sum();
    }

    /// Draws by `uniform` in [0, 1): the item, and its chance among those that are left. None where no item has a
    /// chance.
    pub(super) fn draw(&self, uniform: f64) -> Option<(u32, f32)> {
        let share = share(1.0, self.left);
        pick(
            self.chances.len(),
            &|block| self.blocks[block],
            &|item| self.chances[item],
            uniform,
        )
        .map(|item| (item as u32, (share * self.chances[item]).min(1.0)))
    }

    /// Draws from weight * `self` + (1 - weight) * `other`, each among the items that are left: the item, its chance, and
    /// those under either alone.
    pub(super) fn draw_mixed(&self, other: &Deck, weight: f32, uniform: f64) -> Option<(u32, [f32; 3])> {
        // A deck without any chance left has no say.
        let weight = match (self.left > 0.0, other.left > 0.0) {
            (true, false) => 1.0,
            (false, true) => 0.0,
            _ => weight,
        };
        let ours = share(weight, self.left);
        let theirs = share(1.0 - weight, other.left);
        let chance = |item: usize| ours * self.chances[item] + theirs * other.chances[item];
        let block = |at: usize| f64::from(ours) * self.blocks[at] + f64::from(theirs) * other.blocks[at];
        let item = pick(self.chances.len(), &block, &chance, uniform)?;
        let alone = |deck: &Deck| (share(1.0, deck.left) * deck.chances[item]).min(1.0);
        Some((item as u32, [chance(item).min(1.0), alone(self), alone(other)]))
    }
}

/// What a chance is multiplied by; 0 where nothing is left.
fn share(weight: f32, left: f64) -> f32 {
    if left > 0.0 {
        (f64::from(weight) / left) as f32
    } else {
        0.0
    }
}

/// Draws an item below `items` by the sums `block` of blocks and the chances `chance`, whose sum may differ from 1. An
/// item of chance 0 is never drawn.
#[inline(always)]
fn pick(
    items: usize,
    block: &impl Fn(usize) -> f64,
    chance: &impl Fn(usize) -> f32,
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
    // Rounding may leave a little behind the last item that has a chance: it is taken then.
    let mut drawn = None;
    for item in at * BLOCK..items.min((at + 1) * BLOCK) {
        let chance = chance(item);
        if chance > 0.0 {
            drawn = Some(item);
            left -= f64::from(chance);
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

    fn deck(chances: &[f32]) -> Deck {
        let mut deck = Deck::default();
        deck.fill(chances.len(), |row| {
            row.copy_from_slice(chances);
            1.0
        });
        deck
    }

    #[test]
    fn draws_follow_the_chances() {
        let chances: Vec<f32> = (0..500).map(|i| (i % 5) as f32 / 1000.0).collect();
        let deck = deck(&chances);
        let mut counts = [0u32; 5];
        let draws = 50_000;
        for i in 0..draws {
            let (item, chance) = deck.draw((f64::from(i) + 0.5) / f64::from(draws)).unwrap();
            assert_eq!(chance, chances[item as usize]);
            counts[item as usize % 5] += 1;
        }
        for (class, &count) in counts.iter().enumerate() {
            let share = f64::from(count) / f64::from(draws);
            assert!((share - class as f64 / 10.0).abs() < 1e-3, "{class}: {share}");
        }
    }

    #[test]
    fn an_impossible_item_is_never_drawn() {
        let mut chances = vec![0.0; 300];
        chances[5] = 0.5;
        chances[200] = 0.5;
        let mut deck = deck(&chances);
        for i in 0..=1000 {
            let (item, _) = deck.draw(f64::from(i) / 1000.0).unwrap();
            assert!([5, 200].contains(&item));
        }
        deck.take_out(5);
        assert_eq!(deck.draw(0.0), Some((200, 1.0)));
        deck.take_out(200);
        assert_eq!(deck.draw(0.0), None);
    }

    #[test]
    fn a_mixture_has_the_stated_chances() {
        let (prior, adapted) = (deck(&[0.0, 0.2, 0.8]), deck(&[0.5, 0.5, 0.0]));
        let draw = |uniform| prior.draw_mixed(&adapted, 0.25, uniform).unwrap();
        assert_eq!(draw(0.0), (0, [0.375, 0.0, 0.5]));
        assert_eq!(draw(0.5), (1, [0.425, 0.2, 0.5]));
        assert_eq!(draw(0.99), (2, [0.2, 0.8, 0.0]));
    }

    #[test]
    fn the_chances_of_what_is_left_sum_to_one() {
        let (mut prior, mut adapted) = (deck(&[0.1, 0.2, 0.7]), deck(&[0.5, 0.25, 0.25]));
        prior.take_out(2);
        adapted.take_out(2);
        let mut total = 0.0;
        for uniform in [0.0, 0.999] {
            let (_, [chance, ours, theirs]) = prior.draw_mixed(&adapted, 0.5, uniform).unwrap();
            assert!((chance - 0.5 * (ours + theirs)).abs() < 1e-6);
            total += chance;
        }
        assert!((total - 1.0).abs() < 1e-6, "{total}");
    }
}
