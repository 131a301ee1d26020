//! What methods showed of the catalogue, and how groups of users fared: tables of their own, where it was measured.

use std::collections::BTreeSet;

use super::interval::Estimate;
use super::methods;
use super::number::{self, plain, signed};
use super::table::Summaries;
use crate::metric::{
    COLD, COVERAGE, EXPECTED_RETURN_MEAN, GINI, HEAD, HEAD_FIRST, HEAD_LAST, MIDDLE, NOVELTY, OTHERS, TAIL,
};

/// A table with a line for each method.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// What it is of.
    pub(super) title: String,
    /// What its columns mean.
    pub(super) note: &'static str,
    /// Names of columns.
    pub(super) headings: Vec<String>,
    /// The readable name, whether it is a control, and the cells.
    pub(super) rows: Vec<(String, bool, Vec<Option<Estimate>>)>,
    /// How a value is written.
    pub(super) write: fn(f64) -> String,
}

const EXPOSURE: [(&str, &str); 9] = [
    (HEAD, "head"),
    (MIDDLE, "middle"),
    (TAIL, "tail"),
    (COLD, "cold"),
    (HEAD_FIRST, "head, first 10 %"),
    (HEAD_LAST, "head, last 10 %"),
    (COVERAGE, "catalogue"),
    (GINI, "Gini"),
    (NOVELTY, "novelty, bits"),
];

/// The tables of `methods`: exposure, and for each attribute by which users were told apart returns and what they are beside others.
pub(super) fn grids(online: &Summaries, methods: &[String]) -> Vec<Grid> {
    let columns = |names: &[(String, String)], title: String, note, write| -> Option<Grid> {
        let row = |method: &String| {
            let cell =
                |(metric, _): &(String, String)| online.get(&(method.clone(), metric.clone())).copied();
            let cells: Vec<Option<Estimate>> = names.iter().map(cell).collect();
            cells
                .iter()
                .any(Option::is_some)
                .then(|| (methods::name(method), methods::is_control(method), cells))
        };
        let rows: Vec<_> = methods.iter().filter_map(row).collect();
        let headings = names.iter().map(|(_, heading)| heading.clone()).collect();
        (!rows.is_empty()).then_some(Grid {
            title,
            note,
            headings,
            rows,
            write,
        })
    };
    let exposure = EXPOSURE.map(|(metric, heading)| (metric.to_string(), heading.to_string()));
    let mut grids = Vec::new();
    grids.extend(columns(
        &exposure,
        "What was shown".into(),
        "Shares of the recommendations: head are the most popular items that together have a third of the log's interactions, middle \
         those with the next third, tail all others, cold those that nobody had. Catalogue: the share of it that was shown. Gini: 0 all items alike, near 1 a few \
         alone. Novelty: -log2 of the share of users who had the item.",
        plain,
    ));
    for attribute in attributes(online) {
        let of = |is_difference: bool| -> Vec<(String, String)> {
            let metrics: BTreeSet<&str> = online.keys().map(|(_, metric)| metric.as_str()).collect();
            let column = |metric: &&str| {
                let group = group(metric)?;
                let is_of = group.split_once('=')?.0 == attribute;
                (is_of && group.ends_with(OTHERS) == is_difference)
                    .then(|| (metric.to_string(), group.trim_end_matches(OTHERS).to_string()))
            };
            metrics.iter().filter_map(column).collect()
        };
        grids.extend(columns(
            &of(false),
            format!("By {attribute}"),
            "Expected likes per episode of the users of each group, over all episodes.",
            plain,
        ));
        grids.extend(columns(
            &of(true),
            format!("By {attribute}, beside all others"),
            "The same less that of all other users whose attribute is known, seed by seed.",
            signed,
        ));
    }
    grids
}

/// The group that a metric is of: `gender=F` or `gender=F - others`.
fn group(metric: &str) -> Option<&str> {
    metric.strip_prefix(EXPECTED_RETURN_MEAN)?.strip_prefix(' ')
}

fn attributes(online: &Summaries) -> BTreeSet<String> {
    let of = |(_, metric): &(String, String)| Some(group(metric)?.split_once('=')?.0.to_string());
    online.keys().filter_map(of).collect()
}

impl Grid {
    /// Its lines of text, headings first.
    pub(super) fn lines(&self) -> Vec<Vec<String>> {
        let head = std::iter::once("method".to_string()).chain(self.headings.iter().cloned());
        let row = |(name, _, cells): &(String, bool, Vec<Option<Estimate>>)| {
            // Intervals stand in the page: as text a line would be too long.
            let bare = |cell: &Option<Estimate>| {
                cell.map(|estimate| Estimate {
                    interval: None,
                    ..estimate
                })
            };
            let cells = cells.iter().map(|cell| number::estimate(bare(cell), self.write));
            std::iter::once(name.clone()).chain(cells).collect()
        };
        std::iter::once(head.collect())
            .chain(self.rows.iter().map(row))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposure_and_groups_have_tables_where_they_were_measured() {
        let estimate = |mean| Estimate {
            mean,
            interval: Some([mean - 0.1, mean + 0.1]),
            n: 5,
        };
        let mut online = Summaries::new();
        let mut put = |method: &str, metric: &str, mean| {
            online.insert((method.to_string(), metric.to_string()), estimate(mean));
        };
        put("ease", HEAD, 0.75);
        put("ease", "expected_return_mean gender=F", 1.25);
        put("ease", "expected_return_mean gender=M", 1.5);
        put("ease", "expected_return_mean gender=F - others", -0.25);
        put("ease", "expected_return_mean", 1.4);
        put("random", HEAD, 0.25);
        put("mine", "expected_return_mean", 1.0);
        let methods = ["random", "ease", "mine"].map(String::from);
        let grids = grids(&online, &methods);
        let titles: Vec<&str> = grids.iter().map(|grid| grid.title.as_str()).collect();
        assert_eq!(
            titles,
            ["What was shown", "By gender", "By gender, beside all others"]
        );
        let lines = grids[0].lines();
        assert_eq!(lines.len(), 3, "a method without such metrics has no line");
        assert_eq!(lines[2][..3], ["EASE", "0.750", "-"]);
        assert_eq!(
            grids[1].lines(),
            [["method", "gender=F", "gender=M"], ["EASE", "1.250", "1.500"]]
        );
        assert_eq!(grids[2].lines(), [["method", "gender=F"], ["EASE", "-0.250"]]);
        assert!(super::grids(&Summaries::new(), &methods).is_empty());
    }
}
