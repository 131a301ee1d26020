//! Slates by the Plackett-Luce model: position by position from the policy's distribution over what is left, which is
//! the order of a Gumbel top-k draw (Plackett 1975; Luce 1959; Kool, van Hoof and Welling, ICML 2019).

use common::rng::{ChaCha8Rng, RngExt, stream};

use super::categorical::Categorical;
use super::slate::Slate;

/// How the items of a slate are chosen, position by position: by chance, each with its probability; or the most probable one,
/// the first of equals, with the propensity that a draw would have had.
#[derive(Debug)]
pub struct Draw(Option<ChaCha8Rng>);

impl Draw {
    /// By the randomness of `key`; greedy where `greedy`.
    pub fn new(seed: u64, key: &[u64; 3], greedy: bool) -> Self {
        Draw((!greedy).then(|| stream(seed, "action", key)))
    }

    fn pick_mixed(
        &mut self,
        prior: &Categorical,
        adapted: &Categorical,
        weight: f32,
    ) -> Option<(u32, [f32; 3])> {
        match &mut self.0 {
            Some(rng) => prior.draw_mixed(adapted, weight, rng.random()),
            None => prior.best_mixed(adapted, weight),
        }
    }

    /// Items drawn with replacement; none of a greedy choice.
    fn with_replacement(&mut self, categorical: &Categorical, count: usize) -> Vec<u32> {
        let Some(rng) = &mut self.0 else {
            return Vec::new();
        };
        (0..count)
            .filter_map(|_| categorical.draw(rng.random()))
            .map(|(item, _)| item)
            .collect()
    }
}

/// Draws `k` items from one policy's distribution, and `negatives` more for its gradient. The first number of a sampled draw
/// decides the first position. The drawn items are gone from `categorical` afterwards. `weight` is what the slate says of the
/// prior's share.
pub fn slate(
    categorical: &mut Categorical,
    k: usize,
    negatives: usize,
    weight: f32,
    draw: &mut Draw,
) -> Slate {
    let mut slate = Slate {
        weight,
        ..Slate::default()
    };
    let best = match &draw.0 {
        Some(_) => Vec::new(),
        None => categorical.top(k),
    };
    for position in 0..k {
        let picked = match &mut draw.0 {
            Some(rng) => categorical.draw(rng.random()),
            None => best
                .get(position)
                .map(|&item| (item, categorical.among_left(item))),
        };
        let Some((item, probability)) = picked else {
            break;
        };
        slate.items.push(item);
        slate.propensities.push(probability);
        slate.scores.push(categorical.probabilities()[item as usize]);
        if position == 0 {
            slate.negatives = draw.with_replacement(categorical, negatives);
        }
        categorical.take_out(item);
    }
    slate
}

/// As [`slate`], from weight * `prior` + (1 - weight) * `adapted`, each over what is left at a position. The negatives are
/// the adapted policy's.
pub fn mixed_slate(
    prior: &mut Categorical,
    adapted: &mut Categorical,
    weight: f32,
    k: usize,
    negatives: usize,
    draw: &mut Draw,
) -> Slate {
    let mut slate = Slate {
        weight,
        ..Slate::default()
    };
    for position in 0..k {
        let Some((item, [probability, ours, theirs])) = draw.pick_mixed(prior, adapted, weight) else {
            break;
        };
        let of = |categorical: &Categorical| categorical.probabilities()[item as usize];
        slate.items.push(item);
        slate.propensities.push(probability);
        slate
            .scores
            .push(weight * of(prior) + (1.0 - weight) * of(adapted));
        slate.prior.push(ours);
        slate.adapted.push(theirs);
        if position == 0 {
            slate.negatives = draw.with_replacement(adapted, negatives);
        }
        prior.take_out(item);
        adapted.take_out(item);
    }
    slate
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn categorical(probabilities: &[f32]) -> Categorical {
        let mut categorical = Categorical::default();
        categorical.fill(probabilities.len(), |row| {
            row.copy_from_slice(probabilities);
            1.0
        });
        categorical
    }

    /// Draws many slates: how often each came, and its logged probability.
    fn frequencies(mut drawn: impl FnMut(&mut Draw) -> Slate) -> BTreeMap<Vec<u32>, (f64, f64)> {
        let draws = 40_000;
        let mut counts = BTreeMap::new();
        for i in 0..draws {
            let slate = drawn(&mut Draw::new(3, &[i, 0, 0], false));
            let probability: f64 = slate.propensities.iter().map(|&p| f64::from(p)).product();
            counts.entry(slate.items).or_insert((0.0, probability)).0 += 1.0 / draws as f64;
        }
        counts
    }

    fn hold(counts: &BTreeMap<Vec<u32>, (f64, f64)>, slates: usize) {
        assert_eq!(counts.len(), slates);
        let total: f64 = counts.values().map(|(_, probability)| probability).sum();
        assert!((total - 1.0).abs() < 1e-5, "{total}");
        for (items, (share, probability)) in counts {
            assert!(
                (share - probability).abs() < 0.01,
                "{items:?}: {share} {probability}"
            );
        }
    }

    #[test]
    fn slates_come_as_often_as_they_say() {
        let probabilities = [0.4, 0.3, 0.2, 0.1];
        let counts = frequencies(|draw| slate(&mut categorical(&probabilities), 3, 0, 1.0, draw));
        hold(&counts, 24);
        let (_, probability) = counts[&vec![2, 0, 1]];
        assert!(
            (probability - 0.2 * (0.4 / 0.8) * (0.3 / 0.4)).abs() < 1e-6,
            "{probability}"
        );
    }

    #[test]
    fn mixed_slates_come_as_often_as_they_say() {
        let (prior, adapted) = ([0.7, 0.1, 0.1, 0.1], [0.05, 0.05, 0.45, 0.45]);
        let mixed = |draw: &mut Draw| {
            mixed_slate(
                &mut categorical(&prior),
                &mut categorical(&adapted),
                0.3,
                2,
                4,
                draw,
            )
        };
        let slate = mixed(&mut Draw::new(1, &[0; 3], false));
        assert_eq!(
            (slate.prior.len(), slate.adapted.len(), slate.negatives.len()),
            (2, 2, 4)
        );
        hold(&frequencies(mixed), 12);
    }

    #[test]
    fn a_greedy_slate_has_the_most_probable_items_in_order() {
        let probabilities: Vec<f32> = (0..300)
            .map(|item| ((item * 37 + 5) % 300) as f32 / 44_850.0)
            .collect();
        let mut order: Vec<usize> = (0..300).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
        let greedy = slate(
            &mut categorical(&probabilities),
            7,
            3,
            1.0,
            &mut Draw::new(0, &[0; 3], true),
        );
        assert!(
            greedy
                .items
                .iter()
                .map(|&item| item as usize)
                .eq(order[..7].iter().copied())
        );
        assert!(
            greedy
                .scores
                .iter()
                .zip(&order)
                .all(|(score, &item)| *score == probabilities[item])
        );
        assert!(greedy.negatives.is_empty());
        // Propensities are those of a draw: each among what is left.
        let left = 1.0 - greedy.scores[0] - greedy.scores[1];
        assert!((greedy.propensities[2] - greedy.scores[2] / left).abs() < 1e-6);
        let all = categorical(&[0.25; 4]);
        let mixed = mixed_slate(
            &mut all.clone(),
            &mut categorical(&[0.1, 0.1, 0.1, 0.7]),
            0.5,
            2,
            0,
            &mut Draw::new(0, &[0; 3], true),
        );
        assert_eq!(mixed.items, [3, 0]);
        assert!((mixed.scores[0] - 0.475).abs() < 1e-6);
    }

    #[test]
    fn a_slate_ends_where_nothing_is_left() {
        let slate = slate(
            &mut categorical(&[0.0, 0.5, 0.5]),
            5,
            2,
            0.0,
            &mut Draw::new(0, &[0; 3], false),
        );
        assert_eq!((slate.items.len(), slate.negatives.len()), (2, 2));
        assert_eq!(slate.propensities[1], 1.0);
    }
}
