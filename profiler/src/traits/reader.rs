//! Traits of prompts of one kind, relative to the subject left out.

use common::Result;

use crate::batch::{self, Effort, Means, Prompt};

/// What was read in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read {
    pub(super) traits: Vec<f32>,
    pub(super) confidence: f32,
}

/// What reads prompts of one kind.
pub(super) struct Reader<'a> {
    means: Means<'a>,
    beginning: String,
    words: &'a [i32],
    /// The answer to the prompt with the subject left out.
    neutral: Vec<f32>,
    pub(super) effort: Effort,
}

impl<'a> Reader<'a> {
    /// For prompts that begin with `beginning`; `neutral` is that with the subject left out.
    ///
    /// # Errors
    /// When it has no answer.
    pub(super) fn new(
        means: Means<'a>,
        beginning: String,
        neutral: String,
        words: &'a [i32],
    ) -> Result<Self> {
        let neutral = Prompt {
            subject: "the subject left out".into(),
            text: neutral,
        };
        let (rows, effort) = batch::log_probabilities(means, &beginning, &[neutral], words)?;
        let neutral = rows.into_iter().collect::<Result<Vec<_>>>()?.concat();
        Ok(Reader {
            means,
            beginning,
            words,
            neutral,
            effort,
        })
    }

    /// What all prompts begin with.
    pub(super) fn beginning(&self) -> &str {
        &self.beginning
    }

    /// Reads `prompts`; what is bad of one is an error of its own.
    ///
    /// # Errors
    /// As [`batch::log_probabilities`].
    pub(super) fn read(&mut self, prompts: &[Prompt]) -> Result<Vec<Result<Read>>> {
        let (rows, effort) = batch::log_probabilities(self.means, &self.beginning, prompts, self.words)?;
        self.effort += effort;
        Ok(rows
            .into_iter()
            .map(|row| row.map(|row| self.relative(&row)))
            .collect())
    }

    fn relative(&self, row: &[f32]) -> Read {
        Read {
            traits: relative(row, &self.neutral),
            confidence: mass(row),
        }
    }
}

fn relative(row: &[f32], neutral: &[f32]) -> Vec<f32> {
    row.iter()
        .zip(neutral)
        .map(|(with, without)| with - without)
        .collect()
}

/// How much of the model's probability is on trait words at all: near 0, it would have said something else.
fn mass(row: &[f32]) -> f32 {
    row.iter()
        .map(|&p| f64::from(p).exp())
        .sum::<f64>()
        .clamp(0.0, 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_are_relative_to_the_subject_left_out() {
        assert_eq!(relative(&[-1.0, -2.0], &[-3.0, -2.0]), [2.0, 0.0]);
        assert!((mass(&[-1.0, -2.0]) - ((-1_f32).exp() + (-2_f32).exp())).abs() < 1e-6);
    }
}
