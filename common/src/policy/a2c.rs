//! The loss of the advantage actor-critic (A2C; Mnih et al., ICML 2016, synchronous form) and its gradient, by hand.
//!
//! With R the n-step return bootstrapped by the value of the state after, V = V(s), advantage A = R - V (both held
//! constant in the actor's term), H the entropy of the masked policy and rho a weight per transition, the loss is the
//! mean over transitions of
//!
//! ```text
//! - rho A ln pi(a|s)  +  critic * (R - V)^2 / 2  -  entropy * H(pi(.|s))
//! ```
//!
//! rho is 1 where the actions came from pi itself. Where they came from another policy mu (`off_policy`), it is 1 for
//! A > 0 and min(1, pi(a|s) / mu(a|s)) for A < 0, held constant: successes of the other policy are imitated at full
//! weight, its failures are held against pi only as far as pi would have made them (tapered off-policy REINFORCE;
//! Le Roux et al., 2025). A negative advantage at weight 1 would push down without end what pi hardly does.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::distribution::{mask, softmax};
use super::linear;
use super::network::{Forward, Network};

/// Contexts whose rows of logits are held at once.
const ROWS: usize = 32;

/// One step of experience, ready for the loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The state, as an index into the batch's contexts (several steps may share one).
    pub context: usize,
    /// Items that could not be chosen.
    pub consumed: Vec<u32>,
    /// The item chosen.
    pub action: u32,
    /// The probability with which the acting policy chose it.
    pub propensity: f32,
    /// The n-step return R.
    pub target: f32,
}

/// The factors of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// Of the critic's squared error.
    pub critic: f32,
    /// Of the entropy bonus.
    pub entropy: f32,
    /// Whether the actions came from another policy than the one that learns.
    pub off_policy: bool,
}

/// The loss and its parts, means over the transitions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Loss {
    /// policy + critic * value - entropy coefficient * entropy.
    pub total: f32,
    /// Mean of - rho A ln pi(a|s).
    pub policy: f32,
    /// Mean of (R - V)^2 / 2.
    pub value: f32,
    /// Mean entropy in nats.
    pub entropy: f32,
}

/// The memory of [`gradients`], kept from one update to the next.
#[derive(Debug)]
pub struct Workspace {
    /// The last gradient.
    pub gradient: Weights,
    logits: Vec<f32>,
    at_logits: Vec<f32>,
    actor: ActorRow,
}

impl Workspace {
    /// For networks of this size.
    pub fn new(config: &NetworkConfig) -> Self {
        Workspace {
            gradient: Weights::zeros(config),
            logits: vec![0.0; ROWS * config.items],
            at_logits: vec![0.0; ROWS * config.items],
            actor: ActorRow::new(config.items),
        }
    }
}

/// The loss of `transitions` after a `forward` pass of their contexts; its gradient in every tensor is in `workspace`.
///
/// # Panics
/// When an index lies outside the contexts or the catalogue.
pub fn gradients(
    network: &Network,
    forward: &Forward,
    transitions: &[Transition],
    coefficients: &Coefficients,
    workspace: &mut Workspace,
) -> Loss {
    let config = network.config();
    let weights = network.weights();
    let Workspace {
        gradient,
        logits,
        at_logits,
        actor,
    } = workspace;
    gradient
        .tensors_mut()
        .into_iter()
        .for_each(|tensor| tensor.fill(0.0));
    let mut loss = Loss::default();
    if transitions.is_empty() {
        return loss;
    }
    let Forward {
        states,
        tape,
        queries,
        critic,
        values,
    } = forward;
    let contexts = values.len();
    let share = 1.0 / transitions.len() as f32;

    // Transitions by context, so that those that share a state share its row of logits and of gradients.
    let mut by_context: Vec<usize> = (0..transitions.len()).collect();
    by_context.sort_by_key(|&t| transitions[t].context);
    let mut remaining = by_context.iter().peekable();

    let (items, dims) = (config.items, config.dims);
    let scale = network.scale();
    let mut at_values = vec![0.0; contexts];
    let mut at_queries = vec![0.0; queries.len()];
    for first in (0..contexts).step_by(ROWS) {
        let rows = ROWS.min(contexts - first);
        let queries = &queries[first * dims..(first + rows) * dims];
        let logits = &mut logits[..rows * items];
        let at_logits = &mut at_logits[..rows * items];
        network.logits(queries, logits);
        at_logits.fill(0.0);
        while let Some(&t) = remaining.next_if(|&&t| transitions[t].context < first + rows) {
            let transition = &transitions[t];
            let row = transition.context - first;
            let advantage = transition.target - values[transition.context];
            let at = row * items..(row + 1) * items;
            let part = actor.step(
                transition,
                advantage,
                coefficients,
                share,
                &logits[at.clone()],
                &mut at_logits[at],
            );
            loss.policy += part.policy * share;
            loss.entropy += part.entropy * share;
            loss.value += 0.5 * advantage * advantage * share;
            at_values[transition.context] -= coefficients.critic * advantage * share;
        }
        linear::add_weight_gradient(&mut gradient.item_embedding, at_logits, queries, dims, scale);
        linear::add_rows(&mut gradient.item_bias, at_logits);
        let at_queries = &mut at_queries[first * dims..(first + rows) * dims];
        linear::add_input_gradient(at_queries, at_logits, &weights.item_embedding, dims, scale);
    }
    loss.total = loss.policy + coefficients.critic * loss.value - coefficients.entropy * loss.entropy;

    // The logit is scale * (query . embedding) + bias, so that d logit / d log_temperature is its first term.
    gradient.log_temperature[0] = queries.iter().zip(&at_queries).map(|(q, g)| q * g).sum();
    linear::add_weight_gradient(
        &mut gradient.query_weight,
        &at_queries,
        states,
        config.hidden,
        1.0,
    );
    linear::add_rows(&mut gradient.query_bias, &at_queries);
    let mut at_states = vec![0.0; states.len()];
    linear::add_input_gradient(
        &mut at_states,
        &at_queries,
        &weights.query_weight,
        config.hidden,
        1.0,
    );
    critic_gradient(network, states, critic, &at_values, gradient, &mut at_states);
    tape.backward(config, weights, &at_states, gradient);
    loss
}

/// Backward through critic_w2 . relu(critic_w1 h + critic_b1) + critic_b2.
fn critic_gradient(
    network: &Network,
    states: &[f32],
    active: &[f32],
    at_values: &[f32],
    gradient: &mut Weights,
    at_states: &mut [f32],
) {
    let hidden = network.config().hidden;
    let weights = network.weights();
    let mut at_active = vec![0.0; active.len()];
    for ((row, out), &up) in active
        .chunks_exact(hidden)
        .zip(at_active.chunks_exact_mut(hidden))
        .zip(at_values)
    {
        for i in 0..hidden {
            gradient.critic_w2[i] += up * row[i];
            out[i] = if row[i] > 0.0 {
                up * weights.critic_w2[i]
            } else {
                0.0
            };
        }
        gradient.critic_b2[0] += up;
    }
    linear::add_weight_gradient(&mut gradient.critic_w1, &at_active, states, hidden, 1.0);
    linear::add_rows(&mut gradient.critic_b1, &at_active);
    linear::add_input_gradient(at_states, &at_active, &weights.critic_w1, hidden, 1.0);
}

/// Working space for the actor's part of one transition.
#[derive(Debug)]
struct ActorRow {
    masked: Vec<f32>,
    probabilities: Vec<f32>,
}

struct ActorPart {
    policy: f32,
    entropy: f32,
}

impl ActorRow {
    fn new(items: usize) -> Self {
        ActorRow {
            masked: vec![0.0; items],
            probabilities: vec![0.0; items],
        }
    }

    /// Adds the gradient at the logits: with p the masked softmax,
    /// share * (rho A (p_j - [j = a]) + entropy * p_j (ln p_j + H)).
    fn step(
        &mut self,
        transition: &Transition,
        advantage: f32,
        coefficients: &Coefficients,
        share: f32,
        logits: &[f32],
        at_logits: &mut [f32],
    ) -> ActorPart {
        self.masked.copy_from_slice(logits);
        mask(&mut self.masked, &transition.consumed);
        let summary = softmax(&self.masked, &mut self.probabilities);
        let action = transition.action as usize;
        let weight = match coefficients.off_policy {
            true if advantage < 0.0 => (self.probabilities[action] / transition.propensity).min(1.0),
            _ => 1.0,
        };
        let push = weight * advantage;
        let log_probability = self.masked[action] - summary.log_sum;
        let of_policy = share * push;
        let of_entropy = share * coefficients.entropy;
        let shift = summary.entropy - summary.log_sum;
        for ((out, &p), &logit) in at_logits.iter_mut().zip(&self.probabilities).zip(&self.masked) {
            *out += p * (of_policy + of_entropy * (logit + shift));
        }
        at_logits[action] -= of_policy;
        ActorPart {
            policy: -push * log_probability,
            entropy: summary.entropy,
        }
    }
}
