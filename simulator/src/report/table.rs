//! The table of methods: returns and regret over seeds, each with its interval.

use std::collections::BTreeMap;

use super::interval::Estimate;
use super::methods;
use crate::metric;

/// Summaries of one split, by (method, metric).
pub(super) type Summaries = BTreeMap<(String, String), Estimate>;

/// One way to count return: which metrics stand in the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// Along the episodes.
    pub(super) curve: &'static str,
    /// First tenth of the episodes.
    pub(super) first: &'static str,
    /// Last tenth.
    pub(super) last: &'static str,
    /// All episodes.
    pub(super) mean: &'static str,
}

/// The environment's probabilities of a like, summed.
pub(super) const EXPECTED: Measure = Measure {
    curve: metric::EXPECTED_RETURN,
    first: metric::EXPECTED_RETURN_FIRST,
    last: metric::EXPECTED_RETURN_LAST,
    mean: metric::EXPECTED_RETURN_MEAN,
};

/// The likes as drawn.
pub(super) const DRAWN: Measure = Measure {
    curve: metric::RETURN,
    first: metric::RETURN_FIRST,
    last: metric::RETURN_LAST,
    mean: metric::RETURN_MEAN,
};

impl Measure {
    /// Expected returns where every method has them, else drawn ones: no comparison mixes the two.
    pub(super) fn choose(summaries: &Summaries, methods: &[String]) -> Measure {
        let has =
            |method: &String, metric: &str| summaries.contains_key(&(method.clone(), metric.to_string()));
        if methods.iter().all(|method| has(method, EXPECTED.mean)) {
            EXPECTED
        } else {
            DRAWN
        }
    }
}

/// The columns' headings, in order.
pub(super) const HEADINGS: [&str; 4] = ["first 10 %", "last 10 %", "all episodes", "regret"];

/// One method's line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The readable name.
    pub(super) name: String,
    /// Whether it is a control.
    pub(super) is_control: bool,
    /// First tenth, last tenth, all episodes, regret; `None` where not measured.
    pub(super) cells: [Option<Estimate>; 4],
    /// Over how many seeds; 0 for a bound that no run measured.
    pub(super) seeds: usize,
}

impl Row {
    /// The bound that no policy passes: it has no seeds, no start and no end.
    pub(super) fn oracle(expected_return: Estimate) -> Row {
        let cells = [None, None, Some(expected_return), None];
        Row {
            name: "Oracle (best reachable)".to_string(),
            is_control: false,
            cells,
            seeds: 0,
        }
    }
}

/// The lines of `methods`, in their order.
pub(super) fn rows(summaries: &Summaries, methods: &[String], measure: &Measure) -> Vec<Row> {
    methods
        .iter()
        .map(|method| {
            let cell = |metric: &str| summaries.get(&(method.clone(), metric.to_string())).copied();
            let cells = [
                cell(measure.first),
                cell(measure.last),
                cell(measure.mean),
                cell(metric::REGRET),
            ];
            Row {
                name: methods::name(method),
                is_control: methods::is_control(method),
                cells,
                seeds: cells
                    .iter()
                    .flatten()
                    .map(|estimate| estimate.n)
                    .max()
                    .unwrap_or(0),
            }
        })
        .collect()
}

/// Lines of cells as text with aligned columns: the first to the left, the others to the right.
pub(super) fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|c| c.chars().count())
            .max()
    };
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or(0);
            if column == 0 {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(mean: f64) -> Estimate {
        Estimate {
            mean,
            interval: Some([mean - 0.5, mean + 0.5]),
            n: 5,
        }
    }

    #[test]
    fn drawn_returns_stand_in_for_all_when_one_method_has_no_expected_ones() {
        let methods = ["a".to_string(), "b".to_string()];
        let mut summaries = Summaries::new();
        for method in &methods {
            summaries.insert((method.clone(), DRAWN.mean.into()), estimate(1.0));
        }
        summaries.insert(("a".into(), EXPECTED.mean.into()), estimate(2.0));
        assert_eq!(Measure::choose(&summaries, &methods), DRAWN);
        summaries.insert(("b".into(), EXPECTED.mean.into()), estimate(2.0));
        assert_eq!(Measure::choose(&summaries, &methods), EXPECTED);
        let rows = rows(&summaries, &methods, &EXPECTED);
        assert_eq!(
            (rows[0].cells[2], rows[0].cells[3], rows[0].seeds),
            (Some(estimate(2.0)), None, 5)
        );
    }

    #[test]
    fn columns_are_aligned_by_characters() {
        let lines = [
            vec!["é".to_string(), "10".to_string()],
            vec!["abc".to_string(), "7".to_string()],
        ];
        assert_eq!(aligned(&lines), "é    10\nabc   7\n");
    }
}
