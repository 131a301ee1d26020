//! What the verbs that ask a language model about items and users have in common.

use std::path::{Path, PathBuf};

use common::manifest::Manifest;
use common::schema::items::{self, ITEMS};
use common::schema::table;
use common::{Result, output};

use crate::model::Header;
use crate::vocab::Domain;

/// Who is asked about whom, and how.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The language model, a GGUF.
    pub model: PathBuf,
    /// The catalogue.
    pub items: PathBuf,
    /// What else is known of users.
    pub users: Option<PathBuf>,
    /// The built-in vocabulary and templates.
    pub domain: Domain,
    /// A folder of templates over the built-in ones.
    pub templates: Option<PathBuf>,
    /// Where the result goes; finished work is kept beside it in `OUT.cache`.
    pub out: PathBuf,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// Layers of the model on a GPU, where the build has one.
    pub gpu_layers: u32,
    /// Recorded in the manifest; nothing here is random.
    pub seed: u64,
    /// Replace another run's result.
    pub overwrite: bool,
}

impl Asked {
    /// Checks where the verb writes against what it reads, its own and `inputs`, and the model's header.
    ///
    /// # Errors
    /// An output that is an input or cannot be written, or no model.
    pub(crate) fn check(&self, inputs: &[Option<&PathBuf>]) -> Result<()> {
        let own = [
            Some(&self.model),
            Some(&self.items),
            self.users.as_ref(),
            self.templates.as_ref(),
        ];
        let inputs = own.iter().chain(inputs).flatten().map(|input| input.as_path());
        output::files([self.out.as_path()], inputs)?;
        Header::read(&self.model).map(|_| ())
    }

    /// A manifest's beginning: seed, and the files that prompts are made from and the model that reads them.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn manifest(&self, artifact: &str, tool: &str, states: Option<&Path>) -> Result<Manifest> {
        let mut manifest = Manifest::new(artifact, tool)
            .seed(self.seed)
            .input_file("model", &self.model)?
            .input(ITEMS, items::fingerprint(&self.items)?);
        for (role, path) in [("states", states), ("users", self.users.as_deref())] {
            if let Some(path) = path {
                manifest = manifest.input(role, table::fingerprint(path)?);
            }
        }
        Ok(manifest)
    }
}
