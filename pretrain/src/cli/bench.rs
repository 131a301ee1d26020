//! `pretrain bench`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::{Shared, count};

use crate::bench::{self, Config, Part, Size};

#[derive(Args)]
pub(super) struct BenchArguments {
    /// The log: a folder with interactions.parquet and items.parquet, as `pretrain train` takes it
    #[arg(long, value_name = "PATH")]
    log: PathBuf,
    /// Feedback of at least this is a like [default: what the log says]
    #[arg(long, value_name = "X")]
    like_threshold: Option<f32>,
    /// Measure this part alone; may be given several times [default: all]
    #[arg(long = "only", value_enum, value_name = "PART")]
    parts: Vec<Part>,
    /// Runs of each measurement, after one to warm up; the median counts
    #[arg(long, value_name = "N", default_value = "5", value_parser = count)]
    runs: usize,
    /// Items of the large catalogue
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(100..))]
    items: u32,
    /// Few updates, one run, at most 20,000 items: whether everything works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Write what is trained on as JSON to this folder too, for another program to be measured on the same
    #[arg(long, value_name = "FOLDER")]
    write_tasks: Option<PathBuf>,
    /// Write the result as JSON too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

impl BenchArguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        bench::run(&self.resolve())
    }

    fn resolve(self) -> Config {
        let size = if self.quick {
            Size {
                runs: 1,
                updates: 2,
                large_updates: 2,
                items: self.items.min(20_000),
                users: 200,
            }
        } else {
            Size {
                runs: self.runs,
                updates: 50,
                large_updates: 100,
                items: self.items,
                users: 20_000,
            }
        };
        let all = || vec![Part::A2c, Part::Large, Part::Scaling];
        Config {
            log: self.log,
            like_threshold: self.like_threshold,
            parts: if self.parts.is_empty() { all() } else { self.parts },
            size,
            write_tasks: self.write_tasks,
            out: self.out,
            seed: self.shared.seed,
            workers: self.shared.workers(),
        }
    }
}
