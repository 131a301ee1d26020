//! Colours of the charts: told apart with any colour vision, in light and in dark.
//!
//! The hues are those of M. Okabe and K. Ito, "Color Universal Design" (2008), with greys for the baselines and
//! more for methods that seldom stand beside each other. A control has the colour of the method that it is the control of, dashed.

use plotters::style::RGBColor;

use super::methods;

/// A colour on white, as charts are drawn, and the one that the page's style puts in its place on black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shade {
    /// On a light ground.
    pub(super) light: RGBColor,
    /// On a dark ground.
    pub(super) dark: RGBColor,
}

const fn shade(light: (u8, u8, u8), dark: (u8, u8, u8)) -> Shade {
    Shade {
        light: RGBColor(light.0, light.1, light.2),
        dark: RGBColor(dark.0, dark.1, dark.2),
    }
}

/// Text and axes.
pub(super) const INK: Shade = shade((0x24, 0x29, 0x2F), (0xD7, 0xDC, 0xE2));
/// Lines of the grid.
pub(super) const GRID: Shade = shade((0xDD, 0xE1, 0xE6), (0x34, 0x3A, 0x42));

/// One for each of the known methods, in their order.
const LINES: [Shade; methods::COUNT] = [
    shade((0x8A, 0x91, 0x9A), (0x7D, 0x84, 0x8E)),
    shade((0x4B, 0x52, 0x5B), (0xB9, 0xC0, 0xC9)),
    shade((0x70, 0x6A, 0x4A), (0xA3, 0x9C, 0x76)),
    shade((0x3D, 0x5A, 0x45), (0x86, 0xA8, 0x8F)),
    shade((0x5A, 0x44, 0x44), (0xC2, 0xA0, 0xA0)),
    shade((0x1B, 0x7A, 0x3A), (0x63, 0xC2, 0x84)),
    shade((0x7A, 0x3E, 0x12), (0xC9, 0x86, 0x55)),
    shade((0x00, 0x9E, 0x73), (0x1F, 0xBF, 0x92)),
    shade((0x56, 0xB4, 0xE9), (0x6F, 0xC3, 0xF2)),
    shade((0x6B, 0x4C, 0x9A), (0x9A, 0x7C, 0xC8)),
    shade((0x9E, 0x7B, 0xD0), (0xBE, 0xA3, 0xE6)),
    shade((0x8C, 0x56, 0x4B), (0xB5, 0x7D, 0x71)),
    shade((0xB9, 0x8A, 0x7E), (0xD3, 0xAE, 0xA4)),
    shade((0xCC, 0x79, 0xA7), (0xD9, 0x8F, 0xB8)),
    shade((0x00, 0x72, 0xB2), (0x3B, 0x97, 0xD8)),
    shade((0xD5, 0x5E, 0x00), (0xF0, 0x7D, 0x26)),
    shade((0xE6, 0x9F, 0x00), (0xF0, 0xB4, 0x2B)),
    shade((0x7A, 0x8B, 0x00), (0xA9, 0xBC, 0x2E)),
    shade((0xB3, 0x12, 0x3B), (0xE5, 0x4B, 0x72)),
    shade((0x0B, 0x8A, 0xA0), (0x4C, 0xC9, 0xE0)),
    shade((0x0B, 0x1F, 0x8F), (0xA5, 0xB4, 0xFF)),
    shade((0x11, 0x55, 0x66), (0x66, 0xD0, 0xE0)),
];

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    /// A method.
    Solid,
    /// A control.
    Dashed,
    /// A method that the report does not know by name.
    Dotted,
}

/// Colour and stroke of `method`; `at` is its place in the table, for those without a colour of their own.
pub(super) fn style(method: &str, at: usize) -> (Shade, Stroke) {
    let known = |method| methods::place(method).map(|place| LINES[place]);
    if let Some(shade) = known(method) {
        return (shade, Stroke::Solid);
    }
    match methods::treated(method).and_then(known) {
        Some(shade) => (shade, Stroke::Dashed),
        None => (LINES[at % LINES.len()], Stroke::Dotted),
    }
}

/// Every colour that charts use, as (light, dark) in the notation that the charts write.
pub(super) fn shades() -> Vec<[String; 2]> {
    let hex = |colour: RGBColor| format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
    [INK, GRID]
        .iter()
        .chain(&LINES)
        .map(|shade| [hex(shade.light), hex(shade.dark)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_is_its_method_dashed() {
        let (method, control) = (style("ialp", 5), style("ialp_shuffled", 8));
        assert_eq!(method.0, control.0);
        assert_eq!(
            (method.1, control.1, style("mine", 9).1),
            (Stroke::Solid, Stroke::Dashed, Stroke::Dotted)
        );
    }

    #[test]
    fn no_two_colours_are_alike() {
        let all: std::collections::BTreeSet<_> = shades().into_iter().map(|[light, _]| light).collect();
        assert_eq!(all.len(), LINES.len() + 2);
    }
}
