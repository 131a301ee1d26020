//! The report as text for the terminal.

use common::shown;

use super::interval::Estimate;
use super::number::{self, plain, signed};
use super::reliability::Reliability;
use super::section::Section;
use super::table::{EXPECTED, HEADINGS, aligned};
use super::verdict;

/// All sections, and how far the reward models can be trusted.
pub(super) fn write(sections: &[Section], reliability: &[Reliability]) -> String {
    let mut text = sections.iter().map(section).collect::<Vec<_>>().join("\n");
    if !reliability.is_empty() {
        text += "\nCalibration error of the reward models, on users whom the fit had not seen (mean over seeds):\n";
    }
    for Reliability { name, error, .. } in reliability {
        let error = number::estimate(Some(*error), number::fine);
        text += &format!("  {name}: {error}\n");
    }
    text
}

fn section(section: &Section) -> String {
    let mut text = heading(section);
    if !section.rows.is_empty() {
        text += &table(section);
        for note in &section.notes {
            text += &format!("Note: {note}\n");
        }
        let plain = verdict::beside_plain(&section.comparisons);
        if !plain.is_empty() {
            text += "\nBeside what a practitioner would use without a language model\n";
            plain
                .iter()
                .for_each(|sentence| text += &format!("  {sentence}\n"));
        }
        text += "\nDid the language model help?\n";
        for sentence in verdict::answer(&section.comparisons) {
            text += &format!("  {sentence}\n");
        }
        text += &comparisons(section);
        for grid in &section.shown {
            text += &format!("\n{} (mean over seeds). {}\n", grid.title, grid.note);
            text += &aligned(&grid.lines());
        }
    }
    text
}

fn heading(section: &Section) -> String {
    if section.rows.is_empty() {
        return format!(
            "Environment {}: no method was run in it\n",
            shown(&section.environment)
        );
    }
    let counted = if section.measure == EXPECTED {
        "as probabilities, not draws"
    } else {
        "as drawn"
    };
    format!(
        "Environment {}: {} over {} episodes each\n\
         Likes per episode ({counted}): mean over seeds [95 % interval]. Regret: likes per episode short of the best \
         policy; lower is better.\n\n",
        shown(&section.environment),
        number::seeds(section.seeds.len()),
        number::count(section.episodes),
    )
}

fn table(section: &Section) -> String {
    let mut lines = vec![
        ["method"]
            .iter()
            .chain(&HEADINGS)
            .chain(&["seeds"])
            .map(ToString::to_string)
            .collect(),
    ];
    for row in &section.rows {
        let cells = row.cells.iter().map(|cell| number::estimate(*cell, plain));
        let seeds = if row.seeds == 0 {
            "-".to_string()
        } else {
            row.seeds.to_string()
        };
        lines.push(
            std::iter::once(row.name.clone())
                .chain(cells)
                .chain([seeds])
                .collect(),
        );
    }
    let mut text = aligned(&lines);
    if section.rows.iter().any(|row| row.is_control) {
        text += "\"traits shuffled\" is the control: the language model's traits went to the wrong items and users.\n";
    }
    text
}

fn comparisons(section: &Section) -> String {
    if section.comparisons.is_empty() {
        return String::new();
    }
    let mut lines = Vec::new();
    for comparison in &section.comparisons {
        for (at, difference) in comparison.differences.iter().enumerate() {
            let title = format!("  {} minus {}", comparison.with, comparison.without);
            let relative = difference.relative.map(number::percent).unwrap_or_default();
            lines.push(vec![
                if at == 0 { title } else { String::new() },
                difference.over.to_string(),
                number::estimate(difference.estimate, signed),
                relative,
                seeds(difference.estimate),
                format!(" {}", difference.verdict.words()),
            ]);
        }
    }
    let last = lines
        .iter()
        .map(|line| line[5].chars().count())
        .max()
        .unwrap_or(0);
    for line in &mut lines {
        line[5] = format!("{:<last$}", line[5]);
    }
    format!(
        "\n  Differences within each seed, mean [95 % interval]:\n{}",
        aligned(&lines)
    )
}

fn seeds(estimate: Option<Estimate>) -> String {
    number::seeds(estimate.map_or(0, |estimate| estimate.n))
}
