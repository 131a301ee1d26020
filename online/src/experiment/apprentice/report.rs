//! What is known of a policy beside the system that it learns from, and whether it is ready.

use serde::Serialize;

use crate::experiment::Interval;
use crate::experiment::tally::FEWEST_USERS;

/// The least effective sample of a yes: that of `pretrain gate`.
const FEWEST_EFFECTIVE: f64 = 100.0;

/// What is known of the policy beside the present system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Items that the present system showed, since the policy is the one that it is.
    pub shown: u64,
    /// How often the policy's own draw was the same item.
    pub agreement: Option<f64>,
    /// The mean probability that it gave the shown item.
    pub target_probability: Option<f64>,
    /// Answers of items whose propensity is known.
    pub answered: u64,
    /// Answers of items whose propensity is not known: they teach, and nothing is estimated from them.
    pub answered_without_propensity: u64,
    /// Users of the former.
    pub users: u64,
    /// The present system's reward per answer, over the former.
    pub incumbent: Option<f64>,
    /// The policy's value by SNIPS.
    pub snips: Option<Interval>,
    /// The policy's value by DR.
    pub dr: Option<Interval>,
    /// SNIPS less the present system's value, paired by answer.
    pub snips_difference: Option<Interval>,
    /// DR less the present system's value, paired by answer.
    pub dr_difference: Option<Interval>,
    /// The effective sample (sum of w)^2 / sum of w^2 (Kish 1965).
    pub effective_sample_size: f64,
    /// The mean of w: 1 where propensities are true.
    pub mean_weight: Option<f64>,
    /// Whether the policy may take over: the lower bound of the difference, by SNIPS as `pretrain gate` has it, is above 0 and
    /// the effective sample is at least 100.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

impl Report {
    /// What speaks against letting the policy take over.
    pub(super) fn against(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.answered == 0 {
            reasons.push(match self.answered_without_propensity {
                0 => "nothing has come back yet".to_string(),
                answers => format!(
                    "no value can be estimated: of {answers} answers none came with the propensity of the present system; send \
                     `propensity`, the probability that it showed the item with"
                ),
            });
            return reasons;
        }
        if self.users < FEWEST_USERS as u64 {
            reasons.push(format!(
                "{} users have answered; below {FEWEST_USERS} nothing is claimed",
                self.users
            ));
        }
        if self.effective_sample_size < FEWEST_EFFECTIVE {
            reasons.push(format!(
                "the effective sample size {:.1} is below {FEWEST_EFFECTIVE}: the present system shows too little of what the \
                 policy would",
                self.effective_sample_size
            ));
        }
        match self.snips_difference {
            Some(difference) if difference.lower > 0.0 => {}
            Some(difference) => reasons.push(format!(
                "the lower bound of the difference to the present system, {:.5}, is not above 0",
                difference.lower
            )),
            None => reasons.push("the difference to the present system is not known yet".to_string()),
        }
        reasons
    }
}
