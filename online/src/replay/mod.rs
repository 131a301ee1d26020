//! `online replay`: a live state from its events. Of a state folder, what its events make of its first policy, which is
//! what its server has; of any events, a new state folder that has learnt from them before it meets a user.

mod check;
mod warm_start;

pub use check::{CheckConfig, rebuild, repair};
pub use warm_start::{WarmStartConfig, warm_start};

use serde_json::{Value, json};

use crate::experiment::Arms;

/// What is said of a state.
fn described(state: &Arms) -> Value {
    let mut told = json!({
        "applied": state.applied(),
        "epoch": state.epoch(),
        "policy": state.policy(),
        "updates": state.version(),
        "users": state.changed_users(),
        "digest": state.digest(),
    });
    if state.is_experiment() {
        told["experiment"] = json!(state.standings());
    }
    told
}
