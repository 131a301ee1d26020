//! What the verbs that ask a language model about items and users have in common.

use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::bad_rows::{self, BadRows, MaxBad};
use common::manifest::Manifest;
use common::schema::items::{self, ITEMS};
use common::schema::table;
use common::shards::Sharding;
use common::{Error, Result, input, output};

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
    /// What this process does of it, and where the parts are.
    pub sharding: Sharding,
    /// Subjects that may be set aside.
    pub max_bad: MaxBad,
    /// Do again what was set aside when the result was made, and put it there.
    pub only_bad: bool,
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

    /// Whether there is anything to do, where the run has this manifest.
    ///
    /// # Errors
    /// Another run's result without leave to replace it; nothing that was set aside where only that is to be done again.
    pub(crate) fn plan(&self, planned: &Manifest) -> Result<Plan> {
        if !self.only_bad {
            return artifact::plan(&self.out, planned, self.overwrite);
        }
        self.sharding.refuse("--only-bad does little work")?;
        let file = bad_rows::file_beside(&self.out);
        if !input::exists(&file) {
            return Err(
                Error::usage("nothing was set aside: --only-bad has nothing to do")
                    .file(file)
                    .hint("leave out --only-bad"),
            );
        }
        require_same_making(&self.out, planned)?;
        Ok(Plan::Write)
    }

    /// What is set aside of `total`, by the verb `tool`.
    pub(crate) fn bad_rows(&self, tool: &str, total: u64) -> BadRows {
        BadRows::beside(&self.out, self.max_bad, tool).of(total)
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

/// Requires that the artifact at `path` was made by this version with the model and the configuration of the run `planned`.
///
/// # Errors
/// When it was not, or does not say.
pub(crate) fn require_same_making(path: &Path, planned: &Manifest) -> Result<()> {
    let making = |made: &Manifest| {
        let model = made.inputs.get("model").cloned();
        (
            made.artifact.clone(),
            made.tool_version.clone(),
            made.config.clone(),
            model,
        )
    };
    match table::read_manifest(path)? {
        Some(made) if making(&made) == making(planned) => Ok(()),
        _ => Err(Error::usage(
            "it was made with another model, other words or templates, or by another version",
        )
        .file(path)
        .hint("nothing of it can be taken over: leave it out, and make all anew")),
    }
}
