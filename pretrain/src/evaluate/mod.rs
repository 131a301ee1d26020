//! What a policy is worth, by what users did later and by the reward model; never by an environment.
//!
//! [`ranking`], [`estimators`], [`slates`], [`mips`] and [`interval`] are plain functions of numbers; [`run`] is `pretrain evaluate`: policies
//! against a held-out log. The policies are walked through it once (`replay`), and what they would have done is kept
//! (`measure`); metrics and estimates are computed from that.

mod categories;
mod cross_fit;
pub mod estimators;
pub(crate) mod evidence;
pub mod exposure;
mod factors;
mod groups;
pub mod interval;
mod later;
mod logging;
pub(crate) mod measure;
pub mod mips;
mod modelled;
pub mod ranking;
mod recall;
mod replay;
mod run;
mod scores;
mod settings;
pub mod slates;
pub(crate) mod table;

pub use evidence::EvidencePaths;
pub use logging::Source;
pub use modelled::Modelled;
pub(crate) use modelled::modelled;
pub use recall::Held;
pub(crate) use recall::recall;
pub use run::{EvaluateConfig, Named, run};
#[cfg(test)]
pub(crate) use scores::scores;
pub use settings::{Among, Mask, Protocol, Reward, Settings, Targets, Unknown};
pub use table::Format;
