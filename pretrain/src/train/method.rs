//! The methods, with their hyper-parameters.

use common::Result;
use serde::Serialize;

use crate::algorithms::bc::{self, BcConfig};
use crate::algorithms::cql::{self, CqlConfig};
use crate::algorithms::ialp::{self, IalpConfig};
use crate::algorithms::ialp_log::{self, IalpLogConfig};
use crate::algorithms::sa2c::{self, Sa2cConfig};
use crate::algorithms::sqn::{self, SqnConfig};
use crate::algorithms::{Trained, cal_ql};
use crate::appeal::AppealConfig;
use crate::plain::Plain;
use crate::reward::{RewardConfig, RewardModel};
use crate::run::Run;

/// A method with its hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Behaviour cloning.
    Bc(BcConfig),
    /// Self-supervised Q-learning.
    Sqn(SqnConfig),
    /// Supervised advantage actor-critic.
    Sa2c(Sa2cConfig),
    /// Discrete conservative Q-learning.
    Cql(CqlConfig),
    /// Calibrated conservative Q-learning.
    CalQl(CqlConfig),
    /// Actor-critic on the reward model.
    Ialp(IalpConfig),
    /// Actor-critic on the reward model with the log's evidence, and imitation of the log.
    IalpLog(IalpLogConfig),
    /// The appeal model in closed form.
    Appeal(AppealConfig),
    /// A plain recommender in closed form.
    #[serde(untagged)]
    Plain(Plain),
}

/// A method without updates.
pub(crate) enum ClosedForm<'a> {
    Appeal(&'a AppealConfig),
    Plain(&'a Plain),
}

impl Method {
    /// As in artifacts.
    pub fn name(&self) -> &'static str {
        match self {
            Method::Bc(_) => "bc",
            Method::Sqn(_) => "sqn",
            Method::Sa2c(_) => "sa2c",
            Method::Cql(_) => "cql",
            Method::CalQl(_) => "cal_ql",
            Method::Ialp(_) => "ialp",
            Method::IalpLog(_) => "ialp_log",
            Method::Appeal(_) => "appeal",
            Method::Plain(plain) => plain.name(),
        }
    }

    /// Updates.
    pub fn steps(&self) -> u64 {
        match self {
            Method::Bc(config) => config.logged.steps,
            Method::Sqn(config) => config.logged.steps,
            Method::Sa2c(config) => config.logged.steps,
            Method::Cql(config) | Method::CalQl(config) => config.logged.steps,
            Method::Ialp(config) => config.steps,
            Method::IalpLog(config) => config.ialp.steps,
            Method::Appeal(_) | Method::Plain(_) => 0,
        }
    }

    /// Discount.
    pub fn gamma(&self) -> f32 {
        match self {
            Method::Bc(config) => config.logged.gamma,
            Method::Sqn(config) => config.logged.gamma,
            Method::Sa2c(config) => config.logged.gamma,
            Method::Cql(config) | Method::CalQl(config) => config.logged.gamma,
            Method::Ialp(config) => config.gamma,
            Method::IalpLog(config) => config.ialp.gamma,
            Method::Appeal(_) | Method::Plain(_) => IalpConfig::default().gamma,
        }
    }

    /// Q heads that it trains beside the policy.
    pub(crate) fn q_heads(&self) -> usize {
        match self {
            Method::Sqn(_) | Method::Sa2c(_) | Method::Cql(_) | Method::CalQl(_) => sqn::Q_HEADS,
            _ => 0,
        }
    }

    /// Whether it is made in closed form, and how.
    pub(crate) fn closed_form(&self) -> Option<ClosedForm<'_>> {
        match self {
            Method::Appeal(config) => Some(ClosedForm::Appeal(config)),
            Method::Plain(plain) => Some(ClosedForm::Plain(plain)),
            _ => None,
        }
    }

    /// What the reward model that it plays against knows; none where it plays against none.
    pub(crate) fn reward_model(&self) -> Option<&RewardConfig> {
        match self {
            Method::Ialp(config) => Some(&config.reward),
            Method::IalpLog(config) => Some(&config.ialp.reward),
            _ => None,
        }
    }

    /// Trains it. Methods that play against the reward model need `reward`.
    pub(crate) fn train(&self, run: Run, reward: Option<&RewardModel>) -> Result<Trained> {
        match (self, reward) {
            (Method::Bc(config), _) => bc::train(config, run),
            (Method::Sqn(config), _) => sqn::train(config, run),
            (Method::Sa2c(config), _) => sa2c::train(config, run),
            (Method::Cql(config), _) => cql::train(config, run),
            (Method::CalQl(config), _) => cal_ql::train(config, run),
            (Method::Ialp(config), Some(reward)) => ialp::train(config, run, reward),
            (Method::IalpLog(config), Some(reward)) => ialp_log::train(config, run, reward),
            (Method::Ialp(_) | Method::IalpLog(_), None) => Err(common::Error::usage(format!(
                "{} needs a reward model",
                self.name()
            ))),
            (Method::Appeal(_) | Method::Plain(_), _) => Err(common::Error::usage(format!(
                "{} has no training loop",
                self.name()
            ))),
        }
    }
}
