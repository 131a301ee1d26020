//! `online inspect`: what the policy knows of a user and would recommend, as text for people.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use common::policy_artifact::Policy;
use common::schema::items;
use common::{Error, Result, terminal};

use crate::agent::start;
use crate::policy::Network;
use crate::policy::distribution::{mask, softmax};
use crate::run::load;

/// What to show.
#[derive(Debug, Clone)]
pub struct InspectConfig {
    /// The policy folder.
    pub policy: PathBuf,
    /// The user's id.
    pub user: String,
    /// How many items.
    pub top: usize,
    /// A table of items with titles.
    pub items: Option<PathBuf>,
}

/// Prints the text on stdout.
///
/// # Errors
/// A policy or items table that is missing or damaged.
pub fn print(config: &InspectConfig) -> Result<()> {
    let policy = load(&config.policy)?;
    if policy.users.ids.code(&config.user).is_none() {
        terminal::warn(&format!(
            "the policy does not know the user `{}`: this is what a newcomer gets",
            config.user
        ));
    }
    let titles = match &config.items {
        Some(path) => {
            let table = items::read(path)?;
            let title = |id: &str| table.ids.code(id).map(|code| table.title[code as usize].clone());
            policy.items.ids.ids().map(title).collect()
        }
        None => vec![None; policy.items.ids.len()],
    };
    let text = describe(&policy, &config.user, config.top, &titles);
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|e| Error::retry(format!("cannot write to stdout: {e}")))
}

/// The state of `user`, the value and entropy of the policy there, and its `top` items. `titles` by item code.
pub fn describe(policy: &Policy, user: &str, top: usize, titles: &[Option<String>]) -> String {
    let config = &policy.config.network;
    let network = Network::new(config.clone(), policy.weights.clone());
    let (context, consumed) = start(user, &policy.users, config);
    let state = network.encode(&[&context]);
    let value = network.values(&state)[0];
    let mut logits = vec![0.0; config.items];
    network.logits(&network.queries(&state), &mut logits);
    mask(&mut logits, &consumed);
    let mut probabilities = vec![0.0; config.items];
    let summary = softmax(&logits, &mut probabilities);

    let name = |item: u32| {
        let id = policy.items.ids.id(item);
        titles[item as usize]
            .as_ref()
            .map_or_else(|| id.to_string(), |title| format!("{id}  {title}"))
    };
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "user {user}");
    let _ = writeln!(
        text,
        "policy {}, traits {}",
        policy.config.method, policy.config.traits
    );
    let _ = writeln!(text, "consumed {} of {} items", consumed.len(), config.items);
    let _ = writeln!(
        text,
        "traits known: {}",
        if context.traits.iter().any(|t| *t != 0.0) {
            "yes"
        } else {
            "no"
        }
    );
    let _ = writeln!(text, "history, oldest first:");
    for &(item, feedback) in &context.history {
        let sign = if feedback > 0.0 { "liked    " } else { "not liked" };
        let _ = writeln!(text, "  {sign}  {}", name(item));
    }
    let _ = writeln!(text, "value {value:.4} (expected discounted feedback from here)");
    let effective = summary.entropy.exp();
    let _ = writeln!(
        text,
        "entropy {:.3} nats (as if choosing among {effective:.0} items)",
        summary.entropy
    );
    let _ = writeln!(text, "{:>4}  {:>11}  {:>5}  item", "rank", "probability", "likes");
    let mut order: Vec<u32> = (0..config.items as u32).collect();
    order.sort_by(|&a, &b| {
        probabilities[b as usize]
            .total_cmp(&probabilities[a as usize])
            .then(a.cmp(&b))
    });
    for (rank, &item) in order.iter().take(top).enumerate() {
        let probability = probabilities[item as usize];
        let likes = policy.items.popularity[item as usize];
        let _ = writeln!(
            text,
            "{:>4}  {probability:>11.6}  {likes:>5.0}  {}",
            rank + 1,
            name(item)
        );
    }
    text
}
