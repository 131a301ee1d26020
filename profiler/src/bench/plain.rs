//! llama.cpp used plainly: one context with all threads, one sequence from its start.

use common::{Error, Result};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use crate::model::{ContextSize, Model};

/// Tokens of a batch, llama.cpp's own default.
pub(super) const BATCH: usize = 512;
/// Longer than any made-up prompt.
const LONGEST: usize = 4 * BATCH;

pub(super) struct Plain<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
}

impl<'m> Plain<'m> {
    pub(super) fn new(model: &'m Model, threads: usize) -> Result<Self> {
        let size = ContextSize {
            tokens: LONGEST as u32,
            batch: BATCH as u32,
            sequences: 1,
        };
        Ok(Plain {
            context: model.context_with_threads(size, threads as i32)?,
            batch: LlamaBatch::new(BATCH, 1),
        })
    }

    /// Forgets all and evaluates `tokens`; hands the logits from place `read` on to `take`, one row after the other.
    pub(super) fn evaluate(
        &mut self,
        tokens: &[LlamaToken],
        read: usize,
        mut take: impl FnMut(&[f32]),
    ) -> Result<()> {
        self.context.clear_kv_cache();
        for (start, piece) in (0..).step_by(BATCH).zip(tokens.chunks(BATCH)) {
            self.batch.clear();
            for (place, &token) in (start..).zip(piece) {
                self.batch
                    .add(token, place as i32, &[0], place >= read)
                    .map_err(|e| failed(&e.to_string()))?;
            }
            self.context
                .decode(&mut self.batch)
                .map_err(|e| failed(&e.to_string()))?;
            for place in read.max(start)..start + piece.len() {
                take(self.context.get_logits_ith((place - start) as i32));
            }
        }
        Ok(())
    }
}

fn failed(reason: &str) -> Error {
    Error::retry(format!("llama.cpp could not evaluate a batch: {reason}"))
}
