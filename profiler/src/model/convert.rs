//! Converting a model's weights, and telling from what a converted file was made.

use std::path::Path;

use common::fingerprint::Fingerprint;
use common::{Result, atomic_file};

use super::foreign::{self, file_type};
use super::header::Header;

/// Metadata keys that are added to what is written.
const SOURCE_KEY: &str = "headstart.source";
const FORMAT_KEY: &str = "headstart.format";

/// A weight format that llama.cpp's quantiser can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightFormat {
    /// The weights as they are.
    AsIs,
    /// bfloat16: largest, fastest where the CPU has AVX512-BF16 or AMX.
    Bf16,
    /// 8 bits a weight, nearly lossless.
    Q8,
    /// 4 bits a weight, smallest.
    Q4,
}

impl WeightFormat {
    /// All of them, the one that changes nothing first.
    pub const ALL: [WeightFormat; 4] = [
        WeightFormat::AsIs,
        WeightFormat::Q4,
        WeightFormat::Q8,
        WeightFormat::Bf16,
    ];

    /// The name used on the command line and in the file's metadata.
    pub fn name(self) -> &'static str {
        match self {
            WeightFormat::AsIs => "as-is",
            WeightFormat::Bf16 => "bf16",
            WeightFormat::Q8 => "q8_0",
            WeightFormat::Q4 => "q4_0",
        }
    }

    fn file_type(self) -> Option<llama_cpp_sys_2::llama_ftype> {
        match self {
            WeightFormat::AsIs => None,
            WeightFormat::Bf16 => Some(file_type::BF16),
            WeightFormat::Q8 => Some(file_type::Q8_0),
            WeightFormat::Q4 => Some(file_type::Q4_0),
        }
    }
}

/// From what a file was converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The fingerprint of the original.
    pub source: String,
    /// The format's name.
    pub format: String,
}

/// From what the file at `path` was converted; none where it was not, or is damaged.
pub fn origin(path: &Path) -> Option<Origin> {
    let header = Header::read(path).ok()?;
    let text = |key: &str| header.texts.get(key).cloned();
    Some(Origin {
        source: text(SOURCE_KEY)?,
        format: text(FORMAT_KEY)?,
    })
}

/// Converts the model at `model`, whose fingerprint is `source`, and writes it to `out` with its origin in the metadata.
/// Weights that are quantised are unpacked and packed again, which loses what the old format had lost and no more for
/// bf16. The result does not depend on `threads`.
///
/// # Errors
/// When llama.cpp cannot convert it, or the file cannot be written.
pub fn convert(
    model: &Path,
    source: &Fingerprint,
    format: WeightFormat,
    out: &Path,
    threads: usize,
) -> Result<()> {
    foreign::catch_failures(model);
    atomic_file::write_through(out, |temporary| {
        let marks = [(SOURCE_KEY, source.as_str()), (FORMAT_KEY, format.name())];
        foreign::quantise(model, temporary, format.file_type(), threads, &marks)?;
        Header::read(temporary).map(|_| ())
    })
}
