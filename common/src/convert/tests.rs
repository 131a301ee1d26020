use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray,
    FixedSizeListArray, Float32Array, Float64Array, Int32Array, Int64Array, LargeListArray, LargeStringArray,
    ListArray, NullArray, StringArray, StringViewArray, TimestampMicrosecondArray, TimestampSecondArray,
    UInt64Array,
};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int32Type, Int64Type, TimeUnit,
    TimestampMillisecondType, UInt32Type,
};

use super::*;

fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// The numbers of `from` as 64-bit integers.
fn whole(from: ArrayRef) -> Vec<Option<i64>> {
    let array = convert(&from, &DataType::Int64).unwrap();
    array.as_primitive::<Int64Type>().iter().collect()
}

fn single(from: ArrayRef) -> Vec<Option<f32>> {
    let array = convert(&from, &DataType::Float32).unwrap();
    array.as_primitive::<Float32Type>().iter().collect()
}

fn texts(from: ArrayRef) -> Vec<Option<String>> {
    let array = convert(&from, &DataType::LargeUtf8).unwrap();
    array
        .as_string::<i64>()
        .iter()
        .map(|text| text.map(String::from))
        .collect()
}

#[test]
fn what_is_as_wanted_stays_what_it_is() {
    let from = array(Int64Array::from(vec![1, 2]));
    let to = convert(&from, &DataType::Int64).unwrap();
    assert!(Arc::ptr_eq(&from, &to));
}

#[test]
fn numbers_of_other_widths_keep_their_values_and_what_does_not_fit_is_null() {
    assert_eq!(
        whole(array(Int32Array::from(vec![Some(-7), None]))),
        [Some(-7), None]
    );
    assert_eq!(
        whole(array(UInt64Array::from(vec![9, u64::MAX]))),
        [Some(9), None]
    );
    let real = Float64Array::from(vec![3.0, -2.0, 0.5, f64::NAN, 1e30]);
    assert_eq!(whole(array(real)), [Some(3), Some(-2), None, None, None]);
    assert_eq!(single(array(Int32Array::from(vec![5]))), [Some(5.0)]);
    assert_eq!(single(array(Float64Array::from(vec![0.1]))), [Some(0.1)]);
    assert_eq!(
        single(array(BooleanArray::from(vec![true, false]))),
        [Some(1.0), Some(0.0)]
    );
    let decimal = Decimal128Array::from(vec![450, -25])
        .with_precision_and_scale(5, 2)
        .unwrap();
    assert_eq!(single(array(decimal)), [Some(4.5), Some(-0.25)]);
    let below = convert(&array(Int64Array::from(vec![-1, 4])), &DataType::UInt32).unwrap();
    assert!(below.is_null(0) && below.as_primitive::<UInt32Type>().value(1) == 4);
}

#[test]
fn numbers_are_read_from_text_and_written_as_text() {
    let text = StringArray::from(vec![Some("12"), Some(" 3 "), Some("4.0"), Some("four"), None]);
    assert_eq!(whole(array(text)), [Some(12), Some(3), Some(4), None, None]);
    let real = convert(&array(LargeStringArray::from(vec!["2.5e1"])), &DataType::Float64).unwrap();
    assert_eq!(real.as_primitive::<Float64Type>().value(0), 25.0);
    assert_eq!(
        texts(array(Int64Array::from(vec![Some(-3), None]))),
        [Some("-3".into()), None]
    );
    assert_eq!(texts(array(Float32Array::from(vec![0.1]))), [Some("0.1".into())]);
}

#[test]
fn text_of_every_layout_is_the_same_text() {
    let wanted = [Some("a".to_string()), None, Some("b".to_string())];
    let texts_of = vec![Some("a"), None, Some("b")];
    assert_eq!(texts(array(StringArray::from(texts_of.clone()))), wanted);
    assert_eq!(texts(array(StringViewArray::from(texts_of.clone()))), wanted);
    let bytes = BinaryArray::from(vec![Some(&b"a"[..]), Some(b"\xff"), Some(b"b")]);
    assert_eq!(texts(array(bytes)), wanted);
    let dictionary: DictionaryArray<Int8Type> = texts_of.into_iter().collect();
    assert_eq!(texts(array(dictionary)), wanted);
    let codes = DictionaryArray::new(Int32Array::from(vec![1, 0]), array(Int64Array::from(vec![7, 8])));
    assert_eq!(whole(array(codes)), [Some(8), Some(7)]);
}

#[test]
fn truth_is_read_from_numbers_and_words() {
    let truth = |from: ArrayRef| -> Vec<Option<bool>> {
        let array = convert(&from, &DataType::Boolean).unwrap();
        array.as_boolean().iter().collect()
    };
    assert_eq!(
        truth(array(Int32Array::from(vec![0, 2]))),
        [Some(false), Some(true)]
    );
    let words = StringArray::from(vec!["True", "false", "perhaps"]);
    assert_eq!(truth(array(words)), [Some(true), Some(false), None]);
}

#[test]
fn lists_of_every_layout_are_the_same_lists() {
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let lists = |from: ArrayRef| -> Vec<Option<Vec<f32>>> {
        let array = convert(&from, &DataType::LargeList(item.clone())).unwrap();
        let values = |list: ArrayRef| list.as_primitive::<Float32Type>().values().to_vec();
        array
            .as_list::<i64>()
            .iter()
            .map(|list| list.map(values))
            .collect()
    };
    let rows = vec![Some(vec![Some(1), Some(2)]), None, Some(vec![Some(3), Some(4)])];
    let wanted = [Some(vec![1.0, 2.0]), None, Some(vec![3.0, 4.0])];
    let small = ListArray::from_iter_primitive::<Int32Type, _, _>(rows.clone());
    assert_eq!(lists(array(small.clone())), wanted);
    assert_eq!(
        lists(array(LargeListArray::from_iter_primitive::<Int32Type, _, _>(
            rows.clone()
        ))),
        wanted
    );
    assert_eq!(
        lists(array(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
            rows, 2
        ))),
        wanted
    );
    // A part of an array begins in the middle of its values.
    assert_eq!(lists(array(small.slice(2, 1))), wanted[2..]);
}

#[test]
fn times_of_every_unit_are_milliseconds_of_the_same_zone() {
    let zone: Arc<str> = "UTC".into();
    let wanted = DataType::Timestamp(TimeUnit::Millisecond, Some(zone.clone()));
    let times = |from: ArrayRef| -> Vec<Option<i64>> {
        let array = convert(&from, &wanted).unwrap();
        assert_eq!(array.data_type(), &wanted);
        array.as_primitive::<TimestampMillisecondType>().iter().collect()
    };
    let seconds = TimestampSecondArray::from(vec![Some(5), None, Some(i64::MAX)]);
    assert_eq!(
        times(array(seconds.with_timezone(zone.clone()))),
        [Some(5000), None, None]
    );
    let micros = TimestampMicrosecondArray::from(vec![1_999]);
    assert_eq!(times(array(micros.with_timezone(zone))), [Some(1)]);
}

#[test]
fn what_does_not_stand_for_it_is_refused() {
    let lists = array(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![
        Some(1),
    ])]));
    let times = array(TimestampSecondArray::from(vec![1]));
    for wanted in [DataType::Float32, DataType::LargeUtf8, DataType::Boolean] {
        assert!(convert(&lists, &wanted).is_none() && convert(&times, &wanted).is_none());
    }
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    assert!(convert(&times, &DataType::List(item)).is_none());
    // A column of nothing can be anything.
    assert_eq!(texts(array(NullArray::new(2))), [None, None]);
    assert_eq!(shown(&array(Float64Array::from(vec![1.0, 2.5])), 1), "2.5");
}
