//! The environment on disk: `manifest.json`, `user_model.safetensors`, `items.parquet`, `users.parquet`.
//!
//! Only the simulator reads and writes it: it is the truth that all other tools are measured against.

use std::path::Path;

use common::Result;
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::items::{self, Items};
use common::schema::users::{self, Users};
use common::tensors::{self, Tensor, Tensors};

use super::Environment;
use crate::import::dataset_name;
use crate::sparse::SparseRows;
use crate::user_model::UserModel;
use crate::user_model::calibrate::Calibration;

/// The artifact kind in the manifest.
pub(crate) const KIND: &str = "environment";
const MODEL_FILE: &str = "user_model.safetensors";
pub(super) const ITEMS_FILE: &str = "items.parquet";
pub(super) const USERS_FILE: &str = "users.parquet";
/// A tensor that only environments made from ratings have.
const MEAN_RATINGS: &str = "mean_ratings";
/// Which hyper-parameters the fit chose, and what it tried; the manifest holds its fingerprint.
pub(super) const CHOICE_FILE: &str = "choice.json";
/// The files beside the manifest.
pub(crate) const FILES: [&str; 4] = [ITEMS_FILE, USERS_FILE, MODEL_FILE, CHOICE_FILE];

impl Environment {
    /// Writes the environment to `folder`, which is being made; the manifest, which `manifest` begins, comes last.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn save(&self, folder: &Path, manifest: Manifest, items: &Items, users: &Users) -> Result<()> {
        self.save_with(
            folder,
            manifest,
            |path, manifest| items::write(path, manifest, items),
            |path, manifest| users::write(path, manifest, users),
        )
    }

    /// As [`Environment::save`], with items and users written by `items` and `users`, which get the path and the
    /// manifest: where there are too many to hold in memory.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn save_with(
        &self,
        folder: &Path,
        mut manifest: Manifest,
        items: impl FnOnce(&Path, &Manifest) -> Result<()>,
        users: impl FnOnce(&Path, &Manifest) -> Result<()>,
    ) -> Result<()> {
        let part = |kind: &str| Manifest {
            artifact: kind.to_string(),
            ..manifest.clone()
        };
        items(&folder.join(ITEMS_FILE), &part(items::ITEMS))?;
        users(&folder.join(USERS_FILE), &part(users::USERS))?;
        self.write_model(&folder.join(MODEL_FILE))?;
        for name in [ITEMS_FILE, USERS_FILE, MODEL_FILE] {
            manifest
                .files
                .insert(name.to_string(), Fingerprint::of_file(&folder.join(name))?);
        }
        manifest.write_to_folder(folder)
    }

    /// Reads the environment in `folder`, and its manifest. The peak of memory is what the environment takes: parts are
    /// read piece by piece, and of items and users the ids alone.
    ///
    /// # Errors
    /// When a part is missing, damaged, or of another artifact.
    pub fn load(folder: &Path) -> Result<(Self, Manifest)> {
        let manifest = Manifest::read_from_folder(folder, KIND)
            .map_err(|e| e.hint("--environment must be a folder that `simulator fit` wrote"))?;
        manifest.require_files(&[ITEMS_FILE, USERS_FILE, MODEL_FILE], folder)?;
        let items = items::read_ids(&folder.join(ITEMS_FILE))?;
        let users = users::read_ids(&folder.join(USERS_FILE))?;
        let mut tensors = Tensors::open(&folder.join(MODEL_FILE))?;
        let (n_users, n_items) = (users.len(), items.len());
        if n_users == 0 {
            return Err(tensors.bad("the environment has no user"));
        }
        let user_bias = tensors.numbers("user_bias", Some(n_users))?;
        let user_vector = tensors.numbers("user_vector", None)?;
        let rank = user_vector.len() / n_users;
        if rank * n_users != user_vector.len() {
            return Err(tensors.bad("tensor user_vector has no whole rows"));
        }
        let (x, y) = (
            tensors.numbers("calibration_x", None)?,
            tensors.numbers("calibration_y", None)?,
        );
        let slope = tensors.numbers("calibration_slope", Some(1))?[0];
        if x.is_empty() || x.len() != y.len() || !x.is_sorted() || !y.is_sorted() {
            return Err(tensors.bad("tensors calibration_x and calibration_y make no increasing map"));
        }
        let offsets = tensors.values("consumed_offset", Some(n_users + 1))?;
        let consumed = SparseRows::from_parts(offsets, tensors.values("consumed_item", None)?, n_items)
            .ok_or_else(|| {
                tensors.bad("tensors consumed_offset and consumed_item make no rows of sorted items")
            })?;
        let popularity = tensors.values("popularity", Some(n_items))?;
        let mean_ratings = match tensors.has(MEAN_RATINGS) {
            true => tensors.numbers(MEAN_RATINGS, Some(2))?.first_chunk().copied(),
            false => None,
        };
        let model = UserModel {
            rank,
            user_vector,
            user_bias,
            item_vector: tensors.numbers("item_vector", Some(n_items * rank))?,
            item_bias: tensors.numbers("item_bias", Some(n_items))?,
            calibration: Calibration {
                slope,
                knots: x.into_iter().zip(y).collect(),
            },
        };
        let environment = Environment {
            name: dataset_name(Some(&manifest)),
            seed: manifest.seed.unwrap_or_default(),
            users,
            items,
            model,
            consumed,
            popularity,
            mean_ratings,
            ratings: None,
        };
        Ok((environment, manifest))
    }

    fn write_model(&self, path: &Path) -> Result<()> {
        let model = &self.model;
        let (x, y): (Vec<f32>, Vec<f32>) = model.calibration.knots.iter().copied().unzip();
        let (users, items, rank) = (model.users(), model.items(), model.rank);
        let mut tensors = vec![
            Tensor::new("user_vector", &[users, rank], &model.user_vector),
            Tensor::row("user_bias", &model.user_bias),
            Tensor::new("item_vector", &[items, rank], &model.item_vector),
            Tensor::row("item_bias", &model.item_bias),
            Tensor::row(
                "calibration_slope",
                std::slice::from_ref(&model.calibration.slope),
            ),
            Tensor::row("calibration_x", &x),
            Tensor::row("calibration_y", &y),
            Tensor::row("consumed_offset", self.consumed.offsets()),
            Tensor::row("consumed_item", self.consumed.values()),
            Tensor::row("popularity", &self.popularity),
        ];
        tensors.extend(
            self.mean_ratings
                .as_ref()
                .map(|means| Tensor::row(MEAN_RATINGS, means)),
        );
        tensors::write(path, &[], tensors)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::small;
    use super::*;

    fn saved(folder: &Path) -> Environment {
        let environment = Environment {
            mean_ratings: Some([1.5, 4.25]),
            ..small()
        };
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
        assert_eq!(loaded.mean_ratings, environment.mean_ratings);
        assert!(loaded.users.ids().eq(environment.users.ids()));
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
    fn a_model_that_fits_its_manifest_and_not_its_users_is_bad_data_with_the_tensor() {
        let folder = tempfile::tempdir().unwrap();
        saved(folder.path());
        let path = folder.path().join(MODEL_FILE);
        let whole = std::fs::read(&path).unwrap();
        let change = |damage: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = whole.clone();
            damage(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            let json = std::fs::read_to_string(folder.path().join("manifest.json")).unwrap();
            let mut manifest = Manifest::from_json(&json, &path).unwrap();
            let print = Fingerprint::of_file(&path).unwrap();
            manifest.files.insert(MODEL_FILE.to_string(), print);
            manifest.write_to_folder(folder.path()).unwrap();
            let error = Environment::load(folder.path()).unwrap_err();
            assert_eq!(error.class().code(), 42);
            error.to_string()
        };
        let error = change(&|bytes| bytes.truncate(bytes.len() - 2));
        assert!(
            error.contains("is cut short") && error.contains("tensor"),
            "{error}"
        );
        let rename = |from: &'static str, to: &'static str| {
            move |bytes: &mut Vec<u8>| {
                let at = bytes.windows(from.len()).position(|w| w == from.as_bytes());
                let at = at.unwrap();
                bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
            }
        };
        let error = change(&rename("item_bias", "item_bia_"));
        assert!(error.contains("no tensor item_bias"), "{error}");
        // The first offset, which must be 0, is the first of the 64-bit words after the header.
        let error = change(&|bytes| {
            let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
            bytes[8 + header] = 1;
        });
        assert!(error.contains("consumed_offset"), "{error}");
    }

    #[test]
    fn no_environment_is_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let error = Environment::load(folder.path()).unwrap_err();
        assert!(error.to_string().contains("simulator fit"), "{error}");
    }
}
