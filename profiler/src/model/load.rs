//! Loading a model into llama.cpp, and the contexts that evaluate it.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use common::fingerprint::Fingerprint;
use common::{Error, Result};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::{LlamaBackendDeviceType, list_llama_ggml_backend_devices};

use super::foreign;
use super::header::Header;

/// Architectures whose answer is not a next token.
const NO_NEXT_TOKEN: [&str; 2] = ["t5", "bert"];

/// A loaded language model; shared by all workers, each with its own context.
pub struct Model {
    pub(super) inner: LlamaModel,
    fingerprint: Fingerprint,
    name: String,
    /// Held while a context is made: llama.cpp writes to the model then.
    making: Mutex<()>,
}

/// The size of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContextSize {
    /// Tokens that all sequences hold together.
    pub(crate) tokens: u32,
    /// Tokens evaluated at once.
    pub(crate) batch: u32,
    /// Sequences.
    pub(crate) sequences: u32,
}

impl Model {
    /// Loads the GGUF at `path`, with `gpu_layers` of its layers on a GPU where the build has one.
    ///
    /// # Errors
    /// When the file is damaged, llama.cpp cannot load it, or it is not of a kind that shares prefixes and
    /// predicts a next token.
    pub fn load(path: &Path, gpu_layers: u32) -> Result<Model> {
        let header = Header::read(path)?;
        if NO_NEXT_TOKEN
            .iter()
            .any(|kind| header.architecture().contains(kind))
        {
            return Err(unfit(
                path,
                &format!("`{}` does not predict a next token", header.architecture()),
            ));
        }
        let fingerprint = Fingerprint::of_file(path)?;
        foreign::catch_failures(path);
        foreign::take_failure();
        let backend = backend()?;
        let mut parameters = LlamaModelParams::default().with_n_gpu_layers(gpu_layers);
        if gpu_layers > 0 {
            require_gpu()?;
        } else {
            // Else a build that knows GPUs would use one for large batches.
            parameters = parameters
                .with_devices(&[])
                .map_err(|e| Error::retry(format!("llama.cpp cannot keep to the CPU: {e}")))?;
        }
        let inner = LlamaModel::load_from_file(backend, path, &parameters).map_err(|error| {
            let reason = foreign::take_failure().unwrap_or_else(|| error.to_string());
            Error::data(format!("llama.cpp cannot load the model: {reason}"))
                .file(path)
                .hint("the architecture may be newer than this build's llama.cpp, or the file damaged")
        })?;
        if inner.is_recurrent() || inner.is_hybrid() {
            return Err(unfit(
                path,
                "a recurrent model keeps one running state, which cannot be cut back to a prefix",
            ));
        }
        let name = header.texts.get("general.name").cloned().unwrap_or_default();
        Ok(Model {
            inner,
            fingerprint,
            name,
            making: Mutex::new(()),
        })
    }

    /// The content fingerprint of the model file.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The model's name by its own metadata, else `the model`.
    pub fn title(&self) -> &str {
        if self.name.is_empty() {
            "the model"
        } else {
            &self.name
        }
    }

    /// The longest text, in tokens, that the model was trained for.
    pub fn window(&self) -> usize {
        self.inner.n_ctx_train() as usize
    }

    /// `text` as tokens, without any that mark a beginning or an end; what looks like such a mark in the text
    /// is taken as plain text, so that data cannot play the role of the template.
    pub fn tokens(&self, text: &str) -> Vec<LlamaToken> {
        self.inner.vocab().tokenize(text.as_bytes(), false, false)
    }

    /// How many tokens the model knows: 0 up to this number.
    pub fn vocabulary(&self) -> i32 {
        self.inner.n_vocab()
    }

    /// The text of one token, its space before it included; what is part of a character only is shown as such.
    pub fn text(&self, token: i32) -> String {
        let piece = self.inner.vocab().token_to_piece(LlamaToken(token), true, None);
        String::from_utf8_lossy(&piece).into_owned()
    }

    /// `text` as the tokens with which it would go on after another text.
    pub fn continuation(&self, text: &str) -> Vec<LlamaToken> {
        // Some tokenisers put a space before every text of their own accord: take it after a text.
        let before = self.tokens("A").len();
        let mut tokens = self.tokens(&format!("A{text}"));
        tokens.drain(..before.min(tokens.len()));
        tokens
    }

    /// The tokens that stand before every text: a beginning-of-sequence mark where the model wants one.
    pub fn beginning(&self) -> Vec<LlamaToken> {
        let vocab = self.inner.vocab();
        if vocab.should_add_bos() {
            vec![vocab.bos()]
        } else {
            Vec::new()
        }
    }

    /// A context of `threads` threads.
    pub(super) fn context(&self, size: ContextSize, threads: i32) -> Result<LlamaContext<'_>> {
        let parameters = parameters(size, threads);
        let _making = self
            .making
            .lock()
            .map_err(|_| Error::retry("a worker stopped while making a context"))?;
        self.inner.new_context(backend()?, parameters).map_err(|error| {
            let reason = foreign::take_failure().unwrap_or_else(|| error.to_string());
            Error::retry(format!(
                "llama.cpp cannot make a context of {} tokens: {reason}",
                size.tokens
            ))
            .hint("fewer --workers need less memory")
        })
    }
}

fn parameters(size: ContextSize, threads: i32) -> LlamaContextParams {
    LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(size.tokens))
        .with_n_batch(size.batch)
        .with_n_ubatch(size.batch)
        .with_n_seq_max(size.sequences)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_no_perf(true)
        .with_swa_full(true)
        // One pool of cells for all sequences: copying a prefix is then a matter of marking cells.
        .with_kv_unified(true)
}

/// llama.cpp's process-wide state, which can be made but once: whoever calls llama.cpp beside [`Model`] takes it from here.
///
/// # Errors
/// When llama.cpp does not start.
pub fn backend() -> Result<&'static LlamaBackend> {
    static BACKEND: OnceLock<Result<LlamaBackend>> = OnceLock::new();
    BACKEND
        .get_or_init(|| {
            #[cfg(feature = "dynamic-backends")]
            load_kernels()?;
            LlamaBackend::init().map_err(|e| Error::retry(format!("llama.cpp does not start: {e}")))
        })
        .as_ref()
        .map_err(Clone::clone)
}

/// Loads the kernels that fit this CPU best: from `libexec/headstart` beside the binary's folder, where `scripts/dist` puts
/// them, else from where the build left them.
#[cfg(feature = "dynamic-backends")]
fn load_kernels() -> Result<()> {
    use llama_cpp_2::llama_backend::{load_backends, load_backends_from_path};
    let binary = std::env::current_exe()
        .map_err(|e| Error::retry(format!("where profiler's binary stands is not to be had: {e}")))?;
    let prefix = binary.parent().and_then(Path::parent).unwrap_or(&binary);
    let installed = prefix.join("libexec/headstart");
    match installed.to_str() {
        Some(_) if installed.is_dir() => load_backends_from_path(&installed),
        Some(_) => load_backends(),
        None => {
            return Err(
                Error::usage("llama.cpp takes its kernels from a folder whose name is UTF-8 alone")
                    .file(&installed),
            );
        }
    }
    if list_llama_ggml_backend_devices().is_empty() {
        return Err(Error::usage("llama.cpp's kernels for this CPU are missing")
            .file(&installed)
            .hint("libggml-cpu-*.so belong there: install profiler whole, from its tarball or its wheel"));
    }
    Ok(())
}

/// # Errors
/// When layers are wanted on a GPU, and llama.cpp has none.
fn require_gpu() -> Result<()> {
    use LlamaBackendDeviceType::{Gpu, IntegratedGpu};
    let devices = list_llama_ggml_backend_devices();
    if devices
        .iter()
        .any(|device| matches!(device.device_type, Gpu | IntegratedGpu))
    {
        return Ok(());
    }
    Err(Error::usage("--gpu-layers: there is no GPU that this build of profiler can use")
        .hint("build it with the feature `cuda` or `vulkan`, on a machine whose driver runs, or leave --gpu-layers out"))
}

fn unfit(path: &Path, why: &str) -> Error {
    Error::usage(format!("this model cannot be used: {why}"))
        .file(path)
        .hint("take a decoder-only transformer, such as SmolLM2, Qwen2.5 or Llama")
}
