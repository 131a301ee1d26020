//! llama.cpp used plainly: one context with all threads, one sequence from its start.

use common::Result;
use llama_cpp_2::token::LlamaToken;

use crate::model::{ContextSize, Model, Session};

/// Tokens of a batch, llama.cpp's own default.
pub(super) const BATCH: usize = 512;
/// Longer than any made-up prompt.
const LONGEST: usize = 4 * BATCH;

pub(super) struct Plain<'m>(Session<'m>);

impl<'m> Plain<'m> {
    pub(super) fn new(model: &'m Model, threads: usize) -> Result<Self> {
        let size = ContextSize {
            tokens: LONGEST as u32,
            batch: BATCH as u32,
            sequences: 2,
        };
        Session::new(model, size, 1, threads).map(Plain)
    }

    /// Forgets all and evaluates `tokens` as the beginning of what [`Plain::follow`] evaluates.
    pub(super) fn begin(&mut self, tokens: &[i32]) -> Result<()> {
        self.0.drop_all();
        self.0.prefill(tokens, 0, BATCH)
    }

    /// Evaluates a batch after the first `begun` tokens, reads nothing and forgets it.
    pub(super) fn follow(&mut self, begun: usize, batch: &[LlamaToken]) -> Result<()> {
        let session = &mut self.0;
        session.share(0, 1)?;
        session.begin();
        for (place, token) in (begun..).zip(batch) {
            session.add(token.0, place, &[1], false)?;
        }
        session.decode()?;
        session.drop_sequence(1)
    }

    /// Forgets all and evaluates `tokens`; hands the logits from place `read` on to `take`, one row after the other.
    pub(super) fn evaluate(
        &mut self,
        tokens: &[LlamaToken],
        read: usize,
        mut take: impl FnMut(&[f32]),
    ) -> Result<()> {
        let session = &mut self.0;
        session.drop_all();
        for (start, piece) in (0..).step_by(BATCH).zip(tokens.chunks(BATCH)) {
            session.begin();
            for (place, token) in (start..).zip(piece) {
                session.add(token.0, place, &[0], place >= read)?;
            }
            session.decode()?;
            for place in read.max(start)..start + piece.len() {
                take(session.logits((place - start) as i32));
            }
        }
        Ok(())
    }
}
