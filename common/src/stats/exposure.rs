//! What is shown of a catalogue, as RecBole 1.2 defines it (`recbole.evaluator.metrics`: ItemCoverage, GiniIndex).

/// The share of the catalogue that was shown, of how often each item was; NaN of an empty catalogue.
pub fn coverage(counts: &[u64]) -> f64 {
    counts.iter().filter(|count| **count > 0).count() as f64 / counts.len() as f64
}

/// The Gini index of how often each item was shown, 0 where all are shown alike, near 1 where one is shown alone; NaN where none is.
pub fn gini(counts: &[u64]) -> f64 {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let (items, total) = (sorted.len() as f64, sorted.iter().sum::<u64>() as f64);
    let ranks = (1..=sorted.len()).map(|rank| 2.0 * rank as f64 - items - 1.0);
    let weighed: f64 = ranks.zip(&sorted).map(|(rank, &count)| rank * count as f64).sum();
    weighed / (items * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_and_concentration_by_hand() {
        let counts = [2, 1, 0, 1, 0];
        assert_eq!(coverage(&counts), 0.6);
        // Sorted 0 0 1 1 2: (0 + 0 + 0 + 2 + 8) / (5 * 4).
        assert_eq!(gini(&counts), 0.5);
        assert_eq!(gini(&[3, 3, 3]), 0.0);
        assert_eq!(gini(&[0, 0, 0, 9]), 0.75);
        assert!(gini(&[0, 0]).is_nan());
    }
}
