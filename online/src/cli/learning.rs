//! The options of how to act and learn, which several verbs share.

use clap::Args;
use common::cli::{fraction, not_negative, number, positive};

use crate::adapt::{AdapterSettings, GateSettings, Hyper, Learning, LinUcbSettings, Mixing, Name, Rule};
use crate::index::Scan;
use crate::live::Settings;

/// Ids of the options below: those outside a group, and the groups. Of a struct that flattens others clap's own group is empty.
pub(super) const SINGLE: [&str; 1] = ["temperature"];
pub(super) const GROUPS: [&str; 4] = ["Steps", "Weight", "Own", "Bounds"];

/// Raw options; [`LearningArguments::settings`] fills in the strategy's defaults.
#[derive(Args, Debug)]
pub(super) struct LearningArguments {
    /// Divide the policy's logits by this: below 1 it shows what it holds best more often, above 1 it explores more; the
    /// propensities are those of what is done. 0.01 is as good as greedy [default: 1, the policy's own temperature]
    #[arg(long, value_name = "FACTOR", value_parser = positive::<f32>)]
    temperature: Option<f32>,
    #[command(flatten)]
    learning: Steps,
    #[command(flatten)]
    mixing: Weight,
    #[command(flatten)]
    adapter: Own,
    #[command(flatten)]
    linucb: Bounds,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Learning (ft, scratch, ap)")]
struct Steps {
    /// Adam's step size [default: 0.001 for ft, 0.005 for scratch and ap]
    #[arg(long, value_name = "RATE", value_parser = positive::<f32>)]
    lr: Option<f32>,
    /// Weight of the entropy bonus
    #[arg(long, default_value_t = Learning::DEFAULT.entropy, value_name = "WEIGHT", value_parser = not_negative::<f32>)]
    entropy: f32,
    /// Weight of the critic's squared error
    #[arg(long, default_value_t = Learning::DEFAULT.critic, value_name = "WEIGHT", value_parser = not_negative::<f32>)]
    critic: f32,
    /// Discount per step [default: the policy's]
    #[arg(long, value_name = "FACTOR", value_parser = fraction::<f32>)]
    gamma: Option<f32>,
    /// Answers between two updates [default: 32]
    #[arg(long, value_name = "ANSWERS", value_parser = clap::value_parser!(u32).range(1..))]
    rollout: Option<u32>,
    /// Bound of a gradient's norm
    #[arg(long, default_value_t = Learning::DEFAULT.max_norm, value_name = "NORM", value_parser = positive::<f32>)]
    max_norm: f32,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "The prior's weight (ap)")]
struct Weight {
    /// What gives the prior's weight [default: decaying]
    #[arg(long, value_enum, value_name = "RULE")]
    mixing: Option<Rule>,
    /// The fixed weight, the end of a falling one, or what others keep away from 0 and 1 by [default: 0.1]
    #[arg(long, alias = "ap-floor", value_name = "WEIGHT", value_parser = fraction::<f32>)]
    prior_floor: Option<f32>,
    /// Recommendations until a decaying weight has fallen from 1 to its floor [default: 10000]
    #[arg(long, alias = "ap-decay", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    prior_decay: Option<u64>,
    /// Recommendations that the prior makes alone at first [default: 0]
    #[arg(long, value_name = "COUNT")]
    warm_up: Option<u64>,
    /// Conservative gate: while it is not shown that the mixture earns at least (1 - ALPHA) of what the prior does, the
    /// online policy makes no more than ALPHA of the recommendations; `none` leaves it open [default: none]
    #[arg(long, value_name = "ALPHA", value_parser = gate)]
    gate: Option<Gate>,
}

/// The gate's part of the prior's return; none where it is to stay open.
#[derive(Debug, Clone, Copy)]
struct Gate(Option<f32>);

fn gate(text: &str) -> Result<Gate, String> {
    match text {
        "none" => Ok(Gate(None)),
        text => number(
            text,
            |x| x > 0.0 && x <= 1.0,
            "`none`, or a number above 0 and at most 1,",
        )
        .map(|alpha| Gate(Some(alpha))),
    }
}

fn share(text: &str) -> Result<f32, String> {
    number(text, |x| (0.0..=0.5).contains(&x), "a number from 0 to 0.5")
}

#[derive(Args, Debug)]
#[command(next_help_heading = "The model of likes (adapter)")]
struct Own {
    /// How far an item's likes may be from what the policy expects: standard deviation of its own part of the log-odds of a
    /// like, before any answer. Larger learns faster and less surely; 0 learns nothing of items
    #[arg(long, default_value_t = AdapterSettings::DEFAULT.item, value_name = "SD", value_parser = not_negative::<f32>)]
    item_sd: f32,
    /// The same of what is learnt of each user alone, over the items of the catalogue; 0 learns nothing of users
    #[arg(long, default_value_t = AdapterSettings::DEFAULT.user, value_name = "SD", value_parser = not_negative::<f32>)]
    user_sd: f32,
    /// Likes in the log that make an item or a user half as uncertain (in variance) as one without: what is well known is
    /// learnt with care
    #[arg(long, default_value_t = AdapterSettings::DEFAULT.evidence, value_name = "LIKES", value_parser = positive::<f32>)]
    evidence: f32,
    /// How much less known items are preferred: this times the standard deviation of an item's part is added when it acts;
    /// 0 explores by the policy's own sampling alone
    #[arg(long, default_value_t = AdapterSettings::DEFAULT.bonus, value_name = "FACTOR", value_parser = not_negative::<f32>)]
    bonus: f32,
    /// The share of the decisions that the frozen policy makes, so that the adapter can be compared with it all the time; 0
    /// compares nothing and never steps back
    #[arg(long, default_value_t = AdapterSettings::DEFAULT.control, value_name = "SHARE", value_parser = share)]
    control: f32,
    /// Where the adapter is shown to earn less than (1 - ALPHA) of the frozen policy's likes, the two change places until
    /// it is shown to earn as much again
    #[arg(long, default_value_t = AdapterSettings::DEFAULT.gate_alpha, value_name = "ALPHA", value_parser = fraction::<f32>)]
    gate_alpha: f32,
    /// By what the adapter scores all items at a decision
    #[arg(long, value_enum, value_name = "BY", default_value_t = Scan::Exact)]
    scan: Scan,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Upper confidence bounds (linucb)")]
struct Bounds {
    /// How much the width of an item's bound counts beside its mean; 0 takes the best mean [default: 0.2]
    #[arg(long, value_name = "FACTOR", value_parser = not_negative::<f32>)]
    alpha: Option<f32>,
}

impl LearningArguments {
    /// How to act and learn, with the defaults of `strategy`.
    pub(super) fn settings(&self, strategy: Name, seed: u64) -> Settings {
        let LearningArguments {
            temperature,
            learning,
            mixing,
            adapter,
            linucb,
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
                item: adapter.item_sd,
                user: adapter.user_sd,
                evidence: adapter.evidence,
                bonus: adapter.bonus,
                control: adapter.control,
                gate_alpha: adapter.gate_alpha,
            },
            linucb: LinUcbSettings {
                alpha: linucb.alpha.unwrap_or(default.linucb.alpha),
            },
            scan: adapter.scan,
        };
        Settings {
            strategy,
            gamma: learning.gamma,
            temperature: *temperature,
            hyper,
            seed,
        }
    }
}
