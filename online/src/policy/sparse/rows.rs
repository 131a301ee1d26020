//! The touched items' own numbers, laid out for the product with a query: panels of 16 items, dimension by dimension.

/// Items of a panel.
const PANEL: usize = 16;
/// Panels that are gone through together.
const GROUP: usize = 4;
/// Not touched.
const NONE: u32 = u32::MAX;

/// d_j and b_j of the items that were touched, in the order in which they were.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    dims: usize,
    /// By item: its place among the touched.
    places: Vec<u32>,
    /// By place: the item.
    items: Vec<u32>,
    /// d: that of place p and dimension k stands at `(p / 16 * D + k) * 16 + p % 16`.
    panels: Vec<f32>,
    /// b by place.
    biases: Vec<f32>,
}

impl Rows {
    /// None of `items` touched.
    pub fn new(items: usize, dims: usize) -> Self {
        Rows {
            dims,
            places: vec![NONE; items],
            items: Vec::new(),
            panels: Vec::new(),
            biases: Vec::new(),
        }
    }

    /// The touched items by place.
    pub fn items(&self) -> &[u32] {
        &self.items
    }

    /// The place of an item that was touched.
    pub fn place(&self, item: u32) -> Option<usize> {
        let place = self.places[item as usize];
        (place != NONE).then_some(place as usize)
    }

    /// The place of `item`, a new one with zeros where it was not touched before.
    pub fn touch(&mut self, item: u32) -> usize {
        if let Some(place) = self.place(item) {
            return place;
        }
        let place = self.items.len();
        if place.is_multiple_of(PANEL) {
            self.panels.resize(self.panels.len() + PANEL * self.dims, 0.0);
        }
        self.places[item as usize] = place as u32;
        self.items.push(item);
        self.biases.push(0.0);
        place
    }

    /// b of the item at `place`.
    pub fn bias(&self, place: usize) -> f32 {
        self.biases[place]
    }

    /// b of the item at `place`, to be changed.
    pub fn bias_mut(&mut self, place: usize) -> &mut f32 {
        &mut self.biases[place]
    }

    /// d of the item at `place`, dimension by dimension.
    pub fn row(&self, place: usize) -> impl Iterator<Item = &f32> {
        self.panel(place).iter().skip(place % PANEL).step_by(PANEL)
    }

    /// d of the item at `place`, to be changed.
    pub fn row_mut(&mut self, place: usize) -> impl Iterator<Item = &mut f32> {
        let size = PANEL * self.dims;
        let panel = &mut self.panels[place / PANEL * size..][..size];
        panel.iter_mut().skip(place % PANEL).step_by(PANEL)
    }

    fn panel(&self, place: usize) -> &[f32] {
        let size = PANEL * self.dims;
        &self.panels[place / PANEL * size..][..size]
    }

    /// Adds scale * d_j . `query` + b_j to the logit of every touched item.
    pub fn add_to(&self, logits: &mut [f32], query: &[f32], scale: f32) {
        let size = PANEL * self.dims;
        let groups = self.panels.chunks(GROUP * size);
        let labels = self
            .items
            .chunks(GROUP * PANEL)
            .zip(self.biases.chunks(GROUP * PANEL));
        for (panels, (items, biases)) in groups.zip(labels) {
            // Several panels at once: one chain of additions would wait for itself.
            let mut sums = [[0.0f32; PANEL]; GROUP];
            if panels.len() == GROUP * size {
                products(&mut sums, panels, query);
            } else {
                for (sums, panel) in sums.iter_mut().zip(panels.chunks_exact(size)) {
                    products(std::array::from_mut(sums), panel, query);
                }
            }
            let sums = sums.as_flattened();
            for ((&item, bias), sum) in items.iter().zip(biases).zip(sums) {
                logits[item as usize] += scale * sum + bias;
            }
        }
    }
}

/// The products of G panels, one behind the other, with a query.
#[inline(always)]
fn products<const G: usize>(sums: &mut [[f32; PANEL]; G], panels: &[f32], query: &[f32]) {
    let size = PANEL * query.len();
    let panels: [&[[f32; PANEL]]; G] =
        std::array::from_fn(|p| panels[p * size..(p + 1) * size].as_chunks::<PANEL>().0);
    for (k, q) in query.iter().enumerate() {
        for p in 0..G {
            let column = panels[p][k];
            for lane in 0..PANEL {
                sums[p][lane] += column[lane] * q;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_touched_items_move_and_each_by_its_own_row() {
        let mut rows = Rows::new(100, 3);
        // More than a group of panels, in an order of its own.
        let touched: Vec<u32> = (0..76).map(|i| (i * 7) % 100).collect();
        for &item in &touched {
            let place = rows.touch(item);
            assert_eq!(rows.touch(item), place);
            for (k, d) in rows.row_mut(place).enumerate() {
                *d = item as f32 + k as f32 / 4.0;
            }
            *rows.bias_mut(place) = 0.5;
        }
        let mut logits = vec![1.0; 100];
        rows.add_to(&mut logits, &[1.0, 2.0, -4.0], 0.5);
        for item in 0..100u32 {
            let expected = match rows.place(item) {
                Some(_) => 1.0 + 0.5 * (-(item as f32) + 0.5 - 2.0) + 0.5,
                None => 1.0,
            };
            assert_eq!(logits[item as usize], expected, "{item}");
            assert_eq!(rows.place(item).is_some(), touched.contains(&item));
        }
        assert_eq!(rows.row(1).copied().collect::<Vec<_>>(), vec![7.0, 7.25, 7.5]);
    }
}
