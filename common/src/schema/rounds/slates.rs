//! Rows put together to slates.

use super::{Columns, Rounds, Slates};
use crate::ids::Dictionary;
use crate::schema::table::Table;
use crate::{Error, Result};

/// The rows of each slate from its first position on, slates in the order of their first appearance.
///
/// # Errors
/// A position below the first, two items at one, or none at one that has items below it.
pub(super) fn order(table: &Table, columns: &Columns, slate: &str) -> Result<Slates> {
    let (ids, of_row) = table.ids(slate)?;
    let column = columns.position();
    let position = table.u32s(column)?;
    let first = columns.first_position;
    let mut row: Vec<usize> = (0..of_row.len()).collect();
    row.sort_by_key(|&row| (of_row[row], position[row]));
    let mut starts = vec![0];
    for (at, &one) in row.iter().enumerate() {
        let start = starts.last().copied().unwrap_or(0);
        let same = of_row[row[start]] == of_row[one];
        if !same {
            starts.push(at);
        }
        let (expected, found) = (if same { at - start } else { 0 }, position[one]);
        let name = ids.id(of_row[one]);
        let error = match found.checked_sub(first).map(|place| place as usize) {
            None => Error::data(format!("the position {found} is before the first, {first}"))
                .hint("say what the first position is called: --first-position N"),
            Some(place) if place == expected => continue,
            Some(place) if place < expected => {
                Error::data(format!("the slate `{name}` has two items at position {found}"))
                    .hint("name a column that tells apart every slate that was shown: --slate COLUMN")
            }
            Some(_) => Error::data(format!(
                "the slate `{name}` has an item at position {found} and none at {}",
                expected + first as usize
            ))
            .hint(
                "the weight of an item needs the propensities of all above it: log items without an answer too, with the reward \
                 that this means, or say what the first position is called: --first-position N",
            ),
        };
        return Err(table.place(error, column, one));
    }
    starts.push(row.len());
    Ok(Slates { starts, row })
}

/// Requires that all items of a slate are of one cluster, named in `column`.
///
/// # Errors
/// A slate of two.
pub(super) fn require_one_cluster(
    table: &Table,
    column: &str,
    rounds: &Rounds,
    clusters: &Dictionary,
) -> Result<()> {
    let (Some(slates), Some(cluster)) = (&rounds.slates, &rounds.cluster) else {
        return Ok(());
    };
    for pair in slates.starts.windows(2) {
        let of_slate = &cluster[pair[0]..pair[1]];
        if let Some(at) = of_slate.iter().position(|other| *other != of_slate[0]) {
            let [one, other] = [0, at].map(|at| clusters.id(of_slate[at]));
            let error = Error::data(format!("the items of one slate are of `{one}` and of `{other}`"))
                .hint("name a column that has one value a slate, such as its user: --cluster COLUMN");
            return Err(table.place(error, column, slates.row[pair[0] + at]));
        }
    }
    Ok(())
}
