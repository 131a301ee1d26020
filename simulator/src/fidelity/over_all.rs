//! Measures over all cells outside the log: like-rates, reachable returns, users whom nothing can please.

use super::bootstrap::Estimate;
use super::groups;
use super::measure::{Measure, Section};
use super::test_cells::OfUser;
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
        estimate: Estimate {
            value,
            interval: None,
        },
    };
    let sum = |of: fn(&OfUser) -> f64| of_users.iter().map(of).sum::<f64>();
    let count = sum(|user| user.cells as f64);
    let returns: Vec<Returns> = of_users.iter().map(|user| user.returns).collect();
    let oracle: Vec<f64> = returns.iter().map(|returns| returns.oracle).collect();
    let mean = returns::mean(&returns);
    let without = groups::without_reward(&dataset.users, &cells.log, users, &oracle);
    let expected = format!("expected return of at most {} steps", rules.horizon);
    let none = format!("users whose best return is below {}", groups::POSSIBLE_RETURN);
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
            "saturation: the oracle's likes a step",
            mean.oracle / f64::from(rules.horizon),
        ),
        made(
            "environment",
            "users_without_reward",
            &format!("share of {none}"),
            without.overall,
        ),
    ];
    if let Some((group, share)) = without.worst {
        let group = if share > 0.0 {
            format!("the group with most, {group}")
        } else {
            "every group".to_string()
        };
        let label = format!("the same in {group}");
        measures.push(made(
            "environment",
            "users_without_reward_worst_group",
            &label,
            share,
        ));
    }
    measures
}
