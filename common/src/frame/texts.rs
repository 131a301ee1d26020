//! Columns of texts, stored end to end: a vector step of thousands of rows takes a handful of allocations.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};

use crate::{Error, Result};

/// A column of texts, each of which may be absent (null).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    text: String,
    /// Where each row's text ends.
    ends: Vec<u32>,
    present: Vec<bool>,
}

impl Texts {
    /// Adds a row.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
        self.present.push(true);
    }

    /// Adds a row without a text.
    pub fn push_null(&mut self) {
        self.ends.push(self.text.len() as u32);
        self.present.push(false);
    }

    /// The text of a row, `None` where it is absent.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.present[row].then(|| self.text(row))
    }

    /// The text of a row, empty where it is absent.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn text(&self, row: usize) -> &str {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[from as usize..self.ends[row] as usize]
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.present.clear();
    }

    /// Removes the last row, if there is one.
    pub fn pop(&mut self) {
        self.ends.pop();
        self.present.pop();
        self.text
            .truncate(self.ends.last().map_or(0, |&end| end as usize));
    }

    pub(super) fn from_array(array: &StringArray) -> Self {
        let offsets = array.value_offsets();
        let first = offsets.first().copied().unwrap_or_default();
        let last = offsets.last().copied().unwrap_or_default();
        let bytes = &array.value_data()[first as usize..last as usize];
        match std::str::from_utf8(bytes) {
            Ok(text) => Texts {
                text: text.to_string(),
                ends: offsets[1..].iter().map(|&end| (end - first) as u32).collect(),
                present: match array.nulls() {
                    Some(nulls) => nulls.iter().collect(),
                    None => vec![true; array.len()],
                },
            },
            // What lies under nulls need not be text; the rows themselves are, by Arrow's own check.
            Err(_) => array.iter().collect(),
        }
    }

    pub(super) fn to_array(&self) -> Result<StringArray> {
        let nulls =
            (!self.present.iter().all(|&present| present)).then(|| NullBuffer::from(self.present.as_slice()));
        let values = Buffer::from(self.text.as_bytes());
        Ok(StringArray::try_new(offsets(&self.ends)?, values, nulls)?)
    }
}

impl<'a> FromIterator<Option<&'a str>> for Texts {
    fn from_iter<I: IntoIterator<Item = Option<&'a str>>>(rows: I) -> Self {
        let mut texts = Texts::default();
        texts.extend(rows);
        texts
    }
}

impl<'a> Extend<Option<&'a str>> for Texts {
    fn extend<I: IntoIterator<Item = Option<&'a str>>>(&mut self, rows: I) {
        for row in rows {
            match row {
                Some(text) => self.push(text),
                None => self.push_null(),
            }
        }
    }
}

/// A column of slates: lists of items, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slates {
    items: Texts,
    /// Where each slate ends among the items.
    ends: Vec<u32>,
}

impl Slates {
    /// Adds a slate.
    pub fn push<'a>(&mut self, slate: impl IntoIterator<Item = &'a str>) {
        slate.into_iter().for_each(|item| self.items.push(item));
        self.ends.push(self.items.len() as u32);
    }

    /// The items of a slate.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = &str> {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        (from as usize..self.ends[row] as usize).map(|item| self.items.text(item))
    }

    /// The item of a slate of one; `None` where the slate has another number of items.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn single(&self, row: usize) -> Option<&str> {
        let mut items = self.row(row);
        if items.len() == 1 { items.next() } else { None }
    }

    /// How many slates there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Removes all slates and keeps the memory.
    pub fn clear(&mut self) {
        self.items.clear();
        self.ends.clear();
    }

    /// Removes the last slate, if there is one.
    pub fn pop(&mut self) {
        self.ends.pop();
        while self.items.len() > self.ends.last().map_or(0, |&end| end as usize) {
            self.items.pop();
        }
    }

    /// From a list array whose values are texts without nulls.
    pub(super) fn from_array(slates: &ListArray, items: &StringArray) -> Self {
        let offsets = slates.value_offsets();
        let first = offsets.first().copied().unwrap_or_default();
        let last = offsets.last().copied().unwrap_or_default();
        Slates {
            items: Texts::from_array(&items.slice(first as usize, (last - first) as usize)),
            ends: offsets[1..].iter().map(|&end| (end - first) as u32).collect(),
        }
    }

    pub(super) fn to_array(&self) -> Result<ListArray> {
        let items: ArrayRef = Arc::new(self.items.to_array()?);
        Ok(ListArray::try_new(
            slate_field(),
            offsets(&self.ends)?,
            items,
            None,
        )?)
    }
}

impl<'a, S: IntoIterator<Item = &'a str>> FromIterator<S> for Slates {
    fn from_iter<I: IntoIterator<Item = S>>(rows: I) -> Self {
        let mut slates = Slates::default();
        rows.into_iter().for_each(|row| slates.push(row));
        slates
    }
}

/// The field of the items in a slate.
pub(super) fn slate_field() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8, false))
}

fn offsets(ends: &[u32]) -> Result<OffsetBuffer<i32>> {
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.extend(ends.iter().map(|&end| end as i32));
    if ends.last().is_some_and(|&end| end > i32::MAX as u32) {
        return Err(Error::usage("a step frame holds more than 2 GiB of text")
            .hint("step fewer environments together"));
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_the_last_can_be_removed() {
        let mut texts: Texts = [Some("a"), None, Some(""), Some("bcd")].into_iter().collect();
        assert_eq!(
            texts.iter().collect::<Vec<_>>(),
            [Some("a"), None, Some(""), Some("bcd")]
        );
        assert_eq!(texts.text(1), "");
        texts.pop();
        assert_eq!((texts.len(), texts.get(2)), (3, Some("")));
        texts.push("e");
        assert_eq!(texts.get(3), Some("e"));
    }

    #[test]
    fn slices_of_arrays_are_taken_as_they_are() {
        let array = StringArray::from(vec![Some("left out"), Some("a"), None, Some("ü")]).slice(1, 3);
        let texts = Texts::from_array(&array);
        assert_eq!(texts.iter().collect::<Vec<_>>(), [Some("a"), None, Some("ü")]);
        assert_eq!(texts.to_array().unwrap(), array);
    }

    #[test]
    fn slates_come_back_from_a_slice_too() {
        let slates: Slates = [vec!["x"], vec!["a", "b"], vec![], vec!["c"]]
            .into_iter()
            .collect();
        let array = slates.to_array().unwrap().slice(1, 3);
        let items = array
            .values()
            .as_any()
            .downcast_ref::<StringArray>()
            .unwrap()
            .clone();
        let mut found = Slates::from_array(&array, &items);
        assert_eq!(found.row(0).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((found.single(0), found.single(2)), (None, Some("c")));
        assert_eq!(
            (found.row(1).len(), found.row(2).collect::<Vec<_>>()),
            (0, vec!["c"])
        );
        found.pop();
        found.pop();
        assert_eq!(found, [vec!["a", "b"]].into_iter().collect());
    }
}
