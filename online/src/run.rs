//! `online agent`: a policy folder, a strategy and the process's own streams.

use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use common::artifact;
use common::frame::Hello;
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::events::EVENTS;
use common::{Error, Result, terminal};
use serde_json::json;

use crate::adapt::{self, Hyper, Name};
use crate::agent::{Agent, Knowledge, serve};

/// What to serve, and how.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The policy folder.
    pub policy: PathBuf,
    /// How to act and learn.
    pub strategy: Name,
    /// Where to write events.
    pub events: Option<PathBuf>,
    /// Whether events of another run may be replaced.
    pub overwrite: bool,
    /// Seed of the draws and of fresh weights.
    pub seed: u64,
    /// Discount, where it is not to be the policy's.
    pub gamma: Option<f32>,
    /// How to learn; its discount is replaced by `gamma` or the policy's.
    pub hyper: Hyper,
}

/// Serves stdin and stdout until stdin ends; then writes the events.
///
/// # Errors
/// A policy that is missing or damaged, a breach of the protocol, events that cannot be written.
pub fn agent(config: &AgentConfig) -> Result<()> {
    let policy = load(&config.policy)?;
    let mut hyper = config.hyper;
    hyper.learning.gamma = config.gamma.unwrap_or(policy.config.gamma);
    let described = json!({ "strategy": config.strategy, "hyper": hyper });
    let manifest = Manifest::new(EVENTS, "online agent")
        .seed(config.seed)
        .input("policy", Policy::fingerprint(&config.policy)?);
    let network = policy.config.network;
    let strategy = adapt::build(
        config.strategy,
        &network,
        policy.weights,
        &policy.items,
        &hyper,
        config.seed,
    );
    let knowledge = Knowledge {
        items: policy.items.ids,
        users: policy.users,
        network,
    };
    let mut agent = Agent::new(knowledge, strategy);

    let mut planned = None;
    let check = |hello: &Hello| {
        let session = json!({
            "agent": described, "environment": hello.environment, "environment_seed": hello.seed,
            "horizon": hello.horizon,
        });
        let manifest = manifest.input("items", hello.items.clone()).config(&session)?;
        if let Some(path) = &config.events {
            // A session cannot know what will come: events of the same run are written again, with the same bytes.
            artifact::plan(path, &manifest, config.overwrite)?;
        }
        planned = Some(manifest);
        Ok(())
    };
    let source = BufReader::new(std::io::stdin().lock());
    let sink = BufWriter::new(std::io::stdout().lock());
    let summary = serve(&mut agent, source, sink, check)?;
    if let (Some(path), Some(manifest)) = (&config.events, planned) {
        agent.events().write(path, &manifest)?;
    }
    terminal::info(&format!(
        "{} recommendations answered in {} episodes, mean feedback {:.4}, {} updates",
        summary.events, summary.episodes, summary.mean_feedback, summary.updates
    ));
    Ok(())
}

/// Loads a policy and checks that there is something to run.
pub(crate) fn load(folder: &Path) -> Result<Policy> {
    let policy = Policy::load(folder)?;
    if policy.config.network.items == 0 {
        return Err(Error::data("the network has 0 items: there is nothing to recommend").file(folder));
    }
    Ok(policy)
}
