//! Which items an update scores when it cannot score all: candidates drawn in proportion to popularity, with the
//! correction that makes sums over them stand for sums over the catalogue.

use common::rng::{ChaCha8Rng, Weights};

use super::slab::Slab;

/// Popularity's exponent (Mikolov et al. 2013, arXiv 1310.4546): rare items come up often enough to be learnt.
const EXPONENT: f64 = 0.75;

/// Draws items with probability q(i) in proportion to (likes + 1)^0.75.
#[derive(Clone, Debug)]
pub(crate) struct Proposal(Weights);

impl Proposal {
    /// From each item's likes in the log.
    pub(crate) fn new(likes: &[f32]) -> Self {
        let weight = |&likes: &f32| (f64::from(likes) + 1.0).powf(EXPONENT);
        Proposal(Weights::new(likes.iter().map(weight)))
    }

    /// A slab with `draws` candidates drawn with replacement, and `chosen`, the batch's own actions, which are candidates for
    /// those rows alone that chose them unless they were drawn too. With m_i the times that i was drawn, candidate i's offset
    /// is ln(m_i / (draws q(i))): sum_i exp(logit_i + offset_i) has the expectation sum over the catalogue of exp(logit_i)
    /// (sampled softmax: Bengio and Senecal 2008; Jean et al. 2015, arXiv 1412.2007). `states` are the items in states.
    pub(crate) fn slab(
        &self,
        draws: usize,
        chosen: &[u32],
        states: impl Iterator<Item = u32>,
        rng: &mut ChaCha8Rng,
    ) -> Slab {
        let mut drawn: Vec<u32> = (0..draws).map(|_| self.0.draw(rng) as u32).collect();
        drawn.sort_unstable();
        let (mut candidates, mut offsets) = (Vec::new(), Vec::new());
        for times in drawn.chunk_by(|a, b| a == b) {
            candidates.push(times[0]);
            let probability = self.0.weight(times[0] as usize) / self.0.total();
            let expected = draws as f64 * probability;
            offsets.push((times.len() as f64 / expected).ln() as f32);
        }
        let mut chosen = chosen.to_vec();
        chosen.sort_unstable();
        chosen.dedup();
        chosen.retain(|item| drawn.binary_search(item).is_err());
        offsets.extend(chosen.iter().map(|_| f32::NEG_INFINITY));
        candidates.extend(chosen);
        Slab::part(candidates, offsets, states)
    }
}

#[cfg(test)]
mod tests {
    use common::rng::stream;

    use super::*;

    /// The corrected sum over candidates is the sum over the catalogue on average, and single sums are near it.
    #[test]
    fn sums_over_candidates_stand_for_sums_over_the_catalogue() {
        let likes: Vec<f32> = (0..500).map(|i| (i % 37) as f32 * 3.0).collect();
        let proposal = Proposal::new(&likes);
        let weight = |item: u32| (f64::from(item) * 0.37).sin().exp();
        let whole: f64 = (0..500).map(weight).sum();
        let mut rng = stream(0, "test/proposal", &[]);
        let mut mean = 0.0;
        for _ in 0..200 {
            let slab = proposal.slab(300, &[1, 2], std::iter::empty(), &mut rng);
            let offsets = slab.offsets().unwrap();
            let sum: f64 = (0..slab.candidates(500) as u32)
                .map(|place| weight(slab.item(place)) * f64::from(offsets[place as usize]).exp())
                .sum();
            assert!((sum / whole - 1.0).abs() < 0.4);
            mean += sum / 200.0;
        }
        assert!((mean / whole - 1.0).abs() < 0.01, "{mean} for {whole}");
    }

    #[test]
    fn chosen_items_and_those_of_states_have_places_and_only_the_first_are_candidates() {
        let proposal = Proposal::new(&[0.0; 1000]);
        let slab = proposal.slab(
            10,
            &[7, 7, 3],
            [5, 3, 999].into_iter(),
            &mut stream(1, "test", &[]),
        );
        assert!(slab.candidate(7).is_some() && slab.candidate(3).is_some());
        assert!(slab.place(999).is_some() && slab.candidate(999).is_none());
        let items = slab.items().unwrap();
        assert!((0..items.len()).all(|place| slab.place(items[place]) == Some(place as u32)));
    }
}
