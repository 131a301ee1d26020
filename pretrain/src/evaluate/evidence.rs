//! What several policies are held against: the held-out log, its propensities and its reward model, read once.

use std::path::{Path, PathBuf};

use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::{items, table};
use common::terminal::Progress;
use common::{Error, Result, terminal};

use super::cross_fit::CrossFit;
use super::estimators::Rounds;
use super::interval::Interval;
use super::later::Later;
use super::logging::{Logging, Source};
use super::measure::{List, Measured, measure};

use super::settings::Settings;
use crate::data::InputPaths;

/// Where more of a policy's probability than this is on items that were never logged, that is said.
const MOST_NEVER_LOGGED: f64 = 0.1;

/// The files of an evaluation besides the policies.
#[derive(Clone, Debug)]
pub struct EvidencePaths {
    /// The held-out log: a folder with `interactions.parquet`, or the Parquet file.
    pub log: PathBuf,
    /// Its catalogue, where it does not stand beside it. It is compared with the policies' and not needed.
    pub items: Option<PathBuf>,
    /// A policy that was trained to do what the log shows: it estimates propensities that the log lacks.
    pub behaviour: Option<PathBuf>,
}

/// The held-out log, read for a catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) later: Later,
    pub(crate) logging: Logging,
    model: CrossFit,
    settings: Settings,
}

/// A policy with the folder that it was read from.
pub(crate) struct Candidate {
    pub(crate) folder: PathBuf,
    pub(crate) policy: Policy,
}

impl Candidate {
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        Ok(Candidate {
            folder: folder.to_path_buf(),
            policy: Policy::load(folder)?,
        })
    }

    /// Refuses another policy whose actions are not the same.
    pub(crate) fn require_same_catalogue(&self, other: &Candidate) -> Result<()> {
        let (ours, theirs) = (&self.policy.items.ids, &other.policy.items.ids);
        if ours.len() == theirs.len() && ours.ids().eq(theirs.ids()) {
            return Ok(());
        }
        Err(Error::usage(format!(
            "{} and {} do not belong together: their catalogues differ ({} and {} items)",
            self.folder.display(),
            other.folder.display(),
            ours.len(),
            theirs.len()
        ))
        .hint("compare policies that were trained over the same items.parquet"))
    }
}

/// The importance weights of a policy, and how many were clipped.
pub(crate) struct Weights {
    pub(crate) values: Vec<f64>,
    pub(crate) clipped: usize,
}

impl Weights {
    /// `values`, at most `most`.
    pub(crate) fn clipped(mut values: Vec<f64>, most: Option<f64>) -> Self {
        let most = most.unwrap_or(f64::INFINITY);
        let clipped = values.iter().filter(|weight| **weight > most).count();
        values.iter_mut().for_each(|weight| *weight = weight.min(most));
        Weights { values, clipped }
    }

    /// The largest weight's share of the sum of all; 0 where all are 0.
    pub(crate) fn largest_share(&self) -> f64 {
        let sum: f64 = self.values.iter().sum();
        let largest = self.values.iter().copied().fold(0.0, f64::max);
        if sum > 0.0 { largest / sum } else { 0.0 }
    }
}

impl EvidencePaths {
    /// The held-out log with its catalogue.
    pub(super) fn inputs(&self, settings: &Settings) -> InputPaths {
        InputPaths {
            log: self.log.clone(),
            items: self.items.clone(),
            states: None,
            profiles: None,
            preferences: None,
            events: Vec::new(),
            like_threshold: settings.like_threshold,
        }
    }

    /// Records the files in a manifest.
    pub(crate) fn record(&self, settings: &Settings, manifest: Manifest) -> Result<Manifest> {
        let inputs = self.inputs(settings);
        let mut manifest = manifest.input("log", table::fingerprint(&inputs.interactions())?);
        if let Some(consumed) = inputs.consumed() {
            manifest = manifest.input_file("consumed", &consumed)?;
        }
        if let Some(items) = inputs.catalogue() {
            manifest = manifest.input("items", items::fingerprint(&items)?);
        }
        Ok(match &self.behaviour {
            Some(folder) => manifest.input("behaviour", Policy::fingerprint(folder)?),
            None => manifest,
        })
    }
}

impl Evidence {
    /// Reads the held-out log for `candidates`, which share a catalogue; where propensities are estimated by popularity,
    /// what users had consumed is as the first of them knows it.
    ///
    /// # Errors
    /// Candidates with different catalogues or trained on this very log, inputs that are missing, bad or do not belong
    /// together.
    pub(crate) fn gather(
        paths: &EvidencePaths,
        settings: &Settings,
        candidates: &[Candidate],
    ) -> Result<Self> {
        let [first, others @ ..] = candidates else {
            return Err(Error::usage("no policy is given").hint("pass --policy with a policy's folder"));
        };
        let inputs = paths.inputs(settings);
        let log = table::fingerprint(&inputs.interactions())?;
        for candidate in candidates {
            if candidate.policy.manifest.inputs.get("log") == Some(&log) {
                return Err(Error::usage(format!(
                    "{} was trained on this very log",
                    candidate.folder.display()
                ))
                .file(inputs.interactions())
                .hint("pass a log of what happened after the one it was trained on"));
            }
        }
        others
            .iter()
            .try_for_each(|other| first.require_same_catalogue(other))?;
        let behaviour = paths.behaviour.as_deref().map(Candidate::load).transpose()?;
        if let Some(behaviour) = &behaviour {
            first.require_same_catalogue(behaviour)?;
        }
        let catalogue = &first.policy.items.ids;
        let later = Later::read(&inputs, catalogue, settings)?;
        let logging = Logging::of(
            &later,
            behaviour.as_ref().map(|behaviour| &behaviour.policy),
            &first.policy.users,
            catalogue.len(),
            settings,
        )?;
        Ok(Evidence {
            model: CrossFit::fit(&later, catalogue.len()),
            later,
            logging,
            settings: *settings,
        })
    }

    /// Passes `policy` over the log, and keeps the first `kept` items of each list.
    pub(crate) fn measure(&self, policy: &Policy, kept: usize) -> Measured {
        let progress = Progress::new(
            &format!("evaluating {}", policy.config.method),
            self.later.len() as u64,
            "interactions",
        );
        measure(policy, &self.later, &self.model, &self.settings, kept, &progress)
    }

    /// The policy's importance weights.
    pub(crate) fn weights(&self, measured: &Measured) -> Result<Weights> {
        self.logging
            .weights(&self.later, &measured.propensity, self.settings.max_weight)
    }

    /// The policy's importance weights of items like the logged ones, for MIPS; none where they are not known.
    ///
    /// # Errors
    /// As [`Evidence::weights`].
    pub(crate) fn weights_alike(&self, measured: &Measured) -> Result<Option<Weights>> {
        let most = self.settings.max_weight;
        let found = self.logging.weights_alike(&self.later, &measured.alike, most);
        found.transpose()
    }

    /// Why there are none.
    pub(crate) fn why_not_alike(&self) -> &'static str {
        match self.later.propensity.iter().all(Option::is_none) {
            true => "the log's catalogue, which --items names, tells no categories",
            false => {
                "the log tells how probable what it did was, and not how probable anything of the same category; \
                 `pretrain estimate --category` reads a column that does"
            }
        }
    }

    /// The modelled rewards of the logged actions, the same for every policy.
    pub(crate) fn logged(&self) -> Vec<f64> {
        let of_row = |row| self.model.reward(&self.later, row, self.later.item[row]);
        (0..self.later.len()).map(of_row).collect()
    }

    /// What the estimators read of a policy.
    pub(crate) fn rounds<'a>(
        &'a self,
        measured: &'a Measured,
        weights: &'a Weights,
        logged: &'a [f64],
    ) -> Rounds<'a> {
        Rounds {
            reward: &self.later.reward,
            weight: &weights.values,
            logged,
            value: &measured.value,
            cluster: &self.later.user,
        }
    }

    /// How much of what the policy would do the held-out log has anywhere. A policy that does mostly what was never logged is not
    /// told by it: importance weighting does not see that part, and the reward model guesses.
    pub(crate) fn never_logged(&self, measured: &Measured, name: &str) -> Interval {
        let share = Interval::of_mean(&measured.never_logged, &self.later.user, self.settings.confidence);
        if share.estimate > MOST_NEVER_LOGGED {
            terminal::warn(&format!(
                "{:.0} % of what {name} would do is with items that the held-out log does not have at all: IPS, SNIPS and DR do not \
                 see that part, and DM guesses it",
                100.0 * share.estimate
            ));
        }
        share
    }

    /// What `of` gives of each of a policy's lists, and whose it is.
    pub(crate) fn of_lists(&self, measured: &Measured, of: impl Fn(&List) -> f64) -> (Vec<f64>, Vec<u32>) {
        let lists = measured.lists.iter().zip(&self.later.user);
        let of_list = |(list, &user): (&Option<List>, &u32)| Some((of(list.as_ref()?), user));
        lists.filter_map(of_list).unzip()
    }

    /// How many propensities are estimated, and how.
    pub(crate) fn propensities(&self) -> (usize, Source) {
        (self.logging.estimated, self.logging.source)
    }

    /// The level of intervals.
    pub(crate) fn confidence(&self) -> f64 {
        self.settings.confidence
    }

    /// Held-out interactions.
    pub(crate) fn rows(&self) -> usize {
        self.later.len()
    }

    /// Users of the held-out log.
    pub(crate) fn users(&self) -> usize {
        self.later.users.len()
    }
}
