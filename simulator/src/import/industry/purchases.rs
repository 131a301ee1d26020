//! Next-item rows (user, at most 10 items bought before, next item) put together to every user's purchases.

use std::path::Path;

use common::Result;
use common::bad_rows::BadRows;
use common::schema::interactions::Interactions;

use crate::import::bad_rows::BadRow;
use crate::import::{known_id, split, tsv};

/// Most items of a history.
const WINDOW: usize = 10;

/// The purchases of the rows read so far.
pub(super) struct Purchases {
    all: Interactions,
    log: Vec<usize>,
    held_out: Vec<usize>,
    /// Each user's last purchases, at most [`WINDOW`], by item code.
    recent: Vec<Vec<u32>>,
}

impl Purchases {
    /// Starts with `none`, a log without rows that knows the items.
    pub(super) fn new(none: Interactions) -> Self {
        Purchases {
            all: none,
            log: Vec::new(),
            held_out: Vec::new(),
            recent: Vec::new(),
        }
    }

    /// Reads one part; its next items are held out or go to the log. A user's first purchase, which is the history of
    /// the user's first row, goes to the log in any case.
    ///
    /// A history must be what the user bought before. Where it is not, the row is bad, and what it says is taken as the
    /// user's history for the rows after it: one missing row makes one bad row.
    pub(super) fn read(&mut self, path: &Path, held_out: bool, bad_rows: &mut BadRows) -> Result<()> {
        tsv::read(path, &["user_id", "item_id_list", "item_id"], bad_rows, |row| {
            let user = row.integer_id(0)?;
            let history = row
                .text(1)?
                .split_whitespace()
                .map(|id| known_id(&self.all.items, id, "item_id_list", super::ITEMS))
                .collect::<Result<Vec<u32>, BadRow>>()?;
            let next = known_id(&self.all.items, row.integer_id(2)?, "item_id", super::ITEMS)?;
            if history.is_empty() || history.len() > WINDOW {
                let what = format!("the history has {} items, not 1 to {WINDOW}", history.len());
                return Err(BadRow::new("history of a wrong length", what).column("item_id_list"));
            }
            let before = self
                .all
                .users
                .code(user)
                .map(|code| self.recent[code as usize].clone());
            let known = before.as_ref() == Some(&history);
            if !known && (before.is_some() || history.len() > 1) {
                self.remember(user, history, next);
                return Err(contradiction(user, before.is_some()));
            }
            if before.is_none() {
                self.buy(user, history[0], false);
            }
            self.buy(user, next, held_out);
            self.remember(user, history, next);
            Ok(())
        })
    }

    fn buy(&mut self, user: &str, item: u32, held_out: bool) {
        let row = self.all.len();
        let user = self.all.users.intern(user);
        self.all.push(user, item, row as i64, 1.0, None);
        let rows = if held_out {
            &mut self.held_out
        } else {
            &mut self.log
        };
        rows.push(row);
    }

    /// Keeps what the user's next row must have as its history.
    fn remember(&mut self, user: &str, mut history: Vec<u32>, next: u32) {
        history.push(next);
        history.drain(..history.len().saturating_sub(WINDOW));
        let code = self.all.users.intern(user) as usize;
        self.recent.resize(self.recent.len().max(code + 1), Vec::new());
        self.recent[code] = history;
    }

    /// Log and held-out purchases, in the order of the rows.
    pub(super) fn finish(self) -> (Interactions, Interactions) {
        split::apart(&self.all, &(self.log, self.held_out))
    }
}

fn contradiction(user: &str, seen: bool) -> BadRow {
    let what = if seen {
        format!("the history is not what user {user} bought before by the rows above")
    } else {
        format!("this is the first row of user {user}, but its history has more than one item")
    };
    BadRow::new("history that contradicts the rows above", what)
        .column("item_id_list")
        .hint("a row may be missing or out of its order; copy the files again")
}
