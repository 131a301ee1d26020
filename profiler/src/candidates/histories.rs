//! All of a log, by user and in time, as codes of the catalogue.

use std::path::Path;

use common::schema::interactions::{FEEDBACK, ITEM_ID, TIMESTAMP, USER_ID};
use common::schema::items::Items;
use common::schema::states::States;
use common::{Error, Result};
use polars::prelude::*;

use crate::states::{self, log as scan};

const STATE: &str = "__state";
const ITEM: &str = "__item";
const LIKED: &str = "__liked";
const ROW: &str = "__row";

/// What one user did, in the order of time, ties in the order of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Codes in the catalogue; none of an item that it lacks.
    pub items: Vec<Option<u32>>,
    /// Whether each was liked.
    pub liked: Vec<bool>,
}

impl History {
    /// The places of the last `per_user` likes, in the order of time.
    pub fn held_out(&self, per_user: usize) -> Vec<usize> {
        let likes = (0..self.liked.len()).filter(|&at| self.liked[at]);
        let mut last: Vec<usize> = likes.rev().take(per_user).collect();
        last.reverse();
        last
    }
}

/// The histories of all users of some states.
#[derive(Clone, Debug, Default)]
pub struct Histories {
    rows: Vec<History>,
    items: usize,
}

impl Histories {
    /// From histories in the order of the states, over a catalogue of `items` items.
    pub fn new(rows: Vec<History>, items: usize) -> Self {
        Histories { rows, items }
    }

    /// Reads the log (a Parquet file, a folder of them, or a glob) that `states` were made from; feedback from
    /// `like_threshold` on is a like. Kept of a row are user, item, time and like, in some twenty bytes.
    ///
    /// # Errors
    /// When the log is missing, damaged, lacks a column, or has nothing of these users and items.
    pub fn read(log: &Path, like_threshold: f32, catalogue: &Items, states: &States) -> Result<Self> {
        let files = states::sources::files(log)?;
        let failed = |e: PolarsError| scan::polars_error(&e, &files[0]);
        let parts = files.iter().map(|file| {
            states::check::columns(file)?;
            Ok(scan::lazy(file)?.select([
                scan::typed(USER_ID),
                scan::typed(ITEM_ID),
                scan::typed(TIMESTAMP),
                scan::typed(FEEDBACK).gt_eq(lit(like_threshold)).alias(LIKED),
            ]))
        });
        let parts = parts.collect::<Result<Vec<LazyFrame>>>()?;
        let in_time = |column: &str| col(column).sort_by([TIMESTAMP, ROW], SortMultipleOptions::default());
        let frame = concat(parts, UnionArgs::default())
            .map_err(failed)?
            .with_row_index(ROW, None)
            .join(
                codes(USER_ID, STATE, states.users.ids()).map_err(failed)?,
                [col(USER_ID)],
                [col(USER_ID)],
                JoinType::Inner.into(),
            )
            .join(
                codes(ITEM_ID, ITEM, catalogue.ids.ids()).map_err(failed)?,
                [col(ITEM_ID)],
                [col(ITEM_ID)],
                JoinType::Left.into(),
            )
            .group_by([col(STATE)])
            .agg([in_time(ITEM), in_time(LIKED)])
            .collect()
            .map_err(failed)?;
        let mut rows = vec![History::default(); states.users.len()];
        fill(&mut rows, &frame).map_err(failed)?;
        if rows
            .iter()
            .all(|history| history.items.iter().flatten().next().is_none())
        {
            return Err(
                Error::usage("the log has nothing of these users with items of this catalogue")
                    .file(log)
                    .hint("log, states and items must come from the same data"),
            );
        }
        Ok(Histories::new(rows, catalogue.ids.len()))
    }

    /// In the order of the states.
    pub fn rows(&self) -> &[History] {
        &self.rows
    }

    /// How many likes each item of the catalogue has, the last `per_user` of every user not counted.
    pub fn popularity(&self, per_user: usize) -> Vec<u32> {
        let mut likes = vec![0; self.items];
        for history in &self.rows {
            let held_out = history.held_out(per_user);
            let liked = (0..history.items.len()).filter(|&at| history.liked[at]);
            for item in liked
                .filter(|at| !held_out.contains(at))
                .filter_map(|at| history.items[at])
            {
                likes[item as usize] += 1;
            }
        }
        likes
    }
}

/// A table from ids to their places.
fn codes<'a>(id: &str, code: &str, ids: impl Iterator<Item = &'a str>) -> PolarsResult<LazyFrame> {
    let ids: Vec<&str> = ids.collect();
    let places: Vec<u32> = (0..ids.len() as u32).collect();
    let columns = vec![Column::new(id.into(), ids), Column::new(code.into(), places)];
    Ok(DataFrame::new_infer_height(columns)?.lazy())
}

fn fill(rows: &mut [History], frame: &DataFrame) -> PolarsResult<()> {
    let states = frame.column(STATE)?.u32()?;
    let (items, liked) = (frame.column(ITEM)?.list()?, frame.column(LIKED)?.list()?);
    for ((state, items), liked) in states
        .iter()
        .zip(items.amortized_iter())
        .zip(liked.amortized_iter())
    {
        if let (Some(state), Some(items), Some(liked)) = (state, items, liked) {
            rows[state as usize] = History {
                items: items.as_ref().u32()?.iter().collect(),
                liked: liked
                    .as_ref()
                    .bool()?
                    .iter()
                    .map(Option::unwrap_or_default)
                    .collect(),
            };
        }
    }
    Ok(())
}
