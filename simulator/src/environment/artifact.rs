//! The environment on disk: `manifest.json`, `user_model.safetensors`, `items.parquet`, `users.parquet`.
//!
//! Only the simulator reads and writes it: it is the truth that all other tools are measured against.

use std::collections::BTreeMap;
use std::path::Path;

use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::items::{self, Items};
use common::schema::users::{self, Users};
use common::{Error, Result, atomic_file};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::Environment;
use crate::import::dataset_name;
use crate::sparse::SparseRows;
use crate::user_model::UserModel;
use crate::user_model::calibrate::Calibration;

/// The artifact kind in the manifest.
pub(super) const KIND: &str = "environment";
const MODEL_FILE: &str = "user_model.safetensors";
pub(super) const ITEMS_FILE: &str = "items.parquet";
const USERS_FILE: &str = "users.parquet";

impl Environment {
    /// Writes the environment to `folder`; the manifest, which `manifest` begins, comes last.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn save(&self, folder: &Path, mut manifest: Manifest, items: &Items, users: &Users) -> Result<()> {
        let part = |kind: &str| Manifest {
            artifact: kind.to_string(),
            ..manifest.clone()
        };
        items::write(&folder.join(ITEMS_FILE), &part(items::ITEMS), items)?;
        users::write(&folder.join(USERS_FILE), &part(users::USERS), users)?;
        atomic_file::write_bytes(&folder.join(MODEL_FILE), &self.to_bytes()?)?;
        for name in [ITEMS_FILE, USERS_FILE, MODEL_FILE] {
            manifest
                .files
                .insert(name.to_string(), Fingerprint::of_file(&folder.join(name))?);
        }
        manifest.write_to_folder(folder)
    }

    /// Reads the environment in `folder`, and its manifest.
    ///
    /// # Errors
    /// When a part is missing, damaged, or of another artifact.
    pub fn load(folder: &Path) -> Result<(Self, Manifest)> {
        let manifest = Manifest::read_from_folder(folder, KIND)
            .map_err(|e| e.hint("--environment must be a folder that `simulator fit` wrote"))?;
        let items = items::read(&folder.join(ITEMS_FILE))?;
        let users = users::read(&folder.join(USERS_FILE))?;
        let path = folder.join(MODEL_FILE);
        let bytes = std::fs::read(&path).map_err(|e| Error::io(e, "read", &path))?;
        let bad = |what: String| Error::data(format!("no valid user model: {what}")).file(&path);
        let tensors = Tensors(SafeTensors::deserialize(&bytes).map_err(|e| bad(e.to_string()))?);
        let (n_users, n_items) = (users.ids.len(), items.ids.len());
        if n_users == 0 {
            return Err(bad("it has no user".into()));
        }
        let numbers = |name: &str, len: Option<usize>| tensors.numbers(name, len).map_err(bad);
        let indices = |name: &str| tensors.indices(name).map_err(bad);
        let user_bias = numbers("user_bias", Some(n_users))?;
        let user_vector = numbers("user_vector", None)?;
        let rank = user_vector.len() / n_users;
        if rank * n_users != user_vector.len() {
            return Err(bad("user_vector has no whole rows".into()));
        }
        let (x, y) = (numbers("calibration_x", None)?, numbers("calibration_y", None)?);
        let slope = numbers("calibration_slope", Some(1))?[0];
        if x.is_empty() || x.len() != y.len() || !x.is_sorted() || !y.is_sorted() || !slope.is_finite() {
            return Err(bad("its calibration is no increasing map".into()));
        }
        let consumed =
            SparseRows::from_parts(indices("consumed_offset")?, indices("consumed_item")?, n_items)
                .filter(|rows| rows.len() == n_users)
                .ok_or_else(|| bad("its consumed items do not fit its users and items".into()))?;
        let popularity = indices("popularity")?;
        if popularity.len() != n_items {
            return Err(bad("popularity does not have one value an item".into()));
        }
        let model = UserModel {
            rank,
            user_vector,
            user_bias,
            item_vector: numbers("item_vector", Some(n_items * rank))?,
            item_bias: numbers("item_bias", Some(n_items))?,
            calibration: Calibration {
                slope,
                knots: x.into_iter().zip(y).collect(),
            },
        };
        let environment = Environment {
            name: dataset_name(Some(&manifest)),
            seed: manifest.seed.unwrap_or_default(),
            users: users.ids,
            items: items.ids,
            model,
            consumed,
            popularity,
        };
        Ok((environment, manifest))
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let model = &self.model;
        let (x, y): (Vec<f32>, Vec<f32>) = model.calibration.knots.iter().copied().unzip();
        let (users, items, rank) = (model.users(), model.items(), model.rank);
        let floats = [
            ("user_vector", vec![users, rank], &model.user_vector),
            ("user_bias", vec![users], &model.user_bias),
            ("item_vector", vec![items, rank], &model.item_vector),
            ("item_bias", vec![items], &model.item_bias),
            ("calibration_slope", vec![1], &vec![model.calibration.slope]),
            ("calibration_x", vec![x.len()], &x),
            ("calibration_y", vec![y.len()], &y),
        ];
        let (offsets, values) = (self.consumed.offsets(), self.consumed.values());
        let integers = [
            ("consumed_offset", offsets),
            ("consumed_item", values),
            ("popularity", self.popularity.as_slice()),
        ];
        let floats = floats.into_iter().map(|(name, shape, values)| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name, Dtype::F32, shape, bytes)
        });
        let integers = integers.into_iter().map(|(name, values)| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name, Dtype::U32, vec![values.len()], bytes)
        });
        let stored: Vec<_> = floats.chain(integers).collect();
        let failed =
            |e: safetensors::SafeTensorError| Error::retry(format!("cannot write the user model: {e}"));
        // A sorted map: the order of tensors in the file must not vary.
        let views = stored
            .iter()
            .map(|(name, kind, shape, bytes)| Ok((*name, TensorView::new(*kind, shape.clone(), bytes)?)))
            .collect::<Result<BTreeMap<_, _>, _>>()
            .map_err(failed)?;
        safetensors::serialize(views, None).map_err(failed)
    }
}

/// Tensors by name, checked; the error is what is wrong.
struct Tensors<'a>(SafeTensors<'a>);

impl Tensors<'_> {
    fn words<T>(&self, name: &str, kind: Dtype, of: impl Fn([u8; 4]) -> T) -> Result<Vec<T>, String> {
        let tensor = self
            .0
            .tensor(name)
            .map_err(|_| format!("it has no tensor {name}"))?;
        if tensor.dtype() != kind {
            return Err(format!("tensor {name} is {:?}, not {kind:?}", tensor.dtype()));
        }
        Ok(tensor
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| of(*word))
            .collect())
    }

    /// A tensor of finite numbers, of `len` values where that is known.
    fn numbers(&self, name: &str, len: Option<usize>) -> Result<Vec<f32>, String> {
        let values = self.words(name, Dtype::F32, f32::from_le_bytes)?;
        if let Some(len) = len.filter(|&len| len != values.len()) {
            return Err(format!("tensor {name} has {} values, not {len}", values.len()));
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(format!("value {at} of tensor {name} is not finite")),
            None => Ok(values),
        }
    }

    fn indices(&self, name: &str) -> Result<Vec<u32>, String> {
        self.words(name, Dtype::U32, u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;
    use super::*;

    fn saved(folder: &Path) -> Environment {
        let environment = small();
        let items = Items {
            ids: environment.items.clone(),
            title: vec!["title".into(); 6],
            text: vec![None; 6],
            categories: vec![vec![]; 6],
        };
        let users = Users {
            ids: environment.users.clone(),
            attributes: vec![BTreeMap::new(); 4],
        };
        let manifest = Manifest::new(KIND, "simulator fit")
            .seed(3)
            .config(&serde_json::json!({ "dataset": "small" }))
            .unwrap();
        environment.save(folder, manifest, &items, &users).unwrap();
        environment
    }

    #[test]
    fn comes_back_as_saved() {
        let folder = tempfile::tempdir().unwrap();
        let environment = saved(folder.path());
        let (loaded, manifest) = Environment::load(folder.path()).unwrap();
        assert_eq!(
            (loaded.name.as_str(), loaded.seed, manifest.files.len()),
            ("small", 3, 3)
        );
        assert_eq!(loaded.model, environment.model);
        assert_eq!(loaded.consumed, environment.consumed);
        assert_eq!(loaded.popularity, environment.popularity);
        assert_eq!(loaded.users.ids(), environment.users.ids());
    }

    #[test]
    fn a_part_cut_short_is_bad_data_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        saved(folder.path());
        let path = folder.path().join(MODEL_FILE);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = Environment::load(folder.path()).unwrap_err();
        assert_eq!(error.class().code(), 42);
        assert!(error.to_string().contains(MODEL_FILE), "{error}");
    }

    #[test]
    fn no_environment_is_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let error = Environment::load(folder.path()).unwrap_err();
        assert!(error.to_string().contains("simulator fit"), "{error}");
    }
}
