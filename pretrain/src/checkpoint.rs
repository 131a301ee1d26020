//! A run on disk: weights, both moments, the best policy so far, the step, the place in the log and the curve.
//!
//! Random numbers need no place of their own: every draw has a stream by seed, purpose and step. A run that is stopped
//! anywhere and started again goes on from its last checkpoint to the same bytes.

use std::path::{Path, PathBuf};

use common::manifest::Manifest;
use common::tensors::{self, Tensors};
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::algorithms::Point;
use crate::data::replay::Cursor;
use crate::network::parameters::Parameters;
use crate::optimizer::Adam;

/// The file in the policy's folder, while the policy is not done.
pub(crate) const FILE: &str = "checkpoint.safetensors";
const MANIFEST: &str = "manifest";
const STATE: &str = "state";

/// All of a run but its tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Updates done.
    pub(crate) step: u64,
    /// The optimiser's.
    pub(crate) adam_steps: u64,
    /// Where the next batch begins.
    pub(crate) cursor: Cursor,
    /// Where the next batch of logged transitions begins, where episodes are played beside them.
    pub(crate) logged_cursor: Cursor,
    /// The best policy's score, as bits.
    pub(crate) best: Option<u64>,
    /// The curve so far.
    pub(crate) points: Vec<Point>,
}

/// The checkpoint of one run.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    path: PathBuf,
    manifest: Manifest,
    /// Updates between two checkpoints; does not change a result.
    pub(crate) every: u64,
}

impl Checkpoint {
    /// In the policy's `folder`, for the run that `manifest` tells of.
    pub(crate) fn new(folder: &Path, manifest: Manifest, every: u64) -> Self {
        Checkpoint {
            path: folder.join(FILE),
            manifest,
            every,
        }
    }

    /// Writes the run as it stands.
    pub(crate) fn save(
        &self,
        state: &State,
        parameters: &Parameters,
        adam: &Adam,
        best: Option<&Parameters>,
    ) -> Result<()> {
        let state = serde_json::to_string(state).map_err(|e| {
            Error::retry(format!("the state cannot be written as JSON: {e}")).file(&self.path)
        })?;
        let sets = [
            ("weights", Some(&parameters.values)),
            ("first", Some(&adam.first)),
            ("second", Some(&adam.second)),
            ("best", best.map(|best| &best.values)),
        ];
        let mut named = Vec::new();
        for (set, values) in &sets {
            let Some(values) = values else { continue };
            for ((name, _), values) in parameters.shapes().iter().zip(*values) {
                named.push((format!("{set}.{name}"), values.as_slice()));
            }
        }
        let named: Vec<(&str, &[f32])> = named
            .iter()
            .map(|(name, values)| (name.as_str(), *values))
            .collect();
        let metadata = [(MANIFEST, self.manifest.to_json()), (STATE, state)];
        tensors::write(&self.path, &metadata, &named)
    }

    /// Takes up `parameters` and `adam` where the last run of the same manifest left them; returns the rest of it and the best
    /// policy so far. None where there is no checkpoint, or one of another run that may be overwritten.
    ///
    /// # Errors
    /// A checkpoint of another run, without `overwrite`; one that is damaged.
    pub(crate) fn load(
        &self,
        parameters: &mut Parameters,
        adam: &mut Adam,
        overwrite: bool,
    ) -> Result<Option<(State, Option<Parameters>)>> {
        if !self.path.exists() {
            return Ok(None);
        }
        let hint = "delete it, or pass --overwrite, to begin anew";
        let mut file = Tensors::open(&self.path).map_err(|e| e.hint(hint))?;
        let broken = |what: &str| {
            Error::data(format!("the checkpoint has no {what}"))
                .file(&self.path)
                .hint(hint)
        };
        let manifest = Manifest::from_json(
            file.metadata(MANIFEST).ok_or_else(|| broken("manifest"))?,
            &self.path,
        )?;
        if !manifest.same_run(&self.manifest) {
            return match overwrite {
                true => Ok(None),
                false => Err(Error::usage(
                    "the checkpoint here is of another run: other inputs, flags or version",
                )
                .file(&self.path)
                .hint("choose another --out, or pass --overwrite")),
            };
        }
        let state: State = serde_json::from_str(file.metadata(STATE).ok_or_else(|| broken("state"))?)
            .map_err(|e| broken(&format!("state that can be read: {e}")))?;
        let mut read = |set: &str| -> Result<Vec<Vec<f32>>> {
            let shapes = parameters.shapes().iter();
            shapes
                .map(|(name, shape)| file.read(&format!("{set}.{name}"), shape.iter().product()))
                .collect()
        };
        let (weights, first, second) = (read("weights")?, read("first")?, read("second")?);
        let best = match state.best {
            Some(_) => Some(read("best")?),
            None => None,
        };
        let best = best.map(|values| parameters.with(values));
        parameters.values = weights;
        (adam.first, adam.second, adam.steps) = (first, second, state.adam_steps);
        Ok(Some((state, best)))
    }

    /// Takes the file away, once the policy is written.
    pub(crate) fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(e, "remove", &self.path)),
            _ => Ok(()),
        }
    }
}
