//! Measures over all cells outside the log: like-rates, reachable returns, users whom nothing can please.

use super::bootstrap::Estimate;
use super::cells::OfUser;
use super::groups;
use super::measure::{Measure, Section};
use crate::dataset::Dataset;
use crate::environment::returns::{self, Returns};
use crate::environment::rules::Rules;
use crate::user_model::cells::Cells;

pub(super) fn over_all(
    dataset: &Dataset,
    cells: &Cells,
    rules: &Rules,
    users: &[u32],
    of_users: &[OfUser],
) -> Vec<Measure> {
    let made = |method, metric, label: &str, value| Measure {
        method,
        section: Section::All,
        metric,
        label: label.to_string(),
        estimate: Estimate::exact(value),
    };
    let sum = |of: fn(&OfUser) -> f64| of_users.iter().map(of).sum::<f64>();
    let count = sum(|user| user.cells as f64);
    let returns: Vec<Returns> = of_users.iter().map(|user| user.returns).collect();
    let mean = returns::mean(&returns);
    let expected = format!("expected return of at most {} steps", rules.horizon);
    let mut measures = vec![
        made(
            "user_model",
            "like_rate_all",
            "like-rate, predicted",
            sum(|user| user.expected_likes) / count,
        ),
        made(
            "observed",
            "like_rate_all",
            "like-rate, observed",
            sum(|user| user.likes as f64) / count,
        ),
        made("oracle", "expected_return", &expected, mean.oracle),
        made("popularity", "expected_return", &expected, mean.popularity),
        made("random", "expected_return", &expected, mean.random),
        made(
            "oracle",
            "times_random",
            "return, times random's",
            mean.oracle / mean.random,
        ),
        made(
            "popularity",
            "times_random",
            "return, times random's",
            mean.popularity / mean.random,
        ),
        made(
            "environment",
            "saturation",
            "saturation: the oracle's likes per step",
            mean.oracle / f64::from(rules.horizon),
        ),
    ];
    let poor = |returns: &Returns| returns.oracle < groups::POSSIBLE_RETURN;
    let hopeless = |returns: &Returns| poor(returns) && returns.oracle < groups::GAIN * returns.random;
    let below = groups::POSSIBLE_RETURN;
    for (metrics, what, without) in [
        (
            ["users_without_reward", "users_without_reward_worst_group"],
            format!("users whose best return is below {below}"),
            returns.iter().map(poor).collect::<Vec<bool>>(),
        ),
        (
            ["users_without_gain", "users_without_gain_worst_group"],
            format!(
                "users whose best return is below {below} and {} times random's",
                groups::GAIN
            ),
            returns.iter().map(hopeless).collect(),
        ),
    ] {
        let shares = groups::shares(&dataset.users, &cells.log, users, &without);
        let label = format!("share of {what}");
        measures.push(made("environment", metrics[0], &label, shares.overall));
        if let Some((group, share)) = shares.worst {
            let group = if share > 0.0 {
                format!("the group with most, {group}")
            } else {
                "every group".to_string()
            };
            let label = format!("the same in {group}");
            measures.push(made("environment", metrics[1], &label, share));
        }
    }
    measures
}
