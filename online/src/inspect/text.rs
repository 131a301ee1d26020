//! A portrait as text for people.

use std::fmt::Write as _;

use super::portrait::{Listed, Portrait};

/// The portrait, line by line.
pub(super) fn text(portrait: &Portrait) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, portrait);
    text
}

fn write(to: &mut String, portrait: &Portrait) -> std::fmt::Result {
    let Portrait { policy, .. } = portrait;
    writeln!(to, "user {}, {} events", portrait.user, portrait.events)?;
    writeln!(
        to,
        "policy {} of method {}, traits {}, the {} since the start",
        policy.fingerprint.get(..8).unwrap_or(&policy.fingerprint),
        policy.method,
        policy.traits,
        ordinal(policy.epoch + 1)
    )?;
    let strategy = serde_json::to_value(policy.strategy).unwrap_or_default();
    writeln!(
        to,
        "strategy {}, {} events of all users, {} updates",
        strategy.as_str().unwrap_or_default(),
        policy.applied,
        policy.version
    )?;
    writeln!(to, "consumed {} of {} items", portrait.consumed, portrait.items)?;
    writeln!(
        to,
        "traits known: {}",
        if portrait.traits_known { "yes" } else { "no" }
    )?;
    writeln!(to, "history, oldest first:")?;
    for lived in &portrait.history {
        let sign = if lived.feedback > 0.0 {
            "liked    "
        } else {
            "not liked"
        };
        writeln!(to, "  {sign}  {}", named(&lived.item, lived.title.as_deref()))?;
    }
    if let Some(value) = portrait.value {
        writeln!(
            to,
            "value {value:.4} by the prior (expected discounted feedback from here)"
        )?;
    }
    if let Some(value) = portrait.adapted_value {
        writeln!(to, "value {value:.4} by what was learnt since")?;
    }
    writeln!(
        to,
        "the prior's share {:.3}, the adapted policy's {:.3}",
        portrait.weight,
        1.0 - portrait.weight
    )?;
    for reason in &portrait.reasons {
        // Counts as counts, the rest with what can be told apart.
        let digits = if reason.value.fract() == 0.0 { 0 } else { 4 };
        writeln!(
            to,
            "  {} {:.digits$}: {}",
            reason.name, reason.value, reason.meaning
        )?;
    }
    writeln!(
        to,
        "entropy {:.3} nats (as if choosing among {:.0} items)",
        portrait.entropy,
        portrait.entropy.exp()
    )?;
    writeln!(
        to,
        "{:>4}  {:>11}  {:>11}  {:>11}  {:>5}  item",
        "rank", "probability", "prior", "adapted", "likes"
    )?;
    for (rank, listed) in portrait.top.iter().enumerate() {
        row(to, rank + 1, listed)?;
    }
    Ok(())
}

fn row(to: &mut String, rank: usize, listed: &Listed) -> std::fmt::Result {
    let probability = |probability: Option<f32>| probability.map_or("-".to_string(), |p| format!("{p:.6}"));
    writeln!(
        to,
        "{rank:>4}  {:>11}  {:>11}  {:>11}  {:>5.0}  {}",
        probability(Some(listed.probability)),
        probability(listed.prior),
        probability(listed.adapted),
        listed.likes,
        named(&listed.item, listed.title.as_deref())
    )
}

fn named(id: &str, title: Option<&str>) -> String {
    title.map_or_else(|| id.to_string(), |title| format!("{id}  {title}"))
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
