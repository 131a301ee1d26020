//! Which rows are held out.

use common::ids::Dictionary;
use common::logs::{Batch, Column, Scan};
use common::rng::{shuffle, stream};
use common::{Error, Result};

use super::InTime;
use super::last::{Latest, TimeAndRow};
use crate::data::{Pass, TimeCut};

/// The rule, found by earlier passes over the log.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) users: Dictionary,
    pub(super) items: Dictionary,
    withheld: Vec<bool>,
    cut: Cut,
}

#[derive(Debug)]
enum Cut {
    At(TimeCut),
    /// Of each user.
    From(Vec<Option<TimeAndRow>>),
}

/// The rule as one pass over all rows meets it.
pub(super) struct Decision<'a> {
    rule: &'a Rule,
    pass: Pass,
    row: u64,
}

/// Why a row is held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Log,
    Later,
    WithheldItem,
}

impl Rule {
    /// Of the log in `scan`.
    ///
    /// # Errors
    /// A log that cannot be read; items to be withheld where the log has only one.
    pub(super) fn of(scan: &Scan, in_time: InTime, withhold_items: f64, seed: u64) -> Result<Self> {
        let mut rule = Rule {
            users: Dictionary::new(scan.users),
            items: Dictionary::new(scan.items),
            withheld: Vec::new(),
            cut: Cut::At(TimeCut::END),
        };
        scan.columns("users and items", &[Column::User, Column::Item], |batch| {
            batch.users(&mut rule.users);
            batch.items(&mut rule.items);
            Ok(())
        })?;
        rule.withheld = withheld(rule.items.len(), withhold_items, seed)?;
        rule.cut = match in_time {
            InTime::Nothing => Cut::At(TimeCut::END),
            InTime::From(time) => Cut::At(TimeCut::before(time)),
            InTime::Fraction(fraction) => Cut::At(TimeCut::after(scan, 1.0 - fraction)?),
            InTime::Last(count) => Cut::From(rule.last(scan, count)?),
        };
        Ok(rule)
    }

    /// How many items are withheld.
    pub(super) fn withheld(&self) -> usize {
        self.withheld.iter().filter(|&&withheld| withheld).count()
    }

    fn last(&self, scan: &Scan, count: u32) -> Result<Vec<Option<TimeAndRow>>> {
        let mut latest = Latest::new(count as usize + 1);
        let mut row = 0;
        scan.columns(
            "each user's last interactions",
            &[Column::User, Column::Item, Column::Time],
            |batch| {
                let user = batch.known_users(&self.users)?;
                let item = batch.known_items(&self.items)?;
                for ((user, item), &time) in user.into_iter().zip(item).zip(&batch.timestamp) {
                    if !self.withheld[item as usize] {
                        latest.add(user, (time, row));
                    }
                    row += 1;
                }
                Ok(())
            },
        )?;
        Ok(latest.second())
    }

    /// For one pass over all rows.
    pub(super) fn pass(&self) -> Decision<'_> {
        let cut = match self.cut {
            Cut::At(cut) => cut,
            Cut::From(_) => TimeCut::END,
        };
        Decision {
            rule: self,
            pass: cut.pass(),
            row: 0,
        }
    }
}

/// Marks `part` of the items' number, rounded and at least one unless it is 0.
fn withheld(items: usize, part: f64, seed: u64) -> Result<Vec<bool>> {
    let mut marks = vec![false; items];
    if part == 0.0 {
        return Ok(marks);
    }
    let count = ((items as f64 * part).round() as usize).max(1);
    if count >= items {
        return Err(Error::usage(format!(
            "{count} of {items} items would be withheld: none is left in the log"
        ))
        .hint("lower --withhold-items"));
    }
    let mut order: Vec<usize> = (0..items).collect();
    shuffle(&mut stream(seed, "split/withheld items", &[]), &mut order);
    order[..count].iter().for_each(|&item| marks[item] = true);
    Ok(marks)
}

impl Decision<'_> {
    /// Users, items and sides of the next rows.
    ///
    /// # Errors
    /// Where the log was changed since the earlier passes.
    pub(super) fn sides(&mut self, batch: &Batch<'_>) -> Result<(Vec<u32>, Vec<u32>, Vec<Side>)> {
        let user = batch.known_users(&self.rule.users)?;
        let item = batch.known_items(&self.rule.items)?;
        let rows = user.iter().zip(&item).zip(&batch.timestamp);
        let sides = rows
            .map(|((&user, &item), &time)| self.side(user, item, time))
            .collect();
        Ok((user, item, sides))
    }

    fn side(&mut self, user: u32, item: u32, time: i64) -> Side {
        let moment = (time, self.row);
        self.row += 1;
        // Ties are counted over all rows, those of withheld items too.
        let before = self.pass.is_first(time);
        let later = match &self.rule.cut {
            Cut::At(_) => !before,
            Cut::From(of_users) => {
                let from = of_users.get(user as usize).copied().flatten();
                from.is_some_and(|from| moment >= from)
            }
        };
        match (self.rule.withheld[item as usize], later) {
            (true, _) => Side::WithheldItem,
            (false, true) => Side::Later,
            (false, false) => Side::Log,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::withheld;

    #[test]
    fn a_part_of_the_items_is_withheld_by_the_seed() {
        let count = |marks: &[bool]| marks.iter().filter(|&&mark| mark).count();
        for (items, part, expected) in [(100, 0.1, 10), (100, 0.0, 0), (7, 0.01, 1), (7, 0.5, 4)] {
            assert_eq!(count(&withheld(items, part, 1).unwrap()), expected);
        }
        assert_ne!(withheld(100, 0.1, 1).unwrap(), withheld(100, 0.1, 2).unwrap());
        assert!(withheld(1, 0.1, 1).is_err() && withheld(7, 0.99, 1).is_err());
    }
}
