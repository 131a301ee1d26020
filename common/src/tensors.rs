//! Named tensors and texts of metadata in one safetensors file, written and read without a second copy in memory.
//!
//! Threat model: a file may be cut short, be no safetensors file, or have a header whose lengths, offsets, shapes or types
//! are wrong or overlap; it may lack a tensor or hold one of another size or type, or a NaN. Each is one [`Error`] that names
//! the file and the tensor, and nothing is allocated that the file's true length does not pay for.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use crate::fingerprint::Fingerprint;
use crate::input::{self, Input};
use crate::{Error, Result, atomic_file};

/// Largest header that is read: names and places of some tensors, and the metadata.
const MOST_HEADER: u64 = 100 << 20;

/// A type that tensors are made of, little-endian on disk.
pub trait Word: bytemuck::Pod {
    /// The format's name of it.
    const DTYPE: Dtype;
}

impl Word for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl Word for u32 {
    const DTYPE: Dtype = Dtype::U32;
}

impl Word for u64 {
    const DTYPE: Dtype = Dtype::U64;
}

/// A tensor to be written.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    name: &'a str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: &'a [u8],
}

impl<'a> Tensor<'a> {
    /// `values` under `name`, row-major in `shape`.
    pub fn new<T: Word>(name: &'a str, shape: &[usize], values: &'a [T]) -> Self {
        Tensor {
            name,
            dtype: T::DTYPE,
            shape: shape.to_vec(),
            bytes: bytemuck::cast_slice(values),
        }
    }

    /// One row of `values`.
    pub fn row<T: Word>(name: &'a str, values: &'a [T]) -> Self {
        Self::new(name, &[values.len()], values)
    }
}

/// Writes `tensors` and `metadata` to `path`, atomically, in the order of the format: by falling alignment, then by name.
///
/// # Errors
/// A shape that does not fit its values, I/O failures.
pub fn write(path: &Path, metadata: &[(&str, String)], mut tensors: Vec<Tensor>) -> Result<()> {
    let metadata: HashMap<String, String> = metadata
        .iter()
        .map(|(key, text)| ((*key).to_string(), text.clone()))
        .collect();
    tensors.sort_by(|a, b| b.dtype.cmp(&a.dtype).then(a.name.cmp(b.name)));
    let mut end = 0;
    let infos = tensors.iter().map(|tensor| {
        let begin = end;
        end += tensor.bytes.len();
        let info = TensorInfo {
            dtype: tensor.dtype,
            shape: tensor.shape.clone(),
            data_offsets: (begin, end),
        };
        (tensor.name.to_string(), info)
    });
    let failed = |e: String| Error::retry(format!("the tensors cannot be written: {e}")).file(path);
    let header = Metadata::new(Some(metadata).filter(|m| !m.is_empty()), infos.collect());
    let header = header.map_err(|e| failed(e.to_string()))?;
    let mut header = serde_json::to_vec(&header).map_err(|e| failed(e.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    atomic_file::write(path, |file| {
        let mut all = || {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)?;
            tensors.iter().try_for_each(|tensor| file.write_all(tensor.bytes))
        };
        all().map_err(|e| Error::io(e, "write", path))
    })
}

/// The fingerprint of texts and of tensors by name: a writer records it, and a reader compares it with that of what it has read.
pub fn fingerprint(texts: &[&str], tensors: &[Tensor]) -> Fingerprint {
    let texts = texts.iter().map(|text| text.as_bytes());
    let tensors = tensors
        .iter()
        .flat_map(|tensor| [tensor.name.as_bytes(), tensor.bytes]);
    Fingerprint::of_parts(texts.chain(tensors))
}

/// A tensor file open for reading: the header is checked, the values are read where they are asked for.
pub struct Tensors {
    file: Input,
    path: PathBuf,
    header: Metadata,
    begin: u64,
}

impl Tensors {
    /// Opens `path` and checks its header: every tensor's type, shape and place, and that the file holds them all and no more.
    ///
    /// # Errors
    /// A missing file, or one that is not a whole safetensors file.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = input::open(path)?;
        let io = |e| Error::io(e, "read", path);
        let length = file.length().map_err(io)?;
        let broken = |why: String| {
            Error::data(format!("no whole safetensors file: {why}"))
                .file(path)
                .hint("make it again")
        };
        let mut size = [0; 8];
        file.read_exact(&mut size)
            .map_err(|_| broken(format!("it has {length} bytes")))?;
        let size = u64::from_le_bytes(size);
        if size > MOST_HEADER || size.saturating_add(8) > length {
            return Err(broken(format!(
                "it promises a header of {size} bytes and has {length}"
            )));
        }
        let mut header = vec![0; size as usize];
        file.read_exact(&mut header).map_err(io)?;
        // The library checks that tensors follow each other without gap or overlap and fit their shapes.
        let header: Metadata = serde_json::from_slice(&header).map_err(|e| broken(e.to_string()))?;
        let begin = 8 + size;
        let there = length - begin;
        for name in header.offset_keys() {
            let end = header.info(&name).map_or(0, |info| info.data_offsets.1 as u64);
            if end > there {
                return Err(broken(format!(
                    "tensor {name} is cut short: it ends at byte {end} of the data, and {there} are there"
                )));
            }
        }
        let unclaimed = there - header.data_len() as u64;
        if unclaimed > 0 {
            return Err(broken(format!("{unclaimed} bytes follow the last tensor")));
        }
        Ok(Tensors {
            file,
            path: path.to_path_buf(),
            header,
            begin,
        })
    }

    /// A text of the metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// Whether there is a tensor `name`.
    pub fn has(&self, name: &str) -> bool {
        self.header.info(name).is_some()
    }

    /// The values of tensor `name`, of `len` values where that is known.
    ///
    /// # Errors
    /// A missing tensor, one of another type or length, I/O failures.
    pub fn values<T: Word>(&mut self, name: &str, len: Option<usize>) -> Result<Vec<T>> {
        let Some(info) = self.header.info(name) else {
            return Err(self.bad(format!("it has no tensor {name}")));
        };
        if info.dtype != T::DTYPE {
            return Err(self.bad(format!("tensor {name} is {:?}, not {:?}", info.dtype, T::DTYPE)));
        }
        let (start, end) = info.data_offsets;
        let found = (end - start) / size_of::<T>();
        if let Some(len) = len.filter(|&len| len != found) {
            return Err(self.bad(format!("tensor {name} has {found} values, not {len}")));
        }
        let mut values = vec![T::zeroed(); found];
        self.file
            .seek(SeekFrom::Start(self.begin + start as u64))
            .and_then(|_| self.file.read_exact(bytemuck::cast_slice_mut(&mut values)))
            .map_err(|e| Error::io(e, &format!("read tensor {name} of"), &self.path))?;
        Ok(values)
    }

    /// As [`Tensors::values`], for finite numbers.
    ///
    /// # Errors
    /// As [`Tensors::values`], and a NaN or an infinity.
    pub fn numbers(&mut self, name: &str, len: Option<usize>) -> Result<Vec<f32>> {
        let values = self.values::<f32>(name, len)?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(self.bad(format!("value {at} of tensor {name} is NaN or infinite"))),
            None => Ok(values),
        }
    }

    /// Bad data in this file.
    pub fn bad(&self, what: impl Into<String>) -> Error {
        Error::data(what).file(&self.path)
    }
}

#[cfg(target_endian = "big")]
compile_error!("tensor files are little-endian, and their values are read and written in place");

#[cfg(test)]
mod tests;
