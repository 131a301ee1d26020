//! What the adapter takes over into a new policy.
//!
//! b_j is a number in the logit and means the same whatever the embeddings: it goes with its item. A, d_j, v and what is
//! known of states live in the spaces of the embeddings and of the encoder: they are taken over where the new policy
//! shares them, else they start anew. The gate and the drift test always do: both compare with the prior, which is another.

use common::Result;

use super::super::{Carried, saved};
use super::state::Saved;
use super::{Adapter, Drift, Optimiser};

impl Adapter {
    pub(super) fn carry(&mut self, from: &[u8], map: &[Option<u32>], kin: bool) -> Result<Carried> {
        let mut old: Saved = saved::unpack(from)?;
        let config = self.network.config();
        let (dims, hidden) = (config.dims, config.hidden);
        let old_dims = old
            .rows
            .len()
            .checked_div(old.items.len())
            .unwrap_or(dims + 1)
            .max(1)
            - 1;
        let old_hidden = old.value.len().max(1) - 1;
        old.check(map.len(), old_dims, old_hidden)?;
        let kin = kin && old_dims == dims && old_hidden == hidden;
        let mut carried = Carried::default();

        let mut mixer = self.mixer.clone();
        if kin && mixer.carry(&old.mixer, kin)? {
            carried.kept.push("mixing");
        } else {
            carried.dropped.push("mixing");
        }

        let (mut items, mut rows) = (Vec::new(), Vec::new());
        for (item, row) in old.items.iter().zip(old.rows.chunks_exact(old_dims + 1)) {
            let Some(new) = map[*item as usize] else {
                continue;
            };
            items.push(new);
            if kin {
                rows.extend_from_slice(&row[..dims]);
            } else {
                rows.resize(rows.len() + dims, 0.0);
            }
            rows.push(row[old_dims]);
        }
        carried.items = items.len();
        carried.kept.push("item biases");
        let shared = ["query", "item vectors", "value"];
        if kin {
            carried.kept.extend(shared);
        } else {
            carried.dropped.extend(shared);
            old.bend = vec![0.0; dims * dims];
            old.value = vec![0.0; hidden + 1];
            old.optimiser = Optimiser::default();
        }
        (old.items, old.rows) = (items, rows);
        old.drift = Drift::default();
        self.take(old);
        self.mixer = mixer;
        Ok(carried)
    }
}
