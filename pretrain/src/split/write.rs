//! The last pass: every row to its side.

use std::path::PathBuf;

use common::logs::{Batch, Scan};
use common::manifest::Manifest;
use common::schema::interactions::{self, Rows};
use common::{Error, Result};

use super::rule::{Rule, Side};

/// How many rows went where.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    pub(super) log: u64,
    pub(super) held_out: u64,
    /// Of those held out.
    pub(super) of_withheld: u64,
}

/// Writes both parts in one pass over `scan`.
///
/// # Errors
/// A log that cannot be read, an empty part, I/O failures.
pub(super) fn write(
    scan: &Scan,
    rule: &Rule,
    log: &(PathBuf, Manifest),
    held_out: &(PathBuf, Manifest),
) -> Result<Written> {
    let ids = (scan.users, scan.items);
    let mut written = Written::default();
    interactions::write_pieces(&log.0, &log.1, &scan.kind, ids, |to_log| {
        interactions::write_pieces(&held_out.0, &held_out.1, &scan.kind, ids, |to_held_out| {
            let mut decision = rule.pass();
            scan.rows("the two parts", |batch| {
                let (user, item, sides) = decision.sides(batch)?;
                let part = |wanted: fn(Side) -> bool| {
                    let rows = (0..batch.len()).filter(|&row| wanted(sides[row]));
                    Part::of(batch, &user, &item, rows)
                };
                let (kept, held) = (part(|side| side == Side::Log), part(|side| side != Side::Log));
                written.log += kept.user.len() as u64;
                written.held_out += held.user.len() as u64;
                written.of_withheld +=
                    sides.iter().filter(|&&side| side == Side::WithheldItem).count() as u64;
                to_log(&kept.rows(rule))?;
                to_held_out(&held.rows(rule))
            })?;
            for (rows, what) in [(written.log, "to learn from"), (written.held_out, "held out")] {
                if rows == 0 {
                    return Err(Error::usage(format!("no interaction would be {what}"))
                        .hint("move the cut: --last, --fraction, --before or --withhold-items"));
                }
            }
            Ok(())
        })
    })?;
    Ok(written)
}

/// Some rows of a batch.
#[derive(Default)]
struct Part {
    user: Vec<u32>,
    item: Vec<u32>,
    timestamp: Vec<i64>,
    feedback: Vec<f32>,
    propensity: Vec<Option<f32>>,
}

impl Part {
    fn of(batch: &Batch<'_>, user: &[u32], item: &[u32], rows: impl Iterator<Item = usize>) -> Self {
        let mut part = Part::default();
        for row in rows {
            part.user.push(user[row]);
            part.item.push(item[row]);
            part.timestamp.push(batch.timestamp[row]);
            part.feedback.push(batch.feedback[row]);
            part.propensity.push(batch.propensity[row]);
        }
        part
    }

    fn rows<'a>(&'a self, rule: &'a Rule) -> Rows<'a> {
        Rows {
            users: &rule.users,
            items: &rule.items,
            user: &self.user,
            item: &self.item,
            timestamp: &self.timestamp,
            feedback: &self.feedback,
            propensity: &self.propensity,
        }
    }
}
