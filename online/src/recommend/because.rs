//! Which of a user's liked items spoke for a recommendation, under policies whose state is a sum over the history.
//!
//! With h_k = S_k / d_k + s_k ([`common::policy::history`]) and logit_j = scale e_j . (W h + b) + c_j, the like of item i, whose
//! vector v_i is a term of S, adds scale sum_k (W' e_j)_k v_ik / d_k to the logit of item j.

use common::policy::{Network, history};
use common::policy_artifact::Encoder;

use crate::context::Context;

/// Items that are named at most.
const MOST: usize = 3;

/// The parts of a network that tell.
pub(super) struct Because<'a> {
    network: &'a Network,
    /// The entries of W that are not 0: row, column, value. A policy in closed form has few.
    weights: Vec<(usize, usize, f32)>,
}

impl<'a> Because<'a> {
    /// Of a network whose state is a sum over the history; none of another.
    pub(super) fn new(network: &'a Network) -> Option<Self> {
        let config = network.config();
        if config.encoder != Encoder::History {
            return None;
        }
        let entries = network.weights().query_weight.iter().enumerate();
        let weights = entries
            .filter(|(_, weight)| **weight != 0.0)
            .map(|(at, &weight)| (at / config.hidden, at % config.hidden, weight))
            .collect();
        Some(Because { network, weights })
    }

    /// For each of `items` the liked items of the context's history that spoke most for it, the most telling first.
    pub(super) fn of(&self, context: &Context, items: &[u32]) -> Vec<Vec<u32>> {
        let config = self.network.config();
        let weights = self.network.weights();
        let divisors = history::divisors(&weights.encoder, &context.memory);
        let mut pull = vec![0.0; config.hidden];
        items
            .iter()
            .map(|&item| {
                let embedding = &weights.item_embedding[item as usize * config.dims..][..config.dims];
                pull.fill(0.0);
                for &(row, column, weight) in &self.weights {
                    pull[column] += weight * embedding[row];
                }
                for (pull, divisor) in pull.iter_mut().zip(&divisors) {
                    *pull = if *divisor > 0.0 { *pull / divisor } else { 0.0 };
                }
                let mut told: Vec<(f32, u32)> = Vec::new();
                for &(liked, feedback) in &context.history {
                    let vector = history::like_vector(&weights.encoder, liked);
                    let adds: f32 = pull.iter().zip(vector).map(|(pull, x)| pull * x).sum();
                    if feedback > 0.0 && adds > 0.0 && told.iter().all(|(_, other)| *other != liked) {
                        told.push((adds, liked));
                    }
                }
                told.sort_by(|a, b| b.0.total_cmp(&a.0));
                told.into_iter().take(MOST).map(|(_, liked)| liked).collect()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::policy_artifact::{NetworkConfig, Weights};
    use common::rng::{RngExt, stream};

    #[test]
    fn what_is_named_is_what_raises_the_logit() {
        let config = NetworkConfig {
            items: 6,
            dims: 3,
            hidden: 4,
            traits: 0,
            window: 5,
            encoder: Encoder::History,
        };
        let mut weights = Weights::init(&config, 5);
        let mut rng = stream(1, "test", &[]);
        for tensor in weights
            .encoder
            .iter_mut()
            .chain([&mut weights.query_weight, &mut weights.item_embedding])
        {
            tensor.iter_mut().for_each(|x| *x = rng.random::<f32>() - 0.3);
        }
        // A number of S whose divisor is not above 0 is left out; the weights of squares are not negative.
        weights.encoder[5] = vec![0.5, 0.0, 1.0, 0.2];
        weights.encoder[2] = vec![5.0, 4.0, -9.0, 3.0];
        let network = Network::new(config.clone(), weights);
        let because = Because::new(&network).unwrap();
        let history = [(0, 1.0), (1, 1.0), (2, -1.0), (3, 1.0)];
        let mut memory = vec![0.0; network.config().memory()];
        for &(item, feedback) in &history {
            history::remember(&network.weights().encoder, &mut memory, item, feedback > 0.0, 1.0);
        }
        let context = |history: &[(u32, f32)], memory: &[f32]| Context {
            traits: vec![],
            history: history.to_vec(),
            memory: memory.to_vec(),
        };
        let named = because.of(&context(&history, &memory), &[4, 5]);
        // The logit with the sum less one like's vector, at the same divisors, tells what that like added.
        let divisors = history::divisors(&network.weights().encoder, &memory);
        let without = |liked: Option<u32>, item: usize| {
            let mut state = vec![0.0; 4];
            for (k, h) in state.iter_mut().enumerate() {
                let less = liked.map_or(0.0, |i| history::like_vector(&network.weights().encoder, i)[k]);
                *h = if divisors[k] > 0.0 {
                    (memory[k] - less) / divisors[k]
                } else {
                    0.0
                };
            }
            let mut logits = vec![0.0; 6];
            network.logits(&network.queries(&state), &mut logits);
            logits[item]
        };
        for (item, named) in [4, 5].into_iter().zip(&named) {
            let adds = |liked: u32| without(None, item) - without(Some(liked), item);
            let mut expected: Vec<u32> = [0, 1, 3].into_iter().filter(|&liked| adds(liked) > 0.0).collect();
            expected.sort_by(|&a, &b| adds(b).total_cmp(&adds(a)));
            assert_eq!(*named, expected, "item {item}");
        }
        assert!(named.iter().any(|list| !list.is_empty()));
        let gru = NetworkConfig {
            encoder: NetworkConfig::default().encoder,
            ..network.config().clone()
        };
        assert!(Because::new(&Network::new(gru.clone(), Weights::init(&gru, 1))).is_none());
    }
}
