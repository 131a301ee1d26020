//! The table for people.

use common::shown;

use super::{Measure, Section};
use crate::dataset::Unrated;

/// The measures of `environment` as text, one line each, by section.
pub(super) fn table(environment: &str, unrated: Unrated, measures: &[Measure]) -> String {
    let over_all = match unrated {
        Unrated::Negative => "over all users and items outside their logs",
        Unrated::Unknown => {
            "over all users and items outside their logs (like-rates: over all held-out ratings, since a pair without \
             a rating says nothing)"
        }
    };
    let sections = [
        (
            Section::Test,
            "the environment's user model on its test fold, a seventh of the held-out cells, which neither fit, choice \
             of hyper-parameters nor calibration saw (95 % intervals over users)",
        ),
        (Section::Best, "on those of them that a good policy would choose"),
        (
            Section::CrossFitted,
            "cross-fitted: the whole procedure repeated with other cells left out, each cell predicted by a model that \
             did not see it (AUC: mean over folds)",
        ),
        (
            Section::CrossFittedBest,
            "cross-fitted, on those of them that a good policy would choose",
        ),
        (Section::All, over_all),
        (
            Section::Bars,
            "bars (on cross-fitted measures where there are any)",
        ),
    ];
    let width = |of: fn(&Measure) -> usize| measures.iter().map(of).max().unwrap_or(0);
    let (method, label) = (width(|m| m.method.len()), width(|m| m.label.chars().count()));
    let mut text = format!("fidelity of {}\n", shown(environment));
    for (section, heading) in sections {
        let of_section: Vec<&Measure> = measures.iter().filter(|m| m.section == section).collect();
        if of_section.is_empty() {
            continue;
        }
        text += &format!("\n{heading}\n");
        for measure in of_section {
            if section == Section::Bars {
                let passed = if measure.estimate.value == 1.0 {
                    "pass"
                } else {
                    "FAIL"
                };
                text += &format!("  {passed}  {}\n", measure.label);
                continue;
            }
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
