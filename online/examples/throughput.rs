//! Steps a second of the agent on one core: `cargo run --release --example throughput [-- ENVS STEPS]`.
//!
//! A step is one recommendation and its feedback, with the updates that fall due. The policy is random, histories and
//! consumed items are full; streams and Arrow are left out.

mod synthetic;

use common::Result;
use common::policy_artifact::Weights;
use online::adapt::Name;
use online::agent::Agent;
use online::live::{Settings, State};
use synthetic::{Episodes, HORIZON, World, policy};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse::<usize>().ok());
    let envs = arguments.next().unwrap_or(32);
    let steps = arguments.next().unwrap_or(30_000);
    for items in [1_682, 10_000] {
        let world = World::new(200, items, 0.03, 1);
        let tables = world.tables(100, 1);
        for (name, frames) in [
            (Name::Frozen, 1),
            (Name::Ft, 1),
            (Name::Ft, 5),
            (Name::Ft, 10),
            (Name::Ap, 1),
            (Name::Adapter, 1),
        ] {
            let mut settings = Settings::new(name, 1);
            let rollout = frames * envs;
            settings.hyper.learning.rollout = rollout;
            let policy = policy(&tables, Weights::init(&tables.0, 1));
            let mut agent = Agent::new(State::new(policy, &settings)?);
            let mut episodes = Episodes::new(&world, envs, 1);
            let mut spent = 0.0;
            let rounds = steps / envs / HORIZON as usize;
            for _ in 0..rounds * (HORIZON as usize + 1) {
                let begun = cpu_seconds();
                let reply = agent.handle(episodes.request())?;
                spent += cpu_seconds() - begun;
                episodes.step(&reply);
            }
            let made = (rounds * envs * HORIZON as usize) as f64;
            println!(
                "{items:>6} items, {envs} environments, {name:?}, an update every {rollout} answers: {:.0} steps/s",
                made / spent
            );
        }
    }
    Ok(())
}

/// Seconds this process has been on a core, so that other work on the machine does not count.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|first| first.parse::<f64>().ok())
        .unwrap_or(f64::NAN)
        / 1e9
}
