//! One user as the policy sees them, and what it would recommend: prior, adapted policy, their mixture, and why.

use common::Result;
use serde::Serialize;

use crate::adapt::{Buffers, Explanation, Reason};
use crate::live::{Ask, State};

/// One user and the distribution that the next recommendation is drawn from.
#[derive(Debug, Clone, Serialize)]
pub struct Portrait {
    /// The user's id.
    pub user: String,
    /// Whether anything is known of the user.
    pub known: bool,
    /// Feedback the user has given to this service.
    pub events: u32,
    /// What acts.
    pub policy: Acting,
    /// Items consumed: they are not recommended again.
    pub consumed: usize,
    /// Items of the catalogue.
    pub items: usize,
    /// Whether the user has traits.
    pub traits_known: bool,
    /// The last items with feedback, oldest first.
    pub history: Vec<Lived>,
    /// The prior's share of what acts.
    pub weight: f32,
    /// The discounted feedback that the prior expects from here.
    pub value: Option<f32>,
    /// The same after what was learnt since.
    pub adapted_value: Option<f32>,
    /// Entropy of what acts, in nats.
    pub entropy: f32,
    /// Why the share is what it is, most telling first.
    pub reasons: Vec<Reason>,
    /// The likeliest items, by what acts.
    pub top: Vec<Listed>,
}

/// The policy and its strategy.
#[derive(Debug, Clone, Serialize)]
pub struct Acting {
    /// The fingerprint of the policy.
    pub fingerprint: String,
    /// 0 for the first policy, 1 more at each swap.
    pub epoch: u32,
    /// The method that trained it.
    pub method: String,
    /// Where its traits came from.
    pub traits: String,
    /// How it acts and learns.
    pub strategy: crate::adapt::Name,
    /// Updates so far.
    pub version: u64,
    /// Events applied so far, of all users.
    pub applied: u64,
}

/// An item of the history.
#[derive(Debug, Clone, Serialize)]
pub struct Lived {
    /// Its id.
    pub item: String,
    /// Its title, where it is known.
    pub title: Option<String>,
    /// +1 liked, -1 not.
    pub feedback: f32,
}

/// An item that may be recommended.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its id.
    pub item: String,
    /// Its title, where it is known.
    pub title: Option<String>,
    /// Likes in the log.
    pub likes: f32,
    /// Its probability to be recommended first.
    pub probability: f32,
    /// The same by the prior alone, where there is one.
    pub prior: Option<f32>,
    /// The same by the adapted policy alone, where there is one.
    pub adapted: Option<f32>,
}

/// The portrait of `user` with the `top` likeliest items. `title` gives an item's title by its code.
///
/// # Errors
/// An empty id.
pub fn portrait(
    state: &State,
    user: &str,
    top: usize,
    title: impl Fn(u32) -> Option<String>,
    buffers: &mut Buffers,
) -> Result<Portrait> {
    let ask = Ask {
        user,
        k: 1,
        candidates: None,
        given: None,
    };
    let (user_context, explanation) = state.explain(&ask, buffers)?;
    let context = user_context.context();
    let lived = context.history.iter().map(|&(item, feedback)| Lived {
        item: state.items().id(item).to_string(),
        title: title(item),
        feedback,
    });
    Ok(Portrait {
        user: user.to_string(),
        known: state.knows(user),
        events: state.events(user),
        policy: acting(state),
        consumed: state.consumed(user).len(),
        items: state.items().len(),
        traits_known: context.traits.iter().any(|t| *t != 0.0),
        history: lived.collect(),
        weight: explanation.weight,
        value: explanation.value,
        adapted_value: explanation.adapted_value,
        entropy: entropy(&explanation.acting),
        top: listed(state, &explanation, top, title),
        reasons: explanation.reasons,
    })
}

fn acting(state: &State) -> Acting {
    Acting {
        fingerprint: state.policy().to_string(),
        epoch: state.epoch(),
        method: state.config().method.clone(),
        traits: state.config().traits.clone(),
        strategy: state.settings().strategy,
        version: state.version(),
        applied: state.applied(),
    }
}

/// The `top` likeliest items that have a probability; among equals in the order of the catalogue.
fn listed(
    state: &State,
    explanation: &Explanation,
    top: usize,
    title: impl Fn(u32) -> Option<String>,
) -> Vec<Listed> {
    let Explanation {
        prior,
        adapted,
        acting,
        ..
    } = explanation;
    let mut order: Vec<usize> = (0..acting.len()).filter(|item| acting[*item] > 0.0).collect();
    order.sort_by(|&a, &b| acting[b].total_cmp(&acting[a]).then(a.cmp(&b)));
    let listed = order.into_iter().take(top).map(|item| Listed {
        item: state.items().id(item as u32).to_string(),
        title: title(item as u32),
        likes: state.catalogue().likes()[item],
        probability: acting[item],
        prior: prior.get(item).copied(),
        adapted: adapted.get(item).copied(),
    });
    listed.collect()
}

/// The entropy in nats.
fn entropy(probabilities: &[f32]) -> f32 {
    let terms = probabilities.iter().filter(|p| **p > 0.0);
    -terms.map(|p| p * p.ln()).sum::<f32>()
}
