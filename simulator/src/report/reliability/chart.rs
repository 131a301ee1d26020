//! The reliability diagram as inline SVG: predicted against observed frequency, each with its interval. Both axes are
//! logarithmic, because likes are rare and the rarest and the likeliest matter alike.

use std::fmt::Display;

use common::schema::reliability::{Bin, Diagram};
use common::{Error, Result};
use plotters::prelude::*;

use crate::report::palette::{GRID, INK};

/// Width and height in the SVG's own units, about twice those at which the page shows it.
const SIZE: (u32, u32) = (1200, 920);
/// Text, before plotters' own factor of 1 / 1.24.
const FONT: u32 = 34;

/// Draws the bins of all seeds in `colour`; `None` when no bin has a prediction above 0.
///
/// # Errors
/// When the chart cannot be drawn.
pub(in crate::report) fn draw(diagrams: &[Diagram], colour: RGBColor) -> Result<Option<String>> {
    let bins: Vec<Bin> = diagrams.iter().flat_map(|diagram| diagram.bins.clone()).collect();
    let bins: Vec<Bin> = bins.into_iter().filter(|bin| bin.predicted > 0.0).collect();
    let Some([low, high]) = range(&bins) else {
        return Ok(None);
    };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut plot = ChartBuilder::on(&area)
            .margin_top(16)
            .margin_right(40)
            .x_label_area_size(92)
            .y_label_area_size(150)
            .build_cartesian_2d((low..high).log_scale(), (low..high).log_scale())
            .map_err(failed)?;
        let font = || ("sans-serif", FONT).into_font();
        plot.configure_mesh()
            .bold_line_style(GRID.light.stroke_width(2))
            .light_line_style(TRANSPARENT)
            .axis_style(INK.light.stroke_width(2))
            .label_style(font().color(&INK.light))
            .axis_desc_style(font().color(&INK.light))
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&|x| share(*x))
            .y_label_formatter(&|y| share(*y))
            .x_desc("predicted probability of a like")
            .y_desc("observed frequency")
            .draw()
            .map_err(failed)?;
        let diagonal = [(low, low), (high, high)];
        plot.draw_series(LineSeries::new(diagonal, INK.light.stroke_width(2)))
            .map_err(failed)?;
        let interval = |bin: &Bin| {
            let [bottom, top] = [bin.low, bin.high].map(|bound| (bin.predicted, bound.clamp(low, high)));
            PathElement::new(vec![bottom, top], colour.mix(0.55).stroke_width(3))
        };
        plot.draw_series(bins.iter().map(interval)).map_err(failed)?;
        let point = |bin: &Bin| Circle::new((bin.predicted, bin.observed.max(low)), 9, colour.filled());
        plot.draw_series(bins.iter().map(point)).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    Ok(Some(svg))
}

/// Whole powers of ten around all predictions and frequencies.
fn range(bins: &[Bin]) -> Option<[f64; 2]> {
    let values = || bins.iter().flat_map(|bin| [bin.predicted, bin.observed]);
    let least = values().filter(|&value| value > 0.0).reduce(f64::min)?;
    let most = values().fold(least, f64::max);
    let low = 10_f64.powf(least.log10().floor());
    Some([low, 10_f64.powf(most.log10().ceil()).max(10.0 * low)])
}

/// A probability in percent, with no more digits than it needs.
fn share(value: f64) -> String {
    let percent = 100.0 * value;
    let digits = (-percent.log10().floor()).max(0.0) as usize;
    format!("{percent:.digits$} %")
}

fn failed(error: impl Display) -> Error {
    Error::retry(format!("the chart cannot be drawn: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagram(predicted: &[f64]) -> Diagram {
        let bin = |&predicted: &f64| Bin {
            predicted,
            observed: predicted / 2.0,
            low: 0.0,
            high: predicted,
            weight: 1.0,
        };
        Diagram {
            method: "ialp".into(),
            seed: 0,
            bins: predicted.iter().map(bin).collect(),
        }
    }

    #[test]
    fn a_chart_has_a_point_and_an_interval_a_bin() {
        let diagrams = [diagram(&[0.001, 0.01]), diagram(&[0.2])];
        let svg = draw(&diagrams, RGBColor(1, 2, 3)).unwrap().unwrap();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(
            svg.contains("observed frequency") && svg.contains("\n10 %\n"),
            "{svg}"
        );
        assert_eq!(svg, draw(&diagrams, RGBColor(1, 2, 3)).unwrap().unwrap());
    }

    #[test]
    fn nothing_above_zero_is_no_chart() {
        assert!(draw(&[diagram(&[0.0])], BLACK).unwrap().is_none());
        assert!(draw(&[], BLACK).unwrap().is_none());
    }

    #[test]
    fn shares_have_the_digits_they_need() {
        assert_eq!(
            [1.0, 0.1, 0.01, 0.001, 0.0001].map(share),
            ["100 %", "10 %", "1 %", "0.1 %", "0.01 %"]
        );
    }
}
