//! The best items by a copy of the catalogue of one byte a number.
//!
//! A row of embeddings is divided by a step of its own, so that its largest number becomes 127; a query likewise. The
//! products are sums of integers, the same on every CPU. What they miss of the exact order is small against the
//! number of items that are kept, and the kept are scored exactly afterwards.

/// Items that stand side by side.
const WIDTH: usize = 64;
/// The largest number of a row and of a query. Two products of such numbers fit into 16 bits.
const LARGEST: f32 = 127.0;

/// The coarse copy of N items in D dimensions: N (D + 8) bytes.
#[derive(Debug, Clone)]
pub struct Shortlist {
    items: usize,
    /// D, filled up to an even number with zeros.
    columns: usize,
    /// Panels of [`WIDTH`] items, each column by column.
    panels: Vec<[i8; WIDTH]>,
    /// What one stands for in each row.
    steps: Vec<[f32; WIDTH]>,
    biases: Vec<[f32; WIDTH]>,
}

/// The items found so far, and the memory for it.
#[derive(Debug, Default)]
pub struct Sieve {
    /// Score and code.
    found: Vec<(f32, u32)>,
    codes: Vec<u32>,
}

impl Shortlist {
    /// The copy of `embeddings`, `[items, dims]` row by row, and one bias an item.
    pub fn new(embeddings: &[f32], biases: &[f32], dims: usize) -> Self {
        let items = biases.len();
        let panels = items.div_ceil(WIDTH);
        let columns = dims.next_multiple_of(2);
        let mut shortlist = Shortlist {
            items,
            columns,
            panels: vec![[0; WIDTH]; panels * columns],
            steps: vec![[0.0; WIDTH]; panels],
            biases: vec![[0.0; WIDTH]; panels],
        };
        for ((item, row), &bias) in (0..).zip(embeddings.chunks_exact(dims)).zip(biases) {
            shortlist.set(item, row, bias);
        }
        shortlist
    }

    /// Changes an item.
    pub fn set(&mut self, item: u32, row: &[f32], bias: f32) {
        let (panel, lane) = (item as usize / WIDTH, item as usize % WIDTH);
        let step = step(row);
        self.steps[panel][lane] = step;
        self.biases[panel][lane] = bias;
        let columns = &mut self.panels[panel * self.columns..];
        for (column, value) in columns.iter_mut().zip(row) {
            column[lane] = (value / step).round() as i8;
        }
    }

    /// The codes of the `keep` items whose scores, scale * row . query + bias, are highest by the copy, ascending; of
    /// equal scores those of lower codes come first.
    pub fn best<'a>(&self, query: &[f32], scale: f32, keep: usize, sieve: &'a mut Sieve) -> &'a [u32] {
        sieve.found.clear();
        let keep = keep.min(self.items);
        if keep > 0 {
            self.sift(query, scale, keep, sieve);
        }
        sieve.codes.clear();
        sieve.codes.extend(sieve.found.iter().map(|(_, code)| code));
        sieve.codes.sort_unstable();
        &sieve.codes
    }

    fn sift(&self, query: &[f32], scale: f32, keep: usize, sieve: &mut Sieve) {
        let unit = step(query);
        let mut coarse: Vec<i16> = query.iter().map(|x| (x / unit).round() as i16).collect();
        coarse.resize(self.columns, 0);
        let mut floor = f32::NEG_INFINITY;
        let mut scores = [0.0; WIDTH];
        let tables = self.steps.iter().zip(&self.biases);
        for (panel, (steps, biases)) in tables.enumerate() {
            let columns = &self.panels[panel * self.columns..(panel + 1) * self.columns];
            let sums = products(columns, &coarse);
            for lane in 0..WIDTH {
                scores[lane] = sums[lane] as f32 * (steps[lane] * unit * scale) + biases[lane];
            }
            let first = panel * WIDTH;
            let scores = &scores[..WIDTH.min(self.items - first)];
            if scores.iter().fold(false, |any, &score| any | (score > floor)) {
                let codes = first as u32..;
                let above = scores
                    .iter()
                    .copied()
                    .zip(codes)
                    .filter(|(score, _)| *score > floor);
                sieve.found.extend(above);
                if sieve.found.len() >= 4 * keep {
                    floor = sieve.shake(keep);
                }
            }
        }
        sieve.shake(keep);
    }
}

impl Sieve {
    /// Leaves the best `keep`; gives the score that others must exceed.
    fn shake(&mut self, keep: usize) -> f32 {
        if self.found.len() > keep {
            let better = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            self.found.select_nth_unstable_by(keep - 1, better);
            self.found.truncate(keep);
        }
        self.found.last().map_or(f32::NEG_INFINITY, |last| last.0)
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

    fn catalogue(items: usize, dims: usize) -> (Vec<f32>, Vec<f32>) {
        let mut rng = stream(1, "catalogue", &[items as u64]);
        let embeddings = (0..items * dims).map(|_| normal(&mut rng)).collect();
        (embeddings, (0..items).map(|_| normal(&mut rng)).collect())
    }

    fn query(dims: usize, index: u64) -> Vec<f32> {
        let mut rng = stream(2, "query", &[index]);
        (0..dims).map(|_| normal(&mut rng)).collect()
    }

    /// Codes by exact score, best first.
    fn exact(embeddings: &[f32], biases: &[f32], query: &[f32]) -> Vec<u32> {
        let score = |item: usize| {
            let row = &embeddings[item * query.len()..(item + 1) * query.len()];
            0.5 * row.iter().zip(query).map(|(a, b)| a * b).sum::<f32>() + biases[item]
        };
        let mut codes: Vec<u32> = (0..biases.len() as u32).collect();
        codes.sort_by(|&a, &b| score(b as usize).total_cmp(&score(a as usize)));
        codes
    }

    #[test]
    fn the_best_items_are_kept() {
        let mut sieve = Sieve::default();
        for (items, dims) in [(3000, 64), (1000, 7), (65, 1)] {
            let (embeddings, biases) = catalogue(items, dims);
            let shortlist = Shortlist::new(&embeddings, &biases, dims);
            for index in 0..20 {
                let query = query(dims, index);
                let kept = shortlist.best(&query, 0.5, 50, &mut sieve);
                assert!(kept.is_sorted() && kept.len() == 50);
                let best = &exact(&embeddings, &biases, &query)[..10];
                assert!(
                    best.iter().all(|code| kept.contains(code)),
                    "{items} {dims} {index}"
                );
            }
        }
    }

    #[test]
    fn a_changed_item_is_found_by_what_it_is_now() {
        let (embeddings, biases) = catalogue(500, 16);
        let mut shortlist = Shortlist::new(&embeddings, &biases, 16);
        let mut sieve = Sieve::default();
        let query = query(16, 0);
        let worst = *exact(&embeddings, &biases, &query).last().unwrap();
        assert!(!shortlist.best(&query, 0.5, 10, &mut sieve).contains(&worst));
        shortlist.set(worst, &query, 9.0);
        assert!(shortlist.best(&query, 0.5, 10, &mut sieve).contains(&worst));
        shortlist.set(worst, &[0.0; 16], -9.0);
        assert!(!shortlist.best(&query, 0.5, 499, &mut sieve).contains(&worst));
    }

    #[test]
    fn equal_scores_are_kept_in_the_order_of_their_codes() {
        let shortlist = Shortlist::new(&[1.0; 400], &[0.0; 200], 2);
        let mut sieve = Sieve::default();
        assert_eq!(shortlist.best(&[1.0, 1.0], 1.0, 3, &mut sieve), [0, 1, 2]);
        assert_eq!(shortlist.best(&[1.0, 1.0], 1.0, 500, &mut sieve).len(), 200);
        assert!(shortlist.best(&[1.0, 1.0], 1.0, 0, &mut sieve).is_empty());
        // Zeros have no step of their own.
        assert_eq!(shortlist.best(&[0.0, 0.0], 1.0, 2, &mut sieve), [0, 1]);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let shortlist = Shortlist::new(&[127.0, -127.0, -127.0, 127.0], &[0.0, 0.0], 2);
        let mut sieve = Sieve::default();
        assert_eq!(shortlist.best(&[-1.0, 1.0], 1.0, 1, &mut sieve), [1]);
        assert_eq!(shortlist.best(&[1.0, -1.0], 1.0, 1, &mut sieve), [0]);
    }
}
