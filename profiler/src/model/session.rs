//! A context of a model and the batch that is evaluated in it next.

use common::{Error, Result};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use super::{ContextSize, Model};

/// A context and a batch, with llama.cpp's failures as ours.
pub(crate) struct Session<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
}

impl<'m> Session<'m> {
    /// A context of `threads` threads, and a batch of its size in which a token belongs to at most `sequences` sequences. With one
    /// thread results do not depend on how many contexts run side by side; with several they may depend on the number of threads.
    pub(crate) fn new(model: &'m Model, size: ContextSize, sequences: u32, threads: usize) -> Result<Self> {
        Ok(Session {
            context: model.context(size, threads as i32)?,
            batch: LlamaBatch::new(size.batch as usize, sequences as i32),
        })
    }

    /// Empties the batch.
    pub(crate) fn begin(&mut self) {
        self.batch.clear();
    }

    /// Tokens in the batch, and so the row of the next.
    pub(crate) fn tokens(&self) -> i32 {
        self.batch.n_tokens()
    }

    /// Adds a token to the batch.
    pub(crate) fn add(&mut self, token: i32, position: usize, sequences: &[i32], logits: bool) -> Result<()> {
        self.batch
            .add(LlamaToken(token), position as i32, sequences, logits)
            .map_err(|e| failed(&e.to_string()))
    }

    /// Evaluates the batch.
    pub(crate) fn decode(&mut self) -> Result<()> {
        self.context
            .decode(&mut self.batch)
            .map_err(|e| failed(&e.to_string()))
    }

    /// Evaluates `tokens` from position 0 on in `sequence`, batch after batch, and reads nothing.
    pub(crate) fn prefill(&mut self, tokens: &[i32], sequence: i32, batch: usize) -> Result<()> {
        for (start, piece) in (0..).step_by(batch).zip(tokens.chunks(batch)) {
            self.begin();
            for (position, &token) in (start..).zip(piece) {
                self.add(token, position, &[sequence], false)?;
            }
            self.decode()?;
        }
        Ok(())
    }

    /// The logits of a row of the last batch.
    pub(crate) fn logits(&self, row: i32) -> &[f32] {
        self.context.get_logits_ith(row)
    }

    /// Makes what sequence `from` holds the beginning of `to`; marks cells, copies nothing.
    pub(crate) fn share(&mut self, from: i32, to: i32) -> Result<()> {
        self.context
            .kv_cache_seq_cp(from, to, None, None)
            .map_err(|e| failed(&e.to_string()))
    }

    /// Drops what `sequence` holds that is no other sequence's too.
    pub(crate) fn drop_sequence(&mut self, sequence: i32) -> Result<()> {
        self.context
            .clear_kv_cache_seq(Some(sequence as u32), None, None)
            .map(|_| ())
            .map_err(|e| failed(&e.to_string()))
    }

    /// Drops all.
    pub(crate) fn drop_all(&mut self) {
        self.context.clear_kv_cache();
    }
}

fn failed(reason: &str) -> Error {
    Error::retry(format!("llama.cpp could not evaluate a batch: {reason}"))
}
