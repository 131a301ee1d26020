//! The options of how to act and learn, which several verbs share.

use clap::Args;

use super::numbers::{fraction, not_negative, positive};
use crate::adapt::{AdapterSettings, DriftSettings, GateSettings, Hyper, Learning, Mixing, Name, Rule};
use crate::index::Scan;
use crate::live::Settings;

/// Raw options; [`LearningArguments::resolve`] fills in the strategy's defaults.
#[derive(Args, Debug)]
pub(super) struct LearningArguments {
    #[command(flatten)]
    learning: Steps,
    #[command(flatten)]
    mixing: Weight,
    #[command(flatten)]
    adapter: Own,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Learning")]
struct Steps {
    /// Step size: of Adam, or for the adapter in gradients of the usual size [default: 0.001 for ft, 0.005 for
    /// scratch and ap, 0.01 for adapter]
    #[arg(long, value_name = "RATE", value_parser = positive)]
    lr: Option<f32>,
    /// Weight of the entropy bonus (ft, scratch, ap)
    #[arg(long, default_value_t = Learning::DEFAULT.entropy, value_name = "WEIGHT", value_parser = not_negative)]
    entropy: f32,
    /// Weight of the critic's squared error
    #[arg(long, default_value_t = Learning::DEFAULT.critic, value_name = "WEIGHT", value_parser = not_negative)]
    critic: f32,
    /// Discount per step [default: the policy's]
    #[arg(long, value_name = "FACTOR", value_parser = fraction)]
    gamma: Option<f32>,
    /// Answers between two updates [default: 32 for ft, scratch and ap, 1 for adapter]
    #[arg(long, value_name = "ANSWERS", value_parser = clap::value_parser!(u32).range(1..))]
    rollout: Option<u32>,
    /// Bound of a gradient's norm (ft, scratch, ap)
    #[arg(long, default_value_t = Learning::DEFAULT.max_norm, value_name = "NORM", value_parser = positive)]
    max_norm: f32,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "The prior's weight (ap, adapter)")]
struct Weight {
    /// What gives the prior's weight [default: decaying for ap, state for adapter]
    #[arg(long, value_enum, value_name = "RULE")]
    mixing: Option<Rule>,
    /// The fixed weight, the end of a falling one, or what others keep away from 0 and 1 by [default: 0.1 for ap, 0.05
    /// for adapter]
    #[arg(long, alias = "ap-floor", value_name = "WEIGHT", value_parser = fraction)]
    prior_floor: Option<f32>,
    /// Recommendations until a decaying weight has fallen from 1 to its floor [default: 10000]
    #[arg(long, alias = "ap-decay", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    prior_decay: Option<u64>,
    /// Recommendations that the prior makes alone at first; of the adapter only the critic learns from them [default: 0]
    #[arg(long, value_name = "COUNT")]
    warm_up: Option<u64>,
    /// Conservative gate: while it is not shown that the mixture earns at least (1 - ALPHA) of what the prior does, the
    /// adapted policy makes no more than ALPHA of the recommendations; `none` leaves it open [default: 0.1 for adapter, none for ap]
    #[arg(long, value_name = "ALPHA", value_parser = gate)]
    gate: Option<Gate>,
}

/// The gate's part of the prior's return; none where it is to stay open.
#[derive(Debug, Clone, Copy)]
struct Gate(Option<f32>);

fn gate(text: &str) -> common::Result<Gate> {
    match text {
        "none" => Ok(Gate(None)),
        number => positive(number)
            .and_then(|_| fraction(number))
            .map(|alpha| Gate(Some(alpha))),
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "The adapter")]
struct Own {
    /// Items drawn at each decision for the gradient
    #[arg(long, default_value_t = AdapterSettings::DEFAULT.negatives as u32, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    negatives: u32,
    /// How much an item's likes in the log count for users of whom nothing is known: this times their logarithm is
    /// added to its logit
    #[arg(long, default_value_t = AdapterSettings::DEFAULT.newcomer, value_name = "WEIGHT", value_parser = not_negative)]
    newcomer_popularity: f32,
    /// By how many deviations answers may fall short of what was expected, in sum, before exploration opens again; 0: never
    #[arg(long, default_value_t = DriftSettings::DEFAULT.threshold, value_name = "SUM", value_parser = not_negative)]
    drift_threshold: f32,
    /// For how many answers it is open then
    #[arg(long, default_value_t = DriftSettings::DEFAULT.reopen, value_name = "COUNT")]
    drift_reopen: u64,
    /// By what the adapter scores all items at a decision
    #[arg(long, value_enum, value_name = "BY", default_value_t = Scan::Exact)]
    scan: Scan,
}

impl LearningArguments {
    /// How to act and learn, with the defaults of `strategy`.
    pub(super) fn settings(&self, strategy: Name, seed: u64) -> Settings {
        let LearningArguments {
            learning,
            mixing,
            adapter,
        } = self;
        let default = Hyper::for_strategy(strategy);
        let gate = |Gate(alpha): Gate| {
            alpha.map(|alpha| GateSettings {
                alpha,
                ..GateSettings::DEFAULT
            })
        };
        let hyper = Hyper {
            learning: Learning {
                learning_rate: learning.lr.unwrap_or(default.learning.learning_rate),
                entropy: learning.entropy,
                critic: learning.critic,
                rollout: learning
                    .rollout
                    .map_or(default.learning.rollout, |answers| answers as usize),
                max_norm: learning.max_norm,
                ..default.learning
            },
            mixing: Mixing {
                rule: mixing.mixing.unwrap_or(default.mixing.rule),
                floor: mixing.prior_floor.unwrap_or(default.mixing.floor),
                decay: mixing.prior_decay.unwrap_or(default.mixing.decay),
                warm_up: mixing.warm_up.unwrap_or(default.mixing.warm_up),
                gate: mixing.gate.map_or(default.mixing.gate, gate),
            },
            adapter: AdapterSettings {
                negatives: adapter.negatives as usize,
                newcomer: adapter.newcomer_popularity,
                ..default.adapter
            },
            drift: DriftSettings {
                threshold: adapter.drift_threshold,
                reopen: adapter.drift_reopen,
            },
            scan: adapter.scan,
        };
        Settings {
            strategy,
            gamma: learning.gamma,
            hyper,
            seed,
        }
    }
}
