//! `pretrain split`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use common::bad_rows::MaxBadArguments;
use common::cli::{Shared, inside};
use common::{Error, Result};

use crate::data::InputPaths;
use crate::split::{self, InTime, SplitConfig};

#[derive(Args)]
#[command(group = ArgGroup::new("in time"))]
pub(super) struct SplitArguments {
    /// The log: a folder with interactions.parquet and items.parquet, or a Parquet file of interactions (columns
    /// user_id, item_id, timestamp, feedback)
    #[arg(long, value_name = "PATH")]
    log: PathBuf,
    /// The catalogue, where it is not in the log's folder
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Hold out each user's last N interactions; the first of a user always stays in the log
    #[arg(long, value_name = "N", group = "in time", value_parser = clap::value_parser!(u32).range(1..1_000_000))]
    last: Option<u32>,
    /// Hold out the last part X of all interactions in time (ties in the order of rows)
    #[arg(long, value_name = "X", group = "in time", value_parser = inside::<f64>)]
    fraction: Option<f64>,
    /// Keep what is before TIME in the log and hold out the rest: a date, 2026-01-31 (UTC), or milliseconds since 1970
    #[arg(long, value_name = "TIME", group = "in time", value_parser = time, allow_hyphen_values = true)]
    before: Option<i64>,
    /// Hold out all interactions of a random part X of the log's items, chosen by --seed: cold items
    #[arg(long, value_name = "X", value_parser = inside::<f64>)]
    withhold_items: Option<f64>,
    /// Feedback of at least this is a like [default: what the log says]
    #[arg(long, value_name = "X")]
    like_threshold: Option<f32>,
    #[command(flatten)]
    bad: MaxBadArguments,
    /// The folder that gets log/interactions.parquet, log/items.parquet and held-out.parquet, and log/consumed.parquet where
    /// there is one beside the log
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

/// Milliseconds since 1970 UTC, from such a number or from a date.
fn time(text: &str) -> Result<i64, String> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(milliseconds);
    }
    let wrong = || "neither a date such as 2026-01-31 nor milliseconds since 1970".to_string();
    let parts: Vec<i64> = text
        .split('-')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    let [year, month, day] = parts[..] else {
        return Err(wrong());
    };
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let february = if leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if !(1..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || !(1..=months[month as usize - 1]).contains(&day)
    {
        return Err(wrong());
    }
    let years = year - 1;
    let days = years * 365 + years / 4 - years / 100
        + years / 400
        + months[..month as usize - 1].iter().sum::<i64>()
        + day
        - 1;
    // From 1 January of the year 1 to that of 1970.
    Ok((days - 719_162) * 86_400_000)
}

impl SplitArguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        split::run(&self.resolve()?)
    }

    fn resolve(self) -> Result<SplitConfig> {
        let in_time = match (self.last, self.fraction, self.before) {
            (Some(last), _, _) => InTime::Last(last),
            (_, Some(fraction), _) => InTime::Fraction(fraction),
            (_, _, Some(time)) => InTime::From(time),
            (None, None, None) => InTime::Nothing,
        };
        if in_time == InTime::Nothing && self.withhold_items.is_none() {
            return Err(Error::usage("nothing is to be held out").hint(
                "pass --last, --fraction or --before, or --withhold-items, or one of these and the latter",
            ));
        }
        Ok(SplitConfig {
            inputs: InputPaths {
                log: self.log,
                items: self.items,
                states: None,
                profiles: None,
                preferences: None,
                events: Vec::new(),
                like_threshold: self.like_threshold,
            },
            in_time,
            withhold_items: self.withhold_items.unwrap_or(0.0),
            seed: self.shared.seed,
            max_bad: self.bad.max_bad,
            workers: self.shared.workers(),
            out: self.out,
            overwrite: self.shared.overwrite,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn dates_are_milliseconds() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2000-03-01", 11_017),
            ("2026-11-24", 20_781),
        ] {
            assert_eq!(time(text), Ok(days * 86_400_000), "{text}");
        }
        assert_eq!(time("-5"), Ok(-5));
        for wrong in ["2001-02-29", "2000-13-01", "2000-00-10", "2000-01", "soon", ""] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
