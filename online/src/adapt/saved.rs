//! What was learnt as bytes, and back, with every size checked.

use common::policy_artifact::{NetworkConfig, Weights};
use common::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of `value`.
pub(super) fn pack<T: Serialize>(value: &T) -> Vec<u8> {
    // To memory, of lengths that are known beforehand: nothing there can fail.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// The value of bytes that [`pack`] made.
pub(super) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(damaged(&format!("{} bytes too many", rest.len()))),
        Err(e) => Err(damaged(&e.to_string())),
    }
}

/// The bytes of a strategy that learns nothing.
pub(super) fn nothing(bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        Ok(())
    } else {
        Err(damaged("this strategy learns nothing"))
    }
}

/// The tensors of a network as plain lists.
pub(super) fn tensors(weights: &Weights) -> Vec<Vec<f32>> {
    weights.tensors().into_iter().cloned().collect()
}

/// The weights of such lists.
pub(super) fn weights(config: &NetworkConfig, tensors: Vec<Vec<f32>>) -> Result<Weights> {
    let shapes = config.shapes();
    if tensors.len() != shapes.len() {
        return Err(damaged(&format!(
            "{} tensors instead of {}",
            tensors.len(),
            shapes.len()
        )));
    }
    for ((name, shape), tensor) in shapes.iter().zip(&tensors) {
        numbers(name, tensor, shape.iter().product())?;
    }
    Ok(Weights::from_tensors(config, tensors))
}

/// Checks that `values` are `count` finite numbers.
pub(super) fn numbers(name: &str, values: &[f32], count: usize) -> Result<()> {
    if values.len() != count {
        return Err(damaged(&format!(
            "{} numbers of {name} instead of {count}",
            values.len()
        )));
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(damaged(&format!("a number of {name} is not finite")));
    }
    Ok(())
}

pub(super) fn damaged(what: &str) -> Error {
    Error::data(format!("what was learnt cannot be taken over: {what}"))
        .hint("it belongs to another policy, strategy or version, or is damaged")
}
