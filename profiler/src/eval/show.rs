//! The measures as text, as JSON, and as rows of metrics.

use common::schema::metrics::Metric;
use common::shown;
use serde_json::{Value, json};

use super::estimate::Estimate;
use super::measure::Measure;
use super::{Config, Evaluation};

/// A table for people, 100 columns wide or less where names are short.
pub(super) fn text(config: &Config, found: &Evaluation) -> String {
    let mut text = format!(
        "AUC of held-out likes among unseen items, mean over {} users (of {} who can be asked about)\n\
         {} held-out likes; {} unseen items per user, drawn by {}; seed {}; traits {}\n\n",
        found.users,
        found.left_out.usable_users,
        found.positives,
        config.negatives,
        config.weighting.name(),
        config.seed,
        config.transform.name(),
    );
    let width = found
        .measures
        .iter()
        .map(|m| shown(&m.signal).chars().count())
        .max()
        .unwrap_or(0);
    text += &format!(
        "{:<width$}    AUC     +-      95 %        over popularity           over categories\n",
        "signal"
    );
    for measure in &found.measures {
        let Estimate {
            mean,
            standard_error,
            interval: (low, high),
            users,
        } = measure.auc;
        let mut line = format!(
            "{:<width$}  {mean:.3}  {standard_error:.3}  {low:.3}-{high:.3}  {}  {}",
            shown(&measure.signal),
            difference(measure.over_popularity),
            difference(measure.over_categories),
        );
        if users < found.users {
            line += &format!("  ({users} users)");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn difference(estimate: Option<Estimate>) -> String {
    match estimate {
        Some(Estimate {
            mean,
            interval: (low, high),
            ..
        }) => format!("{mean:+.3} [{low:+.3}, {high:+.3}]"),
        None => " ".repeat(23),
    }
}

/// One JSON object.
pub(super) fn json(config: &Config, found: &Evaluation) -> String {
    let estimate = |of: &Estimate| {
        json!({
            "mean": of.mean, "standard_error": of.standard_error, "low": of.interval.0, "high": of.interval.1,
            "users": of.users,
        })
    };
    let measure = |measure: &Measure| {
        json!({
            "signal": measure.signal,
            "auc": estimate(&measure.auc),
            "over_popularity": measure.over_popularity.as_ref().map(estimate),
            "over_categories": measure.over_categories.as_ref().map(estimate),
        })
    };
    let measures: Vec<Value> = found.measures.iter().map(measure).collect();
    let all = json!({
        "users": found.users,
        "held_out_likes": found.positives,
        "negatives": config.negatives,
        "drawn_by": config.weighting.name(),
        "transform": config.transform.name(),
        "seed": config.seed,
        "left_out": {
            "users_without_held_out": found.left_out.users_without_held_out,
            "users_without_likes": found.left_out.users_without_likes,
            "users_without_unseen": found.left_out.users_without_unseen,
            "unknown_likes": found.left_out.unknown_likes,
            "repeated_likes": found.left_out.repeated_likes,
        },
        "signals": measures,
    });
    format!("{all}\n")
}

/// Rows of metrics: of each estimate the mean, and standard error and interval as `..._standard_error`, `..._low`
/// and `..._high`.
pub(super) fn rows(seed: u64, found: &Evaluation) -> Vec<Metric> {
    let mut rows = Vec::new();
    for measure in &found.measures {
        let estimates = [
            ("auc", Some(measure.auc)),
            ("auc_over_popularity", measure.over_popularity),
            ("auc_over_categories", measure.over_categories),
        ];
        for (name, estimate) in estimates {
            let Some(Estimate {
                mean,
                standard_error,
                interval: (low, high),
                users,
            }) = estimate
            else {
                continue;
            };
            let values = [
                ("", mean),
                ("_standard_error", standard_error),
                ("_low", low),
                ("_high", high),
                ("_users", users as f64),
            ];
            rows.extend(values.map(|(part, value)| Metric {
                environment: "log".into(),
                method: measure.signal.clone(),
                seed,
                split: "held_out".into(),
                metric: format!("{name}{part}"),
                step: 0,
                value,
            }));
        }
    }
    rows
}
