//! Files of any writer that are damaged, or made to exhaust memory, are refused with their place.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::support::{end_of_pages, footer};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use common::bad_rows::BadRows;
use common::error::Class;
use common::logs::Scan;
use common::schema::file::{FREE_VALUES, ParquetFile};
use common::schema::interactions;
use common::schema::items;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::ParquetMetaDataWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, times: usize) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    for _ in 0..times {
        writer.write(&batch).unwrap();
    }
    writer.close().unwrap();
}

fn equal_rows(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("user_id", Arc::new(StringArray::from(vec!["u"; rows])) as _),
        ("item_id", Arc::new(Int64Array::from(vec![1; rows])) as _),
        ("timestamp", Arc::new(Int64Array::from(vec![1; rows])) as _),
        ("feedback", Arc::new(Float64Array::from(vec![1.0; rows])) as _),
    ]
}

#[test]
fn more_rows_than_a_file_may_ask_for_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("equal.parquet");
    let times = (FREE_VALUES >> 20) as usize;
    write(&path, equal_rows(1 << 20), times + 2);
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 18);
    let errors = [
        interactions::read_log(&path, Some(1.0)).err(),
        Scan::open(&path, Some(1.0), BadRows::refuse())
            .and_then(|scan| scan.rows("test", |_| Ok(())))
            .err(),
    ];
    for error in errors {
        let error = error.expect("it is refused");
        assert_eq!(error.class(), Class::Data);
        assert!(error.to_string().contains(&FREE_VALUES.to_string()), "{error}");
    }
    let ids = Arc::new(Int64Array::from(vec![1; 1 << 20])) as ArrayRef;
    write(&path, vec![("item_id", ids)], times);
    ParquetFile::open(&path).unwrap().check(&["item_id"]).unwrap();
}

#[test]
fn a_long_text_that_every_row_repeats_is_refused_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.parquet");
    let text = "x".repeat(1 << 19);
    let title = StringArray::from_iter_values(std::iter::repeat_n(text.as_str(), 1000));
    let batch = |first: i64| {
        let ids = Int64Array::from_iter_values(first..first + 1000);
        RecordBatch::try_from_iter([
            ("item_id", Arc::new(ids) as ArrayRef),
            ("title", Arc::new(title.clone()) as ArrayRef),
        ])
        .unwrap()
    };
    // Without what the footer may say of the size of texts.
    let properties = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::None)
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch(0).schema(), Some(properties)).unwrap();
    for piece in 0..3 {
        writer.write(&batch(1000 * piece)).unwrap();
    }
    writer.close().unwrap();
    let file = ParquetFile::open(&path).unwrap();
    assert!(file.check(&["title"]).unwrap() <= 512);
    assert_eq!(file.check(&["item_id"]).unwrap(), usize::MAX);
    let error = items::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("bytes of memory") && error.contains("column title"),
        "{error}"
    );
}

/// The number at the start of `bytes` in the format's own encoding, and its length.
fn number(bytes: &[u8]) -> (u64, usize) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let digits = bytes[..length].iter().rev();
    let value = digits.fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
    ((value >> 1), length)
}

/// A number whose sign is in the last bit, in the format's own encoding.
fn varint(mut rest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// Writes a file of one column, whose page header, which begins with a kind and two sizes, `edit` writes anew of these sizes
/// and the page's bytes.
fn with_page_header(path: &Path, edit: impl Fn(u64, u64, &[u8]) -> Vec<u8>) {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .build();
    let column = Arc::new(StringArray::from(
        (0..300).map(|n| format!("id {n}")).collect::<Vec<_>>(),
    )) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("item_id", column)]).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (bytes, footer) = (std::fs::read(path).unwrap(), footer(path));
    let chunk = footer.row_group(0).column(0).clone();
    let (begin, length) = chunk.byte_range();
    let page = &bytes[begin as usize..][..length as usize];
    assert_eq!(page[..3], [0x15, 0, 0x15], "a data page");
    let (uncompressed, first) = number(&page[3..]);
    let (compressed, second) = number(&page[4 + first..]);
    let rest = &page[4 + first + second..];
    assert_eq!(rest[0], 0x2c, "the data page's own header");
    let body = &page[page.len() - compressed as usize..];
    let mut changed = b"PAR1".to_vec();
    changed.extend([0x15, 0, 0x15]);
    changed.extend(edit(uncompressed, compressed, body));
    changed.extend(&rest[1..]);
    let length = changed.len() as i64 - 4;
    let chunk = chunk
        .into_builder()
        .set_total_compressed_size(length)
        .build()
        .unwrap();
    let group = footer.row_group(0).clone().into_builder();
    let group = group.set_column_metadata(vec![chunk]).build().unwrap();
    let footer = footer.into_builder().set_row_groups(vec![group]).build();
    ParquetMetaDataWriter::new(&mut changed, &footer)
        .finish()
        .unwrap();
    std::fs::write(path, changed).unwrap();
}

#[test]
fn a_page_checksum_of_any_writer_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.parquet");
    let with_checksum = |difference: u32| {
        with_page_header(&path, |uncompressed, compressed, body| {
            let signed = (crc32fast::hash(body) ^ difference) as i32;
            let zigzag = (signed << 1 ^ signed >> 31) as u32;
            let mut header = varint(uncompressed << 1);
            header.push(0x15);
            header.extend(varint(compressed << 1));
            header.push(0x15);
            header.extend(varint(u64::from(zigzag)));
            header.push(0x1c);
            header
        });
        items::read_ids(&path)
    };
    assert_eq!(with_checksum(0).unwrap().len(), 300);
    let error = with_checksum(1 << 9).unwrap_err().to_string();
    assert!(
        error.contains("checksum") && error.contains("column item_id, row group 0"),
        "{error}"
    );
}

#[test]
fn a_page_that_promises_more_than_it_can_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.parquet");
    let sized = |uncompressed: Option<u64>, compressed: Option<u64>| {
        with_page_header(&path, |of_page, in_file, _| {
            let mut header = varint(uncompressed.unwrap_or(of_page) << 1);
            header.push(0x15);
            header.extend(varint(compressed.unwrap_or(in_file) << 1));
            header.push(0x2c);
            header
        });
        items::read_ids(&path)
    };
    assert_eq!(sized(None, None).unwrap().len(), 300);
    for (uncompressed, compressed) in [(Some((1 << 31) - 1), None), (None, Some((1 << 31) - 1))] {
        let error = sized(uncompressed, compressed).unwrap_err().to_string();
        assert!(
            error.contains("2147483647 bytes") && error.contains("column item_id, row group 0"),
            "{error}"
        );
    }
}

#[test]
fn a_footer_whose_row_groups_hold_other_rows_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    write(&path, equal_rows(10), 1);
    let bytes = std::fs::read(&path).unwrap();
    let footer = footer(&path);
    // The number of rows, and the list of row groups after it.
    let place = bytes
        .windows(3)
        .rposition(|three| three == [0x16, 20, 0x19])
        .unwrap();
    let mut changed = bytes.clone();
    changed[place + 1] = 18;
    std::fs::write(&path, changed).unwrap();
    let error = interactions::read_log(&path, Some(1.0)).unwrap_err().to_string();
    assert!(error.contains("10 rows, the footer says 9"), "{error}");

    let group = footer
        .row_group(0)
        .clone()
        .into_builder()
        .set_num_rows(9)
        .build()
        .unwrap();
    let footer = footer.into_builder().set_row_groups(vec![group]).build();
    let mut changed = bytes[..end_of_pages(&path)].to_vec();
    ParquetMetaDataWriter::new(&mut changed, &footer)
        .finish()
        .unwrap();
    std::fs::write(&path, changed).unwrap();
    let error = interactions::read_log(&path, Some(1.0)).unwrap_err().to_string();
    assert!(error.contains("10 values in 9 rows"), "{error}");
}

#[test]
fn two_columns_of_one_name_are_refused_where_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    let twice = |name: &'static str| {
        let mut columns: Vec<(&str, ArrayRef)> = equal_rows(3);
        for value in [0.0, 5.0] {
            columns.push((name, Arc::new(Float64Array::from(vec![value; 3]))));
        }
        let fields = columns
            .iter()
            .map(|(name, column)| Field::new(*name, column.data_type().clone(), false));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    twice("feedback");
    let whole = interactions::read_log(&path, Some(1.0)).map(|_| ());
    let scanned =
        Scan::open(&path, Some(1.0), BadRows::refuse()).and_then(|scan| scan.rows("test", |_| Ok(())));
    for read in [whole, scanned.map(|_| ())] {
        let error = read.unwrap_err();
        assert_eq!(error.class(), Class::Data);
        assert!(
            error.to_string().contains("column `feedback` stands twice"),
            "{error}"
        );
    }
    // What is not read may be anything.
    twice("price");
    assert_eq!(interactions::read_log(&path, Some(1.0)).unwrap().len(), 3);
}

#[test]
fn what_is_not_asked_for_is_not_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.parquet");
    let mut columns = equal_rows(3);
    columns.push(("note", Arc::new(StringArray::from(vec!["a note"; 3]))));
    write(&path, columns, 1);
    let mut bytes = std::fs::read(&path).unwrap();
    let footer = footer(&path);
    let (begin, length) = footer.row_group(0).column(4).byte_range();
    bytes[begin as usize..][..length as usize].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(interactions::read_log(&path, Some(1.0)).unwrap().len(), 3);
}
