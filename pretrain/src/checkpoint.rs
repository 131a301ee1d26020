//! A run on disk: weights, both moments, the best policy so far, the step, the place in the log and the curve.
//!
//! Random numbers need no place of their own: every draw has a stream by seed, purpose and step. A run that is stopped
//! anywhere and started again goes on from its last checkpoint to the same bytes.

use std::path::{Path, PathBuf};

use common::error::Class;
use common::manifest::Manifest;
use common::tensors::{self, Tensor, Tensors};
use common::{Error, Result, atomic_file, input, terminal};
use serde::{Deserialize, Serialize};

use crate::algorithms::Point;
use crate::data::replay::Cursor;
use crate::network::parameters::Parameters;
use crate::optimizer::Adam;

/// The file in the policy's folder, while the policy is not done.
pub(crate) const FILE: &str = "checkpoint.safetensors";
const MANIFEST: &str = "manifest";
const STATE: &str = "state";
const FINGERPRINT: &str = "fingerprint";

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
        let manifest = self.manifest.to_json();
        let best = best.map(|best| best.values.as_slice());
        let sets = [&parameters.values, &adam.first, &adam.second];
        let named = named(parameters, sets.map(Vec::as_slice), best);
        let tensors: Vec<Tensor> = named.iter().map(|(name, of)| Tensor::row(name, of)).collect();
        let fingerprint = tensors::fingerprint(&[&manifest, &state], &tensors);
        let metadata = [
            (MANIFEST, manifest),
            (STATE, state),
            (FINGERPRINT, fingerprint.to_string()),
        ];
        tensors::write(&self.path, &metadata, tensors)
    }

    /// Takes up `parameters` and `adam` where the last run of the same manifest left them; returns the rest of it and the best
    /// policy so far. None where there is no checkpoint, or one that is damaged or of another run and may be overwritten.
    ///
    /// # Errors
    /// A checkpoint of another run, without `overwrite`; one that is damaged.
    pub(crate) fn load(
        &self,
        parameters: &mut Parameters,
        adam: &mut Adam,
        overwrite: bool,
    ) -> Result<Option<(State, Option<Parameters>)>> {
        if !input::stands(&self.path)? {
            return Ok(None);
        }
        match self.read(parameters, adam, overwrite) {
            Err(error) if overwrite && error.class() == Class::Data => {
                terminal::warn(&error.to_string());
                Ok(None)
            }
            read => read,
        }
    }

    fn read(
        &self,
        parameters: &mut Parameters,
        adam: &mut Adam,
        overwrite: bool,
    ) -> Result<Option<(State, Option<Parameters>)>> {
        let hint = "delete it, or pass --overwrite, to begin anew";
        let mut file = Tensors::open(&self.path).map_err(|e| e.hint(hint))?;
        let broken = |what: &str| {
            Error::data(format!("the checkpoint has no {what}"))
                .file(&self.path)
                .hint(hint)
        };
        let text = |file: &Tensors, key: &str| file.metadata(key).map(String::from);
        let made = text(&file, MANIFEST).ok_or_else(|| broken("manifest"))?;
        let state_text = text(&file, STATE).ok_or_else(|| broken("state"))?;
        let promised = text(&file, FINGERPRINT).ok_or_else(|| broken("fingerprint"))?;
        let manifest = Manifest::from_json(&made, &self.path).map_err(|e| e.hint(hint))?;
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
        let state: State =
            serde_json::from_str(&state_text).map_err(|e| broken(&format!("state that can be read: {e}")))?;
        let mut read = |set: &str| -> Result<Vec<Vec<f32>>> {
            let shapes = parameters.shapes().iter();
            shapes
                .map(|(name, shape)| file.numbers(&format!("{set}.{name}"), Some(shape.iter().product())))
                .collect::<Result<_>>()
                .map_err(|e| e.hint(hint))
        };
        let (weights, first, second) = (read("weights")?, read("first")?, read("second")?);
        let best = match state.best {
            Some(_) => Some(read("best")?),
            None => None,
        };
        let sets = [&weights, &first, &second].map(Vec::as_slice);
        let named = named(parameters, sets, best.as_deref());
        let tensors: Vec<Tensor> = named.iter().map(|(name, of)| Tensor::row(name, of)).collect();
        if tensors::fingerprint(&[&made, &state_text], &tensors).as_str() != promised {
            let what = "the checkpoint is damaged: its content is not what was written";
            return Err(Error::data(what).file(&self.path).hint(hint));
        }
        let best = best.map(|values| parameters.with(values));
        parameters.values = weights;
        (adam.first, adam.second, adam.steps) = (first, second, state.adam_steps);
        Ok(Some((state, best)))
    }

    /// Takes the file away, once the policy is written.
    pub(crate) fn remove(&self) -> Result<()> {
        match input::stands(&self.path)? {
            true => atomic_file::remove(&self.path),
            false => Ok(()),
        }
    }
}

/// The tensors of a checkpoint and their names.
fn named<'a>(
    parameters: &Parameters,
    [weights, first, second]: [&'a [Vec<f32>]; 3],
    best: Option<&'a [Vec<f32>]>,
) -> Vec<(String, &'a [f32])> {
    let sets = [("weights", weights), ("first", first), ("second", second)];
    let sets = sets.into_iter().chain(best.map(|best| ("best", best)));
    let of_set = |(set, values): (&'static str, &'a [Vec<f32>])| {
        let names = parameters
            .shapes()
            .iter()
            .map(move |(name, _)| format!("{set}.{name}"));
        names.zip(values.iter().map(Vec::as_slice)).collect::<Vec<_>>()
    };
    sets.flat_map(of_set).collect()
}

#[cfg(test)]
mod tests {
    use common::policy_artifact::{NetworkConfig, Weights};

    use super::*;

    fn parts() -> (Parameters, Adam) {
        let network = NetworkConfig {
            items: 3,
            dims: 2,
            hidden: 2,
            ..NetworkConfig::default()
        };
        let parameters = Parameters::new(&network, Weights::init(&network, 1), 0, 1);
        let adam = Adam::new(&parameters);
        (parameters, adam)
    }

    #[test]
    fn no_byte_of_a_checkpoint_that_is_changed_is_gone_on_from() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::new(folder.path(), Manifest::new("policy", "test").seed(1), 1);
        let (parameters, adam) = parts();
        let state = State {
            step: 7,
            adam_steps: 7,
            best: Some(3),
            ..State::default()
        };
        checkpoint
            .save(&state, &parameters, &adam, Some(&parameters))
            .unwrap();
        let load = |overwrite| {
            let (mut parameters, mut adam) = parts();
            let loaded = checkpoint.load(&mut parameters, &mut adam, overwrite)?;
            Ok::<_, Error>(loaded.map(|(state, best)| {
                (
                    state,
                    best.map(|b| b.values),
                    parameters.values,
                    adam.first,
                    adam.second,
                )
            }))
        };
        let whole = load(false).unwrap().unwrap();
        assert_eq!((&whole.0, &whole.2), (&state, &parameters.values));
        let bytes = std::fs::read(&checkpoint.path).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(&checkpoint.path, &changed).unwrap();
            match load(false) {
                Ok(read) => assert!(
                    read.as_ref() == Some(&whole),
                    "byte {at} changes what is gone on from"
                ),
                Err(error) => assert!(error.to_string().contains(FILE), "{error}"),
            }
        }
        std::fs::write(&checkpoint.path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(load(false).unwrap_err().class(), Class::Data);
        assert!(load(true).unwrap().is_none());
    }
}
