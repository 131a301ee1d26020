//! What a strategy says of itself to people.

use serde::Serialize;

/// A decision laid open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// The prior's distribution over the catalogue; empty where there is no prior.
    pub prior: Vec<f32>,
    /// The adapted policy's; empty where nothing is adapted.
    pub adapted: Vec<f32>,
    /// What the items are drawn from.
    pub acting: Vec<f32>,
    /// The prior's share of it.
    pub weight: f32,
    /// The prior's value of the state: the discounted feedback it expected when it was trained.
    pub value: Option<f32>,
    /// The value after what was learnt since.
    pub adapted_value: Option<f32>,
    /// Why the weight is what it is, most telling first.
    pub reasons: Vec<Reason>,
}

impl Explanation {
    /// Of a policy that draws from weight * `prior` + (1 - weight) * `adapted`; values and reasons are still to be told.
    pub(super) fn mixed(prior: Vec<f32>, adapted: Vec<f32>, weight: f32) -> Self {
        let mix = |(q, p): (&f32, &f32)| weight * q + (1.0 - weight) * p;
        Explanation {
            acting: prior.iter().zip(&adapted).map(mix).collect(),
            prior,
            adapted,
            weight,
            ..Explanation::default()
        }
    }
}

/// One number behind a decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// A short name, `snake_case`.
    pub name: &'static str,
    /// The number.
    pub value: f64,
    /// What it means, in a sentence.
    pub meaning: String,
}

/// What a strategy has taken over from the one before.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Carried {
    /// Items whose own learnt part was taken over.
    pub items: usize,
    /// Learnt parts that were taken over.
    pub kept: Vec<&'static str>,
    /// Learnt parts that start anew, because they do not fit the new policy.
    pub dropped: Vec<&'static str>,
    /// Whether the strategy's numbers in users' memories hold under the new policy.
    #[serde(skip)]
    pub users: bool,
}
