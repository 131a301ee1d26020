//! Arguments that `evaluate` and `gate` share: the held-out log and how it is read.

use std::path::PathBuf;

use clap::Args;
use common::{Error, Result};

use crate::evaluate::{Among, EvidencePaths, Mask, Protocol, Reward, Settings, Targets, Unknown};

#[derive(Args)]
pub(super) struct LaterArguments {
    /// The held-out log, of what happened after the policies' own: a folder with interactions.parquet, or a Parquet file
    /// (columns user_id, item_id, timestamp, feedback, optional propensity)
    #[arg(long, value_name = "PATH")]
    log: PathBuf,
    /// The held-out log's catalogue, to be compared with the policies'; MIPS reads its categories [default: items.parquet in the log's folder]
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Feedback of at least this is a like [default: what the log says]
    #[arg(long, value_name = "X")]
    like_threshold: Option<f32>,
    /// Which items are left out of lists and distributions
    #[arg(long, value_enum, default_value_t)]
    mask: Mask,
    /// What to do about interactions with items that the policies' catalogue lacks
    #[arg(long, value_enum, default_value_t)]
    unknown_items: Unknown,
    /// The level of the two-sided intervals
    #[arg(long, value_name = "X", default_value_t = Settings::default().confidence)]
    confidence: f64,
    #[command(flatten)]
    ranking: RankingArguments,
    #[command(flatten)]
    value: ValueArguments,
}

#[derive(Args)]
#[command(next_help_heading = "Ranking metrics")]
struct RankingArguments {
    /// Which held-out interactions a list should find
    #[arg(long, value_enum, default_value_t)]
    targets: Targets,
    /// When lists are made
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// Which items lists are made of
    #[arg(long, value_enum, default_value_t)]
    among: Among,
}

#[derive(Args)]
#[command(next_help_heading = "Off-policy estimates")]
struct ValueArguments {
    /// What an interaction earns
    #[arg(long, value_enum, default_value_t)]
    reward: Reward,
    /// A policy trained to do what the log shows (`pretrain train --method bc`), to estimate propensities that the log
    /// lacks [default: the items' smoothed popularity]
    #[arg(long, value_name = "DIR")]
    behaviour: Option<PathBuf>,
    /// Value the policy that takes its most probable item, instead of drawing from its softmax
    #[arg(long)]
    greedy: bool,
    /// Clip importance weights at this: less variance, some bias [default: no clipping]
    #[arg(long, value_name = "X")]
    max_weight: Option<f64>,
    /// SWITCH leaves a row to the reward model where its importance weight is above this
    #[arg(long, value_name = "X", default_value_t = Settings::default().tau)]
    tau: f64,
}

impl LaterArguments {
    pub(super) fn resolve(self) -> Result<(EvidencePaths, Settings)> {
        let positive = |flag: &str, value: f64| match value > 0.0 {
            true => Ok(()),
            false => Err(Error::usage(format!("{flag} {value} is not above 0"))),
        };
        if let Some(most) = self.value.max_weight {
            positive("--max-weight", most)?;
        }
        positive("--tau", self.value.tau)?;
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(
                Error::usage(format!("--confidence {} is not between 0 and 1", self.confidence))
                    .hint("pass 0.95 for 95 % intervals"),
            );
        }
        let settings = Settings {
            targets: self.ranking.targets,
            protocol: self.ranking.protocol,
            among: self.ranking.among,
            mask: self.mask,
            unknown_items: self.unknown_items,
            like_threshold: self.like_threshold,
            reward: self.value.reward,
            greedy: self.value.greedy,
            max_weight: self.value.max_weight,
            tau: self.value.tau,
            confidence: self.confidence,
        };
        let paths = EvidencePaths {
            log: self.log,
            items: self.items,
            behaviour: self.value.behaviour,
        };
        Ok((paths, settings))
    }
}
