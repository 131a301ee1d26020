//! A log over a large catalogue, made up from a seed.

use std::path::Path;

use common::Result;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::rng::{RngExt, stream};
use common::schema::interactions::{self, Feedback, Interactions, LOG};
use common::schema::items::{self, ITEMS, Items};

const TOOL: &str = "pretrain bench";
/// Interactions of a user.
const LENGTH: usize = 20;
/// Items of a piece of the catalogue.
const PIECE: u32 = 65_536;

/// Writes a log of `users` users with 20 clicks each on some of `items` items to `folder`. The probability of an item falls
/// with its number, as a cube: few are popular and most are rare.
pub(super) fn write(folder: &Path, users: u32, items: u32, seed: u64) -> Result<()> {
    let ids = || Dictionary::new(IdKind::Integer);
    let mut log = Interactions::new(ids(), ids(), Feedback::CLICKS);
    for user in 0..users {
        let mut rng = stream(seed, "bench/user", &[u64::from(user)]);
        let code = log.users.intern(&user.to_string());
        let mut chosen: Vec<u32> = Vec::new();
        while chosen.len() < LENGTH.min(items as usize / 2) {
            let item = (f64::from(items) * rng.random::<f64>().powi(3)) as u32;
            if !chosen.contains(&item) {
                chosen.push(item);
            }
        }
        for (at, item) in chosen.into_iter().enumerate() {
            let item = log.items.intern(&item.to_string());
            log.push(code, item, at as i64, 1.0, None);
        }
    }
    let manifest = |artifact: &str| Manifest::new(artifact, TOOL).seed(seed);
    interactions::write(&folder.join("interactions.parquet"), &manifest(LOG), &log)?;
    let path = folder.join("items.parquet");
    items::write_pieces(&path, &manifest(ITEMS), IdKind::Integer, |write| {
        for first in (0..items).step_by(PIECE as usize) {
            let mut piece = Items {
                ids: Dictionary::new(IdKind::Integer),
                ..Items::default()
            };
            for item in first..items.min(first.saturating_add(PIECE)) {
                piece.ids.intern(&item.to_string());
                piece.title.push(format!("Item {item}"));
                piece.text.push(None);
                piece.categories.push(Vec::new());
            }
            write(&piece)?;
        }
        Ok(())
    })
}
