//! One context at work: a prefix evaluated once, then units of prompts that continue it.

use common::{Error, Result};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use crate::model::{ContextSize, Model};

/// The sequence that holds the prefix; the prompts of a unit are sequences 1, 2, ...
const PREFIX: i32 = 0;

/// A context with the shared prefix in its cache.
pub(super) struct Engine<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    prefix: usize,
    capacity: usize,
}

impl<'m> Engine<'m> {
    /// Makes a context of `size` and evaluates `prefix` in it.
    pub(super) fn new(model: &'m Model, prefix: &[i32], size: ContextSize) -> Result<Self> {
        let capacity = size.batch as usize;
        let context = model.context(size)?;
        let mut engine = Engine {
            context,
            batch: LlamaBatch::new(capacity, 1),
            prefix: 0,
            capacity,
        };
        engine.evaluate(prefix, 0, PREFIX, false)?;
        engine.prefix = prefix.len();
        Ok(engine)
    }

    /// The log-probabilities of `words` as the token that follows the prefix and each of `prompts`.
    ///
    /// The cache holds the prefix alone before and after, in the same cells: a unit's result does not depend on
    /// the units before it.
    pub(super) fn run(&mut self, prompts: &[&[i32]], words: &[i32]) -> Result<Vec<Vec<f32>>> {
        if self.prefix > 0 {
            for sequence in 1..=prompts.len() {
                self.context
                    .kv_cache_seq_cp(PREFIX, sequence as i32, None, None)
                    .map_err(|e| failed(&e.to_string()))?;
            }
        }
        let together: usize = prompts.iter().map(|p| p.len()).sum();
        let answers = if together <= self.capacity {
            self.run_together(prompts, words)
        } else {
            prompts
                .iter()
                .zip(1..)
                .map(|(prompt, sequence)| self.run_alone(prompt, sequence, words))
                .collect()
        };
        for sequence in 1..=prompts.len() {
            self.context
                .clear_kv_cache_seq(Some(sequence as u32), None, None)
                .map_err(|e| failed(&e.to_string()))?;
        }
        answers
    }

    fn run_together(&mut self, prompts: &[&[i32]], words: &[i32]) -> Result<Vec<Vec<f32>>> {
        self.batch.clear();
        for (prompt, sequence) in prompts.iter().zip(1..) {
            self.add(prompt, self.prefix, sequence, true)?;
        }
        self.decode()?;
        let ends = prompts.iter().scan(0, |end, prompt| {
            *end += prompt.len();
            Some(*end - 1)
        });
        Ok(ends
            .map(|last| read(self.context.get_logits_ith(last as i32), words))
            .collect())
    }

    /// A prompt longer than a batch, evaluated piece by piece.
    fn run_alone(&mut self, prompt: &[i32], sequence: i32, words: &[i32]) -> Result<Vec<f32>> {
        let last = self.evaluate(prompt, self.prefix, sequence, true)?;
        Ok(read(self.context.get_logits_ith(last), words))
    }

    /// Evaluates `tokens` from position `start`; gives the index in the last batch of the last token.
    fn evaluate(&mut self, tokens: &[i32], start: usize, sequence: i32, logits: bool) -> Result<i32> {
        let mut done = 0;
        for piece in tokens.chunks(self.capacity) {
            self.batch.clear();
            let is_last = done + piece.len() == tokens.len();
            self.add(piece, start + done, sequence, logits && is_last)?;
            self.decode()?;
            done += piece.len();
        }
        Ok(self.batch.n_tokens() - 1)
    }

    fn add(&mut self, tokens: &[i32], start: usize, sequence: i32, logits_at_end: bool) -> Result<()> {
        for (offset, &token) in tokens.iter().enumerate() {
            let logits = logits_at_end && offset + 1 == tokens.len();
            self.batch
                .add(LlamaToken(token), (start + offset) as i32, &[sequence], logits)
                .map_err(|e| failed(&e.to_string()))?;
        }
        Ok(())
    }

    fn decode(&mut self) -> Result<()> {
        self.context
            .decode(&mut self.batch)
            .map_err(|e| failed(&e.to_string()))
    }
}

/// Log-softmax over the whole vocabulary, read at `words`.
fn read(logits: &[f32], words: &[i32]) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mass: f64 = logits.iter().map(|&logit| f64::from(logit - highest).exp()).sum();
    let normaliser = f64::from(highest) + mass.ln();
    words
        .iter()
        .map(|&word| (f64::from(logits[word as usize]) - normaliser) as f32)
        .collect()
}

fn failed(reason: &str) -> Error {
    Error::retry(format!("llama.cpp could not evaluate a batch: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_a_log_softmax_over_the_whole_vocabulary() {
        let logits = [1.0, 2.0, 3.0, -100.0];
        let all: f64 = read(&logits, &[0, 1, 2, 3])
            .iter()
            .map(|&p| f64::from(p).exp())
            .sum();
        assert!((all - 1.0).abs() < 1e-6);
        let expected = 2.0 - (1_f64.exp() + 2_f64.exp() + 3_f64.exp()).ln();
        assert!((f64::from(read(&logits, &[1])[0]) - expected).abs() < 1e-6);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let read = read(&[1e4, 0.0], &[0, 1]);
        assert_eq!(read[0], 0.0);
        assert!(read[1].is_finite());
    }
}
