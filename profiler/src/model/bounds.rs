//! What llama.cpp asserts of a header instead of checking it: outside these bounds it ends the process.
//!
//! From `llama-model.cpp`, `llama-vocab.cpp`, `llama-graph.cpp` and `ggml-cpu` of the llama.cpp that the workspace pins.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use common::{Error, Result};

use super::header::Header;
use super::tensor_type::is_weight;

/// The most of anything that llama.cpp counts with a signed number of 32 bits.
const MOST: u32 = i32::MAX as u32;
/// `LLAMA_MAX_LAYERS` and `LLAMA_MAX_EXPERTS`.
const LAYERS: u32 = 512;
const EXPERTS: u32 = 1024;

/// Whole numbers below the architecture's name. What is not here is at most [`MOST`].
const WHOLE: [(&str, RangeInclusive<u32>); 6] = [
    ("context_length", 1..=MOST),
    ("embedding_length", 1..=1 << 20),
    ("block_count", 1..=LAYERS),
    ("attention.head_count", 1..=1 << 16),
    ("expert_count", 0..=EXPERTS),
    ("expert_used_count", 0..=EXPERTS),
];

/// How the positions may be scaled.
const SCALING: &str = "rope.scaling.type";
const SCALINGS: [&str; 4] = ["none", "linear", "yarn", "longrope"];

/// Checks the values that llama.cpp sizes things with, or divides by.
pub(super) fn values(header: &Header) -> Result<()> {
    let prefix = format!("{}.", header.architecture());
    let number = |name: &str| header.numbers.get(&format!("{prefix}{name}")).copied();
    for (key, &value) in &header.numbers {
        let Some(name) = key.strip_prefix(&prefix) else {
            continue;
        };
        let bounds = WHOLE.iter().find(|(known, _)| *known == name);
        let bounds = bounds.map_or(0..=MOST, |(_, bounds)| bounds.clone());
        if !bounds.contains(&value) {
            return Err(outside(key, value, bounds.start(), bounds.end()));
        }
    }
    for (key, &value) in &header.fractions {
        let bounds = match key.rsplit_once('.').map_or(key.as_str(), |(_, name)| name) {
            name if name.ends_with("epsilon") => 0.0..=1.0,
            "freq_base" | "freq_base_swa" => f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX),
            _ => f64::from(f32::MIN)..=f64::from(f32::MAX),
        };
        // NaN is in no range.
        if !bounds.contains(&value) {
            return Err(outside(key, value, bounds.start(), bounds.end()));
        }
    }
    let below = |name: &str, limit: &str, most: u32| match number(name) {
        Some(value) if value > most => Err(Error::data(format!(
            "`{prefix}{name}` is {value}, more than {most}, `{prefix}{limit}`"
        ))),
        _ => Ok(()),
    };
    let (experts, used) = (number("expert_count").unwrap_or(0), number("expert_used_count"));
    below(
        "nextn_predict_layers",
        "block_count",
        number("block_count").unwrap_or(0),
    )?;
    below(
        "attention.head_count",
        "embedding_length",
        number("embedding_length").unwrap_or(MOST),
    )?;
    below("expert_used_count", "expert_count", experts)?;
    below("expert_group_count", "expert_count", experts.saturating_sub(1))?;
    if experts > 0 && (used == Some(0) || !header.has(&format!("{prefix}expert_used_count"))) {
        return Err(Error::data(format!(
            "`{prefix}expert_used_count` is 0 or left out, but `{prefix}expert_count` is {experts}"
        )));
    }
    let falls_back_to_bytes = ["llama", "plamo2"].contains(&header.text("tokenizer.ggml.model"));
    if let (true, Some(byte)) = (falls_back_to_bytes, header.no_token_for) {
        return Err(Error::data(format!(
            "`tokenizer.ggml.tokens` has no token for the byte {byte}, `<0x{byte:02X}>`, which this tokenizer needs"
        )));
    }
    if header.has(&format!("{prefix}{SCALING}"))
        && !SCALINGS.contains(&header.text(&format!("{prefix}{SCALING}")))
    {
        return Err(Error::data(format!(
            "`{prefix}{SCALING}` is `{}`, not one of {}",
            header.text(&format!("{prefix}{SCALING}")),
            SCALINGS.join(", ")
        )));
    }
    Ok(())
}

fn outside(
    key: &str,
    value: impl std::fmt::Display,
    low: impl std::fmt::Display,
    high: impl std::fmt::Display,
) -> Error {
    Error::data(format!("`{key}` is {value}, outside {low} to {high}"))
}

/// Checks a tensor's entry: what it holds, by its name and shape.
pub(super) fn tensor(name: &str, shape: &[u64], kind: u32) -> Result<()> {
    if let Some(dimension) = shape.iter().position(|&extent| extent == 0) {
        return Err(Error::data(format!(
            "tensor `{name}` is of width 0 in dimension {dimension}"
        )));
    }
    // Norms, biases and the like are taken as they stand: the kernels know them as F32 alone.
    let allowed = match shape.len() {
        0 | 1 => kind == 0,
        _ => is_weight(kind),
    };
    if !allowed {
        return Err(Error::data(format!(
            "tensor `{name}` of {} dimensions is of type {kind}, which llama.cpp cannot calculate with there",
            shape.len()
        )));
    }
    Ok(())
}

/// Checks that no token stands twice; gives a byte that has no token of its own.
pub(super) fn tokens(texts: &[Vec<u8>]) -> Result<Option<u8>> {
    let mut seen = HashMap::with_capacity(texts.len());
    for (token, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        if let Some(first) = seen.insert(text.as_slice(), token) {
            return Err(Error::data(format!(
                "the tokens {first} and {token} are the same, `{}`",
                String::from_utf8_lossy(text)
            )));
        }
    }
    let has = |byte: u8| {
        seen.contains_key(format!("<0x{byte:02X}>").as_bytes()) || seen.contains_key([byte].as_slice())
    };
    Ok((0..=u8::MAX).find(|&byte| !has(byte)))
}
