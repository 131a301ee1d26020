//! Items that are retired, restored and added while the service runs, in memory and on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use common::policy_artifact::Policy;
use common::{Error, Result, atomic_file, folder};
use serde::{Deserialize, Serialize};

use super::durable::Durable;
use super::missing;
use super::state_folder::StateFolder;
use super::take_over::meanwhile;
use crate::live::{NewItem, extended};

/// What a state folder keeps of items beside its policies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Items {
    /// The ids of items that are not recommended.
    pub retired: BTreeSet<String>,
    /// Items that were added, and their categories.
    pub added: BTreeMap<String, Vec<String>>,
}

/// How items are to change.
#[derive(Debug, Clone, Default)]
pub struct ItemChanges {
    /// Ids of items that are not to be recommended from now on.
    pub retire: Vec<String>,
    /// Ids of items that may be recommended again.
    pub restore: Vec<String>,
    /// New items.
    pub add: Vec<NewItem>,
}

impl StateFolder {
    fn items_path(&self) -> PathBuf {
        self.root().join("items.json")
    }

    /// What is kept of items.
    ///
    /// # Errors
    /// A file that is damaged.
    pub fn items(&self) -> Result<Items> {
        let path = self.items_path();
        let Some(bytes) = missing::read(&path)? else {
            // Nothing was changed yet.
            return Ok(Items::default());
        };
        serde_json::from_slice(&bytes).map_err(|e| {
            Error::data(format!("the file cannot be read: {e}"))
                .file(&path)
                .hint("bring it back from a backup; without it no item is retired")
        })
    }
}

impl Durable {
    /// The categories of items that were added, by id.
    ///
    /// # Errors
    /// As [`StateFolder::items`].
    pub fn added(&self) -> Result<BTreeMap<String, Vec<String>>> {
        Ok(self.folder.items()?.added)
    }

    /// Changes items, on disk too when this returns; how many were new to the reference. `categories` are those of items, by id.
    ///
    /// A new item makes another policy of each arm's, which takes over at once: decisions that wait then move their users and
    /// teach nothing. Blocks.
    ///
    /// # Errors
    /// An id to retire or to restore that no arm has, an empty id; a journal or disk that takes nothing more.
    pub fn change_items(
        &self,
        changes: &ItemChanges,
        categories: &BTreeMap<String, Vec<String>>,
    ) -> Result<usize> {
        let one = self.changing_items.lock().unwrap_or_else(PoisonError::into_inner);
        let mut items = self.folder.items()?;
        if changes.add.iter().any(|item| item.id.is_empty()) {
            return Err(Error::usage("an item's id is empty"));
        }
        let added = |id: &String| changes.add.iter().any(|item| item.id == *id);
        let known = self.read()?;
        // What is retired may have left the catalogue, and be called back before a policy has it again.
        let unknown = |id: &&String| !known.has_item(id) && !added(id) && !items.retired.contains(*id);
        if let Some(id) = changes.retire.iter().chain(&changes.restore).find(unknown) {
            return Err(Error::usage(format!("`{id}` is in no policy's catalogue")));
        }
        let kind = known.items().kind();
        if let Some(item) = changes.add.iter().find(|item| !kind.holds(&item.id)) {
            return Err(
                Error::usage(format!("`{}` is not an id of the catalogue's kind", item.id))
                    .hint("the catalogue's ids are integers"),
            );
        }
        drop(known);
        for item in &changes.add {
            items.added.insert(item.id.clone(), item.categories.clone());
        }
        items.retired.extend(changes.retire.iter().cloned());
        for id in &changes.restore {
            items.retired.remove(id);
        }
        let bytes = serde_json::to_vec(&items).map_err(|e| Error::data(format!("items: {e}")))?;
        atomic_file::write_bytes(&self.folder.items_path(), &bytes)?;
        self.write()?.retire(&Arc::new(items.retired.clone()));
        let before = self.read()?.items().len();
        if !changes.add.is_empty() {
            let mut all = categories.clone();
            all.extend(items.added);
            let arms: Vec<u16> = self.read()?.numbers().collect();
            for arm in arms {
                self.extend(arm, &changes.add, &all)?;
            }
        }
        drop(one);
        Ok(self.read()?.items().len() - before)
    }

    /// Lets a policy with the new items take over in an arm that lacks one.
    fn extend(&self, arm: u16, new: &[NewItem], categories: &BTreeMap<String, Vec<String>>) -> Result<()> {
        let epoch = {
            let arms = self.read()?;
            arms.state(arm).ok_or_else(meanwhile)?.epoch()
        };
        let policy = Policy::load(&self.folder.policy(arm, epoch))?;
        let Some(policy) = extended(policy, new, categories) else {
            return Ok(());
        };
        let scratch = folder::scratch()?;
        let path = scratch.path().join("policy");
        policy.save(&path)?;
        self.swap(arm, &path).map(drop)
    }
}
