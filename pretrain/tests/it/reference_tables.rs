//! Ranking metrics and off-policy estimators against what RecBole and Open Bandit Pipeline answer on the same numbers.
//! `scripts/reference-tables` makes the tables.

use pretrain::evaluate::estimators::{Estimator, Rounds};
use pretrain::evaluate::interval::Interval;
use pretrain::evaluate::ranking::{Metric, places};

fn numbers(text: &str) -> Vec<f64> {
    text.split(' ').map(|number| number.parse().unwrap()).collect()
}

/// The fields of each line that is not a comment.
fn lines(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
}

#[test]
fn ranking_metrics_are_recboles() {
    let mut compared = 0;
    for fields in lines(include_str!("reference/recbole.tsv")) {
        let scores: Vec<f32> = numbers(fields[0]).iter().map(|score| *score as f32).collect();
        let relevant: Vec<u32> = numbers(fields[1]).iter().map(|item| *item as u32).collect();
        let found = places(&scores, &relevant);
        for answer in fields[2].split(' ') {
            let (name, value) = answer.split_once('=').unwrap();
            let ours = name.parse::<Metric>().unwrap().of(&found, relevant.len());
            let theirs: f64 = value.parse().unwrap();
            assert!((ours - theirs).abs() < 1e-6, "{name}: {ours} {theirs}");
            compared += 1;
        }
    }
    assert_eq!(compared, 12 * 12, "12 users, 4 metrics at 3 places");
}

/// What a table of Open Bandit Pipeline's holds.
#[derive(Default)]
struct Table {
    reward: Vec<f64>,
    weight: Vec<f64>,
    logged: Vec<f64>,
    value: Vec<f64>,
    /// Name, estimate, lower and upper bound.
    answers: Vec<(Estimator, [f64; 3])>,
}

impl Table {
    fn push_round(&mut self, action: usize, reward: f64, propensity: f64, target: &[f64], expected: &[f64]) {
        self.reward.push(reward);
        self.weight.push(target[action] / propensity);
        self.logged.push(expected[action]);
        self.value
            .push(target.iter().zip(expected).map(|(p, q)| p * q).sum());
    }

    fn push_answer(&mut self, fields: &[&str]) {
        let estimator = match fields[1].split_once(' ') {
            Some((_, tau)) => Estimator::Switch {
                tau: tau.parse().unwrap(),
            },
            None => {
                let named = |estimator: &Estimator| estimator.name() == fields[1];
                Estimator::all(0.0).into_iter().find(named).unwrap()
            }
        };
        let answer = [2, 3, 4].map(|at| fields[at].parse().unwrap());
        self.answers.push((estimator, answer));
    }

    fn check(&self, rounds: usize) {
        let cluster: Vec<u32> = (0..self.reward.len() as u32).collect();
        assert_eq!((self.reward.len(), self.answers.len()), (rounds, 7));
        let rounds = Rounds {
            reward: &self.reward,
            weight: &self.weight,
            logged: &self.logged,
            value: &self.value,
            cluster: &cluster,
        };
        for &(estimator, [estimate, low, high]) in &self.answers {
            let (Interval { estimate: ours, .. }, _) = estimator.interval(&rounds, 0.95);
            assert!((ours - estimate).abs() < 1e-6, "{estimator:?}: {ours} {estimate}");
            // Theirs is a bootstrap over rounds that holds the sum of the weights still: another interval for SNIPS, and
            // nearly ours for means.
            if estimator != Estimator::Snips {
                let (ours, _) = estimator.interval(&rounds, 0.95);
                let slack = 0.1 * (high - low) + 1e-6;
                assert!(
                    (ours.low - low).abs() < slack && (ours.high - high).abs() < slack,
                    "{estimator:?}: {ours:?} {low} {high}"
                );
            }
        }
    }
}

#[test]
fn estimators_are_open_bandit_pipelines_on_synthetic_rounds() {
    let mut table = Table::default();
    for fields in lines(include_str!("reference/obp-synthetic.tsv")) {
        match fields[0] {
            "round" => {
                let at = |at: usize| fields[at].parse::<f64>().unwrap();
                let (target, expected) = (numbers(fields[4]), numbers(fields[5]));
                table.push_round(at(1) as usize, at(2), at(3), &target, &expected);
            }
            _ => table.push_answer(&fields),
        }
    }
    table.check(240);
}

#[test]
fn estimators_are_open_bandit_pipelines_on_its_sample() {
    let mut table = Table::default();
    let (mut target, mut expected) = (Vec::new(), Vec::new());
    for fields in lines(include_str!("reference/obp-sample.tsv")) {
        let at = |at: usize| fields[at].parse::<f64>().unwrap();
        match fields[0] {
            "action" => {
                target.push(at(1));
                expected.push(at(2));
            }
            "round" => table.push_round(at(1) as usize, at(2), at(3), &target, &expected),
            _ => table.push_answer(&fields),
        }
    }
    table.check(371);
}
