//! `pretrain gate`: whether a policy is better than a reference on a held-out log, as an exit code.

mod compare;
mod criterion;
mod verdict;

use std::path::PathBuf;

use common::{Error, Result, terminal};

use crate::evaluate::evidence::{Candidate, Evidence};
use crate::evaluate::{EvidencePaths, Format, Settings};
use crate::threads;

pub use compare::{Comparison, Estimated, Side};
pub use criterion::Criterion;
pub use verdict::{Basis, Demand, Verdict};

/// What to compare.
#[derive(Clone, Debug)]
pub struct GateConfig {
    /// The policy that wants to pass.
    pub policy: PathBuf,
    /// The one it is held against.
    pub reference: PathBuf,
    /// The held-out log.
    pub evidence: EvidencePaths,
    /// How the policies are measured on it.
    pub settings: Settings,
    /// By what.
    pub criterion: Criterion,
    /// How much better the policy must be: the lower bound of the difference must be above this.
    pub margin: f64,
    /// The least effective sample size that a verdict may stand on.
    pub min_effective: f64,
    /// The form of the verdict on stdout.
    pub format: Format,
    /// Threads; the result does not depend on it.
    pub workers: usize,
}

/// Prints the verdict on stdout.
///
/// # Errors
/// [`common::error::Class::Refused`] where the policy does not pass; inputs that are missing, bad or do not belong
/// together.
pub fn run(config: &GateConfig) -> Result<()> {
    let verdict = judge(config)?;
    terminal::print(match config.format {
        Format::Text => verdict.text(),
        Format::Json => format!("{:#}\n", serde_json::json!(verdict)),
    })?;
    match verdict.passes {
        true => Ok(()),
        false => Err(Error::refused(format!(
            "the gate says no: {}",
            verdict.reasons.join("; and ")
        ))),
    }
}

/// The verdict itself.
///
/// # Errors
/// Inputs that are missing, bad or do not belong together.
pub fn judge(config: &GateConfig) -> Result<Verdict> {
    let candidates = [&config.reference, &config.policy].map(|folder| Candidate::load(folder));
    let candidates: Vec<Candidate> = candidates.into_iter().collect::<Result<_>>()?;
    let confidence = config.settings.confidence;
    threads::pool(config.workers)?.install(|| {
        // The reference comes first: what users had consumed is as it knows it.
        let evidence = Evidence::gather(&config.evidence, &config.settings, &candidates)?;
        let reference = evidence.measure(&candidates[0].policy, 0);
        let policy = evidence.measure(&candidates[1].policy, 0);
        let comparison = compare::compare(&evidence, &policy, &reference, config.criterion, confidence)?;
        let (estimated_propensities, propensities) = evidence.propensities();
        let demand = Demand {
            criterion: config.criterion,
            margin: config.margin,
            min_effective: config.min_effective,
            confidence,
        };
        let basis = Basis {
            users: evidence.users(),
            interactions: evidence.rows(),
            estimated_propensities,
            propensities,
        };
        Ok(Verdict::of(demand, comparison, basis))
    })
}
