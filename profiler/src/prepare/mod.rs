//! `profiler prepare`: converts a model's weights once to the format that this CPU runs fastest.

mod choose;
mod trial;

use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::{Error, Result, input, output, terminal};

use crate::model::Header;
use crate::model::convert::{self, WeightFormat};

/// What `prepare` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The model as downloaded.
    pub model: PathBuf,
    /// The format to convert to; none for the fastest one here.
    pub format: Option<WeightFormat>,
    /// The largest drift of the fastest one, see [`run`].
    pub max_drift: f64,
    /// Where the converted model goes.
    pub out: PathBuf,
    /// Replace a file of another origin at `out`.
    pub overwrite: bool,
    /// Threads, of the quantiser and of the trials; the weights do not depend on it, but which format is the fastest may.
    pub workers: usize,
}

/// Converts the model, unless that stands at `out` already. With no format given every one is made and tried on the same
/// prompts, as `traits` would run them, and the fastest is kept among those whose drift is at most `max_drift`. Returns
/// the table of the trials, where there were any.
///
/// The drift of a format is the mean absolute difference of its traits from those of the original (natural log-odds, over
/// 32 built-in films and the built-in film vocabulary), as a share of the standard deviation of the original's: 0 is
/// none, 1 as large as what the traits tell apart.
///
/// A time is not a function of the inputs: what is chosen may differ from run to run where two formats are nearly as fast.
/// Therefore any conversion of the same model at `out` counts as done when no format is given. The file says which
/// format it is, and every profile made with it carries its fingerprint.
///
/// # Errors
/// When the model is damaged, `out` is something else, or llama.cpp cannot convert or run it.
pub fn run(config: &Config) -> Result<Option<String>> {
    let Config { model, out, .. } = config;
    output::files([out.as_path()], [model.as_path()])?;
    Header::read(model)?;
    let source = Fingerprint::of_file(model)?;
    if input::stands(out)? && !config.overwrite {
        let made = convert::origin(out).filter(|origin| origin.source == source.as_str());
        let wanted = config.format.map(WeightFormat::name);
        return match made {
            Some(origin) if wanted.is_none_or(|wanted| wanted == origin.format) => {
                terminal::info(&format!(
                    "{} is already done, in {}",
                    out.display(),
                    origin.format
                ));
                Ok(None)
            }
            _ => Err(
                Error::usage("the output exists and was made from another model, or is damaged")
                    .file(out)
                    .hint("choose another --out, or pass --overwrite"),
            ),
        };
    }
    let (format, table) = match config.format {
        Some(format) => {
            convert::convert(model, &source, format, out, config.workers)?;
            (format, None)
        }
        None => {
            let (format, table) = choose::fastest(config, &source)?;
            (format, Some(table))
        }
    };
    terminal::info(&format!(
        "{}: {} MB in {}",
        out.display(),
        megabytes(out)?,
        format.name()
    ));
    Ok(table)
}

fn megabytes(path: &Path) -> Result<u64> {
    let length = input::open(path)?.length();
    Ok(length.map_err(|e| Error::io(e, "read", path))? / 1_000_000)
}
