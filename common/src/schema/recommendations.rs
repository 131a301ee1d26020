//! `recommendations.parquet`: what a policy recommends to many users. Columns `user_id`, `rank` (u32, 1 for the first),
//! `item_id`, `score` (f32, null where the strategy chooses by no probabilities: that of the item among all that might be
//! recommended to the user), `propensity` (f32, that it came to stand in its place, given those above it), `policy` (the
//! fingerprint of the one that chose), `because` (list of item ids: what the user liked that spoke most for it, the most
//! telling first; none where that cannot be told). A user's rows stand together, in the order of ranks.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float32Array, UInt32Array};

use super::column::{id_array, id_list_array};
use super::interactions::{ITEM_ID, PROPENSITY, USER_ID};
use super::table::Table;
use super::write::{self, Columns, RowGroups};
use crate::Result;
use crate::ids::{Dictionary, IdKind};
use crate::manifest::Manifest;

/// Artifact kind.
pub const RECOMMENDATIONS: &str = "recommendations";
const RANK: &str = "rank";
const SCORE: &str = "score";
const POLICY: &str = "policy";
const BECAUSE: &str = "because";

/// Recommendations in memory, a struct of arrays; row order is file order.
#[derive(Clone, Debug, Default)]
pub struct Recommendations {
    /// User ids.
    pub users: Dictionary,
    /// Item ids.
    pub items: Dictionary,
    /// Each row's user.
    pub user: Vec<u32>,
    /// Each row's place among the user's, from 1 on.
    pub rank: Vec<u32>,
    /// Each row's item.
    pub item: Vec<u32>,
    /// The item's probability among all that might be recommended, where the strategy has any.
    pub score: Vec<Option<f32>>,
    /// The probability that the item came to stand there, given those above it.
    pub propensity: Vec<f32>,
    /// Liked items that spoke for it.
    pub because: Vec<Vec<u32>>,
    /// Fingerprints of policies.
    pub policies: Dictionary,
    /// Each row's policy.
    pub policy: Vec<u32>,
}

/// Reads recommendations.
///
/// # Errors
/// A missing or unreadable file, another artifact, a missing column, a wrong type, a null where none may be.
pub fn read(path: &Path) -> Result<Recommendations> {
    let table = Table::open(path)?;
    table.require_artifact(&[RECOMMENDATIONS])?;
    let (users, user) = table.ids(USER_ID)?;
    let (mut items, item) = table.ids(ITEM_ID)?;
    let (policies, policy) = table.ids(POLICY)?;
    Ok(Recommendations {
        because: table.id_lists(BECAUSE, &mut items)?,
        users,
        items,
        user,
        item,
        rank: table.u32s(RANK)?,
        score: table.numbers_or_null(SCORE)?,
        propensity: table.numbers(PROPENSITY)?,
        policies,
        policy,
    })
}

/// Writes the pieces that `fill` hands to its argument, with memory for one of them; `ids` are the kinds of the users' and of
/// the items' ids.
///
/// # Errors
/// On I/O failure, or an id that does not fit its kind, and those of `fill`.
pub fn write_pieces<T>(
    path: &Path,
    manifest: &Manifest,
    ids: [IdKind; 2],
    groups: RowGroups,
    fill: impl FnOnce(&mut dyn FnMut(&Recommendations) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let [users, items] = ids.map(Dictionary::new);
    let empty = Recommendations {
        users,
        items,
        ..Recommendations::default()
    };
    let schema = write::schema(columns(&empty)?)?;
    write::stream_groups(path, manifest, &[], schema, groups, |write| {
        fill(&mut |piece| write(columns(piece)?))
    })
}

fn columns(piece: &Recommendations) -> Result<Columns> {
    Ok(vec![
        (
            USER_ID,
            id_array(&piece.users, piece.user.iter().copied())?,
            false,
        ),
        (RANK, Arc::new(UInt32Array::from(piece.rank.clone())) as _, false),
        (
            ITEM_ID,
            id_array(&piece.items, piece.item.iter().copied())?,
            false,
        ),
        (
            SCORE,
            Arc::new(Float32Array::from(piece.score.clone())) as _,
            true,
        ),
        (
            PROPENSITY,
            Arc::new(Float32Array::from(piece.propensity.clone())) as _,
            false,
        ),
        (
            POLICY,
            id_array(&piece.policies, piece.policy.iter().copied())?,
            false,
        ),
        (BECAUSE, id_list_array(&piece.items, &piece.because)?, false),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_as_one_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.parquet");
        let ids = |kind, values: &[&str]| {
            Dictionary::from_values(kind, values.iter().map(ToString::to_string)).unwrap()
        };
        let piece = |user: &str| Recommendations {
            users: ids(IdKind::Text, &[user]),
            items: ids(IdKind::Integer, &["7", "9"]),
            user: vec![0, 0],
            rank: vec![1, 2],
            item: vec![1, 0],
            score: vec![Some(0.5), None],
            propensity: vec![0.5, 1.0],
            because: vec![vec![0, 1], vec![]],
            policies: ids(IdKind::Text, &["print"]),
            policy: vec![0; 2],
        };
        let manifest = Manifest::new(RECOMMENDATIONS, "test");
        let kinds = [IdKind::Text, IdKind::Integer];
        write_pieces(&path, &manifest, kinds, RowGroups::OfOneSize, |write| {
            write(&piece("a"))?;
            write(&piece("b"))
        })
        .unwrap();
        let read = read(&path).unwrap();
        assert!(read.users.ids().eq(["a", "b"]));
        assert_eq!(read.items.kind(), IdKind::Integer);
        let item = |row: usize| read.items.id(read.item[row]).to_string();
        assert_eq!([item(2), item(3)], ["9", "7"]);
        assert_eq!(read.user, [0, 0, 1, 1]);
        assert_eq!((read.rank[3], read.score[2], read.score[3]), (2, Some(0.5), None));
        let because = |row: usize| {
            read.because[row]
                .iter()
                .map(|&code| read.items.id(code))
                .collect::<Vec<_>>()
        };
        assert_eq!((because(2), because(3)), (vec!["7", "9"], vec![]));
        assert_eq!(read.policies.id(read.policy[3]), "print");
    }
}
