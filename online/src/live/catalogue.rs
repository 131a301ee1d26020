//! What the policy that acts knew when it was trained, and how it is found again in the next one.

use std::sync::Arc;

use common::ids::Dictionary;
use common::policy_artifact::{Policy, PolicyItems};
use common::stats::cosine;

use super::known::Known;

/// Embeddings that are kept to compare two policies by.
const KEPT: usize = 4_096;
/// Mean cosine from which two policies' embeddings are taken to share their space.
const KIN: f64 = 0.9;

/// The items' ids, their likes, a sample of their embeddings, and the users.
#[derive(Debug, Clone)]
pub struct Catalogue {
    ids: Dictionary,
    likes: Vec<f32>,
    embeddings: Sample,
    users: Arc<Known>,
}

/// The embeddings of every n-th item.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    every: usize,
    dims: usize,
    rows: Vec<f32>,
}

/// How two policies belong together.
#[derive(Debug, Clone)]
pub(super) struct Succession {
    /// By the old code: the new one, where the item is still there.
    pub map: Vec<Option<u32>>,
    /// Items of both.
    pub shared: usize,
    /// Whether their embeddings share a space.
    pub same_space: bool,
    /// Users of the old one's table who are not in the new one's.
    pub forgotten: usize,
}

impl Sample {
    /// Of `[items, dims]` embeddings.
    pub(super) fn new(embeddings: &[f32], dims: usize) -> Self {
        let every = (embeddings.len() / dims).div_ceil(KEPT).max(1);
        let rows = embeddings.chunks_exact(dims).step_by(every);
        Sample {
            every,
            dims,
            rows: rows.flatten().copied().collect(),
        }
    }

    /// Whether the embeddings of `next` share their space with these; `map` gives the new codes.
    fn is_kin(&self, next: &Policy, map: &[Option<u32>]) -> bool {
        let dims = self.dims;
        if next.config.network.dims != dims {
            return false;
        }
        let theirs = |code: u32| &next.weights.item_embedding[code as usize * dims..][..dims];
        let ours = self.rows.chunks_exact(dims);
        let cosines: Vec<f64> = ours
            .zip(map.iter().step_by(self.every))
            .filter_map(|(ours, code)| Some(cosine(ours, theirs((*code)?))))
            .collect();
        !cosines.is_empty() && cosines.iter().sum::<f64>() / cosines.len() as f64 >= KIN
    }
}

impl Catalogue {
    /// The items of a policy, a sample of their embeddings, and its users.
    pub(super) fn new(items: PolicyItems, embeddings: Sample, users: Arc<Known>) -> Self {
        Catalogue {
            users,
            ids: items.ids,
            likes: items.popularity,
            embeddings,
        }
    }

    /// The ids; an item's code is its place.
    pub fn ids(&self) -> &Dictionary {
        &self.ids
    }

    /// How often each item was liked in the log.
    pub fn likes(&self) -> &[f32] {
        &self.likes
    }

    /// Finds items and users again in `next`.
    pub(super) fn succession(&self, next: &Policy) -> Succession {
        let map: Vec<Option<u32>> = self.ids.ids().map(|id| next.items.ids.code(id)).collect();
        let kept = |id: &&str| next.users.ids.code(id).is_some();
        Succession {
            forgotten: self.users.ids().ids().filter(|id| !kept(id)).count(),
            shared: map.iter().flatten().count(),
            same_space: self.embeddings.is_kin(next, &map),
            map,
        }
    }
}
