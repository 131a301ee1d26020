//! Likes counted in whole numbers: a 32-bit float that ones are added to ends at 2^24.

use super::Event;

/// How often each item was liked.
pub(crate) struct LikeCounts(Vec<u64>);

impl LikeCounts {
    /// None yet of `items` items.
    pub(crate) fn new(items: usize) -> Self {
        LikeCounts(vec![0; items])
    }

    /// Adds the likes among `events`.
    pub(crate) fn add(&mut self, events: &[Event]) {
        for (item, _) in events.iter().filter(|(_, feedback)| *feedback > 0.0) {
            self.0[*item as usize] += 1;
        }
    }

    /// The nearest 32-bit floats.
    pub(crate) fn to_f32(&self) -> Vec<f32> {
        self.0.iter().map(|&likes| likes as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likes_are_counted_beyond_what_a_float_can_add_to() {
        let mut likes = LikeCounts::new(2);
        let events = [(1, 1.0), (0, -1.0)].repeat(1 << 16);
        (0..300).for_each(|_| likes.add(&events));
        assert_eq!(likes.to_f32(), [0.0, (300_u32 << 16) as f32]);
    }
}
