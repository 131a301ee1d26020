//! The table for people.

use super::{Measure, Section};

/// The measures of `environment` as text, one line each, by section.
pub(super) fn table(environment: &str, measures: &[Measure]) -> String {
    let sections = [
        (
            Section::Test,
            "on held-out cells that the fit did not see (95 % intervals over users)",
        ),
        (Section::Best, "on those of them that a good policy would choose"),
        (Section::All, "over all users and items outside their logs"),
    ];
    let width = |of: fn(&Measure) -> usize| measures.iter().map(of).max().unwrap_or(0);
    let (method, label) = (width(|m| m.method.len()), width(|m| m.label.chars().count()));
    let mut text = format!("fidelity of {environment}\n");
    for (section, heading) in sections {
        text += &format!("\n{heading}\n");
        for measure in measures.iter().filter(|measure| measure.section == section) {
            let interval = match measure.estimate.interval {
                Some((low, high)) => format!("  [{low:.4}, {high:.4}]"),
                None => String::new(),
            };
            text += &format!(
                "  {:<method$}  {:<label$}  {:>8.4}{interval}\n",
                measure.method, measure.label, measure.estimate.value
            );
        }
    }
    text
}
