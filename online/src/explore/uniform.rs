//! Uniform draws over what is open.

use common::rng::{ChaCha8Rng, RngExt};

use super::slate::Slate;

/// Draws `k` distinct codes uniformly from those below `items` that are in `candidates` (ascending and distinct; none:
/// all) and not in `consumed` (ascending and distinct); where that leaves none, from all candidates. The first number of
/// `rng` decides the first position.
pub fn uniform_slate(
    items: usize,
    candidates: Option<&[u32]>,
    consumed: &[u32],
    k: usize,
    rng: &mut ChaCha8Rng,
) -> Slate {
    let pool = candidates.map_or(items, <[u32]>::len);
    let code = |place: usize| candidates.map_or(place as u32, |codes| codes[place]);
    // The places that are closed, ascending: those of consumed items, then also those drawn already.
    let place = |code: &u32| match candidates {
        Some(codes) => codes.binary_search(code).ok(),
        None => Some(*code as usize),
    };
    let mut closed: Vec<usize> = consumed.iter().filter_map(place).collect();
    if closed.len() >= pool {
        closed.clear();
    }
    let mut slate = Slate::default();
    for _ in 0..k.min(pool - closed.len()) {
        let open = pool - closed.len();
        let uniform: f64 = rng.random();
        let mut place = ((uniform * open as f64) as usize).min(open - 1);
        let mut before = 0;
        while before < closed.len() && closed[before] <= place {
            place += 1;
            before += 1;
        }
        closed.insert(before, place);
        slate.items.push(code(place));
        slate.propensities.push(1.0 / open as f32);
    }
    slate
}

#[cfg(test)]
mod tests {
    use common::rng::stream;

    use super::*;

    #[test]
    fn draws_reach_every_open_item_equally() {
        let mut counts = [[0; 6]; 2];
        for i in 0..4000 {
            let slate = uniform_slate(6, None, &[0, 3], 2, &mut stream(1, "action", &[i]));
            assert_eq!(slate.propensities, vec![0.25, 1.0 / 3.0]);
            assert_ne!(slate.items[0], slate.items[1]);
            for (position, &item) in slate.items.iter().enumerate() {
                counts[position][item as usize] += 1;
            }
        }
        for counts in counts {
            assert_eq!((counts[0], counts[3]), (0, 0));
            for item in [1, 2, 4, 5] {
                assert!((900..1100).contains(&counts[item]), "{counts:?}");
            }
        }
    }

    #[test]
    fn only_candidates_are_drawn_and_all_of_them_where_none_is_open() {
        let draw = |consumed: &[u32]| {
            let rng = &mut stream(1, "action", &[]);
            let mut slate = uniform_slate(9, Some(&[2, 5, 7]), consumed, 9, rng);
            slate.items.sort_unstable();
            slate.items
        };
        assert_eq!(draw(&[0, 5]), vec![2, 7]);
        assert_eq!(draw(&[2, 3, 5, 7]), vec![2, 5, 7]);
        assert!(
            uniform_slate(9, Some(&[]), &[], 1, &mut stream(1, "action", &[]))
                .items
                .is_empty()
        );
    }
}
