//! `choices.parquet`: what a policy would have recommended where another system recommended. Columns `request_id` (u64),
//! `user_id`, `item_id` (what the other system showed), `propensity` (f32, nullable: the probability that it showed it with),
//! `target_propensity` (f32, the probability that the policy gave it), `own_item_id` (text, nullable: the policy's own draw,
//! which nobody saw; null where nothing was left to draw), `own_propensity` (f32, its probability). The online service
//! writes one for each finished segment of its journal while it is an apprentice; what came back stands in the events, by request.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float32Array, UInt64Array};

use super::column::{id_array, optional_text_array};
use super::decisions::REQUEST_ID;
use super::interactions::{ITEM_ID, PROPENSITY, USER_ID};
use super::table::Table;
use super::write;
use crate::Result;
use crate::ids::Dictionary;
use crate::manifest::Manifest;

/// Artifact kind.
pub const CHOICES: &str = "choices";
pub(super) const TARGET_PROPENSITY: &str = "target_propensity";
const OWN_ITEM: &str = "own_item_id";
const OWN_PROPENSITY: &str = "own_propensity";

/// Choices in memory, a struct of arrays; row order is file order.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// User ids.
    pub users: Dictionary,
    /// Item ids.
    pub items: Dictionary,
    /// The number that feedback names each by.
    pub request: Vec<u64>,
    /// Each row's user.
    pub user: Vec<u32>,
    /// The item that the other system showed.
    pub item: Vec<u32>,
    /// The probability that it showed it with.
    pub propensity: Vec<Option<f32>>,
    /// The probability that the policy gave that item.
    pub target: Vec<f32>,
    /// The policy's own draw.
    pub own: Vec<Option<String>>,
    /// The probability of that draw.
    pub own_propensity: Vec<f32>,
}

/// Reads choices.
///
/// # Errors
/// A missing or unreadable file, another artifact, a missing column, a wrong type, a null where none may be.
pub fn read(path: &Path) -> Result<Choices> {
    let table = Table::open(path)?;
    table.require_artifact(&[CHOICES])?;
    let (users, user) = table.ids(USER_ID)?;
    let (items, item) = table.ids(ITEM_ID)?;
    Ok(Choices {
        users,
        items,
        request: table.u64s(REQUEST_ID)?,
        user,
        item,
        propensity: table.numbers_or_null(PROPENSITY)?,
        target: table.numbers(TARGET_PROPENSITY)?,
        own: table.text_or_null(OWN_ITEM)?,
        own_propensity: table.numbers(OWN_PROPENSITY)?,
    })
}

/// Writes choices.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, choices: &Choices) -> Result<()> {
    let users = choices.users.as_text_where_needed();
    let users = users.as_ref().unwrap_or(&choices.users);
    let numbers = |column: &Vec<f32>| Arc::new(Float32Array::from(column.clone()));
    let columns = vec![
        (
            REQUEST_ID,
            Arc::new(UInt64Array::from(choices.request.clone())) as _,
            false,
        ),
        (USER_ID, id_array(users, choices.user.iter().copied())?, false),
        (
            ITEM_ID,
            id_array(&choices.items, choices.item.iter().copied())?,
            false,
        ),
        (
            PROPENSITY,
            Arc::new(Float32Array::from(choices.propensity.clone())) as _,
            true,
        ),
        (TARGET_PROPENSITY, numbers(&choices.target) as _, false),
        (
            OWN_ITEM,
            optional_text_array(choices.own.iter().map(Option::as_deref)),
            true,
        ),
        (OWN_PROPENSITY, numbers(&choices.own_propensity) as _, false),
    ];
    write::write(path, manifest, &[], columns)
}
