//! All of a log, by user and in time, as codes of the catalogue.

use std::path::Path;

use common::bad_rows::BadRows;
use common::logs::{Column, Scan};
use common::schema::items::Items;
use common::schema::states::States;
use common::{Error, Result};

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

    /// What came before the last `per_user` likes: all that a state without them knows of.
    pub(super) fn before(&self, per_user: usize) -> Self {
        let end = self
            .held_out(per_user)
            .first()
            .copied()
            .unwrap_or(self.items.len());
        History {
            items: self.items[..end].to_vec(),
            liked: self.liked[..end].to_vec(),
        }
    }
}

/// One row of the log.
#[derive(Clone, Copy)]
struct Event {
    time: i64,
    item: u32,
    liked: bool,
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

    /// Reads the log (a Parquet file, a folder of them, or a glob) that `states` were made from, where there is one; feedback
    /// from `like_threshold` on is a like. Sixteen bytes of each row are kept in memory.
    ///
    /// # Errors
    /// When the log is missing or damaged, lacks a column, has a bad row, or nothing of these users and items.
    pub fn read(
        log: Option<&Path>,
        like_threshold: f32,
        catalogue: &Items,
        states: &States,
        workers: usize,
    ) -> Result<Self> {
        let mut events: Vec<Vec<Event>> = vec![Vec::new(); states.users.len()];
        // What states and catalogue lack gets codes after theirs.
        let (mut users, mut items) = (states.users.clone(), catalogue.ids.clone());
        let columns = [Column::User, Column::Item, Column::Time, Column::Feedback];
        let opened = match log {
            Some(log) => Scan::open_cut(log, Some(like_threshold), BadRows::refuse())?,
            None => Scan::of_no_file(Some(like_threshold)),
        };
        let opened = opened.with_workers(workers);
        opened.columns("log", &columns, |batch| {
            let user = batch.users(&mut users);
            let item = batch.items(&mut items);
            let rows = user
                .into_iter()
                .zip(item)
                .zip(&batch.timestamp)
                .zip(&batch.feedback);
            for (((user, item), &time), &feedback) in rows {
                if let Some(events) = events.get_mut(user as usize) {
                    let liked = opened.kind.is_like(feedback);
                    events.push(Event { time, item, liked });
                }
            }
            Ok(())
        })?;
        let known = |item: u32| ((item as usize) < catalogue.ids.len()).then_some(item);
        let history = |mut events: Vec<Event>| {
            events.sort_by_key(|event| event.time);
            History {
                items: events.iter().map(|event| known(event.item)).collect(),
                liked: events.iter().map(|event| event.liked).collect(),
            }
        };
        let rows: Vec<History> = events.into_iter().map(history).collect();
        let met = |history: &History| history.items.iter().flatten().next().is_some();
        if let Some(log) = log.filter(|_| opened.total > 0 && !rows.iter().any(met)) {
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
