//! The policies that were run: their settings and how their training went.

use std::path::Path;

use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::metrics::{self, Metric};
use common::{Result, input};

use super::settings;

/// A policy that was run.
pub(super) struct Policy {
    /// Its folder, below that of all policies.
    pub(super) name: String,
    /// Its manifest.
    pub(super) manifest: Manifest,
    /// The metrics of its training and their fingerprint, where they were kept.
    pub(super) training: Option<(Vec<Metric>, Fingerprint)>,
}

impl Policy {
    /// All below `folder`, in order.
    ///
    /// # Errors
    /// As [`settings::policies`]; training metrics that cannot be read.
    pub(super) fn below(folder: &Path) -> Result<Vec<Policy>> {
        let policy = |(name, manifest): (String, Manifest)| {
            let path = folder.join(&name).join(metrics::FILE_NAME);
            let read = || -> Result<_> { Ok((metrics::read(&path)?, Fingerprint::of_file(&path)?)) };
            Ok(Policy {
                training: input::is_file(&path).then(read).transpose()?,
                name,
                manifest,
            })
        };
        settings::policies(folder)?.into_iter().map(policy).collect()
    }

    /// What the report calls the method: the folder that holds a folder a seed.
    pub(super) fn method(&self) -> &str {
        self.name
            .rsplit_once('/')
            .map_or(&self.name, |(folder, _)| folder)
    }
}
