//! Numbers of all widths, and numbers that stand as text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};

use super::text;

/// A number as it stood.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

/// 2^53: below, every whole number is one of 64 bits with a fraction too.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Number {
    fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let real = || text.parse().ok().map(Number::Real);
        text.parse().ok().map(Number::Whole).or_else(real)
    }

    fn real(self) -> f64 {
        match self {
            Number::Whole(number) => number as f64,
            Number::Real(number) => number,
        }
    }

    fn single(self) -> f32 {
        match self {
            // By way of f64 it would be rounded twice.
            Number::Whole(number) => number as f32,
            Number::Real(number) => number as f32,
        }
    }

    /// None where it has a fraction or is out of range.
    pub(super) fn whole<T: TryFrom<i128>>(self) -> Option<T> {
        let number = match self {
            Number::Whole(number) => number,
            // From 2^53 on it may stand for several whole numbers.
            Number::Real(number) if number.abs() < EXACT && number.fract() == 0.0 => number as i128,
            Number::Real(_) => return None,
        };
        T::try_from(number).ok()
    }
}

/// What reads the number of a row that is not null.
type Reader<'a> = Box<dyn Fn(usize) -> Option<Number> + 'a>;

/// How the numbers of `array` are read; none where it holds none.
pub(super) fn reader(array: &ArrayRef) -> Option<Reader<'_>> {
    macro_rules! of {
        ($kind:ty, $number:ident, $as:ty) => {{
            let values = array.as_primitive::<$kind>().values();
            Box::new(|row| Some(Number::$number(<$as>::from(values[row]))))
        }};
    }
    Some(match array.data_type() {
        DataType::Int8 => of!(Int8Type, Whole, i128),
        DataType::Int16 => of!(Int16Type, Whole, i128),
        DataType::Int32 => of!(Int32Type, Whole, i128),
        DataType::Int64 => of!(Int64Type, Whole, i128),
        DataType::UInt8 => of!(UInt8Type, Whole, i128),
        DataType::UInt16 => of!(UInt16Type, Whole, i128),
        DataType::UInt32 => of!(UInt32Type, Whole, i128),
        DataType::UInt64 => of!(UInt64Type, Whole, i128),
        DataType::Float16 => of!(Float16Type, Real, f64),
        DataType::Float32 => of!(Float32Type, Real, f64),
        DataType::Float64 => of!(Float64Type, Real, f64),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(|row| Some(Number::Whole(i128::from(values.value(row)))))
        }
        _ => {
            if let Some(decimal) = text::decimals(array) {
                return Some(Box::new(move |row| Number::of_text(&decimal(row))));
            }
            let text = text::reader(array)?;
            Box::new(move |row| Number::of_text(text(row)?))
        }
    })
}

/// As numbers of a width, or as true and false.
pub(super) fn convert(array: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    match wanted {
        DataType::Float32 => each::<Float32Type>(array, |number| Some(number.single())),
        DataType::Float64 => each::<Float64Type>(array, |number| Some(number.real())),
        DataType::Int64 => each::<Int64Type>(array, Number::whole),
        DataType::UInt32 => each::<UInt32Type>(array, Number::whole),
        DataType::UInt64 => each::<UInt64Type>(array, Number::whole),
        DataType::Boolean => truth(array),
        _ => None,
    }
}

fn each<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    to: impl Fn(Number) -> Option<T::Native>,
) -> Option<ArrayRef> {
    let read = reader(array)?;
    let number = |row| if array.is_null(row) { None } else { to(read(row)?) };
    let numbers: PrimitiveArray<T> = (0..array.len()).map(number).collect();
    Some(Arc::new(numbers))
}

/// Numbers but 0 are true; so is the text `true`.
fn truth(array: &ArrayRef) -> Option<ArrayRef> {
    let read: Box<dyn Fn(usize) -> Option<bool>> = match text::reader(array) {
        Some(text) => Box::new(move |row| text(row)?.trim().to_ascii_lowercase().parse().ok()),
        None => {
            let number = reader(array)?;
            Box::new(move |row| Some(number(row)?.real() != 0.0))
        }
    };
    let truth = |row| if array.is_null(row) { None } else { read(row) };
    let truths: BooleanArray = (0..array.len()).map(truth).collect();
    Some(Arc::new(truths))
}
