//! Trying every format, and keeping the fastest that answers as the original does.

use std::path::{Path, PathBuf};

use common::error::Class;
use common::fingerprint::Fingerprint;
use common::folder::Staged;
use common::terminal::Progress;
use common::{Error, Result, atomic_file, terminal};

use super::trial::{self, Drift, Trial};
use super::{Config, megabytes};
use crate::model::convert::{self, WeightFormat};

/// One line of the table.
struct Row {
    format: WeightFormat,
    megabytes: u64,
    /// Tokens per second.
    speed: f64,
    drift: Drift,
}

/// Makes and tries all formats; the chosen one is at `out` in the end. Returns it, and the table of all.
///
/// What is tried stands in a folder beside `out`, at most two models at a time. It is removed in the end; what a killed run
/// has left of it, at the start.
pub(super) fn fastest(config: &Config, source: &Fingerprint) -> Result<(WeightFormat, String)> {
    let mut name = config.out.as_os_str().to_os_string();
    name.push(".trying");
    // Never put in its place.
    let tried = Staged::begin(name.as_ref(), &[])?;
    try_all(config, source, tried.path())
}

fn try_all(config: &Config, source: &Fingerprint, folder: &Path) -> Result<(WeightFormat, String)> {
    let progress = Progress::new("formats", WeightFormat::ALL.len() as u64, "tried");
    let mut rows: Vec<Row> = Vec::new();
    let mut original: Option<Trial> = None;
    let mut best: Option<(usize, PathBuf)> = None;
    for format in WeightFormat::ALL {
        progress.detail(format.name());
        let path = folder.join(format!("{}.gguf", format.name()));
        let trial = convert::convert(&config.model, source, format, &path, config.workers)
            .and_then(|()| trial::run(&path, &folder.join(format.name()), config.workers));
        let trial = match trial {
            Ok(trial) => trial,
            // Without the original there is nothing to hold the others against; they may lack a kernel.
            Err(error) if original.is_none() || error.class() == Class::Retry => return Err(error),
            Err(error) => {
                terminal::warn(&format!("{} is left out: {error}", format.name()));
                continue;
            }
        };
        let drift = trial::drift(original.as_ref().unwrap_or(&trial), &trial);
        let row = Row {
            format,
            megabytes: megabytes(&path)?,
            speed: trial.speed,
            drift,
        };
        let faster = best
            .as_ref()
            .is_none_or(|(best, _)| rows[*best].speed < row.speed);
        let beaten = if faster && (row.drift.share <= config.max_drift || rows.is_empty()) {
            best.replace((rows.len(), path)).map(|(_, path)| path)
        } else {
            Some(path)
        };
        if let Some(path) = beaten {
            atomic_file::remove(&path)?;
        }
        rows.push(row);
        original.get_or_insert(trial);
        progress.add(1);
    }
    let (chosen, path) = best.ok_or_else(|| Error::retry("no format could be tried"))?;
    atomic_file::move_to(&path, &config.out)?;
    Ok((rows[chosen].format, table(&rows, chosen)))
}

fn table(rows: &[Row], chosen: usize) -> String {
    let mut text = format!(
        "{:<8}{:>8}{:>12}{:>8}{:>8}\n",
        "format", "MB", "tokens/s", "drift", "rank"
    );
    for (place, row) in rows.iter().enumerate() {
        text += &format!(
            "{:<8}{:>8}{:>12.0}{:>8.3}{:>8.3}{}\n",
            row.format.name(),
            row.megabytes,
            row.speed,
            row.drift.share,
            row.drift.rank,
            if place == chosen { "  chosen" } else { "" }
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_marks_what_was_chosen() {
        let row = |format, speed| Row {
            format,
            megabytes: 98,
            speed,
            drift: Drift {
                share: 0.0123,
                rank: 0.998,
            },
        };
        let rows = [row(WeightFormat::AsIs, 304.4), row(WeightFormat::Bf16, 1093.0)];
        let text = table(&rows, 1);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "as-is         98         304   0.012   0.998");
        assert_eq!(lines[2], "bf16          98        1093   0.012   0.998  chosen");
    }
}
