//! The policy artifact: a folder with `manifest.json`, `weights.safetensors`, `items.parquet`, `users.parquet`.
//!
//! `pretrain` writes it, `online` serves and adapts it. The manifest is written last: a folder without one, or
//! with a file that is not what the manifest says, is refused.

mod catalogue;
mod network;
mod weights;

pub use catalogue::{PolicyItems, PolicyUsers};
pub use network::{Encoder, NORM_EPSILON, NetworkConfig, Shape};
pub use weights::Weights;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::ids::{Dictionary, IdKind};
use crate::manifest::Manifest;
use crate::schema::interactions::{ITEM_ID, USER_ID};
use crate::schema::{metrics, stream};
use crate::{Error, Result, folder};

/// Artifact kind.
pub const POLICY: &str = "policy";
/// The files of the folder, and that of the curve beside them.
pub const FILES: [&str; 4] = [WEIGHTS_FILE, ITEMS_FILE, USERS_FILE, metrics::FILE_NAME];
const WEIGHTS_FILE: &str = "weights.safetensors";
const ITEMS_FILE: &str = "items.parquet";
const USERS_FILE: &str = "users.parquet";

/// What a policy needs to know besides its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyConfig {
    /// Shapes of the network.
    pub network: NetworkConfig,
    /// The method that trained it (`bc`, `ialp`).
    pub method: String,
    /// Where its item traits came from (`profile`, `shuffled`, `none`).
    pub traits: String,
    /// Discount per step.
    pub gamma: f32,
    /// What its logits say of likes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likes: Option<LikeModel>,
    /// All hyper-parameters of the training run.
    pub training: serde_json::Value,
}

/// The probability that a user in a state likes an item, from the policy's logit l:
/// 1 / (1 + exp(-(intercept + slope l - centre))). As the policy samples from softmax(l), the slope is its temperature: how
/// much flatter likes are than choices. The centre is where slope l lies for what the policy shows, so that the intercept is
/// the log-odds of that being liked, and errors of the two do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikeModel {
    /// In nats.
    pub intercept: f32,
    /// Above 0.
    pub slope: f32,
    /// In nats.
    #[serde(default)]
    pub centre: f32,
}

/// A policy in memory.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it is and what it was made from.
    pub manifest: Manifest,
    /// Shapes and method.
    pub config: PolicyConfig,
    /// The network's tensors.
    pub weights: Weights,
    /// The catalogue: row i is action i.
    pub items: PolicyItems,
    /// The users known when it was trained.
    pub users: PolicyUsers,
}

impl Policy {
    /// The same policy at another temperature: its logits divided by `temperature` (above 0). What it says of likes stays.
    pub fn at_temperature(mut self, temperature: f32) -> Self {
        for log in &mut self.weights.log_temperature {
            *log -= temperature.ln();
        }
        for bias in &mut self.weights.item_bias {
            *bias /= temperature;
        }
        if let Some(likes) = &mut self.config.likes {
            likes.slope *= temperature;
        }
        self
    }

    /// Writes the folder in one step, see [`folder`]; one that stands there is replaced.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn save(&self, out: &Path) -> Result<()> {
        folder::Staged::begin(out, &FILES)?.write(|folder| self.write_to(folder, |write| write(&self.users)))
    }

    /// Writes the files into `folder`, which is being made; the manifest (with the configuration and the files'
    /// fingerprints) last. The users are those that `fill` hands to its argument in pieces, each with a dictionary of its
    /// own users, in place of [`Policy::users`], whose ids tell the type of all.
    ///
    /// # Errors
    /// On I/O failure, and those of `fill`.
    pub fn write_to(
        &self,
        folder: &Path,
        fill: impl FnOnce(&mut dyn FnMut(&PolicyUsers) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let mut manifest = self.manifest.clone().config(&self.config)?;
        manifest.files.clear();
        self.weights
            .write(&folder.join(WEIGHTS_FILE), &self.config.network)?;
        self.items.write(&folder.join(ITEMS_FILE), &manifest)?;
        let users_file = folder.join(USERS_FILE);
        let remembers = self.config.network.memory() > 0;
        PolicyUsers::write_pieces(&users_file, &manifest, self.users.ids.kind(), remembers, fill)?;
        for name in [WEIGHTS_FILE, ITEMS_FILE, USERS_FILE] {
            manifest
                .files
                .insert(name.to_string(), Fingerprint::of_file(&folder.join(name))?);
        }
        manifest.write_to_folder(folder)
    }

    /// Reads and checks the folder.
    ///
    /// # Errors
    /// When it is missing, not whole, damaged, of another version, or its parts do not fit each other.
    pub fn load(folder: &Path) -> Result<Self> {
        let manifest = Manifest::read_from_folder(folder, POLICY)?;
        manifest.require_files(&[WEIGHTS_FILE, ITEMS_FILE, USERS_FILE], folder)?;
        let config: PolicyConfig = serde_json::from_value(manifest.config.clone()).map_err(|e| {
            Error::data(format!("the manifest's configuration is not a policy's: {e}")).file(folder)
        })?;
        let unfit =
            |error: Error| Error::data(format!("the manifest describes {}", error.what())).file(folder);
        config.network.check().map_err(unfit)?;
        let items = PolicyItems::read(&folder.join(ITEMS_FILE), &config.network)?;
        let users = PolicyUsers::read(&folder.join(USERS_FILE), &config.network)?;
        let weights = Weights::read(&folder.join(WEIGHTS_FILE), &config.network)?;
        if items.ids.len() != config.network.items {
            return Err(Error::data(format!(
                "the catalogue has {} items, but the network is made for {}",
                items.ids.len(),
                config.network.items
            ))
            .file(folder.join(ITEMS_FILE)));
        }
        Ok(Policy {
            manifest,
            config,
            weights,
            items,
            users,
        })
    }

    /// The ids of a policy's items, by code, and the type of its users' ids: without its weights and its users.
    ///
    /// # Errors
    /// When its tables are missing or damaged.
    pub fn ids(folder: &Path) -> Result<(Dictionary, IdKind)> {
        let items = stream::unique_ids(&folder.join(ITEMS_FILE), ITEM_ID, &[POLICY])?;
        let users = stream::kind_of_ids(&folder.join(USERS_FILE), USER_ID)?;
        Ok((items, users))
    }

    /// The fingerprint of the policy as it stands in `folder`.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn fingerprint(folder: &Path) -> Result<Fingerprint> {
        Fingerprint::of_file(&folder.join(crate::manifest::FILE_NAME))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Float32Array;

    use super::*;
    use crate::schema::column::{id_array, number_list_array};
    use crate::schema::write;

    fn policy() -> Policy {
        let network = NetworkConfig {
            items: 3,
            dims: 4,
            hidden: 5,
            traits: 2,
            window: 10,
            ..NetworkConfig::default()
        };
        let ids = |values: &[&str]| {
            Dictionary::from_values(IdKind::Text, values.iter().map(ToString::to_string)).unwrap()
        };
        Policy {
            manifest: Manifest::new(POLICY, "pretrain train").seed(3),
            config: PolicyConfig {
                network: network.clone(),
                method: "bc".into(),
                traits: "profile".into(),
                gamma: 0.9,
                likes: None,
                training: serde_json::json!({ "steps": 1 }),
            },
            weights: Weights::init(&network, 3),
            items: PolicyItems {
                ids: ids(&["a", "b", "c"]),
                popularity: vec![1.0, 2.0, 3.0],
                traits: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            },
            users: PolicyUsers {
                ids: ids(&["u", "v"]),
                history: vec![vec![(0, 1.0), (2, -1.0)], vec![]],
                traits: vec![0.5, -0.5, 0.0, 0.0],
                consumed: vec![vec![0, 2], vec![]],
                memory: Vec::new(),
                answered: Vec::new(),
            },
        }
    }

    #[test]
    fn a_policy_comes_back_as_saved_and_saving_is_deterministic() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        policy().save(one.path()).unwrap();
        policy().save(two.path()).unwrap();
        for name in [WEIGHTS_FILE, ITEMS_FILE, USERS_FILE, crate::manifest::FILE_NAME] {
            let read = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
            assert_eq!(read(one.path()), read(two.path()), "{name}");
        }
        let loaded = Policy::load(one.path()).unwrap();
        assert_eq!(loaded.weights, policy().weights);
        assert_eq!(loaded.users.history, policy().users.history);
        assert_eq!(loaded.users.consumed, policy().users.consumed);
        assert_eq!(loaded.items.popularity, policy().items.popularity);
        assert_eq!(loaded.config, policy().config);
        let (items, users) = Policy::ids(one.path()).unwrap();
        assert!(items.ids().eq(["a", "b", "c"]) && users == IdKind::Text);
    }

    #[test]
    fn what_a_memory_holds_comes_back_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut remembering = policy();
        remembering.config.network.encoder = Encoder::History;
        remembering.weights = Weights::init(&remembering.config.network, 3);
        let width = remembering.config.network.memory();
        // A memory of zeros, one that is mostly zeros, and full ones.
        let thin = |at: usize| if at == 1 { 2.5 } else { 0.0 };
        for memory in [
            vec![0.0; 2 * width],
            (0..2 * width).map(thin).collect(),
            (0..2 * width).map(|at| at as f32).collect(),
        ] {
            remembering.users.memory = memory;
            remembering.save(folder.path()).unwrap();
            let loaded = Policy::load(folder.path()).unwrap().users;
            assert_eq!(loaded.memory, remembering.users.memory);
        }
        for answered in [vec![vec![1, 2], vec![]], vec![]] {
            remembering.users.answered = answered.clone();
            remembering.save(folder.path()).unwrap();
            let loaded = Policy::load(folder.path()).unwrap().users;
            assert_eq!(loaded.memory, remembering.users.memory);
            let mut padded = answered;
            padded.resize(2, vec![]);
            assert_eq!(loaded.answered, padded);
        }
        remembering.users.answered = vec![vec![7], vec![]];
        remembering.save(folder.path()).unwrap();
        let error = Policy::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains('7') && error.contains("answered"), "{error}");
    }

    #[test]
    fn a_truncated_file_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        policy().save(folder.path()).unwrap();
        let path = folder.path().join(WEIGHTS_FILE);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = Policy::load(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains(WEIGHTS_FILE) && error.contains("cut short"),
            "{error}"
        );
    }

    #[test]
    fn rows_of_other_widths_are_refused_though_their_sum_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let made = policy();
        made.save(folder.path()).unwrap();
        let traits = [vec![0.0], vec![1.0, 2.0, 3.0], vec![4.0, 5.0]];
        let columns = vec![
            ("item_id", id_array(&made.items.ids, 0..3).unwrap(), false),
            (
                "popularity",
                Arc::new(Float32Array::from(vec![1.0; 3])) as _,
                false,
            ),
            ("traits", number_list_array(&traits), false),
        ];
        let path = folder.path().join(ITEMS_FILE);
        write::write(&path, &made.manifest, &[], columns).unwrap();
        let error = Policy::load(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains(ITEMS_FILE) && error.contains("not what the manifest says"),
            "{error}"
        );
        let text = std::fs::read_to_string(folder.path().join(crate::manifest::FILE_NAME)).unwrap();
        let mut listed = Manifest::from_json(&text, folder.path()).unwrap();
        let print = Fingerprint::of_file(&path).unwrap();
        listed.files.insert(ITEMS_FILE.into(), print);
        listed.write_to_folder(folder.path()).unwrap();
        let error = Policy::load(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("1 numbers, not 2") && error.contains("column traits, row group 0, row 0"),
            "{error}"
        );
        // A manifest that does not list a file says nothing of its content.
        listed.files.remove(WEIGHTS_FILE);
        listed.write_to_folder(folder.path()).unwrap();
        let error = Policy::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no fingerprint of weights"), "{error}");
    }

    #[test]
    fn a_history_outside_the_catalogue_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut bad = policy();
        bad.users.history[0][0].0 = 99;
        bad.save(folder.path()).unwrap();
        let error = Policy::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("99") && error.contains("users.parquet"), "{error}");
    }
}
