//! `online inspect --apprentice`: how a policy would have done beside the system that it learns from.

use std::fmt::Write as _;

use common::{Error, Result, terminal};

use super::{Format, Source};
use crate::experiment::{Interval, Report};
use crate::journal::StateFolder;
use crate::live::Pending;

/// Prints the report of a state on stdout.
///
/// # Errors
/// A state that is missing or damaged, or to which nothing was shown.
pub fn print_apprentice(source: &Source, format: Format) -> Result<()> {
    let folder = StateFolder::read(source.path())?;
    // Lessons wait as long as their decisions do.
    let report = folder.recover(Pending::CAPACITY)?.report();
    if report.shown == 0 {
        return Err(Error::usage("no other system has shown anything to this state")
            .file(source.path())
            .hint("`online serve --apprentice` takes what was shown by POST /shown"));
    }
    let shown = match format {
        Format::Json => super::json(&report)?,
        Format::Text => text(&report),
    };
    terminal::print(shown)
}

fn text(report: &Report) -> String {
    let number = |value: Option<f64>| value.map_or("-".to_string(), |value| format!("{value:.4}"));
    let interval = |found: Option<Interval>| {
        found.map_or("-".to_string(), |found| {
            format!("{:.4} [{:.4}, {:.4}]", found.estimate, found.lower, found.upper)
        })
    };
    let lines = [
        ("shown by the present system", report.shown.to_string()),
        ("the policy drew the same item", number(report.agreement)),
        (
            "its mean probability of the shown item",
            number(report.target_probability),
        ),
        ("answers with propensity", report.answered.to_string()),
        ("answers without", report.answered_without_propensity.to_string()),
        ("users who answered", report.users.to_string()),
        ("reward per answer, present system", number(report.incumbent)),
        ("policy by SNIPS", interval(report.snips)),
        ("  less the present system's", interval(report.snips_difference)),
        ("policy by DR", interval(report.dr)),
        ("  less the present system's", interval(report.dr_difference)),
        (
            "effective sample size",
            format!("{:.1}", report.effective_sample_size),
        ),
        (
            "mean importance weight (1 where true)",
            number(report.mean_weight),
        ),
        ("ready", if report.ready { "yes" } else { "no" }.to_string()),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<40}  {value}");
    }
    for reason in &report.reasons {
        let _ = writeln!(text, "  - {reason}");
    }
    text
}
