//! `pretrain extend`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::Shared;

use crate::extend::{self, ExtendConfig};

#[derive(Args)]
pub(super) struct ExtendArguments {
    /// The policy's folder
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
    /// A catalogue with the new items (column item_id); items that the policy has are passed over
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// Trait profiles of known and new items, from one run of `profiler traits` with the vocabulary that the policy was
    /// trained with
    #[arg(long, value_name = "FILE")]
    profiles: PathBuf,
    /// The folder of the extended policy
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl ExtendArguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        extend::run(&ExtendConfig {
            policy: self.policy,
            items: self.items,
            profiles: self.profiles,
            out: self.out,
            overwrite: self.shared.overwrite,
        })
    }
}
