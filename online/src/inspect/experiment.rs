//! `online inspect --experiment`: how the arms of an experiment compare.

use std::fmt::Write as _;

use common::{Error, Result, terminal};
use serde_json::json;

use super::{Format, Source};
use crate::experiment::{Past, Standing};

/// Prints the arms of a state's experiment on stdout.
///
/// # Errors
/// A state that is missing or damaged, or in which there was never an experiment.
pub fn print_experiment(source: &Source, format: Format) -> Result<()> {
    let arms = source.arms()?;
    let (standings, past) = (arms.standings(), arms.past());
    if standings.is_empty() && past.is_empty() {
        return Err(Error::usage("there is no experiment in this state")
            .file(source.path())
            .hint("`online serve --arm` begins one"));
    }
    let shown = match format {
        Format::Json => super::json(&json!({ "arms": standings, "past": past }))?,
        Format::Text => text(&standings, &past),
    };
    terminal::print(shown)
}

fn text(standings: &[Standing], past: &[Past]) -> String {
    let mut text = String::new();
    for (number, period) in past.iter().enumerate() {
        table(
            &mut text,
            &format!("period {}, until {}", number + 1, period.ended_by),
            &period.arms,
        );
    }
    match standings.is_empty() {
        true => text.push_str("no experiment runs\n"),
        false => table(&mut text, "now", standings),
    }
    text
}

fn table(to: &mut String, title: &str, arms: &[Standing]) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        to,
        "{title}:\n{:>7}  {:>9}  {:>12}  {:>12}  {:>10}  {:>32}  arm",
        "share", "users", "recommended", "rewards", "value", "less the reference's, always"
    );
    for arm in arms {
        let value = arm.value.map_or("-".to_string(), |value| format!("{value:.4}"));
        let difference = arm.difference.map_or("-".to_string(), |found| {
            format!(
                "{:+.4} [{:+.4}, {:+.4}]",
                found.estimate, found.lower, found.upper
            )
        });
        let _ = writeln!(
            to,
            "{:>7}  {:>9}  {:>12}  {:>12}  {value:>10}  {difference:>32}  {}{}",
            arm.share,
            arm.users,
            arm.recommendations,
            arm.rewards,
            arm.arm,
            if arm.stepped_back { " (stepped back)" } else { "" }
        );
    }
}
