//! Methods and their hyper-parameters, as arguments.

use std::ops::RangeInclusive;

use clap::{Args, ValueEnum};
use common::cli::count;
use common::policy_artifact::{Encoder, NetworkConfig};
use common::{Error, Result};

use crate::algorithms::bc::BcConfig;
use crate::algorithms::cql::CqlConfig;
use crate::algorithms::ialp::IalpConfig;
use crate::algorithms::ialp_log::IalpLogConfig;
use crate::algorithms::logged::{Imitate, LoggedConfig};
use crate::algorithms::sa2c::Sa2cConfig;
use crate::algorithms::sqn::SqnConfig;
use crate::appeal::AppealConfig;
use crate::plain::{AlsConfig, EaseConfig, KnnConfig, Plain};
use crate::reward::RewardConfig;
use crate::train::Method;

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum MethodName {
    /// Behaviour cloning: choose what users chose and liked next
    Bc,
    /// Imitation and Q-learning on the log over one encoder (SQN)
    Sqn,
    /// The same, imitation weighted by each logged action's advantage (SA2C)
    Sa2c,
    /// Conservative Q-learning on the log, discrete
    Cql,
    /// The same, values not pushed below the log's own returns (Cal-QL)
    CalQl,
    /// Actor-critic on the reward model: sample actions on logged states, answered from traits and calibrated on the
    /// log's own tail
    Ialp,
    /// The same with the log's co-likes as evidence beside the language model's traits, and imitation of the log
    IalpLog,
    /// In closed form: the whole history's collaborative evidence, popularity, categories and traits, weighed by what each
    /// is worth on folds of the log; the start that `online` adapts from
    Appeal,
    /// The most liked items, for everyone; this and the following act greedily, on likes alone, and read no profiles
    Popularity,
    /// Cosines with the liked items that count the item among their nearest
    ItemKnn,
    /// Likes predicted from all other likes by a linear model in closed form (EASE)
    Ease,
    /// Matrix factorisation of likes by alternating least squares, as in the package implicit
    Als,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum EncoderName {
    /// Mean of the last interactions
    Mean,
    /// Gated recurrent unit
    #[default]
    Gru,
    /// Causal self-attention, as in SASRec
    Attention,
}

#[derive(Args)]
#[command(next_help_heading = "Hyper-parameters")]
pub(super) struct HyperArguments {
    /// Updates [default: 2000, for ialp and ialp-log 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Interactions per update; for ialp and ialp-log episodes [default: 256, for these 64]
    #[arg(long, value_name = "N", value_parser = count)]
    batch: Option<usize>,
    /// Adam's step size at first; it falls linearly to 0 [default: 0.005, for ialp and ialp-log 0.006]
    #[arg(long, value_name = "X")]
    lr: Option<f32>,
    /// Discount per step [default: 0.9]
    #[arg(long, value_name = "X")]
    gamma: Option<f32>,
    /// Dimensions of an item embedding
    #[arg(long, value_name = "D", default_value = "64", value_parser = count)]
    pub(super) dims: usize,
    /// Hidden units of the encoder
    #[arg(long, value_name = "H", default_value = "64", value_parser = count)]
    pub(super) hidden: usize,
    /// How a user's last interactions are read
    #[arg(long, value_enum, default_value_t)]
    encoder: EncoderName,
    /// attention: blocks [default: 2]
    #[arg(long, value_name = "N", value_parser = count)]
    layers: Option<usize>,
    /// attention: heads of a block; --hidden is a multiple [default: 2]
    #[arg(long, value_name = "N", value_parser = count)]
    heads: Option<usize>,
    /// Score so many sampled items per update instead of all, with the correction of sampled softmax [default: all up to
    /// 32768 items, else 1024]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(super) negatives: Option<usize>,
    /// bc, sqn, sa2c, cql, cal-ql: the last part of each user's log that is held out to choose the best weights [default:
    /// 0.1]
    #[arg(long, value_name = "X")]
    validation: Option<f32>,
    /// bc, sqn, sa2c, cql, cal-ql: which logged interactions to choose again [default: likes]
    #[arg(long, value_enum)]
    imitate: Option<Imitate>,
    /// bc, sqn, sa2c, cql, cal-ql: share of what the encoder reads that is left out while training [default: 0]
    #[arg(long, value_name = "X")]
    dropout: Option<f32>,
    /// sqn, sa2c: weight of the temporal difference beside the imitation [default: 1]
    #[arg(long, value_name = "X")]
    td: Option<f32>,
    /// sa2c: negative actions drawn an interaction [default: 10]
    #[arg(long, value_name = "N", value_parser = count)]
    negative_actions: Option<usize>,
    /// sa2c: share of the updates before advantages weigh the imitation [default: 0.5]
    #[arg(long, value_name = "X")]
    warm_up: Option<f32>,
    /// cql, cal-ql: weight of the conservative penalty [default: 5]; als: confidence of a like, that of every other pair being
    /// 1 [default: 1]
    #[arg(long, value_name = "X")]
    alpha: Option<f32>,
    /// cql, cal-ql: the policy is softmax(Q / temperature) [default: 1]
    #[arg(long, value_name = "X")]
    temperature: Option<f32>,
    /// ialp, ialp-log: weight of the entropy bonus at first, as a share of the distance between the best items' and random
    /// items' modelled reward; it falls linearly to a tenth [default: 0.15]
    #[arg(long, value_name = "X")]
    entropy: Option<f32>,
    /// ialp, ialp-log: steps of an episode [default: 10]
    #[arg(long, value_name = "N", value_parser = count)]
    horizon: Option<usize>,
    /// ialp, ialp-log: rewards in a return before the critic stands in for the rest [default: 1]
    #[arg(long, value_name = "N", value_parser = count)]
    n_step: Option<usize>,
    /// ialp, ialp-log: standard errors of its logit by which the modelled reward is lowered: 0 trains on the mean, 1 or 2 on
    /// a lower bound, which keeps the policy from items that the log says little of [default: 0]
    #[arg(long, value_name = "X")]
    pessimism: Option<f32>,
    /// appeal: the share of the best item's modelled likes that sampling may cost, which sets the temperature [default: 0.02]
    #[arg(long, value_name = "X")]
    exploration: Option<f32>,
    /// appeal: leave the catalogue's categories out
    #[arg(long)]
    no_categories: bool,
    /// ialp-log: weight of the imitation of the log [default: 0.1]
    #[arg(long, value_name = "X")]
    imitation: Option<f32>,
    /// ease: added to the diagonal of the items' co-likes [default: 500]; als: weight of the factors' squares [default: 0.01]
    #[arg(long, value_name = "X")]
    ridge: Option<f32>,
    /// item-knn: nearest items that a liked one speaks for; catalogues of more than 4096 items are scored with all [default:
    /// 100]
    #[arg(long, value_name = "K", value_parser = count)]
    neighbours: Option<usize>,
    /// als: numbers of a user and of an item [default: 64]
    #[arg(long, value_name = "N", value_parser = count)]
    factors: Option<usize>,
    /// als: times that users and items are solved for [default: 15]
    #[arg(long, value_name = "N")]
    iterations: Option<usize>,
}

impl MethodName {
    fn is_logged(self) -> bool {
        !self.is_ialp() && !self.is_plain() && !matches!(self, MethodName::Appeal)
    }

    /// Whether it is a plain recommender, which reads likes alone.
    pub(super) fn is_plain(self) -> bool {
        matches!(
            self,
            MethodName::Popularity | MethodName::ItemKnn | MethodName::Ease | MethodName::Als
        )
    }

    /// Whether it plays against the reward model.
    pub(super) fn is_ialp(self) -> bool {
        matches!(self, MethodName::Ialp | MethodName::IalpLog)
    }

    fn is_cql(self) -> bool {
        matches!(self, MethodName::Cql | MethodName::CalQl)
    }
}

impl HyperArguments {
    pub(super) fn encoder(&self) -> Result<Encoder> {
        let EncoderName::Attention = self.encoder else {
            return match self.layers.or(self.heads) {
                Some(_) => Err(Error::usage(
                    "--layers and --heads are hyper-parameters of --encoder attention",
                )),
                None if matches!(self.encoder, EncoderName::Mean) => Ok(Encoder::Mean),
                None => Ok(Encoder::Gru),
            };
        };
        let (layers, heads) = (self.layers.unwrap_or(2), self.heads.unwrap_or(2));
        let encoder = Encoder::Attention { layers, heads };
        let (dims, hidden) = (self.dims, self.hidden);
        let network = NetworkConfig {
            dims,
            hidden,
            encoder,
            ..NetworkConfig::default()
        };
        network.check()?;
        Ok(encoder)
    }

    pub(super) fn method(&self, name: MethodName) -> Result<Method> {
        self.check(name)?;
        let logged = LoggedConfig::default();
        let logged = LoggedConfig {
            steps: self.steps.unwrap_or(logged.steps),
            batch: self.batch.unwrap_or(logged.batch),
            learning_rate: self.lr.unwrap_or(logged.learning_rate),
            gamma: self.gamma.unwrap_or(logged.gamma),
            validation: self.validation.unwrap_or(logged.validation),
            imitate: self.imitate.unwrap_or(logged.imitate),
            dropout: self.dropout.unwrap_or(logged.dropout),
            evaluate_every: logged.evaluate_every,
        };
        let cql = CqlConfig::default();
        let cql = CqlConfig {
            logged,
            alpha: self.alpha.unwrap_or(cql.alpha),
            temperature: self.temperature.unwrap_or(cql.temperature),
        };
        let ialp = IalpConfig::default();
        let ialp = IalpConfig {
            steps: self.steps.unwrap_or(ialp.steps),
            batch: self.batch.unwrap_or(ialp.batch),
            learning_rate: self.lr.unwrap_or(ialp.learning_rate),
            gamma: self.gamma.unwrap_or(ialp.gamma),
            entropy: self.entropy.unwrap_or(ialp.entropy),
            horizon: self.horizon.unwrap_or(ialp.horizon),
            n_step: self.n_step.unwrap_or(ialp.n_step),
            reward: RewardConfig {
                evidence: matches!(name, MethodName::IalpLog),
                pessimism: self.pessimism.unwrap_or(ialp.reward.pessimism),
            },
            ..ialp
        };
        Ok(match name {
            MethodName::Appeal => {
                let default = AppealConfig::default();
                Method::Appeal(AppealConfig {
                    exploration: self.exploration.map_or(default.exploration, f64::from),
                    categories: !self.no_categories,
                })
            }
            MethodName::Popularity => Method::Plain(Plain::Popularity),
            MethodName::ItemKnn => Method::Plain(Plain::ItemKnn(KnnConfig {
                neighbours: self.neighbours.unwrap_or(KnnConfig::default().neighbours),
            })),
            MethodName::Ease => Method::Plain(Plain::Ease(EaseConfig {
                ridge: self.ridge.unwrap_or(EaseConfig::default().ridge),
            })),
            MethodName::Als => {
                let default = AlsConfig::default();
                Method::Plain(Plain::Als(AlsConfig {
                    factors: self.factors.unwrap_or(default.factors),
                    ridge: self.ridge.unwrap_or(default.ridge),
                    alpha: self.alpha.unwrap_or(default.alpha),
                    iterations: self.iterations.unwrap_or(default.iterations),
                }))
            }
            MethodName::Bc => Method::Bc(BcConfig { logged }),
            MethodName::Sqn => Method::Sqn(SqnConfig {
                logged,
                td: self.td.unwrap_or(SqnConfig::default().td),
            }),
            MethodName::Sa2c => {
                let default = Sa2cConfig::default();
                Method::Sa2c(Sa2cConfig {
                    logged,
                    negative_actions: self.negative_actions.unwrap_or(default.negative_actions),
                    warm_up: self.warm_up.unwrap_or(default.warm_up),
                    td: self.td.unwrap_or(default.td),
                })
            }
            MethodName::Cql => Method::Cql(cql),
            MethodName::CalQl => Method::CalQl(cql),
            MethodName::Ialp => Method::Ialp(ialp),
            MethodName::IalpLog => {
                let default = IalpLogConfig::default();
                Method::IalpLog(IalpLogConfig {
                    ialp,
                    imitation: self.imitation.unwrap_or(default.imitation),
                    ..default
                })
            }
        })
    }

    /// Refuses flags that the method does not have, and values out of range.
    fn check(&self, name: MethodName) -> Result<()> {
        let logged = "bc, sqn, sa2c, cql and cal-ql";
        let (iterative, trained) = (!name.is_plain(), "the methods that are trained by updates");
        let als = matches!(name, MethodName::Als);
        let belongs = [
            ("--steps", self.steps.is_some(), iterative, trained),
            ("--batch", self.batch.is_some(), iterative, trained),
            ("--lr", self.lr.is_some(), iterative, trained),
            ("--gamma", self.gamma.is_some(), iterative, trained),
            ("--negatives", self.negatives.is_some(), iterative, trained),
            (
                "--ridge",
                self.ridge.is_some(),
                als || matches!(name, MethodName::Ease),
                "ease and als",
            ),
            (
                "--neighbours",
                self.neighbours.is_some(),
                matches!(name, MethodName::ItemKnn),
                "item-knn",
            ),
            ("--factors", self.factors.is_some(), als, "als"),
            ("--iterations", self.iterations.is_some(), als, "als"),
            ("--dropout", self.dropout.is_some(), name.is_logged(), logged),
            (
                "--validation",
                self.validation.is_some(),
                name.is_logged(),
                logged,
            ),
            ("--imitate", self.imitate.is_some(), name.is_logged(), logged),
            (
                "--td",
                self.td.is_some(),
                matches!(name, MethodName::Sqn | MethodName::Sa2c),
                "sqn and sa2c",
            ),
            (
                "--negative-actions",
                self.negative_actions.is_some(),
                matches!(name, MethodName::Sa2c),
                "sa2c",
            ),
            (
                "--warm-up",
                self.warm_up.is_some(),
                matches!(name, MethodName::Sa2c),
                "sa2c",
            ),
            (
                "--alpha",
                self.alpha.is_some(),
                name.is_cql() || matches!(name, MethodName::Als),
                "cql, cal-ql and als",
            ),
            (
                "--temperature",
                self.temperature.is_some(),
                name.is_cql(),
                "cql and cal-ql",
            ),
            (
                "--entropy",
                self.entropy.is_some(),
                name.is_ialp(),
                "ialp and ialp-log",
            ),
            (
                "--horizon",
                self.horizon.is_some(),
                name.is_ialp(),
                "ialp and ialp-log",
            ),
            (
                "--n-step",
                self.n_step.is_some(),
                name.is_ialp(),
                "ialp and ialp-log",
            ),
            (
                "--pessimism",
                self.pessimism.is_some(),
                name.is_ialp(),
                "ialp and ialp-log",
            ),
            (
                "--exploration",
                self.exploration.is_some(),
                matches!(name, MethodName::Appeal),
                "appeal",
            ),
            (
                "--no-categories",
                self.no_categories,
                matches!(name, MethodName::Appeal),
                "appeal",
            ),
            (
                "--imitation",
                self.imitation.is_some(),
                matches!(name, MethodName::IalpLog),
                "ialp-log",
            ),
        ];
        for (flag, given, has, of) in belongs {
            if given && !has {
                return Err(Error::usage(format!("{flag} is a hyper-parameter of {of}"))
                    .hint(format!("leave {flag} out")));
            }
        }
        in_range("--exploration", self.exploration, 0.0..=0.9)?;
        in_range("--ridge", self.ridge, 1e-6..=1e9)?;
        in_range("--lr", self.lr, f32::MIN_POSITIVE..=1.0)?;
        in_range("--gamma", self.gamma, 0.0..=1.0)?;
        in_range("--validation", self.validation, 0.0..=0.9)?;
        in_range("--dropout", self.dropout, 0.0..=0.95)?;
        in_range("--pessimism", self.pessimism, 0.0..=100.0)?;
        in_range("--td", self.td, 0.0..=100.0)?;
        in_range("--warm-up", self.warm_up, 0.0..=1.0)?;
        in_range("--alpha", self.alpha, 0.0..=1000.0)?;
        in_range("--temperature", self.temperature, 1e-3..=1000.0)?;
        in_range("--entropy", self.entropy, 0.0..=100.0)?;
        in_range("--imitation", self.imitation, 0.0..=100.0)
    }
}

fn in_range(flag: &str, value: Option<f32>, range: RangeInclusive<f32>) -> Result<()> {
    match value {
        Some(value) if !range.contains(&value) => {
            let (from, to) = (range.start(), range.end());
            Err(Error::usage(format!(
                "{flag} {value} is not between {from} and {to}"
            )))
        }
        _ => Ok(()),
    }
}
