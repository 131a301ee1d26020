//! How good predicted probabilities are on pairs that were not used to fit them.

/// A prediction, what happened, and how many pairs it stands for.
pub(crate) type Scored = (f64, bool, f64);

/// The area under the ROC curve, ties counting half; NaN without both kinds.
pub(crate) fn auc(scored: &[Scored]) -> f64 {
    let (mut below, mut area, mut successes) = (0.0, 0.0, 0.0);
    for (_, up, down) in by_score(scored) {
        area += up * (below + 0.5 * down);
        below += down;
        successes += up;
    }
    area / (successes * below)
}

/// The expected calibration error of probabilities: over ten bins of about equal weight, the mean distance
/// between mean probability and frequency.
pub(crate) fn calibration_error(scored: &[Scored]) -> f64 {
    const BINS: usize = 10;
    let total: f64 = scored.iter().map(|o| o.2).sum();
    let mut bins = [(0.0, 0.0); BINS];
    let mut before = 0.0;
    for (probability, up, down) in by_score(scored) {
        let bin = &mut bins[((before / total * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += (up + down) * probability;
        bin.1 += up;
        before += up + down;
    }
    bins.iter()
        .map(|(predicted, observed)| (predicted - observed).abs())
        .sum::<f64>()
        / total
}

/// Distinct scores, ascending, each with the weight of its successes and failures.
fn by_score(scored: &[Scored]) -> Vec<(f64, f64, f64)> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut groups: Vec<(f64, f64, f64)> = Vec::new();
    for (score, success, weight) in sorted {
        if groups.last().is_none_or(|last| last.0 != score) {
            groups.push((score, 0.0, 0.0));
        }
        if let Some((_, up, down)) = groups.last_mut() {
            *if success { up } else { down } += weight;
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_by_hand() {
        assert_eq!(auc(&[(0.1, false, 1.0), (0.9, true, 1.0)]), 1.0);
        assert_eq!(auc(&[(0.5, false, 3.0), (0.5, true, 1.0)]), 0.5);
        // Of six weighted pairs 0.3 beats one, 0.8 all three.
        let scored = [
            (0.2, false, 1.0),
            (0.3, true, 1.0),
            (0.5, false, 2.0),
            (0.8, true, 1.0),
        ];
        assert!((auc(&scored) - 4.0 / 6.0).abs() < 1e-12);
        assert!(auc(&[(0.5, true, 1.0)]).is_nan());
    }

    #[test]
    fn calibration_error_by_hand() {
        let at = |p: f64, success: bool, weight: f64| (p, success, weight);
        let good = [
            at(0.25, true, 25.0),
            at(0.25, false, 75.0),
            at(0.5, true, 50.0),
            at(0.5, false, 50.0),
        ];
        assert!(calibration_error(&good) < 1e-12);
        let sure = [at(0.95, true, 25.0), at(0.95, false, 75.0)];
        assert!((calibration_error(&sure) - 0.7).abs() < 1e-12);
    }
}
