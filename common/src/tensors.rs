//! Named f32 tensors and a text of metadata in one safetensors file, written and read without a second copy in memory.
//!
//! Threat model: a file may be cut short, be no safetensors file, lack a tensor or hold one of another size or type, or
//! hold a NaN. Each is one [`Error`] that names the file and the tensor. Sizes are checked against the file's length
//! before memory is asked for.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use crate::fingerprint::Fingerprint;
use crate::{Error, Result, atomic_file, input};

/// Largest header that is read: names and places of some tensors, and the metadata.
const MOST_HEADER: u64 = 100 << 20;

/// Writes `tensors` (name and values) and `metadata` to `path`, atomically. Shapes follow from the reader's configuration, so
/// that the file holds flat tensors; they come in the order of their names, as the library has them.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, metadata: &[(&str, String)], tensors: &[(&str, &[f32])]) -> Result<()> {
    let metadata: HashMap<String, String> = metadata
        .iter()
        .map(|(key, text)| ((*key).to_string(), text.clone()))
        .collect();
    let mut tensors = tensors.to_vec();
    tensors.sort_by_key(|(name, _)| *name);
    let mut end = 0;
    let infos = tensors.iter().map(|(name, values)| {
        let begin = end;
        end += size_of_val(*values);
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: vec![values.len()],
            data_offsets: (begin, end),
        };
        ((*name).to_string(), info)
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
            tensors
                .iter()
                .try_for_each(|(_, values)| file.write_all(bytemuck::cast_slice(values)))
        };
        all().map_err(|e| Error::io(e, "write", path))
    })
}

/// The fingerprint of texts and named tensors: a writer records it, and a reader compares it with that of what it has read.
pub fn fingerprint(texts: &[&str], tensors: &[(&str, &[f32])]) -> Fingerprint {
    let texts = texts.iter().map(|text| text.as_bytes());
    let tensors = tensors
        .iter()
        .flat_map(|(name, values)| [name.as_bytes(), bytemuck::cast_slice(values)]);
    Fingerprint::of_parts(texts.chain(tensors))
}

/// A tensor file open for reading: the header is checked, the values are read where they are asked for.
pub struct Tensors {
    file: File,
    path: std::path::PathBuf,
    header: Metadata,
    begin: u64,
}

impl Tensors {
    /// Opens `path` and checks its header against its length.
    ///
    /// # Errors
    /// A missing file, or one that is no whole safetensors file.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = input::open(path)?;
        let length = file.metadata().map_err(|e| Error::io(e, "read", path))?.len();
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
        file.read_exact(&mut header)
            .map_err(|e| Error::io(e, "read", path))?;
        let header: Metadata = serde_json::from_slice(&header).map_err(|e| broken(e.to_string()))?;
        let begin = 8 + size;
        let promised = begin + header.data_len() as u64;
        if promised != length {
            return Err(broken(format!("it promises {promised} bytes and has {length}")));
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

    /// The `wanted` values of the tensor `name`.
    ///
    /// # Errors
    /// When it is missing, of another type or size, or holds a NaN or an infinity.
    pub fn read(&mut self, name: &str, wanted: usize) -> Result<Vec<f32>> {
        let Some(info) = self.header.info(name) else {
            return Err(Error::data(format!("tensor `{name}` is missing")).file(&self.path));
        };
        let found = info.shape.iter().product::<usize>();
        if info.dtype != Dtype::F32 || found != wanted {
            return Err(Error::data(format!(
                "tensor `{name}` is {:?} {:?}, not {wanted} values of F32",
                info.dtype, info.shape
            ))
            .file(&self.path));
        }
        let mut values = vec![0.0_f32; wanted];
        let at = self.begin + info.data_offsets.0 as u64;
        self.file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.read_exact(bytemuck::cast_slice_mut(&mut values)))
            .map_err(|e| Error::io(e, "read", &self.path))?;
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::data(format!("tensor `{name}` holds a NaN or an infinity")).file(&self.path));
        }
        Ok(values)
    }
}

#[cfg(target_endian = "big")]
compile_error!("tensor files are little-endian, and their values are read and written in place");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.safetensors");
        let tensors: [(&str, &[f32]); 3] = [("b", &[1.0, 2.0]), ("a", &[]), ("c", &[3.0])];
        write(&path, &[("manifest", "text".into())], &tensors).unwrap();
        let bytes: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, values)| bytemuck::cast_slice(values).to_vec())
            .collect();
        let views = tensors.iter().zip(&bytes).map(|((name, values), bytes)| {
            let view = safetensors::tensor::TensorView::new(Dtype::F32, vec![values.len()], bytes);
            (*name, view.unwrap())
        });
        let metadata = HashMap::from([("manifest".to_string(), "text".to_string())]);
        let expected = safetensors::serialize(views, Some(metadata)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }

    #[test]
    fn tensors_and_metadata_come_back_and_damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.safetensors");
        write(
            &path,
            &[("step", "7".into())],
            &[("b", &[1.5, -2.0]), ("a", &[]), ("c", &[f32::NAN])],
        )
        .unwrap();
        let mut read = Tensors::open(&path).unwrap();
        assert_eq!(read.metadata("step"), Some("7"));
        assert_eq!(read.metadata("other"), None);
        assert_eq!(read.read("b", 2).unwrap(), [1.5, -2.0]);
        assert_eq!(read.read("a", 0).unwrap(), [0.0_f32; 0]);
        for (name, wanted, says) in [
            ("b", 3, "not 3 values"),
            ("d", 1, "`d` is missing"),
            ("c", 1, "NaN"),
        ] {
            let error = read.read(name, wanted).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("t.safetensors"), "{error}");
        }
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            let cut = folder.path().join("cut.safetensors");
            atomic_file::write_bytes(&cut, &whole[..length]).unwrap();
            assert_eq!(
                Tensors::open(&cut).err().unwrap().class(),
                crate::error::Class::Data
            );
        }
    }
}
