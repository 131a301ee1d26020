//! The columns of `events.parquet` that say how each recommendation came about: all that a later update of the policy or
//! an off-policy estimate needs, so that a file of events can be replayed. The online service writes them; files
//! without them are events too.
//!
//! | column | type | what |
//! |---|---|---|
//! | `request_id` | u64 | the request that the item was an answer to |
//! | `position` | u32 | the item's place in the slate, from 0; `propensity` is its probability given those above it |
//! | `decided_after` | u64 | events that had been applied when the policy decided |
//! | `epoch` | u32 | which policy decided, counted from 0 by swaps; `policy_version` counts its updates |
//! | `arm` | text | the arm of an experiment that decided; `reference` outside of experiments, and absent in older files |
//! | `context_items`, `context_feedback` | lists of ids, f32 | the state: the user's last items, oldest first, +1 liked, -1 not |
//! | `context_traits` | list of f32 | the state: the user's traits, standardised |
//! | `prior_propensity`, `adapted_propensity` | f32 | the item's probability under each of the two policies that were mixed |
//! | `prior_weight` | f32 | the share of the first of them |
//! | `negatives` | list of ids | items drawn from the acting policy beside the action, for the gradient |
//!
//! Ids of items have the type of the file's item ids.

use std::sync::Arc;

use arrow::array::{Float32Array, UInt32Array, UInt64Array};

use super::column::{id_list_array, number_list_array, text_array};
use super::table::Table;
use super::write::Columns;
use crate::ids::Dictionary;
use crate::{Error, Result};

pub(super) const REQUEST_ID: &str = "request_id";
pub(super) const POSITION: &str = "position";
const DECIDED_AFTER: &str = "decided_after";
const EPOCH: &str = "epoch";
pub(super) const ARM: &str = "arm";
const CONTEXT_ITEMS: &str = "context_items";
const CONTEXT_FEEDBACK: &str = "context_feedback";
const CONTEXT_TRAITS: &str = "context_traits";
const PRIOR_PROPENSITY: &str = "prior_propensity";
const ADAPTED_PROPENSITY: &str = "adapted_propensity";
const PRIOR_WEIGHT: &str = "prior_weight";
const NEGATIVES: &str = "negatives";

/// The arm that all others are compared with, and the only one outside of experiments.
pub const REFERENCE: &str = "reference";

/// How each event's recommendation came about, a struct of arrays with a place for each event. Items are codes of the
/// events' dictionary of items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions {
    /// The request.
    pub request: Vec<u64>,
    /// The item's place in the slate.
    pub position: Vec<u32>,
    /// Events applied before the decision.
    pub decided_after: Vec<u64>,
    /// Which policy decided.
    pub epoch: Vec<u32>,
    /// The arm that decided, by name.
    pub arm: Vec<String>,
    /// The state's items with their feedback, oldest first.
    pub history: Vec<Vec<(u32, f32)>>,
    /// The state's traits.
    pub traits: Vec<Vec<f32>>,
    /// The item's probability under the prior alone.
    pub prior: Vec<f32>,
    /// The item's probability under the adapted policy alone.
    pub adapted: Vec<f32>,
    /// The prior's share of the mixture.
    pub weight: Vec<f32>,
    /// Items drawn beside the action.
    pub negatives: Vec<Vec<u32>>,
}

impl Decisions {
    /// The columns, in the order of the format.
    pub(super) fn columns(&self, items: &Dictionary) -> Result<Columns> {
        let history = |of: &Vec<(u32, f32)>| -> (Vec<u32>, Vec<f32>) { of.iter().copied().unzip() };
        let (history_items, feedback): (Vec<_>, Vec<_>) = self.history.iter().map(history).unzip();
        let u32s = |values: &Vec<u32>| Arc::new(UInt32Array::from(values.clone()));
        let u64s = |values: &Vec<u64>| Arc::new(UInt64Array::from(values.clone()));
        let f32s = |values: &Vec<f32>| Arc::new(Float32Array::from(values.clone()));
        Ok(vec![
            (REQUEST_ID, u64s(&self.request), false),
            (POSITION, u32s(&self.position), false),
            (DECIDED_AFTER, u64s(&self.decided_after), false),
            (EPOCH, u32s(&self.epoch), false),
            (ARM, text_array(self.arm.iter().map(String::as_str)), false),
            (CONTEXT_ITEMS, id_list_array(items, &history_items)?, false),
            (CONTEXT_FEEDBACK, number_list_array(&feedback), false),
            (CONTEXT_TRAITS, number_list_array(&self.traits), false),
            (PRIOR_PROPENSITY, f32s(&self.prior), false),
            (ADAPTED_PROPENSITY, f32s(&self.adapted), false),
            (PRIOR_WEIGHT, f32s(&self.weight), false),
            (NEGATIVES, id_list_array(items, &self.negatives)?, false),
        ])
    }

    /// The decisions of a table of events, where it has them; `items` gets the items that occur in no row but in a state
    /// or among the negatives.
    pub(super) fn read(table: &Table, items: &mut Dictionary) -> Result<Option<Self>> {
        if !table.has(REQUEST_ID) {
            return Ok(None);
        }
        let history_items = table.id_lists(CONTEXT_ITEMS, items)?;
        let feedback = table.number_lists(CONTEXT_FEEDBACK)?;
        let unequal = |row: &usize| history_items[*row].len() != feedback[*row].len();
        if let Some(row) = (0..table.rows()).find(unequal) {
            let error = Error::data("the state has other numbers of items and feedbacks");
            return Err(table.place(error, CONTEXT_FEEDBACK, row));
        }
        let history = history_items.into_iter().zip(feedback);
        Ok(Some(Decisions {
            request: table.u64s(REQUEST_ID)?,
            position: table.u32s(POSITION)?,
            decided_after: table.u64s(DECIDED_AFTER)?,
            epoch: table.u32s(EPOCH)?,
            arm: match table.has(ARM) {
                true => table.text(ARM)?,
                false => vec![REFERENCE.to_string(); table.rows()],
            },
            history: history
                .map(|(items, feedback)| items.into_iter().zip(feedback).collect())
                .collect(),
            traits: table.number_lists(CONTEXT_TRAITS)?,
            prior: table.numbers(PRIOR_PROPENSITY)?,
            adapted: table.numbers(ADAPTED_PROPENSITY)?,
            weight: table.numbers(PRIOR_WEIGHT)?,
            negatives: table.id_lists(NEGATIVES, items)?,
        }))
    }
}
