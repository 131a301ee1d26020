//! Ids as they stand in a part of a file.

use arrow::array::{
    Array, ArrayRef, AsArray, GenericStringArray, Int64Array, LargeStringArray, OffsetSizeTrait, StringArray,
    UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int64Type};

use crate::convert::convert;
use crate::ids::BLOCK;
use crate::schema::column::id_type;

/// A column of ids; some may be null or empty.
pub(super) enum Ids {
    Text(StringArray),
    Long(LargeStringArray),
    Integer(Int64Array),
}

impl Ids {
    /// The ids of `found`; none where its type holds none.
    pub(super) fn of(found: &ArrayRef) -> Option<Self> {
        let wanted = match found.data_type() {
            // Larger ones than 64 bits with a sign can hold pass as text.
            kind if kind.is_integer() && *kind != DataType::UInt64 => DataType::Int64,
            DataType::Utf8 => DataType::Utf8,
            kind => id_type(kind),
        };
        Self::of_array(&convert(found, &wanted)?)
    }

    fn of_array(array: &ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Int64 => Ids::Integer(array.as_primitive::<Int64Type>().clone()),
            DataType::Utf8 => Ids::Text(array.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Ids::Long(array.as_string::<i64>().clone()),
            _ => return None,
        })
    }

    /// The column itself.
    pub(super) fn array(&self) -> &dyn Array {
        match self {
            Ids::Text(ids) => ids,
            Ids::Long(ids) => ids,
            Ids::Integer(ids) => ids,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.array().len()
    }

    /// Whether every row has an id.
    pub(super) fn are_all(&self) -> bool {
        self.array().null_count() == 0 && !(0..self.len()).any(|row| self.is_empty(row))
    }

    /// Whether the id of this row is a text without a letter.
    pub(super) fn is_empty(&self, row: usize) -> bool {
        match self {
            Ids::Text(ids) => ids.value_length(row) == 0,
            Ids::Long(ids) => ids.value_length(row) == 0,
            Ids::Integer(_) => false,
        }
    }

    /// These rows alone.
    pub(super) fn kept(&self, rows: &UInt32Array) -> Option<Self> {
        Self::of_array(&take(self.array(), rows, None).ok()?)
    }

    pub(super) fn slice(&self, start: usize, length: usize) -> Self {
        match self {
            Ids::Text(ids) => Ids::Text(ids.slice(start, length)),
            Ids::Long(ids) => Ids::Long(ids.slice(start, length)),
            Ids::Integer(ids) => Ids::Integer(ids.slice(start, length)),
        }
    }

    /// Hands all ids, as text, to `take`, a block of at most [`BLOCK`] at a time.
    pub(super) fn blocks(&self, mut take: impl FnMut(&[&str])) {
        let mut texts = [const { String::new() }; BLOCK];
        for start in (0..self.len()).step_by(BLOCK) {
            let block = start..self.len().min(start + BLOCK);
            let mut ids = [""; BLOCK];
            match self {
                Ids::Text(column) => texts_of(column, block.start, &mut ids),
                Ids::Long(column) => texts_of(column, block.start, &mut ids),
                Ids::Integer(column) => {
                    for (text, row) in texts.iter_mut().zip(block.clone()) {
                        text.clear();
                        digits(column.value(row), text);
                    }
                    for (id, text) in ids.iter_mut().zip(&texts) {
                        *id = text;
                    }
                }
            }
            take(&ids[..block.len()]);
        }
    }
}

/// The texts from row `start` on.
fn texts_of<'a, O: OffsetSizeTrait>(
    column: &'a GenericStringArray<O>,
    start: usize,
    texts: &mut [&'a str; BLOCK],
) {
    for (text, row) in texts.iter_mut().zip(start..column.len()) {
        *text = column.value(row);
    }
}

/// Writes `number` to `text`, which is empty; several times faster than by way of a formatter.
fn digits(number: i64, text: &mut String) {
    let mut rest = number.unsigned_abs();
    let mut reversed = [0; 20];
    let mut count = 0;
    loop {
        reversed[count] = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        text.push('-');
    }
    text.extend(reversed[..count].iter().rev().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_a_formatter_would() {
        for number in [0, 7, -7, 10, 99_999, -100_000, i64::MAX, i64::MIN] {
            let mut text = String::new();
            digits(number, &mut text);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn ids_come_in_blocks_of_the_same_text_whatever_their_layout() {
        let all = |ids: &Ids| {
            let mut seen = Vec::new();
            ids.blocks(|block| {
                assert!(block.len() <= BLOCK);
                seen.extend(block.iter().map(|id| id.to_string()));
            });
            seen
        };
        let numbers: Vec<i64> = (-50..150).collect();
        let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
        let integers = Ids::Integer(Int64Array::from(numbers));
        assert_eq!(all(&integers), texts);
        assert_eq!(all(&Ids::Text(StringArray::from_iter_values(&texts))), texts);
        assert_eq!(all(&Ids::Long(LargeStringArray::from_iter_values(&texts))), texts);
        assert_eq!(all(&integers.slice(60, 70)), texts[60..130]);
        let kept = integers.kept(&UInt32Array::from(vec![3, 77])).unwrap();
        assert_eq!(all(&kept), [texts[3].clone(), texts[77].clone()]);
    }

    #[test]
    fn null_and_empty_ids_are_none() {
        assert!(Ids::Integer(Int64Array::from(vec![3])).are_all());
        assert!(!Ids::Integer(Int64Array::from(vec![Some(3), None])).are_all());
        assert!(!Ids::Text(StringArray::from(vec!["a", ""])).are_all());
    }
}
