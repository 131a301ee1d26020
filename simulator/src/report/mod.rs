//! Metrics to a table on stdout and a page: methods beside each other, with intervals, and whether the language
//! model helped.
//!
//! The page is one file with inline style and charts: it needs no network and no script.

mod aggregate;
mod assemble;
mod curves;
mod fidelity;
mod html;
mod interval;
mod labels;
mod load;
mod methods;
mod number;
mod palette;
mod picture;
mod policies;
mod reliability;
mod section;
mod settings;
mod shown;
mod table;
mod text;
mod verdict;

use std::path::{Path, PathBuf};

use common::cli::Shared;
use common::{Result, artifact, output, terminal};

pub use assemble::{Report, make};

/// Arguments of `simulator report`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Metrics files, or folders with metrics files in them
    #[arg(long, value_name = "DIR|FILE", num_args = 1.., required = true)]
    pub metrics: Vec<PathBuf>,
    /// The fidelity metrics of the environment, where they are not among --metrics
    #[arg(long, value_name = "FILE")]
    pub fidelity: Option<PathBuf>,
    /// Folder with the policies that were run; the report then lists their settings too, and shows how well their reward
    /// models' probabilities were met by users whom the fit had not seen
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// The page to write
    #[arg(long, value_name = "FILE.html", required_unless_present = "picture")]
    pub out: Option<PathBuf>,
    /// One picture of all environments: Headstart, adapting and frozen, the best plain recommenders and the oracle's level,
    /// as an SVG for documents in light and in dark
    #[arg(long, value_name = "FILE.svg")]
    pub picture: Option<PathBuf>,
    /// What all verbs have.
    #[command(flatten)]
    pub shared: Shared,
}

/// Runs `simulator report`: prints the tables and writes the page and the picture.
///
/// # Errors
/// As [`make`]; when another page or picture stands at the output and `--overwrite` was not given; when there is nothing to
/// picture; on I/O failure.
pub fn run(args: Args) -> Result<()> {
    args.shared.init_terminal();
    let metrics: Vec<PathBuf> = args.metrics.into_iter().chain(args.fidelity).collect();
    let outputs = [&args.out, &args.picture].into_iter().flatten();
    output::files(
        outputs.map(PathBuf::as_path),
        metrics.iter().map(PathBuf::as_path),
    )?;
    let report = make(&metrics, args.policies.as_deref())?;
    // The tables are wanted even where the page may not be replaced, and the page even where no one reads on.
    let picture = args.picture.map(|path| {
        let svg = report.picture.ok_or_else(picture::nothing)?;
        write(&path, &svg, args.shared.overwrite)
    });
    let page = args
        .out
        .map(|path| write(&path, &report.html, args.shared.overwrite));
    let printed = terminal::print(&report.text);
    page.transpose()?;
    picture.transpose()?;
    printed
}

/// Writes the page or picture, unless it stands there already.
fn write(path: &Path, text: &str, overwrite: bool) -> Result<()> {
    artifact::write_text(
        path,
        text,
        "was made from other metrics, or is not a report",
        overwrite,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::schema::metrics;

    use super::assemble::tests::sources;

    #[test]
    fn the_verb_reads_folders_and_files_and_writes_the_page() {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            args: Args,
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for source in sources() {
            let place = if source.name == "fidelity" { "" } else { "metrics/" };
            let path = folder.path().join(format!("{place}{}.parquet", source.name));
            metrics::write(&path, source.manifest.as_ref().unwrap(), &source.metrics).unwrap();
        }
        let parse =
            |arguments: &[String]| <Cli as clap::Parser>::try_parse_from(arguments).map(|cli| cli.args);
        let words = |extra: &[&str]| {
            let flags = [
                "report",
                "--metrics",
                &at("metrics"),
                "--fidelity",
                &at("fidelity.parquet"),
            ];
            flags
                .iter()
                .chain(extra)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert!(parse(&words(&[])).is_err(), "--out or --picture is required");
        let out = at("new/report.html");
        run(parse(&words(&["--out", &out])).unwrap()).unwrap();
        let page = std::fs::read_to_string(&out).unwrap();
        assert!(page.contains("How far the environment can be trusted") && page.contains("iALP (frozen)"));
        run(parse(&words(&["--out", &out])).unwrap()).unwrap();
        let nothing = run(parse(&words(&["--picture", &at("start.svg")])).unwrap()).unwrap_err();
        assert!(nothing.to_string().contains("nothing to picture"), "{nothing}");
        let missing = run(parse(&words(&["--out", &out, "--policies", &at("none")])).unwrap()).unwrap_err();
        assert!(missing.to_string().contains("none"), "{missing}");
        assert_eq!(std::fs::read_to_string(&out).unwrap(), page);
    }

    #[test]
    fn another_page_is_not_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        write(&path, "one", false).unwrap();
        write(&path, "one", false).unwrap();
        let error = write(&path, "two", false).unwrap_err();
        assert!(error.to_string().contains("--overwrite"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        write(&path, "two", true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
    }
}
