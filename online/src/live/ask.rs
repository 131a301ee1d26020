//! What is asked of the policy.

use common::policy_artifact::NetworkConfig;
use common::{Error, Result};

use crate::context::Context;

/// One recommendation wanted.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The user's id; one that nobody knows gets what a newcomer gets.
    pub user: &'a str,
    /// Items wanted, at least 1.
    pub k: usize,
    /// Only these items may be chosen: codes, ascending, each once. None: all.
    pub candidates: Option<&'a [u32]>,
    /// A state to decide by in place of the one that is kept of the user, without a memory. Its items count as consumed.
    pub given: Option<&'a Context>,
}

impl Ask<'_> {
    /// Refuses what no recommendation can be made of.
    pub(super) fn check(&self, network: &NetworkConfig) -> Result<()> {
        if self.user.is_empty() {
            return Err(Error::data("the user's id is empty"));
        }
        if let Some(context) = self.given {
            check_context(context, network)?;
            if !context.memory.is_empty() {
                return Err(Error::data("a state to decide by comes with a memory")
                    .hint("leave it empty: it is made from the history"));
            }
        }
        let choosable = match self.candidates {
            Some(candidates) => {
                if candidates
                    .last()
                    .is_some_and(|&last| last as usize >= network.items)
                {
                    return Err(Error::data("a candidate is not an item of the catalogue"));
                }
                if !candidates.is_sorted_by(|a, b| a < b) {
                    return Err(Error::data("the candidates are not ascending, each once"));
                }
                candidates.len()
            }
            None => network.items,
        };
        if self.k == 0 || self.k > choosable {
            return Err(
                Error::data(format!("{} items wanted of {choosable}", self.k)).hint(
                    "at least 1, and at most as many as there are candidates or, without candidates, items",
                ),
            );
        }
        Ok(())
    }
}

/// Refuses a state that the network does not read: other traits or a longer history than it is made for, an item that
/// is not in the catalogue, a number that is not finite. The memory is not looked at.
pub(crate) fn check_context(context: &Context, network: &NetworkConfig) -> Result<()> {
    let Context { traits, history, .. } = context;
    if traits.len() != network.traits {
        return Err(Error::data(format!(
            "{} traits, where the policy has {}",
            traits.len(),
            network.traits
        )));
    }
    if history.len() > network.window {
        return Err(Error::data(format!(
            "a history of {} items, where the policy reads the last {}",
            history.len(),
            network.window
        ))
        .hint("leave out the oldest"));
    }
    if let Some((item, _)) = history.iter().find(|(item, _)| *item as usize >= network.items) {
        return Err(Error::data(format!(
            "item {item} of the history is not among the {} of the catalogue",
            network.items
        )));
    }
    let numbers = traits.iter().chain(history.iter().map(|(_, feedback)| feedback));
    match numbers.clone().find(|number| !number.is_finite()) {
        Some(number) => Err(Error::data(format!("{number} in the state is not finite"))),
        None => Ok(()),
    }
}

/// Refuses a memory of other than `size` numbers, or with one that is not finite.
pub(super) fn check_memory(memory: &[f32], size: usize) -> Result<()> {
    if memory.len() != size {
        return Err(Error::data(format!(
            "a memory of {} numbers, where {size} are kept of a user",
            memory.len()
        )));
    }
    match memory.iter().find(|number| !number.is_finite()) {
        Some(number) => Err(Error::data(format!("{number} in the memory is not finite"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_answered_is_refused_and_the_rest_is_not() {
        let network = NetworkConfig {
            items: 5,
            dims: 1,
            hidden: 1,
            traits: 1,
            window: 2,
            ..NetworkConfig::default()
        };
        let context = |traits: &[f32], history: &[(u32, f32)]| Context {
            traits: traits.to_vec(),
            history: history.to_vec(),
            memory: Vec::new(),
        };
        let fine = context(&[0.5], &[(4, 1.0), (0, -1.0)]);
        let kept = Context {
            memory: vec![0.0],
            ..fine.clone()
        };
        let ask = |user, k, candidates, given| {
            Ask {
                user,
                k,
                candidates,
                given,
            }
            .check(&network)
        };
        ask("u", 5, None, None).unwrap();
        ask("u", 2, Some(&[0, 4]), Some(&fine)).unwrap();
        for (refused, says) in [
            (ask("", 1, None, None), "id is empty"),
            (ask("u", 0, None, None), "0 items wanted of 5"),
            (ask("u", 6, None, None), "6 items wanted of 5"),
            (ask("u", 3, Some(&[0, 4]), None), "3 items wanted of 2"),
            (ask("u", 1, Some(&[]), None), "1 items wanted of 0"),
            (ask("u", 1, Some(&[5]), None), "not an item of the catalogue"),
            (ask("u", 1, Some(&[2, 1]), None), "not ascending"),
            (ask("u", 1, Some(&[2, 2]), None), "not ascending"),
            (ask("u", 1, None, Some(&context(&[], &[]))), "0 traits"),
            (
                ask("u", 1, None, Some(&context(&[0.0], &[(1, 1.0); 3]))),
                "history of 3",
            ),
            (ask("u", 1, None, Some(&context(&[0.0], &[(5, 1.0)]))), "item 5"),
            (ask("u", 1, None, Some(&context(&[f32::NAN], &[]))), "NaN"),
            (ask("u", 1, None, Some(&kept)), "a memory"),
            (
                ask("u", 1, None, Some(&context(&[0.0], &[(1, f32::INFINITY)]))),
                "inf",
            ),
        ] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
    }
}
