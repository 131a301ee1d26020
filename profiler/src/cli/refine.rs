//! The command line of `profiler refine`.

use std::path::PathBuf;

use common::Result;
use common::cli::{Shared, positive};

use crate::refine;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Profiles with many traits, made by `profiler traits --vocabulary` with some hundred words
    #[arg(long, value_name = "FILE")]
    profiles: PathBuf,
    /// The user states that the profiles were read from; their likes say which traits matter. What the states hold
    /// out is not looked at
    #[arg(long, value_name = "FILE")]
    states: PathBuf,
    /// Refined traits
    #[arg(long, value_name = "K", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    dimensions: u16,
    /// Ridge of the fit, in mean variances of a trait: larger trusts the likes less
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, value_parser = positive::<f64>)]
    ridge: f64,
    /// Parts of the catalogue: an item's refined traits come from a fit to the likes of the other parts. 1 fits once:
    /// closer to this log, and flattered where it is measured on it
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    folds: u16,
    /// The control: hand the traits to the wrong items first. What still helps then is not the model's knowledge
    #[arg(long)]
    shuffled: bool,
    /// Where the refined profiles go
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        refine::run(&refine::Config {
            profiles: self.profiles,
            states: self.states,
            dimensions: usize::from(self.dimensions),
            ridge: self.ridge,
            folds: usize::from(self.folds),
            shuffled: self.shuffled,
            out: self.out,
            seed: self.shared.seed,
            overwrite: self.shared.overwrite,
        })
    }
}
