use std::collections::BTreeMap;

use safetensors::tensor::TensorView;

use super::*;

fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tensors");
    let tensors = vec![
        Tensor::row("b", &[7u32, 8]),
        Tensor::new("a", &[2, 2], &[1.0f32, 2.0, 3.0, 4.0]),
        Tensor::row("c", &[1u64 << 40]),
    ];
    write(&path, &[("step", "7".into())], tensors).unwrap();
    (folder, path)
}

/// A file with `header` and `data` bytes of zeros.
fn hostile(header: &str, data: usize) -> Error {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    std::fs::write(file.path(), bytes).unwrap();
    let opened = Tensors::open(file.path());
    opened.err().expect("a hostile header was taken")
}

#[test]
fn what_is_written_is_what_the_library_would_write() {
    let (_folder, path) = written();
    let of = |words: &[f32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let (a, b, c) = (
        of(&[1.0, 2.0, 3.0, 4.0]),
        [7u32, 8].map(u32::to_le_bytes).concat(),
        (1u64 << 40).to_le_bytes(),
    );
    let view = |kind, shape: &[usize], bytes| TensorView::new(kind, shape.to_vec(), bytes).unwrap();
    let views = BTreeMap::from([
        ("a", view(Dtype::F32, &[2, 2], a.as_slice())),
        ("b", view(Dtype::U32, &[2], &b)),
        ("c", view(Dtype::U64, &[1], &c)),
    ]);
    let metadata = HashMap::from([("step".to_string(), "7".to_string())]);
    assert_eq!(
        std::fs::read(&path).unwrap(),
        safetensors::serialize(views, Some(metadata)).unwrap()
    );
}

#[test]
fn tensors_and_metadata_come_back_in_any_order() {
    let (_folder, path) = written();
    let mut reader = Tensors::open(&path).unwrap();
    assert_eq!(reader.values::<u32>("b", Some(2)).unwrap(), [7, 8]);
    assert_eq!(reader.values::<u64>("c", None).unwrap(), [1 << 40]);
    assert_eq!(reader.numbers("a", Some(4)).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(reader.metadata("step"), Some("7"));
    assert_eq!(reader.metadata("other"), None);
}

#[test]
fn what_is_not_as_asked_is_named() {
    let (folder, path) = written();
    let mut reader = Tensors::open(&path).unwrap();
    let fail = |outcome: Result<Vec<f32>>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.class().code(), 42);
        error.to_string()
    };
    assert!(fail(reader.numbers("none", None)).contains("no tensor none"));
    assert!(fail(reader.numbers("b", None)).contains("tensor b is U32, not F32"));
    assert!(fail(reader.numbers("a", Some(5))).contains("tensor a has 4 values, not 5"));
    let path = folder.path().join("nan");
    write(&path, &[], vec![Tensor::row("n", &[0.0, f32::NAN])]).unwrap();
    let mut reader = Tensors::open(&path).unwrap();
    assert!(fail(reader.numbers("n", None)).contains("value 1 of tensor n"));
}

#[test]
fn a_file_cut_anywhere_or_too_long_is_bad_data() {
    let (_folder, path) = written();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = Tensors::open(&path).err().expect("a cut file was taken");
        assert_eq!(error.class().code(), 42, "{length}: {error}");
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = Tensors::open(&path).err().unwrap().to_string();
    assert!(error.contains("tensor b is cut short"), "{error}");
    std::fs::write(&path, [whole.as_slice(), &[0]].concat()).unwrap();
    let error = Tensors::open(&path).err().unwrap().to_string();
    assert!(error.contains("1 bytes follow the last tensor"), "{error}");
}

#[test]
fn hostile_headers_are_refused_before_anything_is_allocated() {
    let tensor = |shape: &str, from: u64, to: u64| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    let big = 1u64 << 60;
    for (header, data) in [
        // Far more than the file holds.
        (
            format!(r#"{{"a":{}}}"#, tensor(&format!("[{}]", big / 4), 0, big)),
            8,
        ),
        // A shape whose size overflows.
        (
            format!(r#"{{"a":{}}}"#, tensor(&format!("[{big},{big}]"), 0, 8)),
            8,
        ),
        // A shape that does not fit the place.
        (format!(r#"{{"a":{}}}"#, tensor("[3]", 0, 8)), 8),
        // An overlap, a gap, an end before the start.
        (
            format!(r#"{{"a":{},"b":{}}}"#, tensor("[2]", 0, 8), tensor("[2]", 4, 12)),
            12,
        ),
        (
            format!(r#"{{"a":{},"b":{}}}"#, tensor("[2]", 0, 8), tensor("[1]", 12, 16)),
            16,
        ),
        (format!(r#"{{"a":{}}}"#, tensor("[2]", 8, 0)), 8),
        // No JSON, and JSON of another kind.
        ("nonsense".into(), 0),
        (r#"{"a":3}"#.into(), 0),
    ] {
        let error = hostile(&header, data);
        assert_eq!(error.class().code(), 42, "{header}: {error}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [u64::MAX.to_le_bytes(), [b' '; 8]].concat()).unwrap();
    assert!(
        Tensors::open(file.path()).is_err(),
        "a header longer than the file"
    );
}
