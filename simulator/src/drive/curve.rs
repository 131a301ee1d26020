//! From episodes to metrics: the learning curve in blocks, and summaries of the first tenth, the last, and all.

use common::groups::Group;
use common::schema::metrics::Metric;

use super::Played;
use super::exposure::{self, Popularity};
use crate::metric;

/// Most points of a learning curve.
const MOST_BLOCKS: usize = 40;

/// The metrics of one seed, of `groups` of users too.
pub(super) fn metrics(
    played: &Played,
    environment: &str,
    method: &str,
    seed: u64,
    popularity: &Popularity,
    groups: &[Group],
) -> Vec<Metric> {
    let episodes = played.returns.len();
    let row = |name: &str, step: usize, value: f64| Metric {
        environment: environment.to_string(),
        method: method.to_string(),
        seed,
        split: metric::ONLINE.to_string(),
        metric: name.to_string(),
        step: step as u64,
        value,
    };
    let mut rows = Vec::new();
    let kinds = [
        (
            &played.returns,
            metric::RETURN,
            [metric::RETURN_FIRST, metric::RETURN_LAST, metric::RETURN_MEAN],
        ),
        (
            &played.expected,
            metric::EXPECTED_RETURN,
            [
                metric::EXPECTED_RETURN_FIRST,
                metric::EXPECTED_RETURN_LAST,
                metric::EXPECTED_RETURN_MEAN,
            ],
        ),
    ];
    let blocks = MOST_BLOCKS.min(episodes);
    let tenth = episodes.div_ceil(10);
    // A rating is its own expectation.
    let kinds = &kinds[..if played.are_ratings { 1 } else { 2 }];
    for &(values, curve, [first, last, all]) in kinds {
        for block in 0..blocks {
            let (from, to) = (block * episodes / blocks, (block + 1) * episodes / blocks);
            rows.push(row(curve, to, mean(&values[from..to])));
        }
        rows.push(row(first, episodes, mean(&values[..tenth])));
        rows.push(row(last, episodes, mean(&values[episodes - tenth..])));
        rows.push(row(all, episodes, mean(values)));
    }
    let steps = played.steps.max(1) as f64;
    if played.are_ratings {
        let ratings: f64 = played.returns.iter().sum();
        rows.push(row(metric::LENGTH, episodes, steps / episodes as f64));
        rows.push(row(metric::REWARD_MEAN, episodes, ratings / steps));
    } else {
        let regret = mean(&played.oracle) - mean(&played.expected);
        rows.push(row(metric::REGRET, episodes, regret));
        for (group, value) in exposure::by_group(groups, &played.expected, &played.users) {
            let name = format!("{} {group}", metric::EXPECTED_RETURN_MEAN);
            rows.push(row(&name, episodes, value));
        }
    }
    rows.push(row(metric::REPEATS, episodes, played.repeats as f64 / steps));
    for (name, value) in played.exposure.metrics(popularity) {
        rows.push(row(name, episodes, value));
    }
    rows
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_all_episodes_once() {
        let episodes = 97;
        let played = Played {
            returns: (0..episodes).map(f64::from).collect(),
            expected: vec![0.5; 97],
            oracle: vec![2.0; 97],
            repeats: 1,
            steps: 4,
            users: vec![0; 97],
            ..Played::default()
        };
        let environment = crate::environment::tests::small();
        let group = Group {
            name: "gender=F".into(),
            member: vec![Some(true); 4],
        };
        let popularity = Popularity::of(&environment);
        let rows = metrics(&played, "small", "test", 3, &popularity, &[group]);
        let of = |name: &str| rows.iter().filter(|r| r.metric == name).collect::<Vec<_>>();
        let curve = of(metric::RETURN);
        assert_eq!((curve.len(), curve[39].step), (40, 97));
        let mut from = 0;
        let mut sum = 0.0;
        for point in &curve {
            sum += point.value * (point.step - from) as f64;
            from = point.step;
        }
        assert!((sum - 96.0 * 97.0 / 2.0).abs() < 1e-6);
        assert_eq!(of(metric::RETURN_FIRST)[0].value, 4.5);
        assert_eq!(of(metric::RETURN_LAST)[0].value, 91.5);
        assert_eq!(of(metric::RETURN_MEAN)[0].value, 48.0);
        assert_eq!(of(metric::REGRET)[0].value, 1.5);
        assert_eq!(of(metric::REPEATS)[0].value, 0.25);
        assert_eq!(of("expected_return_mean gender=F")[0].value, 0.5);
    }

    #[test]
    fn the_measures_of_easyrl4rec_are_over_episodes_and_over_steps() {
        // Three steps of 5, 1 and 2, and one of 4.
        let played = Played {
            returns: vec![8.0, 4.0],
            expected: vec![8.0, 4.0],
            steps: 4,
            are_ratings: true,
            users: vec![0; 2],
            ..Played::default()
        };
        let popularity = Popularity::of(&crate::environment::tests::small());
        let rows = metrics(&played, "small", "test", 3, &popularity, &[]);
        let of = |name: &str| rows.iter().find(|r| r.metric == name).map(|r| r.value);
        assert_eq!(
            (of(metric::RETURN_MEAN), of(metric::REWARD_MEAN)),
            (Some(6.0), Some(3.0))
        );
        assert_eq!(of(metric::LENGTH), Some(2.0));
        assert_eq!(
            (of(metric::REGRET), of(metric::EXPECTED_RETURN_MEAN)),
            (None, None)
        );
    }
}
