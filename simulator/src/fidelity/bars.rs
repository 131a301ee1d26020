//! The bars that an environment must pass to be a yardstick.

use super::bootstrap::Estimate;
use super::measure::{Measure, Section};

/// The least by which the user model's AUC must be above popularity's, at the lower end of the interval.
const LEAST_GAIN: f64 = 0.01;
/// The largest error of calibration.
const MOST_CALIBRATION_ERROR: f64 = 0.03;
/// How many times random's the oracle's return must be.
const LEAST_TIMES_RANDOM: f64 = 3.0;
/// The largest share of users without possible reward in any group.
const MOST_WITHOUT_REWARD: f64 = 0.05;

/// A line for each bar: 1 where it is passed, 0 where not. Cross-fitted measures count where there are any.
pub(super) fn judge(measures: &[Measure]) -> Vec<Measure> {
    let find = |method: &str, metric: &str, section: Section| {
        measures
            .iter()
            .find(|m| m.method == method && m.metric == metric && m.section == section)
            .map(|m| m.estimate)
    };
    let on_test = |metric| {
        find("user_model", metric, Section::CrossFitted).or_else(|| find("user_model", metric, Section::Test))
    };
    let over_all = |method, metric| find(method, metric, Section::All);
    let worst = |groups, all| over_all("environment", groups).or_else(|| over_all("environment", all));
    let low = |estimate: Estimate| estimate.interval.map_or(estimate.value, |(low, _)| low);
    let bars = [
        (
            "bar_auc_gain",
            format!("AUC above popularity's: interval from {LEAST_GAIN} up"),
            on_test("auc_gain").map(|gain| low(gain) >= LEAST_GAIN),
        ),
        (
            "bar_calibration_error",
            format!("calibration error at most {MOST_CALIBRATION_ERROR}"),
            on_test("calibration_error").map(|error| error.value <= MOST_CALIBRATION_ERROR),
        ),
        (
            "bar_oracle",
            format!("oracle at least {LEAST_TIMES_RANDOM} times random"),
            over_all("oracle", "times_random").map(|times| times.value >= LEAST_TIMES_RANDOM),
        ),
        (
            "bar_users_without_reward",
            format!("no group with more than {MOST_WITHOUT_REWARD} of users without possible reward"),
            worst("users_without_reward_worst_group", "users_without_reward")
                .map(|share| share.value <= MOST_WITHOUT_REWARD),
        ),
        (
            "bar_users_without_gain",
            format!(
                "no group with more than {MOST_WITHOUT_REWARD} of users without reward or gain over random"
            ),
            worst("users_without_gain_worst_group", "users_without_gain")
                .map(|share| share.value <= MOST_WITHOUT_REWARD),
        ),
    ];
    let line = |(metric, label, passed): (_, _, Option<bool>)| {
        Some(Measure {
            method: "environment",
            section: Section::Bars,
            metric,
            label,
            estimate: Estimate::exact(f64::from(u8::from(passed?))),
        })
    };
    bars.into_iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(
        method: &'static str,
        metric: &'static str,
        section: Section,
        value: f64,
        low: f64,
    ) -> Measure {
        Measure {
            method,
            section,
            metric,
            label: String::new(),
            estimate: Estimate {
                value,
                interval: Some((low, value)),
            },
        }
    }

    #[test]
    fn each_bar_looks_at_its_measure_and_cross_fitted_ones_come_first() {
        let passed = |measures: &[Measure], metric: &str| {
            let found = judge(measures).into_iter().find(|bar| bar.metric == metric);
            found.map(|bar| bar.estimate.value == 1.0)
        };
        let gain = |section, low| measure("user_model", "auc_gain", section, 0.2, low);
        assert_eq!(passed(&[gain(Section::Test, 0.02)], "bar_auc_gain"), Some(true));
        assert_eq!(passed(&[gain(Section::Test, 0.005)], "bar_auc_gain"), Some(false));
        let both = [gain(Section::Test, 0.02), gain(Section::CrossFitted, 0.005)];
        assert_eq!(passed(&both, "bar_auc_gain"), Some(false));
        assert_eq!(passed(&both, "bar_oracle"), None);
        let error = |value| measure("user_model", "calibration_error", Section::Test, value, value);
        assert_eq!(passed(&[error(0.031)], "bar_calibration_error"), Some(false));
        assert_eq!(passed(&[error(0.029)], "bar_calibration_error"), Some(true));
        let times = |value| measure("oracle", "times_random", Section::All, value, value);
        assert_eq!(passed(&[times(2.9)], "bar_oracle"), Some(false));
        assert_eq!(passed(&[times(3.1)], "bar_oracle"), Some(true));
        let share = |metric, value| measure("environment", metric, Section::All, value, value);
        let both = [
            share("users_without_reward", 0.0),
            share("users_without_reward_worst_group", 0.06),
        ];
        assert_eq!(passed(&both, "bar_users_without_reward"), Some(false));
        assert_eq!(passed(&both[..1], "bar_users_without_reward"), Some(true));
    }
}
