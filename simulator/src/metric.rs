//! The names of the metrics that `simulator run` writes and `simulator report` reads, and their splits.

/// The split of everything measured while an agent acts.
pub const ONLINE: &str = "online";

/// Mean return (likes per episode) of one block of episodes; the step is the number of episodes played by the
/// end of the block, so that these rows are the learning curve.
pub const RETURN: &str = "return";
/// As [`RETURN`], with every drawn reward replaced by its probability: the same expectation, less noise.
pub const EXPECTED_RETURN: &str = "expected_return";

/// Mean return of the first tenth of the episodes; the step is the number of all episodes, as below.
pub const RETURN_FIRST: &str = "return_first";
/// Mean return of the last tenth of the episodes.
pub const RETURN_LAST: &str = "return_last";
/// Mean return of all episodes.
pub const RETURN_MEAN: &str = "return_mean";
/// As [`RETURN_FIRST`], with probabilities in place of drawn rewards.
pub const EXPECTED_RETURN_FIRST: &str = "expected_return_first";
/// As [`RETURN_LAST`], with probabilities in place of drawn rewards.
pub const EXPECTED_RETURN_LAST: &str = "expected_return_last";
/// As [`RETURN_MEAN`], with probabilities in place of drawn rewards.
pub const EXPECTED_RETURN_MEAN: &str = "expected_return_mean";
/// Mean over all episodes of the oracle's expected return for the episode's user minus the policy's expected
/// return in it.
pub const REGRET: &str = "regret";
/// Share of recommendations that went to the head: the most popular items that together have a third of the log.
pub const HEAD: &str = "exposure_head";
/// As [`HEAD`], to the items with the next third of the log.
pub const MIDDLE: &str = "exposure_middle";
/// As [`HEAD`], to all other items.
pub const TAIL: &str = "exposure_tail";
/// As [`HEAD`], to items that nobody had in the log.
pub const COLD: &str = "exposure_cold";
/// As [`HEAD`], in the first tenth of the episodes.
pub const HEAD_FIRST: &str = "exposure_head_first";
/// As [`HEAD`], in the last tenth of the episodes.
pub const HEAD_LAST: &str = "exposure_head_last";
/// Share of the catalogue that was recommended.
pub const COVERAGE: &str = "coverage";
/// Gini index of how often each item was recommended: 0 all alike, near 1 a few alone.
pub const GINI: &str = "gini";
/// Mean of -log2 of the share of users who had the item, in bits.
pub const NOVELTY: &str = "novelty";
/// Ends the name of what a group has more than all others: `expected_return_mean gender=F - others`.
pub const OTHERS: &str = " - others";
/// Share of actions that named an item the user had consumed already; each gave 0.
pub const REPEATS: &str = "repeats";

// Under the rule `easyrl4rec` rewards are ratings. Its R_cumu is RETURN_MEAN; there is no REGRET; and beside them stand:

/// Mean number of steps of an episode.
pub const LENGTH: &str = "length";
/// Mean rating of a step, over the steps of all episodes: R_avg.
pub const REWARD_MEAN: &str = "reward_mean";
