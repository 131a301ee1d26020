//! A log's interactions, dealt into folds.

use std::path::Path;

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::rng;
use common::schema::consumed::{self, CONSUMED, Consumed};
use common::schema::interactions::{self, Interactions, LOG as LOG_KIND};
use common::schema::items::{self, ITEMS, Items};
use common::{Error, Result};

use super::{ForecastConfig, TOOL};

/// Below a fold's folder: what is learnt from.
pub(super) const LOG: &str = "log";
pub(super) const ITEMS_FILE: &str = "items.parquet";
/// What is held out.
pub(super) const HELD_OUT: &str = "held-out.parquet";

/// Likes of a fold, at least.
const LEAST_LIKES: usize = 10;

/// Which fold each interaction belongs to.
pub(super) struct Folds<'a> {
    log: &'a Interactions,
    items: Items,
    consumed: Option<Consumed>,
    /// Rows of the users that are asked about, and the fold of each.
    fold: Vec<(usize, usize)>,
    users: usize,
    likes: usize,
}

impl<'a> Folds<'a> {
    /// Deals the interactions of `config.users` of the users in an order that the seed draws.
    ///
    /// # Errors
    /// A log with too few likes; a catalogue or consumed items that cannot be read.
    pub(super) fn deal(log: &'a Interactions, config: &ForecastConfig) -> Result<Self> {
        let mut users: Vec<u32> = (0..log.users.len() as u32).collect();
        rng::shuffle(&mut rng::stream(config.seed, "forecast: users", &[]), &mut users);
        if config.users > 0 {
            users.truncate(config.users);
        }
        let mut asked = vec![false; log.users.len()];
        users.iter().for_each(|&user| asked[user as usize] = true);
        let mut rows: Vec<usize> = (0..log.user.len())
            .filter(|&row| asked[log.user[row] as usize])
            .collect();
        let likes = rows
            .iter()
            .filter(|&&row| log.kind.is_like(log.feedback[row]))
            .count();
        if likes < LEAST_LIKES * config.folds {
            return Err(Error::data(format!(
                "the log has {likes} likes, too few to deal into {} folds of at least {LEAST_LIKES}",
                config.folds
            ))
            .file(config.inputs.interactions())
            .hint("on so short a log nothing can be told beforehand; the policy weighs the traits by itself as it grows"));
        }
        rng::shuffle(&mut rng::stream(config.seed, "forecast: folds", &[]), &mut rows);
        let mut fold: Vec<(usize, usize)> = rows
            .into_iter()
            .enumerate()
            .map(|(at, row)| (row, at % config.folds))
            .collect();
        fold.sort_unstable();
        let items = match config.inputs.catalogue() {
            Some(path) => items::read(&path)?,
            None => bare(&log.items)?,
        };
        let consumed = config.inputs.consumed().as_deref().map(consumed::read);
        Ok(Folds {
            log,
            items,
            consumed: consumed.transpose()?,
            fold,
            users: users.len(),
            likes,
        })
    }

    /// How many users are asked about.
    pub(super) fn users(&self) -> usize {
        self.users
    }

    /// How many likes they have.
    pub(super) fn likes(&self) -> usize {
        self.likes
    }

    /// The interactions of the folds that `of` wants, in the log's order.
    fn part(&self, of: impl Fn(usize) -> bool) -> Interactions {
        let log = self.log;
        let mut part = Interactions::new(log.users.clone(), log.items.clone(), log.kind);
        for &(row, _) in self.fold.iter().filter(|(_, fold)| of(*fold)) {
            let (user, item) = (log.user[row], log.item[row]);
            part.push(
                user,
                item,
                log.timestamp[row],
                log.feedback[row],
                log.propensity[row],
            );
        }
        part
    }

    /// Writes the log without `fold`, the catalogue, and the fold.
    pub(super) fn write(&self, fold: usize, place: &Path, seed: u64) -> Result<()> {
        let manifest = |kind: &str| Manifest::new(kind, TOOL).seed(seed);
        let folder = place.join(LOG);
        std::fs::create_dir_all(&folder).map_err(|e| Error::io(e, "make", &folder))?;
        interactions::write(
            &folder.join("interactions.parquet"),
            &manifest(LOG_KIND),
            &self.part(|of| of != fold),
        )?;
        interactions::write(
            &place.join(HELD_OUT),
            &manifest(LOG_KIND),
            &self.part(|of| of == fold),
        )?;
        items::write(&folder.join(ITEMS_FILE), &manifest(ITEMS), &self.items)?;
        match &self.consumed {
            Some(consumed) => {
                consumed::write(&folder.join("consumed.parquet"), &manifest(CONSUMED), consumed)
            }
            None => Ok(()),
        }
    }
}

/// Items of which nothing is known but their ids.
fn bare(ids: &Dictionary) -> Result<Items> {
    let kind: IdKind = ids.kind();
    let copy = Dictionary::from_values(kind, ids.ids().map(String::from));
    Ok(Items {
        ids: copy.map_err(|id| Error::data(format!("the item `{id}` appears twice")))?,
        title: vec![String::new(); ids.len()],
        text: vec![None; ids.len()],
        categories: vec![Vec::new(); ids.len()],
    })
}
