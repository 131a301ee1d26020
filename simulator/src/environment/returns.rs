//! Expected returns of reference policies, computed and not drawn.

use std::sync::OnceLock;

use super::Environment;
use super::interest::Interest;
use super::rules::{Rule, Rules};
use super::similarity::Similarity;
use super::top::Top;

/// Expected returns for one user, or their mean over users.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Returns {
    /// The best items in falling order of probability. Under the rule `fixed` no policy does better, since
    /// rewards do not depend on each other; under `leave` it is the greedy order: the best item that does not
    /// make the user leave out of boredom.
    pub oracle: f64,
    /// Items drawn uniformly from those not consumed, without replacement. Exact under `fixed`; under `leave`
    /// every draw is taken to have the mean probability, and the small probability of boredom is left out.
    pub random: f64,
    /// The items with most likes in the log among those not consumed, in that order (ties by item code).
    pub popularity: f64,
}

/// Reference policies in one environment under one set of rules, but for [`Rule::EasyRl4Rec`]: their returns are likes.
#[derive(Debug)]
pub struct References<'a> {
    environment: &'a Environment,
    rules: Rules,
    similarity: Option<Similarity<'a>>,
    /// Made when it is first asked for: the oracle alone needs no order of the catalogue.
    by_popularity: OnceLock<Vec<u32>>,
}

impl<'a> References<'a> {
    /// Sets them up.
    pub fn new(environment: &'a Environment, rules: Rules) -> Self {
        References {
            environment,
            rules,
            similarity: rules.boredom.map(|_| Similarity::new(environment)),
            by_popularity: OnceLock::new(),
        }
    }

    /// The expected returns for `user`, whose taste is the user's own.
    pub fn of_user(&self, user: u32) -> Returns {
        let (environment, rules) = (self.environment, &self.rules);
        let mut best = self.top();
        let (mut sum, mut open) = (0.0, 0);
        for item in environment.open_items(user) {
            let p = environment.model.probability(user, item);
            best.push(p, item);
            sum += f64::from(p);
            open += 1;
        }
        let steps = (rules.horizon as usize).min(open);
        if steps == 0 {
            return Returns::default();
        }
        let mean = sum / open as f64;
        let random = match rules.rule {
            Rule::Leave => rules.expected_return(std::iter::repeat_n(mean as f32, steps)),
            _ => steps as f64 * mean,
        };
        let popular = self
            .by_popularity
            .get_or_init(|| by_popularity(environment))
            .iter()
            .copied()
            .filter(|&item| !environment.consumed.contains(user as usize, item));
        let popular = self.until_bored(popular.take(steps));
        let popular = popular
            .into_iter()
            .map(|item| environment.model.probability(user, item));
        let best = self.greedy(best.into_sorted());
        Returns {
            oracle: rules.expected_return(best.into_iter().map(|(p, _)| p)),
            random,
            popularity: rules.expected_return(popular),
        }
    }

    /// The oracle's expected return for `user` with the taste `interest`: [`Returns::oracle`] alone, without memory
    /// that grows with the catalogue.
    pub fn oracle(&self, user: u32, interest: &Interest) -> f64 {
        let environment = self.environment;
        let mut best = self.top();
        if *interest == Interest::own(user) {
            // No logistic function but for the best, since probabilities rise with logits.
            let model = &environment.model;
            for item in environment.open_items(user) {
                best.push(model.logit(user, item), item);
            }
            let best = self.greedy(best.into_sorted()).into_iter();
            return self
                .rules
                .expected_return(best.map(|(logit, _)| model.probability_at(logit)));
        }
        for item in environment.open_items(user) {
            best.push(interest.probability(environment, item), item);
        }
        let best = self.greedy(best.into_sorted()).into_iter();
        self.rules.expected_return(best.map(|(p, _)| p))
    }

    /// Room for the items that the oracle looks at: boredom passes items over, so that it may need more than it shows.
    fn top(&self) -> Top {
        let steps = self.rules.horizon as usize;
        Top::new(if self.similarity.is_some() {
            16 * steps
        } else {
            steps
        })
    }

    /// The items of an episode out of `best`, leaving for later what would end it out of boredom.
    fn greedy(&self, best: Vec<(f32, u32)>) -> Vec<(f32, u32)> {
        let (Some(similarity), Some(boredom)) = (&self.similarity, self.rules.boredom) else {
            return best;
        };
        let steps = self.rules.horizon as usize;
        let (mut left, mut shown, mut run) = (best, Vec::<(f32, u32)>::with_capacity(steps), 0);
        while shown.len() < steps && !left.is_empty() {
            let similar = |item: u32| {
                shown
                    .last()
                    .is_some_and(|&(_, last)| similarity.too_similar(last, item))
            };
            // Where all that is left is too similar, the best of it is the last item that the user sees.
            let at = match run + 1 < boredom {
                true => 0,
                false => left.iter().position(|&(_, item)| !similar(item)).unwrap_or(0),
            };
            run = if similar(left[at].1) { run + 1 } else { 0 };
            shown.push(left.remove(at));
            if run >= boredom {
                break;
            }
        }
        shown
    }

    /// The items up to the one that ends the episode out of boredom.
    fn until_bored(&self, items: impl Iterator<Item = u32>) -> Vec<u32> {
        let (Some(similarity), Some(boredom)) = (&self.similarity, self.rules.boredom) else {
            return items.collect();
        };
        let (mut shown, mut run) = (Vec::new(), 0);
        for item in items {
            let similar = shown
                .last()
                .is_some_and(|&last| similarity.too_similar(last, item));
            run = if similar { run + 1 } else { 0 };
            shown.push(item);
            if run >= boredom {
                break;
            }
        }
        shown
    }
}

/// Item codes by falling number of likes in the log; ties by code.
fn by_popularity(environment: &Environment) -> Vec<u32> {
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
        assert_eq!(by_popularity(&environment), [0, 2, 1, 5, 3, 4]);
        let p = |item| f64::from(environment.model.probability(0, item));
        let references = References::new(&environment, Rules::fixed(2));
        let returns = references.of_user(0);
        assert!((returns.oracle - (p(5) + p(4))).abs() < 1e-6);
        for user in 0..4 {
            let own = Interest::own(user);
            assert_eq!(references.oracle(user, &own), references.of_user(user).oracle);
        }
        assert!(
            (returns.popularity - (p(2) + p(1))).abs() < 1e-6,
            "item 0 is consumed"
        );
        assert!((returns.random - 2.0 * (p(1) + p(2) + p(3) + p(4) + p(5)) / 5.0).abs() < 1e-6);
    }

    /// The mean return of episodes in which user u is shown `order(u)`.
    fn played(rules: Rules, order: impl Fn(u32) -> Vec<u32>) -> f64 {
        let environment = small();
        let mut vector = VectorEnvironment::new(&environment, rules, 1, 0..1);
        let (mut total, episodes) = (0.0, 40_000);
        for _ in 0..episodes {
            for item in order(vector.user(0)) {
                let outcome = vector.step_one(0, item);
                total += f64::from(outcome.reward);
                if outcome.end.is_some() {
                    break;
                }
            }
            vector.step_one(0, 0);
        }
        total / f64::from(episodes)
    }

    #[test]
    fn an_oracle_that_plays_gets_what_was_computed() {
        let environment = small();
        for rules in [Rules::fixed(3), Rules::leave(5, 2, 9)] {
            let references = References::new(&environment, rules);
            let all: Vec<Returns> = (0..4).map(|user| references.of_user(user)).collect();
            let played = played(rules, |user| (0..6).rev().filter(|&item| item != user).collect());
            let computed = mean(&all).oracle;
            assert!((played / computed - 1.0).abs() < 0.02, "{played} {computed}");
        }
    }

    #[test]
    fn the_greedy_order_keeps_users_from_boredom() {
        // 36 items in all directions, and four that lie close together.
        let mut environment = small();
        let items = 40;
        environment.items = common::ids::Dictionary::from_values(
            common::ids::IdKind::Integer,
            (0..items).map(|i: u32| i.to_string()),
        )
        .unwrap();
        environment.popularity = vec![0; items as usize];
        environment.model.rank = 2;
        environment.model.item_vector = (0..items)
            .map(|item| {
                if item < 36 {
                    10.0 * item as f32
                } else {
                    1.0 + 0.5 * item as f32 - 18.0
                }
            })
            .flat_map(|degrees| [degrees.to_radians().cos(), degrees.to_radians().sin()])
            .collect();
        let references = References::new(&environment, Rules::leave(5, 5, 2));
        // The four are the best, then the one opposite to them.
        let best = [36, 37, 38, 39, 18, 9].map(|item| (0.5, item)).to_vec();
        let order: Vec<u32> = references.greedy(best).iter().map(|&(_, item)| item).collect();
        assert_eq!(order, [36, 37, 18, 38, 39]);
        assert_eq!(references.until_bored([36, 37, 38, 18].into_iter()), [36, 37, 38]);
    }
}
