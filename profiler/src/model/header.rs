//! The header of a GGUF file, checked before llama.cpp sees the file.
//!
//! llama.cpp trusts much of what a file says of itself; a file cut short or made to harm must end in one clear
//! error instead. Checked: magic and version, counts, every length against what is left of the file, nesting,
//! duplicate names, tensor shapes, that each tensor's bytes lie within the file, and the bounds of what llama.cpp asserts. The layout is that of
//! `ggml/include/gguf.h`.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufReader, Read};
use std::ops::Range;
use std::path::Path;

use common::input::{self, Input};
use common::{Error, Result};

use super::bounds;
use super::reader::Reader;
use super::tensor_type::block;
use super::zeros;

const MAGIC: &[u8; 4] = b"GGUF";
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=3;
/// The specification's limit on a key's length.
const LONGEST_KEY: u64 = 65_535;
/// `GGML_MAX_NAME` less its terminating zero.
const LONGEST_TENSOR_NAME: u64 = 63;
const MOST_DIMENSIONS: u32 = 4;
/// Strings longer than this (chat templates) are stepped over, not kept.
const LONGEST_KEPT: u64 = 1024;
const DEFAULT_ALIGNMENT: u64 = 32;
/// The texts of all tokens.
const TOKENS: &str = "tokenizer.ggml.tokens";

/// Value types of the format.
mod kind {
    pub(super) const U8: u32 = 0;
    pub(super) const U32: u32 = 4;
    pub(super) const F32: u32 = 6;
    pub(super) const STRING: u32 = 8;
    pub(super) const ARRAY: u32 = 9;
    pub(super) const F64: u32 = 12;

    /// Bytes of a value of fixed size.
    pub(super) fn size(kind: u32) -> Option<u64> {
        match kind {
            U8 | 1 | 7 => Some(1),
            2 | 3 => Some(2),
            U32 | 5 | F32 => Some(4),
            10 | 11 | F64 => Some(8),
            _ => None,
        }
    }
}

/// What the header says, as far as Headstart reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Format version, 2 or 3.
    pub version: u32,
    /// Number of tensors.
    pub tensors: u64,
    /// Short text values by key (`general.architecture`, `general.name`, ...).
    pub texts: BTreeMap<String, String>,
    /// u32 values by key (`llama.context_length`, ...).
    pub numbers: BTreeMap<String, u32>,
    /// Values with a fraction by key (`llama.rope.freq_base`, ...).
    pub(super) fractions: BTreeMap<String, f64>,
    /// All keys.
    keys: HashSet<String>,
    /// A byte for which there is no token, if there is one.
    pub(super) no_token_for: Option<u8>,
    /// Where each tensor's bytes stand in the file.
    pub(super) weights: Vec<(String, Range<u64>)>,
}

impl Header {
    /// Reads and checks the header of the file at `path`.
    ///
    /// # Errors
    /// When the file is missing, is not GGUF, contradicts itself or its own length, says what llama.cpp cannot take, or has a
    /// tensor of zeros.
    pub fn read(path: &Path) -> Result<Header> {
        let Input::File(file) = input::open_to("open the model", path)? else {
            return Err(Error::usage("the model is not a file")
                .file(path)
                .hint("give the path of a .gguf file"));
        };
        let metadata = file
            .metadata()
            .map_err(|e| Error::io(e, "open the model", path))?;
        let header = Header::parse(BufReader::with_capacity(1 << 16, &file), metadata.len());
        let checked = header.and_then(|header| zeros::refuse(&file, &header).map(|()| header));
        checked.map_err(|e| {
            e.file(path).hint(
                "the model file is damaged or was not downloaded whole: fetch it again, or give another GGUF",
            )
        })
    }

    /// Checks the header of a file of `length` bytes.
    ///
    /// # Errors
    /// As [`Header::read`].
    pub fn parse(inner: impl Read, length: u64) -> Result<Header> {
        let mut reader = Reader::new(inner, length);
        if &reader.array::<4>("the magic number")? != MAGIC {
            return Err(Error::data(
                "not a GGUF file: it does not begin with the letters GGUF",
            ));
        }
        let version = reader.u32("the version")?;
        if !VERSIONS.contains(&version) {
            return Err(Error::data(format!(
                "GGUF version {version} is not supported, only 2 and 3"
            )));
        }
        let tensors = reader.u64("the number of tensors")?;
        let pairs = reader.u64("the number of metadata pairs")?;
        // The smallest pair is a key of one letter and a value of one byte; the smallest tensor entry has no dimension.
        bounded(pairs, 8 + 1 + 4 + 1, reader.left(), "metadata pairs")?;
        bounded(tensors, 8 + 1 + 4 + 4 + 8, reader.left(), "tensors")?;
        if tensors == 0 {
            return Err(Error::data("the model file holds no tensors"));
        }
        let mut header = Header {
            version,
            tensors,
            texts: BTreeMap::new(),
            numbers: BTreeMap::new(),
            fractions: BTreeMap::new(),
            keys: HashSet::new(),
            no_token_for: None,
            weights: Vec::new(),
        };
        read_pairs(&mut reader, pairs, &mut header)?;
        let alignment = alignment(&header)?;
        header.weights = read_tensors(&mut reader, tensors, alignment)?;
        let needed = header.weights.iter().map(|(_, place)| place.end).max();
        if let Some(needed) = needed.filter(|&needed| needed > length) {
            return Err(Error::data(format!(
                "the model file is cut short: its tensors need {needed} bytes, the file has {length}"
            )));
        }
        sane(&header)?;
        Ok(header)
    }

    /// Whether the key is there, of whatever type.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// The model's architecture, for example `llama`.
    pub fn architecture(&self) -> &str {
        self.text("general.architecture")
    }

    /// A short text; empty where there is none.
    pub(super) fn text(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }
}

fn bounded(count: u64, smallest: u64, left: u64, what: &str) -> Result<()> {
    if count > left / smallest {
        return Err(Error::data(format!(
            "{count} {what} are announced, more than the file can hold"
        )));
    }
    Ok(())
}

fn read_pairs<R: Read>(reader: &mut Reader<R>, pairs: u64, header: &mut Header) -> Result<()> {
    for _ in 0..pairs {
        let key = reader.string(LONGEST_KEY, "a metadata key")?;
        if key.is_empty() {
            return Err(Error::data("a metadata key is empty").at(format!("byte {}", reader.position())));
        }
        let what = format!("the value of `{key}`");
        let kind = reader.u32(&what)?;
        match kind {
            kind::STRING => read_text(reader, &key, &what, header)?,
            kind::U32 => {
                let value = reader.u32(&what)?;
                header.numbers.insert(key.clone(), value);
            }
            kind::F32 => {
                let value = f32::from_bits(reader.u32(&what)?);
                header.fractions.insert(key.clone(), value.into());
            }
            kind::F64 => {
                let value = f64::from_bits(reader.u64(&what)?);
                header.fractions.insert(key.clone(), value);
            }
            kind::ARRAY if key == TOKENS => {
                header.no_token_for = bounds::tokens(&read_texts(reader, &what)?)?
            }
            kind::ARRAY => skip_array(reader, &what)?,
            _ => {
                let size = kind::size(kind)
                    .ok_or_else(|| Error::data(format!("{what} has the unknown type {kind}")))?;
                reader.skip(size, &what)?;
            }
        }
        if !header.keys.insert(key.clone()) {
            return Err(Error::data(format!("the metadata key `{key}` stands twice")));
        }
    }
    Ok(())
}

fn read_text<R: Read>(reader: &mut Reader<R>, key: &str, what: &str, header: &mut Header) -> Result<()> {
    let length = reader.u64(what)?;
    if length > LONGEST_KEPT {
        return reader.skip(length, what);
    }
    reader.expect(length, what)?;
    let bytes = reader.bytes(length as usize, what)?;
    // A text that is not UTF-8 is none that Headstart reads; llama.cpp takes bytes.
    if let Ok(text) = String::from_utf8(bytes) {
        header.texts.insert(key.to_string(), text);
    }
    Ok(())
}

fn skip_array<R: Read>(reader: &mut Reader<R>, what: &str) -> Result<()> {
    let kind = reader.u32(what)?;
    let count = reader.u64(what)?;
    match kind {
        kind::ARRAY => Err(Error::data(format!(
            "{what} is an array of arrays, which llama.cpp does not read"
        ))),
        kind::STRING => {
            bounded(count, 8, reader.left(), &format!("strings of {what}"))?;
            (0..count).try_for_each(|_| reader.skip_string(what))
        }
        _ => {
            let size = kind::size(kind)
                .ok_or_else(|| Error::data(format!("{what} is an array of the unknown type {kind}")))?;
            bounded(count, size, reader.left(), &format!("elements of {what}"))?;
            reader.skip(count * size, what)
        }
    }
}

/// The elements of an array that must be texts.
fn read_texts<R: Read>(reader: &mut Reader<R>, what: &str) -> Result<Vec<Vec<u8>>> {
    let kind = reader.u32(what)?;
    if kind != kind::STRING {
        return Err(Error::data(format!(
            "{what} is an array of type {kind}, not of texts"
        )));
    }
    let count = reader.u64(what)?;
    bounded(count, 8, reader.left(), &format!("strings of {what}"))?;
    let mut texts = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let length = reader.u64(what)?;
        reader.expect(length, what)?;
        texts.push(reader.bytes(length as usize, what)?);
    }
    Ok(texts)
}

fn alignment(header: &Header) -> Result<u64> {
    match header.numbers.get("general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(&given) if given.is_power_of_two() => Ok(u64::from(given)),
        Some(given) => Err(Error::data(format!(
            "the alignment {given} is not a power of two"
        ))),
    }
}

/// Checks the tensor entries and gives their names and places in the file.
fn read_tensors<R: Read>(
    reader: &mut Reader<R>,
    tensors: u64,
    alignment: u64,
) -> Result<Vec<(String, Range<u64>)>> {
    let mut seen = HashSet::new();
    let mut places = Vec::new();
    for number in 0..tensors {
        let name = reader.string(LONGEST_TENSOR_NAME, &format!("the name of tensor {number}"))?;
        let what = format!("tensor `{name}`");
        let (shape, kind, size) = read_shape(reader, &what)?;
        bounds::tensor(&name, &shape, kind)?;
        let offset = reader.u64(&what)?;
        if !offset.is_multiple_of(alignment) {
            return Err(Error::data(format!(
                "{what} begins at {offset}, no multiple of the alignment {alignment}"
            )));
        }
        let last = offset
            .checked_add(size)
            .ok_or_else(|| Error::data(format!("{what}: offset and size overflow")))?;
        if !seen.insert(name.clone()) {
            return Err(Error::data(format!("{what} stands twice")));
        }
        places.push((name, offset..last));
    }
    let data = reader.position().next_multiple_of(alignment);
    for (_, place) in &mut places {
        let end = place.end.checked_add(data);
        let end = end.ok_or_else(|| Error::data("the tensors' sizes overflow"))?;
        *place = place.start + data..end;
    }
    Ok(places)
}

/// The dimensions of a tensor, its type, and the bytes that it takes.
fn read_shape<R: Read>(reader: &mut Reader<R>, what: &str) -> Result<(Vec<u64>, u32, u64)> {
    let dimensions = reader.u32(what)?;
    if dimensions > MOST_DIMENSIONS {
        return Err(Error::data(format!(
            "{what} has {dimensions} dimensions, more than {MOST_DIMENSIONS}"
        )));
    }
    let mut shape = Vec::with_capacity(dimensions as usize);
    let mut elements: u64 = 1;
    for _ in 0..dimensions {
        let extent = reader.u64(what)?;
        shape.push(extent);
        elements = elements
            .checked_mul(extent)
            .filter(|&n| i64::try_from(n).is_ok())
            .ok_or_else(|| Error::data(format!("{what} has more elements than can be counted")))?;
    }
    let number = reader.u32(what)?;
    let block = block(number).ok_or_else(|| Error::data(format!("{what} has the unknown type {number}")))?;
    let row = shape.first().copied().unwrap_or(1);
    if !row.is_multiple_of(block.elements) {
        return Err(Error::data(format!(
            "{what} has rows of {row}, no multiple of its block of {}",
            block.elements
        )));
    }
    let bytes = (elements / block.elements)
        .checked_mul(block.bytes)
        .ok_or_else(|| Error::data(format!("{what} has more bytes than can be counted")))?;
    Ok((shape, number, bytes))
}

/// Values that llama.cpp divides by or sizes things with.
fn sane(header: &Header) -> Result<()> {
    let architecture = header.architecture();
    if architecture.is_empty() {
        return Err(Error::data(
            "the model file does not name its architecture (`general.architecture`)",
        ));
    }
    if !header.texts.contains_key("tokenizer.ggml.model") {
        return Err(Error::data(
            "the model file carries no tokenizer (`tokenizer.ggml.model`)",
        ));
    }
    bounds::values(header)
}

#[cfg(test)]
mod tests;
