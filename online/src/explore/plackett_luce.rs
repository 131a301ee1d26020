//! Slates by the Plackett-Luce model: position by position from the policy's distribution over what is left, which is
//! the order of a Gumbel top-k draw (Plackett 1975; Luce 1959; Kool, van Hoof and Welling, ICML 2019).

use common::rng::{ChaCha8Rng, RngExt};

use super::categorical::Categorical;
use super::slate::Slate;

/// Draws `k` items from one policy's distribution, and `negatives` more for its gradient. The first number of `rng`
/// decides the first position. The drawn items are gone from `categorical` afterwards. `weight` is what the slate says of the
/// prior's share.
pub fn slate(
    categorical: &mut Categorical,
    k: usize,
    negatives: usize,
    weight: f32,
    rng: &mut ChaCha8Rng,
) -> Slate {
    let mut slate = Slate {
        weight,
        ..Slate::default()
    };
    for position in 0..k {
        let Some((item, probability)) = categorical.draw(rng.random()) else {
            break;
        };
        slate.items.push(item);
        slate.propensities.push(probability);
        if position == 0 {
            slate.negatives = with_replacement(categorical, negatives, rng);
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
    rng: &mut ChaCha8Rng,
) -> Slate {
    let mut slate = Slate {
        weight,
        ..Slate::default()
    };
    for position in 0..k {
        let Some((item, [probability, ours, theirs])) = prior.draw_mixed(adapted, weight, rng.random())
        else {
            break;
        };
        slate.items.push(item);
        slate.propensities.push(probability);
        slate.prior.push(ours);
        slate.adapted.push(theirs);
        if position == 0 {
            slate.negatives = with_replacement(adapted, negatives, rng);
        }
        prior.take_out(item);
        adapted.take_out(item);
    }
    slate
}

fn with_replacement(categorical: &Categorical, count: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    (0..count)
        .filter_map(|_| categorical.draw(rng.random()))
        .map(|(item, _)| item)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use common::rng::stream;

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
    fn frequencies(mut draw: impl FnMut(&mut ChaCha8Rng) -> Slate) -> BTreeMap<Vec<u32>, (f64, f64)> {
        let draws = 40_000;
        let mut counts = BTreeMap::new();
        for i in 0..draws {
            let slate = draw(&mut stream(3, "action", &[i, 0, 0]));
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
        let counts = frequencies(|rng| slate(&mut categorical(&probabilities), 3, 0, 1.0, rng));
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
        let mixed = |rng: &mut ChaCha8Rng| {
            mixed_slate(
                &mut categorical(&prior),
                &mut categorical(&adapted),
                0.3,
                2,
                4,
                rng,
            )
        };
        let slate = mixed(&mut stream(1, "action", &[]));
        assert_eq!(
            (slate.prior.len(), slate.adapted.len(), slate.negatives.len()),
            (2, 2, 4)
        );
        hold(&frequencies(mixed), 12);
    }

    #[test]
    fn a_slate_ends_where_nothing_is_left() {
        let slate = slate(
            &mut categorical(&[0.0, 0.5, 0.5]),
            5,
            2,
            0.0,
            &mut stream(0, "action", &[]),
        );
        assert_eq!((slate.items.len(), slate.negatives.len()), (2, 2));
        assert_eq!(slate.propensities[1], 1.0);
    }
}
