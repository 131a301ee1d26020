//! Tensors on disk in the safetensors format, written and read one by one and piece by piece: memory for the tensors
//! themselves and not for a copy of the file beside them.
//!
//! Threat model: a file may be cut short, be no safetensors file, or have a header whose lengths, offsets, shapes or
//! types are wrong or overlap. Each is bad data with the tensor's name, and nothing is allocated that the file's true
//! length does not pay for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use common::{Error, Result, atomic_file, input};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

/// A header of a few tensors takes a few hundred bytes; nothing longer is read.
const LONGEST_HEADER: u64 = 1 << 16;
/// Bytes converted at a time; a multiple of every word.
const PIECE_BYTES: usize = 1 << 18;

/// A type that tensors are made of, little-endian on disk.
pub(super) trait Word: Copy {
    const DTYPE: Dtype;
    const BYTES: usize;
    /// From [`Word::BYTES`] bytes.
    fn from_bytes(bytes: &[u8]) -> Self;
    fn append_to(self, bytes: &mut Vec<u8>);
}

macro_rules! word {
    ($type:ty, $dtype:expr) => {
        impl Word for $type {
            const DTYPE: Dtype = $dtype;
            const BYTES: usize = size_of::<$type>();
            fn from_bytes(bytes: &[u8]) -> Self {
                let mut word = [0; size_of::<$type>()];
                word.copy_from_slice(bytes);
                <$type>::from_le_bytes(word)
            }
            fn append_to(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    };
}
word!(f32, Dtype::F32);
word!(u32, Dtype::U32);
word!(u64, Dtype::U64);

type WriteTo<'a> = Box<dyn Fn(&mut dyn Write) -> std::io::Result<()> + 'a>;

/// A tensor to be written.
pub(super) struct Tensor<'a> {
    name: &'static str,
    shape: Vec<usize>,
    dtype: Dtype,
    bytes: usize,
    write: WriteTo<'a>,
}

impl<'a> Tensor<'a> {
    /// `values` under `name`, row-major in `shape`.
    pub(super) fn new<T: Word>(name: &'static str, shape: &[usize], values: &'a [T]) -> Self {
        Tensor {
            name,
            shape: shape.to_vec(),
            dtype: T::DTYPE,
            bytes: values.len() * T::BYTES,
            write: Box::new(move |out| {
                let mut bytes = Vec::with_capacity(PIECE_BYTES);
                for piece in values.chunks(PIECE_BYTES / T::BYTES) {
                    bytes.clear();
                    piece.iter().for_each(|value| value.append_to(&mut bytes));
                    out.write_all(&bytes)?;
                }
                Ok(())
            }),
        }
    }

    /// One row of `values`.
    pub(super) fn row<T: Word>(name: &'static str, values: &'a [T]) -> Self {
        Self::new(name, &[values.len()], values)
    }
}

/// Writes `tensors` to `path`, in the order of the format: by falling alignment, then by name.
///
/// # Errors
/// A shape that does not fit its values, I/O failures.
pub(super) fn write(path: &Path, mut tensors: Vec<Tensor<'_>>) -> Result<()> {
    tensors.sort_by(|a, b| b.dtype.cmp(&a.dtype).then(a.name.cmp(b.name)));
    let mut end = 0;
    let infos = tensors.iter().map(|tensor| {
        let start = end;
        end += tensor.bytes;
        let info = TensorInfo {
            dtype: tensor.dtype,
            shape: tensor.shape.clone(),
            data_offsets: (start, end),
        };
        (tensor.name.to_string(), info)
    });
    let failed = |e: String| Error::retry(format!("cannot write the tensors: {e}")).file(path);
    let metadata = Metadata::new(None, infos.collect()).map_err(|e| failed(e.to_string()))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|e| failed(e.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    atomic_file::write(path, |file| {
        let mut all = || {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)?;
            tensors.iter().try_for_each(|tensor| (tensor.write)(file))
        };
        all().map_err(|e| Error::io(e, "write", path))
    })
}

/// The tensors of a file, read when asked for.
pub(super) struct Reader {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the data begin in the file.
    data: u64,
}

impl Reader {
    /// Reads and checks the header of `path`: every tensor's type, shape and place, and that the file holds them all.
    ///
    /// # Errors
    /// When it cannot be read, or is bad data.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bad = |what: String| Error::data(what).file(path);
        let io = |e| Error::io(e, "read", path);
        let mut file = input::open(path)?;
        let length = file.metadata().map_err(io)?.len();
        let mut word = [0; 8];
        if length < 8 {
            return Err(bad(format!("no tensors: it has {length} bytes")));
        }
        file.read_exact(&mut word).map_err(io)?;
        let header_length = u64::from_le_bytes(word);
        if header_length > LONGEST_HEADER || header_length > length - 8 {
            return Err(bad(format!(
                "no tensors: its header would have {header_length} bytes, and the file has {length}"
            )));
        }
        let mut header = vec![0; header_length as usize];
        file.read_exact(&mut header).map_err(io)?;
        // The library checks that tensors follow each other without gap or overlap and fit their shapes.
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|e| bad(format!("no valid header of tensors: {e}")))?;
        let data = 8 + header_length;
        for name in metadata.offset_keys() {
            let end = metadata.info(&name).map_or(0, |info| info.data_offsets.1 as u64);
            if end > length - data {
                return Err(bad(format!(
                    "tensor {name} is cut short: it ends at byte {end} of the data, and {} are there",
                    length - data
                )));
            }
        }
        let unclaimed = length - data - metadata.data_len() as u64;
        if unclaimed > 0 {
            return Err(bad(format!("{unclaimed} bytes follow the last tensor")));
        }
        Ok(Reader {
            path: path.to_path_buf(),
            file,
            metadata,
            data,
        })
    }

    /// The values of tensor `name`, of `len` values where that is known.
    ///
    /// # Errors
    /// A missing tensor, one of another type or length, I/O failures.
    pub(super) fn values<T: Word>(&mut self, name: &str, len: Option<usize>) -> Result<Vec<T>> {
        let Some(info) = self.metadata.info(name) else {
            return Err(self.bad(format!("it has no tensor {name}")));
        };
        if info.dtype != T::DTYPE {
            return Err(self.bad(format!("tensor {name} is {:?}, not {:?}", info.dtype, T::DTYPE)));
        }
        let (start, end) = info.data_offsets;
        let found = (end - start) / T::BYTES;
        if let Some(len) = len.filter(|&len| len != found) {
            return Err(self.bad(format!("tensor {name} has {found} values, not {len}")));
        }
        let io = |e| Error::io(e, &format!("read tensor {name} of"), &self.path);
        self.file
            .seek(SeekFrom::Start(self.data + start as u64))
            .map_err(io)?;
        let mut values = Vec::with_capacity(found);
        let mut piece = vec![0; PIECE_BYTES.min(end - start)];
        let mut left = end - start;
        while left > 0 {
            let piece = &mut piece[..left.min(PIECE_BYTES)];
            self.file.read_exact(piece).map_err(io)?;
            values.extend(piece.chunks_exact(T::BYTES).map(T::from_bytes));
            left -= piece.len();
        }
        Ok(values)
    }

    /// As [`Reader::values`], for finite numbers.
    ///
    /// # Errors
    /// As [`Reader::values`], and a NaN or an infinity.
    pub(super) fn numbers(&mut self, name: &str, len: Option<usize>) -> Result<Vec<f32>> {
        let values = self.values::<f32>(name, len)?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(self.bad(format!("value {at} of tensor {name} is not finite"))),
            None => Ok(values),
        }
    }

    /// Bad data in this file.
    pub(super) fn bad(&self, what: impl Into<String>) -> Error {
        Error::data(what).file(&self.path)
    }
}

#[cfg(test)]
mod tests;
