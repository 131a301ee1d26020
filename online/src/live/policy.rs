//! The library's face: a live policy in one value, for programs that recommend in process and keep no journal.

use std::path::Path;

use common::ids::Dictionary;
use common::policy_artifact::Policy as Artifact;
use common::{Error, Result};

use super::ask::Ask;
use super::feedback::{Feedback, Refusal, Taken};
use super::pending::Pending;
use super::settings::Settings;
use super::state::{Applied, State};
use super::swap::{Carried, Successor};
use crate::adapt::Buffers;

/// A policy that recommends, takes feedback and learns from it.
///
/// ```
/// use common::ids::{Dictionary, IdKind};
/// use common::manifest::Manifest;
/// use common::policy_artifact::{self as artifact, NetworkConfig, PolicyConfig, PolicyItems, Weights};
/// use online::adapt::Name;
/// use online::live::{Ask, Feedback, Observed, Policy, Settings, Subject};
///
/// // Usually `Policy::load` of a folder that `pretrain train` wrote; here one of random weights.
/// let network = NetworkConfig { items: 3, dims: 4, hidden: 5, traits: 0, window: 10, ..NetworkConfig::default() };
/// let made = artifact::Policy {
///     manifest: Manifest::new(artifact::POLICY, "example"),
///     weights: Weights::init(&network, 1),
///     items: PolicyItems {
///         ids: Dictionary::from_values(IdKind::Text, ["film", "song", "book"].map(String::from)).unwrap(),
///         popularity: vec![1.0; 3],
///         traits: vec![],
///     },
///     users: Default::default(),
///     config: PolicyConfig {
///         network,
///         method: "none".into(),
///         traits: "none".into(),
///         gamma: 0.9,
///         likes: None,
///         training: Default::default(),
///     },
/// };
/// let mut policy = Policy::new(made, &Settings::new(Name::Ft, 7))?;
///
/// let asked = Ask { user: "ada", k: 2, candidates: None, given: None };
/// let first = policy.recommend(&asked)?;
/// assert_eq!(first.items.len(), 2);
/// assert!(first.propensities.iter().all(|p| *p > 0.0 && *p <= 1.0));
///
/// let liked = Feedback {
///     subject: Subject::Request { request: first.request, item: Some(first.items[0]) },
///     reward: 1.0,
///     timestamp_ms: 0,
/// };
/// assert!(matches!(policy.observe(&liked)?, Observed::Applied(_)));
/// // Sent twice, counted once.
/// assert!(matches!(policy.observe(&liked)?, Observed::Duplicate));
/// // What was consumed is not recommended again.
/// let second = policy.recommend(&asked)?;
/// assert!(!second.items.contains(&first.items[0]));
/// println!("{}", policy.items().id(second.items[0]));
/// # Ok::<(), common::Error>(())
/// ```
pub struct Policy {
    state: State,
    pending: Pending,
    buffers: Buffers,
}

/// What is recommended.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// The decision's number, which feedback names.
    pub request: u64,
    /// The items' codes, in order of position.
    pub items: Vec<u32>,
    /// The probability of each, given those above it; their product is the slate's.
    pub propensities: Vec<f32>,
    /// The policy that decided: 0 for the first, 1 more at each swap.
    pub epoch: u32,
    /// Updates that it had had.
    pub version: u64,
}

/// What became of feedback.
#[derive(Debug)]
pub enum Observed {
    /// It counts.
    Applied(Applied),
    /// It had come before and counts once.
    Duplicate,
}

impl Policy {
    /// Loads a policy folder.
    ///
    /// # Errors
    /// When it is missing, damaged, or has no items.
    pub fn load(folder: &Path, settings: &Settings) -> Result<Self> {
        Policy::new(Artifact::load(folder)?, settings).map_err(|e| e.file(folder))
    }

    /// Of a policy in memory.
    ///
    /// # Errors
    /// When it has no items.
    pub fn new(policy: Artifact, settings: &Settings) -> Result<Self> {
        Ok(Policy {
            state: State::new(policy, settings)?,
            pending: Pending::new(Pending::CAPACITY),
            buffers: Buffers::new(),
        })
    }

    /// Recommends.
    ///
    /// # Errors
    /// As [`State::decide`].
    pub fn recommend(&mut self, ask: &Ask<'_>) -> Result<Recommendation> {
        let request = self.pending.next_request();
        let decision = self.state.decide(ask, request, &mut self.buffers)?;
        let recommendation = Recommendation {
            request,
            items: decision.slate.items.clone(),
            propensities: decision.slate.propensities.clone(),
            epoch: decision.epoch,
            version: decision.version,
        };
        self.pending.insert(decision);
        Ok(recommendation)
    }

    /// Takes feedback and learns from it.
    ///
    /// # Errors
    /// Feedback that belongs to no recommendation ([`Refusal`]).
    pub fn observe(&mut self, feedback: &Feedback<'_>) -> Result<Observed> {
        match self.pending.take(feedback) {
            Ok(Taken::Open(mut event)) => Ok(Observed::Applied(self.state.apply(&mut event)?)),
            Ok(Taken::Duplicate) => Ok(Observed::Duplicate),
            Err(refusal) => Err(refused(refusal)),
        }
    }

    /// Another policy takes over.
    ///
    /// # Errors
    /// A policy that shares no item with this one; the old one stays then.
    pub fn swap(&mut self, policy: Artifact) -> Result<Carried> {
        let successor = Successor::new(self.state.catalogue(), policy, self.state.settings())?;
        self.state.swap(successor, &mut self.pending)
    }

    /// Takes a decision that was made elsewhere as one of its own.
    #[cfg(test)]
    pub(crate) fn keep(&mut self, decision: super::decision::Decision) {
        self.pending.insert(decision);
    }

    /// The items: codes to ids and back.
    pub fn items(&self) -> &Dictionary {
        self.state.items()
    }

    /// What it has learnt and what it knows of users.
    pub fn state(&self) -> &State {
        &self.state
    }
}

fn refused(refusal: Refusal) -> Error {
    Error::data(refusal.to_string())
}
