//! `exposures.parquet`: to whom each arm of an experiment recommended, and how much. Columns `user_id`, `arm` (text, its
//! name), `recommendations` (u32, items). The online service writes one for each finished segment of its
//! journal while an experiment runs; what came back stands in the events.

use std::path::Path;
use std::sync::Arc;

use arrow::array::UInt32Array;

use super::column::{id_array, text_array};
use super::decisions::ARM;
use super::interactions::USER_ID;
use super::table::Table;
use super::write;
use crate::Result;
use crate::ids::Dictionary;
use crate::manifest::Manifest;

/// Artifact kind.
pub const EXPOSURES: &str = "exposures";
const RECOMMENDATIONS: &str = "recommendations";

/// Exposures in memory, a struct of arrays; row order is file order.
#[derive(Clone, Debug, Default)]
pub struct Exposures {
    /// User ids.
    pub users: Dictionary,
    /// Each row's user.
    pub user: Vec<u32>,
    /// Each row's arm.
    pub arm: Vec<String>,
    /// Items that the arm recommended to the user.
    pub recommendations: Vec<u32>,
}

/// Reads exposures, and the manifest of their file.
///
/// # Errors
/// A missing or unreadable file, another artifact, a missing column, a wrong type, a null.
pub fn read(path: &Path) -> Result<(Exposures, Option<Manifest>)> {
    let table = Table::open(path)?;
    table.require_artifact(&[EXPOSURES])?;
    let (users, user) = table.ids(USER_ID)?;
    let exposures = Exposures {
        users,
        user,
        arm: table.text(ARM)?,
        recommendations: table.u32s(RECOMMENDATIONS)?,
    };
    Ok((exposures, table.manifest()?))
}

/// Writes exposures.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, exposures: &Exposures) -> Result<()> {
    let users = exposures.users.as_text_where_needed();
    let users = users.as_ref().unwrap_or(&exposures.users);
    let recommendations = Arc::new(UInt32Array::from(exposures.recommendations.clone()));
    let arms = exposures.arm.iter().map(String::as_str);
    let columns = vec![
        (USER_ID, id_array(users, exposures.user.iter().copied())?, false),
        (ARM, text_array(arms), false),
        (RECOMMENDATIONS, recommendations as _, false),
    ];
    write::write(path, manifest, &[], columns)
}
