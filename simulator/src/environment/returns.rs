//! Expected returns of reference policies, computed and not drawn.

use super::Environment;
use super::rules::{Rule, Rules};
use super::top::Top;

/// Expected returns for one user, or their mean over users.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Returns {
    /// The best items in falling order of probability. Under the rule `fixed` no policy does better, since
    /// rewards do not depend on each other; under `leave` it is the greedy order.
    pub oracle: f64,
    /// Items drawn uniformly from those not consumed, without replacement. Exact under `fixed`; under `leave`
    /// every draw is taken to have the mean probability, which differs by the order of horizon / items.
    pub random: f64,
    /// The items with most likes in the log among those not consumed, in that order (ties by item code).
    pub popularity: f64,
}

/// The returns for one user.
pub fn of_user(environment: &Environment, rules: &Rules, by_popularity: &[u32], user: u32) -> Returns {
    let mut best = Top::new(rules.horizon as usize);
    let (mut sum, mut count) = (0.0, 0);
    for item in environment.open_items(user) {
        let p = environment.model.probability(user, item);
        best.push(p);
        sum += f64::from(p);
        count += 1;
    }
    let steps = (rules.horizon as usize).min(count);
    if steps == 0 {
        return Returns::default();
    }
    let mean = sum / count as f64;
    let random = match rules.rule {
        Rule::Fixed => steps as f64 * mean,
        Rule::Leave => rules.expected_return(std::iter::repeat_n(mean as f32, steps)),
    };
    let popular = by_popularity
        .iter()
        .filter(|&&item| !environment.consumed.contains(user as usize, item));
    let popularity = rules.expected_return(
        popular
            .take(steps)
            .map(|&item| environment.model.probability(user, item)),
    );
    Returns {
        oracle: rules.expected_return(best.into_sorted()),
        random,
        popularity,
    }
}

/// [`Returns::oracle`] alone, for catalogues of millions of items: no memory that grows with them, and no logistic
/// function but for the best, since probabilities rise with logits.
pub fn oracle(environment: &Environment, rules: &Rules, user: u32) -> f64 {
    let model = &environment.model;
    let mut best = Top::new(rules.horizon as usize);
    for item in environment.open_items(user) {
        best.push(model.logit(user, item));
    }
    let best = best.into_sorted().into_iter();
    rules.expected_return(best.map(|logit| model.probability_at(logit)))
}

/// Item codes by falling number of likes in the log; ties by code.
pub fn by_popularity(environment: &Environment) -> Vec<u32> {
    let mut items: Vec<u32> = (0..environment.items.len() as u32).collect();
    items.sort_by_key(|&item| std::cmp::Reverse(environment.popularity[item as usize]));
    items
}

/// The mean over `returns`, summed in order.
pub fn mean(returns: &[Returns]) -> Returns {
    let mean = |of: fn(&Returns) -> f64| returns.iter().map(of).sum::<f64>() / returns.len().max(1) as f64;
    Returns {
        oracle: mean(|r| r.oracle),
        random: mean(|r| r.random),
        popularity: mean(|r| r.popularity),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;
    use super::super::vector::VectorEnvironment;
    use super::*;

    #[test]
    fn the_oracle_takes_the_best_and_popularity_the_liked() {
        let environment = small();
        let rules = Rules::new(Rule::Fixed, Some(2), None);
        let order = by_popularity(&environment);
        assert_eq!(order, [0, 2, 1, 5, 3, 4]);
        let p = |item| f64::from(environment.model.probability(0, item));
        let returns = of_user(&environment, &rules, &order, 0);
        assert!((returns.oracle - (p(5) + p(4))).abs() < 1e-6);
        for user in 0..4 {
            let whole = of_user(&environment, &rules, &order, user).oracle;
            assert_eq!(oracle(&environment, &rules, user), whole);
        }
        assert!(
            (returns.popularity - (p(2) + p(1))).abs() < 1e-6,
            "item 0 is consumed"
        );
        assert!((returns.random - 2.0 * (p(1) + p(2) + p(3) + p(4) + p(5)) / 5.0).abs() < 1e-6);
    }

    #[test]
    fn an_oracle_that_plays_gets_what_was_computed() {
        let environment = small();
        for rules in [
            Rules::new(Rule::Fixed, Some(3), None),
            Rules::new(Rule::Leave, Some(5), Some(2)),
        ] {
            let order = by_popularity(&environment);
            let all: Vec<Returns> = (0..4)
                .map(|user| of_user(&environment, &rules, &order, user))
                .collect();
            let mut vector = VectorEnvironment::new(&environment, rules, 1, 1);
            let (mut total, episodes) = (0.0, 40_000);
            for _ in 0..episodes {
                let user = vector.user(0);
                for item in (0..6).rev().filter(|&item| item != user) {
                    let outcome = vector.step_one(0, item);
                    total += f64::from(outcome.reward);
                    if outcome.end.is_some() {
                        break;
                    }
                }
                vector.step_one(0, 0);
            }
            let (played, computed) = (total / f64::from(episodes), mean(&all).oracle);
            assert!((played / computed - 1.0).abs() < 0.02, "{played} {computed}");
        }
    }
}
