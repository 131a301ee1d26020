//! The touched items' own numbers.

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
    /// d by place, `[touched, D]`.
    rows: Vec<f32>,
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
            rows: Vec::new(),
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
        self.places[item as usize] = place as u32;
        self.items.push(item);
        self.rows.resize(self.rows.len() + self.dims, 0.0);
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

    /// d of the item at `place`, `[D]`.
    pub fn row(&self, place: usize) -> &[f32] {
        &self.rows[place * self.dims..][..self.dims]
    }

    /// d of the item at `place`, to be changed.
    pub fn row_mut(&mut self, place: usize) -> &mut [f32] {
        &mut self.rows[place * self.dims..][..self.dims]
    }
}
