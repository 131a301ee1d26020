//! How often the intervals of off-policy estimates hold the true value, where that is known: simulated rounds of users of five
//! types, rewards of one user moving together. `HEADSTART_COVERAGE=N` draws N logs of each design and prints the table that
//! `docs/off-policy.md` has.

use common::rng::{self, RngExt, Weights};
use pretrain::evaluate::estimators::{Estimator, Rounds};

const TYPES: usize = 5;
const ACTIONS: usize = 20;
/// Rounds of a user.
const ROUNDS: usize = 10;
const CONFIDENCE: f64 = 0.95;
const ESTIMATORS: [Estimator; 5] = [
    Estimator::Ips,
    Estimator::Snips,
    Estimator::Dm,
    Estimator::Dr,
    Estimator::Switch { tau: 10.0 },
];

type Table = [[f64; ACTIONS]; TYPES];

/// What is true, what was logged by, and what is asked about.
struct World {
    likes: Table,
    logging: Table,
    target: Table,
    /// The reward model: the truth with errors of its own.
    model: Table,
}

fn table(of: impl Fn(usize, usize) -> f64) -> Table {
    std::array::from_fn(|kind| std::array::from_fn(|action| of(kind, action)))
}

fn softmax(scores: Table) -> Table {
    scores.map(|row| {
        let weights = row.map(f64::exp);
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    })
}

impl World {
    /// Log-odds of up to `logging` for what chance prefers in the log, and of up to `target` for what is liked.
    fn new([logging, target]: [f64; 2], model_error: f64) -> Self {
        let mut rng = rng::stream(5, "coverage: world", &[]);
        let mut drawn = || {
            let values: Vec<f64> = (0..TYPES * ACTIONS).map(|_| rng.random::<f64>()).collect();
            table(|kind, action| values[kind * ACTIONS + action])
        };
        let (likes, other, errors) = (drawn(), drawn(), drawn());
        World {
            likes: table(|kind, action| 0.1 + 0.6 * likes[kind][action]),
            logging: softmax(table(|kind, action| logging * other[kind][action])),
            target: softmax(table(|kind, action| target * likes[kind][action])),
            model: table(|kind, action| {
                0.1 + 0.6 * likes[kind][action] + model_error * (errors[kind][action] - 0.5)
            }),
        }
    }

    fn value(&self) -> f64 {
        let of_kind = |kind: usize| -> f64 {
            self.target[kind]
                .iter()
                .zip(self.likes[kind])
                .map(|(p, r)| p * r)
                .sum()
        };
        (0..TYPES).map(of_kind).sum::<f64>() / TYPES as f64
    }
}

/// Which estimators' intervals hold the true value in the log of `number`.
fn held(world: &World, users: u32, number: u64) -> [bool; ESTIMATORS.len()] {
    let mut rng = rng::stream(5, "coverage: log", &[u64::from(users), number]);
    let logging = world.logging.map(|row| Weights::new(row.into_iter()));
    let (mut reward, mut weight, mut logged, mut value, mut cluster) =
        (vec![], vec![], vec![], vec![], vec![]);
    for user in 0..users {
        let kind = rng.random_range(0..TYPES);
        // Whoever is in a good mood likes all rounds more.
        let mood = [-0.1, 0.1][rng.random_range(0..2)];
        for _ in 0..ROUNDS {
            let action = logging[kind].draw(&mut rng);
            reward.push(f64::from(u8::from(
                rng.random::<f64>() < world.likes[kind][action] + mood,
            )));
            weight.push(world.target[kind][action] / world.logging[kind][action]);
            logged.push(world.model[kind][action]);
            value.push(
                world.target[kind]
                    .iter()
                    .zip(world.model[kind])
                    .map(|(p, q)| p * q)
                    .sum(),
            );
            cluster.push(user);
        }
    }
    let rounds = Rounds {
        reward: &reward,
        weight: &weight,
        logged: &logged,
        value: &value,
        cluster: &cluster,
    };
    let truth = world.value();
    ESTIMATORS.map(|estimator| {
        let (interval, _) = estimator.interval(&rounds, CONFIDENCE);
        (interval.low..=interval.high).contains(&truth)
    })
}

/// The share of `logs` whose interval holds the truth, of each estimator.
fn coverage(world: &World, users: u32, logs: u64) -> [f64; ESTIMATORS.len()] {
    let mut counts = [0.0; ESTIMATORS.len()];
    for number in 0..logs {
        for (count, held) in counts.iter_mut().zip(held(world, users, number)) {
            *count += f64::from(u8::from(held));
        }
    }
    counts.map(|count| count / logs as f64)
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    let logs: u64 = std::env::var("HEADSTART_COVERAGE").map_or(400, |text| text.parse().expect("a number"));
    let mut lines = vec!["| target | model | users | ips | snips | dm | dr | switch |".to_string()];
    // How far below what it says the coverage of IPS, SNIPS and DR may be with 20 users, and with more.
    for (target, sure, allowed) in [
        ("near the log", [1.0, 1.0], [0.03, 0.02]),
        ("far from it", [5.0, 12.0], [0.5, 0.3]),
    ] {
        for (model, error) in [("right", 0.0), ("wrong by up to 0.3", 0.6)] {
            let world = World::new(sure, error);
            for users in [20, 100, 1000] {
                // Large logs take as long as many small ones.
                let logs = logs / if users == 1000 { 4 } else { 1 };
                let found = coverage(&world, users, logs);
                let shown: Vec<String> = found
                    .iter()
                    .map(|share| format!("{:.1}", 100.0 * share))
                    .collect();
                lines.push(format!(
                    "| {target} | {model} | {users} | {} |",
                    shown.join(" | ")
                ));
                let by_chance = 4.0 * (CONFIDENCE * (1.0 - CONFIDENCE) / logs as f64).sqrt();
                let least = CONFIDENCE - by_chance - allowed[usize::from(users > 20)];
                let [ips, snips, _, dr, _] = found;
                assert!(
                    [ips, snips, dr].iter().all(|share| *share >= least),
                    "{least} {lines:#?}"
                );
            }
        }
    }
    println!("{}", lines.join("\n"));
}
