//! Placing the direct labels of a chart: each near the end of its line, none on another.

/// Positions at least `gap` apart within `range`, in the order of `wanted` and with the least squared distance to it
/// (isotonic regression by pooling adjacent violators); where they do not all fit, evenly spread.
pub(super) fn spread(wanted: &[f64], gap: f64, range: [f64; 2]) -> Vec<f64> {
    let [low, high] = range;
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    let gap = gap.min((high - low) / (wanted.len().max(2) - 1) as f64);

    // With `rank * gap` taken off, "at least a gap apart" becomes "not falling".
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        pools.push((wanted[index] - rank as f64 * gap, 1));
        while let [.., (before, n), (last, m)] = pools[..]
            && before > last
        {
            pools.truncate(pools.len() - 2);
            pools.push(((before * n as f64 + last * m as f64) / (n + m) as f64, n + m));
        }
    }
    let flat = pools
        .into_iter()
        .flat_map(|(value, n)| std::iter::repeat_n(value, n));
    let highest = high - wanted.len().saturating_sub(1) as f64 * gap;
    let mut placed = vec![0.0; wanted.len()];
    for ((rank, index), value) in order.into_iter().enumerate().zip(flat) {
        placed[index] = value.clamp(low, highest.max(low)) + rank as f64 * gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_room_stay_and_crowded_ones_part_evenly() {
        assert_eq!(spread(&[10.0, 50.0], 10.0, [0.0, 100.0]), [10.0, 50.0]);
        assert_eq!(spread(&[50.0, 50.0, 5.0], 10.0, [0.0, 100.0]), [45.0, 55.0, 5.0]);
    }

    #[test]
    fn labels_stay_within_the_chart() {
        assert_eq!(spread(&[99.0, 98.0], 10.0, [0.0, 100.0]), [100.0, 90.0]);
        assert_eq!(spread(&[0.0, 0.0, 0.0], 80.0, [0.0, 100.0]), [0.0, 50.0, 100.0]);
        assert!(spread(&[], 10.0, [0.0, 100.0]).is_empty());
        assert_eq!(spread(&[200.0], 10.0, [0.0, 100.0]), [100.0]);
    }
}
