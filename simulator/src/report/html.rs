//! The report as one self-contained page: the template's values, and rendering it.

use common::{Error, Result};
use minijinja::{Environment, Value, context};

use super::fidelity::{self, Fidelity};
use super::interval::Estimate;
use super::number::{self, plain, signed};
use super::reliability::{self, Reliability};
use super::section::Section;
use super::settings::{Artifact, Group};
use super::shown::Grid;
use super::table::{EXPECTED, HEADINGS, Row};
use super::verdict::{self, Comparison, Difference, Verdict};
use super::{curves, palette};

/// The part of the episodes that the second chart shows.
const START: f64 = 0.2;

/// Writes the page; `reliability` is that of the reward models, `settings` are the groups of artifacts, `manifest` that of the report itself.
///
/// # Errors
/// When a chart or the template fails, which is a defect of this tool.
pub(super) fn write(
    sections: &[Section],
    reliability: &[Reliability],
    settings: &[Group],
    manifest: &str,
) -> Result<String> {
    let reliability = reliability
        .iter()
        .enumerate()
        .map(|(at, of)| reliability_chart(at, of))
        .collect::<Result<Vec<_>>>()?;
    let sections = sections.iter().map(section).collect::<Result<Vec<_>>>()?;
    let shades: Vec<Value> = palette::shades()
        .into_iter()
        .map(|[light, dark]| context! { light, dark })
        .collect();
    let mut environment = Environment::new();
    // Names that end in .html are escaped, and all that is included with them.
    environment
        .add_template("report.css", include_str!("report.css"))
        .map_err(failed)?;
    environment
        .add_template("report.html", include_str!("report.html"))
        .map_err(failed)?;
    let page = context! {
        version => env!("CARGO_PKG_VERSION"),
        shades,
        headings => HEADINGS.to_vec(),
        sections,
        reliability,
        settings => settings.iter().map(group).collect::<Vec<_>>(),
        manifest,
    };
    environment
        .get_template("report.html")
        .and_then(|template| template.render(page))
        .map_err(failed)
}

fn section(section: &Section) -> Result<Value> {
    let answer = if section.rows.is_empty() {
        Vec::new()
    } else {
        verdict::answer(&section.comparisons)
    };
    let seeds: Vec<String> = section.seeds.iter().map(u64::to_string).collect();
    Ok(context! {
        environment => &section.environment,
        plain => verdict::beside_plain(&section.comparisons),
        methods => section.curves.iter().map(|curve| curve.name.as_str()).collect::<Vec<_>>().join("; "),
        seeds => seeds.join(", "),
        episodes => number::count(section.episodes),
        is_expected => section.measure == EXPECTED,
        notes => section.notes.clone(),
        answer,
        comparisons => section.comparisons.iter().map(comparison).collect::<Vec<_>>(),
        charts => charts(section)?,
        rows => section.rows.iter().map(row).collect::<Vec<_>>(),
        drawn => section.drawn.iter().map(row).collect::<Vec<_>>(),
        shown => section.shown.iter().map(grid).collect::<Vec<_>>(),
        fidelity => section.fidelity.as_ref().map(fidelity_groups).unwrap_or_default(),
    })
}

fn charts(section: &Section) -> Result<Vec<Value>> {
    let start = (section.episodes as f64 * START).round() as u64;
    let whole = (section.episodes, "All episodes".to_string());
    let zoom = (
        start,
        format!("The first {} episodes: the head start", number::count(start)),
    );
    let mut charts = Vec::new();
    for (episodes, title) in [whole, zoom] {
        if let Some(svg) = curves::draw(&section.curves, episodes, "likes per episode")? {
            // The SVG's texts were escaped when it was drawn.
            charts.push(context! { title, svg => Value::from_safe_string(svg) });
        }
    }
    Ok(charts)
}

fn reliability_chart(at: usize, reliability: &Reliability) -> Result<Value> {
    let (shade, _) = palette::style(&reliability.name, at);
    // The SVG's texts were escaped when it was drawn.
    let svg = reliability::draw(&reliability.diagrams, shade.light)?.map(Value::from_safe_string);
    Ok(context! {
        name => &reliability.name,
        error => cell(Some(reliability.error), number::fine),
        seeds => number::seeds(reliability.diagrams.len()),
        svg,
    })
}

/// Mean and interval apart, so that the page can set them apart.
fn cell(estimate: Option<Estimate>, write: fn(f64) -> String) -> Value {
    let text = number::estimate(estimate, write);
    let (mean, interval) = text.split_once(' ').unwrap_or((&text, ""));
    context! { mean, interval }
}

fn row(row: &Row) -> Value {
    let cells: Vec<Value> = row.cells.iter().map(|estimate| cell(*estimate, plain)).collect();
    context! { name => &row.name, is_control => row.is_control, cells, seeds => row.seeds }
}

fn grid(grid: &Grid) -> Value {
    let row = |(name, is_control, cells): &(String, bool, Vec<Option<Estimate>>)| {
        let cells: Vec<Value> = cells.iter().map(|estimate| cell(*estimate, grid.write)).collect();
        context! { name, is_control, cells }
    };
    context! {
        title => &grid.title,
        note => grid.note,
        headings => &grid.headings,
        rows => grid.rows.iter().map(row).collect::<Vec<_>>(),
    }
}

fn comparison(comparison: &Comparison) -> Value {
    context! {
        question => &comparison.question,
        with => &comparison.with,
        without => &comparison.without,
        is_control => comparison.is_control,
        differences => comparison.differences.iter().map(difference).collect::<Vec<_>>(),
    }
}

fn difference(difference: &Difference) -> Value {
    context! {
        over => difference.over,
        cell => cell(difference.estimate, signed),
        relative => difference.relative.map(number::percent).unwrap_or_default(),
        seeds => difference.estimate.map_or(0, |estimate| estimate.n),
        verdict => difference.verdict.words(),
        class => match difference.verdict {
            Verdict::Helped => "helped",
            Verdict::Hurt => "hurt",
            Verdict::NoDifference | Verdict::Undefined => "open",
        },
    }
}

fn fidelity_groups(fidelity: &Fidelity) -> Vec<Value> {
    let value =
        |(of, estimate): &(String, Estimate)| context! { of, cell => cell(Some(*estimate), number::fine) };
    let measure = |measure: &fidelity::Measure| {
        let values: Vec<Value> = measure.values.iter().map(value).collect();
        context! { name => &measure.name, meaning => measure.meaning, values }
    };
    let groups = fidelity.groups.iter();
    groups
        .map(|(title, measures)| context! { title => *title, measures => measures.iter().map(measure).collect::<Vec<_>>() })
        .collect()
}

fn group(group: &Group) -> Value {
    let pairs = |settings: &[(String, String)]| -> Vec<Value> {
        settings
            .iter()
            .map(|(name, value)| context! { name, value })
            .collect()
    };
    let artifact = |artifact: &Artifact| {
        context! {
            name => &artifact.name,
            fingerprint => artifact.fingerprint.clone(),
            own => pairs(&artifact.own),
            manifest => artifact.manifest.clone(),
        }
    };
    let artifacts: Vec<Value> = group.artifacts.iter().map(artifact).collect();
    context! { title => &group.title, shared => pairs(&group.shared), artifacts }
}

fn failed(error: minijinja::Error) -> Error {
    Error::retry(format!("the page cannot be written: {error:#}"))
}
