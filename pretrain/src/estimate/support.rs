//! Whether the log shows enough of what the target would do: from the rows alone, so that a finished output is judged like a new one.

use common::schema::metrics::Metric as Row;
use common::{Error, Result, terminal};

use crate::evaluate::estimators::Estimator;
use crate::evaluate::slates::SlateEstimator;
use crate::evaluate::table::{HIGH, LOW, SIZE};

/// Below this effective sample size an estimate is warned of; what `gate` asks for.
const FEW: f64 = 100.0;
/// A mean weight that is clear of 1 by more than this is warned of.
const FAR: f64 = 0.1;

/// Warns where the evidence is poor.
///
/// # Errors
/// [`common::error::Class::Refused`] where there is none, or no estimator has an effective sample size of `least`.
pub(super) fn judge(rows: &[Row], least: f64) -> Result<()> {
    let value = |metric: &str| rows.iter().find(|row| row.metric == metric).map(|row| row.value);
    mean_weights(&value);
    let rounds = Estimator::all(0.0).into_iter().chain([Estimator::Mips]);
    let rounds = rounds
        .filter(|estimator| *estimator != Estimator::Dm)
        .map(Estimator::name);
    let names = rounds.chain(SlateEstimator::ALL.map(SlateEstimator::name));
    let found: Vec<(&str, f64)> = names
        .filter_map(|name| Some((name, value(&format!("{name}{SIZE}"))?)))
        .collect();
    let most = found.iter().map(|(_, size)| *size).fold(0.0, f64::max);
    if most == 0.0 {
        return Err(Error::refused(
            "the log has no evidence: nothing that was logged would have been chosen, so that nothing is known of what would be \
             earned, neither more nor less than was",
        )
        .hint("compare with a log of a policy that now and then does what this one would"));
    }
    if most < least {
        return Err(Error::refused(format!(
            "the effective sample size is at most {most:.1}, below --min-effective {least}: the log shows too little of what would \
             be done"
        )));
    }
    let few: Vec<String> = found
        .iter()
        .filter(|(_, size)| *size < FEW)
        .map(|(name, size)| format!("{name} {size:.1}"))
        .collect();
    if !few.is_empty() {
        terminal::warn(&format!(
            "effective sample sizes below {FEW}: {}. A few weights decide these, and their intervals may be too short",
            few.join(", ")
        ));
    }
    Ok(())
}

fn mean_weights(value: &dyn Fn(&str) -> Option<f64>) {
    for (mean, clipped) in [
        ("mean weight", "clipped weights"),
        ("mean category weight", "clipped category weights"),
        ("mean position weight", "clipped position weights"),
    ] {
        let bounds = [LOW, HIGH].map(|part| value(&format!("{mean}{part}")));
        let (Some(found), [Some(low), Some(high)]) = (value(mean), bounds) else {
            continue;
        };
        let is_cut = value(clipped).is_some_and(|count| count > 0.0);
        if !is_cut && (low > 1.0 || high < 1.0) && (found - 1.0).abs() > FAR {
            terminal::warn(&format!(
                "the {mean} is {found:.3} [{low:.3}, {high:.3}] and should be 1: either propensities are not those that the log was \
                 drawn with, or part of what would be done was never logged, which these estimates do not see"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sizes: &[(&str, f64)]) -> Vec<Row> {
        let row = |(name, value): &(&str, f64)| Row {
            environment: "log".into(),
            method: "target".into(),
            seed: 0,
            split: "logged".into(),
            metric: format!("{name}{SIZE}"),
            step: 0,
            value: *value,
        };
        sizes.iter().map(row).collect()
    }

    #[test]
    fn no_evidence_is_no_answer_whatever_a_model_says() {
        let judged = |sizes: &[(&str, f64)], least| judge(&rows(sizes), least).map_err(|e| e.class().code());
        assert_eq!(judged(&[("ips", 0.0), ("dm", 1000.0), ("dr", 0.0)], 0.0), Err(3));
        assert_eq!(judged(&[("ips", 1.5)], 0.0), Ok(()));
        assert_eq!(judged(&[("ips", 99.0), ("mips", 99.0)], 100.0), Err(3));
        assert_eq!(judged(&[("sips", 1.0), ("iips", 100.0)], 100.0), Ok(()));
    }
}
