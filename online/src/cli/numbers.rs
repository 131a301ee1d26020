//! Numbers with a range, for clap.

use std::time::Duration;

use common::{Error, Result};

fn number(text: &str, allowed: impl Fn(f32) -> bool, wanted: &str) -> Result<f32> {
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() && allowed(value) => Ok(value),
        _ => Err(Error::usage(format!("not a {wanted}"))),
    }
}

pub(super) fn positive(text: &str) -> Result<f32> {
    number(text, |value| value > 0.0, "number above 0")
}

pub(super) fn not_negative(text: &str) -> Result<f32> {
    number(text, |value| value >= 0.0, "number of at least 0")
}

pub(super) fn fraction(text: &str) -> Result<f32> {
    number(text, |value| (0.0..=1.0).contains(&value), "number from 0 to 1")
}

pub(super) fn share(text: &str) -> Result<f32> {
    number(text, |value| (0.0..=0.5).contains(&value), "number from 0 to 0.5")
}

pub(super) fn seconds(text: &str) -> Result<Duration> {
    let seconds = number(
        text,
        |value| value > 0.0 && value <= 3600.0,
        "number of seconds above 0, at most 3600",
    )?;
    Ok(Duration::from_secs_f32(seconds))
}
