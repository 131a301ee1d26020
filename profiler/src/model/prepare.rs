//! `profiler prepare`: converts a model's weights once to the format that this CPU runs fastest.

use std::path::PathBuf;

use clap::ValueEnum;
use common::fingerprint::Fingerprint;
use common::{Error, Result, atomic_file, terminal};

use super::foreign::{self, file_type};
use super::header::Header;

/// Metadata keys that `prepare` adds to what it writes.
const SOURCE_KEY: &str = "headstart.source";
const FORMAT_KEY: &str = "headstart.format";

/// A weight format that llama.cpp's quantiser can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WeightFormat {
    /// bfloat16: largest, fastest where the CPU has AVX512-BF16 or AMX
    Bf16,
    /// 8 bits a weight, nearly lossless
    #[value(name = "q8_0")]
    Q8,
    /// 4 bits a weight, smallest
    #[value(name = "q4_0")]
    Q4,
}

impl WeightFormat {
    /// The name used on the command line and in the file's metadata.
    pub fn name(self) -> &'static str {
        match self {
            WeightFormat::Bf16 => "bf16",
            WeightFormat::Q8 => "q8_0",
            WeightFormat::Q4 => "q4_0",
        }
    }
}

/// What `prepare` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The model as downloaded.
    pub model: PathBuf,
    /// The format to convert to.
    pub format: WeightFormat,
    /// Where the converted model goes.
    pub out: PathBuf,
    /// Replace a file of another origin at `out`.
    pub overwrite: bool,
    /// Threads of the quantiser; the result does not depend on it.
    pub workers: usize,
}

/// Converts the model, unless the same conversion stands at `out` already. Weights that are quantised are
/// unpacked and packed again, which loses what the old format had lost and no more for `bf16`.
///
/// # Errors
/// When the model is damaged, `out` is something else, or llama.cpp cannot convert it.
pub fn run(config: &Config) -> Result<()> {
    let Config {
        model, format, out, ..
    } = config;
    Header::read(model)?;
    let source = Fingerprint::of_file(model)?;
    if out.exists() && !config.overwrite {
        let same = Header::read(out).is_ok_and(|header| {
            header
                .texts
                .get(SOURCE_KEY)
                .is_some_and(|text| text == source.as_str())
                && header
                    .texts
                    .get(FORMAT_KEY)
                    .is_some_and(|text| text == format.name())
        });
        if same {
            terminal::info(&format!("{} is already done", out.display()));
            return Ok(());
        }
        return Err(
            Error::usage("the output exists and was made from another model, or is damaged")
                .file(out)
                .hint("choose another --out, or pass --overwrite"),
        );
    }
    foreign::catch_logs();
    atomic_file::write_through(out, |temporary| {
        let marks = [(SOURCE_KEY, source.as_str()), (FORMAT_KEY, format.name())];
        foreign::quantise(model, temporary, file_type(*format), config.workers, &marks)?;
        Header::read(temporary).map(|_| ())
    })?;
    let size = std::fs::metadata(out)
        .map_err(|e| Error::io(e, "read", out))?
        .len();
    terminal::info(&format!(
        "{}: {} MB in {}",
        out.display(),
        size / 1_000_000,
        format.name()
    ));
    Ok(())
}

fn file_type(format: WeightFormat) -> llama_cpp_sys_2::llama_ftype {
    match format {
        WeightFormat::Bf16 => file_type::BF16,
        WeightFormat::Q8 => file_type::Q8_0,
        WeightFormat::Q4 => file_type::Q4_0,
    }
}
