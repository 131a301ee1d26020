//! `online agent`: a policy folder and a strategy, at the other end of an environment's step frames.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::frame::Hello;
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::events::EVENTS;
use common::schema::table::count_rows;
use common::socket::{self, Socket};
use common::{Error, Result, output, terminal};
use serde_json::json;

use crate::agent::{Agent, EventLog, Refit, serve};
use crate::live::{Settings, State};

/// What to serve, and how.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The policy folder.
    pub policy: PathBuf,
    /// How to act and learn.
    pub settings: Settings,
    /// Where the environment is.
    pub carrier: Carrier,
    /// When and how to retrain.
    pub refit: Option<Refit>,
    /// Where to write events.
    pub events: Option<PathBuf>,
    /// Whether events of another run may be replaced.
    pub overwrite: bool,
}

/// What carries the step frames.
#[derive(Debug, Clone)]
pub enum Carrier {
    /// The process's own stdin and stdout.
    Streams,
    /// A Unix socket on which the environment listens.
    Connect(PathBuf),
    /// A Unix socket to which any number of environments connect, each to an agent of its own that begins anew.
    Listen(PathBuf),
}

/// Serves one environment until it ends the session, then writes the events; or, listening, all that connect until the
/// process is ended.
///
/// # Errors
/// A policy that is missing or damaged, a socket that cannot be used, events that cannot be written, a breach of the
/// protocol; what is wrong with one that connects is said on stderr, and the others notice nothing.
pub fn agent(config: &AgentConfig) -> Result<()> {
    output::files(config.events.as_deref(), [config.policy.as_path()])?;
    let policy = load(&config.policy)?;
    match &config.carrier {
        Carrier::Streams => {
            let (requests, replies) = terminal::frames();
            session(config, policy, requests, replies)
        }
        Carrier::Connect(path) => {
            let stream = socket::connect(path)?;
            session(config, policy, &stream, &stream)
        }
        Carrier::Listen(path) => {
            let socket = Socket::listen(path)?;
            terminal::info(&format!("listening on {}", path.display()));
            let policy = &policy;
            std::thread::scope(|scope| {
                loop {
                    let stream = socket.accept(None)?;
                    scope.spawn(move || {
                        if let Err(error) = session(config, policy.clone(), &stream, &stream) {
                            terminal::warn(&format!("an environment was given up: {error}"));
                        }
                    });
                }
            })
        }
    }
}

/// Serves one environment.
fn session(config: &AgentConfig, policy: Policy, source: impl Read, sink: impl Write) -> Result<()> {
    let Settings { strategy, seed, .. } = config.settings;
    let hyper = config.settings.hyper_for(policy.config.gamma);
    let manifest = Manifest::new(EVENTS, "online agent")
        .seed(seed)
        .input("policy", Policy::fingerprint(&config.policy)?);
    let mut agent = Agent::new(State::new(policy, &config.settings)?).refitting(config.refit.clone());
    let refit = config.refit.as_ref();
    let refit = refit.map(|refit| json!({ "every": refit.every, "command": refit.recorded() }));

    let mut planned = None;
    let check = |hello: &Hello| {
        let mut session = json!({
            "agent": { "strategy": strategy, "hyper": hyper }, "environment": hello.environment,
            "environment_seed": hello.seed, "horizon": hello.horizon, "slate": hello.slate,
        });
        if let Some(refit) = refit {
            session["agent"]["refit"] = refit;
        }
        let manifest = manifest.input("items", hello.items.clone()).config(&session)?;
        if let Some(path) = &config.events {
            // A session cannot know what will come: events of the same run are written again, with the same bytes.
            artifact::plan(path, &manifest, config.overwrite)?;
        }
        planned = Some(manifest);
        Ok(())
    };
    let served = serve(&mut agent, BufReader::new(source), BufWriter::new(sink), check);
    if let (Some(path), Some(manifest)) = (&config.events, planned) {
        match &served {
            Ok(_) => agent.events().write(path, &manifest)?,
            Err(_) => keep(agent.events(), path, &manifest)?,
        }
    }
    let summary = served?;
    terminal::info(&format!(
        "{} recommendations answered in {} episodes, mean feedback {:.4}, {} updates",
        summary.events, summary.episodes, summary.mean_feedback, summary.updates
    ));
    Ok(())
}

/// Keeps the events of a session that failed: at `path`, or beside it where another run's stand there. What is there of the
/// same run is replaced only by more.
fn keep(events: &EventLog, path: &Path, manifest: &Manifest) -> Result<()> {
    let beside = || {
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        PathBuf::from(name)
    };
    let (to, there) = match artifact::plan(path, manifest, false) {
        Ok(Plan::Write) => (path.to_path_buf(), 0),
        Ok(Plan::AlreadyDone) => (path.to_path_buf(), count_rows(path)?),
        Err(_) => (beside(), 0),
    };
    if events.len() as u64 <= there {
        return Ok(());
    }
    events.write(&to, manifest)?;
    terminal::warn(&format!(
        "the session failed: the {} events before that are kept in {}",
        events.len(),
        to.display()
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
