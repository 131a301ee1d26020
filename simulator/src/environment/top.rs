//! The items of greatest value in a long stream, in memory for twice as many as are wanted.

use std::cmp::Ordering;

/// The `wanted` items of greatest value among those pushed so far, and perhaps some more. Of equal values the
/// items pushed first count.
pub(super) struct Top {
    wanted: usize,
    best: Vec<(f32, u32)>,
    /// As many as are wanted are at least this.
    bar: f32,
}

impl Top {
    pub(super) fn new(wanted: usize) -> Self {
        Top {
            wanted,
            best: Vec::with_capacity(2 * wanted),
            bar: if wanted == 0 {
                f32::INFINITY
            } else {
                f32::NEG_INFINITY
            },
        }
    }

    /// Takes an item of a finite value; items come in rising order.
    pub(super) fn push(&mut self, value: f32, item: u32) {
        if value > self.bar {
            self.best.push((value, item));
            if self.best.len() == 2 * self.wanted {
                self.cut();
                self.bar = self.best[self.wanted - 1].0;
            }
        }
    }

    /// The best in falling order of value: as many as are wanted, or all where there were fewer.
    pub(super) fn into_sorted(mut self) -> Vec<(f32, u32)> {
        if self.best.len() > self.wanted {
            self.cut();
        }
        self.best.sort_unstable_by(falling);
        self.best
    }

    fn cut(&mut self) {
        self.best.select_nth_unstable_by(self.wanted - 1, falling);
        // The last is the bar.
        self.best.truncate(self.wanted);
    }
}

fn falling(one: &(f32, u32), other: &(f32, u32)) -> Ordering {
    other.0.total_cmp(&one.0).then(one.1.cmp(&other.1))
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, stream};

    use super::*;

    #[test]
    fn the_greatest_are_those_of_a_full_sort() {
        let mut rng = stream(0, "test", &[]);
        for count in [0, 1, 3, 4, 7, 8, 9, 1000] {
            // Few distinct values, so that there are ties at the bar.
            let values: Vec<(f32, u32)> = (0..count)
                .map(|item| (rng.random_range(-20..20) as f32, item))
                .collect();
            let mut sorted = values.clone();
            sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
            for wanted in [0, 1, 4] {
                let mut top = Top::new(wanted);
                values.iter().for_each(|&(value, item)| top.push(value, item));
                assert_eq!(top.into_sorted(), sorted[..wanted.min(count as usize)]);
            }
        }
    }
}
