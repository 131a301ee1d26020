//! The picture for a README: a panel for each environment, with learning curves of Headstart, adapting and frozen, beside the best
//! plain recommenders and the oracle's level.

use std::collections::BTreeMap;
use std::fmt::Write;

use common::{Error, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::curves::{self, Curve, Frame};
use super::interval::Estimate;
use super::methods;
use super::palette::{self, INK, Stroke};
use super::section::Section;

/// The lines of ours, as they are labelled here.
const OURS: [(&str, &str); 2] = [("headstart", "Headstart"), ("appeal", "frozen start")];
/// Plain recommenders in a panel, at most.
const PLAIN: usize = 2;
/// Of a panel, in the SVG's own units: two stand beside each other, at half this size where the picture is 700 pixels wide.
const PANEL: (u32, u32) = (700, 430);
/// Room for the heading.
const HEADING: u32 = 60;
/// Text, before plotters' own factor of 1 / 1.24: 11 pixels high where the picture is 700 wide.
const FONT: u32 = 28;

/// The lines of an environment's panel: of `tenths`, by method, ours and the best plain recommenders by `mean`; and the `oracle`'s
/// level over all `episodes`. None where there is no line of a method.
pub(super) fn lines(
    mut tenths: BTreeMap<String, Vec<(u64, Estimate)>>,
    mean: impl Fn(&str) -> f64,
    oracle: Option<Estimate>,
    episodes: u64,
) -> Vec<Curve> {
    let mut plain = methods::PLAIN.to_vec();
    plain.retain(|method| tenths.contains_key(*method));
    plain.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
    plain.truncate(PLAIN);
    let ours = OURS.map(|(method, label)| (method, label.to_string()));
    let plain = plain.into_iter().map(|method| (method, methods::name(method)));
    let line = |(method, name): (&str, String)| {
        let (shade, stroke) = palette::style(method, 0);
        Some(Curve {
            name,
            colour: shade.light,
            stroke,
            points: tenths.remove(method)?,
        })
    };
    let mut lines: Vec<Curve> = ours.into_iter().chain(plain).filter_map(line).collect();
    if let Some(oracle) = oracle.filter(|_| !lines.is_empty()) {
        let level = Estimate {
            interval: None,
            ..oracle
        };
        lines.push(Curve {
            name: "oracle".into(),
            colour: INK.light,
            stroke: Stroke::Dotted,
            points: vec![(0, level), (episodes, level)],
        });
    }
    lines
}

/// Draws a panel for each environment that has lines; `None` where none has.
///
/// # Errors
/// When it cannot be drawn.
pub(super) fn draw(sections: &[Section]) -> Result<Option<String>> {
    let drawn: Vec<&Section> = sections
        .iter()
        .filter(|section| !section.picture.is_empty())
        .collect();
    if drawn.is_empty() {
        return Ok(None);
    }
    let columns = drawn.len().min(2);
    let rows = drawn.len().div_ceil(columns);
    let size = (columns as u32 * PANEL.0, HEADING + rows as u32 * PANEL.1);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let (heading, panels) = area.split_vertically(HEADING);
        let text = ("sans-serif", FONT).into_font().color(&INK.light);
        let text = text.pos(Pos::new(HPos::Center, VPos::Center));
        let place = (size.0 as i32 / 2, HEADING as i32 / 2);
        heading
            .draw(&Text::new(heading_of(columns), place, text))
            .map_err(curves::failed)?;
        for (area, section) in panels.split_evenly((rows, columns)).iter().zip(drawn) {
            let frame = Frame {
                title: Some(&section.environment),
                axes: None,
                font: FONT,
                numbers: 5,
            };
            curves::fill(area, &section.picture, section.episodes, &frame)?;
        }
        area.present().map_err(curves::failed)?;
    }
    Ok(Some(with_style(&svg)))
}

/// What the numbers are; short where there is one panel.
fn heading_of(columns: usize) -> &'static str {
    if columns == 1 {
        "Likes per episode, by episodes played"
    } else {
        "Likes per episode, by episodes played: mean over seeds and its 95 % interval"
    }
}

/// Says to those who see a dark page which colours stand for the light ones.
fn with_style(svg: &str) -> String {
    let mut style = String::from("<style>@media (prefers-color-scheme: dark) {");
    for [light, dark] in palette::shades() {
        // Writing to a String cannot fail.
        let _ = write!(
            style,
            "[stroke=\"{light}\"]{{stroke:{dark}}}[fill=\"{light}\"]{{fill:{dark}}}"
        );
    }
    style.push_str("}</style>\n");
    match svg.find(">\n") {
        Some(end) => format!("{}{style}{}", &svg[..end + 2], &svg[end + 2..]),
        None => svg.to_string(),
    }
}

/// The error where no environment has a line.
pub(super) fn nothing() -> Error {
    let wanted: Vec<&str> = OURS
        .iter()
        .map(|(method, _)| *method)
        .chain(methods::PLAIN)
        .collect();
    Error::usage(format!(
        "there is nothing to picture: no metrics of {}",
        wanted.join(", ")
    ))
    .hint("give the metrics of `simulator run --method headstart`, `appeal` and plain recommenders")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenths(methods: &[(&str, f64)]) -> BTreeMap<String, Vec<(u64, Estimate)>> {
        let curve = |level: f64| {
            let point = |at: u64| (50 + 100 * at, Estimate::of(&[level, level + 0.1]).unwrap());
            (0..10).map(point).collect()
        };
        methods
            .iter()
            .map(|(method, level)| (method.to_string(), curve(*level)))
            .collect()
    }

    const FIVE: [(&str, f64); 7] = [
        ("popularity", 0.7),
        ("ease", 1.2),
        ("als", 0.9),
        ("item_knn", 1.0),
        ("appeal", 1.3),
        ("headstart", 1.4),
        ("bc", 9.0),
    ];

    fn mean(method: &str) -> f64 {
        FIVE.iter()
            .find(|(name, _)| *name == method)
            .map_or(0.0, |(_, level)| *level)
    }

    #[test]
    fn a_panel_has_ours_the_best_plain_recommenders_and_the_oracle() {
        let oracle = Estimate::of(&[1.7, 1.8]);
        let drawn = lines(tenths(&FIVE), mean, oracle, 1000);
        let names: Vec<&str> = drawn.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["Headstart", "frozen start", "EASE", "Item-kNN", "oracle"]);
        let level: Vec<u64> = drawn[4].points.iter().map(|(step, _)| *step).collect();
        assert_eq!((level, drawn[4].points[0].1.interval), (vec![0, 1000], None));
        assert!(lines(tenths(&[("bc", 1.0)]), mean, oracle, 1000).is_empty());
    }

    #[test]
    fn no_label_is_cut_off_and_both_grounds_are_thought_of() {
        let metrics: Vec<_> = ["a", "b", "c"]
            .iter()
            .flat_map(|environment| super::super::assemble::tests::runs(environment, "appeal", 1.0, 3))
            .collect();
        let sections = Section::all(&metrics).unwrap();
        let svg = draw(&sections).unwrap().unwrap();
        assert_eq!(svg, draw(&sections).unwrap().unwrap(), "the same bytes");
        assert_eq!(svg.matches("frozen start").count(), 3);
        assert!(svg.contains("prefers-color-scheme: dark") && !svg.contains("url(") && !svg.contains("href"));
        // Texts that begin at a place end within the picture, however wide the font.
        let width = f64::from(2 * PANEL.0);
        let value = |tag: &str, name: &str| -> f64 {
            let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let mut seen = 0;
        for tag in svg.split("<text ").skip(1).map(|tag| format!(" {tag}")) {
            let (head, text) = tag.split_once('>').unwrap();
            let text = text.split('<').next().unwrap().trim();
            if head.contains("text-anchor=\"start\"") {
                let end = value(head, "x") + 0.6 * value(head, "font-size") * text.chars().count() as f64;
                assert!(end <= width, "{text} ends at {end} of {width}");
                seen += 1;
            }
        }
        assert!(seen >= 3, "{svg}");
    }

    #[test]
    fn nothing_to_draw_is_said() {
        let metrics = super::super::assemble::tests::runs("a", "bc", 1.0, 2);
        assert!(draw(&Section::all(&metrics).unwrap()).unwrap().is_none());
        assert!(nothing().to_string().contains("headstart"));
    }
}
