//! Arguments that several verbs have.

use std::path::PathBuf;

use common::bad_rows::MaxBadArguments;
use common::cli::Shared;
use common::shards::{ShardArguments, Task};
use common::{Result, input};

use crate::candidates::Weighting;
use crate::subjects::Asked;
use crate::vocab::Domain;

/// What the verbs have that ask the model about items and users.
#[derive(Debug, clap::Args)]
pub(super) struct AskedArguments {
    /// The language model, a GGUF file. A prompt that is longer than its window, at most 8192 tokens, loses the oldest titles of
    /// the user's history, as many as it must. What is still too long then, or has no history, is bad, and so are a title that
    /// the tokeniser has no token for and an answer that is not finite: see --max-bad and --only-bad
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The catalogue: item_id, title, and text and categories where there are any
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// What else is known of users: user_id, attributes
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    #[command(flatten)]
    shards: ShardArguments,
    /// Layers of the model on the GPU, in a build with the feature `cuda` or `vulkan`
    #[arg(long, value_name = "N", default_value_t = 0)]
    gpu_layers: u32,
    #[command(flatten)]
    bad: MaxBadArguments,
    /// Do again what is in OUT.bad.parquet, of inputs that were mended, and put it into OUT: what else is in OUT is taken over
    /// where it would be the same, and OUT has the bytes of a run that found the mended inputs from the start
    #[arg(long, conflicts_with = "overwrite")]
    only_bad: bool,
}

impl AskedArguments {
    /// # Errors
    /// A model that is missing.
    pub(super) fn resolve(
        self,
        domain: Domain,
        templates: Option<PathBuf>,
        out: PathBuf,
        task: Task,
        shared: &Shared,
    ) -> Result<Asked> {
        Ok(Asked {
            model: input::local("open the model", &self.model)?,
            items: self.items,
            users: self.users,
            domain,
            templates,
            out,
            workers: shared.workers(),
            gpu_layers: self.gpu_layers,
            seed: shared.seed,
            overwrite: shared.overwrite,
            sharding: self.shards.resolve(task)?,
            max_bad: self.bad.max_bad,
            only_bad: self.only_bad,
        })
    }
}

/// How the items of a list are drawn that its user never met.
#[derive(Debug, clap::Args)]
pub(super) struct DrawArguments {
    /// Items that the user never met, beside the held-out likes where the list has any
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) unseen: u32,
    /// How these are drawn
    #[arg(long, value_enum, default_value_t)]
    pub(super) negatives: Weighting,
    /// Users who are asked about, a sample by the seed; 0 is all
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(super) users: u32,
}
