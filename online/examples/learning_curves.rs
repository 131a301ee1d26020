//! Learning curves of every strategy in a synthetic world: `cargo run --release --example learning_curves -- key=value...`
//!
//! The prior is made by the same learner in a distorted copy of the world, as a language model's would be: right in
//! tendency, wrong in detail. Keys: users, items, mean, trust, envs, episodes, prior_episodes, seeds, lr, entropy,
//! critic, rollout, max_norm, epsilon, decay, floor, only (a comma-separated list of strategies).

mod synthetic;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use common::Result;
use common::policy_artifact::{NetworkConfig, PolicyItems, PolicyUsers, Weights};
use online::adapt::{
    Buffers, ChoiceRequest, Experience, Explanation, Learner, Learning, Name, Strategy, from_scratch,
};
use online::agent::Agent;
use online::explore::Slate;
use online::live::{Settings, State};
use synthetic::{Episodes, HORIZON, World, policy};

const BLOCKS: usize = 8;

struct Setup {
    tables: (NetworkConfig, PolicyItems, PolicyUsers),
    envs: usize,
}

impl Setup {
    /// Mean return by block of episodes.
    fn run(&self, world: &World, state: State, episodes: usize, seed: u64) -> Result<Vec<f64>> {
        let mut agent = Agent::new(state);
        let mut stream = Episodes::new(world, self.envs, seed);
        let rounds = episodes / self.envs;
        let mut curve = vec![0.0; BLOCKS];
        for round in 0..rounds {
            for _ in 0..=HORIZON {
                let reply = agent.handle(stream.request())?;
                curve[round * BLOCKS / rounds] += stream.step(&reply);
            }
        }
        let share = (rounds * self.envs) as f64 / BLOCKS as f64;
        Ok(curve.into_iter().map(|total| total / share).collect())
    }
}

/// A learner that others can look into after the run.
#[derive(Clone)]
struct Shared(Arc<RwLock<Learner>>);

impl Shared {
    fn look(&self) -> RwLockReadGuard<'_, Learner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Strategy for Shared {
    fn choose(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate> {
        self.look().choose(choices, buffers)
    }
    fn rollout(&self) -> Option<usize> {
        self.look().rollout()
    }
    fn wants_consumed(&self) -> bool {
        self.look().wants_consumed()
    }
    fn learn(&mut self, experience: &Experience) -> Result<()> {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .learn(experience)
    }
    fn explain(&self, choice: &ChoiceRequest<'_>, buffers: &mut Buffers) -> Explanation {
        self.look().explain(choice, buffers)
    }
}

fn main() -> Result<()> {
    let given: BTreeMap<String, String> = std::env::args()
        .skip(1)
        .filter_map(|a| a.split_once('=').map(|(k, v)| (k.to_string(), v.to_string())))
        .collect();
    let number = |key: &str, default: f64| given.get(key).and_then(|v| v.parse().ok()).unwrap_or(default);
    let default = Learning::DEFAULT;
    let learning = Learning {
        learning_rate: number("lr", f64::from(default.learning_rate)) as f32,
        entropy: number("entropy", f64::from(default.entropy)) as f32,
        critic: number("critic", f64::from(default.critic)) as f32,
        gamma: number("gamma", f64::from(default.gamma)) as f32,
        rollout: number("rollout", default.rollout as f64) as usize,
        max_norm: number("max_norm", f64::from(default.max_norm)) as f32,
        epsilon: number("epsilon", f64::from(default.epsilon)) as f32,
    };
    let prior_learning = Learning {
        learning_rate: number("prior_lr", 1e-3) as f32,
        ..default
    };
    let world = World::new(
        number("users", 500.0) as usize,
        number("items", 1000.0) as usize,
        number("mean", 0.03),
        1,
    );
    let tables = world.tables(20, 1);
    let (oracle, random) = world.bounds(&tables.2);
    println!("return of the best items {oracle:.3}, of random ones {random:.3}");
    let setup = Setup {
        tables,
        envs: number("envs", 32.0) as usize,
    };

    let distorted = world.distorted(number("trust", 0.7) as f32, 2);
    let prior = prior(
        &setup,
        &distorted,
        number("prior_episodes", 60_000.0) as usize,
        prior_learning,
    )?;
    let only = given
        .get("only")
        .map(String::as_str)
        .unwrap_or("random,popularity,frozen,scratch,ft,ap,adapter");
    for name in only.split(',') {
        let Ok(strategy) = <Name as clap::ValueEnum>::from_str(name, true) else {
            continue;
        };
        let seeds = number("seeds", 3.0) as u64;
        let mut mean = [0.0; BLOCKS];
        for seed in 0..seeds {
            let mut settings = Settings::new(strategy, seed);
            settings.gamma = Some(learning.gamma);
            let hyper = &mut settings.hyper;
            let default = *hyper;
            hyper.learning = learning;
            hyper.mixing.decay = number("decay", default.mixing.decay as f64) as u64;
            hyper.mixing.floor = number("floor", f64::from(default.mixing.floor)) as f32;
            let state = State::new(policy(&setup.tables, prior.clone()), &settings)?;
            let curve = setup.run(&world, state, number("episodes", 8000.0) as usize, seed)?;
            mean.iter_mut()
                .zip(curve)
                .for_each(|(m, c)| *m += c / seeds as f64);
        }
        let curve: Vec<String> = mean.iter().map(|m| format!("{m:.3}")).collect();
        let overall = mean.iter().sum::<f64>() / BLOCKS as f64;
        println!("{name:<12} {}  mean {overall:.3}", curve.join(" "));
    }
    Ok(())
}

/// The weights after learning in the distorted world.
fn prior(setup: &Setup, world: &World, episodes: usize, learning: Learning) -> Result<Weights> {
    let network = &setup.tables.0;
    let learner = from_scratch(network.clone(), learning, 100);
    let learner = Shared(Arc::new(RwLock::new(learner)));
    let made = policy(&setup.tables, Weights::init(network, 100));
    let settings = Settings::new(Name::Scratch, 100);
    let state = State::acting_by(made, &settings, |_, _, _| Box::new(learner.clone()))?;
    let curve = setup.run(world, state, episodes, 100)?;
    let curve: Vec<String> = curve.iter().map(|m| format!("{m:.3}")).collect();
    println!("prior, in its own world: {}", curve.join(" "));
    let weights = learner.look().network().weights().clone();
    Ok(weights)
}
