//! What lists show of the catalogue, as RecBole 1.2 defines it (`recbole.evaluator.metrics`: AveragePopularity, and ItemCoverage and
//! GiniIndex of [`common::stats`]).

/// The places of the first `most` of `logits` when they are sorted by falling value, ties by place; those of minus infinity are in no
/// list.
pub fn top(logits: &[f32], most: usize) -> Vec<u32> {
    let open = (0..logits.len() as u32).filter(|&item| logits[item as usize] > f32::NEG_INFINITY);
    let mut items: Vec<u32> = open.collect();
    let by_logit = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    if most < items.len() {
        items.select_nth_unstable_by(most, by_logit);
        items.truncate(most);
    }
    items.sort_unstable_by(by_logit);
    items
}

/// How often each of `items` items is in one of `lists`, read to place `k`.
pub fn counts<'a>(lists: impl Iterator<Item = &'a [u32]>, k: usize, items: usize) -> Vec<u64> {
    let mut counts = vec![0; items];
    for item in lists.flat_map(|list| list.iter().take(k)) {
        counts[*item as usize] += 1;
    }
    counts
}

/// The mean of `popularity` over the first `k` items of a list; NaN of an empty one.
pub fn popularity(list: &[u32], k: usize, popularity: &[f32]) -> f64 {
    let shown = &list[..k.min(list.len())];
    let sum: f64 = shown
        .iter()
        .map(|&item| f64::from(popularity[item as usize]))
        .sum();
    sum / shown.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_by_falling_logits_and_have_what_there_is() {
        let logits = [0.5, f32::NEG_INFINITY, 2.0, 0.5, -1.0];
        assert_eq!(top(&logits, 2), [2, 0]);
        assert_eq!(top(&logits, 3), [2, 0, 3]);
        assert_eq!(top(&logits, 9), [2, 0, 3, 4]);
        assert!(top(&logits, 0).is_empty());
    }

    #[test]
    fn counts_and_popularity_by_hand() {
        let lists: [&[u32]; 2] = [&[0, 1, 2], &[0, 3, 2]];
        let counts = counts(lists.into_iter(), 2, 5);
        assert_eq!(counts, [2, 1, 0, 1, 0]);
        assert_eq!(popularity(&[0, 3], 2, &[4.0, 0.0, 0.0, 1.0]), 2.5);
        assert!(popularity(&[], 2, &[]).is_nan());
    }
}
