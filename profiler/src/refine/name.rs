//! What a refined trait is called: by the words that go with it and against it.

use super::discriminants::Discriminants;
use super::features::Features;

/// Words on each side of a name.
const WORDS: usize = 2;

/// A name for each direction: its number, and the words whose traits go with and against it most over all items,
/// such as `1:alien/robot-wedding/love`.
pub(super) fn directions(words: &[String], fit: &Discriminants, items: &Features) -> Vec<String> {
    let dimensions = fit.dimensions();
    let mut together = vec![0.0; dimensions * words.len()];
    for at in 0..items.len() {
        let row = items.row(at);
        for (direction, value) in fit.apply(row).into_iter().enumerate() {
            let sums = &mut together[direction * words.len()..(direction + 1) * words.len()];
            sums.iter_mut()
                .zip(row)
                .for_each(|(sum, feature)| *sum += value * feature);
        }
    }
    let name = |direction: usize| {
        let sums = &together[direction * words.len()..(direction + 1) * words.len()];
        let mut order: Vec<usize> = (0..words.len()).collect();
        order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]).then(a.cmp(&b)));
        let list = |places: &mut dyn Iterator<Item = &usize>| {
            let chosen: Vec<&str> = places.take(WORDS).map(|&at| words[at].as_str()).collect();
            chosen.join("/")
        };
        let (with, against) = (list(&mut order.iter()), list(&mut order.iter().rev()));
        format!("{}:{with}-{against}", direction + 1)
    };
    (0..dimensions).map(name).collect()
}
