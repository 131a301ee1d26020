//! Intervals of means and of their differences, with users as clusters.

use common::stats::t_quantile;

/// An estimate with its two-sided interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower bound; NaN with fewer than two clusters.
    pub low: f64,
    /// Upper bound; NaN with fewer than two clusters.
    pub high: f64,
}

impl Interval {
    /// The interval of an estimate with the linear expansion `estimate - truth ~ mean of influence`: a row's influence
    /// is what it moves the estimate by, times the number of rows n. Rows of one cluster may depend on each other in any
    /// way, clusters are independent.
    ///
    /// With G clusters, the standard error is `sqrt(G / (G - 1) * sum over clusters (sum of influence)^2) / n`, and the
    /// bounds lie `t` standard errors away, `t` the quantile of Student's t with G - 1 degrees of freedom (Liang and
    /// Zeger 1986; Cameron and Miller 2015, A Practitioner's Guide to Cluster-Robust Inference, section II).
    pub fn of(estimate: f64, influence: &[f64], cluster: &[u32], confidence: f64) -> Self {
        let clusters = cluster.iter().max().map_or(0, |most| *most as usize + 1);
        let mut sums = vec![0.0; clusters];
        let mut present = vec![false; clusters];
        for (value, &of) in influence.iter().zip(cluster) {
            sums[of as usize] += value;
            present[of as usize] = true;
        }
        let count = present.iter().filter(|p| **p).count() as f64;
        let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
        let error = (count / (count - 1.0) * squares).sqrt() / influence.len() as f64;
        let half = match count < 2.0 {
            true => f64::NAN,
            false => t_quantile(count - 1.0, confidence) * error,
        };
        Interval {
            estimate,
            low: estimate - half,
            high: estimate + half,
        }
    }

    /// The mean of `values` over rows.
    pub fn of_mean(values: &[f64], cluster: &[u32], confidence: f64) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let influence: Vec<f64> = values.iter().map(|value| value - mean).collect();
        Interval::of(mean, &influence, cluster, confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_a_cluster_is_the_textbook_t_interval() {
        // 1, 2, 3, 4: mean 2.5, sd 1.2910, se 0.6455, t(3) 3.1824.
        let interval = Interval::of_mean(&[1.0, 2.0, 3.0, 4.0], &[0, 1, 2, 3], 0.95);
        assert_eq!(interval.estimate, 2.5);
        assert!(
            (interval.low - 0.44574).abs() < 1e-4 && (interval.high - 4.55426).abs() < 1e-4,
            "{interval:?}"
        );
        let wider = Interval::of_mean(&[1.0, 2.0, 3.0, 4.0], &[0, 1, 2, 3], 0.99);
        assert!(wider.low < interval.low && wider.high > interval.high);
    }

    #[test]
    fn copies_of_a_row_in_its_own_cluster_add_no_certainty() {
        let once = Interval::of_mean(&[1.0, 2.0, 6.0], &[0, 1, 2], 0.95);
        let thrice = Interval::of_mean(
            &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 6.0, 6.0, 6.0],
            &[0, 0, 0, 5, 5, 5, 2, 2, 2],
            0.95,
        );
        assert!((once.low - thrice.low).abs() < 1e-12 && (once.high - thrice.high).abs() < 1e-12);
    }

    #[test]
    fn one_cluster_says_nothing_of_the_spread() {
        let interval = Interval::of_mean(&[1.0, 2.0], &[0, 0], 0.95);
        assert!(interval.estimate == 1.5 && interval.low.is_nan() && interval.high.is_nan());
    }
}
