//! The greatest values of a long stream, in memory for twice as many as are wanted.

/// The `wanted` greatest of the values pushed so far, and perhaps some more.
pub(super) struct Top {
    wanted: usize,
    best: Vec<f32>,
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

    /// Takes a finite value.
    pub(super) fn push(&mut self, value: f32) {
        if value > self.bar {
            self.best.push(value);
            if self.best.len() == 2 * self.wanted {
                self.cut();
                self.bar = self.best[self.wanted - 1];
            }
        }
    }

    /// The greatest values in falling order: as many as are wanted, or all where there were fewer.
    pub(super) fn into_sorted(mut self) -> Vec<f32> {
        if self.best.len() > self.wanted {
            self.cut();
        }
        self.best.sort_unstable_by(|a, b| b.total_cmp(a));
        self.best
    }

    fn cut(&mut self) {
        self.best
            .select_nth_unstable_by(self.wanted - 1, |a, b| b.total_cmp(a));
        self.best.truncate(self.wanted);
    }
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
            let values: Vec<f32> = (0..count).map(|_| rng.random_range(-20..20) as f32).collect();
            let mut sorted = values.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            for wanted in [0, 1, 4] {
                let mut top = Top::new(wanted);
                values.iter().for_each(|&value| top.push(value));
                assert_eq!(top.into_sorted(), sorted[..wanted.min(count)]);
            }
        }
    }
}
