//! Which columns of a table hold what an off-policy estimate needs: flags, so that any table can be read as it is.

use serde::Serialize;

use crate::schema::choices::TARGET_PROPENSITY;
use crate::schema::decisions::POSITION;
use crate::schema::interactions::{PROPENSITY, USER_ID};

const REWARD: &str = "reward";
pub(super) const MODEL: [&str; 2] = ["q_logged", "v_target"];
pub(super) const AT_POSITION: [&str; 2] = ["position_propensity", "target_position_propensity"];
pub(super) const OF_CATEGORY: [&str; 2] = ["category_propensity", "target_category_propensity"];

/// The names of the columns. Flatten it into a verb's arguments. A column without a name of its own is read under the usual one
/// where the table has it; one that is named must be there.
#[derive(clap::Args, Clone, Debug, PartialEq, Eq, Serialize)]
#[command(next_help_heading = "Columns")]
pub struct Columns {
    /// What the round earned (in a slate: the item), any finite number
    #[arg(long, value_name = "COLUMN", default_value = REWARD)]
    pub reward: String,
    /// The probability, above 0 and at most 1, with which the logging policy chose what it did; of an item of a slate: given those
    /// above it
    #[arg(long, value_name = "COLUMN", default_value = PROPENSITY)]
    pub propensity: String,
    /// The probability, from 0 to 1, with which the policy asked about (the target) would have chosen the same; of an item of a
    /// slate: given those above it
    #[arg(long, value_name = "COLUMN", default_value = TARGET_PROPENSITY)]
    pub target_propensity: String,
    /// Rounds that may depend on each other, such as those of one user: intervals are over these [default: user_id, where the
    /// table has it, else every round by itself]
    #[arg(long, value_name = "COLUMN")]
    pub cluster: Option<String>,
    /// A reward model's prediction for what was logged; in a slate: of what is earned from this position on. It gives DM, DR and
    /// SWITCH, in slates cascade-DR [default: q_logged, where the table has it]
    #[arg(long, value_name = "COLUMN")]
    pub model_logged: Option<String>,
    /// The target's expectation of that model over all that it might choose, in a slate given the items above [default: v_target,
    /// where the table has it]
    #[arg(long, value_name = "COLUMN")]
    pub model_target: Option<String>,
    /// The table's rows are items of slates: what tells the slates apart
    #[arg(long, value_name = "COLUMN")]
    pub slate: Option<String>,
    /// Each item's place in its slate [default: position]
    #[arg(long, value_name = "COLUMN", requires = "slate")]
    pub position: Option<String>,
    /// What the first place of a slate is called
    #[arg(long, value_name = "N", requires = "slate", default_value_t = 0)]
    pub first_position: u32,
    /// The probability with which the logging policy shows the item at this position, whatever stands above; with the target's it
    /// gives IIPS [default: position_propensity, where the table has it]
    #[arg(long, value_name = "COLUMN", requires = "slate")]
    pub position_propensity: Option<String>,
    /// The same of the target [default: target_position_propensity, where the table has it]
    #[arg(long, value_name = "COLUMN", requires = "slate")]
    pub target_position_propensity: Option<String>,
    /// The category of what was logged (text, a number, or a list of text, which counts as a set): it gives MIPS
    #[arg(long, value_name = "COLUMN", conflicts_with = "slate")]
    pub category: Option<String>,
    /// The probability with which the logging policy chooses anything of the category [default: category_propensity, where the table
    /// has it; else MIPS estimates its weights]
    #[arg(long, value_name = "COLUMN", requires = "category")]
    pub category_propensity: Option<String>,
    /// The same of the target [default: target_category_propensity, where the table has it]
    #[arg(long, value_name = "COLUMN", requires = "category")]
    pub target_category_propensity: Option<String>,
    /// What both policies know of the round, in few values such as a segment of users: where MIPS estimates its weights, it does so
    /// within each
    #[arg(long, value_name = "COLUMN", requires = "category")]
    pub context: Option<String>,
}

impl Default for Columns {
    fn default() -> Self {
        Columns {
            reward: REWARD.into(),
            propensity: PROPENSITY.into(),
            target_propensity: TARGET_PROPENSITY.into(),
            cluster: None,
            model_logged: None,
            model_target: None,
            slate: None,
            position: None,
            first_position: 0,
            position_propensity: None,
            target_position_propensity: None,
            category: None,
            category_propensity: None,
            target_category_propensity: None,
            context: None,
        }
    }
}

impl Columns {
    /// The name of the column of positions.
    pub(super) fn position(&self) -> &str {
        self.position.as_deref().unwrap_or(POSITION)
    }

    /// The usual name of the column of clusters.
    pub(super) fn usual_cluster() -> &'static str {
        USER_ID
    }

    /// The two columns that hold a reward model, in words.
    pub fn model(&self) -> String {
        in_words([&self.model_logged, &self.model_target], MODEL)
    }

    /// The two columns that hold propensities of items at positions, in words.
    pub fn at_position(&self) -> String {
        let given = [&self.position_propensity, &self.target_position_propensity];
        in_words(given, AT_POSITION)
    }
}

fn in_words(given: [&Option<String>; 2], usual: [&str; 2]) -> String {
    let [one, two] = [0, 1].map(|at| given[at].as_deref().unwrap_or(usual[at]));
    format!("`{one}` and `{two}`")
}
