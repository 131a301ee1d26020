//! Logged rounds in any table: what an off-policy estimate reads of it. Which columns hold what is the caller's to say, see
//! [`Columns`]; how they are read is that of all of Headstart's tables.

mod columns;
mod slates;
mod source;

use std::path::Path;

use self::source::{Range, Source};
use super::events::EVENTS;
use super::interactions::{TRUTH, WITHHELD};
use super::table::{self, Table};
use crate::ids::Dictionary;
use crate::manifest::{Manifest, PARQUET_KEY};
use crate::{Error, Result};

pub use columns::Columns;

/// Logged rounds in memory, a struct of arrays. They are in the order of the table, or, where they are items of slates, slate by
/// slate in the order of first appearance, each from its first position on.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    /// What each earned; finite.
    pub reward: Vec<f64>,
    /// Of what was logged.
    pub propensity: Propensities,
    /// What a reward model says.
    pub model: Option<Model>,
    /// Each round's cluster.
    pub cluster: Option<Vec<u32>>,
    /// The slates that the rows are items of.
    pub slates: Option<Slates>,
    /// Of the item at its position, whatever stands above it.
    pub at_position: Option<Propensities>,
    /// Each round's category.
    pub category: Option<Vec<u32>>,
    /// Of the category.
    pub of_category: Option<Propensities>,
    /// Each round's context.
    pub context: Option<Vec<u32>>,
}

/// Probabilities under the two policies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Propensities {
    /// Under the one that logged; in (0, 1].
    pub logging: Vec<f64>,
    /// Under the one that is asked about; in [0, 1].
    pub target: Vec<f64>,
}

/// A reward model's predictions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Of what was logged.
    pub logged: Vec<f64>,
    /// The target's expectation.
    pub value: Vec<f64>,
}

/// Where slates begin and end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slates {
    /// The first item of each, and the end of the last.
    pub starts: Vec<usize>,
    /// The row of the table that each item stands in.
    pub row: Vec<usize>,
}

impl Propensities {
    /// The importance weights: the target's over the logging policy's, finite.
    pub fn weights(&self) -> Vec<f64> {
        let both = self.target.iter().zip(&self.logging);
        both.map(|(target, logging)| target / logging).collect()
    }
}

/// Reads the rounds of the table at `path`: a file, a folder of part files or a glob.
///
/// # Errors
/// A missing or unreadable file, held-out truth, a column that is not there, a wrong type, a null; NaN, an infinity, a
/// propensity out of range or so small that a weight is infinite; slates with two items at a position, none at one, or of two clusters.
pub fn read(path: &Path, columns: &Columns) -> Result<Rounds> {
    let table = Table::open(path)?;
    refuse_truth(&table)?;
    let source = Source::of(&table);
    let reward = source.numbers(&columns.reward, "--reward", Range::Any)?;
    table.require_rows("table")?;
    let propensity = [
        (columns.propensity.as_str(), "--propensity"),
        (columns.target_propensity.as_str(), "--target-propensity"),
    ];
    let mut rounds = Rounds {
        reward,
        propensity: source.propensities(propensity)?,
        ..Rounds::default()
    };
    let given = [&columns.model_logged, &columns.model_target];
    if let Some([logged, value]) = source.pair(given, columns::MODEL, ["--model-logged", "--model-target"])? {
        rounds.model = Some(Model {
            logged: source.numbers(logged.0, logged.1, Range::Any)?,
            value: source.numbers(value.0, value.1, Range::Any)?,
        });
    }
    let clusters = match &columns.cluster {
        Some(name) => {
            source.require(name, "--cluster")?;
            Some(name.as_str())
        }
        None => Some(Columns::usual_cluster()).filter(|name| table.has(name)),
    };
    let mut cluster_ids = Dictionary::default();
    if let Some(name) = clusters {
        let (ids, codes) = table.ids(name)?;
        (cluster_ids, rounds.cluster) = (ids, Some(codes));
    }
    if let Some(category) = &columns.category {
        rounds.category = Some(source.categories(category)?);
        let given = [&columns.category_propensity, &columns.target_category_propensity];
        let flags = ["--category-propensity", "--target-category-propensity"];
        let pair = source.pair(given, columns::OF_CATEGORY, flags)?;
        rounds.of_category = pair.map(|pair| source.propensities(pair)).transpose()?;
    }
    if let Some(context) = &columns.context {
        source.require(context, "--context")?;
        rounds.context = Some(table.ids(context)?.1);
    }
    if let Some(slate) = &columns.slate {
        let given = [&columns.position_propensity, &columns.target_position_propensity];
        let flags = ["--position-propensity", "--target-position-propensity"];
        let pair = source.pair(given, columns::AT_POSITION, flags)?;
        rounds.at_position = pair.map(|pair| source.propensities(pair)).transpose()?;
        source.require(slate, "--slate")?;
        source.require(columns.position(), "--position")?;
        let ordered = slates::order(&table, columns, slate)?;
        rounds.put_in_order(ordered);
        if let Some(name) = clusters {
            slates::require_one_cluster(&table, name, &rounds, &cluster_ids)?;
        }
    }
    Ok(rounds)
}

/// Adds the place of `row` of the table at `path` to an error about its propensity.
pub fn at_propensity(error: Error, path: &Path, columns: &Columns, row: usize) -> Error {
    table::place(error, path, &columns.propensity, row)
}

impl Rounds {
    fn put_in_order(&mut self, slates: Slates) {
        let order = &slates.row;
        let numbers = |values: &mut Vec<f64>| *values = order.iter().map(|&row| values[row]).collect();
        numbers(&mut self.reward);
        for both in [Some(&mut self.propensity), self.at_position.as_mut()]
            .into_iter()
            .flatten()
        {
            numbers(&mut both.logging);
            numbers(&mut both.target);
        }
        if let Some(model) = &mut self.model {
            numbers(&mut model.logged);
            numbers(&mut model.value);
        }
        if let Some(cluster) = &mut self.cluster {
            *cluster = order.iter().map(|&row| cluster[row]).collect();
        }
        self.slates = Some(slates);
    }
}

/// Held-out truth is for the simulator alone; any other table may be of anybody's making.
fn refuse_truth(table: &Table) -> Result<()> {
    for part in table.parts() {
        if let Some(json) = part.metadata(PARQUET_KEY)
            && [TRUTH, WITHHELD].contains(&Manifest::from_json(&json, part.path())?.artifact.as_str())
        {
            table::require_artifact(part, &[EVENTS])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
