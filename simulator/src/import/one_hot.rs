//! A matrix of zeros and ones whose columns a map names as `group:value`, read back as one value a group.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::bad_rows::BadRows;
use common::{Error, Result};

use super::bad_rows::{BadRow, Place};
use super::lines;

/// Each row's value by group ("color" -> "black"); `None` for a bad row that was skipped.
pub(super) type Values = Vec<Option<BTreeMap<String, String>>>;

/// Reads the matrix in `path` by the names in `map`.
///
/// # Errors
/// A missing or empty file, a line of the map that is not a `group:value`, no column of one of the groups `wanted`; and,
/// unless they are set aside, the first row of another width than the map's, with a value other than 0 and 1, or with
/// none or several values in a group.
pub(super) fn read(path: &Path, map: &Path, wanted: &[&str], bad_rows: &mut BadRows) -> Result<Values> {
    let names = read_map(map, wanted)?;
    let groups: BTreeSet<&str> = names.iter().map(|(group, _)| group.as_str()).collect();
    let mut rows = Vec::new();
    for (line, at) in lines::read(path)?.iter().zip(1..) {
        rows.push(match values(&lines::fields(line), &names, &groups) {
            Ok(values) => Some(values),
            Err(bad) => {
                bad.set_aside(bad_rows, path, Place::Line(at))?;
                None
            }
        });
    }
    Ok(rows)
}

fn read_map(path: &Path, wanted: &[&str]) -> Result<Vec<(String, String)>> {
    let mut names: Vec<(String, String)> = Vec::new();
    for (line, at) in lines::read(path)?.iter().zip(1..) {
        let refused = |what: String| {
            Error::data(what)
                .file(path)
                .line(at)
                .hint("the map must name every column of the matrix, one `group:value` a line, as in the published file")
        };
        let text = std::str::from_utf8(line).map_err(|_| refused("the line is not UTF-8".into()))?;
        let name = text
            .split_once(':')
            .map(|(group, value)| (group.trim().to_string(), value.trim().to_string()))
            .filter(|(group, value)| !group.is_empty() && !value.is_empty())
            .ok_or_else(|| refused(format!("{text:?} is not a `group:value`")))?;
        if names.contains(&name) {
            return Err(refused(format!("the column {text:?} is named twice")));
        }
        names.push(name);
    }
    match wanted
        .iter()
        .find(|group| !names.iter().any(|(found, _)| found == *group))
    {
        Some(group) => Err(Error::data(format!("no column of the group `{group}` is named")).file(path)),
        None => Ok(names),
    }
}

fn values(
    fields: &[String],
    names: &[(String, String)],
    groups: &BTreeSet<&str>,
) -> Result<BTreeMap<String, String>, BadRow> {
    if fields.len() != names.len() {
        let what = format!(
            "the line has {} values, the map names {}",
            fields.len(),
            names.len()
        );
        return Err(BadRow::new("wrong number of values", what)
            .hint("the line may have been cut short; copy the file again or mend the line"));
    }
    let mut values = BTreeMap::new();
    for ((field, (group, value)), at) in fields.iter().zip(names).zip(1..) {
        match field.as_str() {
            "0" => {}
            "1" => {
                if let Some(other) = values.insert(group.clone(), value.clone()) {
                    let what = format!("{group} is both {other} and {value}");
                    return Err(BadRow::new("several values in a group", what).column(format!("{at}")));
                }
            }
            _ => {
                let what = format!("the value {field:?} is neither 0 nor 1");
                return Err(BadRow::new("value other than 0 and 1", what).column(format!("{at}")));
            }
        }
    }
    match groups.iter().find(|group| !values.contains_key(**group)) {
        Some(group) => Err(BadRow::new(
            "no value in a group",
            format!("no value of {group} is 1"),
        )),
        None => Ok(values),
    }
}
