//! Columns under the caller's names: what they may hold, and what is said where they do not.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type};

use super::Propensities;
use crate::ids::{Dictionary, IdKind};
use crate::schema::column::null_value;
use crate::schema::file::missing;
use crate::schema::table::Table;
use crate::{Error, Result};

/// What a number may be.
#[derive(Clone, Copy)]
pub(super) enum Range {
    Any,
    Logging,
    Target,
}

impl Range {
    fn check(self, value: f64) -> Result<()> {
        let (fits, wanted, hint) = match self {
            Range::Any => (
                value.is_finite(),
                "a finite number",
                "drop or mend the row: numbers must be finite",
            ),
            Range::Logging => (
                value > 0.0 && value <= 1.0,
                "a probability in (0, 1]",
                "what was logged cannot have had the probability 0: log the probability that the choice was drawn with, not a score",
            ),
            Range::Target => (
                (0.0..=1.0).contains(&value),
                "a probability in [0, 1]",
                "give the probability with which the target policy would have chosen what was logged, not a score or a weight",
            ),
        };
        match fits {
            true => Ok(()),
            false => Err(Error::data(format!("the value {value} is not {wanted}")).hint(hint)),
        }
    }
}

/// A column's name, and the flag that gives it.
pub(super) type Column<'a> = (&'a str, &'static str);

/// A table whose columns go by the caller's names.
pub(super) struct Source<'a> {
    table: &'a Table,
}

impl<'a> Source<'a> {
    pub(super) fn of(table: &'a Table) -> Self {
        Source { table }
    }

    /// Requires the column in every part.
    ///
    /// # Errors
    /// Bad data with the flag that names it.
    pub(super) fn require(&self, column: &str, flag: &str) -> Result<()> {
        for part in self.table.parts() {
            if !part.has(column) {
                return Err(missing(part.schema(), column, part.path())
                    .hint(format!("say which column holds it: {flag} COLUMN")));
            }
        }
        Ok(())
    }

    /// The columns of a pair, where both are there.
    pub(super) fn pair(
        &self,
        given: [&'a Option<String>; 2],
        usual: [&'a str; 2],
        flags: [&'static str; 2],
    ) -> Result<Option<[Column<'a>; 2]>> {
        let names = [0, 1].map(|at| (given[at].as_deref().unwrap_or(usual[at]), flags[at]));
        let is_asked_for = given.iter().any(|given| given.is_some());
        if is_asked_for {
            for (name, flag) in names {
                self.require(name, flag)?;
            }
        }
        Ok(names
            .iter()
            .all(|(name, _)| self.table.has(name))
            .then_some(names))
    }

    pub(super) fn numbers(&self, column: &str, flag: &str, range: Range) -> Result<Vec<f64>> {
        self.require(column, flag)?;
        let mut values = Vec::with_capacity(self.table.rows());
        for chunk in self.table.chunks(column, &DataType::Float64)? {
            let array = chunk.array.as_primitive::<Float64Type>();
            for row in 0..array.len() {
                if array.is_null(row) {
                    return Err(chunk.place(null_value(), row));
                }
                range.check(array.value(row)).map_err(|e| chunk.place(e, row))?;
                values.push(array.value(row));
            }
        }
        Ok(values)
    }

    pub(super) fn propensities(&self, [logging, target]: [Column<'_>; 2]) -> Result<Propensities> {
        let found = Propensities {
            logging: self.numbers(logging.0, logging.1, Range::Logging)?,
            target: self.numbers(target.0, target.1, Range::Target)?,
        };
        match found.weights().iter().position(|weight| !weight.is_finite()) {
            None => Ok(found),
            Some(row) => {
                let error = Error::data(format!(
                    "the importance weight is infinite: the propensity {:e} is too small",
                    found.logging[row]
                ));
                let error = error.hint("check how propensities are logged, or drop the row");
                Err(self.table.place(error, logging.0, row))
            }
        }
    }

    /// Codes of ids, or of lists of text as sets.
    pub(super) fn categories(&self, column: &str) -> Result<Vec<u32>> {
        self.require(column, "--category")?;
        let is_list = self.table.parts().iter().any(|part| {
            matches!(
                part.column_type(column),
                Ok(DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
            )
        });
        if !is_list {
            return Ok(self.table.ids(column)?.1);
        }
        let mut sets = Dictionary::new(IdKind::Text);
        let mut codes = Vec::with_capacity(self.table.rows());
        for (row, names) in self.table.text_lists(column)?.iter().enumerate() {
            if names.is_empty() {
                let error = Error::data("the row has no category").hint(
                    "give what has none one of its own, such as its id: nothing else is known to be like it",
                );
                return Err(self.table.place(error, column, row));
            }
            codes.push(sets.intern_set(names));
        }
        Ok(codes)
    }
}
