//! Learning curves: mean over seeds, a band for its interval, a label at the end of each line; as inline SVG.

use std::fmt::Display;

use common::{Error, Result};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::interval::Estimate;
use super::labels;
use super::number;
use super::palette::{GRID, INK, Stroke};

/// Width and height in the SVG's own units. Plotters places on whole units, so a chart is drawn at twice the size at
/// which the page shows it.
const SIZE: (u32, u32) = (1760, 920);
/// Text of such a chart, before plotters' own factor of 1 / 1.24.
const FONT: u32 = 34;
/// The widest that a character is in the mean, as a share of [`FONT`]: of common sans-serif fonts Verdana is the widest.
const CHARACTER: f64 = 0.5;

/// What stands around the lines of a chart.
pub(super) struct Frame<'a> {
    /// Above it.
    pub(super) title: Option<&'a str>,
    /// Below the episodes and beside the values.
    pub(super) axes: Option<[&'a str; 2]>,
    /// The size of the text.
    pub(super) font: u32,
    /// Numbers at an axis, at most.
    pub(super) numbers: usize,
}

/// One line of a chart.
pub(super) struct Curve {
    /// Its label.
    pub(super) name: String,
    /// Its colour on a light ground.
    pub(super) colour: RGBColor,
    /// How it is drawn.
    pub(super) stroke: Stroke,
    /// (episodes, value), by episodes.
    pub(super) points: Vec<(u64, Estimate)>,
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws `curves` from 0 to `episodes`; `None` when no curve has two points there.
///
/// # Errors
/// When the chart cannot be drawn.
pub(super) fn draw(curves: &[Curve], episodes: u64, value_axis: &str) -> Result<Option<String>> {
    let curves: Vec<Curve> = curves
        .iter()
        .map(|curve| curve.up_to(episodes))
        .filter(|c| !c.points.is_empty())
        .collect();
    if curves.iter().all(|curve| curve.points.len() < 2) {
        return Ok(None);
    }
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let frame = Frame {
            title: None,
            axes: Some(["episodes played", value_axis]),
            font: FONT,
            numbers: 7,
        };
        fill(&area, &curves, episodes, &frame)?;
        area.present().map_err(failed)?;
    }
    Ok(Some(svg))
}

impl Curve {
    fn up_to(&self, episodes: u64) -> Curve {
        let points = self
            .points
            .iter()
            .filter(|(step, _)| *step <= episodes)
            .copied()
            .collect();
        Curve {
            name: self.name.clone(),
            points,
            ..*self
        }
    }
}

/// Draws `curves` from 0 to `episodes` within `area`. To the right there is room for the longest label.
///
/// # Errors
/// When the chart cannot be drawn.
pub(super) fn fill(area: &Area<'_>, curves: &[Curve], episodes: u64, frame: &Frame<'_>) -> Result<()> {
    let [low, high] = values(curves);
    let (font, size) = (frame.font, f64::from(frame.font));
    let longest = curves
        .iter()
        .map(|curve| curve.name.chars().count())
        .max()
        .unwrap_or(0);
    let labels = labels_from(font) + (longest as f64 * CHARACTER * size).ceil() as u32;
    let [below, beside] = if frame.axes.is_some() {
        [2.7, 3.65]
    } else {
        [1.5, 2.6]
    };
    let text = || ("sans-serif", font).into_font().color(&INK.light);
    let mut builder = ChartBuilder::on(area);
    if let Some(title) = frame.title {
        builder.caption(title, ("sans-serif", 1.15 * size).into_font().color(&INK.light));
    }
    let mut plot = builder
        .margin_top(font / 2)
        .margin_right(labels)
        .x_label_area_size((below * size) as u32)
        .y_label_area_size((beside * size) as u32)
        .build_cartesian_2d(0.0..episodes as f64, low..high)
        .map_err(failed)?;
    let [x_axis, y_axis] = frame.axes.unwrap_or_default();
    plot.configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID.light.stroke_width(2))
        .light_line_style(TRANSPARENT)
        .axis_style(INK.light.stroke_width(2))
        .label_style(text())
        .axis_desc_style(text())
        .x_labels(frame.numbers)
        .y_labels(frame.numbers)
        .x_label_formatter(&|x| number::count(x.round() as u64))
        .x_desc(x_axis)
        .y_desc(y_axis)
        .draw()
        .map_err(failed)?;
    for curve in curves {
        band(&mut plot, curve, [low, high])?;
    }
    for curve in curves {
        line(&mut plot, curve)?;
    }
    end_labels(area, &plot, curves, font)
}

/// How far right of the lines the names begin.
fn labels_from(font: u32) -> u32 {
    27 * font / 10
}

/// The range of values: all lines, and their bands as far as these do not dwarf the lines.
fn values(curves: &[Curve]) -> [f64; 2] {
    let points = || {
        curves
            .iter()
            .flat_map(|curve| &curve.points)
            .map(|(_, estimate)| estimate)
    };
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = (
        least(&mut points().map(|e| e.mean)),
        most(&mut points().map(|e| e.mean)),
    );
    let room = if high > low { 0.5 * (high - low) } else { 0.5 };
    let (band_low, band_high) = (
        least(&mut points().filter_map(|e| e.interval).map(|[low, _]| low)),
        most(&mut points().filter_map(|e| e.interval).map(|[_, high]| high)),
    );
    let (low, high) = (
        low.min(band_low.max(low - room)),
        high.max(band_high.min(high + room)),
    );
    let margin = if high > low { 0.03 * (high - low) } else { room };
    [low - margin, high + margin]
}

fn band(plot: &mut Plot<'_, '_>, curve: &Curve, [low, high]: [f64; 2]) -> Result<()> {
    let bounded: Vec<(f64, [f64; 2])> = curve
        .points
        .iter()
        .filter_map(|(step, estimate)| Some((*step as f64, estimate.interval?)))
        .collect();
    let upper = bounded
        .iter()
        .map(|&(step, [_, bound])| (step, bound.clamp(low, high)));
    let lower = bounded
        .iter()
        .rev()
        .map(|&(step, [bound, _])| (step, bound.clamp(low, high)));
    let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
    if bounded.len() > 1 {
        plot.draw_series([Polygon::new(outline, curve.colour.mix(0.13))])
            .map_err(failed)?;
    }
    Ok(())
}

fn line(plot: &mut Plot<'_, '_>, curve: &Curve) -> Result<()> {
    let points: Vec<(f64, f64)> = curve
        .points
        .iter()
        .map(|(step, e)| (*step as f64, e.mean))
        .collect();
    let style = curve.colour.stroke_width(5);
    match dashes(curve.stroke) {
        None => plot.draw_series(LineSeries::new(points, style)).map(|_| ()),
        Some((dash, space)) => plot
            .draw_series(DashedLineSeries::new(points, dash, space, style))
            .map(|_| ()),
    }
    .map_err(failed)
}

/// Lengths of dash and space.
fn dashes(stroke: Stroke) -> Option<(u32, u32)> {
    match stroke {
        Stroke::Solid => None,
        Stroke::Dashed => Some((18, 10)),
        Stroke::Dotted => Some((5, 7)),
    }
}

/// A leader from the end of each line to a sample of its stroke and its name.
fn end_labels(area: &Area<'_>, plot: &Plot<'_, '_>, curves: &[Curve], font: u32) -> Result<()> {
    // The plot's coordinates are those of the whole drawing, in which the area may be a part.
    let (left, top) = area.get_base_pixel();
    let ends: Vec<(i32, i32)> = curves
        .iter()
        .filter_map(|curve| curve.points.last())
        .map(|(step, estimate)| plot.backend_coord(&(*step as f64, estimate.mean)))
        .map(|(x, y)| (x - left, y - top))
        .collect();
    let (across, down) = plot.plotting_area().get_pixel_range();
    let (right, down) = (across.end - left, down.start - top..down.end - top);
    let size = f64::from(font);
    let range = [
        f64::from(down.start) + 0.4 * size,
        f64::from(down.end) - 0.4 * size,
    ];
    let wanted: Vec<f64> = ends.iter().map(|&(_, y)| f64::from(y)).collect();
    let text = ("sans-serif", font).into_font().color(&INK.light);
    let text = text.pos(Pos::new(HPos::Left, VPos::Center));
    for ((curve, (end_x, end_y)), y) in
        curves
            .iter()
            .zip(ends)
            .zip(labels::spread(&wanted, 1.18 * size, range))
    {
        let (left, y) = (right + font as i32, y.round() as i32);
        let leader = vec![(end_x + 4, end_y), (left, y)];
        area.draw(&PathElement::new(leader, curve.colour.mix(0.55).stroke_width(2)))
            .map_err(failed)?;
        let sample = [(left, y), (left + 27 * font as i32 / 20, y)];
        let style = curve.colour.stroke_width(6);
        match dashes(curve.stroke) {
            None => area.draw(&PathElement::new(sample.to_vec(), style)),
            Some((dash, space)) => area.draw(&DashedPathElement::new(sample, dash, space, style)),
        }
        .map_err(failed)?;
        area.draw(&Text::new(
            curve.name.clone(),
            (right + labels_from(font) as i32, y),
            text.clone(),
        ))
        .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn failed(error: impl Display) -> Error {
    Error::retry(format!("the chart cannot be drawn: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, stroke: Stroke, values: &[f64]) -> Curve {
        let points = values.iter().enumerate().map(|(at, value)| {
            let estimate = Estimate::of(&[value - 0.1, value + 0.1]).unwrap();
            (10 * (at as u64 + 1), estimate)
        });
        Curve {
            name: name.into(),
            colour: RGBColor(1, 2, 3),
            stroke,
            points: points.collect(),
        }
    }

    #[test]
    fn a_chart_has_its_lines_bands_labels_and_axes() {
        let curves = [
            curve("one & <two>", Stroke::Solid, &[1.0, 2.0, 3.0]),
            curve("three", Stroke::Dashed, &[1.0, 1.0, 1.0]),
        ];
        let svg = draw(&curves, 30, "likes per episode").unwrap().unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(
            svg.contains("one &amp; &lt;two&gt;") && svg.contains("three"),
            "{svg}"
        );
        assert!(svg.contains("episodes played") && svg.contains("likes per episode"));
        assert_eq!(svg.matches("<polygon").count(), 2);
        assert_eq!(svg, draw(&curves, 30, "likes per episode").unwrap().unwrap());
    }

    #[test]
    fn nothing_is_drawn_outside_the_chosen_episodes() {
        let curves = [curve("a", Stroke::Solid, &[1.0, 2.0, 3.0])];
        assert!(
            draw(&curves, 10, "y").unwrap().is_none(),
            "one point makes no line"
        );
        assert!(draw(&[], 10, "y").unwrap().is_none());
        assert!(draw(&curves, 20, "y").unwrap().is_some());
    }

    #[test]
    fn wide_bands_do_not_dwarf_the_lines() {
        let mut wide = curve("a", Stroke::Solid, &[1.0, 2.0]);
        wide.points[0].1.interval = Some([-100.0, 100.0]);
        let [low, high] = values(&[wide]);
        assert!(low > 0.0 && high < 3.0, "{low} {high}");
        let flat = values(&[Curve {
            points: vec![(1, Estimate::of(&[2.0]).unwrap())],
            ..curve("a", Stroke::Solid, &[])
        }]);
        assert!(
            flat[0] < 2.0 && flat[1] > 2.0 && flat.iter().all(|v| v.is_finite()),
            "{flat:?}"
        );
    }
}
