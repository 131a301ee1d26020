//! Hand-made files, good and hostile.

use super::*;
use std::io::Cursor;

/// A small well-formed file, in parts that a test can spoil.
struct Draft {
    magic: [u8; 4],
    version: u32,
    tensors: u64,
    pairs: u64,
    body: Vec<u8>,
    data: usize,
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn pair_text(bytes: &mut Vec<u8>, key: &str, value: &str) {
    text(bytes, key);
    bytes.extend(kind::STRING.to_le_bytes());
    text(bytes, value);
}

fn tensor(bytes: &mut Vec<u8>, name: &str, shape: &[u64], number: u32, offset: u64) {
    text(bytes, name);
    bytes.extend((shape.len() as u32).to_le_bytes());
    shape.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
    bytes.extend(number.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
}

fn metadata() -> Vec<u8> {
    let mut body = Vec::new();
    pair_text(&mut body, "general.architecture", "llama");
    pair_text(&mut body, "tokenizer.ggml.model", "gpt2");
    body
}

fn draft() -> Draft {
    let mut body = metadata();
    tensor(&mut body, "a", &[32, 2], 2, 0);
    Draft {
        magic: *MAGIC,
        version: 3,
        tensors: 1,
        pairs: 2,
        body,
        data: 36,
    }
}

impl Draft {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.tensors.to_le_bytes());
        bytes.extend(self.pairs.to_le_bytes());
        bytes.extend(&self.body);
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.resize(bytes.len() + self.data, 0);
        bytes
    }

    fn parse(&self) -> Result<Header> {
        let bytes = self.bytes();
        Header::parse(Cursor::new(&bytes), bytes.len() as u64)
    }

    fn refused(&self) -> String {
        let error = self.parse().expect_err("must be refused");
        assert_eq!(error.class().code(), 42);
        error.to_string()
    }
}

#[test]
fn a_whole_file_is_read() {
    let header = draft().parse().unwrap();
    assert_eq!(
        (header.version, header.tensors, header.architecture()),
        (3, 1, "llama")
    );
}

#[test]
fn every_cut_of_a_good_file_is_refused() {
    let bytes = draft().bytes();
    for length in 0..bytes.len() {
        let cut = &bytes[..length];
        assert!(
            Header::parse(Cursor::new(cut), length as u64).is_err(),
            "cut at {length} was accepted"
        );
    }
}

#[test]
fn hostile_counts_and_lengths_are_refused_without_allocation() {
    assert!(
        Draft {
            tensors: u64::MAX,
            ..draft()
        }
        .refused()
        .contains("more than the file can hold")
    );
    assert!(
        Draft {
            pairs: 1 << 60,
            ..draft()
        }
        .refused()
        .contains("more than the file can hold")
    );
    let mut body = metadata();
    body.extend(u64::MAX.to_le_bytes());
    assert!(
        Draft {
            pairs: 3,
            body,
            ..draft()
        }
        .refused()
        .contains("ends inside a metadata key")
    );
    let mut body = Vec::new();
    text(&mut body, "tokenizer.ggml.tokens");
    body.extend(kind::ARRAY.to_le_bytes());
    body.extend(kind::STRING.to_le_bytes());
    body.extend((u64::MAX / 8).to_le_bytes());
    assert!(
        Draft {
            pairs: 1,
            body,
            ..draft()
        }
        .refused()
        .contains("more than the file can hold")
    );
}

#[test]
fn nested_arrays_are_refused_at_the_first_level() {
    let mut body = Vec::new();
    text(&mut body, "deep");
    body.extend(kind::ARRAY.to_le_bytes());
    for _ in 0..1000 {
        body.extend(kind::ARRAY.to_le_bytes());
        body.extend(1_u64.to_le_bytes());
    }
    assert!(
        Draft {
            pairs: 1,
            body,
            ..draft()
        }
        .refused()
        .contains("array of arrays")
    );
}

#[test]
fn tensors_outside_the_file_are_refused() {
    assert!(Draft { data: 35, ..draft() }.refused().contains("cut short"));
    let mut body = metadata();
    tensor(&mut body, "a", &[32, 2], 2, u64::MAX - 31);
    assert!(Draft { body, ..draft() }.refused().contains("overflow"));
    let mut body = metadata();
    tensor(&mut body, "a", &[32, 2], 2, 7);
    assert!(Draft { body, ..draft() }.refused().contains("alignment"));
}

#[test]
fn impossible_shapes_and_types_are_refused() {
    for (shape, number, word) in [
        (&[1_u64 << 40, 1 << 40][..], 0, "counted"),
        (&[33], 2, "multiple of its block"),
        (&[32], 4, "unknown type"),
        (&[1, 1, 1, 1, 1], 0, "dimensions"),
    ] {
        let mut body = metadata();
        tensor(&mut body, "a", shape, number, 0);
        let said = Draft { body, ..draft() }.refused();
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn other_files_and_versions_are_refused() {
    assert!(
        Draft {
            magic: *b"PAR1",
            ..draft()
        }
        .refused()
        .contains("not a GGUF")
    );
    assert!(
        Draft {
            version: 1,
            ..draft()
        }
        .refused()
        .contains("version 1")
    );
    assert!(
        Draft {
            tensors: 0,
            ..draft()
        }
        .refused()
        .contains("no tensors")
    );
}

#[test]
fn names_that_stand_twice_are_refused() {
    let mut body = metadata();
    pair_text(&mut body, "general.architecture", "llama");
    tensor(&mut body, "a", &[32, 2], 2, 0);
    assert!(
        Draft {
            pairs: 3,
            body,
            ..draft()
        }
        .refused()
        .contains("twice")
    );
    let mut body = metadata();
    tensor(&mut body, "a", &[32, 2], 2, 0);
    tensor(&mut body, "a", &[32, 2], 2, 0);
    assert!(
        Draft {
            tensors: 2,
            body,
            ..draft()
        }
        .refused()
        .contains("twice")
    );
}

#[test]
fn zero_hyper_parameters_are_refused() {
    let mut body = metadata();
    text(&mut body, "llama.attention.head_count");
    body.extend(kind::U32.to_le_bytes());
    body.extend(0_u32.to_le_bytes());
    tensor(&mut body, "a", &[32, 2], 2, 0);
    assert!(
        Draft {
            pairs: 3,
            body,
            ..draft()
        }
        .refused()
        .contains("head_count")
    );
}
