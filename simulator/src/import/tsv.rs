//! Tab-separated files: the first line names the columns, as `name` or, in RecBole's layout, as `name:type`. Lines
//! end in LF or CRLF, mixed or not.

use std::path::Path;

use common::bad_rows::BadRows;
use common::{Error, Result, input, terminal};

use super::bad_rows::{BadRow, Place};
use super::encoding;

/// One line, cut into the wanted columns.
pub(crate) struct Row<'a> {
    fields: Vec<&'a [u8]>,
    /// Place of each wanted column among the fields.
    places: &'a [usize],
    names: &'a [&'static str],
}

impl<'a> Row<'a> {
    /// The text of the wanted column `at`, surrounding blanks cut off.
    pub(crate) fn text(&self, at: usize) -> Result<&'a str, BadRow> {
        let bytes = self.fields.get(self.places[at]).copied().unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.trim()),
            Err(_) => Err(BadRow::new(
                "not UTF-8",
                format!("the text {:?} is not UTF-8", String::from_utf8_lossy(bytes)),
            )
            .column(self.names[at])
            .hint("convert the file to UTF-8 (for instance `iconv -f latin1 -t utf-8`)")),
        }
    }

    /// The text of the wanted column `at` as [`Row::text`]; where it is not UTF-8, read as Windows-1252, and then the
    /// second value is true.
    pub(crate) fn text_or_windows_1252(&self, at: usize) -> (String, bool) {
        let bytes = self.fields.get(self.places[at]).copied().unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => (text.trim().to_string(), false),
            Err(_) => (encoding::from_windows_1252(bytes).trim().to_string(), true),
        }
    }

    /// The id in the wanted column `at`: an integer in its plain form.
    pub(crate) fn integer_id(&self, at: usize) -> Result<&'a str, BadRow> {
        let text = self.text(at)?;
        match text.parse::<i64>() {
            Ok(id) if id.to_string() == text => Ok(text),
            _ => Err(BadRow::new(
                "id that is not an integer",
                format!("the id {text:?} is not an integer"),
            )
            .column(self.names[at])),
        }
    }

    /// The finite number in the wanted column `at`.
    pub(crate) fn number(&self, at: usize) -> Result<f64, BadRow> {
        let text = self.text(at)?;
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(BadRow::new(
                "value that is not a number",
                format!("the value {text:?} is not a number"),
            )
            .column(self.names[at])),
        }
    }
}

/// Reads `path` line by line and gives each row's `columns` (named without their types, in any order in the
/// file) to `each`. Rows that are cut short, and rows that `each` refuses, go to `bad_rows`.
///
/// # Errors
/// A missing file, a missing column, a bad row that is not to be skipped.
pub(crate) fn read(
    path: &Path,
    columns: &[&'static str],
    bad_rows: &mut BadRows,
    mut each: impl FnMut(&Row<'_>) -> Result<(), BadRow>,
) -> Result<()> {
    let bytes = input::read(path)?;
    let lines = (1..).zip(bytes.split(|&byte| byte == b'\n'));
    let mut lines = lines
        .map(|(at, line)| (at, line.strip_suffix(b"\r").unwrap_or(line)))
        .filter(|(_, line)| !line.is_empty());
    let Some((_, header)) = lines.next() else {
        return Err(Error::data("the file is empty: it has not even a header line").file(path));
    };
    let header = fields(header);
    let places = places(&header, columns, path)?;
    for (at, line) in lines {
        let row = Row {
            fields: fields(line),
            places: &places,
            names: columns,
        };
        let taken = match row.fields.len() {
            width if width == header.len() => each(&row),
            width => Err(wrong_width(width, header.len())),
        };
        if let Err(bad) = taken {
            bad.set_aside(bad_rows, path, Place::Line(at))?;
        }
    }
    if bytes.last().is_some_and(|&byte| byte != b'\n') {
        terminal::warn(&format!(
            "{}: the last line has no end; was the file cut short?",
            path.display()
        ));
    }
    Ok(())
}

fn fields(line: &[u8]) -> Vec<&[u8]> {
    line.split(|&byte| byte == b'\t').collect()
}

fn wrong_width(width: usize, wanted: usize) -> BadRow {
    BadRow::new(
        "wrong number of fields",
        format!("the line has {width} fields, the header has {wanted}"),
    )
    .hint("the line may have been cut short, or its separators are not tabs; copy the file again or mend the line")
}

fn places(header: &[&[u8]], columns: &[&'static str], path: &Path) -> Result<Vec<usize>> {
    let names: Vec<String> = header
        .iter()
        .map(|field| {
            let field = String::from_utf8_lossy(field);
            field
                .split(':')
                .next()
                .unwrap_or_default()
                .trim_start_matches('\u{feff}')
                .trim()
                .to_string()
        })
        .collect();
    let place = |column: &&'static str| {
        names.iter().position(|name| name == column).ok_or_else(|| {
            Error::data(format!(
                "column `{column}` is missing; the header has {}",
                names.join(", ")
            ))
            .file(path)
            .line(1)
            .hint("the first line must name the columns, separated by tabs, as in the published file")
        })
    };
    columns.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::bad_rows::MaxBad;

    fn rows(content: &[u8], skip: bool) -> Result<Vec<(String, f64)>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let most = if skip {
            MaxBad::Percent(100.0)
        } else {
            MaxBad::default()
        };
        let mut bad = BadRows::beside(file.path(), most, "test");
        let mut rows = Vec::new();
        read(file.path(), &["name", "value"], &mut bad, |row| {
            rows.push((row.text(0)?.to_string(), row.number(1)?));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn columns_are_found_by_name_whatever_order_types_and_line_ends() {
        let rows = rows(
            b"value:float\tother:token\tname:token\r\n1.5\tx\ta \"quoted\"\r\n2\ty\tb\r\n",
            false,
        )
        .unwrap();
        assert_eq!(rows, [("a \"quoted\"".to_string(), 1.5), ("b".to_string(), 2.0)]);
    }

    #[test]
    fn lines_are_counted_with_empty_ones_and_whatever_their_ends() {
        let error = rows(b"name\tvalue\r\na\t1\n\nb\t2\r\n\r\nc\tmany\r\n", false)
            .unwrap_err()
            .to_string();
        assert!(error.contains("\"many\"") && error.contains("line 6"), "{error}");
    }

    #[test]
    fn a_bad_row_is_named_by_line_or_counted() {
        let content = b"name:token\tvalue:float\na\t1\nb\nc\tmany\n\xff\t2\nd\t4";
        let error = rows(content, false).unwrap_err().to_string();
        assert!(error.contains("1 fields") && error.contains("line 3"), "{error}");
        let rows = rows(content, true).unwrap();
        assert_eq!(rows, [("a".to_string(), 1.0), ("d".to_string(), 4.0)]);
    }

    #[test]
    fn latin1_is_named_with_its_column() {
        let error = rows(b"name:token\tvalue:float\nMis\xe9rables\t1\n", false)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("not UTF-8") && error.contains("line 2") && error.contains("column name"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_column_and_an_empty_file_are_errors() {
        assert!(
            rows(b"name:token\na\n", true)
                .unwrap_err()
                .to_string()
                .contains("column `value` is missing")
        );
        assert!(rows(b"", true).unwrap_err().to_string().contains("empty"));
    }
}
